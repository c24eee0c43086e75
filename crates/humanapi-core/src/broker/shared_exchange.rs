//! The lease protocol: one token for many processes.
//!
//! One piece: each step, the input that answers it and the state between them make sense together alone, and half of the
//! file are tests that tell of two processes and a store from beginning to end.

use std::time::Duration;

use crate::broker::{Acquired, Commit, Lease};
use crate::now::Now;
use crate::token::Generation;

/// Gets one token of a key through a store that several processes share.
///
/// It looks into the store, takes the lease, has the token exchanged, and commits it; it waits while
/// another process holds the lease, and takes over when that lease ends. It holds no token: it is told
/// each one's generation and whether it is fit for use, and says in the end which to use.
///
/// A store that cannot be asked fails nobody: the token is then exchanged for this process alone, under a
/// generation of its own. Whatever happens, the token that it ends with is newer than the one known, and
/// than the one refused.
///
/// As with a [`Flow`](crate::Flow), the driver polls, does what it is told, and hands back what came:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use humanapi_core::Now;
/// use humanapi_core::broker::{Commit, Got, Lease, SharedExchange, StoreInput, StoreStep};
///
/// let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let mut exchange = SharedExchange::new(None, None);
/// assert_eq!(exchange.poll(now), StoreStep::Load);
/// exchange.handle(StoreInput::Loaded(None), now);
/// assert_eq!(exchange.poll(now), StoreStep::Acquire { known: None });
/// let lease = Lease::new(7);
/// exchange.handle(StoreInput::Acquired(humanapi_core::broker::Acquired::Won(lease)), now);
/// assert!(matches!(exchange.poll(now), StoreStep::Exchange { .. }));
/// exchange.handle(StoreInput::Exchanged(true), now);
/// assert_eq!(exchange.poll(now), StoreStep::Commit(lease));
/// exchange.handle(StoreInput::Committed(Commit::Done), now);
/// assert_eq!(exchange.poll(now), StoreStep::Done(Got::Exchanged));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SharedExchange {
    state: State,
    /// What the token must be newer than.
    known: Option<Generation>,
    store_failed: bool,
    /// How often the lease was found held, which spaces the questions.
    waits: u32,
    /// How long a lease of another is believed to last.
    patience: Duration,
    /// When the lease was first found held.
    waiting_since: Option<Duration>,
    /// For how many leases it had waited when it asked last, as far as that matters.
    waited: u8,
    /// How many newer tokens came that are not fit for use.
    unfit: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Invalidate(Generation),
    Load,
    Acquire,
    Wait(Duration),
    Exchange(Option<Lease>),
    Commit(Lease),
    /// The commit was refused: another process may have committed a newer one.
    Reload,
    Release(Lease),
    Done(Got),
}

/// What a driver of a [`SharedExchange`] is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver that ignored a new variant would hang"
)]
pub enum StoreStep {
    /// Tell the store that the service refused this generation.
    Invalidate(Generation),
    /// Load what the store keeps.
    Load,
    /// Ask for the lease, unless there is a token newer than `known`.
    Acquire {
        /// What the token must be newer than.
        known: Option<Generation>,
    },
    /// Poll again once the monotonic clock has reached this reading.
    WaitUntil(Duration),
    /// Have a token exchanged, and number it so.
    Exchange {
        /// Its generation in this process. A store keeps it under that of the lease.
        generation: Generation,
    },
    /// Commit the exchanged token under this lease.
    Commit(Lease),
    /// Give the lease back: the exchange failed.
    Release(Lease),
    /// It is over.
    Done(Got),
}

/// How a [`SharedExchange`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each token is found elsewhere")]
pub enum Got {
    /// Use the token that the store gave last.
    Stored,
    /// Use the token that was exchanged.
    Exchanged,
    /// The exchange failed: its error is the answer.
    Failed,
}

/// A token as the machine needs to know it: its generation, and whether it leaves enough life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a driver makes these")]
pub struct Found {
    /// The token's generation.
    pub generation: Generation,
    /// Whether it leaves enough life to be used.
    pub fit: bool,
}

