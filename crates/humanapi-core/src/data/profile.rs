//! `GET /v1/human/profile`: who the user is.

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

/// Reads the user's profile.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReadProfile;

impl ReadProfile {
    /// The call.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// Who the user is.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Profile {
    /// Deprecated by the vendor in favour of `human_id`.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub user_id: Option<String>,
    /// Human API's id for the user.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub human_id: Option<String>,
    /// The e-mail address, if known.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub email: Option<String>,
    /// When the user was created.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub created_at: Option<Timestamp>,
    /// When the user was last changed. Documented, and missing in every answer seen.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub updated_at: Option<Timestamp>,
    /// The user's time zone.
    #[serde(default, deserialize_with = "lenient::object")]
    pub default_time_zone: Option<TimeZoneName>,
}

/// A time zone by its name.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct TimeZoneName {
    /// Such as `UTC` or `Europe/Rome`.
    #[serde(default, deserialize_with = "lenient::scalar")]
    pub name: Option<String>,
}

hidden_debug!(Profile, TimeZoneName);

impl Endpoint for ReadProfile {
    type Output = Record<Profile>;

    fn name(&self) -> &'static str {
        "data.profile"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, "/v1/human/profile")
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        Ok(Record::read(object(response)?.into_body())?)
    }
}
