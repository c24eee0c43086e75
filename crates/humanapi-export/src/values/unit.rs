//! Units of UCUM, and what each is made of: `octofhir-ucum` reads them, and tells how large each of their atoms is.
//!
//! Its own conversions are in floats, and take for the same what UCUM takes for the same: a mole, an equivalent, a cell in a
//! field of view and a percent are all numbers there. Here each is kept apart, and factors stay exact.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use octofhir_ucum::{Case, Number, UnitExpr, UnitRecord, lookup_unit, parse_expression};

use super::fraction::Fraction;

/// A longer text is no unit.
pub(super) const LONGEST: usize = 40;
/// A larger exponent is no unit's.
const LARGEST_EXPONENT: i32 = 12;
/// The numbers that units are made with. Another one is somebody's, or a decimal that was read as a product: `1.73`.
const NUMBERS: [i64; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 24, 48, 72, 100, 1_000];
/// The power of ten by its own names.
const TEN: [&str; 2] = ["10*", "10^"];
/// What stands in braces and changes nothing: what is counted is known without it.
const SILENT: [&str; 9] = [
    "cells", "cell", "count", "counts", "#", "beats", "beat", "breaths", "breath",
];
/// What stands in braces and is known. Anything else could be anything.
const SPOKEN: [&str; 15] = [
    "1.73_m2", "creat", "FEU", "DDU", "WBC", "RBC", "Hb", "copies", "ratio", "INR", "index",
    "score", "titer", "total", "steps",
];
/// The prefixes of an atom that stands in brackets, such as `k[IU]`.
const BRACKETED: &str = " kcmun";
/// Constants of physics, which nobody measures in: `[h]` is a value that is marked as high, and no quantum of action.
const CONSTANTS: [&str; 11] = [
    "[c]", "[h]", "[k]", "[eps_0]", "[mu_0]", "[e]", "[m_e]", "[m_p]", "[G]", "[g]", "[ly]",
];
/// The other atoms that are measured in, each with the prefixes that it has there; a blank is none.
///
/// UCUM lets each prefix stand before each metric atom, and has an atom for most letters. What is written in another case
/// than UCUM's would be something else there: `Meq` a million of equivalents, `u` a mass of atoms, `pt` a
/// microgram. Whatever is not listed is read by an alias or not at all.
const ATOMS: [(&str, &str); 40] = [
    ("m", " kdcmun"),
    ("g", " kdcmunpf"),
    ("s", " mun"),
    ("L", " hdcmunpf"),
    ("l", " hdcmunpf"),
    ("mol", " kmunpf"),
    ("eq", " mun"),
    ("osm", " mu"),
    ("U", " kmun"),
    ("kat", " mun"),
    ("min", " "),
    ("h", " "),
    ("d", " "),
    ("wk", " "),
    ("mo", " "),
    ("a", " "),
    ("%", " "),
    ("g%", " m"),
    ("Cel", " "),
    ("Pa", " MkhmG"),
    ("bar", " Mkm"),
    ("atm", " "),
    ("m[Hg]", " cm"),
    ("m[H2O]", " cm"),
    ("Hz", " GMk"),
    ("J", " Mkm"),
    ("W", " MkmuG"),
    ("cal", " k"),
    ("N", " kmu"),
    ("dyn", " "),
    ("P", "c"),
    ("V", " kmun"),
    ("A", " mun"),
    ("Ohm", " km"),
    ("Bq", " GMk"),
    ("Ci", " mun"),
    ("Gy", " cm"),
    ("Sv", " mu"),
    ("deg", " "),
    ("B", "d"),
];
/// A decay is no other event, although both are counted by the second.
const APART: [&str; 2] = ["Bq", "Ci"];
/// The power of ten below which a factor is told in full. The library rounds at 28 digits.
const EXACT: i128 = 1_000_000_000_000_000_000_000_000;

/// A unit, and what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// How much of the base units of its kind it is.
    pub(super) factor: Fraction,
    pub(super) kind: Kind,
    /// Whether all that stands in its braces is known, so that its text tells nothing of anybody.
    pub(super) is_plain: bool,
}

