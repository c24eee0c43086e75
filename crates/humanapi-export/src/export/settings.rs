//! What an export is, by which a folder's is told from another.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ExportError;

/// What an export is: two of them with the same settings are the same export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) format: String,
    pub(super) buckets: u32,
    pub(super) since: Option<Timestamp>,
    /// In which form reports are read, where documents are.
    pub(super) documents: Option<String>,
    /// By what values are brought to units in columns of their own, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<ValuesBy>,
    /// By what the records lost what tells whose they are, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deidentified: Option<DeidentifiedBy>,
    /// The schema of each resource, by its hash.
    pub(super) resources: BTreeMap<String, String>,
    /// Tells another key, and nothing of this one.
    pub(super) key_check: String,
}

/// By which rules values were brought to units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ValuesBy {
    /// The version of this crate, whose tables they are.
    pub(super) made_by: String,
}

/// By which policy and rules records were de-identified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeidentifiedBy {
    /// The policy's name,
    pub(super) policy: String,
    /// and its file's SHA-256.
    pub(super) sha256: String,
    pub(super) dates: String,
    pub(super) ids: String,
    /// The version of this crate, which carried it out.
    pub(super) made_by: String,
    /// Tells another key, and nothing of this one.
    pub(super) key_check: String,
}

impl Settings {
    /// That others are the same.
    pub(super) fn is_same(&self, other: &Self) -> Result<(), ExportError> {
        self.differs(other)
            .map_or(Ok(()), |what| Err(ExportError::Other(what)))
    }

    /// What of other settings is not the same.
    fn differs(&self, other: &Self) -> Option<&'static str> {
        let (own, others) = (&self.deidentified, &other.deidentified);
        let deidentified = || own.as_ref().zip(others.as_ref());
        let by_other = |differs: fn(&DeidentifiedBy, &DeidentifiedBy) -> bool| {
            deidentified().is_some_and(|(own, other)| differs(own, other))
        };
        let differs = [
            (own.is_some() != others.is_some(), "de-identification"),
            (
                by_other(|own, other| {
                    (&own.sha256, &own.dates, &own.ids) != (&other.sha256, &other.dates, &other.ids)
                }),
                "a policy of de-identification",
            ),
            (
                by_other(|own, other| own.key_check != other.key_check),
                "a key",
            ),
            (
                by_other(|own, other| own.made_by != other.made_by),
                "a version of de-identification",
            ),
            (
                self.values.is_some() != other.values.is_some(),
                "value columns",
            ),
            (self.values != other.values, "a version of value columns"),
            (self.format != other.format, "a format"),
            (self.buckets != other.buckets, "a number of buckets"),
            (self.key_check != other.key_check, "a key"),
            (self.since != other.since, "a moment since when"),
            (self.documents != other.documents, "documents"),
            (self.resources != other.resources, "resources or columns"),
        ];
        let mut differs = differs.into_iter();
        differs.find_map(|(differs, what)| differs.then_some(what))
    }
}
