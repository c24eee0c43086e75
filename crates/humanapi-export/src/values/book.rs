//! What is known of units: how records write them, to which unit each kind is brought, and for what of a laboratory a mass
//! is an amount of substance.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::fraction::Fraction;
use super::unit::Unit;

/// All that is known.
pub(super) static BOOK: LazyLock<Book> = LazyLock::new(Book::read);

const ALIASES: &str = include_str!("aliases.tsv");
const ANALYTES: &str = include_str!("analytes.tsv");

/// To which unit values of each kind are brought. A kind without a unit here keeps the one that it was sent in.
const CANONICAL: &[&str] = &[
    "cm", "kg", "s", "L", "m2", "kg/m2", "mm[Hg]", "kcal", "W", "/min", "mL/min", "mg/dL", "mmol",
    "mmol/L", "meq", "meq/L", "mosm/kg", "mosm/L", "[IU]", "[IU]/L", "U/L", "10*9/L", "mg/d",
    "mmol/d", "meq/d",
];

pub(super) struct Book {
    aliases: BTreeMap<&'static str, Option<&'static str>>,
    canonical: Vec<(&'static str, Unit)>,
    analytes: Vec<Analyte>,
    /// Which analyte a code of LOINC is of.
    by_code: BTreeMap<&'static str, usize>,
}

/// What a laboratory looks for.
pub(super) struct Analyte {
    /// The rule's name in a file.
    pub(super) rule: String,
    /// To which unit its values are brought.
    pub(super) canonical: (&'static str, Unit),
    /// One of the unit is so many of the canonical one.
    rules: Vec<(Unit, Fraction)>,
}

/// What a text is as a unit.
pub(super) enum Meaning {
    /// This unit of UCUM.
    Unit(String, Unit),
    /// More than one thing.
    Doubt,
    /// Nothing that is known.
    Unknown,
}

impl Book {
    fn read() -> Self {
        let aliases = rows(ALIASES).map(|row| (row[0], Some(row[1]).filter(|unit| *unit != "?")));
        let canonical = CANONICAL.iter().map(|text| (*text, own(text)));
        let analytes: Vec<_> = rows(ANALYTES).map(|row| Analyte::read(&row)).collect();
        let codes = rows(ANALYTES).enumerate();
        let by_code =
            codes.flat_map(|(place, row)| row[1].split(' ').map(move |code| (code, place)));
        Self {
            aliases: aliases.collect(),
            canonical: canonical.collect(),
            by_code: by_code.collect(),
            analytes,
        }
    }

    /// What a text is as a unit. An alias comes first.
    pub(super) fn meaning(&self, text: &str) -> Meaning {
        let words: Vec<_> = text.split_whitespace().take(5).collect();
        let text = words.join(" ");
        let ucum = match self.aliases.get(text.as_str()) {
            Some(None) => return Meaning::Doubt,
            Some(Some(ucum)) => (*ucum).to_owned(),
            None => text,
        };
        match Unit::read(&ucum) {
            Some(unit) => Meaning::Unit(ucum, unit),
            None => Meaning::Unknown,
        }
    }

    /// To which unit values in this one are brought.
    pub(super) fn canonical(&self, unit: &Unit) -> Option<&(&'static str, Unit)> {
        let mut of_kind = self
            .canonical
            .iter()
            .filter(|(_, one)| one.kind == unit.kind);
        of_kind.next().filter(|_| !unit.kind.is_share())
    }

    /// What a code of LOINC is of.
    pub(super) fn analyte(&self, code: &str) -> Option<&Analyte> {
        self.by_code.get(code).map(|place| &self.analytes[*place])
    }

    /// Each alias with its unit.
    #[cfg(test)]
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        self.aliases.iter().map(|(text, unit)| (*text, *unit))
    }

    /// Each code of LOINC that has a row.
    #[cfg(test)]
    pub(super) fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.by_code.keys().copied()
    }
}

impl Analyte {
    /// How many of the canonical unit one of this unit is, by a rule.
    pub(super) fn factor(&self, unit: &Unit) -> Option<Fraction> {
        let (from, number) = self.rules.iter().find(|(from, _)| from.kind == unit.kind)?;
        Some(unit.factor.clone() * from.factor.clone().inverse() * number.clone())
    }

    fn read(row: &[&'static str]) -> Self {
        let rules = row[3]
            .split(';')
            .map(str::trim)
            .filter(|rule| !rule.is_empty());
        Self {
            rule: format!("analyte: {}", row[0]),
            canonical: (row[2], own(row[2])),
            rules: rules
                .map(|rule| {
                    let (unit, number) = rule
                        .split_once(" = ")
                        .expect("a rule of ours has both sides");
                    let number = number.parse().expect("a rule of ours has a number");
                    (own(unit), Fraction::of(number))
                })
                .collect(),
        }
    }
}

/// A unit that a table of ours names.
fn own(text: &str) -> Unit {
    Unit::read(text)
        .unwrap_or_else(|| panic!("a table of ours names a unit of UCUM, and not {text}"))
}

/// The rows of a table of ours, which a test has read whole.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}