/// What two units have to have in common for a value in one to be a value in the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    dimension: [i32; 7],
    /// What is kept apart, and to which power; what stands in braces too.
    kept: BTreeMap<String, i32>,
}

impl Kind {
    fn of(name: &str) -> Self {
        Self {
            kept: BTreeMap::from([(name.to_owned(), 1)]),
            ..Self::default()
        }
    }

    /// Whether it is a share, such as a percent or a mole in a mole. One of one thing is none of another.
    pub(super) fn is_share(&self) -> bool {
        let is_count = self
            .kept
            .iter()
            .all(|(name, _)| name == "%" || name.starts_with('{'));
        self.dimension == [0; 7] && is_count
    }

    fn add(&mut self, other: &Self, times: i32) {
        for (own, other) in std::iter::zip(&mut self.dimension, &other.dimension) {
            *own += other * times;
        }
        for (name, power) in &other.kept {
            *self.kept.entry(name.clone()).or_default() += power * times;
        }
        self.kept.retain(|_, power| *power != 0);
    }
}

impl Unit {
    /// Reads a unit. Nothing where it is none by UCUM, or where one of its parts is not certain.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let parsed = parse_expression(text).ok()?;
        if has_leading_zero(text) || !is_measure(&parsed) {
            return None;
        }
        match &parsed {
            // What is told by a function of something, such as a temperature, is part of no other unit.
            UnitExpr::Symbol(code) => Self::symbol(code, true),
            parsed => Self::of(parsed),
        }
    }

    fn one() -> Self {
        Self {
            factor: Fraction::one(),
            kind: Kind::default(),
            is_plain: true,
        }
    }

    fn of(parsed: &UnitExpr) -> Option<Self> {
        Some(match parsed {
            UnitExpr::Symbol(code) => Self::symbol(code, false)?,
            UnitExpr::Numeric(number) => {
                let known = NUMBERS
                    .iter()
                    .find(|one| *number == Number::from_i64(**one))?;
                Self {
                    factor: Fraction::new(*known, 1),
                    ..Self::one()
                }
            }
            UnitExpr::Power(base, exponent) => {
                if *exponent == 0 || exponent.abs() > LARGEST_EXPONENT {
                    return None;
                }
                match &**base {
                    UnitExpr::Symbol(ten) if TEN.contains(&ten.as_str()) => Self {
                        factor: Fraction::new(10, 1).power(*exponent),
                        ..Self::one()
                    },
                    base => Self::one().times(&Self::of(base)?, *exponent),
                }
            }
            UnitExpr::Annotation(inside) => Self::one().with_braces(inside),
            UnitExpr::Annotated(inner, inside) => Self::of(inner)?.with_braces(inside),
            UnitExpr::Product(factors) => {
                factors.iter().try_fold(Self::one(), |unit, factor| {
                    Some(unit.times(&Self::of(factor)?, 1))
                })?
            }
            UnitExpr::Quotient(above, below) => Self::of(above)?.times(&Self::of(below)?, -1),
            UnitExpr::Reciprocal(below) => Self::one().times(&Self::of(below)?, -1),
        })
    }

    /// An atom with its prefix.
    fn symbol(code: &str, is_alone: bool) -> Option<Self> {
        if TEN.contains(&code) {
            return None;
        }
        let (prefix, atom) = lookup_unit(code, Case::Sensitive)?;
        if !is_meant(prefix.map_or(" ", |prefix| prefix.symbol), atom.code) {
            return None;
        }
        if atom.special.is_special() && !is_alone {
            return None;
        }
        let prefix = match prefix {
            Some(prefix) => Fraction::of(exact(prefix.factor)?),
            None => Fraction::one(),
        };
        let (factor, kind) = Self::atom(atom);
        Some(Self {
            factor: prefix * factor,
            kind,
            is_plain: true,
        })
    }

    /// How large an atom is, and of which kind.
    fn atom(atom: &UnitRecord) -> (Fraction, Kind) {
        // A micromole by the minute, and a mole by the second.
        let enzyme = match atom.code {
            "U" => Some(Fraction::new(1, 60_000_000)),
            "kat" => Some(Fraction::one()),
            _ => None,
        };
        let mut kind = Kind {
            dimension: atom.dim.0.map(i32::from),
            kept: BTreeMap::new(),
        };
        if let Some(factor) = enzyme {
            kind.add(&Kind::of("mol"), 1);
            return (factor, kind);
        }
        let is_apart = atom.special.is_special()
            || atom.special.is_arbitrary()
            || atom.dim.is_dimensionless()
            || APART.contains(&atom.code);
        match exact(atom.factor).filter(|_| !is_apart) {
            Some(factor) => (Fraction::of(factor), kind),
            // `[iU]` and `[IU]` are one.
            None => {
                let name = atom.arbitrary.first().map_or(atom.code, |(name, _)| name);
                (Fraction::one(), Kind::of(name))
            }
        }
    }

    fn with_braces(mut self, inside: &str) -> Self {
        if !SILENT.contains(&inside) {
            self.is_plain &= SPOKEN.contains(&inside);
            self.kind.add(&Kind::of(&format!("{{{inside}}}")), 1);
        }
        self
    }

    fn times(mut self, other: &Self, times: i32) -> Self {
        self.factor = self.factor * other.factor.clone().power(times);
        self.kind.add(&other.kind, times);
        self.is_plain &= other.is_plain;
        self
    }
}

