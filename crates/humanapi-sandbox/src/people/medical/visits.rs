//! When a person sees whom, and what comes of it: everything else in a chart hangs on its visits.

use serde_json::{Value, json};

use super::codes::{ACT_CODE, CPT, ICD10, SNOMED, coded};
use super::{Clinician, chart, link, medications, results};
use crate::clock::{DAY, Millis, instant};
use crate::data::Resource;
use crate::data::records::Fields;
use crate::people::Person;
use crate::people::calendar::{HOUR, MINUTE, MONTH, date};
use crate::people::moments::{Moment, stored};
use crate::persona::Persona;
use crate::source::Source;

/// A kind of visit.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) visit_type: &'static str,
    /// By HL7's codes of acts: `AMB`, `EMER` or `IMP`.
    class: &'static str,
    pub(super) department: &'static str,
    pub(super) reason: &'static str,
    /// With their codes of ICD-10-CM.
    diagnoses: &'static [(&'static str, &'static str)],
    /// Which panels are taken for it.
    pub(super) panels: &'static [results::Panel],
    pub(super) plan: &'static str,
}

use results::Panel as P;

const DIABETES: (&str, &str) = ("Type 2 diabetes mellitus", "E11.9");
const HYPERTENSION: (&str, &str) = ("Essential hypertension", "I10");
const CORONARY: (&str, &str) = ("Coronary artery disease", "I25.10");

#[rustfmt::skip] // One kind, few lines.
static CHRONIC: [Kind; 4] = [
    Kind { visit_type: "Office Visit", class: "AMB", department: "Family Medicine", reason: "Yearly examination",
        diagnoses: &[DIABETES, HYPERTENSION], panels: &[P::A1c, P::Lipids, P::Metabolic, P::BloodCount, P::UrineAlbumin, P::Urinalysis, P::Thyroid],
        plan: "Keep the present medication. Eye and foot examination this year." },
    Kind { visit_type: "Office Visit", class: "AMB", department: "Endocrinology", reason: "Diabetes follow-up",
        diagnoses: &[DIABETES], panels: &[P::A1c, P::Metabolic], plan: "Log glucose before breakfast and before dinner." },
    Kind { visit_type: "Office Visit", class: "AMB", department: "Cardiology", reason: "Blood pressure and lipids",
        diagnoses: &[HYPERTENSION, CORONARY], panels: &[P::Lipids, P::A1c, P::Heart], plan: "Walk for half an hour on five days a week." },
    Kind { visit_type: "Office Visit", class: "AMB", department: "Endocrinology", reason: "Diabetes follow-up",
        diagnoses: &[DIABETES], panels: &[P::A1c, P::Metabolic], plan: "Bring the glucose log next time." },
];

#[rustfmt::skip]
static HEART_ATTACK: Kind = Kind { visit_type: "Emergency", class: "EMER", department: "Emergency", reason: "Chest pain for two hours",
    diagnoses: &[("Non-ST elevation myocardial infarction", "I21.4")], panels: &[P::Heart, P::Metabolic, P::BloodCount],
    plan: "Admit to cardiology." };

#[rustfmt::skip]
static ADMISSION: Kind = Kind { visit_type: "Hospital Encounter", class: "IMP", department: "Cardiology", reason: "Coronary angiography",
    diagnoses: &[("Non-ST elevation myocardial infarction", "I21.4"), CORONARY], panels: &[P::Echo, P::Lipids],
    plan: "Two antiplatelet agents for a year. Cardiac rehabilitation." };

#[rustfmt::skip]
static EXAMINATION: Kind = Kind { visit_type: "Office Visit", class: "AMB", department: "Sports Medicine", reason: "Yearly examination",
    diagnoses: &[("General adult examination", "Z00.00")], panels: &[P::Lipids, P::Metabolic, P::BloodCount, P::Iron],
    plan: "Cleared for competition." };

#[rustfmt::skip]
static SPRAIN: Kind = Kind { visit_type: "Office Visit", class: "AMB", department: "Sports Medicine", reason: "Twisted right ankle",
    diagnoses: &[("Sprain of right ankle", "S93.401A")], panels: &[], plan: "Brace and exercises for six weeks." };

#[rustfmt::skip]
static COVID_TEST: Kind = Kind { visit_type: "Office Visit", class: "AMB", department: "Family Medicine", reason: "Cough and fever",
    diagnoses: &[("Contact with and exposure to COVID-19", "Z20.822")], panels: &[P::Covid], plan: "Stay at home until the result is there." };

#[rustfmt::skip]
static WELL_CHILD: Kind = Kind { visit_type: "Well Child", class: "AMB", department: "Pediatrics", reason: "Well child visit",
    diagnoses: &[("Routine child health examination", "Z00.129")], panels: &[P::Child], plan: "Vaccinate by the schedule." };

