//! `GET /v1/human/activities`: walks, runs and whatever else a source recorded.

use crate::data::list::List;
use crate::data::record::records;
use crate::data::wellness::wellness;

/// Reads one page of the user's activities.
pub type ListActivities = List<Activity>;

records! {
    // In the order in which they are sent, which a page of five hundred is read sooner by.
    /// One activity: a walk, a run, or whatever else a source recorded.
    pub struct Activity {
        /// The record's id, in practice 24 hex digits.
        id: Text = "id",
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// When it began.
        start_time: Timestamp = "startTime",
        /// When it ended.
        end_time: Timestamp = "endTime",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
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
        created_at: Timestamp = "createdAt",
        /// When the service last changed it.
        updated_at: Timestamp = "updatedAt",
        /// Human API's id for the user.
        human_id: Text = "humanId",
        /// The time zone by name, seen in old records of many users alone.
        time_zone: Text = "timeZone",
    }
}

wellness! {
    /// The activity of one day, of one source.
    pub struct ActivitySummary {
        /// The day.
        date: Date = "date",
        /// How long.
        duration: Number = "duration" [unit "s"],
        /// How far.
        distance: Number = "distance" [unit "m"],
        /// Counted.
        steps: Number = "steps",
        /// Estimated.
        calories: Number = "calories" [unit "kcal"],
        /// With much effort; 0 if unknown.
        vigorous: Number = "vigorous" [unit "min"],
        /// With some effort; 0 if unknown.
        moderate: Number = "moderate" [unit "min"],
        /// With a little effort; 0 if unknown.
        light: Number = "light" [unit "min"],
        /// Without effort; 0 if unknown.
        sedentary: Number = "sedentary" [unit "min"],
        /// In the health summary alone: equal to `duration`, or 0.
        total: Number = "total" [unit "s"],
        /// What this source alone says.
        source_data: Json = "sourceData",
        /// By name; documented, and seen in no answer.
        time_series: Map<TimeSeries> = "timeSeries",
    }
}

records! {
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
