//! One order, and how it goes on with time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::applicant::Applicant;
use super::order_type::OrderType;
use super::task::{Task, TaskKind};
use crate::clock::{DAY, Millis};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OrderState {
    /// Accepted, for less than five minutes.
    Created,
    /// Records are being retrieved.
    InProgress,
    /// Waits until somebody does a task.
    Pended,
    /// Done, or its time is over.
    Completed,
    /// Aborted.
    Cancelled,
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Created,
        Self::InProgress,
        Self::Pended,
        Self::Completed,
        Self::Cancelled,
    ];

    /// As the service writes it in a user's orders: `In Progress`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::InProgress => "In Progress",
            Self::Pended => "Pended",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long an order stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Until it is in progress.
    pub(super) starts: Millis,
    /// Until it is seen what it lacks, counted from the same moment.
    pub(super) asks: Millis,
    /// From its start, or from the last task that was done, until records are there.
    pub(super) retrieves: Millis,
    /// Until nobody waits for a task any more.
    ends: Millis,
}

impl Pace {
    pub(crate) const HOURS: Self = Self {
        starts: 2 * 60_000,
        asks: 10 * 60_000,
        retrieves: 60 * 60_000,
        ends: 30 * DAY,
    };

    pub(crate) const SECONDS: Self = Self {
        starts: 1000,
        asks: 2000,
        retrieves: 5000,
        ends: 30 * DAY,
    };
}

/// What an order is to be, beside what it says of the person.
pub(crate) struct OrderSpec {
    pub(crate) order_type: &'static OrderType,
    pub(crate) pace: Pace,
    /// What it lacks whatever is known of the person.
    pub(crate) lacks: Vec<TaskKind>,
}

/// What happens to an order next, if nobody does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    Ask,
    Finish,
    End,
}

/// One order.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    /// Where it stands among all orders.
    pub(crate) place: u32,
    /// Whose it is. Nobody's once that user was deleted: the user's number may be given again.
    pub(crate) user: Option<u32>,
    pub(crate) order_type: &'static OrderType,
    pub(crate) placed: Millis,
    pub(crate) state: OrderState,
    /// Since when it stands there.
    pub(crate) since: Millis,
    pub(crate) tasks: Vec<Task>,
    /// When its records were there.
    pub(crate) retrieved: Option<Millis>,
    /// What it lacks whatever is known of the person.
    lacks: Vec<TaskKind>,
    /// Whether it was seen what it lacks.
    asked: bool,
    pace: Pace,
    next: Option<(Millis, Step)>,
}

impl Order {
    pub(crate) fn new(id: String, place: u32, user: u32, spec: OrderSpec, now: Millis) -> Self {
        let OrderSpec {
            order_type,
            pace,
            lacks,
        } = spec;
        Self {
            id,
            place,
            user: Some(user),
            order_type,
            placed: now,
            state: OrderState::Created,
            since: now,
            tasks: Vec::new(),
            retrieved: None,
            lacks,
            asked: false,
            pace,
            next: Some((now + pace.starts, Step::Start)),
        }
    }

    /// When something happens to it next, if nobody does anything.
    pub(crate) fn due(&self) -> Option<Millis> {
        self.next.map(|(at, _)| at)
    }

    pub(crate) fn open_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.is_open())
    }

    /// Whether nobody has looked yet at what it lacks, and somebody will.
    pub(crate) fn is_unseen(&self) -> bool {
        !self.asked && !self.state.is_terminal()
    }

    /// What it lacks of a person of whom this is known; nothing that was done for it already.
    pub(crate) fn lacks(&self, applicant: &Applicant) -> Vec<TaskKind> {
        let known = applicant.lacks(self.order_type);
        let is_lacking = |kind: &TaskKind| {
            let mut done = self.tasks.iter().filter(|task| !task.is_open());
            (known.contains(kind) || self.lacks.contains(kind))
                && !done.any(|task| task.kind == *kind)
        };
        TaskKind::ALL.into_iter().filter(is_lacking).collect()
    }

    /// What is due happens.
    pub(crate) fn step(&mut self, applicant: &Applicant) {
        let Some((at, step)) = self.next.take() else {
            return;
        };
        match step {
            Step::Start => {
                self.turn(OrderState::InProgress, at);
                self.next = Some((self.placed + self.pace.asks, Step::Ask));
            }
            Step::Ask => {
                self.asked = true;
                let finished = (self.since + self.pace.retrieves).max(at);
                self.next = Some((finished, Step::Finish));
                for kind in self.lacks(applicant) {
                    self.open(kind, at);
                }
            }
            Step::Finish => {
                self.turn(OrderState::Completed, at);
                self.retrieved = Some(at);
            }
            Step::End => self.turn(OrderState::Completed, at),
        }
    }

    /// Opens a task, so that the order waits. False where it is over, or has not begun.
    pub(crate) fn open(&mut self, kind: TaskKind, now: Millis) -> bool {
        match self.state {
            OrderState::InProgress => self.turn(OrderState::Pended, now),
            OrderState::Pended => {}
            OrderState::Created | OrderState::Completed | OrderState::Cancelled => return false,
        }
        if !self.open_tasks().any(|task| task.kind == kind) {
            self.tasks.push(Task {
                kind,
                opened: now,
                resolved: None,
            });
        }
        self.next = Some((self.placed + self.pace.ends, Step::End));
        true
    }

    /// Marks a task as done; the order goes on once none is left. False where there is no such task open.
    pub(crate) fn resolve(&mut self, kind: TaskKind, now: Millis) -> bool {
        if self.state != OrderState::Pended {
            return false;
        }
        let mut open = self.tasks.iter_mut().filter(|task| task.is_open());
        let Some(task) = open.find(|task| task.kind == kind) else {
            return false;
        };
        task.resolved = Some(now);
        if self.open_tasks().next().is_none() {
            self.turn(OrderState::InProgress, now);
            self.next = Some(if self.asked {
                (now + self.pace.retrieves, Step::Finish)
            } else {
                // It was made to wait before anybody saw what it lacks.
                ((self.placed + self.pace.asks).max(now), Step::Ask)
            });
        }
        true
    }

    /// Ends it. False where it is over already.
    pub(crate) fn abort(&mut self, now: Millis) -> bool {
        if self.state.is_terminal() {
            return false;
        }
        self.turn(OrderState::Cancelled, now);
        self.next = None;
        true
    }

    /// Has records retrieved once more, where they were.
    pub(crate) fn retrieve_again(&mut self, now: Millis) {
        if self.state == OrderState::Completed {
            self.turn(OrderState::InProgress, now);
            self.next = Some((now + self.pace.retrieves, Step::Finish));
        }
    }

    /// Makes it nobody's, as nothing but the ledger tells of it any more.
    pub(crate) fn forget(&mut self) {
        self.user = None;
        self.next = None;
        self.retrieved = None;
        self.tasks = Vec::new();
        self.lacks = Vec::new();
    }

    fn turn(&mut self, state: OrderState, at: Millis) {
        self.state = state;
        self.since = at;
    }
}
