//! When a token ends, and how much life it must have left.

use std::time::{Duration, SystemTime};

use crate::now::Now;

/// When a token ends, by both clocks.
///
/// A token's life counts from when its request was handed out, not from when the answer came, so
/// it never seems to live longer than it does. It has ended when *either* clock says so: the wall
/// clock runs on while a machine sleeps, and the monotonic one cannot be set back.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use humanapi_core::{Expiry, Leeway, Now};
///
/// let sent_at = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let expiry = Expiry::after(sent_at, Duration::from_secs(3600));
/// let leeway = Leeway::default();
/// assert!(expiry.leaves(sent_at.after(Duration::from_secs(3590)), leeway));
/// assert!(!expiry.leaves(sent_at.after(Duration::from_secs(3596)), leeway), "5 s of skew");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    ends_wall: SystemTime,
    ends_monotonic: Option<Duration>,
}

/// No answer is believed to live longer: 10 years, so that time arithmetic has room.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 366 * 86_400);

impl Expiry {
    /// The end of a token whose request was handed out at `sent_at`.
    #[must_use]
    pub fn after(sent_at: Now, lifetime: Duration) -> Self {
        let ends = sent_at.after(lifetime.min(LONGEST_LIFE));
        Self {
            ends_wall: ends.wall(),
            ends_monotonic: Some(ends.monotonic()),
        }
    }

    /// The end of a token from a store, which knows the wall clock alone.
    #[must_use]
    pub const fn at(ends: SystemTime) -> Self {
        Self {
            ends_wall: ends,
            ends_monotonic: None,
        }
    }

    pub(crate) const fn by_both(wall: SystemTime, monotonic: Option<Duration>) -> Self {
        Self {
            ends_wall: wall,
            ends_monotonic: monotonic,
        }
    }

    /// The end by the monotonic clock of the process that got the token, unless it came from a store.
    #[must_use]
    pub const fn monotonic(self) -> Option<Duration> {
        self.ends_monotonic
    }

    /// The end by the wall clock, as a store keeps it.
    #[must_use]
    pub const fn wall(self) -> SystemTime {
        self.ends_wall
    }

    /// How much life is left, by the clock that says less. Zero when it has ended.
    #[must_use]
    pub fn time_left(self, now: Now, skew: Duration) -> Duration {
        let by_wall = self
            .ends_wall
            .duration_since(now.wall())
            .unwrap_or_default()
            .saturating_sub(skew);
        match self.ends_monotonic {
            Some(ends) => by_wall.min(ends.saturating_sub(now.monotonic()).saturating_sub(skew)),
            None => by_wall,
        }
    }

    /// Whether more life is left than `leeway` asks for.
    #[must_use]
    pub fn leaves(self, now: Now, leeway: Leeway) -> bool {
        self.time_left(now, leeway.skew) > leeway.at_least
    }
}

/// How much life a token must have left to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leeway {
    at_least: Duration,
    skew: Duration,
}

impl Leeway {
    /// By how much our clocks and the service's may differ, unless told otherwise.
    pub const DEFAULT_SKEW: Duration = Duration::from_secs(5);

    /// More than so much life must be left.
    #[must_use]
    pub const fn at_least(life: Duration) -> Self {
        Self {
            at_least: life,
            skew: Self::DEFAULT_SKEW,
        }
    }

    /// Sets by how much clocks may differ.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }
}

impl Default for Leeway {
    /// Any life at all, clocks at most 5 s apart.
    fn default() -> Self {
        Self::at_least(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn noon() -> Now {
        Now::new(
            Duration::from_secs(1_000),
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        )
    }

    #[test]
    fn the_clock_that_says_less_decides() {
        let expiry = Expiry::after(noon(), HOUR);
        let left = |monotonic: u64, wall: u64| {
            let now = Now::new(
                Duration::from_secs(1_000 + monotonic),
                noon().wall() + Duration::from_secs(wall),
            );
            expiry.time_left(now, Duration::ZERO).as_secs()
        };
        assert_eq!(left(0, 0), 3_600);
        assert_eq!(left(3_000, 0), 600, "the wall clock was set back");
        assert_eq!(left(0, 3_000), 600, "the machine slept");
        assert_eq!(left(4_000, 0), 0);
        assert_eq!(left(0, 4_000), 0);
    }

    #[test]
    fn a_stored_token_knows_wall_time_only() {
        let expiry = Expiry::at(noon().wall() + HOUR);
        let other_process = Now::new(Duration::from_secs(999_999), noon().wall());
        assert_eq!(expiry.time_left(other_process, Duration::ZERO), HOUR);
        assert_eq!(
            expiry.time_left(other_process.after(HOUR), Duration::ZERO),
            Duration::ZERO
        );
    }

    #[test]
    fn absurd_lifetimes_neither_panic_nor_wrap() {
        let expiry = Expiry::after(noon(), Duration::MAX);
        assert_eq!(expiry.time_left(noon(), Duration::ZERO), LONGEST_LIFE);
        let end_of_time = Now::new(Duration::MAX, noon().wall());
        assert_eq!(
            Expiry::after(end_of_time, HOUR).time_left(end_of_time, Duration::ZERO),
            Duration::ZERO
        );
    }

    #[test]
    fn leeway_asks_for_life_beyond_skew() {
        let expiry = Expiry::after(noon(), HOUR);
        let leeway = Leeway::at_least(Duration::from_secs(600));
        assert!(expiry.leaves(noon().after(Duration::from_secs(2_994)), leeway));
        assert!(!expiry.leaves(noon().after(Duration::from_secs(2_995)), leeway));
    }
}
