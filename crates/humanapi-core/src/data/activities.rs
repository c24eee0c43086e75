//! `GET /v1/human/activities`: walks, runs and whatever else a source recorded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::data::list::{HasDays, HasTimeSeries, List, Resource};
use crate::hidden::hidden_debug;
use crate::lenient;

/// Reads one page of the user's activities.
pub type ListActivities = List<Activity>;

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

impl Resource for Activity {
    const NAME: &'static str = "data.activities";
    const PATH: &'static str = "/v1/human/activities";
    type Record = Self;
}

impl HasDays for Activity {}

impl HasTimeSeries for Activity {}

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
