//! The peers in Rust.

use std::hint::black_box;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use humanapi_benchkit::Caller;
use humanapi_benchkit::exchange::{
    CLIENT_ID, CLIENT_SECRET, PATH, USER, usual_answer, usual_request,
};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth2::basic::BasicClient;
use oauth2::{AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, TokenUrl};

/// hyper's pooling client, with the request written and the answer read the usual way.
#[derive(Clone)]
pub struct Hyper {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Caller for Hyper {
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

type TokenClient =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// oauth2 with the client that it recommends. It sends the same four fields, as a form.
#[derive(Clone)]
pub struct OAuth2 {
    tokens: TokenClient,
    stack: reqwest::Client,
}

impl Caller for OAuth2 {
    fn new(url: &str) -> anyhow::Result<Self> {
        let tokens = BasicClient::new(ClientId::new(CLIENT_ID.to_owned()))
            .set_client_secret(ClientSecret::new(CLIENT_SECRET.to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::new(format!("{url}{PATH}"))?);
        let stack = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(30))
            .build()?;
        Ok(Self { tokens, stack })
    }

    async fn call(&self) -> anyhow::Result<()> {
        let answer = self
            .tokens
            .exchange_client_credentials()
            .add_extra_param("client_user_id", USER)
            .add_extra_param("type", "access")
            .request_async(&self.stack)
            .await?;
        black_box(answer);
        Ok(())
    }
}
