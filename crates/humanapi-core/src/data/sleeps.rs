//! `GET /v1/human/sleeps`: when the user slept, and how well.

use crate::data::activities::TimeSeries;
use crate::data::wellness::wellness;

wellness! {
    /// One sleep, by night or by day.
    pub struct Sleep {
        /// The day that it counts for.
        day: Date = "day",
        /// When it began.
        start_time: Timestamp = "startTime",
        /// When it ended.
        end_time: Timestamp = "endTime",
        /// By how much local time differed from UTC.
        tz_offset: Offset = "tzOffset",
        /// Whether it was the longest of the day; true where the source does not say.
        main_sleep: Bool = "mainSleep",
        /// How long the user slept.
        time_asleep: Number = "timeAsleep" [unit "min"],
        /// How long the user lay awake in between; 0 if unknown.
        time_awake: Number = "timeAwake" [unit "min"],
        /// A score from 0 to 100; 0 if unknown.
        efficiency: Number = "efficiency",
        /// How long it took to fall asleep; 0 if unknown.
        time_to_fall_asleep: Number = "timeToFallAsleep" [unit "min"],
        /// How long the user stayed in bed afterwards; 0 if unknown.
        time_after_wakeup: Number = "timeAfterWakeup" [unit "min"],
        /// How long the user lay in bed; 0 if unknown.
        time_in_bed: Number = "timeInBed" [unit "min"],
        /// How often the user woke up; 0 if unknown.
        number_of_wakeups: Number = "numberOfWakeups",
        /// By name, where they were asked for and recorded.
        time_series: Map<TimeSeries> = "timeSeries",
    }

    /// The sleep of one day, of one source.
    pub struct SleepSummary {
        /// The day.
        date: Date = "date",
        /// How long, fractions of a minute included.
        time_asleep: Number = "timeAsleep" [unit "min"],
        /// How long in between.
        time_awake: Number = "timeAwake" [unit "min"],
    }
}
