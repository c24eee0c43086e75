//! An order that is there from the start of a story.

use super::applicant::{NamedProvider, Particular, Particulars};
use super::order::{OrderState, Pace};
use super::order_type::OrderType;
use super::rules::BirthDate;
use super::task::TaskKind;
use crate::clock::Millis;

/// An order that a story begins with, in the state in which it then is.
#[derive(Clone)]
pub(crate) struct Beginning {
    pub(crate) client_user_id: String,
    pub(crate) email: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// Midnight in UTC of the day.
    pub(crate) birth_date: Option<Millis>,
    pub(crate) order_type: &'static OrderType,
    pub(crate) state: OrderState,
    /// What it waits for, or will.
    pub(crate) lacks: Vec<TaskKind>,
}

impl Beginning {
    /// An order for this user, of somebody who is made up.
    pub(crate) fn new(client_user_id: impl Into<String>, state: OrderState) -> Self {
        Self {
            client_user_id: client_user_id.into(),
            email: None,
            first_name: "Testina".to_owned(),
            last_name: "Sandboxer".to_owned(),
            birth_date: BirthDate::read("1980-04-09", 0),
            order_type: OrderType::usual(),
            lacks: Vec::from_iter((state == OrderState::Pended).then_some(TaskKind::Authorization)),
            state,
        }
    }

    /// When it was placed, to be by now in its state.
    pub(crate) fn placed(&self, pace: Pace, now: Millis) -> Millis {
        let before = match self.state {
            OrderState::Created => 0,
            OrderState::InProgress | OrderState::Cancelled => pace.starts,
            OrderState::Pended => pace.asks,
            OrderState::Completed => pace.starts + pace.retrieves,
        };
        (now - before).max(0)
    }

    pub(crate) fn told(&self) -> Particulars {
        let lacks = |kind| self.lacks.contains(&kind);
        let known = Particular::ALL.into_iter();
        Particulars {
            email: self.email.clone(),
            first_name: Some(self.first_name.clone()),
            last_name: Some(self.last_name.clone()),
            birth_date: self.birth_date,
            is_authorized: !lacks(TaskKind::Authorization),
            providers: Vec::from_iter((!lacks(TaskKind::Provider)).then(|| NamedProvider {
                id: "65a0f3c2d4b1e09876543aaa".to_owned(),
                name: "Clinic Zero".to_owned(),
                client_id: None,
            })),
            given: known
                .filter(|one| *one != Particular::Ssn || !lacks(TaskKind::Particulars))
                .collect(),
            ..Particulars::default()
        }
    }
}
