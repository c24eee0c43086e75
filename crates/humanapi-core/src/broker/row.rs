//! What a store keeps for one key, and how each operation changes it.

use std::time::Duration;

use crate::token::Generation;

/// What a store that several processes share keeps for one key: a token, and a lease on getting the
/// next one.
///
/// Every store does what this does, each operation at once and undivided; the conformance suite
/// holds them to it. Times are milliseconds since 1970-01-01 UTC **by the store's own clock**, so that
/// processes whose clocks differ agree on when a lease ends.
///
/// A lease has a *fence*: a number that no earlier lease on the key had, even if the row was purged
/// in between, because it is never less than the store's clock in microseconds. A token's generation
/// is the fence of the lease under which it was committed, so generations rise with time across all
/// processes.
///
/// ```
/// use std::time::Duration;
/// use humanapi_core::broker::{Acquired, Commit, Row};
///
/// let mut row = Row::default();
/// let ttl = Duration::from_secs(1);
/// let Acquired::Won(lease) = row.acquire(1_000, ttl, None) else { panic!("nobody else is here") };
/// assert!(matches!(row.acquire(1_400, ttl, None), Acquired::Held { .. }));
///
/// // A holder that slept past its lease's end comes too late, even if nobody took its place.
/// assert_eq!(row.commit(2_000, lease, 90_000, "token"), Commit::Fenced);
/// # let Acquired::Won(lease) = row.acquire(2_000, ttl, None) else { panic!() };
/// assert_eq!(row.commit(2_999, lease, 90_000, "token"), Commit::Done);
/// assert_eq!(row.load().map(|token| token.payload), Some("token"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row<P> {
    fence: u64,
    lease_ends: Option<u64>,
    token: Option<RowToken<P>>,
}

/// A token in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a store reads and writes exactly these columns"
)]
pub struct RowToken<P> {
    /// The fence of the lease under which it was committed.
    pub generation: Generation,
    /// When it ends: milliseconds since 1970-01-01 UTC.
    pub expires_at: u64,
    /// The token itself, sealed.
    pub payload: P,
}

/// The right to get the next token of a key and to commit it, until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease(u64);

impl Lease {
    /// The lease of this fence, as a store read it.
    #[must_use]
    pub const fn new(fence: u64) -> Self {
        Self(fence)
    }

    /// Its fencing number.
    #[must_use]
    pub const fn fence(self) -> u64 {
        self.0
    }

    /// The generation of the token that is committed under it.
    #[must_use]
    pub const fn generation(self) -> Generation {
        Generation::new(self.0)
    }
}

/// What asking for a lease brought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the lease protocol answers each of them: a forgotten one would exchange twice"
)]
pub enum Acquired<T> {
    /// The lease is yours.
    Won(Lease),
    /// Another holds it.
    Held {
        /// How long it lasts at most from now.
        remaining: Duration,
    },
    /// No lease is needed: there is a token newer than the one you know.
    Newer(T),
}

/// What committing a token brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a compare-and-swap has two ends")]
pub enum Commit {
    /// The token is kept, and the lease has ended.
    Done,
    /// The lease had ended or was taken over. Nothing changed.
    Fenced,
}

impl<P> Default for Row<P> {
    /// The row of a key that nobody asked for yet.
    fn default() -> Self {
        Self {
            fence: 0,
            lease_ends: None,
            token: None,
        }
    }
}

impl<P: Clone> Row<P> {
    /// The token, whether it has ended or not.
    #[must_use]
    pub fn load(&self) -> Option<RowToken<P>> {
        self.token.clone()
    }

