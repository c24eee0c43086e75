//! One token call over loopback: through this crate, and through the same hyper client by hand.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{
    CLIENT_ID, CLIENT_SECRET, PATH, USER, usual_answer, usual_request,
};
use humanapi_client::{Client, TokenSource, TokioRuntime, drive};
use humanapi_core::auth::IssueAccessToken;
use humanapi_core::flow::Call;
use humanapi_core::{
    Bearer, BuildError, ClientUserId, Credentials, FlowError, Generation, Hosts, Provisioning,
    RetryPolicy, TokenKey,
};
use humanapi_hyper::HyperTransport;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// By the client, as an application does it.
#[derive(Clone)]
pub(crate) struct ByClient(Client);

impl Caller for ByClient {
    fn new(url: &str) -> anyhow::Result<Self> {
        let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
        let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
            .hosts(Hosts::single(url)?)
            .build();
        Ok(Self(client))
    }

    async fn call(&self) -> anyhow::Result<()> {
        let issued = self.0.user(USER).access_token().send().await?;
        black_box(issued);
        Ok(())
    }
}

/// By the loop alone, as somebody does it who brings a client of their own.
#[derive(Clone)]
pub(crate) struct ByDrive {
    credentials: Credentials,
    hosts: Hosts,
    transport: HyperTransport,
    runtime: TokioRuntime,
}

impl Caller for ByDrive {
    fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            credentials: Credentials::new(CLIENT_ID, CLIENT_SECRET)?,
            hosts: Hosts::single(url)?,
            transport: HyperTransport::new(),
            runtime: TokioRuntime::new(),
        })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let user = ClientUserId::new(USER)?;
        let endpoint = IssueAccessToken::new(self.credentials.clone(), Provisioning::Connect, user);
        let mut call = Call::new(endpoint, self.hosts.clone(), RetryPolicy::default());
        let issued = drive(&mut call, &self.transport, &NoTokens, &self.runtime).await?;
        black_box(issued);
        Ok(())
    }
}

/// A token call is authorized by no token.
struct NoTokens;

impl TokenSource for NoTokens {
    fn token<'a, 'b, 'c>(
        &'a self,
        _: &'b TokenKey,
        _: Option<Generation>,
    ) -> Pin<Box<dyn Future<Output = Result<Bearer, Arc<FlowError>>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async { Err(Arc::new(BuildError::NoTokenSource.into())) })
    }
}

/// By hand: the request written and the answer read the usual way.
#[derive(Clone)]
pub(crate) struct ByHand {
    client: HyperClient<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Caller for ByHand {
    fn new(url: &str) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            client: HyperClient::builder(TokioExecutor::new()).build(connector),
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
pub(crate) struct ByHandInTime(ByHand);

impl Caller for ByHandInTime {
    fn new(url: &str) -> anyhow::Result<Self> {
        ByHand::new(url).map(Self)
    }

    async fn call(&self) -> anyhow::Result<()> {
        tokio::time::timeout(Duration::from_secs(30), self.0.call()).await?
    }
}
