//! How a verb prints what came of it: a line of JSON for programs, a text for people.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::OutputArgs;
use crate::exit::Failure;

/// Prints JSON where it is asked for or where nobody looks, and else a text.
pub(crate) fn print<T: Serialize, D: Display>(
    output: &OutputArgs,
    line: &T,
    text: impl FnOnce(&T) -> D,
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if output.json || !(output.table || io::stdout().is_terminal()) {
        serde_json::to_writer(&mut out, line).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", text(line))?;
    }
    out.flush()?;
    Ok(())
}
