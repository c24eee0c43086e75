//! A token broker with many tokens at hand.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use humanapi_benchkit::exchange::{ACCESS, CLIENT_ID, CLIENT_SECRET};
use humanapi_client::core::{
    ClientId, ClientUserId, Credentials, Provisioning, Request, Response, SendFailure, TokenKey,
};
use humanapi_client::{TokenBroker, Transport};

/// Answers every request with an access token, at once.
struct AtOnce;

#[async_trait]
impl Transport for AtOnce {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        Ok(Response::new(Bytes::from_static(ACCESS.as_bytes()).into()))
    }
}

/// The key of a user by number.
pub(crate) fn key(number: u32) -> anyhow::Result<TokenKey> {
    let user = ClientUserId::new(format!("patient-{number:07}"))?;
    Ok(TokenKey::access(ClientId::new(CLIENT_ID)?, user))
}

/// A broker that has exchanged so many tokens.
pub(crate) fn broker(tokens: u32) -> anyhow::Result<TokenBroker> {
    let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
    let broker = TokenBroker::new(credentials, Provisioning::Connect, AtOnce);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for number in 0..tokens {
            broker
                .token(&key(number)?)
                .await
                .map_err(anyhow::Error::msg)?;
        }
        anyhow::Ok(())
    })?;
    let first = broker.try_token(&key(0)?).context("it is at hand")?;
    anyhow::ensure!(ACCESS.contains(first.expose_secret()));
    drop(first);
    Ok(broker)
}
