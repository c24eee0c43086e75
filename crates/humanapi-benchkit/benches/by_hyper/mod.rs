//! The same token call through the same hyper client by hand.

use std::hint::black_box;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{PATH, usual_answer, usual_request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// By hand: the request written and the answer read the usual way.
#[derive(Clone)]
pub(crate) struct ByHyper {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Caller for ByHyper {
    fn new(url: &str) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url: format!("{url}{PATH}"),
        })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let request = usual_request(&self.url)?.map(Full::new);
        let response = self.client.request(request).await?;
        ensure!(response.status().is_success(), "refused");
        let body = response.into_body().collect().await?.to_bytes();
        black_box(usual_answer(&body)?);
        Ok(())
    }
}

/// By hand with the time limit that this client does not have by itself and that every call of the SDK has.
#[derive(Clone)]
pub(crate) struct ByHyperInTime(ByHyper);

impl Caller for ByHyperInTime {
    fn new(url: &str) -> anyhow::Result<Self> {
        ByHyper::new(url).map(Self)
    }

    async fn call(&self) -> anyhow::Result<()> {
        tokio::time::timeout(Duration::from_secs(30), self.0.call()).await?
    }
}
