//! `GET /v1/human/activities`: walks, runs and whatever else a source recorded.

use crate::data::list::{HasDays, HasTimeSeries, List, Resource};
use crate::data::record::records;

/// Reads one page of the user's activities.
pub type ListActivities = List<Activity>;

records! {
    /// One activity. Every field is optional, because the service left each out at some time.
    pub struct Activity {
        /// The record's id, in practice 24 hex digits.
        id: Text = "id",
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// When it began.
        start_time: Instant = "startTime",
        /// When it ended.
        end_time: Instant = "endTime",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
        /// The time zone by name, seen in old records of many users alone.
        time_zone: Text = "timeZone",
        /// Such as `walking`; an open set.
        kind: Text = "type",
        /// Where it comes from.
        source: Text = "source",
        /// How long.
        duration: Number = "duration" [unit "s"],
        /// How far.
        distance: Number = "distance" [unit "m"],
        /// Counted; 0 if unknown.
        steps: Number = "steps",
        /// Estimated.
        calories: Number = "calories" [unit "kcal"],
        /// What this source alone says.
        source_data: Json = "sourceData",
        /// By name, where they were asked for and recorded.
        time_series: Map<TimeSeries> = "timeSeries",
        /// When the service stored it.
        created_at: Instant = "createdAt",
        /// When the service last changed it.
        updated_at: Instant = "updatedAt",
        /// Human API's id for the user.
        human_id: Text = "humanId",
    }

    /// One recorded series.
    pub struct TimeSeries {
        /// `indexed` or `timestamped`, as far as the documents tell.
        kind: Text = "type",
        /// The step of an `indexed` series.
        interval_millis: Number = "intervalInMillis" [unit "ms"],
        /// Plain values, or entries whose form is not documented.
        values: List<Json> = "values",
    }
}

impl Resource for Activity {
    const NAME: &'static str = "data.activities";
    const PATH: &'static str = "/v1/human/activities";
    type Record = Self;
}

impl HasDays for Activity {}

impl HasTimeSeries for Activity {}
