//! What a person suffers from, and what a person must not come near.

use serde_json::{Value, json};

use super::chart;
use super::codes::{ICD10, RXNORM, SNOMED, System, UNII, coded, inferred};
use crate::clock::{Millis, instant};
use crate::people::calendar::{HOUR, MONTH, date};
use crate::people::moment::Moment;
use crate::people::moments::stored;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;
use crate::source::Source;

/// One condition by its codes of ICD-10-CM and SNOMED CT.
struct Issue {
    name: &'static str,
    icd: &'static str,
    snomed: &'static str,
    onset: Millis,
    status: &'static str,
}

#[rustfmt::skip] // One row, one line.
const CHRONIC: &[Issue] = &[
    Issue { name: "Essential hypertension", icd: "I10", snomed: "59621000", onset: date(2008, 5, 12), status: "Active" },
    Issue { name: "Obesity", icd: "E66.9", snomed: "414916001", onset: date(2009, 9, 3), status: "Active" },
    Issue { name: "Type 2 diabetes mellitus", icd: "E11.9", snomed: "44054006", onset: date(2011, 2, 7), status: "Active" },
    Issue { name: "Hyperlipidemia", icd: "E78.5", snomed: "55822004", onset: date(2011, 2, 14), status: "Active" },
    Issue { name: "Microalbuminuria due to type 2 diabetes mellitus", icd: "E11.29", snomed: "90781000119102", onset: date(2015, 2, 9), status: "Active" },
    Issue { name: "Non-ST elevation myocardial infarction", icd: "I21.4", snomed: "401314000", onset: date(2018, 3, 14), status: "Resolved" },
    Issue { name: "Coronary artery disease", icd: "I25.10", snomed: "53741008", onset: date(2018, 3, 15), status: "Active" },
    Issue { name: "Old myocardial infarction", icd: "I25.2", snomed: "1755008", onset: date(2018, 4, 12), status: "Active" },
    Issue { name: "Mild nonproliferative diabetic retinopathy", icd: "E11.3299", snomed: "1551000119108", onset: date(2020, 9, 21), status: "Active" },
    Issue { name: "Chronic kidney disease stage 3", icd: "N18.30", snomed: "433144002", onset: date(2023, 2, 6), status: "Active" },
    Issue { name: "Diabetic polyneuropathy", icd: "E11.42", snomed: "", onset: date(2026, 5, 11), status: "Active" },
];

#[rustfmt::skip]
const ATHLETE: &[Issue] = &[
    Issue { name: "Seasonal allergic rhinitis", icd: "J30.2", snomed: "367498001", onset: date(2019, 5, 6), status: "Active" },
    Issue { name: "Sprain of right ankle", icd: "S93.401A", snomed: "44465007", onset: date(2023, 9, 18), status: "Resolved" },
    Issue { name: "Iron deficiency", icd: "E61.1", snomed: "35240004", onset: date(2024, 4, 15), status: "Active" },
];

/// By age in months.
#[rustfmt::skip]
const CHILD: &[(i64, Issue)] = &[
    (3, Issue { name: "Atopic dermatitis", icd: "L20.9", snomed: "24079001", onset: 0, status: "Resolved" }),
    (20, Issue { name: "Acute otitis media", icd: "H66.90", snomed: "3110003", onset: 0, status: "Resolved" }),
    (27, Issue { name: "Allergy to peanuts", icd: "Z91.010", snomed: "91935009", onset: 0, status: "Active" }),
];

fn issue(person: &Person, row: usize) -> (&'static Issue, Millis) {
    match person.persona {
        Persona::Child => {
            let (months, issue) = &CHILD[row];
            (issue, person.life().born + months * MONTH)
        }
        Persona::Chronic => (&CHRONIC[row], CHRONIC[row].onset),
        _ => (&ATHLETE[row], ATHLETE[row].onset),
    }
}

fn count(person: &Person) -> usize {
    match person.persona {
        Persona::Child => CHILD.len(),
        Persona::Chronic => CHRONIC.len(),
        _ => ATHLETE.len(),
    }
}

/// One record of a table, stored a while after its day.
pub(super) fn row(
    person: &Person,
    resource: Resource,
    source: &'static Source,
    row: usize,
    day: Millis,
) -> Moment {
    let at = day + 10 * HOUR;
    let parts: [&[u8]; 4] = [
        b"row",
        resource.path().as_bytes(),
        source.word.as_bytes(),
        &(row as u64).to_be_bytes(),
    ];
    let (created, updated) = stored(&mut person.numbers(&parts), at, person.now);
    Moment {
        source,
        at,
        created,
        updated,
        row,
        round: 0,
    }
}

