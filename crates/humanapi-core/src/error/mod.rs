//! Everything that can go wrong, one type a concern.
//!
//! * [`BuildError`] and [`Refusal`]: we would not ask.
//! * [`ResponseError`] with [`ApiError`]: the service answered, and the answer is no, or no answer.
//! * [`IntermediaryError`]: something else answered in the service's place.
//! * [`Drift`]: a list changed while it was read.
//! * [`SendFailure`]: the wire failed.
//! * [`FlowError`]: how a whole flow ended.
//!
//! No message, `Debug` or source of these holds a secret, a token or a line of a body.

mod address;
mod api;
mod build;
mod code;
mod drift;
mod failed;
mod intermediary;
mod report;
mod send;

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use thiserror::Error;

pub use address::HostError;
pub(crate) use api::Asked;
pub use api::{ApiError, ApiErrorKind, Validation};
pub use build::BuildError;
pub use code::ErrorCode;
pub(crate) use code::code_of;
pub use drift::Drift;
pub use failed::FailedResponse;
pub use intermediary::IntermediaryError;
pub use report::Report;
pub use send::{SendFailure, SendFailureKind};

pub use crate::json::DecodeError;
use crate::retry::RetryAfter;
use crate::rules::Refusal;
use crate::token::TokenKind;

/// An answer that is not what was asked for.
#[derive(Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The service refused.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Something in between answered in the service's place.
    #[error(transparent)]
    Intermediary(#[from] IntermediaryError),
    /// The answer is compressed, and no request asks for that.
    #[error("the answer is compressed ({coding}), which was not asked for")]
    Compressed {
        /// How, such as `gzip`.
        coding: Box<str>,
    },
    /// The answer is a success without the token that it should hold.
    #[error("the answer is a success but holds no {kind} token")]
    MissingToken {
        /// The kind that was asked for.
        kind: TokenKind,
        /// The id under which the vendor's support finds the request.
        request_id: Option<String>,
    },
    /// A page of a list is one that came before, at another offset.
    #[error("the list goes round: at offset {offset} comes a page that was there before")]
    PageRepeated {
        /// The offset that was asked for.
        offset: u64,
    },
    /// The answer cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl fmt::Debug for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => f.debug_tuple("Api").field(error).finish(),
            Self::Intermediary(error) => f.debug_tuple("Intermediary").field(error).finish(),
            Self::Compressed { coding } => f
                .debug_struct("Compressed")
                .field("coding", coding)
                .finish(),
            Self::MissingToken { kind, request_id } => f
                .debug_struct("MissingToken")
                .field("kind", kind)
                .field("request_id", &request_id.as_deref().map(failed::shown_id))
                .finish(),
            Self::PageRepeated { offset } => f
                .debug_struct("PageRepeated")
                .field("offset", offset)
                .finish(),
            Self::Decode(error) => f.debug_tuple("Decode").field(error).finish(),
        }
    }
}

impl ResponseError {
    /// Whether the same request may well succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Api(error) => error.is_transient(),
            Self::Intermediary(error) => error.is_transient(),
            Self::Compressed { .. }
            | Self::MissingToken { .. }
            | Self::PageRepeated { .. }
            | Self::Decode(_) => false,
        }
    }

    /// Whether the token that the call was authorized by was refused, or may have been.
    pub(crate) fn is_unauthorized(&self) -> bool {
        (self.failed_response())
            .is_some_and(|response| response.status() == StatusCode::UNAUTHORIZED)
    }

    /// What came, where it was no success.
    #[must_use]
    pub fn failed_response(&self) -> Option<&FailedResponse> {
        match self {
            Self::Api(error) => Some(error),
            Self::Intermediary(error) => Some(error),
            Self::Compressed { .. }
            | Self::MissingToken { .. }
            | Self::PageRepeated { .. }
            | Self::Decode(_) => None,
        }
    }

    /// How long the service asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.failed_response()?.retry_after()
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Api(error) => error.remedy(),
            Self::Intermediary(error) => error.remedy(),
            Self::Compressed { .. } => {
                "have what stands between this program and Human API leave answers as they are, or the HTTP stack undo the compression"
            }
            Self::PageRepeated { .. } => {
                "use what came before as a part of the list; the service or a cache before it takes no notice of the offset, so ask for a larger page or for fewer days"
            }
            Self::MissingToken { .. } | Self::Decode(_) => {
                "check that the base URL is Human API's and no page of a proxy; if it is, report the answer's form"
            }
        }
    }
}

