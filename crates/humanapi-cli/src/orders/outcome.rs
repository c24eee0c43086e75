//! What became of one order.

use humanapi_client::{ErrorKind, OrderError};
use humanapi_core::HumanId;
use serde::Serialize;

use super::desk::{Desk, journal_failure};
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
    /// It never left, or was refused by something in between.
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
}

impl Ended {
    pub(super) const fn there(became: Became, human_id: HumanId) -> Self {
        Self {
            became,
            human_id: Some(human_id),
            failure: None,
        }
    }

    pub(super) const fn failed(became: Became, failure: Failure) -> Self {
        Self {
            became,
            human_id: None,
            failure: Some(failure),
        }
    }

    /// What the client says of it.
    pub(super) fn of(desk: &Desk, outcome: Result<HumanId, OrderError>) -> Self {
        match outcome {
            Ok(human_id) => Self::there(Became::Placed, human_id),
            Err(error) => of_error(desk, &error),
        }
    }
}

fn of_error(desk: &Desk, error: &OrderError) -> Ended {
    let undecided = |remedy| Failure::new(Code::Undecided, error.to_string(), remedy);
    match error {
        OrderError::NotPlaced(Some(cause)) => {
            let is_refusal = matches!(cause.kind(), ErrorKind::Api(_));
            let failure = desk.failure(cause);
            let is_refused = is_refusal && failure.code() == Some(Code::Refused);
            let became = match is_refused {
                true => Became::Refused,
                false => Became::NotPlaced,
            };
            Ended::failed(became, failure)
        }
        OrderError::Absent(_) => Ended::failed(
            Became::Absent,
            undecided(
                "if it is still wanted, run the same with --send-absent, or `humanapi orders reconcile INTENT --send-again` first",
            ),
        ),
        OrderError::Unknown { .. } => Ended::failed(
            Became::Unknown,
            undecided(
                "run `humanapi orders reconcile` later; if it stays unknown, look in the vendor's portal and decide with it",
            ),
        ),
        OrderError::InProgress => Ended::failed(
            Became::InProgress,
            undecided("run the same again in some minutes: what the other process finds is kept"),
        ),
        OrderError::OtherOrder => Ended::failed(
            Became::OtherOrder,
            Failure::new(
                Code::Usage,
                error.to_string(),
                "give each order an intent of its own",
            ),
        ),
        OrderError::Journal(Some(cause)) => {
            Ended::failed(Became::NotPlaced, journal_failure(cause))
        }
        other => Ended::failed(
            Became::NotPlaced,
            Failure::new(Code::Service, other.to_string(), other.remedy()),
        ),
    }
}
