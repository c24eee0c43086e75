//! One token call over loopback: through this crate, and through the same reqwest by hand.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{
    AGENT, CLIENT_ID, CLIENT_SECRET, PATH, TokenRequest, USER, usual_answer,
};
use humanapi_client::{Client, TokenSource, TokioRuntime, drive};
use humanapi_core::auth::IssueAccessToken;
use humanapi_core::flow::Call;
use humanapi_core::{
    Bearer, BuildError, ClientUserId, Credentials, FlowError, Generation, Hosts, Provisioning,
    RetryPolicy, TokenKey,
};
use humanapi_reqwest::ReqwestTransport;

/// By the client, as an application does it.
#[derive(Clone)]
pub(crate) struct ByClient(Client);

impl Caller for ByClient {
    fn new(url: &str) -> anyhow::Result<Self> {
        let credentials = Credentials::new(CLIENT_ID, CLIENT_SECRET)?;
        let client = Client::builder(credentials, Provisioning::Connect, ReqwestTransport::new())
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
    transport: ReqwestTransport,
    runtime: TokioRuntime,
}

impl Caller for ByDrive {
    fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            credentials: Credentials::new(CLIENT_ID, CLIENT_SECRET)?,
            hosts: Hosts::single(url)?,
            transport: ReqwestTransport::new(),
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

/// By hand: the request written and the answer read the usual way, with the time limit that reqwest offers.
#[derive(Clone)]
pub(crate) struct ByHand {
    client: reqwest::Client,
    url: String,
}

impl Caller for ByHand {
    fn new(url: &str) -> anyhow::Result<Self> {
        // reqwest wants to know whom to trust even where nothing is encrypted.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            client,
            url: format!("{url}{PATH}"),
        })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let response = self
            .client
            .post(&self.url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .body(serde_json::to_vec(&TokenRequest::access())?)
            .send()
            .await?;
        ensure!(response.status().is_success(), "refused");
        black_box(usual_answer(&response.bytes().await?)?);
        Ok(())
    }
}
