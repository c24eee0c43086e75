//! Numbers, as they were sent and as they count.

use std::fmt;

use super::found::{Found, Read};
use crate::json::tokens::Form;

/// A number as it was sent, and the nearest float.
///
/// `Debug` shows nothing of it, because it can be health data. `Display` writes it as it was sent, and takes a width and
/// flags as any number of Rust's does. With a precision it writes the float, rounded; no digit is cut off.
///
/// ```
/// use humanapi_core::data::Activity;
///
/// let activity = Activity::from_json(r#"{"distance": 1.10}"#)?;
/// let distance = activity.distance().unwrap();
/// assert_eq!(distance.to_f64(), 1.1);
/// assert_eq!(distance.as_str(), "1.10");
/// assert_eq!(distance.to_string(), "1.10");
/// assert_eq!(format!("{distance:.1}"), "1.1");
/// # Ok::<(), humanapi_core::DecodeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Number<'r> {
    sent: &'r str,
    value: f64,
}

impl<'r> Number<'r> {
    /// The float nearest to it, which is finite.
    #[must_use]
    pub const fn to_f64(self) -> f64 {
        self.value
    }

    /// As it was sent, with every digit.
    #[must_use]
    pub const fn as_str(self) -> &'r str {
        self.sent
    }
}

impl From<Number<'_>> for f64 {
    fn from(number: Number<'_>) -> Self {
        number.value
    }
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.precision().is_some() {
            return self.value.fmt(f);
        }
        // `pad` would cut at the precision and align as text.
        let digits = self.sent.strip_prefix('-');
        f.pad_integral(digits.is_none(), "", digits.unwrap_or(self.sent))
    }
}

impl fmt::Debug for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(…)")
    }
}

impl<'r> Read<'r> for Number<'r> {
    fn read(found: Found<'r>) -> Option<Self> {
        let sent = match found.form() {
            Form::Bare => found.bare()?,
            // No digit needs an escape.
            Form::Text => found.plain_text()?.trim(),
            Form::Escaped | Form::Object | Form::List => return None,
        };
        let value = parse(sent)?;
        Some(Self { sent, value })
    }
}

impl<'r> Read<'r> for i64 {
    fn read(found: Found<'r>) -> Option<Self> {
        let sent = Number::read(found)?;
        if let Ok(whole) = sent.sent.parse() {
            return Some(whole);
        }
        // `3.0` and `3e2` are whole numbers as well, as far as a float can tell.
        let is_told = sent.value.fract() == 0.0 && sent.value.abs() < EXACT;
        is_told.then_some(sent.value as Self)
    }
}

/// Up to here each whole number has a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether text has the form of a JSON number, be it ever so large.
pub(super) fn is_number(text: &str) -> bool {
    any_size(text).is_some()
}

/// The float nearest to a number, if one is near.
pub(super) fn parse(text: &str) -> Option<f64> {
    short(text.as_bytes()).or_else(|| any_size(text).filter(|value| value.is_finite()))
}

/// A number of at most 15 digits without an exponent, as nearly all are. Both its digits and the power
/// of ten below them are floats without a remainder, so that one division rounds as it should; a reader
/// of any number takes three times as long.
fn short(text: &[u8]) -> Option<f64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > 16 || !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut number, mut count, mut point) = (0_u64, 0, None);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            number = number * 10 + u64::from(digit);
            count += 1;
        } else if *byte == b'.' && point.is_none() {
            point = Some(count);
        } else {
            return None;
        }
    }
    let behind = point.map_or(0, |point| count - point);
    if count > 15 {
        return None;
    }
    let value = number as f64 / POWERS[behind];
    Some(if is_negative { -value } else { value })
}

const POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

fn any_size(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // `inf`, `nan` and `.5` are floats in Rust and no numbers in JSON.
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", "-", ".", ".5", "-.5", "+1", "1-", "1.2.3", "1,5", "inf", "nan", "1e999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("-0").map(f64::is_sign_negative), Some(true));
    }

    #[track_caller]
    fn number(sent: &str) -> Number<'_> {
        let value = parse(sent).unwrap();
        Number { sent, value }
    }

    #[test]
    fn a_number_is_printed_as_any_other_and_never_cut() {
        let sent = number("120.50");
        assert_eq!(format!("{sent}"), "120.50");
        assert_eq!(format!("{sent:.1}"), "120.5");
        assert_eq!(format!("{sent:.0}"), "120");
        assert_eq!(format!("{sent:.3}"), "120.500");
        assert_eq!(format!("{sent:8}"), "  120.50");
        assert_eq!(format!("{sent:<8}|"), "120.50  |");
        assert_eq!(format!("{sent:>8.1}"), "   120.5");
        assert_eq!(format!("{sent:+}"), "+120.50");
        assert_eq!(format!("{sent:3}"), "120.50");
        assert_eq!(format!("{:.2}", number("98.666")), "98.67");
        assert_eq!(format!("{:.1}", number("1.5e3")), "1500.0");
        assert_eq!(format!("{}", number("1.5e3")), "1.5e3");
        let below = number("-3.20");
        assert_eq!(format!("{below}"), "-3.20");
        assert_eq!(format!("{below:.1}"), "-3.2");
        assert_eq!(format!("{below:08}"), "-0003.20");
        assert_eq!(format!("{below:08.1}"), "-00003.2");
    }

    proptest! {
        #[test]
        fn a_short_number_is_the_float_nearest_to_it(text in "-?[0-9]{1,12}(\\.[0-9]{0,12})?") {
            let nearest: f64 = text.parse().unwrap();
            prop_assert_eq!(parse(&text).map(f64::to_bits), Some(nearest.to_bits()));
        }
    }
}
