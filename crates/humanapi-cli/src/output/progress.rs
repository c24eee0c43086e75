//! How far something long is, told on standard error: a bar where somebody watches, and a line of JSON now and then elsewhere.

use std::future::{Future, pending};
use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How often a line is told if nobody says how often.
const EVERY: Duration = Duration::from_secs(60);
const BAR: &str = "{bar:24} {human_pos} of {human_len} {prefix}, {eta} left  {msg}";

/// How somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Bar,
    /// By a line each time that so long is over.
    Lines(Duration),
    Nothing,
}

impl Told {
    fn here(every: Option<Duration>, has_terminal: bool) -> Self {
        match io::stderr().is_terminal() {
            _ if super::is_quiet() => Self::Nothing,
            false => Self::Lines(every.unwrap_or(EVERY)),
            true if has_terminal => Self::Bar,
            true => Self::Nothing,
        }
    }
}

/// How far something long is. Those that are cloned tell of the same.
#[derive(Clone)]
pub(crate) struct Progress {
    told: Told,
    unit: &'static str,
    /// The bar counts, whether or not it is seen.
    bar: ProgressBar,
    begun: Instant,
    /// What was done before it began.
    skipped: Arc<AtomicU64>,
}

/// One line. Its shape is the same whatever is done; what is counted besides is told by `counts`.
#[derive(Serialize)]
struct Line<C> {
    progress: SoFar<C>,
}

#[derive(Serialize)]
struct SoFar<C> {
    /// What `done` and `total` count.
    unit: &'static str,
    done: u64,
    total: u64,
    seconds: u64,
    /// Nothing where nobody can tell yet.
    remaining_seconds: Option<u64>,
    counts: C,
}

impl Progress {
    /// Begins to do so many. `has_terminal`: whether it may have the terminal for itself, since nothing else is written to
    /// one meanwhile. `every`: how often a line is told where standard error is none.
    pub(crate) fn begin(
        unit: &'static str,
        total: u64,
        every: Option<Duration>,
        has_terminal: bool,
    ) -> Self {
        Self::told(unit, total, Told::here(every, has_terminal))
    }

