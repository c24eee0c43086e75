//! How tokens are kept: margins, pauses and lives.

use std::time::Duration;

use crate::retry::{Draws, doubled};

/// How tokens are kept.
///
/// ```
/// use std::time::Duration;
/// use humanapi_core::broker::BrokerPolicy;
///
/// let policy = BrokerPolicy::default().with_refusal_life(Duration::from_secs(2));
/// assert_eq!(policy.skew(), Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPolicy {
    skew: Duration,
    renew_ahead: Duration,
    backoff_base: Duration,
    backoff_cap: Duration,
    refusal_life: Duration,
    connect_life: Duration,
    lease: Duration,
    store_patience: Duration,
    seed: u64,
}

/// No pause that the service asks for is longer, so that an absurd `Retry-After` cannot lock a key.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

impl Default for BrokerPolicy {
    /// A token is served until 5 s before its end and renewed from 10 % of its life, at most 300 s,
    /// before it. Failures pause a key for 1 s doubling to 60 s, refusals for 10 s. A token that opens
    /// Connect has 10 minutes left. A lease lasts 45 s, longer than one attempt, and a store that needs
    /// more than 5 s for an answer counts as down.
    fn default() -> Self {
        Self {
            skew: Duration::from_secs(5),
            renew_ahead: Duration::from_secs(300),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(60),
            refusal_life: Duration::from_secs(10),
            connect_life: Duration::from_secs(600),
            lease: Duration::from_secs(45),
            store_patience: Duration::from_secs(5),
            seed: 0,
        }
    }
}

impl BrokerPolicy {
    /// Sets how long before its end a token is served no more: by how much clocks may differ.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Sets how long before its end a token is renewed at most; 10 % of its life where that is less.
    #[must_use]
    pub const fn with_renew_ahead(mut self, ahead: Duration) -> Self {
        self.renew_ahead = ahead;
        self
    }

    /// Sets the pauses after failures: the first, and the longest that doubling reaches.
    #[must_use]
    pub const fn with_backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.backoff_base = base;
        self.backoff_cap = cap;
        self
    }

    /// Sets how long a refusal is taken as the answer at most: a wrong secret, no connected source.
    #[must_use]
    pub const fn with_refusal_life(mut self, life: Duration) -> Self {
        self.refusal_life = life;
        self
    }

    /// Sets how much life a token that opens Connect has left at least.
    #[must_use]
    pub const fn with_connect_life(mut self, life: Duration) -> Self {
        self.connect_life = life;
        self
    }

    /// Sets how long a lease in a store lasts. Longer than an exchange usually takes; a holder that died
    /// holds the others up for as long. A lease that lasts longer is not believed, whatever the store says.
    #[must_use]
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets how long a store may take for one answer before it counts as down.
    #[must_use]
    pub const fn with_store_patience(mut self, patience: Duration) -> Self {
        self.store_patience = patience;
        self
    }

    /// Sets the seed of all draws. A runtime with randomness adds to it by itself; on one that has none, give
    /// each process another seed.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How long before its end a token is served no more.
    #[must_use]
    pub const fn skew(&self) -> Duration {
        self.skew
    }

    /// How much life a token that opens Connect has left at least.
    #[must_use]
    pub const fn connect_life(&self) -> Duration {
        self.connect_life
    }

    /// How long a lease in a store lasts.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// How long a store may take for one answer before it counts as down.
    #[must_use]
    pub const fn store_patience(&self) -> Duration {
        self.store_patience
    }

    /// The longest pause after a failure.
    #[must_use]
    pub const fn backoff_cap(&self) -> Duration {
        self.backoff_cap
    }

    /// The seed of all draws.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How long before its end a token of this life is renewed: between once and twice the margin, so
    /// that tokens issued together are not renewed together.
    pub(crate) fn ahead(&self, life: Duration, seed: u64) -> Duration {
        let margin = (life / 10).min(self.renew_ahead);
        margin.saturating_add(Draws::new(self.seed ^ seed).up_to(margin))
    }

    /// The pause after so many failures in a row: between half and all of a step that doubles.
    pub(crate) fn pause(&self, failures: u32, seed: u64) -> Duration {
        let step = doubled(
            self.backoff_base,
            failures.saturating_sub(1),
            self.backoff_cap,
        );
        let mut draws = Draws::new(self.seed ^ seed ^ u64::from(failures));
        step / 2 + draws.up_to(step / 2)
    }

    /// The pause after a refusal that repeating would not change: between three quarters and all of its
    /// life, so that keys which are refused together do not come back together.
    pub(crate) fn refusal_pause(&self, failures: u32, seed: u64) -> Duration {
        let mut draws = Draws::new(self.seed ^ seed ^ u64::from(failures));
        (self.refusal_life).saturating_sub(draws.up_to(self.refusal_life / 4))
    }

    /// A pause that the service asked for, within reason.
    pub(crate) fn asked_pause(asked: Duration) -> Duration {
        asked.min(LONGEST_PAUSE)
    }
}
