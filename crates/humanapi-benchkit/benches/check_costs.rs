//! Holds what is done often to what it may cost: the instructions and allocations of token calls, pages, hits of the broker
//! and what a browser reports, and the memory of a million records. A word such as `allocations` names those that are
//! wanted.
//!
//! One program: to optimise it takes far longer than to run it.

mod broker;
mod by_hyper;
mod by_reqwest;
mod calls;
mod exchange;
mod exports;
mod hits;
mod memory;
mod million;
mod page_works;
mod pages;
mod reports;
mod usual;
mod works;

use std::process::ExitCode;

use by_hyper::{ByHyper, ByHyperInTime};
use by_reqwest::ByReqwest;
use calls::{ByClient, ByDrive};
use humanapi_benchkit::counts::{self, Check};
use humanapi_benchkit::{Bound, Work, failed, in_sequence};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;

/// One token call over loopback: by the client, by its loop alone, and by the stack by hand.
const CALLS: [Work; 7] = [
    Work::new("hyper, client", in_sequence::<ByClient<HyperTransport>>),
    Work::new("hyper, drive", in_sequence::<ByDrive<HyperTransport>>),
    Work::new("hyper by hand", in_sequence::<ByHyper>),
    Work::new("hyper by hand, in time", in_sequence::<ByHyperInTime>),
    Work::new("reqwest, client", in_sequence::<ByClient<ReqwestTransport>>),
    Work::new("reqwest, drive", in_sequence::<ByDrive<ReqwestTransport>>),
    Work::new("reqwest by hand", in_sequence::<ByReqwest>),
];

fn main() -> ExitCode {
    if let Some(read) = memory::if_asked() {
        let ended = read.map(|()| ExitCode::SUCCESS);
        return ended.unwrap_or_else(|error| failed(&error));
    }
    let hits = hits::bounds();
    counts::main(&[
        Check::instructions(
            "pages",
            &page_works::WORKS,
            &[
                // 2.5 and 1.3 times as fast.
                Bound::times("a page read at 5 fields", 0.4, "serde_json, owned structs"),
                Bound::times(
                    "a page read at 15 fields",
                    0.769,
                    "serde_json, owned structs",
                ),
                Bound::times("a page into NDJSON", 1.3, "a page read at no field"),
                Bound::times("a page into CSV", 5.8, "a page read at no field"),
                Bound::times("a page into Parquet", 5.8, "a page read at no field"),
            ],
        ),
        Check::allocations(
            "pages",
            &page_works::WORKS,
            &[
                Bound::count("a page read at 5 fields", 8),
                Bound::count("a page read at 15 fields", 8),
                // What reading it takes.
                Bound::count("a page into NDJSON", 8),
            ],
        ),
        Check::instructions("hits", &hits::WORKS, &hits),
        Check::instructions("reports", reports::WORKS, reports::BOUNDS),
        Check::instructions(
            "calls",
            &CALLS,
            &[
                Bound::times("hyper, client", 1.0, "hyper by hand"),
                Bound::times("reqwest, client", 1.05, "reqwest by hand"),
            ],
        ),
        Check::allocations(
            "calls",
            &CALLS,
            &[
                Bound::times("hyper, client", 1.0, "hyper by hand"),
                Bound::times("reqwest, client", 1.15, "reqwest by hand"),
            ],
        ),
        Check::instructions(
            "exchanges",
            &works::WORKS,
            &[Bound::times("access", 0.6, "usual")],
        ),
        Check::allocations(
            "exchanges",
            &works::WORKS,
            &[
                Bound::count("access", 8),
                Bound::count("session", 8),
                Bound::count("id", 8),
                Bound::count("client", 8),
                Bound::count("access, by a flow", 8),
            ],
        ),
        Check::measured("memory of a million records", memory::check),
    ])
}
