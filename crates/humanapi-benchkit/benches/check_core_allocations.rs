//! Holds the allocations of one token exchange, built and read, to their bounds.

mod exchange;
mod usual;
mod works;

use std::process::ExitCode;

use humanapi_benchkit::Bound;
use humanapi_benchkit::allocations::{self, Allocator};
use works::WORKS;

#[global_allocator]
static ALLOCATOR: Allocator = allocations::ALLOCATOR;

fn main() -> ExitCode {
    allocations::main(
        &WORKS,
        &[
            Bound::count("access", 8),
            Bound::count("session", 8),
            Bound::count("id", 8),
            Bound::count("client", 8),
            Bound::count("access, by a flow", 8),
        ],
    )
}
