//! What was there before an order was sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::entry::Doubt;
use super::intent::Subject;
use crate::admin::users::OrderedUser;

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

impl Before {
    /// What the users tell that were asked for by the order's own id, with their orders.
    #[must_use]
    pub fn of(users: &[OrderedUser], subject: &Subject) -> Self {
        match user_of_id(users, subject.client_user_id()) {
            Ok(None) => Self::Nobody,
            Ok(Some(user)) => {
                let ids = user.orders.iter().map(|order| order.order_id.clone());
                match ids.collect::<Option<Vec<_>>>() {
                    // Who was ordered for has an order: it is not told, or not shown yet.
                    None => Self::Untold,
                    Some(ids) if ids.is_empty() => Self::Untold,
                    Some(ids) => Self::Orders(ids),
                }
            }
            Err(Doubt::Several) => Self::Untold,
            Err(_) => Self::NotKnown,
        }
    }
}

/// The one user of this id of the application's own, of all that the service gave when it was asked for that id; nothing
/// where none came.
///
/// The service's documents do not promise an id with each user: one without counts unless others show that the service did
/// not look for the id.
///
/// # Errors
///
/// [`Doubt::OtherUsers`] where only users came who are or may be of other ids, and [`Doubt::Several`] where more than one
/// may be meant.
pub fn user_of_id<'a>(
    users: &'a [OrderedUser],
    client_user_id: &str,
) -> Result<Option<&'a OrderedUser>, Doubt> {
    let is_of_id =
        |user: &OrderedUser| (user.client_user_id.as_ref()).map(|id| id.as_str() == client_user_id);
    let has_strangers = users.iter().any(|user| is_of_id(user) == Some(false));
    let may_be_it = |user: &&OrderedUser| is_of_id(user).unwrap_or(!has_strangers);
    let mut candidates = users.iter().filter(may_be_it);
    match (candidates.next(), candidates.next()) {
        (None, _) if has_strangers => Err(Doubt::OtherUsers),
        (None, _) => Ok(None),
        (Some(user), None) => Ok(Some(user)),
        (Some(_), Some(_)) => Err(Doubt::Several),
    }
}
