//! What an attempt to send an order tells.

use std::fmt;

use http::StatusCode;

use super::before::Before;
use super::entry::Doubt;
use super::intent::Subject;
use super::reading::same_person;
use crate::admin::submit::Submitted;
use crate::error::{FlowError, ResponseError};
use crate::user_id::HumanId;

/// What an attempt to send an order tells of the order.
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an attempt had an effect, had none, or nobody knows"
)]
pub enum Report {
    /// The service took it, for this user, as a new order.
    Placed(HumanId),
    /// It had no effect, for certain: it never left, or the service itself refused it.
    NoEffect,
    /// It may have had an effect.
    Unknown(Doubt),
}

/// Shows no id.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placed(_) => f.write_str("Placed(…)"),
            Self::NoEffect => f.write_str("NoEffect"),
            Self::Unknown(doubt) => write!(f, "Unknown({doubt:?})"),
        }
    }
}

impl Report {
    /// What the end of a call tells, of an order for this one, with what was there before it was sent.
    ///
    /// A success says that an order was placed only where it says 201 of a user who was not there before, and tells of no
    /// other person. The service may answer an order for a user who has one likewise and place none: of any other success,
    /// what is there now has to be read.
    ///
    /// A refusal that something in between may have sent tells nothing: it may have passed the order on before. Nor does a
    /// failure of the service, and a conflict tells only that a user is there.
    #[must_use]
    pub fn of(ended: &Result<Submitted, FlowError>, subject: &Subject, before: &Before) -> Self {
        let submitted = match ended {
            Ok(submitted) => submitted,
            Err(error) => return Self::of_error(error),
        };
        if same_person(&submitted.user, subject.fields()).contains(&Some(false)) {
            return Self::Unknown(Doubt::OtherPerson);
        }
        if submitted.status == StatusCode::CREATED && *before == Before::Nobody {
            return Self::Placed(submitted.user.human_id.clone());
        }
        Self::Unknown(Doubt::NotShown)
    }

    fn of_error(error: &FlowError) -> Self {
        match error {
            // Without a token nothing was sent, or it was refused for want of one.
            FlowError::Build(_) | FlowError::Refused(_) | FlowError::Token(_) => Self::NoEffect,
            FlowError::Send(failure) if !failure.kind().may_have_arrived() => Self::NoEffect,
            FlowError::Send(_) => Self::Unknown(Doubt::NoAnswer),
            FlowError::Response(ResponseError::Api(error)) => match error.status() {
                StatusCode::CONFLICT => Self::Unknown(Doubt::Conflict),
                StatusCode::REQUEST_TIMEOUT => Self::Unknown(Doubt::NoAnswer),
                status if status.is_client_error() => Self::NoEffect,
                _ => Self::Unknown(Doubt::ServiceFailure),
            },
            FlowError::Response(_) | FlowError::Drifted(_) | FlowError::BothRefused { .. } => {
                Self::Unknown(Doubt::Unreadable)
            }
            // Whatever came before the last attempt never left: otherwise there would have been no other.
            FlowError::Exhausted { last, .. } => Self::of_error(last),
            FlowError::OutOfTime { last: None, .. } => Self::NoEffect,
            FlowError::OutOfTime {
                last: Some(last), ..
            } => Self::of_error(last),
        }
    }
}
