//! `GET /v1/human/activities`: walks, runs and whatever else a source recorded.

use crate::data::list::List;
use crate::data::record::records;
use crate::data::wellness::wellness;

/// Reads one page of the user's activities.
pub type ListActivities = List<Activity>;

wellness! {
    /// One activity: a walk, a run, or whatever else a source recorded.
    pub struct Activity {
        /// When it began.
        start_time: Timestamp = "startTime",
        /// When it ended.
        end_time: Timestamp = "endTime",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
        /// The time zone by name, seen in old records of many users alone.
        time_zone: Text = "timeZone",
        /// Such as `walking`; an open set.
        kind: Text = "type",
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
    }

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
