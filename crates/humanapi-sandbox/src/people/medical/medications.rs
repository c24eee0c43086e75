//! What a person takes or took: as clinics prescribed it, and as pharmacies dispensed it.

use serde_json::{Value, json};

use super::chart::{self, Clinician};
use super::codes::{NDC, RXNORM, coded};
use super::conditions;
use super::visits::Visit;
use crate::clock::{DAY, Millis, instant};
use crate::people::calendar::{HOUR, MONTH, date};
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::reference;
use crate::resource::Resource;
use crate::source::SourceKind;

/// One medication, by its code of RxNorm.
struct Drug {
    name: &'static str,
    product: &'static str,
    brand: &'static str,
    rxnorm: &'static str,
    /// In the form of NDC, and nobody's.
    ndc: &'static str,
    strength: (&'static str, &'static str),
    frequency: (&'static str, &'static str),
    form: &'static str,
    route: &'static str,
    instructions: &'static str,
    department: &'static str,
    start: Millis,
    end: Option<Millis>,
}

const ORAL: &str = "enteral_oral";

#[rustfmt::skip] // One row, few lines.
const CHRONIC: &[Drug] = &[
    Drug { name: "metformin hydrochloride 500 MG Oral Tablet", product: "metformin hydrochloride", brand: "", rxnorm: "861007", ndc: "00000-0101-60",
        strength: ("500", "mg"), frequency: ("2", "day"), form: "tablet", route: ORAL, instructions: "Take one tablet twice a day with meals.",
        department: "Endocrinology", start: date(2011, 2, 14), end: Some(date(2014, 5, 19)) },
    Drug { name: "metformin hydrochloride 1000 MG Oral Tablet", product: "metformin hydrochloride", brand: "", rxnorm: "861004", ndc: "00000-0102-60",
        strength: ("1000", "mg"), frequency: ("2", "day"), form: "tablet", route: ORAL, instructions: "Take one tablet twice a day with meals.",
        department: "Endocrinology", start: date(2014, 5, 19), end: None },
    Drug { name: "lisinopril 20 MG Oral Tablet", product: "lisinopril", brand: "", rxnorm: "314077", ndc: "00000-0103-30",
        strength: ("20", "mg"), frequency: ("1", "day"), form: "tablet", route: ORAL, instructions: "Take one tablet every morning.",
        department: "Family Medicine", start: date(2011, 5, 16), end: None },
    Drug { name: "atorvastatin 40 MG Oral Tablet", product: "atorvastatin", brand: "Lipitor", rxnorm: "617311", ndc: "00000-0104-30",
        strength: ("40", "mg"), frequency: ("1", "evening"), form: "tablet", route: ORAL, instructions: "Take one tablet in the evening.",
        department: "Cardiology", start: date(2018, 3, 17), end: None },
    Drug { name: "aspirin 81 MG Oral Tablet", product: "aspirin", brand: "", rxnorm: "243670", ndc: "00000-0105-90",
        strength: ("81", "mg"), frequency: ("1", "breakfast"), form: "tablet", route: ORAL, instructions: "Take one tablet with breakfast.",
        department: "Cardiology", start: date(2018, 3, 17), end: None },
    Drug { name: "clopidogrel 75 MG Oral Tablet", product: "clopidogrel", brand: "Plavix", rxnorm: "309362", ndc: "00000-0106-30",
        strength: ("75", "mg"), frequency: ("1", "day"), form: "tablet", route: ORAL, instructions: "Take one tablet a day, for a year.",
        department: "Cardiology", start: date(2018, 3, 17), end: Some(date(2019, 3, 18)) },
    Drug { name: "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet", product: "metoprolol succinate", brand: "", rxnorm: "866436", ndc: "00000-0107-30",
        strength: ("50", "mg"), frequency: ("1", "day"), form: "tablet", route: ORAL, instructions: "Take one tablet every morning. Do not crush.",
        department: "Cardiology", start: date(2018, 3, 17), end: None },
    Drug { name: "nitroglycerin 0.4 MG Sublingual Tablet", product: "nitroglycerin", brand: "", rxnorm: "198039", ndc: "00000-0108-25",
        strength: ("0.4", "mg"), frequency: ("1", "as-needed"), form: "tablet", route: "sublingual", instructions: "One tablet under the tongue for chest pain. Call for help after the second one.",
        department: "Cardiology", start: date(2018, 3, 17), end: None },
    Drug { name: "insulin glargine 100 UNT/ML Injectable Solution", product: "insulin glargine", brand: "Lantus", rxnorm: "311041", ndc: "00000-0109-10",
        strength: ("100", "UNT/mL"), frequency: ("1", "evening"), form: "solution", route: "parenteral_subcutaneous", instructions: "Inject 18 units at bedtime.",
        department: "Endocrinology", start: date(2019, 2, 11), end: None },
    Drug { name: "empagliflozin 10 MG Oral Tablet", product: "empagliflozin", brand: "Jardiance", rxnorm: "1545658", ndc: "00000-0110-30",
        strength: ("10", "mg"), frequency: ("1", "day"), form: "tablet", route: ORAL, instructions: "Take one tablet every morning.",
        department: "Endocrinology", start: date(2026, 5, 11), end: None },
];