    fn told(unit: &'static str, total: u64, told: Told) -> Self {
        let target = match told {
            Told::Bar => ProgressDrawTarget::stderr(),
            Told::Lines(_) | Told::Nothing => ProgressDrawTarget::hidden(),
        };
        // Without a style that is fit it has its own.
        let style = ProgressStyle::with_template(BAR);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style);
        bar.set_prefix(unit);
        Self {
            told,
            unit,
            bar,
            begun: Instant::now(),
            skipped: Arc::default(),
        }
    }

    /// So many are to be done, now that it is known.
    #[cfg(feature = "export")]
    pub(crate) fn set_total(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// So many more were done before it began: they say nothing of how fast the rest is.
    #[cfg(feature = "export")]
    pub(crate) fn skip(&self, more: u64) {
        self.skipped.fetch_add(more, Ordering::Relaxed);
        self.bar.inc(more);
        self.bar.reset_eta();
    }

    /// So many are done.
    pub(crate) fn set_done(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// What stands behind the bar.
    #[cfg(any(feature = "export", feature = "orders"))]
    pub(crate) fn say(&self, message: impl FnOnce() -> String) {
        if self.told == Told::Bar {
            self.bar.set_message(message());
        }
    }

    /// How long it goes on so far.
    #[cfg(feature = "export")]
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Tells of it while this goes on, with what is counted besides.
    pub(crate) async fn beside<T, C: Serialize>(
        &self,
        work: impl Future<Output = T>,
        counts: impl Fn() -> C,
    ) -> T {
        self.told_by(work, counts, |line| {
            // Where stderr is closed there is nobody to tell.
            let _ = writeln!(anstream::stderr(), "{line}");
        })
        .await
    }

    async fn told_by<T, C: Serialize>(
        &self,
        work: impl Future<Output = T>,
        counts: impl Fn() -> C,
        mut tell: impl FnMut(&str),
    ) -> T {
        let mut work = pin!(work);
        let mut due = self.interval();
        loop {
            tokio::select! {
                done = work.as_mut() => return done,
                () = tick(&mut due) => tell(&self.line(counts())),
            }
        }
    }

    fn interval(&self) -> Option<Interval> {
        let Told::Lines(every) = self.told else {
            return None;
        };
        let mut interval = interval_at(Instant::now() + every, every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(interval)
    }

    fn line(&self, counts: impl Serialize) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let elapsed = self.begun.elapsed();
        let own = done.saturating_sub(self.skipped.load(Ordering::Relaxed));
        let left = total.saturating_sub(done);
        let remaining = elapsed.as_secs_f64() * left as f64 / own as f64;
        let line = Line {
            progress: SoFar {
                unit: self.unit,
                done,
                total,
                seconds: elapsed.as_secs(),
                remaining_seconds: (own > 0).then_some(remaining.round() as u64),
                counts,
            },
        };
        serde_json::to_string(&line).expect("counts have names and are numbers")
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Ends when the next line is due; never where there are none.
async fn tick(due: &mut Option<Interval>) {
    match due {
        Some(due) => {
            due.tick().await;
        }
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use serde_json::{Value, json};
    use tokio::time::sleep;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// What is told of this while it goes on.
    async fn lines(
        progress: &Progress,
        work: impl Future<Output = ()>,
        seen: &Cell<u64>,
    ) -> Vec<Value> {
        let lines = RefCell::new(Vec::new());
        let counts = || json!({"seen": seen.get()});
        let tell = |line: &str| lines.borrow_mut().push(serde_json::from_str(line).unwrap());
        progress.told_by(work, counts, tell).await;
        lines.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_a_minute_tells_how_far_it_is_in_one_shape() {
        let (progress, seen) = (
            Progress::told("orders", 100, Told::Lines(MINUTE)),
            Cell::new(0),
        );
        let work = async {
            sleep(MINUTE / 2).await;
            progress.set_done(10);
            seen.set(7);
            sleep(MINUTE).await;
            progress.set_done(40);
            sleep(MINUTE).await;
        };
        let line = |done: u64, seconds: u64, remaining: u64| {
            json!({"progress": {
                "unit": "orders", "done": done, "total": 100, "seconds": seconds,
                "remaining_seconds": remaining, "counts": {"seen": 7},
            }})
        };
        // Over at 150 seconds: the third would be due at 180.
        assert_eq!(
            lines(&progress, work, &seen).await,
            [line(10, 60, 540), line(40, 120, 180)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_told_where_it_is_over_before_or_nobody_is_to_be_told() {
        for (told, time) in [
            (Told::Lines(MINUTE), MINUTE / 2),
            (Told::Nothing, 10 * MINUTE),
            (Told::Bar, 10 * MINUTE),
        ] {
            let progress = Progress::told("orders", 100, told);
            let told_of = lines(&progress, sleep(time), &Cell::new(0)).await;
            assert_eq!(told_of, Vec::<Value>::new(), "{told:?}");
        }
    }

    #[cfg(feature = "export")]
    #[tokio::test(start_paused = true)]
    async fn what_was_done_before_says_nothing_of_how_long_the_rest_takes() {
        let progress = Progress::told("lists", 0, Told::Lines(MINUTE));
        let work = async {
            progress.set_total(100);
            progress.skip(50);
            sleep(MINUTE + MINUTE / 2).await;
            progress.set_done(51);
            sleep(MINUTE).await;
        };
        let told = lines(&progress, work, &Cell::new(0)).await;
        let of = |at: usize| {
            let line = &told[at]["progress"];
            (
                line["done"].as_u64(),
                line["total"].as_u64(),
                line["remaining_seconds"].as_u64(),
            )
        };
        assert_eq!(of(0), (Some(50), Some(100), None));
        assert_eq!(of(1), (Some(51), Some(100), Some(120 * 49)));
    }
}
