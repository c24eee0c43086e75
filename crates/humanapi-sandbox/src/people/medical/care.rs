//! How a person gets on, and what a person was told to do.

use serde_json::json;

use super::codes::{SNOMED, coded};
use super::{chart, conditions};
use crate::clock::{Millis, instant};
use crate::people::calendar::date;
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::records::Fields;
use crate::resource::Resource;

/// One line, with a code of SNOMED CT where there is one.
struct Line {
    persona: Persona,
    name: &'static str,
    text: &'static str,
    snomed: &'static str,
    day: Millis,
}

#[rustfmt::skip] // One row, one line.
const STATUSES: &[Line] = &[
    Line { persona: Persona::Chronic, name: "Able to walk", text: "Walks unaided, half an hour without a pause.", snomed: "282097004", day: date(2019, 2, 11) },
    Line { persona: Persona::Chronic, name: "Manages own medication", text: "Fills a box for the week.", snomed: "", day: date(2022, 2, 7) },
    Line { persona: Persona::Chronic, name: "Wears reading glasses", text: "", snomed: "", day: date(2020, 9, 21) },
    Line { persona: Persona::Athlete, name: "Able to run", text: "Trains six days a week.", snomed: "", day: date(2023, 4, 3) },
    Line { persona: Persona::Child, name: "Walks unaided", text: "Since the age of thirteen months.", snomed: "", day: date(2022, 6, 14) },
];

#[rustfmt::skip]
const INSTRUCTIONS: &[Line] = &[
    Line { persona: Persona::Chronic, name: "Diabetic diet", text: "Count carbohydrates at each meal.", snomed: "160670007", day: date(2011, 2, 14) },
    Line { persona: Persona::Chronic, name: "Foot care", text: "Look at both feet every evening.", snomed: "", day: date(2011, 5, 9) },
    Line { persona: Persona::Chronic, name: "Chest pain", text: "Sit down, take one tablet under the tongue, and call for help if it stays.", snomed: "", day: date(2018, 3, 17) },
    Line { persona: Persona::Athlete, name: "Ankle exercises", text: "Balance on the right foot for a minute, three times a day.", snomed: "", day: date(2023, 9, 18) },
    Line { persona: Persona::Child, name: "Peanuts", text: "No peanuts, and the injector always at hand.", snomed: "", day: date(2023, 6, 20) },
];

fn own(resource: Resource, person: &Person) -> Vec<&'static Line> {
    let lines = if resource == Resource::Instructions {
        INSTRUCTIONS
    } else {
        STATUSES
    };
    lines
        .iter()
        .filter(|line| line.persona == person.persona)
        .collect()
}

pub(super) fn moments(resource: Resource, person: &Person) -> Vec<Moment> {
    let days: Vec<Millis> = own(resource, person).iter().map(|line| line.day).collect();
    conditions::rows(person, resource, chart::clinics(person), &days)
}

pub(super) fn write(resource: Resource, person: &Person, moment: &Moment) -> Fields {
    let line = own(resource, person)[moment.row];
    let is_coded = !line.snomed.is_empty();
    let codes = is_coded.then(|| coded(SNOMED, line.snomed, line.name));
    let fields = Fields::new()
        .with("dateTime", instant(moment.at))
        .with("name", line.name)
        .with("status", "active")
        .with("codes", json!(codes.into_iter().collect::<Vec<_>>()));
    if line.text.is_empty() {
        fields
    } else {
        fields.with("text", line.text)
    }
}
