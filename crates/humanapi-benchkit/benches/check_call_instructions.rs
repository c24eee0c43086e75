//! Holds the client's instructions for one token call, over each transport, to those of its stack by hand.

mod by_hyper;
mod by_reqwest;
mod calls;

use std::process::ExitCode;

use by_hyper::{ByHyper, ByHyperInTime};
use by_reqwest::ByReqwest;
use calls::{ByClient, ByDrive};
use humanapi_benchkit::{Bound, Work, in_sequence, instructions};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;

fn main() -> ExitCode {
    instructions::main(
        "check_call_instructions",
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
            Bound::times("reqwest, client", 1.05, "reqwest by hand"),
        ],
    )
}
