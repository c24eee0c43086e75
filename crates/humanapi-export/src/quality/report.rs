//! What a report says of the records of one kind, and how much of it is too little.

use jiff::Timestamp;
use serde::Serialize;

use super::Quality;
use crate::values::Tally;

/// How good the data of many users are, kind by kind. It holds counts, names of fields and code systems, and no value of
/// anybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DataReport {
    /// How many users were looked at, with or without records.
    pub users: u64,
    /// Whether nothing is missing that could be had another time: an export that is not over yet, or lists that could not be
    /// read, make a report one of a part.
    pub whole: bool,
    /// How many lists and documents the service refuses, of which the report says nothing.
    pub refused: u64,
    /// How many could not be read.
    pub failed: u64,
    /// Whether it is of records that were de-identified: fields are missing that the service has, and moments were changed, so
    /// that completeness and recency tell of the policy too.
    pub deidentified: bool,
    /// Each kind of record, by name.
    pub resources: Vec<QualityReport>,
}

impl DataReport {
    /// Of these kinds of records, all of which were read as the service has them.
    #[must_use]
    pub fn new<'q>(users: u64, of: impl IntoIterator<Item = &'q Quality>) -> Self {
        Self {
            users,
            whole: true,
            refused: 0,
            failed: 0,
            deidentified: false,
            resources: of.into_iter().map(Quality::report).collect(),
        }
    }

    /// How many records were looked at.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.resources.iter().map(|report| report.records).sum()
    }

    /// What of it does not keep the thresholds, kind by kind. A kind without records, or one that the report does not have,
    /// breaks none but those on completeness.
    #[must_use]
    pub fn check(&self, thresholds: &Thresholds) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for report in &self.resources {
            for mut breach in thresholds.of_resource(&report.resource).check(report) {
                breach.of = format!("{}: {}", report.resource, breach.of);
                breaches.push(breach);
            }
        }
        let is_there = |path: &str| {
            let kind = path.split_once('.').map(|(kind, _)| kind);
            let mut kinds = self.resources.iter();
            kind.is_some_and(|kind| kinds.any(|report| report.resource == kind))
        };
        for (path, least) in &thresholds.completeness {
            if *least > 0.0 && !is_there(path) {
                breaches.push(Breach {
                    of: format!("completeness of {path}, of which the report has no such kind"),
                    share: 0.0,
                    threshold: *least,
                });
            }
        }
        breaches
    }
}

/// How good the records of one kind are. It holds counts, and no value of anybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QualityReport {
    /// What they are.
    pub resource: String,
    /// How many were looked at.
    pub records: u64,
    /// How many of their lists changed while they were read, or held what is no record.
    pub drifted_lists: u64,
    /// How often each field was there, in the order of the tables.
    pub fields: Vec<FieldCompleteness>,
    /// Of which code systems the codes are.
    pub code_systems: Vec<CodeSystemUse>,
    /// So many codes more are of code systems that have no line, because there are too many of them.
    pub more_codes: u64,
    /// How old they are.
    pub recency: Recency,
    /// Which units were read and which were not.
    pub units: Tally,
    /// In how many of them something could not be read.
    pub odd_records: u64,
    /// What could not be read.
    pub odd: Vec<OddField>,
    /// So often more something could not be read that has no line, because there are too many of them.
    pub more_odd: u64,
    /// Fields that the tables do not have: how the service has drifted from its documents.
    pub unknown: Vec<UnknownField>,
}

/// How often a field was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldCompleteness {
    /// Its path, without the places in lists.
    pub path: String,
    /// So often it held something that could be read.
    pub filled: u64,
    /// So often it could have.
    pub of: u64,
}

/// How many codes are of one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CodeSystemUse {
    /// Where the codes stand.
    pub path: String,
    /// The system's name; nothing for those that name none that is known.
    pub system: Option<&'static str>,
    /// How many.
    pub codes: u64,
}

/// How old records were when they were read, by when they say that something was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recency {
    /// Up to 30 days.
    pub month: u64,
    /// Up to 365 days.
    pub year: u64,
    /// Older.
    pub older: u64,
    /// Later than they were read.
    pub ahead: u64,
    /// They do not say when.
    pub undated: u64,
}