/// How a flow ended without its outcome.
///
/// `Display` names the cause in one line, however deep it lies; [`report`](Self::report) tells all that there is.
#[derive(Debug)]
#[non_exhaustive]
pub enum FlowError {
    /// The request could not be built.
    Build(BuildError),
    /// A rule says that it cannot be had.
    Refused(Refusal),
    /// The service's answer is not what was asked for.
    Response(ResponseError),
    /// A list was read to its end, and changed meanwhile or is not what the service says of it.
    Drifted(Drift),
    /// No usable answer came.
    Send(SendFailure),
    /// No token to authorize the call could be had. Shared by all who waited for it.
    Token(Arc<Self>),
    /// Both tokens that open Connect were refused.
    BothRefused {
        /// The answer to the first request.
        first: ApiError,
        /// The answer to the second.
        second: ApiError,
    },
    /// Tried as often as the policy allows.
    Exhausted {
        /// How many attempts were made.
        attempts: u32,
        /// How the last one ended.
        last: Box<Self>,
    },
    /// The overall deadline would pass before another attempt could be made.
    OutOfTime {
        /// How many attempts were made.
        attempts: u32,
        /// How the last one ended, if one was made.
        last: Option<Box<Self>>,
    },
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Drifted(drift) => drift.fmt(f),
            Self::Send(failure) => failure.fmt(f),
            Self::Token(inner) => {
                write!(f, "no token to authorize the call could be had: {inner}")
            }
            Self::BothRefused { first, second } => write!(
                f,
                "both tokens that open Connect were refused: first {first}; then {second}"
            ),
            Self::Exhausted { attempts: 1, last } => last.fmt(f),
            Self::Exhausted { attempts, last } => {
                write!(f, "gave up after {attempts} attempts: {last}")
            }
            Self::OutOfTime { attempts, last } => {
                f.write_str("no time is left within the overall deadline")?;
                match (attempts, last) {
                    (_, None) => Ok(()),
                    (0, Some(last)) => write!(f, ": {last}"),
                    (1, Some(last)) => write!(f, " after an attempt: {last}"),
                    (_, Some(last)) => write!(f, " after {attempts} attempts: {last}"),
                }
            }
        }
    }
}

/// What a message holds already is no source of it: the source is what lies beneath the cause that it names.
impl std::error::Error for FlowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Build(error) => error.source(),
            Self::Refused(refusal) => refusal.source(),
            Self::Response(error) => error.source(),
            Self::Drifted(drift) => drift.source(),
            Self::Send(failure) => failure.source(),
            Self::Token(inner) => inner.source(),
            Self::BothRefused { .. } => None,
            Self::Exhausted { last, .. } => last.source(),
            Self::OutOfTime { last, .. } => last.as_deref()?.source(),
        }
    }
}

