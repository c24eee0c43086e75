//! `GET /v1/human/profile`: who the user is.

use crate::data::record::records;
use crate::data::{get, object};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

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

records! {
    /// Who the user is.
    pub struct Profile {
        /// Deprecated by the vendor in favour of `human_id`.
        user_id: Text = "userId",
        /// When the user was created.
        created_at: Timestamp = "createdAt",
        /// When the user was last changed. Documented, and missing in every answer seen.
        updated_at: Timestamp = "updatedAt",
        /// The e-mail address, if known.
        email: Text = "email",
        /// The user's time zone.
        default_time_zone: TimeZoneName = "defaultTimeZone",
        /// Human API's id for the user.
        human_id: Text = "humanId",
    }

    /// A time zone by its name.
    pub struct TimeZoneName {
        /// Such as `UTC` or `Europe/Rome`.
        name: Text = "name",
    }
}

impl Endpoint for ReadProfile {
    type Output = Profile;

    fn name(&self) -> &'static str {
        "data.profile"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, "/v1/human/profile")
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        Ok(Profile::from_json(object(response)?.into_body())?)
    }
}
