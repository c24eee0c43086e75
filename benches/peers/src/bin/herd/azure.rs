//! The cache of tokens that Azure's credentials have.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential as _;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET};

use crate::service::Service;
use crate::{Cache, LEFT_WHEN_DUE};

#[derive(Clone)]
pub struct Azure(Arc<ClientSecretCredential>);

impl Cache for Azure {
    const NAME: &'static str = "azure_identity, ClientSecretCredential";
    // Those who wait for its lock wake each other on and on, so time that stands still while anybody works never moves.
    const CAN_STAND_STILL: bool = false;
    // It goes by the wall clock, which cannot be moved.
    const LIFE_OF_DUE: Duration = LEFT_WHEN_DUE;

    fn new(service: Service) -> anyhow::Result<Self> {
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(service))),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let options = ClientSecretCredentialOptions { client_options };
        let secret = CLIENT_SECRET.into();
        let credential =
            ClientSecretCredential::new("tenant", CLIENT_ID.to_owned(), secret, Some(options))?;
        Ok(Self(credential))
    }

    async fn take(&self) -> anyhow::Result<()> {
        self.0.get_token(&["scope"], None).await?;
        Ok(())
    }
}

#[async_trait]
impl HttpClient for Service {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        if let Some(life) = self.exchange().await {
            let seconds = life.as_secs();
            let answer =
                format!(r#"{{"token_type":"Bearer","expires_in":{seconds},"access_token":"t"}}"#);
            let none = Headers::new();
            Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, none, answer))
        } else {
            let kind = ErrorKind::Io;
            Err(azure_core::Error::with_message(kind, "the service is down"))
        }
    }
}
