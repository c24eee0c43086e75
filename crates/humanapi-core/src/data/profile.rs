//! `GET /v1/human/profile`: who the user is.

use crate::data::record::records;
use crate::data::single::Single;

/// Reads the user's profile.
pub type ReadProfile = Single<Profile>;

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
