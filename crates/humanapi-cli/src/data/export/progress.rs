//! How far an export is: a bar where somebody watches, a line of JSON a minute elsewhere, and what it came to.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table};
use futures_util::future::{self, Either};
use humanapi_export::{Event, Summary};
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::counted::Tries;
use crate::output;

/// How often a line is written where nobody watches.
const A_LINE: Duration = Duration::from_secs(60);
const BAR: &str = "{bar:24} {pos}/{len} lists  {msg}  {eta} left";

/// How far an export is.
pub(super) struct Progress {
    state: Arc<Mutex<State>>,
    tries: Arc<Tries>,
    begun: Instant,
}

struct State {
    bar: ProgressBar,
    begun: Instant,
    lists: u64,
    done: u64,
    records: u64,
    bytes: u64,
    failed: u64,
    refused: u64,
    by_resource: BTreeMap<&'static str, (u64, u64)>,
    drifted: BTreeMap<&'static str, u64>,
}

impl State {
    fn note(&mut self, event: Event) {
        match event {
            Event::Planned { lists, .. } => {
                self.lists = lists;
                self.bar.set_length(lists);
            }
            Event::Skipped { lists, .. } => {
                self.done += lists;
                self.bar.set_position(self.done);
                // What was whole before says nothing of how fast the rest is.
                self.bar.reset_eta();
            }
            Event::Read {
                resource,
                records,
                bytes,
                ..
            } => {
                self.records += records;
                self.bytes += bytes;
                let of_resource = self.by_resource.entry(resource).or_default();
                of_resource.0 += records;
                of_resource.1 += bytes;
                self.list_done();
            }
            Event::Refused { .. } => {
                self.refused += 1;
                self.list_done();
            }
            Event::Failed { .. } => {
                self.failed += 1;
                self.list_done();
            }
            Event::Drifted { resource, .. } => {
                *self.drifted.entry(resource).or_default() += 1;
            }
            _ => {}
        }
    }

    fn list_done(&mut self) {
        self.done = (self.done + 1).min(self.lists);
        self.bar.set_position(self.done);
        self.bar.set_message(format!(
            "{} records, {}, {:.0} records/s",
            self.records,
            HumanBytes(self.bytes),
            self.rate()
        ));
    }

    fn rate(&self) -> f64 {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.records as f64 / seconds.max(0.001)
    }

    fn as_json(&self, tries: &Tries) -> Value {
        json!({
            "seconds": self.begun.elapsed().as_secs(),
            "lists": self.done,
            "lists_in_all": self.lists,
            "records": self.records,
            "bytes": self.bytes,
            "records_per_second": self.rate().round(),
            "remaining_seconds": self.bar.eta().as_secs(),
            "requests": tries.sent(),
            "failed_requests": tries.failed(),
            "refused": self.refused,
            "failed": self.failed,
        })
    }
}

impl Progress {
    /// To a folder, or to standard output.
    pub(super) fn new(to_folder: bool, tries: Arc<Tries>) -> Self {
        let is_shown = io::stderr().is_terminal()
            && !output::is_quiet()
            // On one terminal, a stream and a bar would stand in each other.
            && (to_folder || !io::stdout().is_terminal());
        let target = match is_shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template(BAR);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style);
        let begun = Instant::now();
        let state = State {
            bar,
            begun,
            lists: 0,
            done: 0,
            records: 0,
            bytes: 0,
            failed: 0,
            refused: 0,
            by_resource: BTreeMap::new(),
            drifted: BTreeMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            tries,
            begun,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What listens to the export.
    pub(super) fn listener(&self) -> impl FnMut(Event) + Send + 'static {
        let state = Arc::clone(&self.state);
        move |event| lock(&state).note(event)
    }

    /// Tells how far it is while this goes on.
    pub(super) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let pause = pin!(tokio::time::sleep(A_LINE));
            match future::select(work.as_mut(), pause).await {
                Either::Left((done, _)) => return done,
                Either::Right(((), _)) => {
                    if !io::stderr().is_terminal() && !output::is_quiet() {
                        let line = self.state().as_json(&self.tries);
                        // Where stderr is closed there is nobody to tell.
                        let _ = writeln!(anstream::stderr(), "{line}");
                    }
                }
            }
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.state().bar.finish_and_clear();
    }

    /// What it came to, for programs.
    pub(super) fn as_json(&self, summary: &Summary, tries: &Tries) -> Value {
        let state = self.state();
        json!({
            "whole": summary.whole,
            "stopped": summary.stopped,
            "users": summary.users,
            "buckets_written": summary.written,
            "buckets_skipped": summary.skipped,
            "records": summary.records,
            "bytes": summary.bytes,
            "documents": summary.documents,
            "requests": tries.sent(),
            "failed_requests": tries.failed(),
            "asked_again": summary.asked_again,
            "drifted": summary.drifted,
            "refused": summary.refused,
            "failed": summary.failed,
            "seconds": self.begun.elapsed().as_secs_f64(),
            "resources": state.by_resource.iter().map(|(name, (records, bytes))| {
                ((*name).to_owned(), json!({"records": records, "bytes": bytes}))
            }).collect::<serde_json::Map<_, _>>(),
        })
    }

    /// What it came to, for people.
    pub(super) fn table(&self, summary: &Summary, tries: &Tries) -> Table {
        let state = self.state();
        let mut table = Table::new();
        table.load_style(output::table_style());
        table.set_header(["", "records", "sent", "drift"]);
        for (name, (records, bytes)) in &state.by_resource {
            let drifted = state.drifted.get(name).copied().unwrap_or_default();
            table.add_row([
                (*name).to_owned(),
                records.to_string(),
                HumanBytes(*bytes).to_string(),
                match drifted {
                    0 => String::new(),
                    times => times.to_string(),
                },
            ]);
        }
        table.add_row([
            format!("{} users", summary.users),
            summary.records.to_string(),
            HumanBytes(summary.bytes).to_string(),
            summary.drifted.to_string(),
        ]);
        for column in 1..4 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut line = |what: String, count: u64| {
            table.add_row([what, count.to_string(), String::new(), String::new()]);
        };
        line("requests".to_owned(), tries.sent());
        line("requests that failed".to_owned(), tries.failed());
        if summary.documents > 0 {
            line("documents".to_owned(), summary.documents);
        }
        if summary.skipped > 0 {
            line("buckets whole before".to_owned(), summary.skipped.into());
        }
        for (reason, count) in &summary.refused {
            line(format!("refused: {reason}"), *count);
        }
        for (reason, count) in &summary.failed {
            line(format!("failed: {reason}"), *count);
        }
        line(
            format!("buckets written in {}", HumanDuration(self.begun.elapsed())),
            summary.written.into(),
        );
        table
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
