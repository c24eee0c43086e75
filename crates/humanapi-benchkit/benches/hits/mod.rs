//! Tokens at hand in a full table, small or large, and a bare map beside it. A call is 640 lookups.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use humanapi_benchkit::{Bound, Work};

use crate::broker;

/// Few and many, each in a table that they fill, with as many to a bucket as a million have there: numbers of buckets are
/// powers of two.
const FEW: u32 = 1_000;
const MANY: u32 = 16_000;
/// Sets how many are many. A million on demand: valgrind makes filling slow.
const TOKENS: &str = "HUMANAPI_BENCH_TOKENS";
/// A table hashes with a key of its own in each process, so one place in it says little, and filling it costs some million
/// instructions more here and less there: many hits drown that.
const HITS: u32 = 640;
/// How often they are hit in a round where many are more than usual, because filling then costs far more here and less
/// there.
const PASSES: u32 = 20;

pub(crate) const WORKS: [Work; 3] = [
    Work::new("hits of few", |times| hits(FEW, times)),
    Work::new("hits of many", |times| hits(many()?, times)),
    Work::new("lookups in a bare map, two clocks", bare),
];

pub(crate) fn bounds() -> [Bound; 2] {
    [
        Bound::count("hits of few", HITS * passes() * 900),
        Bound::times("hits of many", 1.05, "hits of few"),
    ]
}

fn passes() -> u32 {
    match std::env::var_os(TOKENS) {
        Some(_) => PASSES,
        None => 1,
    }
}

fn many() -> anyhow::Result<u32> {
    match std::env::var(TOKENS) {
        Ok(number) => Ok(number.parse()?),
        Err(_) => Ok(MANY),
    }
}

fn hits(tokens: u32, times: u32) -> anyhow::Result<()> {
    let broker = broker::full_broker(tokens)?;
    let keys = (0..HITS)
        .map(|number| broker::key(broker.client_id(), number))
        .collect::<Result<Vec<_>, _>>()?;
    for _ in 0..times * passes() {
        for key in &keys {
            black_box(broker.try_token(black_box(key)));
        }
    }
    Ok(())
}

/// A token without its time is of no use, so the peer reads the clocks that the broker reads.
fn bare(times: u32) -> anyhow::Result<()> {
    let map = bare_map(FEW);
    let users: Vec<String> = (0..HITS).map(broker::user).collect();
    for _ in 0..times * passes() {
        for user in &users {
            black_box((Instant::now(), SystemTime::now()));
            black_box(look_up(&map, black_box(user)));
        }
    }
    Ok(())
}

/// What a service would write by itself: a map behind a lock, with shared strings to take away.
fn bare_map(tokens: u32) -> RwLock<HashMap<String, Arc<str>>> {
    let entry = |number| (broker::user(number), Arc::from(broker::TOKEN));
    RwLock::new((0..tokens).map(entry).collect())
}

/// Looks one up in it.
fn look_up(map: &RwLock<HashMap<String, Arc<str>>>, user: &str) -> Option<Arc<str>> {
    let map = map.read().unwrap_or_else(PoisonError::into_inner);
    map.get(user).map(Arc::clone)
}
