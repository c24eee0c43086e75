//! What the benches of this workspace share.
//!
#![doc = include_str!("../README.md")]

pub mod counts;
pub mod exchange;
pub mod lists;
mod load;
mod server;
mod skip;
mod work;

pub use load::{Caller, Contender, Load, Outcome, Race, in_sequence, median};
pub use server::{Server, serve_if_asked};
pub use skip::{skip, skip_without};
pub use work::{Bound, Verdict, Work};

use std::io::Write as _;
use std::process::ExitCode;

/// Says what went wrong in a bench that could not be run to its end.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    // With no output left there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}