    /// Takes the lease for `ttl`, unless another holds it or there is a token newer than `known`
    /// that has not ended by the store's clock.
    pub fn acquire(
        &mut self,
        now: u64,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Acquired<RowToken<P>> {
        if let Some(token) = &self.token
            && token.expires_at > now
            && known.is_none_or(|known| token.generation > known)
        {
            return Acquired::Newer(token.clone());
        }
        if let Some(ends) = self.lease_ends
            && ends > now
        {
            return Acquired::Held {
                remaining: Duration::from_millis(ends - now),
            };
        }
        self.fence = self.fence.saturating_add(1).max(now.saturating_mul(1_000));
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.lease_ends = Some(now.saturating_add(ttl));
        Acquired::Won(Lease(self.fence))
    }

    /// Keeps a token and ends the lease, if it is still this one and has not ended.
    pub fn commit(&mut self, now: u64, lease: Lease, expires_at: u64, payload: P) -> Commit {
        let held = self.fence == lease.0 && self.lease_ends.is_some_and(|ends| ends > now);
        if !held {
            return Commit::Fenced;
        }
        self.lease_ends = None;
        self.token = Some(RowToken {
            generation: lease.generation(),
            expires_at,
            payload,
        });
        Commit::Done
    }

    /// Ends the lease without a token, if it is still this one.
    pub fn release(&mut self, lease: Lease) {
        if self.fence == lease.0 {
            self.lease_ends = None;
        }
    }

    /// Drops the token if it is of this generation or older: the service refused it.
    ///
    /// Ends the lease too, if it is of this generation or older. So a commit that was long on its way
    /// cannot bring back a token that was refused meanwhile, and the highest generation of all drops
    /// whatever is there or under way: for a user who was deleted.
    pub fn invalidate(&mut self, generation: Generation) {
        if self.fence <= generation.number() {
            self.lease_ends = None;
        }
        self.token.take_if(|token| token.generation <= generation);
    }

    /// The token, to be changed where it stands: sealed with another key, for instance.
    pub const fn token_mut(&mut self) -> Option<&mut RowToken<P>> {
        self.token.as_mut()
    }

    /// When the lease ends, or would have ended: nothing if it was released or led to a token.
    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn lease_ends(&self) -> Option<u64> {
        self.lease_ends
    }

    /// Whether it may be dropped: no token in it lives, no lease on it runs, and a row made anew
    /// would begin with a higher fence.
    #[must_use]
    pub fn is_spent(&self, now: u64) -> bool {
        let lives = |end: u64| end > now;
        let token_lives = self
            .token
            .as_ref()
            .is_some_and(|token| lives(token.expires_at));
        let outlived = self.fence == 0 || self.fence < now.saturating_mul(1_000);
        !token_lives && !self.lease_ends.is_some_and(lives) && outlived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(1);

    fn won(row: &mut Row<&'static str>, now: u64, known: Option<Generation>) -> Lease {
        match row.acquire(now, TTL, known) {
            Acquired::Won(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lease_is_held_by_one_at_a_time_and_ends_by_itself() {
        let mut row = Row::default();
        let first = won(&mut row, 1_000, None);
        let held = row.acquire(1_999, TTL, None);
        let remaining = Duration::from_millis(1);
        assert_eq!(held, Acquired::Held { remaining });
        let second = won(&mut row, 2_000, None);
        assert!(second > first);
        assert_eq!(row.commit(2_001, first, 9_000, "old"), Commit::Fenced);
        row.release(first);
        assert!(matches!(
            row.acquire(2_002, TTL, None),
            Acquired::Held { .. }
        ));
        assert_eq!(row.commit(2_003, second, 9_000, "new"), Commit::Done);
        assert_eq!(row.load().unwrap().payload, "new");
    }

    #[test]
    fn a_commit_after_the_end_is_refused_even_if_nobody_took_over() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        assert_eq!(row.commit(2_000, lease, 9_000, "late"), Commit::Fenced);
        assert_eq!(row.load(), None);
    }

    #[test]
    fn a_commit_happens_once() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        assert_eq!(row.commit(1_001, lease, 9_000, "first"), Commit::Done);
        assert_eq!(row.commit(1_002, lease, 9_000, "again"), Commit::Fenced);
    }

    #[test]
    fn a_newer_token_saves_the_lease_and_the_same_one_does_not() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        row.commit(1_001, lease, 9_000, "token");
        let known = lease.generation();
        let older = Generation::new(known.number() - 1);
        assert!(matches!(row.acquire(1_002, TTL, None), Acquired::Newer(_)));
        assert!(matches!(
            row.acquire(1_002, TTL, Some(older)),
            Acquired::Newer(_)
        ));
        won(&mut row, 1_002, Some(known));
    }

    #[test]
    fn an_ended_token_saves_no_lease() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        row.commit(1_001, lease, 5_000, "token");
        won(&mut row, 5_000, None);
    }

    #[test]
    fn a_late_refusal_drops_no_newer_token() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        row.commit(1_001, lease, 9_000, "token");
        row.invalidate(Generation::new(lease.fence() - 1));
        assert!(row.load().is_some());
        row.invalidate(lease.generation());
        assert!(row.load().is_none());
    }

    #[test]
    fn a_late_commit_brings_no_refused_token_back() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        row.invalidate(lease.generation());
        assert_eq!(row.commit(1_001, lease, 9_000, "refused"), Commit::Fenced);
        let next = won(&mut row, 1_001, None);
        row.invalidate(lease.generation());
        assert_eq!(row.commit(1_002, next, 9_000, "next"), Commit::Done);
    }

    #[test]
    fn a_refusal_of_all_ends_whatever_lease_runs() {
        let mut row = Row::default();
        let before = won(&mut row, 1_000, None);
        row.commit(1_001, before, 9_000, "before");
        let running = won(&mut row, 1_002, Some(before.generation()));
        row.invalidate(Generation::new(u64::MAX));
        assert_eq!(row.load(), None);
        assert_eq!(row.commit(1_003, running, 9_000, "late"), Commit::Fenced);
        let after = won(&mut row, 1_003, None);
        assert!(after > running);
        assert_eq!(row.commit(1_004, after, 9_000, "after"), Commit::Done);
    }

    #[test]
    fn a_purged_row_gives_out_no_number_twice() {
        let mut row = Row::default();
        let before = won(&mut row, 1_000, None);
        row.release(before);
        let again = won(&mut row, 1_000, None);
        row.release(again);
        assert!(
            !row.is_spent(1_000),
            "a fresh row would begin with the same number"
        );
        assert!(row.is_spent(1_001));
        let mut fresh = Row::default();
        assert!(won(&mut fresh, 1_001, None) > again);
    }

    #[test]
    fn a_row_ahead_of_a_clock_that_was_set_back_stays() {
        let mut row = Row::default();
        let before = won(&mut row, 5_000, None);
        row.release(before);
        assert!(!row.is_spent(4_000));
    }

    #[test]
    fn a_row_in_use_is_not_spent() {
        let mut row = Row::default();
        let lease = won(&mut row, 1_000, None);
        assert!(!row.is_spent(1_999));
        assert!(row.is_spent(2_000));
        row.commit(1_001, lease, 5_000, "token");
        assert!(!row.is_spent(4_999));
        assert!(row.is_spent(5_000));
    }
}
