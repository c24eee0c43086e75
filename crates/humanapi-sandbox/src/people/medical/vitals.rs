//! What is measured at a visit.

use serde_json::{Value, json};

use super::chart::{self, Clinician};
use super::codes::{LOINC, coded};
use super::visits;
use crate::clock::instant;
use crate::people::body::Body;
use crate::people::calendar::{MINUTE, decimal, decimal_text};
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;

/// From tenths of one unit to tenths of another.
type Convert = fn(i64) -> i64;

/// One thing that is measured.
struct Vital {
    name: &'static str,
    /// As the source labels it.
    label: &'static str,
    code: &'static str,
    unit: &'static str,
    /// The source's own value in units of its last decimal place.
    read: fn(&Body) -> (i64, u32),
    /// The same in another unit, in its tenths.
    also: Option<(&'static str, Convert)>,
}

#[rustfmt::skip] // One row, one line.
const VITALS: &[Vital] = &[
    Vital { name: "Body height", label: "HEIGHT", code: "8302-2", unit: "cm", read: |body| (body.height_mm, 1), also: Some(("[in_i]", |mm| mm * 100 / 254)) },
    Vital { name: "Body weight", label: "WEIGHT", code: "29463-7", unit: "kg", read: |body| (body.weight_hg, 1), also: Some(("[lb_av]", |hg| hg * 22_046 / 10_000)) },
    Vital { name: "Body mass index", label: "BMI", code: "39156-5", unit: "kg/m2", read: |body| (body.bmi_tenths(), 1), also: None },
    Vital { name: "Systolic blood pressure", label: "BP SYSTOLIC", code: "8480-6", unit: "mm[Hg]", read: |body| (body.systolic, 0), also: None },
    Vital { name: "Diastolic blood pressure", label: "BP DIASTOLIC", code: "8462-4", unit: "mm[Hg]", read: |body| (body.diastolic, 0), also: None },
    Vital { name: "Heart rate", label: "PULSE", code: "8867-4", unit: "/min", read: |body| (body.resting_heart_rate + 4, 0), also: None },
    Vital { name: "Oxygen saturation", label: "SPO2", code: "59408-5", unit: "%", read: |_| (97, 0), also: None },
    Vital { name: "Body temperature", label: "TEMP", code: "8310-5", unit: "Cel", read: |body| (366 + body.systolic % 5, 1), also: Some(("[degF]", |tenths| tenths * 9 / 5 + 320)) },
];

/// Only of small children.
const HEAD: Vital = Vital {
    name: "Head circumference",
    label: "HEAD CIRC",
    code: "9843-4",
    unit: "cm",
    read: |body| (body.head_mm, 1),
    also: None,
};

pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let clinics = chart::clinics(person);
    let visits = clinics.flat_map(|clinic| visits::visits(person, clinic));
    visits
        .map(|visit| visits::moment(person, Resource::Vitals, &visit, visit.at + 5 * MINUTE, 0))
        .collect()
}

fn write_one(vital: &Vital, body: &Body) -> Value {
    let (units, places) = (vital.read)(body);
    let value = decimal(units, places);
    let mut values: Vec<Value> = Vec::new();
    if let Some((unit, convert)) = vital.also {
        values.push(json!({"value": decimal(convert(units), 1), "unit": unit}));
    }
    values.push(json!({"value": value, "unit": vital.unit}));
    json!({
        "name": vital.name,
        "normalizedName": vital.name,
        "unit": vital.unit,
        "value": value,
        "raw": {
            "name": vital.label,
            "unit": vital.unit,
            "value": decimal_text(units, places),
            "codes": [{"name": vital.label, "code": vital.code, "codeSystemName": "LOINC"}],
        },
        "values": values,
        "codes": [{"name": vital.name, "code": vital.code, "codeSystemName": "LOINC"}],
    })
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let body = person.body(moment.at);
    let has_head = person.persona == Persona::Child && body.head_mm < 494;
    let head = has_head.then_some(&HEAD);
    let results: Vec<Value> = VITALS
        .iter()
        .chain(head)
        .map(|vital| write_one(vital, &body))
        .collect();
    let department = visits::of(person, moment).map_or("General", |visit| visit.kind.department);
    Fields::new()
        .with("dateTime", instant(moment.at))
        .with("author", Clinician::of(moment.source, department).name())
        .with("name", person.life().name())
        .with("results", results)
        .with(
            "codes",
            json!([coded(LOINC, "85353-1", "Vital signs panel")]),
        )
}
