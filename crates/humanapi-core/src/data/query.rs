//! The query parameters that lists take.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::error::BuildError;
use crate::query_string::QueryString;

/// What a list is narrowed to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Query {
    pub(super) limit: u32,
    pub(super) offset: u64,
    /// Whether each page begins with the last record of the page before.
    pub(super) overlap: bool,
    pub(super) created_since: Option<Timestamp>,
    pub(super) created_before: Option<Timestamp>,
    pub(super) updated_since: Option<Timestamp>,
    pub(super) updated_before: Option<Timestamp>,
    pub(super) source: Option<String>,
    pub(super) days: Option<(Date, Date)>,
    pub(super) time_series: bool,
}

/// So that the offset of the page behind one is a number too.
const MAX_OFFSET: u64 = i64::MAX.unsigned_abs();

impl Query {
    /// The service's page size when none is asked for.
    pub(super) const DEFAULT_LIMIT: u32 = 50;
    /// The largest page that the service gives.
    pub(super) const MAX_LIMIT: u32 = 500;

    /// Nothing but the page size that the service documents.
    pub(super) const fn new() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            offset: 0,
            overlap: true,
            created_since: None,
            created_before: None,
            updated_since: None,
            updated_before: None,
            source: None,
            days: None,
            time_series: false,
        }
    }

    /// The same list from its beginning, whole, and without the moment that records changed after: what two
    /// readings that go on from each other have to share.
    pub(super) fn narrowing(&self) -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            offset: 0,
            overlap: false,
            updated_since: None,
            ..self.clone()
        }
    }

    /// `path` with the query behind it.
    pub(super) fn write(&self, path: &str) -> Result<String, BuildError> {
        if !(1..=Self::MAX_LIMIT).contains(&self.limit) {
            return Err(BuildError::OutOfRange {
                name: "limit",
                rule: "between 1 and 500",
            });
        }
        if self.offset > MAX_OFFSET {
            return Err(BuildError::OutOfRange {
                name: "offset",
                rule: "below 2^63",
            });
        }
        if let Some((start, end)) = self.days {
            check_day("start_date", start)?;
            check_day("end_date", end)?;
            if start > end {
                return Err(BuildError::OutOfRange {
                    name: "start_date",
                    rule: "no later than end_date",
                });
            }
        }
        let mut line = QueryString::after(path.to_owned());
        // The default too: older documents name another one.
        line.push("limit", self.limit);
        line.push_some("offset", (self.offset > 0).then_some(self.offset));
        line.push_some("created_since", self.created_since.map(basic_utc));
        line.push_some("created_before", self.created_before.map(basic_utc));
        line.push_some("updated_since", self.updated_since.map(basic_utc));
        line.push_some("updated_before", self.updated_before.map(basic_utc));
        line.push_some_text("source", self.source.as_deref());
        line.push_some("start_date", self.days.map(|(start, _)| start));
        line.push_some("end_date", self.days.map(|(_, end)| end));
        line.push_some("time_series", self.time_series.then_some("true"));
        Ok(line.into_inner())
    }
}

/// A year of four digits and no sign is all that the documented spelling holds.
pub(super) fn check_day(name: &'static str, day: Date) -> Result<(), BuildError> {
    if day.year() < 0 {
        let rule = "a day of the year 0 or later";
        return Err(BuildError::OutOfRange { name, rule });
    }
    Ok(())
}

/// `YYYYMMDDTHHmmssZ`: the one documented spelling.
fn basic_utc(moment: Timestamp) -> impl Display {
    moment
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string()
}
