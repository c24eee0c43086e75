//! Holds the instructions of a token at hand: beside a bare map, and however many tokens there are.

mod broker;

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use humanapi_benchkit::exchange::ACCESS;
use humanapi_benchkit::{Bound, Work, instructions};

/// Few and many; a million is as flat, but takes valgrind minutes to fill.
const FEW: u32 = 1_000;
const MANY: u32 = 20_000;

const WORKS: [Work; 3] = [
    Work::new("a hit of 1,000", |times| hits(FEW, times)),
    Work::new("a hit of 20,000", |times| hits(MANY, times)),
    Work::new("a bare map and two clocks", bare),
];

fn main() -> ExitCode {
    instructions::main(
        "check_broker_instructions",
        &WORKS,
        &[
            Bound::times("a hit of 1,000", 1.5, "a bare map and two clocks"),
            Bound::times("a hit of 20,000", 1.05, "a hit of 1,000"),
        ],
    )
}

fn hits(tokens: u32, times: u32) -> anyhow::Result<()> {
    let broker = broker::broker(tokens)?;
    let key = broker::key(17)?;
    for _ in 0..times {
        black_box(broker.try_token(black_box(&key)));
    }
    Ok(())
}

/// A token without its time is of no use, so the peer reads the clocks that the broker reads.
fn bare(times: u32) -> anyhow::Result<()> {
    let map = bare_map(FEW);
    for _ in 0..times {
        black_box((Instant::now(), SystemTime::now()));
        black_box(look_up(&map, black_box("patient-0000017")));
    }
    Ok(())
}

/// What a service would write by itself: a map behind a lock, with shared strings to take away.
fn bare_map(tokens: u32) -> RwLock<HashMap<String, Arc<str>>> {
    let entry = |number| (format!("patient-{number:07}"), Arc::from(ACCESS));
    RwLock::new((0..tokens).map(entry).collect())
}

/// Looks one up in it.
fn look_up(map: &RwLock<HashMap<String, Arc<str>>>, user: &str) -> Option<Arc<str>> {
    let map = map.read().unwrap_or_else(PoisonError::into_inner);
    map.get(user).map(Arc::clone)
}
