//! `GET /v1/human/activities`: walks, runs and whatever else a source recorded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::data::query::Query;
use crate::data::record::Record;
use crate::data::{get, list, paging};
use crate::endpoint::{Endpoint, Request, Response};
use crate::error::{BuildError, ResponseError};
use crate::hidden::hidden_debug;
use crate::hosts::Hosts;
use crate::lenient;
use crate::now::Now;
use crate::page::Page;
use crate::retry::Replay;

/// Reads one page of the user's activities.
///
/// The page holds the call for the next one. Do not rely on the order of records.
///
/// ```
/// use humanapi_core::data::ListActivities;
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let call = ListActivities::new()
///     .with_limit(200)
///     .with_updated_since("2026-01-02T03:04:05Z".parse()?);
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(
///     request.uri(),
///     "https://api.humanapi.co/v1/human/activities?limit=200&updated_since=20260102T030405Z",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ListActivities {
    query: Query,
}

impl ListActivities {
    /// All activities, 50 on a page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the size of a page, from 1 to 500.
    #[must_use]
    pub const fn with_limit(mut self, limit: u32) -> Self {
        self.query.limit = Some(limit);
        self
    }

    /// Begins at the record of this index.
    #[must_use]
    pub const fn with_offset(mut self, offset: u64) -> Self {
        self.query.offset = offset;
        self
    }

    /// Only records that were stored after this moment. Sent in whole seconds.
    #[must_use]
    pub const fn with_created_since(mut self, moment: Timestamp) -> Self {
        self.query.created_since = Some(moment);
        self
    }

    /// Only records that were stored before this moment. Sent in whole seconds.
    #[must_use]
    pub const fn with_created_before(mut self, moment: Timestamp) -> Self {
        self.query.created_before = Some(moment);
        self
    }

    /// Only records that were changed after this moment: the one to keep in step by. Sent in whole
    /// seconds.
    #[must_use]
    pub const fn with_updated_since(mut self, moment: Timestamp) -> Self {
        self.query.updated_since = Some(moment);
        self
    }

    /// Only records that were changed before this moment. Sent in whole seconds.
    #[must_use]
    pub const fn with_updated_before(mut self, moment: Timestamp) -> Self {
        self.query.updated_before = Some(moment);
        self
    }

    /// Only records of this source: a wellness source's name or a medical source's id.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.query.source = Some(source.into());
        self
    }

    /// Only records of these days, both included. Newer documents want both or neither.
    #[must_use]
    pub const fn with_days(mut self, start: Date, end: Date) -> Self {
        self.query.days = Some((start, end));
        self
    }

    /// Asks for the recorded series as well.
    #[must_use]
    pub const fn with_time_series(mut self) -> Self {
        self.query.time_series = true;
        self
    }
}

/// One activity. Every field is optional, because the service left each out at some time.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Activity {
    /// The record's id, in practice 24 hex digits.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub id: Option<String>,
    /// Deprecated by the vendor in favour of `human_id`.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub user_id: Option<String>,
    /// Human API's id for the user.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub human_id: Option<String>,
    /// When it began.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub end_time: Option<Timestamp>,
    /// By how much local time differed from UTC.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub tz_offset: Option<Offset>,
    /// Such as `walking`; an open set.
    #[serde(default, rename = "type", deserialize_with = "lenient::scalar")]
    pub kind: Option<String>,
    /// Where it comes from.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub source: Option<String>,
    /// In seconds.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub duration: Option<f64>,
    /// In metres.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub distance: Option<f64>,
    /// Counted; 0 if unknown.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub steps: Option<f64>,
    /// Estimated, in kcal.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub calories: Option<f64>,
    /// By name, where they were asked for and recorded.
    #[serde(default, deserialize_with = "time_series")]
    pub time_series: BTreeMap<String, TimeSeries>,
    /// When the service stored it.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub created_at: Option<Timestamp>,
    /// When the service last changed it.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub updated_at: Option<Timestamp>,
}

/// One recorded series.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TimeSeries {
    /// `indexed` or `timestamped`, as far as the documents tell.
    pub kind: Option<String>,
    /// The step of an `indexed` series, in milliseconds.
    pub interval_millis: Option<f64>,
    /// Plain values, or entries whose form is not documented.
    pub values: Vec<Value>,
}

hidden_debug!(Activity, TimeSeries);

impl std::fmt::Debug for ListActivities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListActivities")
            .field("limit", &self.query.limit)
            .field("offset", &self.query.offset)
            .finish_non_exhaustive()
    }
}

fn time_series<'de, D>(deserializer: D) -> Result<BTreeMap<String, TimeSeries>, D::Error>
where
    D: Deserializer<'de>,
{
    let Value::Object(named) = Value::deserialize(deserializer)? else {
        return Ok(BTreeMap::new());
    };
    let read = |(name, series): (String, Value)| {
        let Value::Object(mut fields) = series else {
            return None;
        };
        let values = match fields.remove("values") {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        };
        let series = TimeSeries {
            kind: fields
                .get("type")
                .and_then(Value::as_str)
                .map(str::to_owned),
            interval_millis: fields.get("intervalInMillis").and_then(Value::as_f64),
            values,
        };
        Some((name, series))
    };
    Ok(named.into_iter().filter_map(read).collect())
}

impl Endpoint for ListActivities {
    type Output = Page<Record<Activity>, Self>;

    fn name(&self) -> &'static str {
        "data.activities"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, &self.query.write("/v1/human/activities")?)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let (head, body) = list(response)?.into_parts();
        let items = Record::read_list(body)?;
        let received = u64::try_from(items.len()).unwrap_or(u64::MAX);
        let next = paging::next_offset(
            &head.headers,
            self.query.offset,
            received,
            self.query.page_size(),
        );
        Ok(Page {
            items,
            next: next.map(|offset| self.clone().with_offset(offset)),
            total: paging::total(&head.headers),
        })
    }
}
