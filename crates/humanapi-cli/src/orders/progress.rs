//! How far placing orders is, told to whoever watches.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::outcome::Became;
use crate::output;

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
}

/// A bar on a terminal, and a line of JSON a minute where nobody looks. Both on standard error.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

#[derive(Serialize)]
struct Line<'a> {
    progress: &'a Counts,
}

impl Progress {
    pub(super) fn begin(orders: u64) -> Self {
        let is_watched = io::stderr().is_terminal() && !output::is_quiet();
        let bar = is_watched.then(|| {
            let bar = ProgressBar::new(orders);
            let style = ProgressStyle::with_template(
                "{bar:32} {human_pos} of {human_len} orders, {eta} left {msg}",
            );
            // Without a style that is fit it has its own.
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        Self { bar }
    }

    pub(super) fn ended(&self, counts: &Counts) {
        if let Some(bar) = &self.bar {
            bar.set_position(counts.done());
            let wrong = match (counts.not_there(), counts.undecided()) {
                (0, 0) => return,
                (not_there, 0) => format!("({not_there} not placed)"),
                (0, undecided) => format!("({undecided} not known)"),
                (not_there, undecided) => {
                    format!("({not_there} not placed, {undecided} not known)")
                }
            };
            bar.set_message(wrong);
        }
    }

    /// A minute is over.
    pub(super) fn minute(&self, counts: &Counts) {
        if self.bar.is_some() || output::is_quiet() {
            return;
        }
        let mut stderr = io::stderr().lock();
        // Where stderr is closed there is nobody to tell.
        if serde_json::to_writer(&mut stderr, &Line { progress: counts }).is_ok() {
            let _ = writeln!(stderr);
        }
    }

    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
