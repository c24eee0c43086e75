//! What a broker tells of its work.

use humanapi_core::rules::Purpose;
use humanapi_core::{ClientUserId, FlowError, TokenKey};

use crate::store::StoreError;

/// Something that a broker did. Holds no token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum BrokerEvent<'a> {
    /// A token at hand was served.
    Hit,
    /// A caller waits for an exchange that is under way, or that it began.
    Wait,
    /// The failure that stands was the answer.
    FailureStands(&'a FlowError),
    /// An exchange began.
    Began {
        /// Nobody waits for it: the token that is served still lives.
        ahead: bool,
    },
    /// The token service issued a token.
    Issued,
    /// Another process had got the token already: it came from the store.
    Shared,
    /// An exchange failed.
    Failed(&'a FlowError),
    /// The store failed, and its part was done without it.
    StoreFailed(&'a StoreError),
    /// A lease had ended before its token was committed.
    Fenced,
    /// Tokens that had not ended were given up for want of room.
    Evicted(usize),
}

impl BrokerEvent<'_> {
    /// The word for it, for counters: it never changes.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Wait => "wait",
            Self::FailureStands(_) => "failure_stands",
            Self::Began { ahead: false } => "exchange",
            Self::Began { ahead: true } => "renewal",
            Self::Issued => "issued",
            Self::Shared => "shared",
            Self::Failed(_) => "failed",
            Self::StoreFailed(_) => "store_failed",
            Self::Fenced => "fenced",
            Self::Evicted(_) => "evicted",
        }
    }
}

/// Which key an event is about. Shows no user id unless it is asked for one.
#[derive(Clone, Copy)]
pub struct EventKey<'a>(pub(super) &'a TokenKey);

impl EventKey<'_> {
    /// What the token is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.0.purpose()
    }

    /// Whose it is.
    #[must_use]
    pub const fn user(&self) -> Option<&ClientUserId> {
        self.0.user()
    }
}

impl std::fmt::Debug for EventKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EventKey").field(&self.purpose()).finish()
    }
}

/// Hears of a broker's events. Called on the caller's thread: be quick, and call no broker.
pub type BrokerListener = dyn Fn(EventKey<'_>, BrokerEvent<'_>) + Send + Sync;
