//! The people whose records the sandbox tells: a few personas, each life a function of the seed, the user and the clock.
//!
//! A list is told by index: where a record stands says when it was, and that what it holds, so that none has to be held.
//! As the clock goes on records are added, some come days after what they tell of, and some are corrected later.

mod activities;
mod at_a_glance;
mod body;
mod calendar;
mod genetics;
mod life;
mod locations;
mod meals;
mod measurements;
mod medical;
mod moment;
mod moments;
mod odd;
mod person;
mod sleeps;
mod told;
mod written;

pub(crate) use at_a_glance::{profile, sources, summary};
pub(crate) use calendar::EPOCH;
pub(crate) use medical::{Format, OrderedReport, document, ordered_report, report};
pub use odd::Oddity;
pub(crate) use told::records;
