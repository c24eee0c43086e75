//! How what a worker does about an intent ended.

use std::fmt;

use super::entry::Entry;
use crate::user_id::HumanId;

/// How it ended.
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller answers each: an order that is taken for another one costs money"
)]
pub enum Outcome {
    /// The order is there, for this user.
    Exists(HumanId),
    /// What was sent had no effect, for certain: the service refused it, or it never left. Submitting the intent again sends
    /// it.
    NotPlaced,
    /// The order was sent once and is not there. It is not sent again by itself: [decide](super::Decision).
    Absent(Entry),
    /// Nobody can tell whether the order is there. It is not sent again by itself: look, and [decide](super::Decision).
    ///
    /// Without an entry where the journal could not be asked for it; it still counts as sent there.
    Unknown(Option<Entry>),
    /// Another worker is at the intent, and was not waited for any longer.
    InProgress,
    /// The intent was written for another order.
    OtherOrder,
    /// There is no such intent.
    Missing,
    /// The journal could not be asked, or did not answer. Nothing that this submission sent had an effect, and whether
    /// another one placed the order is not known.
    NotWritten,
}

/// Shows no id.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(_) => f.write_str("Exists(…)"),
            Self::NotPlaced => f.write_str("NotPlaced"),
            Self::Absent(entry) => write!(f, "Absent({entry:?})"),
            Self::Unknown(entry) => write!(f, "Unknown({entry:?})"),
            Self::InProgress => f.write_str("InProgress"),
            Self::OtherOrder => f.write_str("OtherOrder"),
            Self::Missing => f.write_str("Missing"),
            Self::NotWritten => f.write_str("NotWritten"),
        }
    }
}
