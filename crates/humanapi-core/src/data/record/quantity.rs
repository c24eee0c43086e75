//! Measured values as text: comparator, number and unit.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;

use super::found::{Found, Read};
use super::number;

/// A measured value as text, such as `4.6`, `<10 IntlUnit/mL` or `Negative`.
///
/// A number is there only where the whole text is one comparator, one number and one unit, each but
/// the number left out at will. Of `1,234`, which is one thing here and another there, of `120/80` and
/// of `2 to 5` there is the text alone.
///
/// `Debug` shows nothing of it, because it can be health data. `Display` writes the text that was sent, all of
/// it: it takes a width and an alignment, and no precision shortens it.
#[derive(Clone)]
pub struct Quantity<'r> {
    text: Cow<'r, str>,
    parts: Option<Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    comparator: Option<Comparator>,
    number: Range<usize>,
    value: f64,
    unit: Range<usize>,
}

/// How a value compares with the number beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=` or `≤`
    AtMost,
    /// `>`
    Greater,
    /// `>=` or `≥`
    AtLeast,
}

impl Quantity<'_> {
    /// The text that was sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The comparator. Where there is one, the number is a bound and no value.
    #[must_use]
    pub fn comparator(&self) -> Option<Comparator> {
        self.parts.as_ref()?.comparator
    }

    /// The number as it was sent, with every digit.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.text.get(self.parts.as_ref()?.number.clone())
    }

    /// The float nearest to the number, which is finite.
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        Some(self.parts.as_ref()?.value)
    }

    /// The unit within the text.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        let unit = self.text.get(self.parts.as_ref()?.unit.clone())?;
        (!unit.is_empty()).then_some(unit)
    }
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` would cut at a precision, and what is left of `120 mg` would read as another value.
        let width = f.width().unwrap_or_default();
        let missing = width.saturating_sub(self.text.chars().count());
        let before = match f.align() {
            Some(fmt::Alignment::Right) => missing,
            Some(fmt::Alignment::Center) => missing / 2,
            Some(fmt::Alignment::Left) | None => 0,
        };
        let fill = f.fill();
        (0..before).try_for_each(|_| f.write_char(fill))?;
        f.write_str(&self.text)?;
        (before..missing).try_for_each(|_| f.write_char(fill))
    }
}

impl fmt::Debug for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quantity(…)")
    }
}

impl<'r> Read<'r> for Quantity<'r> {
    fn read(found: Found<'r>) -> Option<Self> {
        let text = <Cow<'r, str>>::read(found)?;
        if text.trim().is_empty() {
            return None;
        }
        let parts = Parts::read(&text);
        Some(Self { text, parts })
    }
}

impl Parts {
    fn read(text: &str) -> Option<Self> {
        let whole = text.trim();
        let (comparator, rest) = comparator(whole);
        let rest = rest.trim_start();
        let (number, behind) = rest.split_at(number_length(rest));
        let value = number::parse(number)?;
        let unit = behind.trim_start();
        let is_apart = unit.len() < behind.len();
        if !(unit.is_empty() || is_unit(unit, is_apart)) {
            return None;
        }
        let end = text.trim_end().len();
        let number_start = end - rest.len();
        Some(Self {
            comparator,
            number: number_start..number_start + number.len(),
            value,
            unit: end - unit.len()..end,
        })
    }
}

fn comparator(text: &str) -> (Option<Comparator>, &str) {
    // The longer ones first.
    let known = [
        ("<=", Comparator::AtMost),
        ("≤", Comparator::AtMost),
        (">=", Comparator::AtLeast),
        ("≥", Comparator::AtLeast),
        ("<", Comparator::Less),
        (">", Comparator::Greater),
    ];
    known
        .into_iter()
        .find_map(|(sign, meaning)| Some((Some(meaning), text.strip_prefix(sign)?)))
        .unwrap_or((None, text))
}

/// How long a number is that the text begins with: `-1.10`, `4`, `1e3`.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let mut end = usize::from(byte(0) == Some(b'-'));
    end += digits(end);
    if byte(end) == Some(b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(byte(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// Whether text is a unit: up to three words, none of which begins with a number. Where a blank stands
/// before it, it may begin with a power of ten, as UCUM's do.
fn is_unit(text: &str, is_apart: bool) -> bool {
    let power = ["10*", "10^"].iter().find_map(|ten| text.strip_prefix(ten));
    let text = match power {
        Some(rest) if is_apart => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        _ => text,
    };
    let begins = |first: char| first.is_alphabetic() || "%/[{°".contains(first);
    let holds = |c: char| c.is_alphanumeric() || "%/[]{}°*^._'-".contains(c);
    let words: Vec<&str> = text.split_whitespace().take(4).collect();
    text.len() <= 40
        && words.len() <= 3
        && words
            .iter()
            .all(|word| word.starts_with(begins) && word.chars().all(holds) && !is_ratio(word))
}

/// Whether a word goes on with another number, as in `120/80`.
fn is_ratio(word: &str) -> bool {
    let rest = word.strip_prefix(['/', '%']).unwrap_or("-");
    rest.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Known<'a> = (Option<Comparator>, &'a str, f64, &'a str);

    #[track_caller]
    fn check(text: &str, known: Option<Known<'_>>) {
        let quantity = Quantity {
            text: Cow::Borrowed(text),
            parts: Parts::read(text),
        };
        assert_eq!(quantity.text(), text);
        assert_eq!(quantity.to_string(), text);
        let read = quantity.number().map(|number| {
            let value = quantity.to_f64().unwrap();
            let unit = quantity.unit().unwrap_or_default();
            (quantity.comparator(), number, value, unit)
        });
        assert_eq!(read, known, "{text}");
    }

    #[test]
    fn a_quantity_is_told_apart() {
        let less = Some(Comparator::Less);
        check("<10 IntlUnit/mL", Some((less, "10", 10.0, "IntlUnit/mL")));
        check("> 100", Some((Some(Comparator::Greater), "100", 100.0, "")));
        check("<0.05", Some((less, "0.05", 0.05, "")));
        check(
            ">=60 mL/min",
            Some((Some(Comparator::AtLeast), "60", 60.0, "mL/min")),
        );
        check("≤ 5", Some((Some(Comparator::AtMost), "5", 5.0, "")));
        check("1.10", Some((None, "1.10", 1.1, "")));
        check(" -3.5 ", Some((None, "-3.5", -3.5, "")));
        check("5.1 K/uL", Some((None, "5.1", 5.1, "K/uL")));
        check("98%", Some((None, "98", 98.0, "%")));
        check("4.5 10*3/uL", Some((None, "4.5", 4.5, "10*3/uL")));
        check("120 mm[Hg]", Some((None, "120", 120.0, "mm[Hg]")));
        check("1e3", Some((None, "1e3", 1000.0, "")));
        check("12 mm Hg", Some((None, "12", 12.0, "mm Hg")));
    }

    #[test]
    fn a_quantity_is_aligned_and_never_cut() {
        let text = Cow::Borrowed("≤ 120.5 mg");
        let quantity = Quantity { text, parts: None };
        assert_eq!(format!("{quantity:.1}"), "≤ 120.5 mg");
        assert_eq!(format!("{quantity:.0}"), "≤ 120.5 mg");
        assert_eq!(format!("{quantity:8}"), "≤ 120.5 mg");
        assert_eq!(format!("{quantity:>8.1}"), "≤ 120.5 mg");
        assert_eq!(format!("{quantity:12}|"), "≤ 120.5 mg  |");
        assert_eq!(format!("{quantity:>12.1}|"), "  ≤ 120.5 mg|");
        assert_eq!(format!("{quantity:*^13.3}|"), "*≤ 120.5 mg**|");
    }

    #[test]
    fn what_is_no_single_number_is_text() {
        for text in [
            "Negative",
            "1,234",
            "1.234,5",
            "120/80",
            "120 / 80",
            "2 to 5",
            "10-20",
            "1:40",
            "2+",
            "<",
            "> ",
            "1.2.3",
            "2014-03-01",
            "120 over 80",
            "1e999",
            "NaN",
            "inf",
            "-",
            ".5",
            "1 2",
            "7 (high)",
            "10*3/uL",
            "not detected in 5 mL",
            "<<5",
            "+",
        ] {
            check(text, None);
        }
    }
}
