//! A user's records: what is asked of them, and what whoever knows some answers.
//!
//! What is told must depend on nothing but the [`Ask`], so that the same seed and time give the same bytes.
//! As the clock goes on, records may be added and a record's `updated` may grow; none created after [`Ask::now`] is
//! told of, and only those of [`Subject::sources`].

use std::borrow::Cow;

use serde::ser::Error as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::source::Source;
use crate::subject::Subject;

/// Whose records are asked for, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) seed: u64,
    pub(crate) subject: &'a Subject,
    /// What the sandbox's clock shows.
    pub(crate) now: Millis,
}

/// What filters ask of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) source: &'static Source,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    /// When it was, in milliseconds of the user's own clock, which decides on its day: the instant
    /// and `tzOffset` added up, or the midnight of its date. `None`: a record of no day, as most
    /// medical ones are.
    pub(crate) local: Option<Millis>,
}

/// One record.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Unique within its resource; empty where records have none.
    pub(crate) id: String,
    pub(crate) head: Head,
    /// The fields of its own kind, in the order in which they are written.
    ///
    /// The engine adds those that all records of the family have: `id`, `source`, `createdAt`,
    /// `updatedAt`, and `userId` with `humanId` or the `organization`.
    /// A field that stands here already is left as it is.
    pub(crate) fields: Fields,
    /// `timeSeries`, written for whoever asks for it.
    pub(crate) series: Option<Value>,
}

impl Entry {
    pub(crate) fn new(id: impl Into<String>, head: Head, fields: Fields) -> Self {
        Self {
            id: id.into(),
            head,
            fields,
            series: None,
        }
    }
}

/// The fields of an object, in order; or any JSON, as it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields(Vec<(Cow<'static, str>, Value)>, Option<Box<str>>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// JSON that is sent as it stands, with no field added: what no list of fields can be, such as an
    /// object with a field twice.
    pub(crate) fn raw(json: impl Into<Box<str>>) -> Self {
        Self(Vec::new(), Some(json.into()))
    }

    pub(crate) const fn is_raw(&self) -> bool {
        self.1.is_some()
    }

    /// The same fields in a list that can be changed; of JSON that is no object, none.
    pub(crate) fn changeable(self) -> Self {
        let Some(json) = self.1 else {
            return self;
        };
        let read: Map<String, Value> = serde_json::from_str(&json).unwrap_or_default();
        let mut fields = Self::new();
        for (name, value) in read {
            fields.set(name, value);
        }
        fields
    }

    /// Adds a field, or replaces its value.
    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a field, or replaces its value.
    #[must_use]
    pub(crate) fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Value>,
    ) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let (_, value) = self.0.iter_mut().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// Sets all fields of another object.
    pub(crate) fn extend(&mut self, others: Self) {
        for (name, value) in others.0 {
            self.set(name, value);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Removes all fields but these.
    pub(crate) fn keep(&mut self, names: &[&str]) {
        self.0.retain(|(name, _)| names.contains(&name.as_ref()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl serde::Serialize for Fields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(json) = &self.1 {
            let raw: &RawValue = serde_json::from_str(json).map_err(S::Error::custom)?;
            return raw.serialize(serializer);
        }
        serializer.collect_map(self.iter())
    }
}

/// A user's records of one resource, in the order of lists: newest first.
///
/// A `Vec` of entries is one; a user with more records than should be held makes each by its index.
pub(crate) trait Records {
    fn len(&self) -> usize;

    /// The head of the record at an index below [`len`](Self::len).
    fn head(&self, index: usize) -> Head;

    /// The record at an index below [`len`](Self::len).
    fn at(&self, index: usize) -> Entry;

    /// The index of a record.
    ///
    /// It is found without a walk along the list, which may be longer than anybody would wait for.
    fn find(&self, id: &str) -> Option<usize>;
}

impl Records for Vec<Entry> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn head(&self, index: usize) -> Head {
        self[index].head
    }

    fn at(&self, index: usize) -> Entry {
        self[index].clone()
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.iter().position(|entry| entry.id == id)
    }
}
