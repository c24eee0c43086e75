//! Measured values: which unit of UCUM a text means, and what a value is in the unit that its kind is brought to.
//!
//! What is not certain stays empty, and is counted.

mod book;
mod fraction;
mod measured;
mod tally;
mod unit;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bigdecimal::BigDecimal;

use book::{BOOK, Meaning};
use fraction::Fraction;
pub(crate) use measured::Pair;
#[cfg(feature = "deidentify")]
pub(crate) use measured::loinc_of;
pub use tally::{Tally, UnitCount, Unread};
use unit::{LONGEST, Unit};

/// So many texts are remembered, each of which is read once. Another one is read each time.
const MOST_REMEMBERED: usize = 2_048;
/// A larger number is none that was measured, and neither is one with more digits.
const LONGEST_NUMBER: usize = 40;
const LARGEST_POWER: i64 = 20;

/// Reads units, and counts what it could not read.
///
/// A clone counts into the same tally. `Debug` shows nothing of what was read.
///
/// ```
/// use humanapi_export::Units;
///
/// let units = Units::new();
/// assert_eq!(units.read("K/uL").as_deref(), Ok("10*3/uL"));
/// assert_eq!(units.convert("98.6", "°F", "Cel", None).as_deref(), Ok("37"));
///
/// // A mass is an amount of substance for what is known alone: here glucose, by its code of LOINC.
/// assert!(units.convert("5.5", "mmol/L", "mg/dL", None).is_err());
/// assert_eq!(units.convert("5.5", "mmol/L", "mg/dL", Some("2345-7")).as_deref(), Ok("99.0858"));
/// ```
#[derive(Clone, Default)]
pub struct Units(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    known: HashMap<String, Known>,
    tally: Tally,
}

/// What a text is, once it was read.
#[derive(Clone)]
enum Known {
    Unit(Arc<Named>),
    Not(Unread),
}

/// A unit, and how UCUM writes it.
pub(crate) struct Named {
    pub(crate) ucum: String,
    unit: Unit,
}

impl Named {
    /// Whether the unit's text tells nothing of anybody, whatever was sent.
    pub(crate) const fn is_plain(&self) -> bool {
        self.unit.is_plain
    }
}

/// A value in the unit that its kind is brought to.
pub(crate) struct Converted {
    pub(crate) value: BigDecimal,
    pub(crate) unit: String,
    pub(crate) rule: String,
}

impl Units {
    /// With an empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How UCUM writes the unit that a text means.
    ///
    /// # Errors
    ///
    /// When that is not certain.
    pub fn read(&self, text: &str) -> Result<String, Unread> {
        self.named(text).map(|named| named.ucum.clone())
    }

    /// What a decimal number of one unit is in another one, as an exact decimal; to fifteen digits where that does not end.
    ///
    /// The code of LOINC says what was measured, without which a mass is no amount of substance.
    ///
    /// # Errors
    ///
    /// When a unit is not certain, or one is not the other.
    pub fn convert(
        &self,
        number: &str,
        from: &str,
        to: &str,
        loinc: Option<&str>,
    ) -> Result<String, Unread> {
        let (from, to) = (self.named(from)?, self.named(to)?);
        let value = read_number(number).ok_or(Unread::OutOfRange)?;
        let analyte = loinc.and_then(|code| BOOK.analyte(code));
        if let Some(analyte) = analyte.filter(|analyte| analyte.canonical.1.kind == to.unit.kind)
            && let Some(factor) = analyte.factor(&from.unit)
        {
            let factor = factor * from_to(&analyte.canonical.1, &to.unit);
            return Ok((Fraction::of(value) * factor).decimal().to_plain_string());
        }
        let converted = bring(value, &from, &to.ucum, &to.unit).ok_or(Unread::OtherKind)?;
        Ok(converted.value.to_plain_string())
    }

