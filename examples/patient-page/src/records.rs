//! What this app reads of a patient's data.

use humanapi::axum::Problem;
use humanapi::data::{Activity, medical::Medication};
use humanapi::{Error, User};

/// What trackers recorded, and what clinics and pharmacies wrote down: the first page of each.
pub(crate) struct Records {
    pub(crate) activities: Vec<Activity>,
    pub(crate) medications: Vec<Medication>,
}

/// Nothing if nothing is connected.
pub(crate) type Shared = Result<Option<Records>, Problem>;

impl Records {
    /// The client gets the access token, and renews it.
    pub(crate) async fn read(user: User) -> Result<Self, Error> {
        let data = user.data();
        Ok(Self {
            activities: data.activities().await?.items,
            medications: data.medications().await?.items,
        })
    }
}
