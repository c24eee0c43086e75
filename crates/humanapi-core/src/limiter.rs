//! How many requests to one host are out at once: as many as the service bears, shared fairly.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::now::Now;

/// Bounds of a [`Limiter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimiterPolicy {
    first: u32,
    most: u32,
    longest_pause: Duration,
    /// How long there is between two requests at least, on average.
    spacing: Duration,
}

/// A request that comes late lets those behind it make good so much.
const CATCHES_UP: Duration = Duration::from_millis(10);

impl Default for LimiterPolicy {
    /// 8 at once to begin with, at most 64, and no pause beyond a minute.
    fn default() -> Self {
        Self {
            first: 8,
            most: 64,
            longest_pause: Duration::from_secs(60),
            spacing: Duration::ZERO,
        }
    }
}

/// A century.
const WIDEST_SPACING: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl LimiterPolicy {
    /// Sets how many requests may begin each second at most, however many may be out at once; as many as may be out if
    /// nothing is said. It is told by the time between two of them, so a fraction is possible: a tenth is one in ten seconds.
    /// What is no number above zero says nothing.
    #[must_use]
    pub fn with_rate(mut self, requests_per_second: f64) -> Self {
        self.spacing = match requests_per_second > 0.0 {
            // Of the smallest numbers the time is more than any, and no more than a timer can wait is ever meant.
            true => Duration::try_from_secs_f64(requests_per_second.recip())
                .map_or(WIDEST_SPACING, |spacing| spacing.min(WIDEST_SPACING)),
            false => Duration::ZERO,
        };
        self
    }

    /// Sets how many requests may be out at once before anything is known of the service; at least one.
    #[must_use]
    pub fn with_first(mut self, first: u32) -> Self {
        self.first = first.max(1);
        self
    }

    /// Sets how many may be out at once however well the service bears them; at least one.
    #[must_use]
    pub fn with_most(mut self, most: u32) -> Self {
        self.most = most.max(1);
        self
    }

    /// Sets how long the service can make everybody wait by a `Retry-After`.
    #[must_use]
    pub const fn with_longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }
}

/// Lets as many requests out at once as one host bears, and shares them fairly between those who wait.
///
/// The number grows by about one each time that all of them were answered well, and is halved when the
/// service says that it is too much (429, 503) or does not answer in time ("additive increase,
/// multiplicative decrease"). Answers to requests that were sent before a cut say nothing new and cut no
/// further. A `Retry-After` holds back everybody.
///
/// Whoever waits does so under a key, such as a user's; keys take turns, so that one user with thousands
/// of pages does not keep the others waiting.
///
/// It is plain data: time is an input, and whoever drives it wakes those who wait.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use humanapi_core::Now;
/// use humanapi_core::limiter::{Limiter, LimiterPolicy, Admission, Verdict};
///
/// let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let mut limiter = Limiter::new(LimiterPolicy::default().with_first(1));
/// let (first, second) = (limiter.wait(7), limiter.wait(7));
/// let Admission::Granted(ticket, permit) = limiter.next(now) else { panic!() };
/// assert_eq!(ticket, first);
/// assert_eq!(limiter.next(now), Admission::Nobody, "the second waits for the first one's end");
///
/// let retry_after = Some(Duration::from_secs(3));
/// limiter.end(permit, Verdict::Overloaded { retry_after }, now);
/// assert_eq!(limiter.next(now), Admission::Later(Duration::from_secs(3)));
/// let later = now.after(Duration::from_secs(3));
/// assert!(matches!(limiter.next(later), Admission::Granted(ticket, _) if ticket == second));
/// ```
#[derive(Debug)]
pub struct Limiter {
    policy: LimiterPolicy,
    /// How many may be out at once; the whole part counts.
    limit: f64,
    out: u32,
    /// How often the limit was cut.
    cuts: u64,
    /// Nobody's turn comes before this reading of the monotonic clock.
    paused_until: Duration,
    /// Nor before this one, by the policy's rate.
    next_at: Duration,
    waiting: BTreeMap<u64, VecDeque<Ticket>>,
    /// The keys that somebody waits under, in the order of their turns.
    round: VecDeque<u64>,
    tickets: u64,
}