macro_rules! from {
    ($($variant:ident: $error:ty),+) => {$(
        impl From<$error> for FlowError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}

from!(Build: BuildError, Refused: Refusal, Response: ResponseError, Drifted: Drift, Send: SendFailure);

impl FlowError {
    /// Whether asking again would bring the same answer: a rule or the service refused for a reason
    /// that time does not mend.
    #[must_use]
    pub fn is_rule(&self) -> bool {
        match self {
            Self::Build(_) | Self::Refused(_) => true,
            other => other.api_error().is_some_and(|error| !error.is_transient()),
        }
    }

    /// Whether the same call may well succeed later: nothing is wrong with the call itself, and the service did not refuse
    /// it for a reason that time does not mend.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Response(error) => error.is_transient(),
            Self::Send(failure) => failure.kind().is_transient(),
            Self::Token(inner) => inner.is_transient(),
            Self::Exhausted { last, .. } => last.is_transient(),
            Self::OutOfTime { last, .. } => last.as_deref().is_none_or(Self::is_transient),
            Self::Build(_) | Self::Refused(_) | Self::Drifted(_) | Self::BothRefused { .. } => {
                false
            }
        }
    }

    /// How long the service asks to wait, however deep.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        match self.intermediary() {
            Some(error) => error.retry_after(),
            None => self.api_error()?.retry_after(),
        }
    }

    /// The service's own refusal, however deep: the last one where there are two.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Response(ResponseError::Api(error)) => Some(error),
            Self::BothRefused { second, .. } => Some(second),
            Self::Token(inner) => inner.api_error(),
            Self::Exhausted { last, .. } => last.api_error(),
            Self::OutOfTime { last, .. } => last.as_deref()?.api_error(),
            Self::Build(_)
            | Self::Refused(_)
            | Self::Response(_)
            | Self::Drifted(_)
            | Self::Send(_) => None,
        }
    }

    /// What something in between answered in the service's place, however deep.
    #[must_use]
    pub fn intermediary(&self) -> Option<&IntermediaryError> {
        match self {
            Self::Response(ResponseError::Intermediary(error)) => Some(error),
            Self::Token(inner) => inner.intermediary(),
            Self::Exhausted { last, .. } => last.intermediary(),
            Self::OutOfTime { last, .. } => last.as_deref()?.intermediary(),
            Self::Build(_)
            | Self::Refused(_)
            | Self::Response(_)
            | Self::Drifted(_)
            | Self::Send(_)
            | Self::BothRefused { .. } => None,
        }
    }

    /// What the wire reported, however deep.
    #[must_use]
    pub fn send_failure(&self) -> Option<&SendFailure> {
        match self {
            Self::Send(failure) => Some(failure),
            Self::Token(inner) => inner.send_failure(),
            Self::Exhausted { last, .. } => last.send_failure(),
            Self::OutOfTime { last, .. } => last.as_deref()?.send_failure(),
            Self::Build(_)
            | Self::Refused(_)
            | Self::Response(_)
            | Self::Drifted(_)
            | Self::BothRefused { .. } => None,
        }
    }

    /// The id under which the vendor's support finds the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Response(ResponseError::MissingToken { request_id, .. }) => request_id.as_deref(),
            Self::Response(ResponseError::Intermediary(error)) => error.request_id(),
            Self::Token(inner) => inner.request_id(),
            Self::Exhausted { last, .. } => last.request_id(),
            Self::OutOfTime { last, .. } => last.as_deref()?.request_id(),
            other => other.api_error()?.request_id(),
        }
    }

    /// The [request id](Self::request_id), if it has the form of one: fit for a log or a screen.
    #[must_use]
    pub fn shown_request_id(&self) -> Option<&str> {
        self.request_id().filter(|id| failed::is_id(id))
    }

    /// All that there is to tell, on a line each: the error, what lies beneath, what to do next, and the request id.
    /// It holds no secret.
    ///
    /// ```
    /// use humanapi_core::{FlowError, SendFailure, SendFailureKind};
    ///
    /// let failure = SendFailure::new(SendFailureKind::NotSent).with_source("connection refused");
    /// assert_eq!(
    ///     FlowError::from(failure).report().to_string(),
    ///     "the request never left: no connection to the host\n\
    ///      caused by: connection refused\n\
    ///      help: check the host name, the network, the proxy and the host's certificate"
    /// );
    /// ```
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        let first = match self {
            Self::BothRefused { first, .. } => first.request_id().filter(|id| failed::is_id(id)),
            _ => None,
        };
        Report::new(self, self.remedy()).with_request_ids([first, self.shown_request_id()])
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Build(error) => error.remedy(),
            Self::Refused(refusal) => refusal.remedy(),
            Self::Response(error) => error.remedy(),
            Self::Drifted(_) => "read the list anew, or use what came as a part of it",
            Self::Send(failure) => failure.kind().remedy(),
            Self::Token(inner) => inner.remedy(),
            Self::BothRefused { .. } => {
                "check that the user id is the one used before, and give the vendor's support both answers' request ids"
            }
            Self::Exhausted { last, .. } => last.remedy(),
            Self::OutOfTime {
                last: Some(last), ..
            } => last.remedy(),
            Self::OutOfTime { last: None, .. } => "allow more time in the retry policy",
        }
    }
}
