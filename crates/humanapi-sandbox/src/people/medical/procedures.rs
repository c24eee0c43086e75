//! What was done to a person.

use serde_json::{Value, json};

use super::codes::{CPT, SNOMED, coded};
use super::{chart, conditions};
use crate::clock::{DAY, Millis, instant};
use crate::people::calendar::{MONTH, date};
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;

/// A procedure by its codes of SNOMED CT and CPT.
struct Procedure {
    name: &'static str,
    snomed: &'static str,
    cpt: &'static str,
    first: Millis,
    /// How many days lie between two of it; 0: it was done once.
    every: i64,
    specimen: Option<(&'static str, &'static str)>,
    device: Option<(&'static str, &'static str)>,
}

#[rustfmt::skip] // One row, one line.
const CHRONIC: &[Procedure] = &[
    Procedure { name: "12 lead electrocardiogram", snomed: "268400002", cpt: "93000", first: date(2012, 2, 6), every: 364, specimen: None, device: None },
    Procedure { name: "Diabetic foot examination", snomed: "401191002", cpt: "", first: date(2011, 5, 9), every: 364, specimen: None, device: None },
    Procedure { name: "Diabetic retinopathy screening", snomed: "134395001", cpt: "92250", first: date(2011, 9, 19), every: 364, specimen: None, device: None },
    Procedure { name: "Coronary angiography", snomed: "33367005", cpt: "93458", first: date(2018, 3, 15), every: 0, specimen: None, device: None },
    Procedure { name: "Percutaneous coronary intervention", snomed: "415070008", cpt: "92928", first: date(2018, 3, 15), every: 0, specimen: None, device: Some(("705643001", "Coronary artery stent")) },
    Procedure { name: "Echocardiography", snomed: "40701008", cpt: "93306", first: date(2018, 3, 16), every: 728, specimen: None, device: None },
    Procedure { name: "Colonoscopy", snomed: "73761001", cpt: "45378", first: date(2016, 6, 20), every: 0, specimen: Some(("119376003", "Tissue specimen")), device: None },
];

#[rustfmt::skip]
const ATHLETE: &[Procedure] = &[
    Procedure { name: "Spirometry", snomed: "127783003", cpt: "94010", first: date(2020, 4, 6), every: 728, specimen: None, device: None },
    Procedure { name: "X-ray of right ankle", snomed: "", cpt: "73610", first: date(2023, 9, 18), every: 0, specimen: None, device: None },
];

/// By age in months, with the same codes.
const CHILD: &[(i64, &str, &str, &str)] = &[
    (0, "Newborn hearing screening", "", "92551"),
    (18, "Developmental screening", "", "96110"),
    (48, "Vision screening", "", "99173"),
];

fn codes(name: &str, snomed: &str, cpt: &str) -> Vec<Value> {
    let systems = [(SNOMED, snomed), (CPT, cpt)];
    let known = systems.into_iter().filter(|(_, code)| !code.is_empty());
    known
        .map(|(system, code)| coded(system, code, name))
        .collect()
}

fn table(person: &Person) -> &'static [Procedure] {
    match person.persona {
        Persona::Chronic => CHRONIC,
        _ => ATHLETE,
    }
}

/// Each with the times that it was done, by the place in its table and by their number.
fn done(person: &Person) -> Vec<(usize, i64, Millis)> {
    let by_now = |day: &Millis| *day <= person.now;
    if person.persona == Persona::Child {
        let born = person.life().born + 2 * DAY;
        let days = CHILD
            .iter()
            .map(|(months, ..)| born + months * MONTH / DAY * DAY);
        return days
            .enumerate()
            .map(|(row, day)| (row, 0, day))
            .filter(|(.., day)| by_now(day))
            .collect();
    }
    let mut all = Vec::new();
    for (row, procedure) in table(person).iter().enumerate() {
        let most = if procedure.every == 0 { 1 } else { usize::MAX };
        let days = (0..).map(|time| (time, procedure.first + time * procedure.every * DAY));
        let days = days.take_while(|(_, day)| by_now(day)).take(most);
        all.extend(days.map(|(time, day)| (row, time, day)));
    }
    all
}

pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let done = done(person);
    chart::clinics(person)
        .flat_map(|source| done.iter().map(move |done| (source, *done)))
        .map(|(source, (row, time, day))| Moment {
            round: time,
            row,
            ..conditions::row(
                person,
                Resource::Procedures,
                source,
                row * 1000 + time as usize,
                day,
            )
        })
        .collect()
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let fields = Fields::new().with("dateTime", instant(moment.at)).with(
        "performer",
        json!({
            "phone": chart::phone(moment.source),
            "address": chart::address_line(moment.source),
            "organizationName": moment.source.name,
        }),
    );
    let coded_as = |pair: Option<(&str, &str)>| -> Vec<Value> {
        pair.map(|(code, name)| coded(SNOMED, code, name))
            .into_iter()
            .collect()
    };
    let (name, snomed, cpt, specimen, device) = if person.persona == Persona::Child {
        let (_, name, snomed, cpt) = CHILD[moment.row];
        (name, snomed, cpt, None, None)
    } else {
        let own = &table(person)[moment.row];
        (own.name, own.snomed, own.cpt, own.specimen, own.device)
    };
    fields
        .with("name", name)
        .with("codes", codes(name, snomed, cpt))
        .with("specimenCodes", coded_as(specimen))
        .with("deviceCodes", coded_as(device))
}
