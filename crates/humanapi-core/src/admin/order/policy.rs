//! How patient a worker is.

use std::time::Duration;

use crate::error::BuildError;

/// How patient a worker is with others, with the service and with itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderPolicy {
    pub(super) claim_ttl: Duration,
    pub(super) wait_for_others: Duration,
    pub(super) read_patience: Duration,
    pub(super) absent_after: Option<Duration>,
}

impl Default for OrderPolicy {
    fn default() -> Self {
        Self {
            claim_ttl: Duration::from_secs(300),
            wait_for_others: Duration::from_secs(60),
            read_patience: Duration::from_secs(20),
            absent_after: Some(Duration::from_secs(15 * 60)),
        }
    }
}

impl OrderPolicy {
    /// Sets how long a worker may take from its claim to its answer before others begin to look what became of it: 5
    /// minutes unless set. It decides when others read, and never whether they send.
    ///
    /// # Errors
    ///
    /// When it is shorter than a millisecond: journals count those, and under a claim that is over nothing is sent.
    pub const fn with_claim_ttl(mut self, ttl: Duration) -> Result<Self, BuildError> {
        if ttl.as_millis() == 0 {
            let (name, rule) = ("claim_ttl", "a millisecond at least");
            return Err(BuildError::OutOfRange { name, rule });
        }
        self.claim_ttl = ttl;
        Ok(self)
    }

    /// How long a worker may take from its claim to its answer before others begin to look.
    #[must_use]
    pub const fn claim_ttl(&self) -> Duration {
        self.claim_ttl
    }

    /// Sets how long to wait while another worker is at the same intent, or the same client at another order for the user: a
    /// minute unless set.
    #[must_use]
    pub const fn with_wait_for_others(mut self, wait: Duration) -> Self {
        self.wait_for_others = wait;
        self
    }

    /// How long to wait while others are at the same intent or for the same user.
    #[must_use]
    pub const fn wait_for_others(&self) -> Duration {
        self.wait_for_others
    }

    /// Sets how long to read again where nothing is there yet: 20 seconds unless set. The service may show an order a
    /// while after it took it.
    #[must_use]
    pub const fn with_read_patience(mut self, patience: Duration) -> Self {
        self.read_patience = patience;
        self
    }

    /// Sets how long after the last moment at which it may have left an order that is not found counts as one that is not
    /// there: 15 minutes unless set, and never with `None`.
    ///
    /// It has to be longer than a request can be on its way and the service can take to show what it has.
    /// An order that is not there is not sent again by itself all the same.
    #[must_use]
    pub const fn with_absent_after(mut self, after: Option<Duration>) -> Self {
        self.absent_after = after;
        self
    }
}
