//! How a verb prints what came of it: a line of JSON for programs, a text for people.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::OutputArgs;
use crate::exit::Failure;

/// Whether JSON is asked for, or nobody looks who would rather have a text.
pub(crate) fn is_json(json: bool, table: bool) -> bool {
    json || !(table || io::stdout().is_terminal())
}

/// Prints JSON where it is asked for or where nobody looks, and else a text.
pub(crate) fn print<T: Serialize, D: Display>(
    output: &OutputArgs,
    line: &T,
    text: impl FnOnce(&T) -> D,
) -> Result<(), Failure> {
    print_as(is_json(output.json, output.table), line, text)
}

/// The same where it is known which of both it is: for one of many lines, and for verbs with options of their own.
pub(crate) fn print_as<T: Serialize, D: Display>(
    is_json: bool,
    line: &T,
    text: impl FnOnce(&T) -> D,
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if is_json {
        serde_json::to_writer(&mut out, line).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", text(line))?;
    }
    Ok(out.flush()?)
}
