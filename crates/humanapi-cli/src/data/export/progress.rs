//! How far an export is, and what it came to.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use humanapi_export::{Event, Summary};
use indicatif::{HumanBytes, HumanDuration};
use serde_json::{Value, json};

use super::counted::Tries;
use super::making::Making;
use crate::output;
use crate::output::progress::Progress as Told;

/// How far an export is.
pub(crate) struct Progress {
    state: Arc<Mutex<State>>,
    tries: Arc<Tries>,
    told: Told,
}

struct State {
    told: Told,
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
                self.told.set_total(lists);
            }
            Event::Skipped { lists, .. } => {
                self.done += lists;
                self.told.skip(lists);
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
            Event::Refused { is_document, .. } => {
                self.refused += 1;
                if !is_document {
                    self.list_done();
                }
            }
            Event::Failed { is_document, .. } => {
                self.failed += 1;
                if !is_document {
                    self.list_done();
                }
            }
            Event::Drifted { resource, .. } => {
                *self.drifted.entry(resource).or_default() += 1;
            }
            _ => {}
        }
    }

    fn list_done(&mut self) {
        self.done = (self.done + 1).min(self.lists);
        self.told.set_done(self.done);
        self.told.say(|| {
            let (records, bytes) = (self.records, HumanBytes(self.bytes));
            format!("{records} records, {bytes}, {:.0} records/s", self.rate())
        });
    }

    fn rate(&self) -> f64 {
        let seconds = self.told.elapsed().as_secs_f64();
        self.records as f64 / seconds.max(0.001)
    }

    fn counts(&self, tries: &Tries) -> Value {
        json!({
            "records": self.records,
            "bytes": self.bytes,
            "records_per_second": self.rate().round(),
            "requests": tries.sent(),
            "failed_requests": tries.failed(),
            "refused": self.refused,
            "failed": self.failed,
        })
    }
}

impl Progress {
    /// To a folder, or to standard output.
    pub(crate) fn new(to_folder: bool, every: Option<Duration>, tries: Arc<Tries>) -> Self {
        // On one terminal, a stream and a bar would stand in each other.
        let has_terminal = to_folder || !io::stdout().is_terminal();
        let told = Told::begin("lists", 0, every, has_terminal);
        let state = State {
            told: told.clone(),
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
            told,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What listens to the export.
    pub(crate) fn listener(&self) -> impl FnMut(Event) + Send + 'static {
        let state = Arc::clone(&self.state);
        move |event| lock(&state).note(event)
    }

    /// Tells how far it is while this goes on.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let counts = || self.state().counts(&self.tries);
        let done = self.told.beside(work, counts).await;
        self.told.end();
        done
    }

    /// How long it took so far.
    #[cfg(feature = "sync")]
    pub(crate) fn elapsed(&self) -> Duration {
        self.told.elapsed()
    }

    /// What it came to, for programs.
    pub(super) fn as_json(&self, summary: &Summary, tries: &Tries, making: &Making) -> Value {
        let state = self.state();
        let mut all = json!({
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
            "seconds": self.told.elapsed().as_secs_f64(),
            "resources": state.by_resource.iter().map(|(name, (records, bytes))| {
                ((*name).to_owned(), json!({"records": records, "bytes": bytes}))
            }).collect::<serde_json::Map<_, _>>(),
        });
        #[cfg(feature = "values")]
        if let Some(units) = &making.units {
            let tally = units.tally();
            all["values"] = json!({"read": tally.read(), "unread": tally.unread(), "units": tally});
        }
        #[cfg(feature = "deidentify")]
        if !summary.deidentified.is_empty() {
            let counts = summary.deidentified.iter().map(|(resource, counts)| {
                let met = counts.fields.iter();
                let met = met.filter(|field| field.kept + field.dropped > 0);
                let of_resource = json!({
                    "kept": counts.kept(),
                    "dropped": counts.dropped(),
                    "unknown": counts.unknown,
                    "fields": met.collect::<Vec<_>>(),
                });
                ((*resource).to_owned(), of_resource)
            });
            all["deidentified"] = counts.collect::<serde_json::Map<_, _>>().into();
        }
        let _ = making;
        all
    }

    /// What it came to, for people.
    pub(super) fn table(&self, summary: &Summary, tries: &Tries, making: &Making) -> Table {
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
        #[cfg(feature = "values")]
        if let Some(units) = &making.units {
            let tally = units.tally();
            line("values brought to a unit".to_owned(), tally.read());
            line("values left without one".to_owned(), tally.unread());
        }
        let _ = making;
        #[cfg(feature = "deidentify")]
        for (resource, counts) in &summary.deidentified {
            if counts.dropped() > 0 {
                line(format!("fields dropped of {resource}"), counts.dropped());
            }
        }
        for (reason, count) in &summary.refused {
            line(format!("refused: {reason}"), *count);
        }
        for (reason, count) in &summary.failed {
            line(format!("failed: {reason}"), *count);
        }
        line(
            format!("buckets written in {}", HumanDuration(self.told.elapsed())),
            summary.written.into(),
        );
        table
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
