//! Watches what goes over HTTP. What may not be seen is masked before it is noted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use humanapi_client::Transport;
use humanapi_core::http::header::{AUTHORIZATION, CONTENT_TYPE};
use humanapi_core::http::{Method, StatusCode};
use humanapi_core::{Request, Response, SendFailure};

use crate::demo::visible::Visible;
use crate::output::mask;

/// A transport that notes every request and its answer.
#[derive(Clone)]
pub(crate) struct Recorder {
    stack: Arc<dyn Transport>,
    notes: Arc<Mutex<Vec<Exchange>>>,
}

/// One request and its answer, without anything that is secret.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) is_authorized: bool,
    pub(crate) sent: Option<Visible>,
    pub(crate) took: Duration,
    /// Nothing when no answer came.
    pub(crate) answer: Option<TracedResponse>,
}

pub(crate) struct TracedResponse {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Visible>,
    /// Said in place of a body that is no JSON.
    pub(crate) form: String,
}

impl Recorder {
    pub(crate) fn new(stack: Box<dyn Transport>) -> Self {
        Self {
            stack: stack.into(),
            notes: Arc::default(),
        }
    }

    /// The exchanges since the last call.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let method = request.method().clone();
        let target = mask::target(request.uri());
        let is_authorized = request.headers().contains_key(AUTHORIZATION);
        let sent = Visible::read(request.body().as_bytes());
        let begun = Instant::now();
        let outcome = self.stack.send(request, timeout).await;
        self.lock().push(Exchange {
            method,
            target,
            is_authorized,
            sent,
            took: begun.elapsed(),
            answer: outcome.as_ref().ok().map(answer),
        });
        outcome
    }
}

fn answer(response: &Response) -> TracedResponse {
    let bytes = response.body().as_bytes();
    let is_html = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let what = if is_html { "a page of " } else { "" };
    TracedResponse {
        status: response.status(),
        body: Visible::read(bytes),
        form: format!("{what}{} bytes", bytes.len()),
    }
}
