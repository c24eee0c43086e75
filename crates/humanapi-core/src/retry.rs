//! How often, how long and until when an operation is tried.

use std::time::{Duration, SystemTime};

use crate::now::Now;

/// Whether an operation may be repeated after an attempt whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a retry decision that missed a variant could place an order twice"
)]
pub enum Replay {
    /// Repeating it changes nothing more.
    Safe,
    /// Only a request that provably never left may be sent again.
    OnlyIfNotSent,
}

/// How often, how long and until when an operation is tried.
///
/// The wait before attempt *n* + 1 is drawn evenly from nothing up to `base` × 2ⁿ⁻¹, at most `cap`
/// ("full jitter"), on top of what the service's `Retry-After` asks for. What would wait past the overall
/// deadline gives up at once instead.
///
/// Draws come from `seed`, so the same seed and the same answers give the same waits. A driver that
/// serves many calls gives each another seed.
///
/// ```
/// use std::time::Duration;
/// use humanapi_core::RetryPolicy;
///
/// let patient = RetryPolicy::default()
///     .with_max_attempts(6)
///     .with_overall_deadline(Duration::from_secs(300));
/// assert_eq!(RetryPolicy::none().max_attempts(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    base: Duration,
    cap: Duration,
    attempt_timeout: Duration,
    overall_deadline: Duration,
    chunk_timeout: Duration,
    seed: u64,
}

impl Default for RetryPolicy {
    /// 4 attempts of at most 30 s each, waits from 200 ms doubling to 10 s, 2 minutes in all. A body that is handed over
    /// as it arrives may be silent for 30 s.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base: Duration::from_millis(200),
            cap: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            overall_deadline: Duration::from_secs(120),
            chunk_timeout: Duration::from_secs(30),
            seed: 0,
        }
    }
}

impl RetryPolicy {
    /// One attempt and no more.
    #[must_use]
    pub fn none() -> Self {
        Self::default().with_max_attempts(1)
    }

    /// For calls that may take so long in all: an attempt has half of that, so that a second one has time, and a body that
    /// is handed over as it arrives may be silent for all of it. The rest is as by default.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self::default()
            .with_attempt_timeout(time / 2)
            .with_overall_deadline(time)
            .with_chunk_timeout(time)
    }

    /// Sets how many attempts there are in all; at least one is made.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the longest first wait.
    #[must_use]
    pub const fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest wait that is our own choice. A `Retry-After` may ask for a longer one.
    #[must_use]
    pub const fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets how long one attempt may take. Where the body of a success is handed over as it arrives it ends at the head:
    /// the beginning that shows whether it is what was asked for may take as long as everything may together.
    #[must_use]
    pub const fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets how long everything may take together, counted from the first poll. A body that is handed over as it arrives
    /// comes after that: its head has to be here in time.
    #[must_use]
    pub const fn with_overall_deadline(mut self, deadline: Duration) -> Self {
        self.overall_deadline = deadline;
        self
    }

    /// Sets how long a body that is handed over as it arrives may be silent, each time more of it is waited for.
    #[must_use]
    pub const fn with_chunk_timeout(mut self, timeout: Duration) -> Self {
        self.chunk_timeout = timeout;
        self
    }

    /// Sets the seed of the waits.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many attempts there are in all.
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// How long everything may take together.
    #[must_use]
    pub const fn overall_deadline(&self) -> Duration {
        self.overall_deadline
    }

    /// How long a body that is handed over as it arrives may be silent.
    #[must_use]
    pub const fn chunk_timeout(&self) -> Duration {
        self.chunk_timeout
    }

    /// The seed of the waits.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }
}

/// Draws the waits of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    draws: Draws,
}

impl Backoff {
    pub(crate) const fn new(policy: &RetryPolicy) -> Self {
        Self {
            draws: Draws::new(policy.seed),
        }
    }

    /// The wait after so many attempts.
    pub(crate) fn wait(&mut self, policy: &RetryPolicy, attempts: u32) -> Duration {
        let longest = doubled(policy.base, attempts.saturating_sub(1), policy.cap);
        self.draws.up_to(longest)
    }
}

