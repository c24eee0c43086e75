//! Dates of whatever precision, in whatever form the service was seen to send them.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{self, Time};
use jiff::tz::Offset;

use super::found::{Found, Json, Read};

/// A date as precisely as it was sent: a year, a month of it, a day, or a moment.
///
/// Year, month and day are those that were written, whatever the time zone; a moment is there only
/// where the text says by how much its clock differs from UTC. `2014-00-00` is a year and no more.
///
/// `Debug` shows nothing of it, because it can be health data.
#[derive(Clone)]
pub struct Date<'r> {
    text: Cow<'r, str>,
    parts: Parts,
}

/// What a date says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    moment: Option<Timestamp>,
}

impl Date<'_> {
    /// The text that was sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The year.
    #[must_use]
    pub const fn year(&self) -> i16 {
        self.parts.year
    }

    /// The month, from 1 to 12.
    #[must_use]
    pub const fn month(&self) -> Option<i8> {
        self.parts.month
    }

    /// The day of the month, from 1 to 31.
    #[must_use]
    pub const fn day(&self) -> Option<i8> {
        self.parts.day
    }

    /// The day, where the date is that precise.
    #[must_use]
    pub fn date(&self) -> Option<civil::Date> {
        let Parts {
            year, month, day, ..
        } = self.parts;
        civil::Date::new(year, month?, day?).ok()
    }

    /// The moment, where the text tells one.
    #[must_use]
    pub const fn moment(&self) -> Option<Timestamp> {
        self.parts.moment
    }
}

impl fmt::Debug for Date<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Date(…)")
    }
}

impl<'r> Read<'r> for Date<'r> {
    fn read(found: Found<'r>) -> Option<Self> {
        // A year may be a number.
        let text = found.scalar()?;
        let parts = Parts::read(&text)?;
        Some(Self { text, parts })
    }
}

impl<'r> Json<'r> {
    /// The dates that it tells, in whatever form the service was seen to send one: itself, or those among its items
    /// or the values of its fields.
    ///
    /// ```
    /// use humanapi_core::data::medical::Allergy;
    ///
    /// let allergy = Allergy::from_json(r#"{"name": "Latex", "dateRange": {"start": "201403"}}"#)?;
    /// let dates = allergy.field("dateRange").unwrap().dates();
    /// assert_eq!((dates[0].year(), dates[0].month(), dates[0].day()), (2014, Some(3), None));
    /// assert!(allergy.field("name").unwrap().dates().is_empty());
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    #[must_use]
    pub fn dates(self) -> Vec<Date<'r>> {
        let mut dates = Vec::new();
        let mut add = |found| dates.extend(Date::read(found));
        // What is neither list nor object has nothing inside, and what is one is no date itself.
        let items = self.0.each_item(&mut add);
        let inside = items.or_else(|| self.0.each_value(|_, value| add(value)));
        if inside.is_none() {
            add(self.0);
        }
        dates
    }
}

impl<'r> Read<'r> for Timestamp {
    fn read(found: Found<'r>) -> Option<Self> {
        let text = found.text()?;
        plain_moment(text.as_bytes())
            .or_else(|| text.parse().ok())
            .or_else(|| Parts::read(&text)?.moment)
    }
}

impl<'r> Read<'r> for Offset {
    fn read(found: Found<'r>) -> Option<Self> {
        offset(&found.text()?)
    }
}

