//! The odd one: every oddity that records were seen to have, planted by hand.
//!
//! Its records are text, because no value that was read as JSON has a field twice, half a character, or a number
//! spelled in its own way.

mod medical;
mod oddity;
mod wellness;

use serde_json::Value;

use super::calendar::{EPOCH, HOUR};
use super::person::Person;
use crate::clock::{DAY, Millis};
use crate::records::{Entry, Fields, Head};
use crate::resource::Resource;
use crate::source::{Source, SourceKind};

pub(super) use medical::{CCD, REPORT_AS_HTML, REPORT_AS_JSON};
pub use oddity::Oddity;

impl Oddity {
    /// All of them.
    pub const ALL: &[Self] = &joined();

    const COUNT: usize = wellness::ALL.len() + medical::ALL.len();
}

const fn joined() -> [Oddity; Oddity::COUNT] {
    let mut all = [wellness::ALL[0]; Oddity::COUNT];
    let mut at = 0;
    while at < Oddity::COUNT {
        let wellness = wellness::ALL.len();
        all[at] = if at < wellness {
            wellness::ALL[at]
        } else {
            medical::ALL[at - wellness]
        };
        at += 1;
    }
    all
}

/// The records of a resource, in the order of the table.
pub(super) fn records(resource: Resource, person: &Person) -> Vec<Entry> {
    let is_medical = resource.path().starts_with("medical/");
    let Some(source) = person
        .sources
        .iter()
        .find(|source| (source.kind != SourceKind::Wellness) == is_medical)
    else {
        return Vec::new();
    };
    let own = Oddity::ALL
        .iter()
        .filter(|oddity| oddity.resource == resource.path());
    own.zip(0..)
        .map(|(oddity, place)| entry(resource, person, source, oddity, place))
        .filter(|entry| entry.head.created <= person.now)
        .collect()
}

fn entry(
    resource: Resource,
    person: &Person,
    source: &'static Source,
    oddity: &Oddity,
    place: i64,
) -> Entry {
    let at: Millis = EPOCH - (place + 1) * DAY;
    let head = Head {
        source,
        created: at + HOUR,
        updated: at + HOUR,
        local: (source.kind == SourceKind::Wellness).then_some(at),
    };
    let id = person.id_of(resource, source, 0, place);
    let json = filled(oddity.json, person, source, &id);
    let made = oddity.json.contains("{id}").then_some(id);
    let id = id_in(&json).or(made).unwrap_or_default();
    Entry::new(id, head, Fields::raw(json))
}

/// The id that a text has of its own.
fn id_in(json: &str) -> Option<String> {
    let record: Value = serde_json::from_str(json).ok()?;
    record.get("id")?.as_str().map(str::to_owned)
}

/// The text with what is this person's in place of the braces.
fn filled(json: &str, person: &Person, source: &Source, id: &str) -> String {
    json.replace("{id}", id)
        .replace("{user}", &person.user_id)
        .replace("{human}", &person.human_id)
        .replace("{source}", source.tag())
        .replace("{name}", source.name)
}

pub(super) fn summary(person: &Person) -> Fields {
    let source = person.sources.first().copied().unwrap_or(&Source::ALL[0]);
    Fields::raw(filled(
        wellness::SUMMARY,
        person,
        source,
        "5f0000000000000000000d01",
    ))
}

pub(super) fn sources(person: &Person) -> Vec<Fields> {
    let own = person.sources.iter().zip(wellness::SOURCES.iter().cycle());
    own.map(|(source, json)| Fields::raw(filled(json, person, source, &person.account_id(source))))
        .collect()
}

/// Whether there is a record of this id.
pub(super) fn has(resource: Resource, person: &Person, id: &str) -> bool {
    records(resource, person).iter().any(|entry| entry.id == id)
}
