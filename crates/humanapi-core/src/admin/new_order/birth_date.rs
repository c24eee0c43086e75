//! The day on which somebody was born: several forms in, one out.

use jiff::civil::{Date, DateTime};
use serde::{Serialize, Serializer};

use super::rules::FieldError;
use crate::hidden::hidden_debug;

/// The day on which somebody was born. It goes over the wire as `YYYY-MM-DD`.
///
/// ```
/// use humanapi_core::admin::BirthDate;
///
/// let today = "2026-11-29".parse()?;
/// let day = BirthDate::parse("1980-04-09", today)?;
/// assert_eq!(BirthDate::parse("4/9/80", today)?, day);
/// assert_eq!(BirthDate::parse("1980-04-09T23:30:00-08:00", today)?, day);
/// assert!(BirthDate::parse("4/9/24", today).is_err(), "1924 or 2024");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate(Date);

/// Nobody is older.
const MOST_YEARS: i16 = 125;

const RULE: &str = "a day in the past, as YYYY-MM-DD, M/D/YYYY or an ISO date and time";

impl BirthDate {
    /// This day, which is no later than `today`.
    ///
    /// # Errors
    ///
    /// When it is later, or so early that nobody lives who was born then.
    pub fn new(day: Date, today: Date) -> Result<Self, FieldError> {
        if day <= today && day.year() >= today.year() - MOST_YEARS {
            Ok(Self(day))
        } else {
            Err(FieldError::new("dateOfBirth", RULE))
        }
    }

    /// Reads any of the forms that the service takes: `YYYY-MM-DD`, `M/D/YYYY`, `M/D/YY`, and an ISO date and time to the
    /// minute, the second or the millisecond, with or without a zone. The day is the one that is written, whatever the
    /// zone.
    ///
    /// A year of two digits is taken where only one century fits somebody who lives on `today`, and refused elsewhere:
    /// a guess would order another person's records.
    ///
    /// # Errors
    ///
    /// When it is none of these.
    pub fn parse(text: &str, today: Date) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.contains('/') {
            return Self::month_first(text, today);
        }
        let day = match text.len() {
            10 => text.parse().ok(),
            _ => text.contains('T').then(|| with_time(text)).flatten(),
        };
        let day = day.ok_or_else(|| FieldError::new("dateOfBirth", RULE))?;
        Self::new(day, today)
    }

    fn month_first(text: &str, today: Date) -> Result<Self, FieldError> {
        let refused = |rule| FieldError::new("dateOfBirth", rule);
        let digits = |text: &str, most: usize| {
            let is_number =
                (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<i16>().ok()).flatten()
        };
        let parts: Vec<&str> = text.split('/').collect();
        let [month, day, year] = parts[..] else {
            return Err(refused(RULE));
        };
        let (Some(month), Some(day)) = (digits(month, 2), digits(day, 2)) else {
            return Err(refused(RULE));
        };
        let in_year = |year: i16| {
            let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
            Self::new(date, today).ok()
        };
        match (year.len(), digits(year, 4)) {
            (4, Some(year)) => in_year(year).ok_or_else(|| refused(RULE)),
            (2, Some(year)) => match (in_year(1900 + year), in_year(2000 + year)) {
                (Some(day), None) | (None, Some(day)) => Ok(day),
                (Some(_), Some(_)) => Err(refused(
                    "of a clear century: write the year with four digits",
                )),
                (None, None) => Err(refused(RULE)),
            },
            _ => Err(refused(RULE)),
        }
    }

    /// The day.
    #[must_use]
    pub const fn day(self) -> Date {
        self.0
    }
}

/// The day of an ISO date and time, as it is written.
fn with_time(text: &str) -> Option<Date> {
    let (date, time) = text.split_once('T')?;
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let is_zone = match &time.as_bytes()[zone..] {
        [] | [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] | [b'+' | b'-', h1, h2, m1, m2] => {
            [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    let local: DateTime = format!("{date}T{}", &time[..zone]).parse().ok()?;
    (is_zone && date.len() == 10 && zone >= 5).then(|| local.date())
}

impl Serialize for BirthDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

hidden_debug!(BirthDate);

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Date {
        "2026-11-29".parse().unwrap()
    }

    fn read(text: &str) -> Option<String> {
        BirthDate::parse(text, today())
            .ok()
            .map(|date| date.day().to_string())
    }

    #[test]
    fn each_form_that_the_service_takes_is_read_and_the_day_is_the_one_written() {
        for text in [
            "1980-04-09",
            "4/9/80",
            "04/09/80",
            "4/9/1980",
            "04/09/1980",
            "1980-04-09T00:00",
            "1980-04-09T00:00Z",
            "1980-04-09T23:59:59",
            "1980-04-09T23:59:59Z",
            "1980-04-09T00:00:00.000",
            "1980-04-09T00:00:00.000Z",
            "1980-04-09T23:30:00-08:00",
            "1980-04-09T00:30:00.000+0200",
        ] {
            assert_eq!(read(text).as_deref(), Some("1980-04-09"), "{text}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_taken_where_one_century_fits() {
        assert_eq!(read("3/23/89").as_deref(), Some("1989-03-23"));
        assert_eq!(read("1/1/27").as_deref(), Some("1927-01-01"));
        assert_eq!(
            read("12/1/26").as_deref(),
            Some("1926-12-01"),
            "not yet in this century"
        );
        assert_eq!(
            read("1/1/00").as_deref(),
            Some("2000-01-01"),
            "nobody is 126"
        );
        for text in ["4/9/24", "11/29/26", "1/1/01", "2/29/04"] {
            let error = BirthDate::parse(text, today()).unwrap_err();
            assert!(error.rule().contains("four digits"), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_of_birth_is_refused() {
        for text in [
            "",
            "1980",
            "1980-4-9",
            "1980-02-30",
            "9.4.1980",
            "13/1/1980",
            "4/31/1980",
            "1/2",
            "1/2/3",
            "1/2/198",
            "1/2/3/4",
            "2026-11-30",
            "1/1/2027",
            "1900-12-31",
            "1980-04-09 00:00",
            "1980-04-09T",
            "1980-04-09T00",
            "1980-04-09T00:00Q",
            "1980-04-09T25:00",
            "1980-04-09T00:00+2",
            "2/29/81",
            "+4/9/80",
            "/ /",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
