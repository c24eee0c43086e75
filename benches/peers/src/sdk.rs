//! The SDK's client over both of its transports.

use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{CLIENT_ID, CLIENT_SECRET, USER};
use humanapi_client::{Client, Transport};
use humanapi_core::{Credentials, Hosts, Provisioning};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;

fn client(url: &str, transport: impl Transport + 'static) -> anyhow::Result<Client> {
    let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
    Ok(
        Client::builder(credentials, Provisioning::Connect, transport)
            .hosts(Hosts::single(url)?)
            .build(),
    )
}

async fn call(client: &Client) -> anyhow::Result<()> {
    client.user(USER).access_token().await?;
    Ok(())
}

#[derive(Clone)]
pub struct OverHyper(Client);

impl Caller for OverHyper {
    fn new(url: &str) -> anyhow::Result<Self> {
        client(url, HyperTransport::new()).map(Self)
    }

    async fn call(&self) -> anyhow::Result<()> {
        call(&self.0).await
    }
}

#[derive(Clone)]
pub struct OverReqwest(Client);

impl Caller for OverReqwest {
    fn new(url: &str) -> anyhow::Result<Self> {
        client(url, ReqwestTransport::new()).map(Self)
    }

    async fn call(&self) -> anyhow::Result<()> {
        call(&self.0).await
    }
}
