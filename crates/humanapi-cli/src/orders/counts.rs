//! How many orders ended in which way.

use serde::Serialize;

use super::outcome::Became;

/// How many orders ended in which way.
#[derive(Clone, Default, Serialize)]
pub(super) struct Counts {
    pub(super) orders: u64,
    pub(super) placed: u64,
    pub(super) already: u64,
    pub(super) refused: u64,
    pub(super) not_placed: u64,
    pub(super) absent: u64,
    pub(super) unknown: u64,
    pub(super) in_progress: u64,
    pub(super) other_order: u64,
    /// Those that nothing was begun for.
    pub(super) not_tried: u64,
}

impl Counts {
    pub(super) fn of(orders: u64) -> Self {
        Self {
            orders,
            not_tried: orders,
            ..Self::default()
        }
    }

    pub(super) fn begun(&mut self) {
        self.not_tried -= 1;
    }

    pub(super) fn ended(&mut self, became: Became) {
        let count = match became {
            Became::Placed => &mut self.placed,
            Became::Already => &mut self.already,
            Became::Refused => &mut self.refused,
            Became::NotPlaced => &mut self.not_placed,
            Became::Absent => &mut self.absent,
            Became::Unknown => &mut self.unknown,
            Became::InProgress => &mut self.in_progress,
            Became::OtherOrder => &mut self.other_order,
        };
        *count += 1;
    }

    pub(super) const fn done(&self) -> u64 {
        self.there() + self.not_there() + self.undecided()
    }

    pub(super) const fn there(&self) -> u64 {
        self.placed + self.already
    }

    /// Those that are certainly not placed by this run.
    pub(super) const fn not_there(&self) -> u64 {
        self.refused + self.not_placed + self.other_order
    }

    pub(super) const fn undecided(&self) -> u64 {
        self.absent + self.unknown + self.in_progress
    }

    /// What is to be told beside a bar: how many did not end as somebody would like.
    pub(super) fn wrong(&self) -> String {
        match (self.not_there(), self.undecided()) {
            (0, 0) => String::new(),
            (not_there, 0) => format!("({not_there} not placed)"),
            (0, undecided) => format!("({undecided} not known)"),
            (not_there, undecided) => format!("({not_there} not placed, {undecided} not known)"),
        }
    }
}
