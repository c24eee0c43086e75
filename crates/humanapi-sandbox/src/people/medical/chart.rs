//! Which sources hold what of a chart, and how they name each other.

use serde_json::{Value, json};

use crate::people::person::Person;
use crate::seed::{Numbers, keyed};
use crate::source::{BLUEBIRD_LABORATORY, Source, SourceKind};

/// Clinics hold a whole chart.
pub(super) fn clinics(person: &Person) -> impl Iterator<Item = &'static Source> {
    person
        .sources
        .clone()
        .into_iter()
        .filter(|source| source.holds_charts())
}

/// Laboratories hold test results.
pub(super) fn laboratories(person: &Person) -> impl Iterator<Item = &'static Source> {
    person
        .connected(&[BLUEBIRD_LABORATORY])
        .collect::<Vec<_>>()
        .into_iter()
}

/// Pharmacies hold what they dispensed, vaccines included.
pub(super) fn pharmacies(person: &Person) -> impl Iterator<Item = &'static Source> {
    let sources = person.sources.clone().into_iter();
    sources.filter(|source| source.kind == SourceKind::Pharmacy)
}

/// All of them, in the order in which they were connected.
pub(super) fn organizations(person: &Person) -> impl Iterator<Item = &'static Source> {
    let sources = person.sources.clone().into_iter();
    sources.filter(|source| source.kind != SourceKind::Wellness)
}

/// Somebody who works at a source. No such person exists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clinician {
    given: &'static str,
    family: &'static str,
    department: &'static str,
    source: &'static Source,
}

const GIVEN: &[&str] = &["Dana", "Jules", "Marit", "Sanna", "Teo", "Vida"];
const FAMILY: &[&str] = &["Placeholder", "Mockton", "Specimen", "Testerman", "Fixture"];

impl Clinician {
    pub(super) fn of(source: &'static Source, department: &'static str) -> Self {
        let mut numbers = Numbers::new(keyed(0, &[source.word.as_bytes(), department.as_bytes()]));
        Self {
            given: numbers.pick(GIVEN, "Dana"),
            family: numbers.pick(FAMILY, "Placeholder"),
            department,
            source,
        }
    }

    pub(super) const fn given(&self) -> &'static str {
        self.given
    }

    pub(super) const fn family(&self) -> &'static str {
        self.family
    }

    pub(super) const fn source(&self) -> &'static Source {
        self.source
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// By which pharmacies know somebody who prescribes.
    pub(super) fn id(&self) -> String {
        let number = keyed(0, &[self.family.as_bytes(), self.department.as_bytes()]) % 10_000;
        format!("PR-{number:04}")
    }

    /// By one line each.
    pub(super) fn as_text(&self) -> Value {
        json!({
            "name": self.name(),
            "departmentName": self.department,
            "address": address_line(self.source),
        })
    }

    /// By the parts of the name.
    pub(super) fn as_person(&self) -> Value {
        json!({
            "name": {"prefix": "Dr.", "given": [self.given], "family": self.family},
            "departmentName": self.department,
            "address": address_line(self.source),
        })
    }
}

pub(super) fn street(source: &Source) -> String {
    let house = keyed(0, &[b"house", source.word.as_bytes()]) % 300 + 1;
    format!("{house} Example Street")
}

/// In one line.
pub(super) fn address_line(source: &Source) -> String {
    format!("{}, Testville", street(source))
}

/// By its parts.
pub(super) fn address(source: &Source) -> Value {
    json!({"street": [street(source)], "city": "Testville", "state": "CA", "zip": "00000", "country": "US"})
}

/// A number of the range that belongs to nobody.
pub(super) fn phone(source: &Source) -> String {
    let last = keyed(0, &[b"phone", source.word.as_bytes()]) % 100;
    format!("(555) 555-01{last:02}")
}
