//! The sandbox's clock: the wall clock or a frozen instant, plus an offset that only grows.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(crate) type Millis = i64;

pub(crate) const DAY: Millis = 86_400_000;

/// 2026-01-15T09:00:00Z, where a frozen clock starts unless told otherwise.
pub(crate) const DEFAULT_START: Millis = 1_768_467_600_000;

/// The last instant that the clock will show: 9999-12-30T00:00:00Z.
///
/// No instant is told beyond the calendar of the library that writes it, which ends 22 hours later.
const END: Millis = 253_402_128_000_000;

#[derive(Debug)]
pub(crate) struct Clock {
    frozen_at: Option<Millis>,
    offset: AtomicI64,
}

impl Clock {
    pub(crate) fn wall() -> Self {
        Self {
            frozen_at: None,
            offset: AtomicI64::new(0),
        }
    }

    pub(crate) fn frozen(start: Millis) -> Self {
        Self {
            frozen_at: Some(start.clamp(0, END)),
            offset: AtomicI64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        let base = self
            .frozen_at
            .unwrap_or_else(|| from_system(SystemTime::now()));
        base.saturating_add(self.offset.load(Ordering::SeqCst))
            .min(END)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen_at.is_some()
    }

    /// Moves forward; `None` when that would pass the end of the calendar.
    pub(crate) fn advance(&self, by: Duration) -> Option<Millis> {
        let by = i64::try_from(by.as_millis()).ok()?;
        let now = self.now();
        now.checked_add(by).filter(|then| *then <= END)?;
        self.offset.fetch_add(by, Ordering::SeqCst);
        Some(self.now())
    }

    pub(crate) fn reset(&self) {
        self.offset.store(0, Ordering::SeqCst);
    }
}

pub(crate) fn from_system(time: SystemTime) -> Millis {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(END).min(END)
    })
}

pub(crate) fn to_system(at: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.max(0).unsigned_abs())
}

/// `2026-01-15T09:00:00.000Z`.
pub(crate) fn instant(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    format!("{at:.3}")
}

/// `Thu, 15 Jan 2026 09:00:00 GMT`.
pub(crate) fn http_date(at: Millis) -> HeaderValue {
    static PRINTER: DateTimePrinter = DateTimePrinter::new();
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    let text = PRINTER
        .timestamp_to_rfc9110_string(&at)
        .expect("a clock shows no year before 1970 or after 9999");
    HeaderValue::try_from(text).expect("a date is letters, digits and spaces")
}

/// Writes an instant so into JSON.
pub(crate) fn as_instant<S: serde::Serializer>(
    at: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant(from_system(*at)))
}

/// `2026-01-15`.
pub(crate) fn day(at: Millis) -> String {
    let mut text = instant(at);
    text.truncate(10);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_start_is_the_one_documented() {
        assert_eq!(instant(DEFAULT_START), "2026-01-15T09:00:00.000Z");
        assert_eq!(day(DEFAULT_START), "2026-01-15");
        assert_eq!(http_date(DEFAULT_START), "Thu, 15 Jan 2026 09:00:00 GMT");
    }

    #[test]
    fn every_instant_that_a_clock_can_show_is_a_date_of_http() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        let last = Clock::frozen(i64::MAX).now();
        assert_eq!(http_date(last), "Thu, 30 Dec 9999 00:00:00 GMT");
    }

    #[test]
    fn a_step_past_the_calendar_is_refused_and_changes_nothing() {
        let clock = Clock::frozen(DEFAULT_START);
        assert_eq!(clock.advance(Duration::MAX), None);
        assert_eq!(clock.advance(Duration::from_secs(400_000_000_000)), None);
        assert_eq!(clock.now(), DEFAULT_START);
        assert_eq!(
            clock.advance(Duration::from_secs(1)),
            Some(DEFAULT_START + 1000)
        );
    }
}