#[rustfmt::skip]
const ATHLETE: &[Drug] = &[
    Drug { name: "cetirizine hydrochloride 10 MG Oral Tablet", product: "cetirizine hydrochloride", brand: "", rxnorm: "1014678", ndc: "00000-0201-30",
        strength: ("10", "mg"), frequency: ("1", "as-needed"), form: "tablet", route: ORAL, instructions: "One tablet a day in spring, as needed.",
        department: "Sports Medicine", start: date(2019, 5, 6), end: None },
    Drug { name: "ibuprofen 400 MG Oral Tablet", product: "ibuprofen", brand: "", rxnorm: "197805", ndc: "00000-0202-20",
        strength: ("400", "mg"), frequency: ("3", "day"), form: "tablet", route: ORAL, instructions: "One tablet three times a day for a week.",
        department: "Sports Medicine", start: date(2023, 9, 18), end: Some(date(2023, 9, 25)) },
    Drug { name: "ferrous sulfate 325 MG Oral Tablet", product: "ferrous sulfate", brand: "", rxnorm: "310325", ndc: "00000-0203-60",
        strength: ("325", "mg"), frequency: ("1", "day"), form: "tablet", route: ORAL, instructions: "One tablet a day between meals.",
        department: "Sports Medicine", start: date(2024, 4, 15), end: None },
];

/// Started at an age in months, for ten days.
#[rustfmt::skip]
const CHILD: &[(i64, Drug)] = &[
    (20, Drug { name: "amoxicillin", product: "amoxicillin", brand: "", rxnorm: "723", ndc: "00000-0301-01",
        strength: ("80", "mg/mL"), frequency: ("2", "day"), form: "suspension", route: ORAL, instructions: "Five millilitres twice a day for ten days.",
        department: "Pediatrics", start: 0, end: None }),
];

/// A drug with its first and its last day.
type Course = (&'static Drug, Millis, Option<Millis>);

fn courses(person: &Person) -> Vec<Course> {
    let as_written = |drug: &'static Drug| (drug, drug.start, drug.end);
    match person.persona {
        Persona::Chronic => CHRONIC.iter().map(as_written).collect(),
        Persona::Child => {
            let born = person.life().born;
            let course = |(months, drug): &'static (i64, Drug)| {
                let start = born + months * MONTH;
                (drug, start, Some(start + 10 * DAY))
            };
            CHILD.iter().map(course).collect()
        }
        _ => ATHLETE.iter().map(as_written).collect(),
    }
}

/// At which hour of its day something is fetched.
const REFILL_HOUR: Millis = 12 * HOUR;

/// How often it was fetched by now: each month until it ends.
fn refills(person: &Person, start: Millis, end: Option<Millis>) -> i64 {
    let until = end.unwrap_or(Millis::MAX).min(person.now - REFILL_HOUR);
    (until - start).max(0) / (30 * DAY)
}

