//! `/v1/apps/{clientId}`: the users of an application, and what all of them recorded.

use crate::data::record::records;

records! {
    /// One user of an application.
    pub struct AppUser {
        /// Human API's id for the user.
        human_id: Text = "humanId",
        /// The application's own id for the user.
        external_id: Text = "externalId",
        /// The application.
        app_id: Text = "appId",
        /// When the user was created.
        created_at: Timestamp = "createdAt",
        /// When the user was last changed.
        updated_at: Timestamp = "updatedAt",
    }
}