impl Parts {
    /// Reads a date in one of the forms that were seen:
    ///
    /// * `2014`, `201403`, `20140310`, the same with a time as HL7 writes it: `20140310091500-0500`;
    /// * `2014-03`, `2014-03-10`, `2014-00-00`, with a time as ISO 8601 writes it;
    /// * `03/2014`, `03/10/2014`, `03-10-2014`: months first, as in the country of the service;
    /// * `Mon Mar 10 2014 09:15:00 GMT-0500 (EST)` and `Mon, 10 Mar 2014 09:15:00 -0500`.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        match (digits, rest.as_bytes().first()) {
            (4 | 6 | 8, None) => Self::from_digits(number),
            (8, Some(b'T')) => Self::from_digits(number)?.with_time(&rest[1..]),
            (12 | 14, _) => Self::from_digits(&number[..8])?.with_time(&text[8..]),
            (4, Some(b'-' | b'/')) => Self::year_first(text),
            (1 | 2, Some(b'/' | b'-')) => Self::month_first(text),
            _ => Self::with_words(text),
        }
    }

    /// A month or a day of 0 is one that nobody knows.
    fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        let known = civil::Date::new(year, month.max(1), day.max(1));
        if year < 1 || known.is_err() || month == 0 && day != 0 {
            return None;
        }
        Some(Self {
            year,
            month: (month != 0).then_some(month),
            day: (day != 0).then_some(day),
            moment: None,
        })
    }

    /// `2014`, `201403` or `20140310`.
    fn from_digits(number: &str) -> Option<Self> {
        let part = |range| {
            number
                .get(range)
                .map_or(Some(0), |part: &str| part.parse().ok())
        };
        Self::new(number[..4].parse().ok()?, part(4..6)?, part(6..8)?)
    }

    fn year_first(text: &str) -> Option<Self> {
        let separator = char::from(text.as_bytes()[4]);
        let (date, time) = match text.find(['T', 't', ' ']) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let mut parts = date.split(separator);
        let year = parts.next()?.parse().ok()?;
        let month = two_digits(parts.next()?)?;
        let day = parts.next().map_or(Some(0), two_digits)?;
        if parts.next().is_some() {
            return None;
        }
        let date = Self::new(year, month, day)?;
        time.map_or(Some(date), |time| date.with_time(time))
    }

    fn month_first(text: &str) -> Option<Self> {
        let separator = if text.contains('/') { '/' } else { '-' };
        let (date, time) = match text.split_once(' ') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let parts: Vec<&str> = date.splitn(4, separator).collect();
        let (month, day, year) = match parts[..] {
            [month, year] => (month, "00", year),
            [month, day, year] => (month, day, year),
            _ => return None,
        };
        if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let date = Self::new(year.parse().ok()?, two_digits(month)?, two_digits(day)?)?;
        // A clock of twelve hours or without a zone tells no moment.
        let is_time = |time: &str| time.starts_with(|first: char| first.is_ascii_digit());
        time.is_none_or(is_time).then_some(date)
    }

    /// With names of days and months, and the day before or after the month.
    fn with_words(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace().peekable();
        if WEEKDAYS.contains(&words.peek()?.trim_end_matches(',')) {
            words.next();
        }
        let (first, second) = (words.next()?, words.next()?);
        let (month, day) = match month_named(first) {
            Some(month) => (month, second),
            None => (month_named(second)?, first),
        };
        let year = words.next()?;
        if year.len() != 4 {
            return None;
        }
        let day = two_digits(day.trim_end_matches(','))?;
        let date = Self::new(year.parse().ok()?, month, day)?;
        let Some(time) = words.next() else {
            return Some(date);
        };
        let time = clock(time)?;
        let zone = words.next().map(|zone| match zone {
            "GMT" | "UTC" | "UT" | "Z" => Some(Offset::UTC),
            other => offset_of_digits(other.trim_start_matches("GMT").trim_start_matches("UTC")),
        });
        // Behind it only the zone's name may stand.
        if words.next().is_some_and(|name| !name.starts_with('(')) {
            return None;
        }
        match zone {
            Some(zone) => date.at(time, zone?),
            None => Some(date),
        }
    }

    /// A time as ISO 8601 writes it, with or without colons and a zone.
    fn with_time(self, text: &str) -> Option<Self> {
        let text = text.trim();
        let (time, zone) = text.split_at(text.find(['Z', 'z', '+', '-']).unwrap_or(text.len()));
        let time = clock(time.trim_end())?;
        match zone {
            "" => Some(self),
            "Z" | "z" => self.at(time, Offset::UTC),
            zone => self.at(time, offset_of_digits(zone)?),
        }
    }

    /// At this time of the day, as clocks show it there.
    fn at(self, time: Time, zone: Offset) -> Option<Self> {
        let (Some(month), Some(day)) = (self.month, self.day) else {
            return Some(self);
        };
        let date = civil::Date::new(self.year, month, day).ok()?;
        let moment = zone.to_timestamp(date.to_datetime(time)).ok()?;
        Some(Self {
            moment: Some(moment),
            ..self
        })
    }
}

