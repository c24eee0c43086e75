//! When a person sees whom, and what comes of it: everything else in a chart hangs on its visits.

use super::chart;
use super::panel::Panel as P;
use crate::clock::{DAY, Millis};
use crate::people::calendar::{HOUR, MINUTE, MONTH, date};
use crate::people::moment::Moment;
use crate::people::moments::stored;
use crate::people::person::Person;
use crate::persona::Persona;
use crate::resource::Resource;
use crate::source::Source;

/// A kind of visit.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) visit_type: &'static str,
    /// By HL7's codes of acts: `AMB`, `EMER` or `IMP`.
    pub(super) class: &'static str,
    pub(super) department: &'static str,
    pub(super) reason: &'static str,
    /// With their codes of ICD-10-CM.
    pub(super) diagnoses: &'static [(&'static str, &'static str)],
    /// Which panels are taken for it.
    pub(super) panels: &'static [P],
    pub(super) plan: &'static str,
}

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

/// A visit on its day, of which the hour is not drawn yet.
struct Planned {
    round: i64,
    day: Millis,
    kind: &'static Kind,
}

/// What is planned at one source: its schedule up to now, or a child's whole one, and what happens besides.
fn planned(person: &Person, source: &'static Source) -> Vec<Planned> {
    let place = Source::ALL
        .iter()
        .position(|known| known == source)
        .unwrap_or(0) as i64;
    let scheduled = |since: Millis, every: Millis, kinds: &'static [Kind]| {
        (0..)
            .zip(kinds.iter().cycle())
            .map(move |(round, kind)| Planned {
                round,
                day: since + place * 5 * DAY + round * every,
                kind,
            })
            .take_while(|planned| planned.day <= person.now)
    };
    let mut all: Vec<Planned> = match person.persona {
        Persona::Chronic => scheduled(date(2011, 2, 7), 91 * DAY, &CHRONIC).collect(),
        Persona::Child => {
            let born = person.life().born;
            let ages = WELL_CHILD_MONTHS.iter().zip(0..);
            ages.map(|(months, round)| Planned {
                round,
                day: born + 2 * DAY + months * MONTH / DAY * DAY,
                kind: &WELL_CHILD,
            })
            .collect()
        }
        _ => scheduled(
            date(2020, 4, 6),
            365 * DAY,
            std::slice::from_ref(&EXAMINATION),
        )
        .collect(),
    };
    let besides = events(person).into_iter().zip(EVENTS..);
    all.extend(besides.map(|((day, kind), round)| Planned {
        round,
        day: day / DAY * DAY,
        kind,
    }));
    all
}

/// A planned visit at its hour, unless that has yet to come.
fn visit(person: &Person, source: &'static Source, planned: &Planned) -> Option<Visit> {
    let round = planned.round;
    let mut numbers = person.numbers(&[b"visit", source.word.as_bytes(), &round.to_be_bytes()]);
    let at = opening(planned.day) + numbers.within(0, 12) * 30 * MINUTE - person.offset();
    (at <= person.now).then_some(Visit {
        source,
        round,
        at,
        kind: planned.kind,
    })
}

/// The visits at one source up to now, the oldest first.
pub(super) fn visits(person: &Person, source: &'static Source) -> Vec<Visit> {
    let planned = planned(person, source);
    let mut all: Vec<Visit> = planned
        .iter()
        .filter_map(|planned| visit(person, source, planned))
        .collect();
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
    let planned = planned(person, moment.source);
    let planned = planned.iter().find(|one| one.round == moment.round)?;
    visit(person, moment.source, planned)
}
