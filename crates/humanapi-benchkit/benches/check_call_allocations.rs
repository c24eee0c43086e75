//! Holds the client's allocations for one token call, over each transport, to those of its stack by hand.

mod by_hyper;
mod by_reqwest;
mod calls;

use std::process::ExitCode;

use by_hyper::{ByHyper, ByHyperInTime};
use by_reqwest::ByReqwest;
use calls::{ByClient, ByDrive};
use humanapi_benchkit::allocations::{self, Allocator};
use humanapi_benchkit::{Bound, Work, in_sequence};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;

#[global_allocator]
static ALLOCATOR: Allocator = allocations::ALLOCATOR;

fn main() -> ExitCode {
    allocations::main(
        &[
            Work::new("hyper, client", in_sequence::<ByClient<HyperTransport>>),
            Work::new("hyper, drive", in_sequence::<ByDrive<HyperTransport>>),
            Work::new("hyper by hand", in_sequence::<ByHyper>),
            Work::new("hyper by hand, in time", in_sequence::<ByHyperInTime>),
            Work::new("reqwest, client", in_sequence::<ByClient<ReqwestTransport>>),
            Work::new("reqwest, drive", in_sequence::<ByDrive<ReqwestTransport>>),
            Work::new("reqwest by hand", in_sequence::<ByReqwest>),
        ],
        &[
            Bound::times("hyper, client", 1.0, "hyper by hand"),
            Bound::times("reqwest, client", 1.15, "reqwest by hand"),
        ],
    )
}
