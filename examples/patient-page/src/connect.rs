//! All that this app does to have Connect. The rest is pages and sign-in.

use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse as _, Response};
use humanapi::axum::{AppUser, Connect, ConnectBuilder, SignedIn};
use humanapi::{ClientUserId, client::Client};

use crate::records::{Records, Shared};
use crate::session::Sessions;

/// Puts Connect together: who asks, who is signed in, where users come back to.
pub fn connect(client: Client, sessions: Sessions, origin: &str) -> ConnectBuilder {
    Connect::builder(client, sessions, origin)
        .callback(format!("{origin}/connect/callback"))
        .return_to("/me")
}

/// Connect asks the app's own sessions who is there.
impl SignedIn for Sessions {
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
        let person = self.person(&parts.headers);
        let person = person.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
        Ok(AppUser::from(person.id).with_email(person.email))
    }
}

/// What the patient has shared, if anything is connected.
pub(crate) async fn shared(connect: &Connect, id: &ClientUserId) -> Shared {
    connect.read(id, Records::read).await
}
