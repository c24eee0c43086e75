//! A reading of both clocks, taken by whoever drives.

use std::time::{Duration, SystemTime};

/// A reading of the monotonic and of the wall clock.
///
/// This crate never reads a clock; each step takes a `Now` instead.
///
/// * The **monotonic** reading is the time since an origin that the driver chose once, because
///   [`std::time::Instant`] cannot be made on `wasm32`. Waits and deadlines use it.
/// * The **wall** reading is the calendar's. A token from a store and an HTTP date know no other.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use humanapi_core::Now;
///
/// let start = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let later = start.after(Duration::from_secs(5));
/// assert_eq!(later.monotonic(), Duration::from_secs(5));
/// assert_eq!(later.wall(), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Now {
    monotonic: Duration,
    wall: SystemTime,
}

impl Now {
    /// Puts two readings together. Take both at the same moment.
    #[must_use]
    pub const fn new(monotonic: Duration, wall: SystemTime) -> Self {
        Self { monotonic, wall }
    }

    /// The time since the driver's origin. Never goes back.
    #[must_use]
    pub const fn monotonic(&self) -> Duration {
        self.monotonic
    }

    /// The time of day, which may be set forward or back at any moment.
    #[must_use]
    pub const fn wall(&self) -> SystemTime {
        self.wall
    }

    /// How much time has passed since an earlier reading, at most: the monotonic clock may have stood still while the
    /// machine was suspended, and the wall clock may have been set back, so the one that tells of more counts.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        let wall = self.wall.duration_since(earlier.wall);
        monotonic.max(wall.unwrap_or_default())
    }

    /// Both readings moved forward together, as far as they can be.
    #[must_use]
    pub fn after(self, elapsed: Duration) -> Self {
        Self {
            monotonic: self.monotonic.saturating_add(elapsed),
            wall: self.wall.checked_add(elapsed).unwrap_or(self.wall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_past_the_end_of_time_stays_there() {
        let now = Now::new(Duration::MAX, SystemTime::UNIX_EPOCH);
        assert_eq!(now.after(Duration::MAX).monotonic(), Duration::MAX);
    }
}
