//! A token broker with many tokens at hand.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET};
use humanapi_client::core::{
    ClientId, ClientUserId, Credentials, Provisioning, Request, Response, SendFailure, TokenKey,
};
use humanapi_client::{TokenBroker, Transport};

/// The token that is at hand for everybody. With a user's id it makes the 132 bytes for which goals are set.
pub(crate) const TOKEN: &str = concat!(
    "fYx0n3vQe1RmZ8tKc5LdWj7hUa2oSbPiG4kN6wXqT9Mq3Jr8ZcV1mXk5Ls0Tn7Wb2Yd9Gf4Ha6UePoIuRtEwQ",
    "b5d0a7c2e94f4f1c8a6e3d7b9c0f12a4"
);

/// Answers every request with the token, at once.
struct AtOnce;

#[async_trait]
impl Transport for AtOnce {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        let answer = format!(r#"{{"access_token":"{TOKEN}","expires_in":86400}}"#);
        Ok(Response::new(Bytes::from(answer).into()))
    }
}

/// The id of a user by number.
pub(crate) fn user(number: u32) -> String {
    format!("patient-{number:07}")
}

/// The key of a user by number. It shares the application's id with all others, as an application's keys do.
pub(crate) fn key(app: &ClientId, number: u32) -> anyhow::Result<TokenKey> {
    Ok(TokenKey::access(
        app.clone(),
        ClientUserId::new(user(number))?,
    ))
}

/// A broker that has exchanged so many tokens, and has room for no more.
pub(crate) fn full_broker(tokens: u32) -> anyhow::Result<TokenBroker> {
    let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
    let broker = TokenBroker::builder(credentials, Provisioning::Connect, AtOnce)
        .capacity(usize::try_from(tokens)?)
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        for number in 0..tokens {
            let key = key(broker.client_id(), number)?;
            broker.token(&key).await.map_err(anyhow::Error::msg)?;
        }
        anyhow::Ok(())
    })?;
    anyhow::ensure!(broker.len() == usize::try_from(tokens)?, "one was given up");
    let key = key(broker.client_id(), 0)?;
    let first = broker.try_token(&key).context("it is at hand")?;
    anyhow::ensure!(first.expose_secret() == TOKEN);
    anyhow::ensure!(user(0).len() + TOKEN.len() == 132);
    drop(first);
    Ok(broker)
}