    /// What was read and what was not, so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    pub(crate) fn named(&self, text: &str) -> Result<Arc<Named>, Unread> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Unread::NoUnit);
        }
        // A sign of Unicode takes up to three bytes, and three of them make one unit at most.
        if text.len() > LONGEST + 12 {
            return Err(Unread::Unknown);
        }
        let known = self.state().known.get(text).cloned();
        let known = known.unwrap_or_else(|| {
            let known = match BOOK.meaning(text) {
                Meaning::Unit(ucum, unit) => Known::Unit(Arc::new(Named { ucum, unit })),
                Meaning::Doubt => Known::Not(Unread::Doubt),
                Meaning::Unknown => Known::Not(Unread::Unknown),
            };
            let mut state = self.state();
            if state.known.len() < MOST_REMEMBERED {
                state.known.insert(text.to_owned(), known.clone());
            }
            known
        });
        match known {
            Known::Unit(named) => Ok(named),
            Known::Not(unread) => Err(unread),
        }
    }

    /// A value in the unit that its kind is brought to, or that of what it was measured of.
    pub(crate) fn canonical(
        &self,
        number: &str,
        named: &Named,
        loinc: &[String],
    ) -> Result<Converted, Unread> {
        let value = read_number(number).ok_or(Unread::OutOfRange)?;
        let mut analytes = loinc.iter().filter_map(|code| BOOK.analyte(code));
        let analyte = analytes.next();
        // Codes that name two things name none.
        if analyte.is_some_and(|one| analytes.any(|other| other.rule != one.rule)) {
            return Err(Unread::TwoAnalytes);
        }
        let converted = match analyte {
            Some(analyte) => {
                let (text, to) = &analyte.canonical;
                match analyte.factor(&named.unit) {
                    Some(factor) => Converted {
                        value: (Fraction::of(value) * factor).decimal(),
                        unit: (*text).to_owned(),
                        rule: analyte.rule.clone(),
                    },
                    None => bring(value, named, text, to).ok_or(Unread::NoRule)?,
                }
            }
            None => match BOOK.canonical(&named.unit) {
                Some((text, to)) => bring(value, named, text, to).ok_or(Unread::OtherKind)?,
                None => temperature(&value, &named.ucum, "Cel").unwrap_or_else(|| Converted {
                    value: value.normalized(),
                    unit: named.ucum.clone(),
                    rule: SAME.to_owned(),
                }),
            },
        };
        Ok(converted)
    }

    pub(crate) fn count(&self, unit: Option<&Named>, unread: Option<Unread>) {
        let unit = unit.filter(|unit| unit.is_plain());
        self.state()
            .tally
            .add(unit.map(|unit| unit.ucum.as_str()), unread);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What another thread left when it panicked is whole: each change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Units(…)")
    }
}

/// Whose tally it is counted in makes no other columns.
impl PartialEq for Units {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Units {}

/// The rule by which a value stays what it is.
const SAME: &str = "same";
/// The rule by which UCUM tells how many of one unit another one is.
const UCUM: &str = "ucum";

/// A value in another unit of the same kind.
fn bring(value: BigDecimal, from: &Named, text: &str, to: &Unit) -> Option<Converted> {
    if let Some(converted) = temperature(&value, &from.ucum, text) {
        return Some(converted);
    }
    if from.unit.kind != to.kind {
        return None;
    }
    // Percents, ratios and shares of different things are all mere numbers.
    if from.unit.kind.is_share() && from.ucum != text {
        return None;
    }
    let factor = from_to(&from.unit, to);
    let rule = if factor.is_one() { SAME } else { UCUM };
    Some(Converted {
        value: (Fraction::of(value) * factor).decimal(),
        unit: text.to_owned(),
        rule: rule.to_owned(),
    })
}

/// How many of another unit one is.
fn from_to(one: &Unit, other: &Unit) -> Fraction {
    one.factor.clone() * other.factor.clone().inverse()
}

/// A temperature in another scale, whose zero lies elsewhere.
fn temperature(value: &BigDecimal, from: &str, to: &str) -> Option<Converted> {
    let scale = |name| {
        // How many kelvins one is, and where its zero lies.
        Some(match name {
            "K" => (Fraction::one(), BigDecimal::from(0)),
            "Cel" => (Fraction::one(), BigDecimal::new(27315.into(), 2)),
            "[degF]" => (Fraction::new(5, 9), BigDecimal::new(45967.into(), 2)),
            _ => return None,
        })
    };
    let ((size, zero), (to_size, to_zero)) = (scale(from)?, scale(to)?);
    // Of Celsius the zero is in kelvins and of Fahrenheit in its own degrees, which is the same: one kelvin is one of Celsius.
    let rule = if from == to { SAME } else { "temperature" };
    let in_to = Fraction::of(value + zero) * size * to_size.inverse();
    let value = in_to.minus(&to_zero);
    Some(Converted {
        value: value.decimal(),
        unit: to.to_owned(),
        rule: rule.to_owned(),
    })
}

/// A decimal number, if it is none that nobody measured.
fn read_number(text: &str) -> Option<BigDecimal> {
    if text.len() > LONGEST_NUMBER {
        return None;
    }
    let number: BigDecimal = text.trim().parse().ok()?;
    let (_, scale) = number.as_bigint_and_exponent();
    let (most, least) = (LARGEST_POWER, -LARGEST_POWER);
    (least..=most).contains(&scale).then_some(number)
}

#[cfg(test)]
mod tests;
