//! Answers: JSON, the service's error envelopes, and the request id in both of its places.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::assumption::{Assumption, Assumptions};
use crate::state::Full;

pub(crate) type Reply = Response<Bytes>;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-humanapi-request-id");

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(crate) fn with_body(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => with_body(status, JSON, body),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

pub(crate) fn html(status: StatusCode, body: String) -> Reply {
    with_body(status, HTML, body)
}

pub(crate) fn text(status: StatusCode, body: &'static str) -> Reply {
    with_body(status, TEXT, body)
}

/// Whether an answer of this status never has a body.
pub(crate) const fn is_bare(status: StatusCode) -> bool {
    matches!(status.as_u16(), 204 | 205 | 304)
}

pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

/// Which fields of a request are wrong.
#[derive(Debug, Serialize)]
pub(crate) struct Validation {
    pub(crate) source: &'static str,
    pub(crate) keys: Vec<Cow<'static, str>>,
}

/// A refusal, before it is written in one of the forms of an error body.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) message: Cow<'static, str>,
    pub(crate) validation: Option<Validation>,
}

/// Under which names the body of a refusal has the status again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    StatusCode,
    Code,
    Both,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code: None,
            message: message.into(),
            validation: None,
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    pub(crate) fn coded(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code: Some(Cow::Borrowed(code)),
            ..Self::new(status, message)
        }
    }

    pub(crate) fn invalid(
        source: &'static str,
        keys: Vec<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            validation: Some(Validation { source, keys }),
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    /// Writes the refusal.
    pub(crate) fn write(
        &self,
        assumptions: &Assumptions,
        numbers: Numbers,
        request_id: &str,
    ) -> Reply {
        let reason = self.status.canonical_reason().unwrap_or("Error");
        let in_body = matches!(assumptions.value(Assumption::RequestId), "both" | "body");
        let request_id = in_body.then_some(request_id);
        match assumptions.value(Assumption::ErrorBody) {
            "bare-error" => json(
                self.status,
                &BareError {
                    error: self.code.as_deref().unwrap_or(&self.message),
                    request_id,
                },
            ),
            "nested-code" => json(
                self.status,
                &NestedError {
                    error: Nested {
                        code: self.code.as_deref().unwrap_or(reason),
                        message: &self.message,
                    },
                    request_id,
                },
            ),
            "empty" => empty(self.status),
            "html" => {
                let number = self.status.as_u16();
                html(
                    self.status,
                    format!(
                        "<!DOCTYPE html><html lang=\"en\"><title>{number} {reason}</title>\
                         <h1>{number} {reason}</h1></html>\n"
                    ),
                )
            }
            _ => json(
                self.status,
                &Boom {
                    status_code: (numbers != Numbers::Code).then(|| self.status.as_u16()),
                    code: (numbers != Numbers::StatusCode).then(|| self.status.as_u16()),
                    error: reason,
                    message: &self.message,
                    error_code: self.code.as_deref(),
                    validation: self.validation.as_ref(),
                    request_id,
                },
            ),
        }
    }
}

impl From<Full> for Problem {
    fn from(Full: Full) -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "the sandbox holds as much as it may; reset it to make room",
        )
    }
}

#[derive(Serialize)]
struct Boom<'a> {
    #[serde(rename = "statusCode", skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    error: &'a str,
    message: &'a str,
    #[serde(rename = "errorCode", skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'a Validation>,
    #[serde(
        rename = "x-humanapi-request-id",
        skip_serializing_if = "Option::is_none"
    )]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct BareError<'a> {
    error: &'a str,
    #[serde(
        rename = "x-humanapi-request-id",
        skip_serializing_if = "Option::is_none"
    )]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct NestedError<'a> {
    error: Nested<'a>,
    #[serde(
        rename = "x-humanapi-request-id",
        skip_serializing_if = "Option::is_none"
    )]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Nested<'a> {
    code: &'a str,
    message: &'a str,
}
