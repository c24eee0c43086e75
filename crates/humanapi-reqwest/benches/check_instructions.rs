//! Holds the client's instructions for one token call to those of reqwest by hand.

mod calls;

use std::process::ExitCode;

use calls::{ByClient, ByDrive, ByHand};
use humanapi_benchkit::{Bound, Work, in_sequence, instructions};

fn main() -> ExitCode {
    instructions::main(
        "humanapi-reqwest, check_instructions",
        &[
            Work::new("client", in_sequence::<ByClient>),
            Work::new("drive", in_sequence::<ByDrive>),
            Work::new("by hand", in_sequence::<ByHand>),
        ],
        &[Bound::times("client", 1.05, "by hand")],
    )
}
