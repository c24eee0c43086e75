//! What single values of an order may be.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Millis;

/// Nine digits, or three, two and four with both hyphens; the first part not 000 or 666, the others not all zeros.
pub(crate) fn is_ssn(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_hyphens = bytes.len() == 11 && bytes[3] == b'-' && bytes[6] == b'-';
    let digits: Vec<u8> = bytes
        .iter()
        .enumerate()
        .filter(|(at, _)| !(has_hyphens && [3, 6].contains(at)))
        .map(|(_, byte)| *byte)
        .collect();
    let [a, b, c, d, e, serial @ ..] = digits.as_slice() else {
        return false;
    };
    digits.len() == 9
        && digits.iter().all(u8::is_ascii_digit)
        && ![b"000", b"666"].contains(&&[*a, *b, *c])
        && [*d, *e] != *b"00"
        && serial != b"0000"
}

/// Ten digits, before each of them and behind the last at most two of `( ) - .` and spaces.
pub(crate) fn is_phone(text: &str) -> bool {
    let is_between = |letter: char| matches!(letter, '(' | ')' | '-' | '.' | ' ');
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let mut gaps = text.split(|letter: char| letter.is_ascii_digit());
    digits == 10 && gaps.all(|gap| gap.chars().count() <= 2 && gap.chars().all(is_between))
}

/// A date of birth in one of the six forms.
pub(crate) struct BirthDate;

impl BirthDate {
    /// Midnight in UTC of the day, if it is one: `1980-04-09`, `4/9/80`, `4/9/1980`, or a date with a time to the minute,
    /// the second or the millisecond, with or without a zone.
    pub(crate) fn read(text: &str, now: Millis) -> Option<Millis> {
        let day = if text.contains('/') {
            Self::with_slashes(text, now)?
        } else if let Some((day, time)) = text.split_once('T') {
            Self::is_time(time).then_some(())?;
            Self::with_hyphens(day)?
        } else {
            Self::with_hyphens(text)?
        };
        let midnight = day.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp().as_millisecond())
    }

    fn with_hyphens(text: &str) -> Option<Date> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = [year.len(), month.len(), day.len()] == [4, 2, 2] && parts.next().is_none();
        is_whole.then_some(())?;
        Date::new(
            number(year)?,
            number(month)?.try_into().ok()?,
            number(day)?.try_into().ok()?,
        )
        .ok()
    }

    fn with_slashes(text: &str, now: Millis) -> Option<Date> {
        let mut parts = text.split('/');
        let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(())?;
        let month = number(month).filter(|_| month.len() <= 2)?;
        let day = number(day).filter(|_| day.len() <= 2)?;
        let year = match year.len() {
            4 => number(year)?,
            2 => {
                // The latest that has been.
                let this = jiff::Timestamp::from_millisecond(now).ok()?;
                let this = this.to_zoned(TimeZone::UTC).year();
                let year = this - this.rem_euclid(100) + number(year)?;
                if year > this { year - 100 } else { year }
            }
            _ => return None,
        };
        Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
    }

    /// `08:30`, `08:30:00` or `08:30:00.000`, with `Z`, `+02:00` or nothing behind it.
    fn is_time(text: &str) -> bool {
        let zone = text.find(['Z', '+', '-']).unwrap_or(text.len());
        let (time, zone) = text.split_at(zone);
        let is_clock = |text: &str| {
            matches!(text.as_bytes(), [h @ b'0'..=b'2', i, b':', m @ b'0'..=b'5', n]
                if i.is_ascii_digit() && n.is_ascii_digit() && (*h < b'2' || *i < b'4') && m.is_ascii_digit())
        };
        let fits = match zone {
            "" | "Z" => true,
            other => is_clock(other.trim_start_matches(['+', '-'])) && other.len() == 6,
        };
        let rest = time.get(5..).unwrap_or_default().as_bytes();
        let is_rest = match rest {
            [] => true,
            [b':', seconds @ ..] => {
                let (whole, fraction) = seconds.split_at_checked(2).unwrap_or((seconds, b""));
                matches!(whole, [b'0'..=b'5', b'0'..=b'9'])
                    && match fraction {
                        [] => true,
                        [b'.', digits @ ..] => {
                            digits.len() == 3 && digits.iter().all(u8::is_ascii_digit)
                        }
                        _ => false,
                    }
            }
            _ => false,
        };
        fits && is_rest && time.get(..5).is_some_and(is_clock)
    }
}

fn number(text: &str) -> Option<i16> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DEFAULT_START, day};

    #[test]
    fn a_number_of_social_security_is_one_that_is_given_out() {
        for text in ["900-12-3456", "900123456", "123-45-6789"] {
            assert!(is_ssn(text), "{text}");
        }
        for text in [
            "000-12-3456",
            "666123456",
            "123-00-4567",
            "123-45-0000",
            "123-456789",
            "12345-6789",
            "",
            "12",
            "1234567890",
            "12345678a",
            "123-45-678-",
            "١٢٣٤٥٦٧٨٩",
        ] {
            assert!(!is_ssn(text), "{text}");
        }
    }

    #[test]
    fn a_telephone_number_has_ten_digits_and_little_between_them() {
        for text in [
            "5550100199",
            "(555) 010-0199",
            "555.010.0199",
            " (555)-010--0199).",
        ] {
            assert!(is_phone(text), "{text}");
        }
        for text in [
            "",
            "+1 555 010 0199",
            "1-555-010-0199",
            "555-010-019",
            "555-010-0199 x5",
            "555---0100199",
            "5550100199---",
        ] {
            assert!(!is_phone(text), "{text}");
        }
    }

    #[test]
    fn a_birth_date_is_read_in_each_of_its_forms() {
        for text in [
            "1980-04-09",
            "4/9/80",
            "04/09/1980",
            "1980-04-09T08:30",
            "1980-04-09T08:30Z",
            "1980-04-09T08:30:05",
            "1980-04-09T23:59:59.999Z",
            "1980-04-09T08:30:05.000+02:00",
            "1980-04-09T08:30-05:00",
        ] {
            let at = BirthDate::read(text, DEFAULT_START);
            assert_eq!(at.map(day).as_deref(), Some("1980-04-09"), "{text}");
        }
        let young = BirthDate::read("1/2/26", DEFAULT_START).map(day);
        assert_eq!(young.as_deref(), Some("2026-01-02"));
        let old = BirthDate::read("1/2/27", DEFAULT_START).map(day);
        assert_eq!(old.as_deref(), Some("1927-01-02"));
        for text in [
            "",
            "1980",
            "1980-4-9",
            "1980-02-30",
            "13/1/1980",
            "4/9/980",
            "4/9/1980/1",
            "1980-04-09T",
            "1980-04-09T24:00",
            "1980-04-09T08:60",
            "1980-04-09T08:30:5",
            "1980-04-09T08:30:05.1",
            "1980-04-09T08:30:05é",
            "1980-04-09 08:30",
            "1980-04-09T08:30+2",
            "-980-04-09",
            "April 9, 1980",
            "+4/9/80",
        ] {
            assert_eq!(BirthDate::read(text, DEFAULT_START), None, "{text}");
        }
    }
}
