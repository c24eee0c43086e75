//! Holds the allocations of reading a page of records to their bounds.

mod exports;
mod page_works;
mod pages;

use std::process::ExitCode;

use humanapi_benchkit::Bound;
use humanapi_benchkit::allocations::{self, Allocator};
use page_works::WORKS;

#[global_allocator]
static ALLOCATOR: Allocator = allocations::ALLOCATOR;

fn main() -> ExitCode {
    allocations::main(
        &WORKS,
        &[
            Bound::count("a page read at 5 fields", 8),
            Bound::count("a page read at 15 fields", 8),
            // What reading it takes.
            Bound::count("a page into NDJSON", 8),
        ],
    )
}
