//! The ways to read a page whose instructions and allocations are counted.

use humanapi_benchkit::Work;

use crate::exports;
use crate::pages::{all_fields, answers, five_fields, no_field, owned_structs, spans};

/// Core's page read at some fields, the usual way, and the usual way to find where fields stand; then pages that are read and
/// written.
pub(crate) const WORKS: [Work; 9] = [
    ours("a page read at 5 fields", five_fields),
    ours("a page read at 15 fields", all_fields),
    ours("a page read at no field", no_field),
    usual("serde_json, owned structs", owned_structs),
    usual("serde_json, spans, 5 fields", spans::five_fields),
    ours("a page into NDJSON", exports::ndjson),
    ours("a page into NDJSON in envelopes", exports::envelopes),
    ours("a page into CSV", exports::csv),
    ours("a page into Parquet", exports::parquet),
];

const fn ours(name: &'static str, run: fn(u32) -> anyhow::Result<()>) -> Work {
    usual(name, run).with_baseline(answers)
}

const fn usual(name: &'static str, run: fn(u32) -> anyhow::Result<()>) -> Work {
    Work::new(name, run).with_rounds(2, 12)
}
