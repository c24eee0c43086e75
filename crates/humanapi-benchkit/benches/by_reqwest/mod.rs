//! The same token call through the same reqwest by hand.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{AGENT, PATH, TokenRequest, usual_answer};

/// By hand: the request written and the answer read the usual way, with the time limit that reqwest offers.
#[derive(Clone)]
pub(crate) struct ByReqwest {
    client: reqwest::Client,
    url: String,
}

impl Caller for ByReqwest {
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
