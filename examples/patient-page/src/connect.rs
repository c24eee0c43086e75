//! All that this app does to have Connect. The rest is pages and sign-in.

use async_trait::async_trait;
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse as _, Response};
use humanapi_axum::client::{Client, Error, Transport, User};
use humanapi_axum::core::{Credentials, Hosts, Provisioning, data::Activity, data::Record};
use humanapi_axum::{AppUser, Connect, SetupError, SignedIn, UserDirectory};

use crate::session::Sessions;

/// Puts Connect together: who asks, who is signed in, where users come back to.
pub fn connect(
    credentials: Credentials,
    hosts: Hosts,
    transport: impl Transport + 'static,
    sessions: Sessions,
    directory: impl UserDirectory + 'static,
    origin: &str,
) -> Result<Connect, SetupError> {
    let client = Client::builder(credentials, Provisioning::Connect, transport);
    Connect::builder(client.hosts(hosts).build(), sessions, origin)
        .directory(directory)
        .callback(format!("{origin}/connect/callback"))
        .return_to("/me")
        .build()
}

/// Connect asks the app's own sessions who is there.
#[async_trait]
impl SignedIn for Sessions {
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
        let person = self.person(&parts.headers);
        let person = person.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
        let user = AppUser::new(&person.id).map_err(|_| StatusCode::FORBIDDEN.into_response())?;
        Ok(user.with_email(&*person.email))
    }
}

/// The latest activities. The client gets the access token, and renews it.
pub async fn activities(user: &User) -> Result<Vec<Record<Activity>>, Error> {
    Ok(user.data().activities().send().await?.items)
}
