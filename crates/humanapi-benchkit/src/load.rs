//! Timing several ways to do the same call, in turns and in one run.

use std::future::Future;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::server::Server;

/// One way to do the call.
pub trait Caller: Clone + Send + Sync + Sized + 'static {
    /// Makes what an application makes once, inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    fn new(url: &str) -> anyhow::Result<Self>;

    /// Does the call and reads the answer.
    fn call(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// How many calls, and how many of them at once.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    calls: u32,
    at_once: u32,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, Default)]
struct Speed {
    calls_per_second: f64,
    /// Processor time of the client's one thread, where the system tells it.
    nanos_per_call: Option<f64>,
}

impl Load {
    /// One call after another.
    #[must_use]
    pub const fn in_sequence(calls: u32) -> Self {
        Self { calls, at_once: 1 }
    }

    /// So many at once.
    #[must_use]
    pub const fn at_once(calls: u32, at_once: u32) -> Self {
        Self { calls, at_once }
    }

    /// The same with so many times fewer calls, for somebody slow.
    #[must_use]
    pub const fn shortened(self, by: u32) -> Self {
        Self {
            calls: self.calls / by,
            ..self
        }
    }

    /// How many calls.
    #[must_use]
    pub const fn calls(self) -> u32 {
        self.calls
    }

    /// How many of them at once.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.at_once
    }

    /// Makes the calls on this thread, in tasks of a tokio runtime that lives that long.
    ///
    /// Some are made before the clock starts.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub fn run<C: Caller>(self, url: &str) -> anyhow::Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let caller = C::new(url)?;
            let warm_up = Self {
                calls: self.calls / 10 + self.at_once,
                ..self
            };
            warm_up.make(&caller).await?;
            let (cpu, clock) = (thread_cpu_nanos(), Instant::now());
            self.make(&caller).await?;
            let elapsed = clock.elapsed();
            let cpu = thread_cpu_nanos().zip(cpu).map(|(end, begin)| end - begin);
            Ok(Outcome(Speed {
                calls_per_second: f64::from(self.calls) / elapsed.as_secs_f64(),
                nanos_per_call: cpu.map(|nanos| nanos / f64::from(self.calls)),
            }))
        })
    }

    async fn make<C: Caller>(self, caller: &C) -> anyhow::Result<()> {
        let begun = Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..self.at_once)
            .map(|_| {
                let (begun, caller) = (Arc::clone(&begun), caller.clone());
                tokio::spawn(async move {
                    while begun.fetch_add(1, Ordering::Relaxed) < self.calls {
                        caller.call().await?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    }
}

/// Makes calls one after another, to a server of their own, for a count of what one costs.
///
/// # Errors
///
/// When there is no server or a call fails.
pub fn in_sequence<C: Caller>(times: u32) -> anyhow::Result<()> {
    let server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let caller = C::new(server.url())?;
        for _ in 0..times {
            caller.call().await?;
        }
        Ok(())
    })
}

/// What a load came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome(Speed);

impl Outcome {
    /// An outcome that somebody else measured.
    #[must_use]
    pub const fn told(calls_per_second: f64) -> Self {
        Self(Speed {
            calls_per_second,
            nanos_per_call: None,
        })
    }
}

/// Who takes part in a race.
pub struct Contender<'a> {
    name: &'static str,
    run: Box<dyn Fn(Load) -> anyhow::Result<Outcome> + 'a>,
}

impl<'a> Contender<'a> {
    /// A way to do the call, under a name.
    pub fn new(name: &'static str, run: impl Fn(Load) -> anyhow::Result<Outcome> + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Contenders that take turns, round after round, so that what slows the machine slows them alike.
#[derive(Debug)]
pub struct Race<'a> {
    title: &'static str,
    rounds: usize,
    load: Load,
    contenders: &'a [Contender<'a>],
}

impl<'a> Race<'a> {
    /// A race of seven rounds.
    #[must_use]
    pub const fn new(title: &'static str, load: Load, contenders: &'a [Contender<'a>]) -> Self {
        Self {
            title,
            rounds: 7,
            load,
            contenders,
        }
    }

    /// Sets the number of rounds. Many short ones tell more than few long ones where the machine is shared: a neighbour
    /// then disturbs some of them, and the median passes over those.
    #[must_use]
    pub const fn with_rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Runs it and prints the medians, and of each contender's ratio to the last one, round by round, the median too.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub fn run(&self) -> anyhow::Result<()> {
        let mut speeds = vec![Vec::new(); self.contenders.len()];
        for round in 0..self.rounds {
            for turn in 0..self.contenders.len() {
                // Nobody always comes after the same neighbour.
                let at = (turn + round) % self.contenders.len();
                let Outcome(speed) = (self.contenders[at].run)(self.load)?;
                speeds[at].push(speed);
            }
        }
        self.print(&speeds)?;
        Ok(())
    }

    fn print(&self, speeds: &[Vec<Speed>]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "\n{}, median of {} rounds", self.title, self.rounds)?;
        let last = speeds.last().map(Vec::as_slice).unwrap_or_default();
        for (contender, own) in self.contenders.iter().zip(speeds) {
            let rate = median(own.iter().map(|speed| speed.calls_per_second));
            let ratio = median(
                own.iter()
                    .zip(last)
                    .map(|(speed, last)| speed.calls_per_second / last.calls_per_second),
            );
            let cpu = median(own.iter().filter_map(|speed| speed.nanos_per_call)) / 1_000.0;
            let name = contender.name;
            write!(out, "{name:<28} {rate:>9.0} calls/s {ratio:>6.2} ×")?;
            if cpu > 0.0 {
                write!(out, " {cpu:>7.2} µs of CPU a call")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// The middle one, or zero of none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// How long this thread has run so far; Linux tells.
fn thread_cpu_nanos() -> Option<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let close = |values: &[f64], middle: f64| {
            assert!((median(values.iter().copied()) - middle).abs() < f64::EPSILON);
        };
        close(&[3.0, 1.0, 2.0], 2.0);
        close(&[], 0.0);
    }
}
