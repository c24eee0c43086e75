//! A request as it came in.

use bytes::Bytes;
use http::header;
use http::{Method, Request, StatusCode, request::Parts};

use crate::reply::Problem;

pub(crate) const MIB: usize = 1024 * 1024;

/// The longest body that is read, but for one that [`body_limit`] knows of.
pub(crate) const BODY_LIMIT: usize = MIB;

/// The longest order that is read: it can bring papers along, as text of a third more than they have.
pub(crate) const ORDER_LIMIT: usize = 32 * MIB;

/// The longest body of a request that is read.
pub(crate) fn body_limit(head: &Parts) -> usize {
    if head.method == Method::POST && head.uri.path() == "/api/v1/users" {
        ORDER_LIMIT
    } else {
        BODY_LIMIT
    }
}

/// Why there is no body to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It was longer than this.
    TooLong(usize),
    /// It did not arrive in time.
    TooSlow,
}

impl BodyFault {
    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::TooLong(limit) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is longer than {} MiB", limit / MIB),
            ),
            Self::TooSlow => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the body took too long to arrive",
            ),
        }
    }
}

/// A request on its way in.
pub(crate) struct Incoming {
    pub(crate) head: Parts,
    pub(crate) body: Result<Bytes, BodyFault>,
    /// The host it is for, if it says so.
    pub(crate) host: Option<String>,
}

impl Incoming {
    pub(crate) fn new(request: Request<()>, body: Result<Bytes, BodyFault>) -> Self {
        let (head, ()) = request.into_parts();
        let host = match head.uri.authority() {
            Some(authority) => Some(authority.as_str().to_owned()),
            None => {
                let mut hosts = head.headers.get_all(header::HOST).iter();
                let first = hosts.next().and_then(|host| host.to_str().ok());
                // Two hosts are as good as none.
                first.filter(|_| hosts.next().is_none()).map(str::to_owned)
            }
        };
        Self { head, body, host }
    }
}