/// The place of one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The right to have one request out. Give it back with [`Limiter::end`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not given back is out for ever"]
pub struct Permit {
    cuts: u64,
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver that ignored a variant would leave somebody waiting"
)]
pub enum Admission {
    /// This one's: let it send, and ask again.
    Granted(Ticket, Permit),
    /// Somebody's, once the monotonic clock has reached this reading. Ask again then.
    Later(Duration),
    /// Nobody's, until somebody waits or a permit is given back.
    Nobody,
}

/// How a request with a permit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "these are the three that the limit depends on"
)]
pub enum Verdict {
    /// The service bore it.
    Borne,
    /// The service was asked too much (429, 503), or did not answer in time.
    Overloaded {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// That it ended tells nothing: it was not sent, or dropped.
    Unknown,
}

impl Limiter {
    /// A limiter of which nothing is known yet.
    #[must_use]
    pub fn new(policy: LimiterPolicy) -> Self {
        Self {
            limit: f64::from(policy.first.min(policy.most)),
            policy,
            out: 0,
            cuts: 0,
            paused_until: Duration::ZERO,
            next_at: Duration::ZERO,
            waiting: BTreeMap::new(),
            round: VecDeque::new(),
            tickets: 0,
        }
    }

    /// How many may be out at once now.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// How many are out.
    #[must_use]
    pub const fn out(&self) -> u32 {
        self.out
    }

    /// Takes a place among those who wait, under a key.
    pub fn wait(&mut self, key: u64) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let queue = self.waiting.entry(key).or_default();
        if queue.is_empty() {
            self.round.push_back(key);
        }
        queue.push_back(ticket);
        ticket
    }

    /// Leaves a place. Nothing happens if its turn has come already: give back the permit then.
    pub fn leave(&mut self, key: u64, ticket: Ticket) {
        let Some(queue) = self.waiting.get_mut(&key) else {
            return;
        };
        queue.retain(|waiting| *waiting != ticket);
        if queue.is_empty() {
            self.waiting.remove(&key);
            self.round.retain(|waiting| *waiting != key);
        }
    }

    /// Whose turn it is now.
    pub fn next(&mut self, now: Now) -> Admission {
        if self.round.is_empty() || self.out >= self.limit() {
            return Admission::Nobody;
        }
        let waits_until = self.paused_until.max(self.next_at);
        if now.monotonic() < waits_until {
            return Admission::Later(waits_until);
        }
        let Some(key) = self.round.pop_front() else {
            return Admission::Nobody;
        };
        let Some(queue) = self.waiting.get_mut(&key) else {
            return Admission::Nobody;
        };
        let ticket = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.round.push_back(key);
        }
        let Some(ticket) = ticket else {
            return Admission::Nobody;
        };
        self.out += 1;
        let due = (now.monotonic().saturating_sub(CATCHES_UP)).max(self.next_at);
        self.next_at = due.saturating_add(self.policy.spacing);
        Admission::Granted(ticket, Permit { cuts: self.cuts })
    }

    /// Takes a permit back.
    pub fn end(&mut self, permit: Permit, verdict: Verdict, now: Now) {
        let was_full = self.out >= self.limit();
        self.out = self.out.saturating_sub(1);
        match verdict {
            // A limit that is not reached is not known to be too low.
            Verdict::Borne if was_full && permit.cuts == self.cuts => {
                self.limit = (self.limit + 1.0 / self.limit).min(f64::from(self.policy.most));
            }
            Verdict::Borne | Verdict::Unknown => {}
            Verdict::Overloaded { retry_after } => {
                if permit.cuts == self.cuts {
                    self.limit = (self.limit / 2.0).max(1.0);
                    self.cuts += 1;
                }
                if let Some(pause) = retry_after {
                    let pause = pause.min(self.policy.longest_pause);
                    let until = now.monotonic().saturating_add(pause);
                    self.paused_until = self.paused_until.max(until);
                }
            }
        }
    }
}
