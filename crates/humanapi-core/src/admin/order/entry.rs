//! What a journal tells of one intent.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::before::Before;
use super::intent::Subject;
use crate::user_id::HumanId;

/// The right to go on with one intent, until it ends or another takes over. Its number rises with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(pub(super) u64);

impl Claim {
    /// Its fencing number.
    #[must_use]
    pub const fn fence(self) -> u64 {
        self.0
    }
}

/// Why it is not known whether an order is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Doubt {
    /// The worker that sent it was not heard of again.
    Interrupted,
    /// It may have left, and no answer came.
    NoAnswer,
    /// The service said that it failed.
    ServiceFailure,
    /// What came cannot be read, or something in between sent it.
    Unreadable,
    /// The service said that the user is there already: it may be this order's, or another's.
    Conflict,
    /// What is there could not be read.
    NotRead,
    /// No such user is there, but too little time has passed to say that none will be.
    NotThereYet,
    /// A user of this id is there, but the order or the answer has no name or date of birth to compare.
    NothingToCompare,
    /// A user of this id is there who has another name or date of birth.
    OtherPerson,
    /// Users came who are told to be of other ids: the service did not look for this one.
    OtherUsers,
    /// A user of this id is there, but it is not told, or cannot be read, when the user was made.
    NoMomentToCompare,
    /// The user was there before this order left.
    WasThereBefore,
    /// The user was made when this order could not arrive any more: by another order, or by this one after all.
    MadeLater,
    /// The user is there, and of which type the orders are is not told.
    NoTypeToCompare,
    /// The user is there, but has no order of this type.
    OtherOrderType,
    /// Several users of this id are there.
    Several,
    /// The answer is a success, and does not show that it placed a new order: the user may have been there before.
    NotShown,
    /// The user was there before, and which orders the user had is not told: none shows that it is new.
    BeforeUntold,
    /// The user was there before, and has no other orders than before.
    NoNewOrder,
    /// The user was there before and has an order more, but so long after that another may have placed it.
    SeenTooLate,
    /// The user was there before, and no user came now: the service does not show all that it has.
    Gone,
}

impl Doubt {
    /// Why, as the end of a sentence.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Interrupted => "the worker that sent it was not heard of again",
            Self::NoAnswer => "it may have left, and no answer came",
            Self::ServiceFailure => "the service said that it failed",
            Self::Unreadable => "the answer cannot be read, or is none of the service's",
            Self::Conflict => "the service said that such a user is there already",
            Self::NotRead => "what is there could not be read",
            Self::NotThereYet => "no such user is there yet",
            Self::NothingToCompare => "there is no name or date of birth to compare",
            Self::OtherPerson => "the user of this id has another name or date of birth",
            Self::OtherUsers => "the service told of users of other ids",
            Self::NoMomentToCompare => "it is not told when the user was made",
            Self::WasThereBefore => "the user was there before this order",
            Self::MadeLater => "the user was made long after this order was sent",
            Self::NoTypeToCompare => "it is not told of which type the user's orders are",
            Self::OtherOrderType => "the user has no order of this type",
            Self::Several => "several users of this id are there",
            Self::NotShown => "the answer does not show that a new order was placed",
            Self::BeforeUntold => "which orders the user had before is not told",
            Self::NoNewOrder => "the user was there before this order, and has no new one",
            Self::SeenTooLate => {
                "the user has a new order, which was seen too late to tell whose it is"
            }
            Self::Gone => "the user was there before this order, and is not shown now",
        }
    }
}

/// Where an intent stands.
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever goes on with an intent answers each: a forgotten one could place an order twice"
)]
pub enum EntryState {
    /// Nothing has left, or what left is known to have had no effect.
    Written,
    /// It may have left: somebody is at it, or was.
    Sent,
    /// It is not known whether the order is there.
    Unknown(Doubt),
    /// The order is there, for this user.
    Exists(HumanId),
    /// The order is not there: it was looked for after so long a time that it would be.
    Absent,
}

/// Shows no id.
impl fmt::Debug for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written => f.write_str("Written"),
            Self::Sent => f.write_str("Sent"),
            Self::Unknown(doubt) => write!(f, "Unknown({doubt:?})"),
            Self::Exists(_) => f.write_str("Exists(…)"),
            Self::Absent => f.write_str("Absent"),
        }
    }
}

/// What a journal tells of one intent, as it was when it was asked.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Entry {
    /// Where it stands.
    pub state: EntryState,
    /// Whom it is for.
    pub subject: Subject,
    /// When it was written first: milliseconds since 1970-01-01 UTC, by the journal's clock.
    pub written_at: u64,
    /// When it was marked as sent, likewise; nothing where nothing may have left.
    pub sent_at: Option<u64>,
    /// How long ago it may have left at the latest, by the journal's clock; nothing where it did not, or where that moment
    /// is still to come.
    pub left_ago: Option<Duration>,
    /// Until when it may have left, likewise, as whoever sent it wrote.
    pub may_leave_until: Option<u64>,
    /// What the service had of the user just before it was sent.
    pub before: Before,
    /// Whether a caller was told how it stands, or was about to be.
    pub handed_back: bool,
    /// Changes with each claim and each decision. A decision is about one version.
    pub version: u64,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("state", &self.state)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