/// `base` doubled so often, at most `cap`.
pub(crate) fn doubled(base: Duration, times: u32, cap: Duration) -> Duration {
    base.checked_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
        .unwrap_or(cap)
        .min(cap)
}

/// Even draws from a seed: SplitMix64, which is small, fast, and even enough to spread waits. It keeps
/// no secrets.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    state: u64,
}

impl Draws {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A duration from nothing up to `longest`, to the nanosecond.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        // The high half of a 64 × 64 bit product is an even draw from 0 to `nanos`.
        let drawn = (u128::from(self.next()) * (u128::from(nanos) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX))
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What a `Retry-After` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "HTTP defines these two forms")]
pub enum RetryAfter {
    /// So long from now.
    Delay(Duration),
    /// Not before this moment.
    At(SystemTime),
}

impl RetryAfter {
    /// Reads the header's value: seconds, or an HTTP date.
    ///
    /// A number too large to count is kept as a wait without end, so that nobody comes back early.
    /// What is neither (a negative number, say) asks for nothing.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            let seconds = value.parse().unwrap_or(u64::MAX);
            return Some(Self::Delay(Duration::from_secs(seconds)));
        }
        httpdate::parse_http_date(value).ok().map(Self::At)
    }

    /// How long from now. Nothing for a moment that has passed.
    #[must_use]
    pub fn wait(self, now: Now) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(moment) => moment.duration_since(now.wall()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, asks: Option<RetryAfter>) {
        assert_eq!(RetryAfter::parse(value), asks, "{value:?}");
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        let seconds = |count| Some(RetryAfter::Delay(Duration::from_secs(count)));
        check("0", seconds(0));
        check(" 120 ", seconds(120));
        check("99999999999999999999999", seconds(u64::MAX));
        check("-1", None);
        check("1.5", None);
        check("", None);
        check("soon", None);
        check(
            "Sun, 06 Nov 1994 08:49:37 GMT",
            Some(RetryAfter::At(
                SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777),
            )),
        );
        check("Sun, 99 Nov 1994 08:49:37 GMT", None);
    }

    #[test]
    fn a_date_that_has_passed_asks_for_no_wait() {
        let now = Now::new(
            Duration::ZERO,
            SystemTime::UNIX_EPOCH + Duration::from_secs(100),
        );
        let at = |seconds| RetryAfter::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(40).wait(now), Duration::ZERO);
        assert_eq!(at(160).wait(now), Duration::from_secs(60));
    }

    #[test]
    fn a_call_of_so_long_has_time_for_a_second_attempt() {
        for seconds in [1, 20, 600] {
            let time = Duration::from_secs(seconds);
            let policy = RetryPolicy::within(time);
            assert_eq!(policy.attempt_timeout() * 2, time);
            assert_eq!(policy.overall_deadline(), time);
            assert_eq!(policy.chunk_timeout(), time);
            assert_eq!(policy.max_attempts(), RetryPolicy::default().max_attempts());
        }
    }

    #[test]
    fn waits_stay_within_their_bound_and_use_its_whole_width() {
        let policy = RetryPolicy::default()
            .with_base(Duration::from_secs(1))
            .with_cap(Duration::from_secs(3));
        let mut backoff = Backoff::new(&policy);
        for (attempts, bound) in [(1, 1.0), (2, 2.0), (3, 3.0), (40, 3.0), (u32::MAX, 3.0)] {
            let waits: Vec<f64> = (0..500)
                .map(|_| backoff.wait(&policy, attempts).as_secs_f64())
                .collect();
            let longest = waits.iter().copied().fold(0.0, f64::max);
            let shortest = waits.iter().copied().fold(f64::MAX, f64::min);
            assert!(longest <= bound && longest > bound * 0.95, "{longest}");
            assert!(shortest < bound * 0.05, "{shortest}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_waits() {
        let draw = |seed| {
            let policy = RetryPolicy::default().with_seed(seed);
            let mut backoff = Backoff::new(&policy);
            [1, 2, 3].map(|attempts| backoff.wait(&policy, attempts))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
