//! What is going on with one key of the cache.

use std::sync::Arc;

use humanapi_core::broker::{BrokerPolicy, CacheEntry};
use humanapi_core::{FlowError, Now};

use super::flight::Flight;
use super::request::Outcome;

/// What is going on with a key: an exchange, a failure that stands, a pause.
pub(super) struct Busy {
    pub(super) entry: CacheEntry,
    pub(super) flight: Option<Arc<Flight<Outcome>>>,
    pub(super) failure: Option<Arc<FlowError>>,
    /// The user was deleted, and the store may not know it: what it has from before will not do.
    pub(super) anew: bool,
    /// The user has connected, and the store may still have a session, which will not do.
    pub(super) session_stays: bool,
    /// The exchange that is under way, or whose failure stands, began for a user who was deleted.
    pub(super) begun_anew: bool,
}

impl Busy {
    pub(super) fn is_under_way(&self, flight: &Arc<Flight<Outcome>>) -> bool {
        (self.flight.as_ref()).is_some_and(|current| Arc::ptr_eq(current, flight))
    }

    /// What is under way finds that it is not the key's exchange any more, and settles nothing.
    pub(super) fn begin_anew(&mut self) {
        self.entry.forget();
        self.flight = None;
        self.failure = None;
        self.begun_anew = false;
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_calm(&self, policy: &BrokerPolicy, now: Now) -> bool {
        !self.anew && !self.session_stays && self.entry.is_calm(policy, now)
    }
}
