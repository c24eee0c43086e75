//! Why a request was refused, in a form for the page and without anything that it must not see.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use humanapi_client::{Error, ErrorKind};
use humanapi_core::connect::LaunchError;
use humanapi_core::{ApiErrorKind, SendFailureKind};
use serde::Serialize;
use thiserror::Error;

use crate::LOG;
use crate::directory::DirectoryError;

/// Why a request was refused.
///
/// As a response it is JSON with a code for programs, and a message and a remedy for people. None of
/// them holds a token, a secret, an id or anything that was sent.
///
/// ```json
/// {"error":{"code":"cross-site","message":"…","remedy":"…"}}
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The request does not come from a page of this application.
    #[error("the request comes from another site's page, or does not say where it comes from")]
    CrossSite,
    /// The body is not declared as JSON.
    #[error("the request is not JSON")]
    NotJson,
    /// The route takes another method.
    #[error("this address takes {allowed} alone")]
    WrongMethod {
        /// The method that it takes.
        allowed: Method,
    },
    /// The body has more than 64 KiB.
    #[error("the body is larger than 64 KiB")]
    TooLarge,
    /// The body broke off.
    #[error("the body did not arrive whole")]
    BrokenOff,
    /// The body is no report of Connect.
    #[error("the body is no report of Connect")]
    Unreadable,
    /// The user asked too often.
    #[error("the service was asked about this user too often")]
    TooOften {
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// Human API did not answer in time, answered with an error of its own, or something in between
    /// answered in its place.
    #[error("Human API cannot be asked at the moment")]
    ServiceUnavailable,
    /// Human API refused, and trying again would not help.
    #[error("Human API refused this application's request")]
    ServiceRefused,
    /// The service issues tokens that end too soon, or the launch has an option that cannot be said.
    #[error("Connect cannot be opened: the token ends too soon or an option does not fit")]
    LaunchRefused,
    /// What is known of the user could not be read or written.
    #[error("what is known of the user cannot be read or written at the moment")]
    DirectoryUnavailable,
    /// The operating system gave no random bytes, or something was broken off.
    #[error("something went wrong on this server")]
    Internal,
}

#[derive(Serialize)]
struct Body {
    error: Said,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    code: &'static str,
    message: String,
    remedy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in: Option<u64>,
}

impl Problem {
    /// A word for programs, which stays as it is.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CrossSite => "cross-site",
            Self::NotJson => "not-json",
            Self::WrongMethod { .. } => "wrong-method",
            Self::TooLarge => "too-large",
            Self::BrokenOff => "broken-off",
            Self::Unreadable => "unreadable-report",
            Self::TooOften { .. } => "too-often",
            Self::ServiceUnavailable => "service-unavailable",
            Self::ServiceRefused => "service-refused",
            Self::LaunchRefused => "launch-refused",
            Self::DirectoryUnavailable => "directory-unavailable",
            Self::Internal => "internal",
        }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BrokenOff | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::ServiceUnavailable | Self::DirectoryUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ServiceRefused | Self::LaunchRefused => StatusCode::BAD_GATEWAY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::CrossSite => {
                "post from a page of this application, or have its origin added to those allowed"
            }
            Self::NotJson => "send JSON with Content-Type: application/json",
            Self::WrongMethod { .. } => "use the method that the Allow header names",
            Self::TooLarge => "send what Connect reported and nothing else",
            Self::BrokenOff => "send the request again",
            Self::Unreadable => "post the detail of connect.js's event as it is",
            Self::TooOften { .. } => "wait as long as Retry-After says, then try again",
            Self::ServiceUnavailable | Self::DirectoryUnavailable => "try again in a moment",
            Self::ServiceRefused | Self::LaunchRefused => {
                "tell whoever runs this application to look into its log"
            }
            Self::Internal => "try again; if it stays, tell whoever runs this application",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_in = match &self {
            Self::TooOften { retry_after } => Some(whole_seconds(*retry_after)),
            Self::ServiceUnavailable | Self::DirectoryUnavailable => Some(2),
            _ => None,
        };
        let error = Said {
            code: self.code(),
            message: self.to_string(),
            remedy: self.remedy(),
            retry_in,
        };
        let mut response = (self.status(), Json(Body { error })).into_response();
        if let Some(seconds) = retry_in {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::WrongMethod { allowed } = &self
            && let Ok(allowed) = HeaderValue::from_str(allowed.as_str())
        {
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }
}

/// Seconds, rounded up, so that whoever waits so long has waited long enough.
pub(crate) const fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + (duration.subsec_nanos() > 0) as u64
}

impl From<Error> for Problem {
    /// Says in the log what the page is not told.
    fn from(error: Error) -> Self {
        let problem = match error.kind() {
            ErrorKind::Network(SendFailureKind::TooLarge) => Self::ServiceRefused,
            ErrorKind::Network(_)
            | ErrorKind::OutOfTime
            | ErrorKind::Intermediary
            | ErrorKind::Unreadable
            | ErrorKind::Drifted(_)
            | ErrorKind::Api(ApiErrorKind::ServiceFailure | ApiErrorKind::Throttled) => {
                Self::ServiceUnavailable
            }
            _ => Self::ServiceRefused,
        };
        let (remedy, request_id) = (error.remedy(), error.shown_request_id());
        tracing::warn!(target: LOG, error = %error, remedy, request_id, "Human API could not be asked");
        problem
    }
}

impl From<LaunchError> for Problem {
    fn from(error: LaunchError) -> Self {
        tracing::warn!(target: LOG, error = %error, remedy = error.remedy(), "Connect cannot be opened");
        Self::LaunchRefused
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        tracing::warn!(target: LOG, error = %error, "the directory of users failed");
        Self::DirectoryUnavailable
    }
}
