//! How a call failed, without a type of any HTTP stack.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use humanapi_core::{
    ApiError, ApiErrorKind, Drift, FlowError, IntermediaryError, Refusal, Report, ResponseError,
    SendFailureKind,
};

/// How a call failed. Shared by all who waited for the same token.
///
/// Neither `Display` nor `Debug` nor a source holds a secret, a token or a line of a body.
pub struct Error {
    inner: Arc<FlowError>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value that was handed in cannot go over the wire.
    InvalidInput,
    /// A rule says that it cannot be had; the service was not asked.
    Refused(Refusal),
    /// The service refused.
    Api(ApiErrorKind),
    /// Something between this program and the service answered in its place.
    Intermediary,
    /// The service's answer cannot be read, or lacks what was asked for.
    Unreadable,
    /// A list was read to its end, and changed meanwhile or is not what the service says of it.
    Drifted(Drift),
    /// No usable answer came.
    Network(SendFailureKind),
    /// The overall deadline passed before an attempt could be made.
    OutOfTime,
}

impl ErrorKind {
    /// The word for it, for logs and counters: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Refused(_) => "refused",
            Self::Api(kind) => kind.name(),
            Self::Intermediary => "intermediary",
            Self::Unreadable => "unreadable",
            Self::Drifted(_) => "drifted",
            Self::Network(kind) => kind.name(),
            Self::OutOfTime => "out_of_time",
        }
    }
}

impl Error {
    /// What kind of failure it is. After several attempts, that of the last one.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        kind(&self.inner)
    }

    /// The service's own refusal, where it refused.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        self.inner.api_error()
    }

    /// What something in between answered in the service's place, where that is how it failed.
    #[must_use]
    pub fn intermediary(&self) -> Option<&IntermediaryError> {
        self.inner.intermediary()
    }

    /// The id under which the vendor's support finds the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id()
    }

    /// The [request id](Self::request_id), if it has the form of one: fit for a log or a screen.
    #[must_use]
    pub fn shown_request_id(&self) -> Option<&str> {
        self.inner.shown_request_id()
    }

    /// All that there is to tell, on a line each: the error, what lies beneath, what to do next, and the request id.
    /// It holds no secret. `Display` alone names the cause in one line.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        self.inner.report()
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.inner.remedy()
    }

    /// Whether time ran out, within an attempt or over all.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::OutOfTime | ErrorKind::Network(SendFailureKind::TimedOut)
        ) || matches!(*self.inner, FlowError::OutOfTime { .. })
    }

    /// Whether the same call may well succeed later: nothing is wrong with the call itself, and the service did not refuse
    /// it for a reason that time does not mend.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.inner.is_transient()
    }

    /// How the flow ended, in full.
    #[must_use]
    pub fn flow_error(&self) -> &FlowError {
        &self.inner
    }
}

pub(crate) fn kind(error: &FlowError) -> ErrorKind {
    match error {
        FlowError::Build(_) => ErrorKind::InvalidInput,
        FlowError::Refused(refusal) => ErrorKind::Refused(*refusal),
        FlowError::Response(ResponseError::Api(error)) => ErrorKind::Api(error.kind()),
        FlowError::Response(ResponseError::Intermediary(_)) => ErrorKind::Intermediary,
        FlowError::Response(_) => ErrorKind::Unreadable,
        FlowError::Drifted(drift) => ErrorKind::Drifted(*drift),
        FlowError::Send(failure) => ErrorKind::Network(failure.kind()),
        FlowError::Token(inner) => kind(inner),
        FlowError::BothRefused { second, .. } => ErrorKind::Api(second.kind()),
        FlowError::Exhausted { last, .. }
        | FlowError::OutOfTime {
            last: Some(last), ..
        } => kind(last),
        _ => ErrorKind::OutOfTime,
    }
}

impl From<FlowError> for Error {
    fn from(error: FlowError) -> Self {
        Self {
            inner: Arc::new(error),
        }
    }
}

impl From<Arc<FlowError>> for Error {
    fn from(inner: Arc<FlowError>) -> Self {
        Self { inner }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("flow", &self.inner)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source()
    }
}
