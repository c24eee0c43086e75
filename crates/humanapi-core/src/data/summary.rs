//! `GET /v1/human`: the latest value of everything.

use crate::data::record::records;
use crate::data::{get, object};
use crate::endpoint::{Endpoint, Request, Response};
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::Replay;

/// Reads the latest value of everything.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReadHealthSummary;

impl ReadHealthSummary {
    /// The call.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

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
        created_at: Instant = "createdAt",
        /// In mg/dL.
        blood_glucose: Measurement = "bloodGlucose",
        /// In percent.
        blood_oxygen: Measurement = "bloodOxygen",
        /// In mmHg.
        blood_pressure: BloodPressure = "bloodPressure",
        /// In kg/m².
        bmi: Measurement = "bmi",
        /// In percent.
        body_fat: Measurement = "bodyFat",
        /// In millimetres.
        height: Measurement = "height",
        /// In beats a minute.
        heart_rate: Measurement = "heartRate",
        /// In kilograms.
        weight: Measurement = "weight",
        /// The newest day of activity.
        activity_summary: ActivitySummary = "activitySummary",
        /// The newest night of sleep.
        sleep_summary: SleepSummary = "sleepSummary",
    }

    /// One measured value.
    pub struct Measurement {
        /// The record's id.
        id: Text = "id",
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// When it was measured.
        timestamp: Instant = "timestamp",
        /// Where it comes from.
        source: Text = "source",
        /// The value, in `unit`.
        value: Number = "value",
        /// The unit as the service names it.
        unit: Text = "unit",
    }

    /// One measured blood pressure.
    pub struct BloodPressure {
        /// The record's id.
        id: Text = "id",
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// When it was measured.
        timestamp: Instant = "timestamp",
        /// Where it comes from.
        source: Text = "source",
        /// While the heart beats.
        systolic: Number = "systolic" [unit "mm[Hg]"],
        /// Between two beats.
        diastolic: Number = "diastolic" [unit "mm[Hg]"],
        /// The unit as the service names it.
        unit: Text = "unit",
        /// Measured along with it.
        heart_rate: Number = "heartRate" [unit "/min"],
    }

    /// One day of activity.
    pub struct ActivitySummary {
        /// The record's id.
        id: Text = "id",
        /// The day. The service was seen to leave it empty.
        date: Date = "date",
        /// How long.
        duration: Number = "duration" [unit "s"],
        /// How far.
        distance: Number = "distance" [unit "m"],
        /// Without effort.
        sedentary: Number = "sedentary" [unit "min"],
        /// With a little effort.
        light: Number = "light" [unit "min"],
        /// With some effort.
        moderate: Number = "moderate" [unit "min"],
        /// With much effort.
        vigorous: Number = "vigorous" [unit "min"],
        /// Stands here alone, equal to `duration` or 0.
        total: Number = "total" [unit "s"],
        /// Counted.
        steps: Number = "steps",
        /// Estimated.
        calories: Number = "calories" [unit "kcal"],
        /// Where it comes from.
        source: Text = "source",
    }

    /// One night of sleep.
    pub struct SleepSummary {
        /// The record's id.
        id: Text = "id",
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// The day.
        date: Date = "date",
        /// Where it comes from.
        source: Text = "source",
        /// How long, fractions of a minute included.
        time_asleep: Number = "timeAsleep" [unit "min"],
        /// How long in between.
        time_awake: Number = "timeAwake" [unit "min"],
        /// When the record was last changed.
        updated_at: Instant = "updatedAt",
    }
}

impl Endpoint for ReadHealthSummary {
    type Output = HealthSummary;

    fn name(&self) -> &'static str {
        "data.summary"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, "/v1/human")
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        Ok(HealthSummary::from_json(object(response)?.into_body())?)
    }
}
