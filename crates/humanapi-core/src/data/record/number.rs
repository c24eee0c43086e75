//! Numbers, as they were sent and as they count.

use std::fmt;

use super::found::{Found, Read};
use super::scan::Form;

/// A number as it was sent, and the nearest float.
///
/// `Debug` shows nothing of it, because it can be health data.
///
/// ```
/// use humanapi_core::data::Activity;
///
/// let activity = Activity::from_json(r#"{"distance": 1.10}"#)?;
/// let distance = activity.distance().unwrap();
/// assert_eq!(distance.to_f64(), 1.1);
/// assert_eq!(distance.as_str(), "1.10");
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
    any_size(text).filter(|value| value.is_finite())
}

fn any_size(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // `inf`, `nan` and `.5` are floats in Rust and no numbers in JSON.
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
