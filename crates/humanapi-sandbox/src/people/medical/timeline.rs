//! An index of other records by time.

use super::chart::{self, Clinician};
use super::{immunizations, results, visits, vitals};
use crate::clock::instant;
use crate::people::moment::Moment;
use crate::people::person::Person;
use crate::records::Fields;
use crate::resource::Resource;

/// What is listed, in the order of the rows.
const LISTED: &[Resource] = &[
    Resource::Encounters,
    Resource::TestResults,
    Resource::Immunizations,
    Resource::Narratives,
    Resource::Vitals,
];

/// Rows of one resource stand so far from those of the next.
const ROWS: usize = 1000;

/// One entry for each record, written when it is.
pub(super) fn moments(person: &Person) -> Vec<Moment> {
    let mut all = Vec::new();
    for (place, resource) in LISTED.iter().enumerate() {
        let listed = match resource {
            Resource::TestResults => results::moments(person),
            Resource::Immunizations => immunizations::moments(person),
            Resource::Vitals => vitals::moments(person),
            _ => visits::each(person, *resource),
        };
        all.extend(listed.into_iter().map(|moment| Moment {
            row: place * ROWS + moment.row,
            ..moment
        }));
    }
    all
}

pub(super) fn write(person: &Person, moment: &Moment) -> Fields {
    let resource = LISTED[moment.row / ROWS];
    let listed = Moment {
        row: moment.row % ROWS,
        ..*moment
    };
    let kind = resource.path().trim_start_matches("medical/");
    let id = person.id(resource, &listed);
    let visit = visits::of(person, &listed).filter(|_| resource != Resource::Immunizations);
    let department = visit.map(|visit| visit.kind.department);
    let author = match department {
        Some(department) if resource != Resource::TestResults => {
            Clinician::of(moment.source, department).name()
        }
        _ => "n/a".to_owned(),
    };
    let fields = Fields::new()
        .with("type", kind)
        .with("dateTime", instant(moment.at))
        .with("author", author)
        .with("href", format!("/medical/{kind}/{id}"));
    let name = match (resource, visit) {
        (Resource::Encounters, Some(visit)) => visit.kind.visit_type.to_owned(),
        (Resource::TestResults, Some(visit)) => {
            visit.kind.panels[listed.row].table().name.to_owned()
        }
        (Resource::Immunizations, _) => immunizations::name(person, listed.row),
        _ => "n/a".to_owned(),
    };
    let fields = fields.with("name", name);
    match department {
        Some(department) if chart::clinics(person).any(|clinic| clinic == moment.source) => {
            fields.with("department", department)
        }
        _ => fields,
    }
}
