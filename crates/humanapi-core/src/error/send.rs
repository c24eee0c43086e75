//! What a transport reports when no usable answer came back.

use std::error::Error;
use std::fmt;

/// No usable answer came back.
///
/// Transports make these. Retry is decided by [`kind`](Self::kind) and the operation together: only
/// a request that [never left](SendFailureKind::NotSent) may be repeated whatever it does.
///
/// The source is the HTTP stack's own error. A transport must strip addresses from it first, because
/// a URL can hold a token.
///
/// ```
/// use humanapi_core::{SendFailure, SendFailureKind};
///
/// let failure = SendFailure::new(SendFailureKind::NotSent).with_source("connection refused");
/// assert!(!failure.kind().may_have_arrived());
/// assert_eq!(failure.to_string(), "the request never left: no connection to the host");
/// ```
#[derive(Debug)]
pub struct SendFailure {
    kind: SendFailureKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong while one request was sent, and so whether it may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendFailureKind {
    /// The request provably never left: no address, no connection, no TLS session.
    NotSent,
    /// The request never left: the proxy on the way wants a user name and a password (its status 407), or
    /// others than those it was given.
    ProxyAuthentication,
    /// Time ran out. Whether the request arrived is unknown.
    TimedOut,
    /// The connection broke after the request may have left. Whether it arrived is unknown.
    Lost,
    /// The answer began and then broke off. A shorter body is never handed out as a whole one.
    CutShort,
    /// More of the answer came than it announced.
    TooLong,
    /// The answer is larger than the transport, or who reads it, was told to accept.
    TooLarge,
}

impl SendFailureKind {
    /// Whether the service may have received the request and acted on it.
    #[must_use]
    pub const fn may_have_arrived(self) -> bool {
        !matches!(self, Self::NotSent | Self::ProxyAuthentication)
    }

    /// Whether the same request may well succeed later.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            // The next answer would be as large, and the proxy would want its password again.
            Self::TooLarge | Self::ProxyAuthentication => false,
            Self::NotSent | Self::TimedOut | Self::Lost | Self::CutShort | Self::TooLong => true,
        }
    }

    /// The word for it, for logs and counters: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::ProxyAuthentication => "proxy_authentication",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::CutShort => "cut_short",
            Self::TooLong => "too_long",
            Self::TooLarge => "too_large",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NotSent => "the request never left: no connection to the host",
            Self::ProxyAuthentication => {
                "the request never left: the proxy wants a user name and a password (status 407)"
            }
            Self::TimedOut => "time ran out before the answer was complete",
            Self::Lost => "the connection broke before an answer came",
            Self::CutShort => "the answer broke off before its end",
            Self::TooLong => "the answer is longer than it announced",
            Self::TooLarge => "the answer is larger than the limit",
        }
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotSent => {
                "check the host name, the network, the proxy and the host's certificate"
            }
            Self::ProxyAuthentication => PROXY_WANTS_A_PASSWORD,
            Self::TimedOut => {
                "try again; if it stays slow, allow more time or look at the service's status page"
            }
            Self::Lost | Self::CutShort | Self::TooLong => {
                "try again; before repeating an operation that changes something, check whether it took effect"
            }
            Self::TooLarge => {
                "ask for smaller pages, stream the body, or raise the transport's limit"
            }
        }
    }
}

/// What to do about a proxy's 407, however it is told.
pub(super) const PROXY_WANTS_A_PASSWORD: &str = "put the proxy's user name and password into its address, as in HTTPS_PROXY, or correct those that are there";

impl SendFailure {
    /// A failure of this kind, with no source yet.
    #[must_use]
    pub const fn new(kind: SendFailureKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds the HTTP stack's own error. Strip addresses from it first.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> SendFailureKind {
        self.kind
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())
    }
}

impl Error for SendFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn Error + 'static))
    }
}
