//! A chart in tables, as documents and reports show it.

use serde_json::Value;

use super::resources::{moments, write};
use crate::clock::Millis;
use crate::people::person::Person;
use crate::records::Fields;
use crate::resource::Resource;
use crate::source::Source;

/// One section: a title with its code of LOINC and its template of C-CDA, and a table.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) loinc: &'static str,
    pub(super) template: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

/// What makes a section: its names, and how one record becomes rows of its table.
struct Plan {
    name: &'static str,
    title: &'static str,
    loinc: &'static str,
    template: &'static str,
    resource: Resource,
    columns: &'static [&'static str],
    rows: fn(&Fields) -> Vec<Vec<String>>,
}

#[rustfmt::skip] // One row, few lines.
const PLANS: &[Plan] = &[
    Plan { name: "allergies", title: "Allergies", loinc: "48765-2", template: "2.16.840.1.113883.10.20.22.2.6", resource: Resource::Allergies,
        columns: &["Allergy", "Severity", "Status"], rows: |fields| vec![texts(fields, &["name", "severity", "status"])] },
    Plan { name: "prescriptions", title: "Medications", loinc: "10160-0", template: "2.16.840.1.113883.10.20.22.2.1", resource: Resource::Medications,
        columns: &["Since", "Medication", "Instructions", "Status"], rows: |fields| vec![texts(fields, &["startDate", "name", "instructions", "status"])] },
    Plan { name: "conditions", title: "Problems", loinc: "11450-4", template: "2.16.840.1.113883.10.20.22.2.5", resource: Resource::Issues,
        columns: &["Since", "Problem", "Status"], rows: |fields| vec![texts(fields, &["dateTime", "name", "status"])] },
    Plan { name: "procedures", title: "Procedures", loinc: "47519-4", template: "2.16.840.1.113883.10.20.22.2.7", resource: Resource::Procedures,
        columns: &["Date", "Procedure"], rows: |fields| vec![texts(fields, &["dateTime", "name"])] },
    Plan { name: "testResults", title: "Results", loinc: "30954-2", template: "2.16.840.1.113883.10.20.22.2.3", resource: Resource::TestResults,
        columns: &["Date", "Test", "Value", "Unit", "Usual"], rows: |fields| within(fields, "resultDateTime", "components", &["name", "value", "unit", "refRange"]) },
    Plan { name: "vitals", title: "Vital Signs", loinc: "8716-3", template: "2.16.840.1.113883.10.20.22.2.4", resource: Resource::Vitals,
        columns: &["Date", "Measured", "Value", "Unit"], rows: |fields| within(fields, "dateTime", "results", &["name", "value", "unit"]) },
    Plan { name: "immunizations", title: "Immunizations", loinc: "11369-6", template: "2.16.840.1.113883.10.20.22.2.2", resource: Resource::Immunizations,
        columns: &["Vaccine", "Latest dose"], rows: |fields| vec![vec![text(fields.get("name")), text(fields.get("dates").and_then(|dates| dates.get(0)))]] },
    Plan { name: "encounters", title: "Encounters", loinc: "46240-8", template: "2.16.840.1.113883.10.20.22.2.22", resource: Resource::Encounters,
        columns: &["Date", "Kind", "Reason"], rows: |fields| vec![vec![text(fields.get("dateTime")), text(fields.get("visitType")), text(fields.get("reasons").and_then(|reasons| reasons.get(0)))]] },
    Plan { name: "socialHistory", title: "Social History", loinc: "29762-2", template: "2.16.840.1.113883.10.20.22.2.17", resource: Resource::SocialHistory,
        columns: &["Date", "Answer"], rows: |fields| in_list(fields, "entries", &["dateTime", "name"]) },
];

/// How many rows of a section a document shows.
const MOST: usize = 40;

/// The sections of a chart as one source had it at one time, the newest rows first.
pub(super) fn sections(person: &Person, source: &Source, until: Millis) -> Vec<Section> {
    let section = |plan: &Plan| {
        let moments = moments(plan.resource, person);
        let listed = (0..moments.len()).filter_map(|index| moments.get(index));
        let own = listed.filter(|moment| moment.source == source && moment.at <= until);
        let rows = own.flat_map(|moment| (plan.rows)(&write(plan.resource, person, &moment)));
        Section {
            name: plan.name,
            title: plan.title,
            loinc: plan.loinc,
            template: plan.template,
            columns: plan.columns,
            rows: rows.take(MOST).collect(),
        }
    };
    PLANS.iter().map(section).collect()
}

/// A value for people: the day of a moment, nothing where there is none.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) if text.len() == 24 && text.ends_with('Z') => {
            text[..10].to_owned()
        }
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn texts(fields: &Fields, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| text(fields.get(name))).collect()
}

/// One row for each item of a list.
fn in_list(fields: &Fields, list: &str, names: &[&str]) -> Vec<Vec<String>> {
    let items = fields
        .get(list)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .map(|item| names.iter().map(|name| text(item.get(name))).collect())
        .collect()
}

/// The same, each after the date of the record.
fn within(fields: &Fields, date: &str, list: &str, names: &[&str]) -> Vec<Vec<String>> {
    let date = text(fields.get(date));
    let rows = in_list(fields, list, names).into_iter();
    rows.map(|row| [vec![date.clone()], row].concat()).collect()
}

/// Text between tags of XML or HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl Section {
    /// The table as both XML and HTML know it.
    pub(super) fn table(&self) -> String {
        let cells = |tag: &str, row: &mut dyn Iterator<Item = &str>| {
            let cells: String = row
                .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)))
                .collect();
            format!("<tr>{cells}</tr>")
        };
        let head = cells("th", &mut self.columns.iter().copied());
        let rows: String = self
            .rows
            .iter()
            .map(|row| cells("td", &mut row.iter().map(String::as_str)))
            .collect();
        format!("<table><thead>{head}</thead><tbody>{rows}</tbody></table>")
    }
}
