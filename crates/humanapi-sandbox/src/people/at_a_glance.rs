//! The latest of everything, who somebody is by the service, and what is connected.

use serde_json::{Value, json};

use super::calendar::MINUTE;
use super::measurements::unit_at_a_glance;
use super::odd;
use super::person::Person;
use crate::clock::instant;
use crate::persona::Persona;
use crate::records::{Ask, Entry, Fields};
use crate::reference;
use crate::resource::Resource;
use crate::source::SourceKind;

/// A part of the summary, by its name, with those fields of the latest record that it keeps.
#[rustfmt::skip] // One row, one line.
const PARTS: &[(&str, Resource, &[&str])] = &[
    ("bloodGlucose", Resource::BloodGlucose, &["timestamp", "value", "unit"]),
    ("bloodOxygen", Resource::BloodOxygen, &["timestamp", "value", "unit"]),
    ("bloodPressure", Resource::BloodPressure, &["userId", "timestamp", "systolic", "diastolic", "unit", "heartRate"]),
    ("bmi", Resource::Bmi, &["timestamp", "value", "unit"]),
    ("bodyFat", Resource::BodyFat, &["timestamp", "value", "unit"]),
    ("height", Resource::Height, &["timestamp", "value", "unit"]),
    ("heartRate", Resource::HeartRate, &["timestamp", "value", "unit"]),
    ("weight", Resource::Weight, &["timestamp", "value", "unit"]),
    ("activitySummary", Resource::ActivitySummaries, &["date", "duration", "distance", "sedentary", "light", "moderate", "vigorous", "total", "steps", "calories"]),
    ("sleepSummary", Resource::SleepSummaries, &["userId", "date", "timeAsleep", "timeAwake", "updatedAt"]),
];

/// The health summary, of the latest record of each resource.
pub(crate) fn summary(ask: &Ask<'_>, latest: impl Fn(Resource) -> Option<Entry>) -> Fields {
    let person = Person::of(ask);
    let subject = ask.subject;
    if person.persona == Persona::Odd {
        return odd::summary(&person);
    }
    let mut fields = Fields::new()
        .with("userId", subject.user_id.as_str())
        .with("humanId", subject.human_id.as_str());
    if let Some(email) = &subject.email {
        fields.set("email", email.as_str());
    }
    if !subject.sources.is_empty() {
        fields.set("gender", person.life().gender());
    }
    fields.set("createdAt", instant(subject.created));
    for (name, resource, kept) in PARTS {
        let part = latest(*resource).map_or_else(|| json!({}), |entry| part(&person, &entry, kept));
        fields.set(*name, part);
    }
    fields
}

fn part(person: &Person, entry: &Entry, kept: &[&str]) -> Value {
    let mut part = json!({"id": entry.id, "source": entry.head.source.tag()});
    for name in kept {
        part[*name] = match *name {
            "userId" => (*person.user_id).into(),
            "updatedAt" => instant(entry.head.updated).into(),
            // Only here, and the same.
            "total" => entry.fields.get("duration").cloned().unwrap_or_default(),
            "unit" => {
                let unit = entry.fields.get("unit").and_then(Value::as_str);
                unit_at_a_glance(unit.unwrap_or_default()).into()
            }
            name => entry.fields.get(name).cloned().unwrap_or_default(),
        };
    }
    part
}

/// Where clocks differ so much from UTC all year round.
#[rustfmt::skip] // One row, one line.
const ZONES: &[(i64, &str)] = &[
    (-480, "Pacific/Pitcairn"), (-300, "America/Panama"), (-240, "America/Puerto_Rico"), (0, "UTC"),
    (60, "Africa/Lagos"), (120, "Africa/Johannesburg"), (330, "Asia/Kolkata"),
];

pub(crate) fn profile(ask: &Ask<'_>) -> Fields {
    let person = Person::of(ask);
    let subject = ask.subject;
    let offset = person.offset() / MINUTE;
    let zone = ZONES
        .iter()
        .find(|(minutes, _)| *minutes == offset)
        .map_or("UTC", |(_, name)| name);
    let mut fields = Fields::new()
        .with("userId", subject.user_id.as_str())
        .with("createdAt", instant(subject.created))
        .with("updatedAt", instant(subject.created));
    if let Some(email) = &subject.email {
        fields.set("email", email.as_str());
    }
    fields
        .with("defaultTimeZone", json!({"name": zone}))
        .with("humanId", subject.human_id.as_str())
}

/// What a wellness source measures, by the words of the documents.
#[rustfmt::skip] // One row, one line.
const TYPES: &[(&str, &[&str])] = &[
    (crate::source::STRIDER, &["activities", "locations", "bmi", "body_fat", "height", "weight"]),
    (crate::source::PULSEBAND, &["activities", "sleeps", "blood_glucose", "blood_oxygen", "blood_pressure", "heart_rate"]),
    (crate::source::HELIX_HOME, &["genetics"]),
];

/// What is connected.
pub(crate) fn sources(ask: &Ask<'_>) -> Vec<Fields> {
    let person = Person::of(ask);
    if person.persona == Persona::Odd {
        return odd::sources(&person);
    }
    let is_empty = person.persona == Persona::Empty;
    let describe = |source: &&'static crate::source::Source| {
        let types = TYPES.iter().find(|(word, _)| *word == source.word);
        let fields = Fields::new()
            .with("id", person.account_id(source))
            .with("source", source.tag())
            .with("sourceName", source.name)
            .with(
                "supportedDataTypes",
                json!(types.map_or(&[][..], |(_, types)| types)),
            )
            .with(
                "connectedSince",
                instant(ask.subject.connected_since(source)),
            );
        if source.kind == SourceKind::Wellness {
            return fields.with("devices", json!([]));
        }
        // Read once in the hour of connecting, and then each night.
        let since = ask.subject.connected_since(source);
        let nights = (ask.now - since).div_euclid(crate::clock::DAY).max(0);
        let read = instant(since + nights * crate::clock::DAY);
        let status = if is_empty { "noDataAvailable" } else { "ok" };
        fields
            .with("devices", json!([source.id]))
            .with(
                "historySync",
                json!({"status": "completed", "oldestDate": "2010-01-01T00:00:00.000Z"}),
            )
            .with(
                "syncStatus",
                json!({
                    "status": status,
                    "details": "ok",
                    "synchedAt": read,
                    "newestDate": read,
                    "lastNotificationDate": read,
                }),
            )
            .with("resync", json!({"active": !source.one_time_code}))
            .with("organization", reference::organization(source))
            .with(
                "expectedSyncDuration",
                if source.one_time_code {
                    json!(30)
                } else {
                    Value::Null
                },
            )
    };
    person.sources.iter().map(describe).collect()
}
