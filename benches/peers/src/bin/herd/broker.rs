//! Human API's token broker.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET, USER};
use humanapi_client::core::{
    ClientUserId, Credentials, Provisioning, Request, Response, RetryPolicy, SendFailure,
    SendFailureKind, TokenKey,
};
use humanapi_client::{TokenBroker, Transport};

use crate::Cache;
use crate::service::Service;

#[derive(Clone)]
pub struct Broker(TokenBroker);

impl Broker {
    fn key(&self) -> anyhow::Result<TokenKey> {
        let app = self.0.client_id().clone();
        Ok(TokenKey::access(app, ClientUserId::new(USER)?))
    }
}

impl Cache for Broker {
    const NAME: &'static str = "humanapi-client, TokenBroker";
    // It renews in the last tenth of a life, so most of this one has to pass.
    const LIFE_OF_DUE: Duration = Duration::from_secs(3_600);

    fn new(service: Service) -> anyhow::Result<Self> {
        let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
        let builder = TokenBroker::builder(credentials, Provisioning::Connect, service);
        Ok(Self(builder.retry(RetryPolicy::none()).build()))
    }

    async fn take(&self) -> anyhow::Result<()> {
        let key = self.key()?;
        self.0.token(&key).await.map_err(anyhow::Error::msg)?;
        Ok(())
    }
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        if let Some(life) = self.exchange().await {
            let seconds = life.as_secs();
            let answer = format!(r#"{{"access_token":"t","expires_in":{seconds}}}"#);
            Ok(Response::new(Bytes::from(answer).into()))
        } else {
            Err(SendFailure::new(SendFailureKind::Lost))
        }
    }
}
