//! What orders would have cost.

use std::time::SystemTime;

use serde::Serialize;

use crate::clock;

/// One order that would have been billed.
///
/// Each order has one entry, from when it was placed. Nothing takes it away: not an abort, nor that its user is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The application that placed it.
    pub client_id: String,
    /// The application's own id for the user.
    pub client_user_id: String,
    /// The service's id for the user.
    pub human_id: String,
    /// The order.
    pub order_id: String,
    /// The code of its type.
    pub order_type: String,
    /// When it was placed, by the sandbox's clock.
    #[serde(serialize_with = "clock::as_instant")]
    pub placed_at: SystemTime,
    /// The request that placed it, as the request log names it.
    pub request_id: String,
}
