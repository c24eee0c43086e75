//! Holds the instructions of reading a page of records to those of the usual way.

mod exports;
mod page_works;
mod pages;

use std::process::ExitCode;

use humanapi_benchkit::{Bound, instructions};
use page_works::WORKS;

fn main() -> ExitCode {
    instructions::main(
        "check_page_instructions",
        &WORKS,
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
    )
}
