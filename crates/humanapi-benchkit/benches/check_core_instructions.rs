//! Holds the instructions of one token exchange, built and read, to those of the usual way.

mod exchange;
mod usual;
mod works;

use std::process::ExitCode;

use humanapi_benchkit::{Bound, instructions};
use works::WORKS;

fn main() -> ExitCode {
    instructions::main(
        "check_core_instructions",
        &WORKS,
        &[Bound::times("access", 0.6, "usual")],
    )
}