/// Whether an atom is measured in, and has this prefix there.
fn is_meant(prefix: &str, atom: &str) -> bool {
    let listed = ATOMS.iter().find(|(one, _)| *one == atom);
    let bracketed = Some(BRACKETED).filter(|_| atom.starts_with('[') && !CONSTANTS.contains(&atom));
    let prefixes = listed.map(|(_, prefixes)| *prefixes).or(bracketed);
    prefixes.is_some_and(|prefixes| prefix.len() == 1 && prefixes.contains(prefix))
}

/// Whether a number begins with a zero, as months and days do. What stands in braces or brackets is no number.
fn has_leading_zero(text: &str) -> bool {
    let mut depth = 0_u32;
    let mut before = ' ';
    text.chars().any(|sign| {
        match sign {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_zero = depth == 0 && sign == '0' && !before.is_ascii_digit();
        before = sign;
        is_zero
    })
}

/// Whether something is measured at all: numbers alone could be a date, and so could more than one of them.
fn is_measure(parsed: &UnitExpr) -> bool {
    match parsed {
        UnitExpr::Numeric(number) => *number == Number::ONE,
        UnitExpr::Power(base, _) if is_ten(base) => true,
        parsed => {
            let mut parts = Parts::default();
            parts.count(parsed);
            parts.named > 0 && parts.numbers <= 1
        }
    }
}

fn is_ten(base: &UnitExpr) -> bool {
    matches!(base, UnitExpr::Symbol(ten) if TEN.contains(&ten.as_str()))
}

/// How many parts of a unit are numbers, and how many say what is measured.
#[derive(Default)]
struct Parts {
    numbers: u32,
    named: u32,
}

impl Parts {
    fn count(&mut self, parsed: &UnitExpr) {
        match parsed {
            UnitExpr::Numeric(_) => self.numbers += 1,
            UnitExpr::Power(base, _) if is_ten(base) => self.numbers += 1,
            UnitExpr::Symbol(_) | UnitExpr::Annotation(_) => self.named += 1,
            UnitExpr::Power(inner, _) | UnitExpr::Reciprocal(inner) => self.count(inner),
            UnitExpr::Annotated(inner, _) => {
                self.named += 1;
                self.count(inner);
            }
            UnitExpr::Product(factors) => {
                for factor in factors {
                    self.count(factor);
                }
            }
            UnitExpr::Quotient(above, below) => {
                self.count(above);
                self.count(below);
            }
        }
    }
}

/// A number of the library's as a decimal, if it is told in full.
fn exact(number: Number) -> Option<BigDecimal> {
    let (digits, exponent) = number.to_integer_and_exponent();
    (digits.abs() < EXACT).then(|| BigDecimal::new(digits.into(), -i64::from(exponent)))
}
