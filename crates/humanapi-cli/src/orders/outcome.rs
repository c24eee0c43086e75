//! What became of one order.

use humanapi_client::{ErrorKind, OrderError};
use humanapi_core::HumanId;
use humanapi_core::admin::order::Entry;
use jiff::Timestamp;
use serde::Serialize;

use super::admin_api::{AdminApi, journal_failure};
use crate::exit::{Code, Failure};

/// What became of one order, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Became {
    /// It is there: it was sent now, or what was sent before was found.
    Placed,
    /// The journal had it as placed before.
    Already,
    /// The service refused it.
    Refused,
    /// It never left, or was refused by something in between, and nothing left before.
    NotPlaced,
    /// It was sent once and is not there.
    Absent,
    /// Nobody can tell.
    Unknown,
    /// Another process is at it.
    InProgress,
    /// Its intent is another order's.
    OtherOrder,
}

impl Became {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Already => "already",
            Self::Refused => "refused",
            Self::NotPlaced => "not_placed",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
            Self::InProgress => "in_progress",
            Self::OtherOrder => "other_order",
        }
    }

    /// Whether an order may be there and it is not known that one is.
    pub(super) const fn is_undecided(self) -> bool {
        matches!(self, Self::Absent | Self::Unknown | Self::InProgress)
    }
}

/// How an order ended.
pub(super) struct Ended {
    pub(super) became: Became,
    pub(super) human_id: Option<HumanId>,
    pub(super) failure: Option<Failure>,
    /// When it was sent, where it is not known what became of it: a decision is about that one time.
    pub(super) sent_at: Option<Timestamp>,
}

impl Ended {
    pub(super) const fn there(became: Became, human_id: HumanId) -> Self {
        Self {
            became,
            human_id: Some(human_id),
            failure: None,
            sent_at: None,
        }
    }

    pub(super) const fn failed(became: Became, failure: Failure) -> Self {
        Self {
            became,
            human_id: None,
            failure: Some(failure),
            sent_at: None,
        }
    }

    /// Whether the next order will likely fare the same: it was refused, never left, or the journal failed.
    pub(super) fn is_a_failure(&self) -> bool {
        let code = self.failure.as_ref().and_then(Failure::code);
        match self.became {
            Became::Refused | Became::NotPlaced => true,
            Became::Unknown => code != Some(Code::Undecided),
            _ => false,
        }
    }

    /// Why it failed, with the code that says that it may be placed where that is so, whatever the reason.
    pub(super) fn into_failure(self) -> Option<Failure> {
        let failure = self.failure?;
        Some(match self.became.is_undecided() {
            true => failure.with_code(Code::Undecided),
            false => failure,
        })
    }

    /// What the client says of it.
    pub(super) fn of(admin: &AdminApi, outcome: Result<HumanId, OrderError>) -> Self {
        match outcome {
            Ok(human_id) => Self::there(Became::Placed, human_id),
            Err(error) => Self {
                sent_at: undecided(&error).and_then(sent_at),
                ..of_error(admin, &error)
            },
        }
    }
}

/// The entry that somebody has to decide on.
fn undecided(error: &OrderError) -> Option<&Entry> {
    match error {
        OrderError::Absent(entry) => Some(entry),
        OrderError::Unknown { entry, .. } => entry.as_deref(),
        _ => None,
    }
}

/// When an order was marked as sent, by the journal's clock.
pub(super) fn sent_at(entry: &Entry) -> Option<Timestamp> {
    let at = i64::try_from(entry.sent_at?).ok()?;
    Timestamp::from_millisecond(at).ok()
}

fn of_error(admin: &AdminApi, error: &OrderError) -> Ended {
    let undecided = |remedy| Failure::new(Code::Undecided, error.to_string(), remedy);
    match error {
        OrderError::NotPlaced(Some(cause)) => {
            let is_refusal = matches!(cause.kind(), ErrorKind::Api(_));
            let failure = admin.failure(cause);
            let is_refused = is_refusal && failure.code() == Some(Code::Refused);
            let became = match is_refused {
                true => Became::Refused,
                false => became(error),
            };
            Ended::failed(became, failure)
        }
        OrderError::Absent(_) => Ended::failed(
            became(error),
            undecided(
                "if it is still wanted, run the same with --send-absent, or `humanapi orders reconcile INTENT`, and decide with --send-again",
            ),
        ),
        OrderError::Unknown { .. } => Ended::failed(
            became(error),
            undecided(
                "run `humanapi orders reconcile` later; if it stays unknown, look in the vendor's portal and decide with it",
            ),
        ),
        OrderError::InProgress | OrderError::Changed => Ended::failed(
            became(error),
            undecided("run the same again in some minutes: what the other process finds is kept"),
        ),
        OrderError::OtherOrder => Ended::failed(
            became(error),
            Failure::new(
                Code::Usage,
                error.to_string(),
                "give each order an intent of its own",
            ),
        ),
        OrderError::Journal(Some(cause)) => Ended::failed(became(error), journal_failure(cause)),
        other => Ended::failed(
            became(other),
            Failure::new(Code::Service, other.to_string(), other.remedy()),
        ),
    }
}

/// What an error says of an order that is not told as refused. A journal that fails says nothing of it: this call placed
/// nothing, and an earlier one may have.
const fn became(error: &OrderError) -> Became {
    match error {
        OrderError::Absent(_) => Became::Absent,
        // Somebody else is at it, or went on with it just now.
        OrderError::InProgress | OrderError::Changed => Became::InProgress,
        OrderError::OtherOrder => Became::OtherOrder,
        error if error.may_be_placed() => Became::Unknown,
        _ => Became::NotPlaced,
    }
}

#[cfg(test)]
mod tests {
    use humanapi_client::{StoreError, StoreErrorKind};

    use super::*;

    #[test]
    fn what_may_be_placed_is_never_told_as_not_placed() {
        let away = StoreError::new(StoreErrorKind::Unavailable, "away");
        for error in [
            OrderError::Journal(Some(away)),
            OrderError::Journal(None),
            OrderError::Changed,
            OrderError::InProgress,
            OrderError::NoUser,
            OrderError::Unknown {
                entry: None,
                last: None,
            },
        ] {
            assert!(
                error.may_be_placed() && became(&error).is_undecided(),
                "{error}"
            );
        }
        // This one is not, whatever became of the other that has its intent.
        assert_eq!(became(&OrderError::OtherOrder), Became::OtherOrder);
        for error in [OrderError::NotPlaced(None), OrderError::NoSuchIntent] {
            assert!(!error.may_be_placed(), "{error}");
            assert_eq!(became(&error), Became::NotPlaced, "{error}");
        }
    }

    #[test]
    fn a_journal_that_fails_says_nothing_of_the_order_and_counts_as_a_failure_in_a_row() {
        let ended = Ended::failed(
            Became::Unknown,
            Failure::new(Code::Unreachable, "the journal of orders: away", "wait"),
        );
        assert!(ended.became.is_undecided() && ended.is_a_failure());
        let ended = Ended::failed(
            Became::Unknown,
            Failure::new(Code::Undecided, "the answer was lost", "look"),
        );
        assert!(ended.became.is_undecided() && !ended.is_a_failure());
        assert!(!Ended::there(Became::Placed, HumanId::new("1")).is_a_failure());
    }
}