/// What a driver of a [`SharedExchange`] hands back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "these are the answers to the steps, and a driver makes them"
)]
pub enum StoreInput {
    /// The store was told of the refusal.
    Invalidated,
    /// What the store keeps.
    Loaded(Option<Found>),
    /// What asking for the lease brought.
    Acquired(Acquired<Found>),
    /// The exchange ended, with a token or without.
    Exchanged(bool),
    /// What committing brought.
    Committed(Commit),
    /// The lease was given back.
    Released,
    /// The store could not be asked, or what it keeps cannot be used.
    StoreFailed,
}

/// How soon the lease is asked for again, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(25);
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// A store that has ever newer tokens, none of them fit for use, is not asked for ever.
const MOST_UNFIT: u8 = 16;

impl SharedExchange {
    /// Gets a token newer than `known`, and than `rejected`: the generation that the service refused, if
    /// that is why.
    #[must_use]
    pub const fn new(known: Option<Generation>, rejected: Option<Generation>) -> Self {
        Self {
            state: match rejected {
                Some(generation) => State::Invalidate(generation),
                None => State::Load,
            },
            known: match (known, rejected) {
                (Some(known), Some(rejected)) if known.number() > rejected.number() => Some(known),
                (known, None) => known,
                (_, rejected) => rejected,
            },
            ..Self::alone(known)
        }
    }

    /// Gets a token for a user who begins anew: nothing that the store keeps by now will do, nor what comes
    /// of a lease that runs.
    #[must_use]
    pub const fn anew(known: Option<Generation>) -> Self {
        Self {
            state: State::Invalidate(Generation::new(u64::MAX)),
            ..Self::alone(known)
        }
    }

    /// Gets a token without a store, for this process alone.
    #[must_use]
    pub const fn alone(known: Option<Generation>) -> Self {
        Self {
            state: State::Exchange(None),
            known,
            store_failed: false,
            waits: 0,
            patience: Duration::from_secs(45),
            waiting_since: None,
            waited: 0,
            unfit: 0,
        }
    }

    /// Sets how long a lease of another is believed to last, 45 s unless set: as long as one of ours.
    ///
    /// Whatever the store says of a lease, it is waited for no longer, and for twice as long where another
    /// may have taken over from a holder that died. Then the token is exchanged for this process alone.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether the store failed on the way.
    #[must_use]
    pub const fn store_failed(&self) -> bool {
        self.store_failed
    }

    /// What to do next. May be called at any time; after [`StoreStep::Done`] it stays done.
    #[must_use = "the step says what to do next"]
    pub fn poll(&mut self, now: Now) -> StoreStep {
        if let State::Wait(until) = self.state
            && now.monotonic() >= until
        {
            self.state = State::Acquire;
        }
        if let (State::Acquire, Some(since)) = (self.state, self.waiting_since) {
            // By when it asks, as an answer may come long after it was true.
            let waited = now.monotonic().saturating_sub(since);
            let once = waited >= self.patience;
            let twice = waited >= self.patience.saturating_mul(2);
            self.waited = u8::from(once) + u8::from(twice);
        }
        match self.state {
            State::Invalidate(generation) => StoreStep::Invalidate(generation),
            State::Load | State::Reload => StoreStep::Load,
            State::Acquire => StoreStep::Acquire { known: self.known },
            State::Wait(until) => StoreStep::WaitUntil(until),
            State::Exchange(lease) => StoreStep::Exchange {
                generation: match lease {
                    // A process whose clock is ahead may know a number of its own that the store has not
                    // reached yet. Its copy of the token needs a newer one, or it would count for old.
                    Some(lease) => lease.generation().max(Self::after(self.known)),
                    None => Self::own_generation(self.known, now),
                },
            },
            State::Commit(lease) => StoreStep::Commit(lease),
            State::Release(lease) => StoreStep::Release(lease),
            State::Done(got) => StoreStep::Done(got),
        }
    }