/// A field that could not be read as documented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OddField {
    /// Its path, without the places in lists.
    pub path: String,
    /// What is wrong with it.
    pub problem: &'static str,
    /// How often.
    pub times: u64,
}

/// A field that no table has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnknownField {
    /// The path of the record that it stands in, without the places in lists; empty for the record itself.
    pub within: String,
    /// Its name, where a field of another kind of record has it; nothing else, because any other name could be data.
    pub name: Option<String>,
    /// How often.
    pub times: u64,
}

impl Recency {
    pub(super) fn add(&mut self, moment: Option<Timestamp>, read_at: Timestamp) {
        let Some(moment) = moment else {
            self.undated += 1;
            return;
        };
        let days = read_at.duration_since(moment).as_hours() / 24;
        *match (moment > read_at, days) {
            (true, _) => &mut self.ahead,
            (_, ..=30) => &mut self.month,
            (_, ..=365) => &mut self.year,
            _ => &mut self.older,
        } += 1;
    }
}

/// How much is too little: what a run is to fail for.
///
/// Each is a share from 0 to 1. One that was not set is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    completeness: Vec<(String, f64)>,
    most_unread_units: Option<f64>,
    most_odd_records: Option<f64>,
    least_recent: Option<f64>,
}

/// A threshold that was not kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Breach {
    /// What it is about, such as `completeness of components.unit`, with the kind of record before it in a [`DataReport`].
    pub of: String,
    /// The share that was met.
    pub share: f64,
    /// The share that it may have at the least, or at the most.
    pub threshold: f64,
}

impl Thresholds {
    /// A field is to be there in at least this share of the records that can have it. For a [`DataReport`] the path begins with
    /// the kind of record, such as `test_results.components.unit`.
    #[must_use]
    pub fn with_completeness(mut self, path: impl Into<String>, least: f64) -> Self {
        self.completeness.push((path.into(), least));
        self
    }

    /// At most this share of the values may have a unit that could not be read.
    #[must_use]
    pub const fn with_most_unread_units(mut self, most: f64) -> Self {
        self.most_unread_units = Some(most);
        self
    }

    /// At most this share of the records may hold something that could not be read.
    #[must_use]
    pub const fn with_most_odd_records(mut self, most: f64) -> Self {
        self.most_odd_records = Some(most);
        self
    }

    /// At least this share of the records is to be of the year before they were read.
    #[must_use]
    pub const fn with_least_recent(mut self, least: f64) -> Self {
        self.least_recent = Some(least);
        self
    }

    /// Those that are about this kind of record. A path of completeness begins with the kind that it is about, such as
    /// `test_results.components.unit`.
    fn of_resource(&self, resource: &str) -> Self {
        let own = self.completeness.iter().filter_map(|(path, least)| {
            let (kind, path) = path.split_once('.')?;
            (kind == resource).then(|| (path.to_owned(), *least))
        });
        Self {
            completeness: own.collect(),
            ..self.clone()
        }
    }

    /// What of a report does not keep them. A report without records breaks none but those on completeness.
    #[must_use]
    pub fn check(&self, report: &QualityReport) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (path, least) in &self.completeness {
            let field = report.fields.iter().find(|field| field.path == *path);
            // A field that was never met is there in none.
            let share = field.map_or(0.0, |field| share(field.filled, field.of).unwrap_or(0.0));
            if share < *least {
                breaches.push(Breach {
                    of: format!("completeness of {path}"),
                    share,
                    threshold: *least,
                });
            }
        }
        let units = report.units.read() + report.units.unread();
        let recency = report.recency;
        let shares = [
            (
                "units that could not be read",
                self.most_unread_units,
                report.units.unread(),
                units,
                true,
            ),
            (
                "records that could not be read whole",
                self.most_odd_records,
                report.odd_records,
                report.records,
                true,
            ),
            (
                "records of the last year",
                self.least_recent,
                recency.month + recency.year,
                report.records,
                false,
            ),
        ];
        for (of, threshold, some, all, is_most) in shares {
            let (Some(threshold), Some(share)) = (threshold, share(some, all)) else {
                continue;
            };
            if if is_most {
                share > threshold
            } else {
                share < threshold
            } {
                breaches.push(Breach {
                    of: of.to_owned(),
                    share,
                    threshold,
                });
            }
        }
        breaches
    }
}

pub(super) fn share(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}
