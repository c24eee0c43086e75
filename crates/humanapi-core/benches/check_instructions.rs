//! Holds the instructions of one token exchange, built and read, to their bounds.

mod exchange;
mod works;

use std::process::ExitCode;

use humanapi_benchkit::{Bound, instructions};
use works::WORKS;

fn main() -> ExitCode {
    instructions::main(
        "humanapi-core, check_instructions",
        &WORKS,
        &[
            Bound::times("access", 0.6, "usual"),
            Bound::count("access", 6_300),
            Bound::count("session", 6_300),
            Bound::count("id", 6_300),
            Bound::count("client", 6_300),
        ],
    )
}
