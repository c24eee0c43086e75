//! What is kept of an answer that is no success, whoever gave it.

use std::fmt;

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::{Map, Value};

use crate::message::{REQUEST_ID, Response};
use crate::retry::RetryAfter;

/// An answer that is no success: what both [`ApiError`](crate::ApiError) and
/// [`IntermediaryError`](crate::IntermediaryError) keep of it, which deref to it.
///
/// `Debug` shows the status and the request id.
#[derive(Clone)]
pub struct FailedResponse {
    status: StatusCode,
    request_id: Option<String>,
    retry_after: Option<RetryAfter>,
    body: Vec<u8>,
}

impl FailedResponse {
    /// Keeps what `response` says. `fields` are those of its body, where they can be believed.
    pub(super) fn read(response: &Response, fields: &Map<String, Value>) -> Self {
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let in_body = fields.get(REQUEST_ID).and_then(Value::as_str);
        let body = response.body().as_bytes();
        Self {
            status: response.status(),
            request_id: in_body.or_else(|| header(REQUEST_ID)).map(str::to_owned),
            retry_after: header(RETRY_AFTER.as_str()).and_then(RetryAfter::parse),
            body: body[..body.len().min(KEPT)].to_vec(),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The id under which the vendor's support finds the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long the answer asks to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<RetryAfter> {
        self.retry_after
    }

    /// The first 8 KiB of the answer as they came. They can hold anything: keep them out of logs.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The request id as `Debug` may show it.
    pub(super) fn shown_id(&self) -> Option<&str> {
        self.request_id().map(shown_id)
    }
}

/// So much of an answer that is none is kept.
const KEPT: usize = 8 * 1024;

impl fmt::Debug for FailedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedResponse")
            .field("status", &self.status.as_u16())
            .field("request_id", &self.shown_id())
            .finish_non_exhaustive()
    }
}

/// A request id of another form than that of an id may be anything, so it is not shown.
pub(super) fn shown_id(id: &str) -> &str {
    if is_id(id) { id } else { "another form" }
}

pub(super) fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
