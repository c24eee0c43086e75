//! What pages are told.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::directory::UserRecord;
use crate::problem::whole_seconds;

/// What the service said of a user's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confirmed {
    /// Whether the user has connected a source and was not deleted.
    pub connected: bool,
    /// What is known of the user now.
    pub record: UserRecord,
    /// Whether Human API's id for the user is another one than before: what was stored under the old
    /// one belongs to nobody any more.
    pub human_id_changed: bool,
    /// How long ago the service said so; less than 10 s.
    pub age: Duration,
}

/// The answer to `POST …/connect/token`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenAnswer<'a> {
    pub(crate) token: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) expires_in: u64,
    pub(crate) expires_at: String,
    /// What `open` of connect.js takes, the token included.
    pub(crate) options: &'a RawValue,
    /// Opens Connect without a dialog, and comes back to the callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hosted_link: Option<&'a str>,
    pub(crate) human_id_changed: bool,
}

/// The answer to `POST …/connect/outcome`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutcomeAnswer {
    pub(crate) connected: bool,
    /// Whether the service said so just now, or it is merely remembered.
    pub(crate) confirmed: bool,
    pub(crate) status: &'static str,
    pub(crate) next: Next,
    /// Seconds until the service may be asked again, where that is what comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recheck_in: Option<u64>,
    pub(crate) human_id_changed: bool,
}

/// What the page does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Next {
    ReadData,
    CheckAgain,
    RenewToken,
    PassToken,
    KeepListening,
    Nothing,
}

impl OutcomeAnswer {
    /// The service was asked. `tells_change` says whether the report claimed one.
    pub(crate) fn confirmed(said: &Confirmed, tells_change: bool, kept_for: Duration) -> Self {
        let next = match (said.connected, tells_change) {
            (true, _) => Next::ReadData,
            (false, true) => Next::CheckAgain,
            (false, false) => Next::Nothing,
        };
        let recheck_in = kept_for.saturating_sub(said.age);
        Self {
            connected: said.connected,
            confirmed: true,
            status: said.record.status.name(),
            next,
            recheck_in: (next == Next::CheckAgain).then(|| whole_seconds(recheck_in)),
            human_id_changed: said.human_id_changed,
        }
    }

    /// The service was not asked.
    pub(crate) const fn remembered(record: &UserRecord, next: Next) -> Self {
        use humanapi_core::UserStatus;
        Self {
            connected: matches!(record.status, UserStatus::Connected),
            confirmed: false,
            status: record.status.name(),
            next,
            recheck_in: None,
            human_id_changed: false,
        }
    }
}