/// `2014-03-10T09:15:00.000Z`, the form in which nearly all moments are sent, and the same without a
/// fraction. A reader of any form takes three times as long.
fn plain_moment(text: &[u8]) -> Option<Timestamp> {
    let (head, fraction) = text.split_first_chunk::<19>()?;
    let millis = match fraction {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if digits.len() == 3 => number(digits)?,
        _ => return None,
    };
    if [head[4], head[7], head[10], head[13], head[16]] != *b"--T::" {
        return None;
    }
    let two = |at: usize| number(&head[at..at + 2]).map(|number| number as i8);
    let date = civil::Date::new(number(&head[..4])? as i16, two(5)?, two(8)?).ok()?;
    let time = Time::new(two(11)?, two(14)?, two(17)?, millis * 1_000_000).ok()?;
    Offset::UTC.to_timestamp(date.to_datetime(time)).ok()
}

/// A number of up to four digits.
fn number(digits: &[u8]) -> Option<i32> {
    let add = |number, digit: &u8| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + i32::from(digit))
    };
    digits.iter().try_fold(0, add)
}

/// `+02:00` or `-04:30`.
fn offset(text: &str) -> Option<Offset> {
    text.contains(':').then(|| offset_of_digits(text)).flatten()
}

/// The same, also without the colon.
fn offset_of_digits(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => return None,
    };
    let full = |text: &str| (text.len() == 2).then(|| two_digits(text)).flatten();
    let minutes = full(minutes).filter(|minutes| *minutes < 60)?;
    let seconds = i32::from(full(hours)?) * 3600 + i32::from(minutes) * 60;
    Offset::from_seconds(sign * seconds).ok()
}

/// `09:15`, `09:15:00`, `091500`, with a fraction of the second or without. A leap second is the one
/// before it.
fn clock(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits: String = whole.split(':').collect();
    let is_plain =
        matches!(digits.len(), 4 | 6) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let has_fraction = (1..=9).contains(&fraction.len());
    if !is_plain || !matches!(whole.len() - digits.len(), 0..=2) || !has_fraction {
        return None;
    }
    let part = |range| digits.get(range).map_or(Some(0), two_digits);
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    Time::new(part(0..2)?, part(2..4)?, part(4..6)?.min(59), nanos).ok()
}