    /// A number for a token that no store numbers: newer than all that is known, and in the order of
    /// time beside those that a store gives out, as far as the clocks agree.
    #[must_use]
    pub fn own_generation(known: Option<Generation>, now: Now) -> Generation {
        let since_1970 = now.wall().duration_since(std::time::SystemTime::UNIX_EPOCH);
        let micros = since_1970.map_or(0, |since| {
            u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
        });
        Generation::new(micros).max(Self::after(known))
    }

    fn after(known: Option<Generation>) -> Generation {
        Generation::new(known.map_or(1, |known| known.number().saturating_add(1)))
    }

    const fn is_news(&self, found: Found) -> bool {
        match self.known {
            Some(known) => found.generation.number() > known.number(),
            None => true,
        }
    }

    /// Takes what came back. What answers no open question changes nothing.
    pub fn handle(&mut self, input: StoreInput, now: Now) {
        self.state = match (self.state, input) {
            (State::Invalidate(_), StoreInput::Invalidated) => State::Load,
            (State::Load, StoreInput::Loaded(Some(found))) if self.is_news(found) => {
                if found.fit {
                    State::Done(Got::Stored)
                } else {
                    // It lives, but not long enough for this caller: only a newer one will do.
                    self.known = Some(found.generation);
                    State::Acquire
                }
            }
            (State::Load, StoreInput::Loaded(_)) => State::Acquire,
            (State::Acquire, StoreInput::Acquired(Acquired::Won(lease))) => {
                State::Exchange(Some(lease))
            }
            (State::Acquire, StoreInput::Acquired(Acquired::Newer(found))) => self.newer(found),
            (State::Acquire, StoreInput::Acquired(Acquired::Held { remaining })) => {
                self.held(remaining, now)
            }
            (State::Exchange(Some(lease)), StoreInput::Exchanged(true)) => State::Commit(lease),
            (State::Exchange(None), StoreInput::Exchanged(true)) => State::Done(Got::Exchanged),
            (State::Exchange(Some(lease)), StoreInput::Exchanged(false)) => State::Release(lease),
            (State::Exchange(None), StoreInput::Exchanged(false)) => State::Done(Got::Failed),
            (State::Commit(_), StoreInput::Committed(Commit::Done)) => State::Done(Got::Exchanged),
            (State::Commit(lease), StoreInput::Committed(Commit::Fenced)) => {
                self.known = self.known.max(Some(lease.generation()));
                State::Reload
            }
            (State::Reload, StoreInput::Loaded(Some(found)))
                if found.fit && self.is_news(found) =>
            {
                State::Done(Got::Stored)
            }
            (State::Reload, StoreInput::Loaded(_)) => State::Done(Got::Exchanged),
            (State::Release(_), StoreInput::Released) => State::Done(Got::Failed),
            (state, StoreInput::StoreFailed) => self.without_store(state),
            (state, _) => state,
        };
    }

    /// There is said to be a newer token, so there is no lease to be had.
    const fn newer(&mut self, found: Found) -> State {
        // Only a store that does not do what it should sends what is not newer.
        if !self.is_news(found) || self.unfit >= MOST_UNFIT {
            return self.without_store(State::Acquire);
        }
        if found.fit {
            return State::Done(Got::Stored);
        }
        self.unfit += 1;
        self.known = Some(found.generation);
        State::Acquire
    }

    /// Another holds the lease.
    fn held(&mut self, remaining: Duration, now: Now) -> State {
        let at = now.monotonic();
        let since = *self.waiting_since.get_or_insert(at);
        // None of us took one that lasts for longer than ours.
        let leases = if remaining > self.patience { 1 } else { 2 };
        if self.waited >= leases {
            return State::Exchange(None);
        }
        let longest = self.patience.saturating_mul(leases.into());
        let left = since.saturating_add(longest).saturating_sub(at);
        let wait = crate::retry::doubled(FIRST_WAIT, self.waits, LONGEST_WAIT);
        self.waits = self.waits.saturating_add(1);
        // A lease that ends now is still waited for, or the loop would spin.
        let wait = wait.min(remaining).min(left).max(Duration::from_millis(1));
        State::Wait(at.saturating_add(wait))
    }

