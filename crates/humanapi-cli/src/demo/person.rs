//! The person in front of Connect: does over HTTP what a browser would.

use std::time::Duration;

use humanapi_client::Transport as _;
use humanapi_core::connect::LaunchUrl;
use humanapi_core::http::header::{ACCEPT, CONTENT_TYPE};
use humanapi_core::http::{self, Method};
use humanapi_core::{Body, ConnectToken, Request, Response, SendFailure};
use humanapi_sandbox::Source;
use serde_json::json;

use crate::demo::trace::Recorder;
use crate::exit::Failure;

/// A person with a browser that has opened Connect.
pub(crate) struct Person<'a> {
    browser: &'a Recorder,
    sandbox: &'a str,
    token: &'a ConnectToken,
}

impl<'a> Person<'a> {
    pub(crate) const fn new(
        browser: &'a Recorder,
        sandbox: &'a str,
        token: &'a ConnectToken,
    ) -> Self {
        Self {
            browser,
            sandbox,
            token,
        }
    }

    /// Loads the page.
    pub(crate) async fn open(&self, url: &LaunchUrl) -> Result<(), Failure> {
        let request = http::Request::get(url.expose_secret()).header(ACCEPT, "text/html");
        self.send(request.body(Body::empty())).await?;
        Ok(())
    }

    /// Presses *Connect* beside a source.
    pub(crate) async fn connect(&self, source: &Source) -> Result<(), Failure> {
        let fields = json!({ "token": self.token.expose_secret(), "action": "connect" });
        self.press(&format!("/connect/sources/{}", source.id), &fields)
            .await?;
        Ok(())
    }

    /// Presses *Done*, and hands over the message that Connect sends to the app's page.
    pub(crate) async fn leave(&self) -> Result<Vec<u8>, Failure> {
        let fields = json!({ "token": self.token.expose_secret() });
        let response = self.press("/connect/done", &fields).await?;
        Ok(response.body().as_bytes().to_vec())
    }

    async fn press(&self, path: &str, fields: &serde_json::Value) -> Result<Response, Failure> {
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.sandbox))
            .header(CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(fields.to_string().into_bytes())))
            .await
    }

    async fn send(&self, request: Result<Request, http::Error>) -> Result<Response, Failure> {
        let lost =
            |error: &dyn std::fmt::Display| Failure::here("the browser's part failed", error);
        let request = request.map_err(|error| lost(&error))?;
        let response = self
            .browser
            .send(request, PATIENCE)
            .await
            .map_err(|error: SendFailure| lost(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(lost(&format!("status {}", response.status().as_u16())))
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
