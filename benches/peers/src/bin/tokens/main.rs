//! Times the lookup of a token at hand: the broker's, and bare lookups in maps that people use for this, in turns.
//!
//! The broker decides whether its token is fresh, for which it reads clocks. A bare map does not, so a clock reading is
//! timed by itself and added to it.

#[path = "../../../../../crates/humanapi-benchkit/benches/broker/mod.rs"]
mod broker;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hint::{self, black_box};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use cpu_time::ThreadTime;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use humanapi_benchkit::median;
use humanapi_client::TokenBroker;
use humanapi_client::core::TokenKey;
use scc::HashIndex;

const KEYS: u32 = 100_000;
/// Many short rounds, so that a neighbour on the machine disturbs few of them.
const ROUNDS: usize = 100;
/// How many are looked up in one of them: other ones each round.
const PASS: usize = 2_000;
const TIMED: &str = "DashMap, foldhash, and a clock";
/// How often two threads are tried to be timed while both run.
const TRIES: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let broker = broker::full_broker(KEYS)?;
    let mut numbers: Vec<u32> = (0..KEYS).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut numbers);
    let keys = numbers
        .iter()
        .map(|number| broker::key(broker.client_id(), *number))
        .collect::<Result<_, _>>()?;
    let users = numbers.iter().copied().map(broker::user).collect();
    let asked = Asked { keys, users };
    let contenders = contenders(broker)?;
    let mut out = io::stdout().lock();
    for (title, step) in [("100,000 keys in random order", 1), ("one hot key", 0)] {
        let times = race(&contenders, &asked, step)?;
        print(&mut out, title, &contenders, &times)?;
    }
    Ok(())
}

/// What is looked up, in the order in which it is.
struct Asked {
    keys: Vec<TokenKey>,
    users: Vec<String>,
}

/// Looks up what stands in these places of the order, each times a number.
type Pass = dyn Fn(&Asked, Range<usize>, usize) -> anyhow::Result<()> + Send + Sync;

/// One way to look up.
struct Contender {
    name: &'static str,
    role: Role,
    pass: Box<Pass>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Broker,
    Map,
    Clock,
    /// A map whose every lookup reads a clock. The reading waits for all that came before, so that lookups do not
    /// overlap in the processor, as bare ones do.
    Timed,
}

impl Contender {
    /// `look` finds the token of a place in the order, and tells its first byte: one who asks for a token reads it.
    fn new(
        name: &'static str,
        role: Role,
        look: impl Fn(&Asked, usize) -> Option<u8> + Send + Sync + 'static,
    ) -> Self {
        let pass = move |asked: &Asked, places: Range<usize>, step: usize| {
            let missed = |place| look(asked, black_box(place * step)).is_none();
            let missed = places.filter(|place| missed(*place)).count();
            anyhow::ensure!(missed == 0, "{name} missed {missed}");
            Ok(())
        };
        Self {
            name,
            role,
            pass: Box::new(pass),
        }
    }

    /// A map's.
    fn map(name: &'static str, look: impl Fn(&str) -> Option<u8> + Send + Sync + 'static) -> Self {
        Self::new(name, Role::Map, move |asked, at| look(&asked.users[at]))
    }

    fn pass(&self, asked: &Asked, places: Range<usize>, step: usize) -> anyhow::Result<()> {
        (self.pass)(asked, places, step)
    }

    /// A thread's own processor time of one pass: what others on the machine take is not in it.
    fn timed(
        &self,
        asked: &Asked,
        from: usize,
        step: usize,
        begin: impl Fn(),
    ) -> anyhow::Result<Duration> {
        begin();
        let clock = ThreadTime::try_now()?;
        self.pass(asked, from..from + PASS, step)?;
        Ok(clock.try_elapsed()?)
    }

    /// The same by two threads, each on a processor of its own, for a time in which both ran.
    fn timed_by_two(&self, asked: &Asked, from: usize, step: usize) -> anyhow::Result<Duration> {
        let cores = core_affinity::get_core_ids().context("which processors are there?")?;
        anyhow::ensure!(cores.len() > 1, "two threads need two processors");
        for _ in 0..TRIES {
            // They wait without sleeping, so that both are running when they begin.
            let waiting = AtomicUsize::new(2);
            let begin = || {
                waiting.fetch_sub(1, Ordering::AcqRel);
                while waiting.load(Ordering::Acquire) > 0 {
                    hint::spin_loop();
                }
            };
            let by_thread = |thread: usize| {
                anyhow::ensure!(core_affinity::set_for_current(cores[thread]), "not pinned");
                // Not in step with each other.
                let from = (from + thread * KEYS as usize / 2) % KEYS as usize;
                let clock = OnceCell::new();
                let busy = self.timed(asked, from, step, || {
                    begin();
                    clock.set(Instant::now()).expect("it begins once");
                })?;
                let elapsed = clock.get().context("it has begun")?.elapsed();
                anyhow::Ok((busy, elapsed))
            };
            let (one, two) = thread::scope(|scope| {
                let (one, two) = (scope.spawn(|| by_thread(0)), scope.spawn(|| by_thread(1)));
                (one.join(), two.join())
            });
            let panicked = |_| anyhow::anyhow!("{} panicked", self.name);
            let (one, two) = (one.map_err(panicked)??, two.map_err(panicked)??);
            // Neither was stopped for long, so they ran at once.
            if [one, two]
                .iter()
                .all(|(busy, elapsed)| *elapsed < *busy * 11 / 10)
            {
                return Ok((one.0 + two.0) / 2);
            }
        }
        anyhow::bail!("the machine is too busy for two threads at once")
    }
}

