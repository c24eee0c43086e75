//! Days and moments, and numbers as records write them.

use serde_json::Value;

use crate::clock::{DAY, Millis};

/// 2026-01-15T00:00:00Z, where the demo user's life stands still.
pub(crate) const EPOCH: Millis = date(2026, 1, 15);

pub(super) const MINUTE: Millis = 60_000;
pub(super) const HOUR: Millis = 60 * MINUTE;
/// A year on average.
pub(super) const YEAR: Millis = 31_556_952_000;
/// A month on average.
pub(super) const MONTH: Millis = YEAR / 12;

/// Midnight of a day of the Gregorian calendar, in UTC.
pub(super) const fn date(year: i64, month: i64, day: i64) -> Millis {
    // Years that begin in March, so that the day of a leap year comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    days * DAY
}

/// What lies between two of these points at `x`; beyond the ends what is there.
pub(super) fn along(points: &[(i64, i64)], x: i64) -> i64 {
    let next = points.iter().position(|(at, _)| *at > x);
    match next {
        Some(0) => points[0].1,
        Some(next) => {
            let ((from, low), (to, high)) = (points[next - 1], points[next]);
            low + (high - low) * (x - from) / (to - from)
        }
        None => points.last().map_or(0, |(_, last)| *last),
    }
}

/// A number with decimals: whole where they are 0, as the service mixes them.
pub(super) fn decimal(units: i64, places: u32) -> Value {
    let scale = 10_i64.pow(places);
    if units % scale == 0 {
        (units / scale).into()
    } else {
        (units as f64 / scale as f64).into()
    }
}

/// A number with each of its decimals, as laboratories write it.
pub(super) fn decimal_text(units: i64, places: u32) -> String {
    let scale = 10_i64.pow(places);
    let sign = if units < 0 { "-" } else { "" };
    let (whole, rest) = ((units / scale).abs(), (units % scale).abs());
    let width = places as usize;
    match places {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{rest:0width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::day;

    #[test]
    fn a_date_is_the_day_that_it_names() {
        for (year, month, of_month, text) in [
            (1970, 1, 1, "1970-01-01"),
            (2024, 2, 29, "2024-02-29"),
            (2000, 3, 1, "2000-03-01"),
            (1954, 12, 31, "1954-12-31"),
            (2026, 1, 15, "2026-01-15"),
        ] {
            assert_eq!(day(date(year, month, of_month)), text);
        }
    }

    #[test]
    fn what_lies_between_two_points_lies_on_their_line() {
        let points = [(0, 10), (10, 20), (20, 0)];
        let read = [-5, 0, 5, 10, 15, 20, 99].map(|x| along(&points, x));
        assert_eq!(read, [10, 10, 15, 20, 10, 0, 0]);
    }

    #[test]
    fn only_a_laboratory_keeps_every_decimal() {
        for (units, places, full, number) in [
            (710, 2, "7.10", 7.1),
            (70, 1, "7.0", 7.0),
            (70, 0, "70", 70.0),
            (-1205, 2, "-12.05", -12.05),
        ] {
            assert_eq!(decimal_text(units, places), full);
            assert_eq!(decimal(units, places).as_f64(), Some(number));
        }
        assert!(decimal(70, 1).is_i64());
    }
}
