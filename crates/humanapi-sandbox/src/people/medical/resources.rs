//! Which part of a chart each resource is.

use serde_json::Value;

use super::{
    care, chart, conditions, encounters, immunizations, medications, persons, procedures, reports,
    results, timeline, visits, vitals,
};
use crate::people::moment::Moment;
use crate::people::moments::Moments;
use crate::people::person::Person;
use crate::records::Fields;
use crate::reference;
use crate::resource::{self, Resource};

pub(in crate::people) fn moments(resource: Resource, person: &Person) -> Moments {
    use Resource as R;
    let all = match resource {
        R::Encounters | R::Narratives | R::Ccds => visits::each(person, resource),
        R::PlansOfCare => encounters::plans(person),
        R::Vitals => vitals::moments(person),
        R::TestResults => results::moments(person),
        R::Issues => conditions::issues(person),
        R::Allergies => conditions::allergies(person),
        R::Medications => medications::moments(person),
        R::Immunizations => immunizations::moments(person),
        R::Procedures => procedures::moments(person),
        R::FunctionalStatuses | R::Instructions => care::moments(resource, person),
        R::Timeline => timeline::moments(person),
        R::Reports => reports::moments(person),
        R::Demographics | R::MedicalProfile | R::Organizations | R::SocialHistory => {
            persons::moments(resource, person)
        }
        // Nothing of a chart's.
        resource::wellness!() => Vec::new(),
    };
    Moments::list(all, person)
}

pub(in crate::people) fn write(resource: Resource, person: &Person, moment: &Moment) -> Fields {
    use Resource as R;
    let mut fields = match resource {
        R::Encounters => encounters::write_encounter(person, moment),
        R::Narratives => encounters::write_narrative(person, moment),
        R::PlansOfCare => encounters::write_plan(person, moment),
        R::Ccds => encounters::write_document(person, moment),
        R::Vitals => vitals::write(person, moment),
        R::TestResults => results::write(person, moment),
        R::Issues => conditions::write_issue(person, moment),
        R::Allergies => conditions::write_allergy(person, moment),
        R::Medications => medications::write(person, moment),
        R::Immunizations => immunizations::write(person, moment),
        R::Procedures => procedures::write(person, moment),
        R::FunctionalStatuses | R::Instructions => care::write(resource, person, moment),
        R::Timeline => timeline::write(person, moment),
        R::Reports => reports::write(moment),
        R::Demographics | R::MedicalProfile | R::Organizations | R::SocialHistory => {
            persons::write(resource, person, moment)
        }
        resource::wellness!() => Fields::new(),
    };
    if let Some(document) = source_document(resource, person, moment) {
        fields.set("ccd", document);
    }
    fields
}

/// The document that a record was read from: that of its visit, or of the latest one before it was stored.
fn source_document(resource: Resource, person: &Person, moment: &Moment) -> Option<Value> {
    use Resource as R;
    let unread = [
        R::Organizations,
        R::MedicalProfile,
        R::Ccds,
        R::Timeline,
        R::Reports,
    ];
    if unread.contains(&resource) {
        return None;
    }
    let is_clinic = chart::clinics(person).any(|clinic| clinic == moment.source);
    if !is_clinic {
        return None;
    }
    let of_visit = is_of_visit(resource).then(|| visits::of(person, moment));
    let visit = of_visit.flatten().or_else(|| {
        let mut before = visits::visits(person, moment.source);
        before.retain(|visit| visit.at <= moment.created);
        before.pop()
    })?;
    let id = person.id_of(R::Ccds, visit.source, 0, visit.round);
    Some(reference::record(R::Ccds, &id))
}

/// Whether its rounds are those of the visits.
fn is_of_visit(resource: Resource) -> bool {
    use Resource as R;
    let of_visits = [
        R::Encounters,
        R::Narratives,
        R::PlansOfCare,
        R::Vitals,
        R::TestResults,
    ];
    of_visits.contains(&resource)
}
