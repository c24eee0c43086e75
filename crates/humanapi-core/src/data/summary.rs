//! `GET /v1/human`: the latest value of everything.

use jiff::Timestamp;
use serde::Deserialize;

use crate::data::record::Record;
use crate::data::{get, object};
use crate::endpoint::{Endpoint, Request, Response};
use crate::error::{BuildError, ResponseError};
use crate::hidden::hidden_debug;
use crate::hosts::Hosts;
use crate::lenient;
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

/// The latest value of everything. What the user has no data for is `None`; on the wire it is an
/// empty object.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HealthSummary {
    /// Deprecated by the vendor in favour of `human_id`.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub user_id: Option<String>,
    /// Human API's id for the user.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub human_id: Option<String>,
    /// The e-mail address, if known.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub email: Option<String>,
    /// Such as `female`.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub gender: Option<String>,
    /// When the user was created.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub created_at: Option<Timestamp>,
    /// In mg/dL.
    #[serde(default, deserialize_with = "lenient::object")]
    pub blood_glucose: Option<Measurement>,
    /// In percent.
    #[serde(default, deserialize_with = "lenient::object")]
    pub blood_oxygen: Option<Measurement>,
    /// In mmHg.
    #[serde(default, deserialize_with = "lenient::object")]
    pub blood_pressure: Option<BloodPressure>,
    /// In kg/m².
    #[serde(default, deserialize_with = "lenient::object")]
    pub bmi: Option<Measurement>,
    /// In percent.
    #[serde(default, deserialize_with = "lenient::object")]
    pub body_fat: Option<Measurement>,
    /// In millimetres.
    #[serde(default, deserialize_with = "lenient::object")]
    pub height: Option<Measurement>,
    /// In beats a minute.
    #[serde(default, deserialize_with = "lenient::object")]
    pub heart_rate: Option<Measurement>,
    /// In kilograms.
    #[serde(default, deserialize_with = "lenient::object")]
    pub weight: Option<Measurement>,
    /// The newest day of activity.
    #[serde(default, deserialize_with = "lenient::object")]
    pub activity_summary: Option<ActivitySummary>,
    /// The newest night of sleep.
    #[serde(default, deserialize_with = "lenient::object")]
    pub sleep_summary: Option<SleepSummary>,
}

/// One measured value.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Measurement {
    /// The record's id.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub id: Option<String>,
    /// When it was measured.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub timestamp: Option<Timestamp>,
    /// Where it comes from.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub source: Option<String>,
    /// The value, in `unit`.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub value: Option<f64>,
    /// The unit as the service names it.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub unit: Option<String>,
}

/// One measured blood pressure.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BloodPressure {
    /// The record's id.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub id: Option<String>,
    /// When it was measured.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub timestamp: Option<Timestamp>,
    /// Where it comes from.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub source: Option<String>,
    /// In `unit`, which is mmHg.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub systolic: Option<f64>,
    /// In `unit`, which is mmHg.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub diastolic: Option<f64>,
    /// The unit as the service names it.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub unit: Option<String>,
    /// In beats a minute, if measured along.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub heart_rate: Option<f64>,
}

/// One day of activity.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ActivitySummary {
    /// The record's id.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub id: Option<String>,
    /// The day, as text, because the service was seen to leave it empty.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub date: Option<String>,
    /// Where it comes from.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub source: Option<String>,
    /// In seconds.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub duration: Option<f64>,
    /// In metres.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub distance: Option<f64>,
    /// Counted.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub steps: Option<f64>,
    /// In kcal.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub calories: Option<f64>,
    /// In minutes.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub vigorous: Option<f64>,
    /// In minutes.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub moderate: Option<f64>,
    /// In minutes.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub light: Option<f64>,
    /// In minutes.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub sedentary: Option<f64>,
    /// Stands here alone, equal to `duration` or 0.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub total: Option<f64>,
}

/// One night of sleep.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SleepSummary {
    /// The record's id.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub id: Option<String>,
    /// The day, as text.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub date: Option<String>,
    /// Where it comes from.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub source: Option<String>,
    /// In minutes.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub time_asleep: Option<f64>,
    /// In minutes.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub time_awake: Option<f64>,
    /// When the record was last changed.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub updated_at: Option<Timestamp>,
}

hidden_debug!(
    HealthSummary,
    Measurement,
    BloodPressure,
    ActivitySummary,
    SleepSummary
);

impl Endpoint for ReadHealthSummary {
    type Output = Record<HealthSummary>;

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
        Ok(Record::read(object(response)?.into_body())?)
    }
}
