//! Holds what a token at hand costs in memory: bytes to keep it, and none to look it up.

mod broker;

use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// An eighth of a million. The table is full, as one with a million at hand is, and as many tokens share a bucket: numbers
/// of buckets are powers of two.
const TOKENS: u32 = 125_000;
/// What a bare map of as long strings takes.
const AT_MOST: usize = 249;

fn main() -> anyhow::Result<ExitCode> {
    // A million on demand: dhat makes filling slow.
    let tokens = match std::env::var("HUMANAPI_BENCH_TOKENS") {
        Ok(number) => number.parse()?,
        Err(_) => TOKENS,
    };
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get().curr_bytes;
    let broker = broker::full_broker(tokens)?;
    let each = (dhat::HeapStats::get().curr_bytes - before) / usize::try_from(tokens)?;

    let key = broker::key(broker.client_id(), 17)?;
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..1_000 {
        black_box(broker.try_token(&key));
    }
    let blocks = dhat::HeapStats::get().total_blocks - before;

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{each} bytes for each of {tokens} tokens, at most {AT_MOST}"
    )?;
    writeln!(out, "{blocks} allocations in 1,000 hits, none wanted")?;
    Ok(if each <= AT_MOST && blocks == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