/// Each row once at each of these sources.
pub(super) fn rows(
    person: &Person,
    resource: Resource,
    sources: impl Iterator<Item = &'static Source>,
    days: &[Millis],
) -> Vec<Moment> {
    sources
        .flat_map(|source| {
            days.iter()
                .enumerate()
                .map(move |(index, day)| (source, index, *day))
        })
        .map(|(source, index, day)| row(person, resource, source, index, day))
        .collect()
}

pub(super) fn issues(person: &Person) -> Vec<Moment> {
    let days: Vec<Millis> = (0..count(person)).map(|row| issue(person, row).1).collect();
    rows(person, Resource::Issues, chart::clinics(person), &days)
}

pub(super) fn write_issue(person: &Person, moment: &Moment) -> Fields {
    let (issue, _) = issue(person, moment.row);
    let mut codes = vec![inferred(ICD10, issue.icd, issue.name)];
    if !issue.snomed.is_empty() {
        codes.push(coded(SNOMED, issue.snomed, issue.name));
    }
    Fields::new()
        .with("codes", codes)
        .with("dateTime", instant(moment.at))
        .with("name", issue.name)
        .with("patient", json!({"name": ""}))
        .with("status", issue.status)
}

/// An allergy, with what it is to and what came of it.
struct Allergy {
    name: &'static str,
    allergen: &'static str,
    codes: &'static [(System, &'static str)],
    /// A code of SNOMED CT for the kind of allergy.
    kind: (&'static str, &'static str),
    reaction: (&'static str, &'static str),
    severity: &'static str,
    since: Millis,
}

#[rustfmt::skip] // One row, few lines.
const ALLERGIES: &[(Persona, Allergy)] = &[
    (Persona::Chronic, Allergy { name: "Allergy to penicillin", allergen: "Penicillin G", codes: &[(RXNORM, "7980"), (UNII, "Q42T66VG0C")],
        kind: ("91936005", "Allergy to penicillin"), reaction: ("247472004", "Hives"), severity: "moderate", since: date(1989, 6, 2) }),
    (Persona::Chronic, Allergy { name: "Allergy to latex", allergen: "Latex", codes: &[],
        kind: ("300916003", "Latex allergy"), reaction: ("", "Contact rash"), severity: "mild", since: date(2018, 3, 15) }),
    (Persona::Athlete, Allergy { name: "Allergy to grass pollen", allergen: "Grass pollen", codes: &[],
        kind: ("418689008", "Allergy to grass pollen"), reaction: ("", "Sneezing"), severity: "unknown", since: date(2019, 5, 6) }),
    (Persona::Child, Allergy { name: "Allergy to peanuts", allergen: "Peanut", codes: &[(UNII, "QE1QX6B99R")],
        kind: ("91935009", "Allergy to peanuts"), reaction: ("39579001", "Anaphylaxis"), severity: "severe", since: date(2023, 6, 20) }),
];

fn own_allergies(person: &Person) -> Vec<&'static Allergy> {
    let own = ALLERGIES
        .iter()
        .filter(|(persona, _)| *persona == person.persona);
    own.map(|(_, allergy)| allergy).collect()
}

pub(super) fn allergies(person: &Person) -> Vec<Moment> {
    let days: Vec<Millis> = own_allergies(person)
        .iter()
        .map(|allergy| allergy.since)
        .collect();
    rows(person, Resource::Allergies, chart::clinics(person), &days)
}

pub(super) fn write_allergy(person: &Person, moment: &Moment) -> Fields {
    let allergy = own_allergies(person)[moment.row];
    let (kind, kind_name) = allergy.kind;
    let (reaction, reaction_name) = allergy.reaction;
    let own: Vec<Value> = allergy
        .codes
        .iter()
        .map(|(system, code)| coded(*system, code, allergy.allergen))
        .collect();
    let reaction_codes: Vec<Value> = (!reaction.is_empty())
        .then(|| coded(SNOMED, reaction, reaction_name))
        .into_iter()
        .collect();
    Fields::new()
        .with("name", allergy.name)
        .with("patient", json!({"name": ""}))
        .with("codes", json!([coded(SNOMED, kind, kind_name)]))
        .with("status", "Active")
        .with("severity", allergy.severity)
        .with("allergen", json!({"name": allergy.allergen, "codes": own}))
        .with(
            "reactionsFull",
            json!([{
                "name": reaction_name,
                "reactionType": {"codes": [coded(SNOMED, "419199007", "Allergy to substance")]},
                "codes": reaction_codes,
            }]),
        )
        .with("dateRange", json!({"start": instant(moment.at)}))
}
