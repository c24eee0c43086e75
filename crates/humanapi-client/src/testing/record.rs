//! Records that a test makes of fields.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use humanapi_core::data::{Field, FieldKind, Table};
use serde_core::Serialize;
use serde_json::{Map, Value};

/// Begins a record of this kind, for a test. It has no field until it is given one.
///
/// ```
/// use humanapi_client::core::data::Activity;
/// use humanapi_client::testing::record;
///
/// let run = record::<Activity>()
///     .with("type", "running")
///     .with("start_time", "2026-01-14T10:10:00.000Z")
///     .with("steps", 11_442)
///     .build()?;
/// assert_eq!(run.steps().unwrap().to_f64(), 11_442.0);
/// assert!(run.distance().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Where the JSON is at hand, `Activity::from_json` reads it.
pub fn record<T: Table>() -> RecordBuilder<T> {
    RecordBuilder {
        fields: Map::new(),
        wrong: None,
        kind: PhantomData,
    }
}

/// A record that is being made of fields.
///
/// What it makes is what the service could have sent: a record of JSON, read as one that came.
#[must_use]
pub struct RecordBuilder<T> {
    fields: Map<String, Value>,
    /// The first thing that was wrong.
    wrong: Option<RecordError>,
    kind: PhantomData<fn() -> T>,
}

impl<T: Table> RecordBuilder<T> {
    /// One documented field, by its name on the wire or by the name of the method that reads it. Given twice, the later
    /// one counts.
    ///
    /// The value is written as JSON. What is nested is JSON too, such as `serde_json::json!({"name": "Mile"})`.
    pub fn with(self, field: &str, value: impl Serialize) -> Self {
        let known = known(T::FIELDS, field);
        match known {
            Some(known) => self.put(known.name, &value),
            None => self.fail(RecordError::UnknownField {
                record: name_of::<T>(),
                field: field.to_owned(),
                likely: likely(T::FIELDS, field),
            }),
        }
    }

    /// A field that is not documented, as the service may add some any day.
    pub fn undocumented(self, name: &str, value: impl Serialize) -> Self {
        self.put(name, &value)
    }

    /// All documented fields that were not given yet, with made-up values of their kinds.
    pub fn filled(mut self) -> Self {
        for field in T::FIELDS {
            if !self.fields.contains_key(field.name) {
                self.fields
                    .insert(field.name.to_owned(), made_up(&field.kind));
            }
        }
        self
    }

    /// The record.
    ///
    /// # Errors
    ///
    /// When a field is unknown, or a value is not of the kind that its field is documented with. To see what an application
    /// makes of such a record, write its JSON and read that: `Activity::from_json`.
    pub fn build(self) -> Result<T, RecordError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let json = Value::Object(self.fields).to_string();
        // What was written by serde_json is one object.
        let record = T::from_json(json).map_err(|_| RecordError::NoJson {
            field: ".".to_owned(),
        })?;
        match record.odd().into_iter().next() {
            None => Ok(record),
            Some(odd) => Err(RecordError::OtherKind {
                record: name_of::<T>(),
                kind: (T::FIELDS.iter())
                    .find(|field| field.name == odd.path)
                    .map(|field| field.kind),
                path: odd.path,
            }),
        }
    }

    fn put(mut self, name: &str, value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.fields.insert(name.to_owned(), value);
                self
            }
            Err(_) => self.fail(RecordError::NoJson {
                field: name.to_owned(),
            }),
        }
    }

    fn fail(mut self, wrong: RecordError) -> Self {
        self.wrong.get_or_insert(wrong);
        self
    }
}

/// Shows the names of its fields alone: even made-up values look like health data.
impl<T> fmt::Debug for RecordBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBuilder")
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Why fields make no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record has no such field.
    #[error("{record} has no documented field {field:?}{}", did_you_mean(.likely))]
    UnknownField {
        /// The kind of record.
        record: &'static str,
        /// The name that was given.
        field: String,
        /// The method whose name is closest, where one is close.
        likely: Option<&'static str>,
    },
    /// The value is not of the field's kind.
    #[error("{path} of {record} is not what it is documented to hold{}", documented(.kind))]
    OtherKind {
        /// The kind of record.
        record: &'static str,
        /// Where, as a JSON path from the record on.
        path: String,
        /// What it is documented to hold, where it is a field of the record itself.
        kind: Option<FieldKind>,
    },
    /// The value cannot be written as JSON.
    #[error("the value of {field} cannot be written as JSON")]
    NoJson {
        /// The field.
        field: String,
    },
}

fn did_you_mean(likely: &Option<&str>) -> String {
    match likely {
        Some(name) => format!("; did you mean {name}?"),
        None => "; `FIELDS` lists those there are, `undocumented` sets others".to_owned(),
    }
}

fn documented(kind: &Option<FieldKind>) -> String {
    match kind {
        // The fields within would fill a page.
        Some(FieldKind::Object(_)) => ": Object".to_owned(),
        Some(FieldKind::TextOr(_)) => ": Text or Object".to_owned(),
        Some(FieldKind::List(_)) => ": List".to_owned(),
        Some(FieldKind::Map(_)) => ": Map".to_owned(),
        Some(kind) => format!(": {kind:?}"),
        None => String::new(),
    }
}