/// With each refill the record is changed.
pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let courses = courses(person);
    let days: Vec<Millis> = courses.iter().map(|(_, start, _)| *start).collect();
    let sources = chart::clinics(person).chain(chart::pharmacies(person));
    let mut all = conditions::rows(person, Resource::Medications, sources, &days);
    for moment in &mut all {
        let (_, start, end) = courses[moment.row];
        let refilled = start + refills(person, start, end) * 30 * DAY + REFILL_HOUR;
        let ended = end.filter(|end| *end <= person.now);
        if refilled <= person.now {
            moment.updated = moment.updated.max(refilled).max(ended.unwrap_or(0));
        }
    }
    all
}

fn codes(drug: &Drug) -> Value {
    json!([
        coded(RXNORM, drug.rxnorm, drug.name),
        coded(NDC, drug.ndc, drug.product)
    ])
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let (drug, start, end) = courses(person)[moment.row];
    let refills = refills(person, start, end);
    let (number, unit) = drug.strength;
    let (times, per) = drug.frequency;
    let prescriber = Clinician::of(moment.source, drug.department);
    let is_over = end.is_some_and(|end| end <= person.now);
    let mut fields = Fields::new()
        .with("instructions", drug.instructions)
        .with("patient", json!({"name": ""}))
        .with("name", drug.name)
        .with("productName", drug.product)
        .with("dosageInfo", format!("{number} {unit}"))
        .with("refillsTotal", "11")
        .with("refillsRemaining", 11 - refills % 12)
        .with("status", if is_over { "Completed" } else { "Active" })
        .with("provider", prescriber.name())
        .with("providerID", prescriber.id())
        .with("ndcCode", drug.ndc)
        .with(
            "details",
            json!({
                "frequency": {"number": times, "unit": per},
                "route": drug.route,
                "strength": {"number": number, "unit": unit},
                "dosage": {"form": drug.form, "value": "1"},
            }),
        )
        .with("codes", codes(drug))
        .with("startDate", instant(start))
        .with(
            "expiration",
            instant(start + (refills / 12 + 1) * 360 * DAY),
        );
    if start < OLD {
        fields.set("genericProductIndicator", GENERIC_PRODUCT);
    }
    if !drug.brand.is_empty() {
        fields.set("commonBrandName", drug.brand);
    }
    if let Some(end) = end.filter(|_| is_over) {
        fields.set("endDate", instant(end));
    }
    if moment.source.kind == SourceKind::Pharmacy {
        fields.set(
            "pharmacy",
            json!({
                "iD": moment.source.id,
                "name": moment.source.name,
                "address": chart::address_line(moment.source),
                "phone": chart::phone(moment.source),
                "hours": "Mon-Sat 08:00-20:00",
            }),
        );
    }
    fields
}

/// In the form of Medi-Span's Generic Product Identifier, and nobody's.
const GENERIC_PRODUCT: &str = "00000000000000";

/// How encounters told of medications before there were codes.
const OLD: Millis = date(2016, 1, 1);

/// What was prescribed at a visit, and links to the records of it: what the department had begun by then.
pub(super) fn at_visit(person: &Person, visit: &Visit) -> (Value, Value) {
    let courses = courses(person);
    let taken: Vec<(usize, &Course)> = courses
        .iter()
        .enumerate()
        .filter(|(_, (drug, start, end))| {
            drug.department == visit.kind.department
                && *start <= visit.at
                && end.is_none_or(|end| end > visit.at)
        })
        .collect();
    let told = taken.iter().map(|(_, (drug, start, end))| {
        if visit.at < OLD {
            return json!({
                "name": drug.name,
                "startDate": instant(*start),
                "ndcCode": drug.ndc,
                "genericProductIndicator": GENERIC_PRODUCT,
                "canRefill": true,
                "hasPendingRefill": false,
            });
        }
        let mut told = json!({
            "name": drug.name,
            "productName": drug.product,
            "instructions": drug.instructions,
            "dosageInfo": format!("{} {}", drug.strength.0, drug.strength.1),
            "startDate": instant(*start),
            "codes": codes(drug),
        });
        if let Some(end) = end {
            told["endDate"] = instant(*end).into();
        }
        told
    });
    let links = taken.iter().map(|(row, _)| {
        let id = person.id_of(Resource::Medications, visit.source, *row, 0);
        reference::record(Resource::Medications, &id)
    });
    (told.collect(), links.collect())
}
