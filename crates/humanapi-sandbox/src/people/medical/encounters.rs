//! What a clinic writes of each visit: the encounter, its narrative, its document, and the plan that it ends with.

use serde_json::{Value, json};

use super::chart::{self, Clinician};
use super::codes::{ACT_CODE, CPT, ICD10, SNOMED, coded};
use super::medications;
use super::panel::Panel;
use super::visits::{self, Visit};
use crate::clock::{DAY, instant};
use crate::people::calendar::decimal;
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::records::Fields;
use crate::reference;
use crate::resource::Resource;

pub(super) fn write_encounter(person: &Person, moment: &Moment) -> Fields {
    let Some(visit) = visits::of(person, moment) else {
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
        reference::record(
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
        let kilograms = decimal(body.weight_hg, 1);
        fields.set("vitals", json!({"weight": format!("{kilograms} [kg]")}));
    }
    fields
}

fn order(visit: &Visit, panel: Panel) -> Value {
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
    let Some(visit) = visits::of(person, moment) else {
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
    let Some(visit) = visits::of(person, moment) else {
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
    let visits = chart::clinics(person).flat_map(|clinic| visits::visits(person, clinic));
    visits
        .map(|visit| {
            let made = visits::moment(person, Resource::PlansOfCare, &visit, visit.at, 0);
            Moment {
                at: visit.at + 91 * DAY,
                ..made
            }
        })
        .collect()
}

/// One document for each visit.
pub(super) fn write_document(person: &Person, moment: &Moment) -> Fields {
    let department = visits::of(person, moment).map_or("General", |visit| visit.kind.department);
    Fields::new()
        .with("dateTime", instant(moment.at))
        .with("author", Clinician::of(moment.source, department).name())
}
