//! `GET /v1/human`: the latest value of everything.

use crate::data::activities::ActivitySummary;
use crate::data::measurements::{
    BloodGlucose, BloodOxygen, BloodPressure, Bmi, BodyFat, HeartRate, Height, Weight,
};
use crate::data::record::records;
use crate::data::single::Single;
use crate::data::sleeps::SleepSummary;

/// Reads the latest value of everything.
pub type ReadHealthSummary = Single<HealthSummary>;

records! {
    /// The latest value of everything. What the user has no data for is `None`; on the wire it is an
    /// empty object.
    pub struct HealthSummary {
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// Human API's id for the user.
        human_id: Text = "humanId",
        /// The e-mail address, if known.
        email: Text = "email",
        /// Such as `female`.
        gender: Text = "gender",
        /// When the user was created.
        created_at: Timestamp = "createdAt",
        /// In mg/dL.
        blood_glucose: BloodGlucose = "bloodGlucose",
        /// In percent.
        blood_oxygen: BloodOxygen = "bloodOxygen",
        /// In mmHg.
        blood_pressure: BloodPressure = "bloodPressure",
        /// In kg/m².
        bmi: Bmi = "bmi",
        /// In percent.
        body_fat: BodyFat = "bodyFat",
        /// In millimetres.
        height: Height = "height",
        /// In beats a minute.
        heart_rate: HeartRate = "heartRate",
        /// In kilograms.
        weight: Weight = "weight",
        /// The newest day of activity.
        activity_summary: ActivitySummary = "activitySummary",
        /// The newest night of sleep.
        sleep_summary: SleepSummary = "sleepSummary",
    }
}