#[rustfmt::skip]
static EARACHE: Kind = Kind { visit_type: "Office Visit", class: "AMB", department: "Pediatrics", reason: "Earache",
    diagnoses: &[("Acute otitis media", "H66.90")], panels: &[], plan: "Amoxicillin for ten days." };

/// At which ages in months children are seen.
const WELL_CHILD_MONTHS: &[i64] = &[
    0, 1, 2, 4, 6, 9, 12, 15, 18, 24, 30, 36, 48, 60, 72, 84, 96, 108, 120, 132, 144, 156, 168,
    180, 192, 204,
];

/// What happened besides, by day. Such visits have rounds from [`EVENTS`] on.
fn events(person: &Person) -> Vec<(Millis, &'static Kind)> {
    match person.persona {
        Persona::Chronic => vec![
            (HEART_ATTACK_DAY, &HEART_ATTACK),
            (HEART_ATTACK_DAY + DAY, &ADMISSION),
            (date(2021, 1, 11), &COVID_TEST),
        ],
        Persona::Child => {
            let born = person.life().born;
            vec![(born + 20 * MONTH, &EARACHE), (born + 26 * MONTH, &EARACHE)]
        }
        _ => vec![
            (date(2021, 12, 20), &COVID_TEST),
            (date(2023, 9, 18), &SPRAIN),
        ],
    }
}

pub(super) const HEART_ATTACK_DAY: Millis = date(2018, 3, 14);

/// The round of the first visit that no schedule foresees.
const EVENTS: i64 = 1_000_000;

/// One visit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) source: &'static Source,
    pub(super) round: i64,
    pub(super) at: Millis,
    pub(super) kind: &'static Kind,
}

/// The visits at one source up to now, the oldest first.
pub(super) fn visits(person: &Person, source: &'static Source) -> Vec<Visit> {
    let place = Source::ALL
        .iter()
        .position(|known| known == source)
        .unwrap_or(0) as i64;
    let visit = |round: i64, day: Millis, kind| {
        let mut numbers = person.numbers(&[b"visit", source.word.as_bytes(), &round.to_be_bytes()]);
        Visit {
            source,
            round,
            at: opening(day) + numbers.within(0, 12) * 30 * MINUTE - person.offset(),
            kind,
        }
    };
    let scheduled = |since: Millis, every: Millis| {
        let days = (0..).map(move |round| (round, since + place * 5 * DAY + round * every));
        days.take_while(|(_, day)| *day <= person.now)
    };
    let mut all: Vec<Visit> = match person.persona {
        Persona::Chronic => scheduled(date(2011, 2, 7), 91 * DAY)
            .map(|(round, day)| visit(round, day, &CHRONIC[(round % 4) as usize]))
            .collect(),
        Persona::Child => {
            let born = person.life().born;
            let ages = WELL_CHILD_MONTHS.iter().zip(0..);
            ages.map(|(months, round)| {
                visit(
                    round,
                    born + 2 * DAY + months * MONTH / DAY * DAY,
                    &WELL_CHILD,
                )
            })
            .collect()
        }
        _ => scheduled(date(2020, 4, 6), 365 * DAY)
            .map(|(round, day)| visit(round, day, &EXAMINATION))
            .collect(),
    };
    let besides = events(person).into_iter().zip(EVENTS..);
    all.extend(besides.map(|((day, kind), round)| visit(round, day / DAY * DAY, kind)));
    all.retain(|visit| visit.at <= person.now);
    all.sort_by_key(|visit| visit.at);
    all
}

/// When doors open on that day, or on the Monday after a weekend.
fn opening(day: Millis) -> Millis {
    let weekday = (day / DAY + 3).rem_euclid(7);
    let monday = if weekday >= 5 { 7 - weekday } else { 0 };
    day + monday * DAY + 9 * HOUR
}

/// When a record of a visit was stored.
pub(super) fn moment(
    person: &Person,
    resource: Resource,
    visit: &Visit,
    at: Millis,
    row: usize,
) -> Moment {
    let mut numbers = person.numbers(&[
        b"stored",
        resource.path().as_bytes(),
        visit.source.word.as_bytes(),
        &visit.round.to_be_bytes(),
        &(row as u64).to_be_bytes(),
    ]);
    let (created, updated) = stored(&mut numbers, at.max(visit.at) + 2 * HOUR, person.now);
    Moment {
        source: visit.source,
        at,
        created,
        updated,
        row,
        round: visit.round,
    }
}

/// One record for each visit to a clinic.
pub(super) fn each(person: &Person, resource: Resource) -> Vec<Moment> {
    let visits = chart::clinics(person).flat_map(|clinic| visits(person, clinic));
    visits
        .map(|visit| moment(person, resource, &visit, visit.at, 0))
        .collect()
}

/// The visit that a record was made at.
pub(super) fn of(person: &Person, moment: &Moment) -> Option<Visit> {
    visits(person, moment.source)
        .into_iter()
        .find(|visit| visit.round == moment.round)
}

