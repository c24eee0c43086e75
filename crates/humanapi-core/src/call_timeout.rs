//! How long one call may take in all, as a setting of an application says it.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// How long one call may take in all, as a setting of an application says it: seconds, or a time with its units.
///
/// [`RetryPolicy::within`](crate::RetryPolicy::within) is the policy for it.
///
/// ```
/// use std::time::Duration;
/// use humanapi_core::{CallTimeout, CallTimeoutError, RetryPolicy};
///
/// for text in ["90", "90s", "1m 30s", "1.5min", "PT1M30S"] {
///     assert_eq!(text.parse::<CallTimeout>()?.duration(), Duration::from_secs(90));
/// }
/// assert_eq!("soon".parse::<CallTimeout>(), Err(CallTimeoutError::NoTime));
/// let policy = RetryPolicy::within("90".parse::<CallTimeout>()?.duration());
/// assert_eq!(policy.overall_deadline(), Duration::from_secs(90));
/// # Ok::<(), CallTimeoutError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallTimeout(Duration);

impl CallTimeout {
    /// As a length of time.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for CallTimeout {
    type Err = CallTimeoutError;

    fn from_str(text: &str) -> Result<Self, CallTimeoutError> {
        match read(text) {
            None => Err(CallTimeoutError::NoTime),
            Some(time) if time < SHORTEST => Err(CallTimeoutError::TooShort),
            Some(time) if time > LONGEST => Err(CallTimeoutError::TooLong),
            Some(time) => Ok(Self(time)),
        }
    }
}

/// Why a text says no time that a call may take. It never repeats the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallTimeoutError {
    /// It is neither seconds nor a time with its units.
    #[error("it is no time")]
    NoTime,
    /// No call is over so soon.
    #[error("it is less than a tenth of a second")]
    TooShort,
    /// Nobody waits so long: most likely the unit is another one.
    #[error("it is more than a day")]
    TooLong,
}

impl CallTimeoutError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        "write it like 30, 30s or 2m"
    }
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How units are written, the longest first, each with its seconds. Those of ISO 8601 are capitals behind `PT`.
const UNITS: [(&[&str], f64); 4] = [
    (&["h", "hr", "hrs", "hour", "hours"], 3600.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["s", "sec", "secs", "second", "seconds"], 1.0),
    (
        &["ms", "msec", "msecs", "millisecond", "milliseconds"],
        1e-3,
    ),
];
const ISO_UNITS: [(&[&str], f64); 3] = [(&["H"], 3600.0), (&["M"], 60.0), (&["S"], 1.0)];

fn read(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    match text.strip_prefix("PT") {
        Some(iso) => in_units(iso, &ISO_UNITS),
        None => in_units(text, &UNITS),
    }
}

/// The sum of numbers with their units, each unit once and the longest first.
fn in_units(text: &str, units: &[(&[&str], f64)]) -> Option<Duration> {
    let mut units = units.iter();
    let mut sum = Duration::ZERO;
    let mut rest = text;
    loop {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, behind) = rest.split_at(end);
        let behind = behind.trim_start_matches(' ');
        let end = behind.find(|letter: char| !letter.is_ascii_alphabetic());
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let (_, seconds) = units.find(|(names, _)| names.contains(&unit))?;
        let time = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        sum = sum.checked_add(time)?;
        if behind.is_empty() {
            return Some(sum);
        }
        rest = behind.trim_start_matches([',', ' ']);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_seconds_or_has_its_units() {
        for (text, millis) in [
            ("30", 30_000),
            ("30s", 30_000),
            ("30 seconds", 30_000),
            ("2m", 120_000),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            ("1 min, 30 secs", 90_000),
            ("1.5h", 5_400_000),
            ("24h", 86_400_000),
            ("250ms", 250),
            ("100ms", 100),
            ("0.1s", 100),
            ("PT20S", 20_000),
            ("PT1H0.5S", 3_600_500),
        ] {
            let read = text.parse::<CallTimeout>().map(CallTimeout::duration);
            assert_eq!(read, Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_or_no_sensible_one_is_told_as_such() {
        use CallTimeoutError::{NoTime, TooLong, TooShort};

        for (text, why) in [
            ("0", TooShort),
            ("0s", TooShort),
            ("99ms", TooShort),
            ("25h", TooLong),
            ("86401", TooLong),
            ("18446744073709551615", TooLong),
            ("", NoTime),
            (" ", NoTime),
            ("-5", NoTime),
            ("-5s", NoTime),
            ("+5s", NoTime),
            ("1.5", NoTime),
            ("s", NoTime),
            (".s", NoTime),
            ("1.2.3s", NoTime),
            ("1e3s", NoTime),
            ("infs", NoTime),
            ("30s 1m", NoTime),
            ("1m 1m", NoTime),
            ("1m,", NoTime),
            ("1m 30", NoTime),
            ("5 years", NoTime),
            ("soon", NoTime),
            ("30S", NoTime),
            ("PT", NoTime),
            ("PT20s", NoTime),
            ("20 ſ", NoTime),
            ("99999999999999999999", NoTime),
            ("99999999999999999999s", NoTime),
            (&"9".repeat(1000), NoTime),
            (&format!("{}s", "9".repeat(1000)), NoTime),
        ] {
            assert_eq!(text.parse::<CallTimeout>(), Err(why), "{text}");
        }
    }
}