    /// The store failed in this state: go on without it.
    const fn without_store(&mut self, state: State) -> State {
        let next = match state {
            State::Invalidate(_) | State::Load | State::Acquire => State::Exchange(None),
            // Whether the token is kept is unknown. It is good either way.
            State::Commit(_) | State::Reload => State::Done(Got::Exchanged),
            // The lease ends by itself.
            State::Release(_) => State::Done(Got::Failed),
            State::Wait(_) | State::Exchange(_) | State::Done(_) => return state,
        };
        self.store_failed = true;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn now() -> Now {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Now::new(Duration::from_secs(50), wall)
    }

    fn generation(number: u64) -> Generation {
        Generation::new(number)
    }

    fn found(number: u64, fit: bool) -> Found {
        Found {
            generation: generation(number),
            fit,
        }
    }

    /// Each step that comes, with what is handed back for it.
    fn check(mut exchange: SharedExchange, story: &[(StoreStep, StoreInput)], end: Got) {
        for (step, input) in story {
            assert_eq!(exchange.poll(now()), *step);
            exchange.handle(input.clone(), now());
        }
        assert_eq!(exchange.poll(now()), StoreStep::Done(end));
    }

    const LEASE: Lease = Lease::new(9);

    fn won() -> StoreInput {
        StoreInput::Acquired(Acquired::Won(LEASE))
    }

    const fn exchange_9() -> StoreStep {
        StoreStep::Exchange {
            generation: LEASE.generation(),
        }
    }

    #[test]
    fn a_token_that_another_process_got_is_used() {
        let stored = StoreInput::Loaded(Some(found(4, true)));
        let story = [(StoreStep::Load, stored)];
        check(SharedExchange::new(None, None), &story, Got::Stored);
        check(
            SharedExchange::new(Some(generation(3)), None),
            &story,
            Got::Stored,
        );
    }

    #[test]
    fn a_refused_token_is_dropped_from_the_store_and_replaced() {
        let refused = generation(4);
        check(
            SharedExchange::new(Some(refused), Some(refused)),
            &[
                (StoreStep::Invalidate(refused), StoreInput::Invalidated),
                (StoreStep::Load, StoreInput::Loaded(Some(found(4, true)))),
                (
                    StoreStep::Acquire {
                        known: Some(refused),
                    },
                    won(),
                ),
                (exchange_9(), StoreInput::Exchanged(true)),
                (
                    StoreStep::Commit(LEASE),
                    StoreInput::Committed(Commit::Done),
                ),
            ],
            Got::Exchanged,
        );
    }

    #[test]
    fn a_process_whose_clock_is_ahead_of_the_stores_gets_a_token_that_is_newer_for_it() {
        let own = generation(1_000);
        let newer = StoreStep::Exchange {
            generation: generation(1_001),
        };
        check(
            SharedExchange::new(Some(own), None),
            &[
                (StoreStep::Load, StoreInput::Loaded(Some(found(4, true)))),
                (StoreStep::Acquire { known: Some(own) }, won()),
                (newer, StoreInput::Exchanged(true)),
                (
                    StoreStep::Commit(LEASE),
                    StoreInput::Committed(Commit::Done),
                ),
            ],
            Got::Exchanged,
        );
    }

    #[test]
    fn what_was_refused_counts_as_known() {
        let (older, refused) = (generation(3), generation(4));
        for known in [None, Some(older), Some(refused)] {
            let known_now = Some(refused);
            check(
                SharedExchange::new(known, Some(refused)),
                &[
                    (StoreStep::Invalidate(refused), StoreInput::Invalidated),
                    (StoreStep::Load, StoreInput::Loaded(Some(found(4, true)))),
                    (
                        StoreStep::Acquire { known: known_now },
                        StoreInput::Acquired(Acquired::Newer(found(5, true))),
                    ),
                ],
                Got::Stored,
            );
        }
    }

    #[test]
    fn a_stored_token_with_too_little_life_is_replaced() {
        check(
            SharedExchange::new(None, None),
            &[
                (StoreStep::Load, StoreInput::Loaded(Some(found(4, false)))),
                (
                    StoreStep::Acquire {
                        known: Some(generation(4)),
                    },
                    StoreInput::Acquired(Acquired::Newer(found(5, false))),
                ),
                (
                    StoreStep::Acquire {
                        known: Some(generation(5)),
                    },
                    StoreInput::Acquired(Acquired::Newer(found(6, true))),
                ),
            ],
            Got::Stored,
        );
    }

    #[test]
    fn a_failed_exchange_gives_the_lease_back() {
        check(
            SharedExchange::new(None, None),
            &[
                (StoreStep::Load, StoreInput::Loaded(None)),
                (StoreStep::Acquire { known: None }, won()),
                (exchange_9(), StoreInput::Exchanged(false)),
                (StoreStep::Release(LEASE), StoreInput::Released),
            ],
            Got::Failed,
        );
    }

    #[test]
    fn a_fenced_commit_gives_way_to_the_newer_token_only() {
        let until_fenced = [
            (StoreStep::Load, StoreInput::Loaded(None)),
            (StoreStep::Acquire { known: None }, won()),
            (exchange_9(), StoreInput::Exchanged(true)),
            (
                StoreStep::Commit(LEASE),
                StoreInput::Committed(Commit::Fenced),
            ),
        ];
        for (stored, end) in [
            (Some(found(10, true)), Got::Stored),
            (Some(found(10, false)), Got::Exchanged),
            (Some(found(8, true)), Got::Exchanged),
            (None, Got::Exchanged),
        ] {
            let mut story = until_fenced.to_vec();
            story.push((StoreStep::Load, StoreInput::Loaded(stored)));
            check(SharedExchange::new(None, None), &story, end);
        }
    }

    #[test]
    fn a_held_lease_is_waited_for_and_asked_for_again() {
        let mut exchange = SharedExchange::new(None, None);
        exchange.handle(StoreInput::Loaded(None), now());
        let mut at = now();
        let mut waits = Vec::new();
        for _ in 0..7 {
            assert_eq!(exchange.poll(at), StoreStep::Acquire { known: None });
            let remaining = Duration::from_secs(30);
            exchange.handle(StoreInput::Acquired(Acquired::Held { remaining }), at);
            let StoreStep::WaitUntil(until) = exchange.poll(at) else {
                panic!("{exchange:?}");
            };
            let wait = until.saturating_sub(at.monotonic());
            waits.push(wait.as_millis());
            at = at.after(wait);
        }
        assert_eq!(waits, [25, 50, 100, 200, 400, 400, 400]);
        assert_eq!(exchange.poll(at), StoreStep::Acquire { known: None });
        let remaining = Duration::from_millis(3);
        exchange.handle(StoreInput::Acquired(Acquired::Held { remaining }), at);
        assert_eq!(
            exchange.poll(at),
            StoreStep::WaitUntil(at.monotonic() + remaining),
            "a lease that ends soon is asked for when it ends"
        );
    }

    /// How long a process waits for a lease that is said to last so long, each time it asks.
    fn waited(remaining: Duration) -> Duration {
        let patience = Duration::from_secs(20);
        let mut exchange = SharedExchange::new(None, None).with_patience(patience);
        exchange.handle(StoreInput::Loaded(None), now());
        let mut at = now();
        loop {
            match exchange.poll(at) {
                StoreStep::Acquire { .. } => {
                    exchange.handle(StoreInput::Acquired(Acquired::Held { remaining }), at);
                }
                StoreStep::WaitUntil(until) => {
                    at = at.after(until.saturating_sub(at.monotonic()));
                }
                StoreStep::Exchange { .. } => break,
                step => panic!("{step:?}"),
            }
        }
        exchange.handle(StoreInput::Exchanged(true), at);
        assert_eq!(exchange.poll(at), StoreStep::Done(Got::Exchanged));
        assert!(!exchange.store_failed());
        at.monotonic().saturating_sub(now().monotonic())
    }

    #[test]
    fn a_lease_is_believed_for_as_long_as_one_of_ours_whatever_the_store_says() {
        let seconds = Duration::from_secs;
        for absurd in [seconds(21), seconds(u64::MAX), Duration::MAX] {
            assert_eq!(waited(absurd), seconds(20));
        }
        // It may be another's each time, but not for ever.
        for plausible in [Duration::ZERO, Duration::from_millis(1), seconds(20)] {
            assert_eq!(waited(plausible), seconds(40));
        }
    }

    #[test]
    fn a_store_that_always_has_a_newer_token_is_not_asked_for_ever() {
        for rises in [0, 1] {
            let mut exchange = SharedExchange::new(Some(generation(5)), None);
            exchange.handle(StoreInput::Loaded(None), now());
            let mut asked = 0;
            while let StoreStep::Acquire { .. } = exchange.poll(now()) {
                asked += 1;
                let found = found(5 + asked * rises, false);
                exchange.handle(StoreInput::Acquired(Acquired::Newer(found)), now());
            }
            assert!(exchange.store_failed() && asked <= 20, "{asked}");
            assert!(matches!(exchange.poll(now()), StoreStep::Exchange { .. }));
        }
    }

    #[test]
    fn whoever_begins_anew_has_the_store_drop_all_from_before() {
        let all = generation(u64::MAX);
        let dropped = (StoreStep::Invalidate(all), StoreInput::Invalidated);
        let stored = (StoreStep::Load, StoreInput::Loaded(Some(found(4, true))));
        // What is there by now came after.
        check(SharedExchange::anew(None), &[dropped, stored], Got::Stored);
        // A store that could not be told is asked for nothing more.
        let mut exchange = SharedExchange::anew(None);
        exchange.handle(StoreInput::StoreFailed, now());
        assert!(matches!(exchange.poll(now()), StoreStep::Exchange { .. }));
    }

    #[test]
    fn without_a_store_the_token_is_exchanged_for_this_process() {
        let micros = 1_800_000_000_000_000;
        for story in [
            vec![(StoreStep::Load, StoreInput::StoreFailed)],
            vec![
                (StoreStep::Load, StoreInput::Loaded(None)),
                (StoreStep::Acquire { known: None }, StoreInput::StoreFailed),
            ],
        ] {
            let mut story = story;
            let alone = StoreStep::Exchange {
                generation: generation(micros),
            };
            story.push((alone, StoreInput::Exchanged(true)));
            check(SharedExchange::new(None, None), &story, Got::Exchanged);
        }
        let ahead = Some(generation(micros + 5));
        let mut exchange = SharedExchange::alone(ahead);
        let newer = StoreStep::Exchange {
            generation: generation(micros + 6),
        };
        assert_eq!(exchange.poll(now()), newer, "newer than all that is known");
        assert!(!exchange.store_failed());
    }

    #[test]
    fn a_store_that_fails_late_costs_nothing() {
        let exchanged = [
            (StoreStep::Load, StoreInput::Loaded(None)),
            (StoreStep::Acquire { known: None }, won()),
        ];
        let mut story = exchanged.to_vec();
        story.push((exchange_9(), StoreInput::Exchanged(true)));
        story.push((StoreStep::Commit(LEASE), StoreInput::StoreFailed));
        check(SharedExchange::new(None, None), &story, Got::Exchanged);
        let mut story = exchanged.to_vec();
        story.push((exchange_9(), StoreInput::Exchanged(false)));
        story.push((StoreStep::Release(LEASE), StoreInput::StoreFailed));
        check(SharedExchange::new(None, None), &story, Got::Failed);
    }

    #[test]
    fn answers_to_other_questions_change_nothing() {
        let mut exchange = SharedExchange::new(None, None);
        for input in [
            StoreInput::Invalidated,
            won(),
            StoreInput::Exchanged(true),
            StoreInput::Committed(Commit::Done),
            StoreInput::Released,
        ] {
            exchange.handle(input, now());
            assert_eq!(exchange.poll(now()), StoreStep::Load);
        }
    }
}