fn contenders(broker: TokenBroker) -> anyhow::Result<Vec<Contender>> {
    let first = |token: &str| token.as_bytes().first().copied().map(black_box);
    let tokens = || (0..KEYS).map(|number| (broker::user(number), Box::<str>::from(broker::TOKEN)));

    // It hands out what can be cloned.
    let moka = moka::sync::Cache::new(u64::from(KEYS) * 2);
    for (user, token) in tokens() {
        moka.insert(user, Arc::<str>::from(token));
    }
    moka.run_pending_tasks();
    let dashmap: DashMap<String, Box<str>> = tokens().collect();
    let quick_dashmap = Arc::new(tokens().collect::<DashMap<_, _, RandomState>>());
    let timed_dashmap = Arc::clone(&quick_dashmap);
    let locked = RwLock::new(tokens().collect::<HashMap<_, _>>());
    let swapped = ArcSwap::from_pointee(tokens().collect::<HashMap<_, _, RandomState>>());
    let index = HashIndex::<String, Box<str>, RandomState>::default();
    for (user, token) in tokens() {
        anyhow::ensure!(index.insert_sync(user, token).is_ok(), "no user twice");
    }

    Ok(vec![
        Contender::map("moka", move |user| first(&moka.get(user)?)),
        Contender::map("DashMap", move |user| first(dashmap.get(user)?.value())),
        Contender::map("DashMap, foldhash", move |user| {
            first(quick_dashmap.get(user)?.value())
        }),
        Contender::map("RwLock<HashMap>", move |user| {
            let map = locked.read().unwrap_or_else(PoisonError::into_inner);
            first(map.get(user)?)
        }),
        Contender::map("arc-swap<HashMap>, foldhash", move |user| {
            first(swapped.load().get(user)?)
        }),
        Contender::map("scc::HashIndex, foldhash", move |user| {
            index.peek_with(user, |_, token| first(token))?
        }),
        Contender::new("a clock reading", Role::Clock, |_, _| {
            black_box(Instant::now());
            Some(0)
        }),
        Contender::new(TIMED, Role::Timed, move |asked, at| {
            black_box(Instant::now());
            first(timed_dashmap.get(&*asked.users[at])?.value())
        }),
        Contender::new("TokenBroker::try_token", Role::Broker, move |asked, at| {
            first(broker.try_token(&asked.keys[at])?.expose_secret())
        }),
    ])
}

/// Nanoseconds of each round, for one thread and for two.
type Times = [Vec<f64>; 2];

/// Lets all pass in turns, alone and two at once.
fn race(contenders: &[Contender], asked: &Asked, step: usize) -> anyhow::Result<Vec<Times>> {
    let mut times = vec![Times::default(); contenders.len()];
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            // Nobody always comes after the same neighbour.
            let at = (turn + round) % contenders.len();
            let contender = &contenders[at];
            // What the others left in the caches is not the contender's.
            contender.pass(asked, 0..KEYS as usize, step)?;
            let from = round * PASS % KEYS as usize;
            let alone = contender.timed(asked, from, step, || {})?;
            times[at][0].push(alone.as_secs_f64() * 1e9 / PASS as f64);
            let both = contender.timed_by_two(asked, from, step)?;
            times[at][1].push(both.as_secs_f64() * 1e9 / PASS as f64);
        }
    }
    Ok(times)
}

fn print(
    out: &mut impl Write,
    title: &str,
    contenders: &[Contender],
    times: &[Times],
) -> anyhow::Result<()> {
    writeln!(
        out,
        "\n{title}, median of {ROUNDS} rounds, a thread's ns for one"
    )?;
    writeln!(out, "{:<32} {:>9} {:>9}", "", "1 thread", "2 threads")?;
    let medians = |at: usize| {
        times[at]
            .each_ref()
            .map(|times| median(times.iter().copied()))
    };
    for (at, contender) in contenders.iter().enumerate() {
        let [one, two] = medians(at);
        writeln!(out, "{:<32} {one:>9.1} {two:>9.1}", contender.name)?;
    }
    let of = |role| (0..contenders.len()).filter(move |at| contenders[*at].role == role);
    let broker = of(Role::Broker).next().context("no broker")?;
    let clock = of(Role::Clock).next().context("no clock")?;
    let timed = of(Role::Timed).next().context("no map with a clock")?;
    for (threads, name) in ["1 thread", "2 threads"].into_iter().enumerate() {
        let best = of(Role::Map)
            .min_by(|a, b| medians(*a)[threads].total_cmp(&medians(*b)[threads]))
            .context("no map")?;
        let ratios = (0..ROUNDS).map(|round| {
            let at = |contender: usize| times[contender][threads][round];
            at(broker) / (at(best) + at(clock))
        });
        let (ratio, best) = (median(ratios), contenders[best].name);
        let beside = median(
            (0..ROUNDS).map(|round| times[broker][threads][round] / times[timed][threads][round]),
        );
        writeln!(
            out,
            "{name}: the broker takes {ratio:.2} × {best} and a clock reading by itself, {beside:.2} × {TIMED}"
        )?;
    }
    let [one, two] = &times[broker];
    let ratio = median(one.iter().zip(two).map(|(one, two)| two / one));
    writeln!(
        out,
        "the broker's 2 threads take {ratio:.2} × its 1 thread, each"
    )?;
    Ok(())
}
