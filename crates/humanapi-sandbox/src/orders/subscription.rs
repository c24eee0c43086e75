//! Who is told by e-mail how a user's order goes on. No mail is ever sent.

use serde::Serialize;

use crate::clock::{self, Millis};

/// One subscription, as it is told.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) user: u32,
    pub(crate) client_user_id: String,
    pub(crate) subscriber_email: String,
    pub(crate) role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscriber_first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscriber_last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscriber_office: Option<String>,
    #[serde(serialize_with = "as_instant")]
    pub(crate) created_at: Millis,
}

fn as_instant<S: serde::Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::instant(*at))
}

impl Subscription {
    /// How many bytes it takes, roughly.
    pub(crate) fn size(&self) -> usize {
        let texts = [
            &self.subscriber_first_name,
            &self.subscriber_last_name,
            &self.subscriber_office,
        ];
        let optional = texts
            .iter()
            .map(|text| text.as_ref().map_or(0, String::len));
        size_of::<Self>()
            + self.client_user_id.len()
            + self.subscriber_email.len()
            + optional.sum::<usize>()
    }
}
