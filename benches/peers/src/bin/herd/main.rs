//! Lets many callers ask for one token at once, of the broker and of caches that cloud SDKs have for their own tokens, and
//! counts exchanges and the longest wait.
//!
//! Time is tokio's and stands still while anybody works, so it is the service's time alone, and the same each run; but for
//! one peer, who gets real time. Everybody makes one try an exchange.

mod aws;
mod azure;
mod broker;
mod service;

use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use service::Service;

const CALLERS: usize = 1_000;
const MANY_CALLERS: usize = 10_000;

const LIFE: Duration = Duration::from_secs(3_600);
const LEFT_WHEN_DUE: Duration = Duration::from_secs(100);

/// A cache of tokens before a service.
trait Cache: Clone + Send + Sync + Sized + 'static {
    const NAME: &'static str;

    /// Makes what an application makes once.
    fn new(service: Service) -> anyhow::Result<Self>;

    /// Takes a token and drops it.
    fn take(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Whether its time can be one that moves only while nobody works.
    const CAN_STAND_STILL: bool = true;
    /// How long the first token lives of which renewal is due when 100 s of its life are left.
    const LIFE_OF_DUE: Duration;
}

#[derive(Clone, Copy)]
enum Scenario {
    Cold,
    Down,
    Due,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cold => "no token yet; a try takes 50 ms",
            Self::Down => "no token yet; a try fails after 50 ms",
            Self::Due => "a valid token, its renewal due; a try takes 10 s",
        })
    }
}

fn main() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for scenario in [Scenario::Cold, Scenario::Down, Scenario::Due] {
        writeln!(out, "\n{scenario}")?;
        writeln!(
            out,
            "{:<44} {:>7} {:>9} {:>9} {:>13}",
            "", "callers", "exchanges", "no token", "longest wait"
        )?;
        herd::<broker::Broker>(&mut out, scenario, MANY_CALLERS)?;
        herd::<broker::Broker>(&mut out, scenario, CALLERS)?;
        herd::<aws::Aws>(&mut out, scenario, CALLERS)?;
        herd::<azure::Azure>(&mut out, scenario, CALLERS)?;
    }
    Ok(())
}

/// Lets so many ask at once, and prints what came of it.
fn herd<C: Cache>(out: &mut impl Write, scenario: Scenario, callers: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(C::CAN_STAND_STILL)
        .build()?;
    let (exchanges, failed, longest) = runtime.block_on(async {
        let service = Service::default();
        service.give(LIFE);
        let cache = C::new(service.clone())?;
        match scenario {
            Scenario::Cold => service.behave(Duration::from_millis(50), true),
            Scenario::Down => service.behave(Duration::from_millis(50), false),
            Scenario::Due => {
                service.give(C::LIFE_OF_DUE);
                cache.take().await?;
                let passed = C::LIFE_OF_DUE - LEFT_WHEN_DUE;
                if passed > Duration::ZERO {
                    tokio::time::advance(passed).await;
                }
                service.give(LIFE);
                service.behave(Duration::from_secs(10), true);
            }
        }
        let before = service.exchanges();
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let cache = cache.clone();
            tasks.spawn(async move {
                let begun = Instant::now();
                let taken = cache.take().await;
                (taken.is_err(), begun.elapsed())
            });
        }
        let (mut failed, mut longest) = (0, Duration::ZERO);
        for (no_token, wait) in tasks.join_all().await {
            failed += usize::from(no_token);
            longest = longest.max(wait);
        }
        // A renewal that nobody waits for is counted too.
        tokio::time::sleep(Duration::from_secs(15)).await;
        anyhow::Ok((service.exchanges() - before, failed, longest))
    })?;
    writeln!(
        out,
        "{:<44} {callers:>7} {exchanges:>9} {failed:>9} {:>11.2} s",
        C::NAME,
        longest.as_secs_f64()
    )?;
    Ok(())
}