fn known(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let by_wire = fields.iter().find(|field| field.name == name);
    by_wire.or_else(|| fields.iter().find(|field| field.accessor == name))
}

/// The field whose name has the same letters, whatever their case and what stands between them, or the longest one
/// that this begins, or that begins with this.
fn likely(fields: &'static [Field], name: &str) -> Option<&'static str> {
    let letters = |name: &str| -> String {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let wanted = letters(name);
    let close = |field: &&Field| {
        [field.name, field.accessor].iter().any(|own| {
            let own = letters(own);
            own == wanted
                || wanted.len() > 2 && (own.starts_with(&wanted) || wanted.starts_with(&own))
        })
    };
    let closest = fields.iter().filter(close);
    closest
        .max_by_key(|field| field.accessor.len())
        .map(|field| field.accessor)
}

fn name_of<T>() -> &'static str {
    let name = type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

/// A value of this kind that nobody has ever measured.
fn made_up(kind: &FieldKind) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    match kind {
        FieldKind::Text | FieldKind::TextOr(_) => text("made up"),
        FieldKind::Number => Value::from(1.5),
        FieldKind::Integer => Value::from(1),
        FieldKind::Bool => Value::Bool(true),
        FieldKind::Timestamp => text("2026-01-14T10:10:00.000Z"),
        FieldKind::Date => text("2026-01-14"),
        FieldKind::Offset => text("-05:00"),
        FieldKind::Quantity => text("1.5 mg"),
        FieldKind::Object(fields) => fields
            .iter()
            .map(|field| (field.name.to_owned(), made_up(&field.kind)))
            .collect(),
        FieldKind::List(of) => Value::Array(vec![made_up(of)]),
        FieldKind::Map(of) => [("made up".to_owned(), made_up(of))].into_iter().collect(),
        // Any JSON; a kind that is added later shows in the test of all tables.
        _ => Value::Object(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use humanapi_core::data::medical::{Encounter, TestResult};
    use humanapi_core::data::{Activity, Genotype, HealthSummary, ListRecords, Profile, ROUTES};
    use humanapi_core::{Body, Endpoint as _, Now};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_named_as_on_the_wire_or_as_its_method() {
        for name in ["startTime", "start_time"] {
            let built = record::<Activity>().with(name, "2026-01-14T10:10:00.000Z");
            let built = built.build().unwrap();
            assert_eq!(built.raw(), br#"{"startTime":"2026-01-14T10:10:00.000Z"}"#);
            assert!(built.start_time().is_some());
        }
    }

    #[test]
    fn what_is_not_documented_has_a_door_of_its_own() {
        let built = record::<Activity>().undocumented("mood", "fine");
        let built = built.build().unwrap();
        let mood = built.field("mood").unwrap();
        assert_eq!(mood.read::<String>().unwrap(), "fine");
    }

    #[track_caller]
    fn refused<T: Table>(builder: RecordBuilder<T>, text: &str) {
        assert_eq!(builder.build().unwrap_err().to_string(), text);
    }

    #[test]
    fn a_mistake_is_told_by_its_field_and_never_by_its_value() {
        refused(
            record::<Activity>()
                .with("starttime", "canary")
                .with("lost", 1),
            "Activity has no documented field \"starttime\"; did you mean start_time?",
        );
        refused(
            record::<Activity>().with("mood", "canary"),
            "Activity has no documented field \"mood\"; `FIELDS` lists those there are, `undocumented` sets others",
        );
        refused(
            record::<Activity>().with("steps", "canary"),
            "steps of Activity is not what it is documented to hold: Number",
        );
        refused(
            record::<Encounter>().with("codes", json!(["canary"])),
            "codes[0] of Encounter is not what it is documented to hold",
        );
        let odd = std::collections::BTreeMap::from([((1, 2), "canary")]);
        refused(
            record::<Activity>().with("steps", odd),
            "the value of steps cannot be written as JSON",
        );
        let built = record::<Activity>().with("steps", "canary");
        assert!(!format!("{built:?}").contains("canary"));
    }

    #[test]
    fn the_rest_fills_what_was_not_given() {
        let built = record::<TestResult>()
            .with("name", "Sodium")
            .filled()
            .build()
            .unwrap();
        assert_eq!(built.name().unwrap(), "Sodium");
        assert_eq!(built.fields().len(), TestResult::FIELDS.len());
    }

    /// Of every table that there is, so that no kind of field is forgotten.
    #[test]
    fn made_up_values_read_as_what_they_are_documented_to_be() {
        let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
        let mut lists = 0;
        for list in ROUTES.iter().filter_map(ListRecords::new) {
            let name = list.route().name;
            let fields = list.route().fields.iter();
            let whole: Value = fields
                .map(|field| (field.name.to_owned(), made_up(&field.kind)))
                .collect();
            let answer = http::Response::new(Body::from(json!([whole]).to_string()));
            let page = list.parse(answer, now).unwrap();
            assert_eq!(page.items[0].odd(), [], "{name}");
            lists += 1;
        }
        assert!(lists > 20, "{lists}");
        assert_eq!(record::<Profile>().filled().build().map(drop), Ok(()));
        assert_eq!(record::<HealthSummary>().filled().build().map(drop), Ok(()));
        assert_eq!(record::<Genotype>().filled().build().map(drop), Ok(()));
    }
}
