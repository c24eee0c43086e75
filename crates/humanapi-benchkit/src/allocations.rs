//! Counting allocations, in this process and on all its threads.
//!
//! The bench must allocate with [`Allocator`]:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: humanapi_benchkit::allocations::Allocator =
//!     humanapi_benchkit::allocations::ALLOCATOR;
//! # fn main() {}
//! ```

use std::process::ExitCode;

use crate::server::serve_if_asked;
use crate::work::{Bound, Costs, Part, Work, judge};

/// Counts what it allocates.
pub type Allocator = dhat::Alloc;

/// The one to declare as global allocator.
pub const ALLOCATOR: Allocator = dhat::Alloc;

/// Counts the allocations of each work and compares the counts with the bounds. A buffer that grows counts again.
pub fn main(works: &[Work], bounds: &[Bound]) -> ExitCode {
    serve_if_asked();
    match run(works, bounds) {
        Ok(code) => code,
        Err(error) => crate::failed(&error),
    }
}

fn run(works: &[Work], bounds: &[Bound]) -> anyhow::Result<ExitCode> {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut costs = Costs::new();
    for work in works {
        // What is made once in a process is made here.
        work.run(Part::Whole, 1)?;
        let cost = work.cost(ROUNDS, |part, times| count(work, part, times))?;
        costs.push((work.name, cost));
    }
    judge("allocations", &costs, bounds)
}

fn count(work: &Work, part: Part, times: u32) -> anyhow::Result<u64> {
    let before = dhat::HeapStats::get().total_blocks;
    work.run(part, times)?;
    Ok(dhat::HeapStats::get().total_blocks - before)
}

const ROUNDS: [u32; 2] = [20, 220];
