//! Holds the client's allocations for one token call to those of hyper by hand.

mod calls;

use std::process::ExitCode;

use calls::{ByClient, ByDrive, ByHand, ByHandInTime};
use humanapi_benchkit::allocations::{self, Allocator};
use humanapi_benchkit::{Bound, Work, in_sequence};

#[global_allocator]
static ALLOCATOR: Allocator = allocations::ALLOCATOR;

fn main() -> ExitCode {
    allocations::main(
        &[
            Work::new("client", in_sequence::<ByClient>),
            Work::new("drive", in_sequence::<ByDrive>),
            Work::new("by hand", in_sequence::<ByHand>),
            Work::new("by hand, in time", in_sequence::<ByHandInTime>),
        ],
        &[Bound::times("client", 1.0, "by hand")],
    )
}
