//! What was there before an order was sent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the service had of an order's user just before the order was sent.
///
/// It may answer an order for a user who has one with a success and place nothing. So only what was not there before shows
/// that this order is.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads later compares with each: a forgotten one would be told as placed"
)]
pub enum Before {
    /// Nobody of the order's own id.
    Nobody,
    /// The user, with the orders of these ids.
    Orders(Vec<String>),
    /// The user, and which orders it had is not told.
    Untold,
    /// Whether the user was there is not known.
    #[default]
    NotKnown,
}

/// Shows no id.
impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Orders(_) => "Orders(…)",
            Self::Untold => "Untold",
            Self::NotKnown => "NotKnown",
        })
    }
}