pub(super) fn write_encounter(person: &Person, moment: &Moment) -> Fields {
    let Some(visit) = of(person, moment) else {
        return Fields::new();
    };
    let kind = visit.kind;
    let clinician = Clinician::of(visit.source, kind.department);
    let diagnoses: Vec<Value> = kind
        .diagnoses
        .iter()
        .map(|(name, code)| json!({"name": name, "codes": [coded(ICD10, code, name)]}))
        .collect();
    let link_of = |resource, row| {
        link(
            resource,
            &person.id_of(resource, visit.source, row, visit.round),
        )
    };
    let tests: Vec<Value> = (0..kind.panels.len())
        .map(|row| link_of(Resource::TestResults, row))
        .collect();
    let orders: Vec<Value> = kind
        .panels
        .iter()
        .map(|panel| order(&visit, *panel))
        .collect();
    let (taken, prescriptions) = medications::at_visit(person, &visit);
    let body = person.body(visit.at);
    let class = match kind.class {
        "EMER" => "Emergency",
        "IMP" => "Inpatient",
        _ => "Ambulatory",
    };
    let mut fields = Fields::new()
        .with("dateTime", instant(visit.at))
        .with(
            "codes",
            json!([
                {"name": class, "code": kind.class, "codeSystem": ACT_CODE, "inferred": false},
                coded(SNOMED, "308335008", "Patient encounter procedure"),
            ]),
        )
        .with("diagnoses", diagnoses)
        .with("medications", taken)
        .with("orders", orders)
        .with("patient", json!({"name": ""}))
        .with("patientInstruction", kind.plan)
        .with("followUpInstructions", "Call if it gets worse.")
        .with("plansOfCare", json!([link_of(Resource::PlansOfCare, 0)]))
        .with("prescriptions", prescriptions)
        .with("problems", json!([]))
        .with("provider", clinician.as_text())
        .with("reasons", json!([kind.reason]))
        .with("testResults", tests)
        .with("visitType", kind.visit_type)
        .with("vitalSigns", json!([link_of(Resource::Vitals, 0)]));
    if visit.round % 8 == 0 {
        let kilograms = crate::people::calendar::decimal(body.weight_hg, 1);
        fields.set("vitals", json!({"weight": format!("{kilograms} [kg]")}));
    }
    fields
}

fn order(visit: &Visit, panel: results::Panel) -> Value {
    let panel = panel.table();
    json!({
        "name": panel.name,
        "type": "Lab",
        "codeType": CPT.oid,
        "procedureCode": panel.cpt,
        "expectedDate": instant(visit.at),
        "expireDate": instant(visit.at + 365 * DAY),
        "codes": [coded(CPT, panel.cpt, panel.name)],
    })
}

pub(super) fn write_narrative(person: &Person, moment: &Moment) -> Fields {
    let Some(visit) = of(person, moment) else {
        return Fields::new();
    };
    let kind = visit.kind;
    let named: Vec<&str> = kind.diagnoses.iter().map(|(name, _)| *name).collect();
    Fields::new()
        .with("dateTime", instant(visit.at))
        .with("author", Clinician::of(visit.source, kind.department).name())
        .with("entries", json!([
            {"title": "Reason for visit", "text": kind.reason, "templateIds": ["2.16.840.1.113883.10.20.22.2.12"]},
            {"title": "Assessment", "text": named.join("; "), "templateIds": ["2.16.840.1.113883.10.20.22.2.8"]},
            {"title": "Plan", "text": kind.plan, "templateIds": []},
        ]))
}

/// The next visit, which may lie ahead.
pub(super) fn write_plan(person: &Person, moment: &Moment) -> Fields {
    let Some(visit) = of(person, moment) else {
        return Fields::new();
    };
    let clinician = Clinician::of(visit.source, visit.kind.department);
    Fields::new()
        .with("name", format!("{} follow-up", visit.kind.department))
        .with("text", visit.kind.plan)
        .with("date", instant(moment.at))
        .with(
            "codes",
            json!([
                {"name": "encounter", "inferred": false},
                coded(SNOMED, "390906007", "Follow-up encounter"),
            ]),
        )
        .with("type", "Appointment")
        .with("specialty", visit.kind.department)
        .with("provider", clinician.as_person())
}

/// One plan for each visit: for a day that lies before us when it is made.
pub(super) fn plans(person: &Person) -> Vec<Moment> {
    let visits = chart::clinics(person).flat_map(|clinic| visits(person, clinic));
    visits
        .map(|visit| {
            let made = moment(person, Resource::PlansOfCare, &visit, visit.at, 0);
            Moment {
                at: visit.at + 91 * DAY,
                ..made
            }
        })
        .collect()
}

/// One document for each visit.
pub(super) fn write_document(person: &Person, moment: &Moment) -> Fields {
    let department = of(person, moment).map_or("General", |visit| visit.kind.department);
    Fields::new()
        .with("dateTime", instant(moment.at))
        .with("author", Clinician::of(moment.source, department).name())
}