/// A number of one or two digits.
fn two_digits(text: &str) -> Option<i8> {
    let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn month_named(name: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|month| *month == name)?;
    i8::try_from(at + 1).ok()
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, (year, month, day): (i16, i8, i8), moment: Option<&str>) {
        let parts = Parts::read(text).unwrap();
        let known = (parts.year, parts.month.unwrap_or(0), parts.day.unwrap_or(0));
        assert_eq!(known, (year, month, day), "{text}");
        let moment = moment.map(|moment| moment.parse().unwrap());
        assert_eq!(parts.moment, moment, "{text}");
    }

    #[test]
    fn a_date_is_as_precise_as_it_was_sent() {
        check("2007", (2007, 0, 0), None);
        check("201403", (2014, 3, 0), None);
        check("201400", (2014, 0, 0), None);
        check("20140310", (2014, 3, 10), None);
        check("2014-03", (2014, 3, 0), None);
        check("2014-03-10", (2014, 3, 10), None);
        check("2014-00-00", (2014, 0, 0), None);
        check("2014-03-00", (2014, 3, 0), None);
        check("2014-00-00T00:00:00Z", (2014, 0, 0), None);
        check("03/2014", (2014, 3, 0), None);
        check("3/2014", (2014, 3, 0), None);
        check("02/03/1980", (1980, 2, 3), None);
        check("02-03-1980", (1980, 2, 3), None);
        check("Mon Mar 10 2014", (2014, 3, 10), None);
    }

    #[test]
    fn a_moment_is_there_only_where_the_zone_is() {
        check("2014-03-10T09:15:00", (2014, 3, 10), None);
        check("2014-03-10 09:15", (2014, 3, 10), None);
        check("03/10/2014 09:15 AM", (2014, 3, 10), None);
        check("20140310091500", (2014, 3, 10), None);
        check("Mon Mar 10 2014 09:15:00", (2014, 3, 10), None);
        let utc = Some("2014-03-10T09:15:00Z");
        check("2014-03-10T09:15:00.000Z", (2014, 3, 10), utc);
        check("20140310T091500Z", (2014, 3, 10), utc);
        check("20140310091500.000+0000", (2014, 3, 10), utc);
        check(
            "Mon Mar 10 2014 09:15:00 GMT+0000 (UTC)",
            (2014, 3, 10),
            utc,
        );
        check("Mon, 10 Mar 2014 09:15:00 GMT", (2014, 3, 10), utc);
    }

    #[test]
    fn a_day_is_the_one_that_was_written() {
        let moment = Some("2014-03-11T04:30:00Z");
        check("2014-03-10T23:30:00-05:00", (2014, 3, 10), moment);
        check("2014-03-10T23:30:00-0500", (2014, 3, 10), moment);
        check("201403102330-0500", (2014, 3, 10), moment);
        check(
            "Mon Mar 10 2014 23:30:00 GMT-0500 (EST)",
            (2014, 3, 10),
            moment,
        );
        check("Mon, 10 Mar 2014 23:30:00 -0500", (2014, 3, 10), moment);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            " ",
            "0",
            "99",
            "0000",
            "0000-00-00",
            "201413",
            "20140231",
            "2014-13",
            "2014-02-30",
            "2014-00-10",
            "2014-03-10T",
            "2014-03-10T25:00Z",
            "2014-03-10 garbage",
            "2014-03-10-11",
            "13/2014",
            "02/30/1980",
            "1/2/80",
            "Mon",
            "Foo 10 2014",
            "Mon Mar 10 2014 09:15:00 PST",
            "yesterday",
            "n/a",
            "1970",
            "+2014-03-10",
            "２０１４",
            "20140310091",
            "2014-03-10T09:15:00+99:00",
        ] {
            if text == "1970" {
                check(text, (1970, 0, 0), None);
            } else {
                assert_eq!(Parts::read(text), None, "{text}");
            }
        }
    }

    #[test]
    fn a_plain_moment_is_what_a_reader_of_any_form_reads() {
        for text in [
            "2014-03-10T09:15:00.000Z",
            "2014-03-10T09:15:00.987Z",
            "2016-02-29T23:59:59Z",
            "1969-12-31T23:59:59.999Z",
            "0001-01-01T00:00:00Z",
            "9999-12-30T00:00:00.000Z",
        ] {
            let read = text.parse::<Timestamp>().unwrap();
            assert_eq!(plain_moment(text.as_bytes()), Some(read), "{text}");
        }
        for text in [
            "2014-02-30T09:15:00.000Z",
            "2014-03-10T24:15:00.000Z",
            "2014-03-10T09:15:00.0Z",
            "2014-03-10T09:15:00.00aZ",
            "2014-03-10T09:15:00",
            "2014-03-10 09:15:00Z",
            "2014-03-10T09:15:0/Z",
            "",
        ] {
            assert_eq!(plain_moment(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_read_strictly() {
        assert_eq!(offset("-04:30"), Offset::from_seconds(-16_200).ok());
        assert_eq!(offset("+00:00"), Some(Offset::UTC));
        for other in [
            "", "04:00", "+4:00", "+04:60", "+99:00", "+é0:00", "+0400", "Z",
        ] {
            assert_eq!(offset(other), None, "{other}");
        }
    }
}
