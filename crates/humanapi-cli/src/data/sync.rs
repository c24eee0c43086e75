//! `data sync`: the health data of many users, kept in step in a folder.

use std::io::Write as _;
use std::sync::Arc;

use comfy_table::{CellAlignment, Table};
use humanapi_client::CursorStore;
use humanapi_core::data::Route;
use humanapi_export::{BucketKey, ExportError, SyncSummary, Synchronization};
use humanapi_store::{PostgresCursorStore, SqliteCursorStore};
use indicatif::{HumanBytes, HumanDuration};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::export;
use super::export::counted::Tries;
use super::export::given::{address, key, refused};
use super::export::progress::Progress;
use super::export::users::{count, users};
use crate::args::data::name;
use crate::args::sync::SyncArgs;
use crate::exit::{Code, Failure};
use crate::signal::Stop;
use crate::{output, print, store};

pub(super) async fn run(args: &SyncArgs) -> Result<(), Failure> {
    let resources = args.which.resources();
    if address(&args.out).is_some() {
        return Err(refused(&ExportError::Address));
    }
    let key = args.key_file.as_deref().map(key::<BucketKey>).transpose()?;
    if args.how.dry_run {
        return dry_run(args, &resources);
    }
    let cursors = cursors(args).await?;
    let tries = Arc::new(Tries::default());
    let asked = (&args.how.service, &args.setup);
    let (tokens, pace) =
        export::shared(&args.how.store, asked, args.how.rate, args.how.shared_rate).await?;
    let service = export::service(&args.how.service, &args.setup, tokens, pace, &tries)?;
    let mut stop =
        Stop::listen().map_err(|error| Failure::here("cannot listen for signals", &error))?;
    let progress = Progress::new(true, args.how.progress.every, Arc::clone(&tries));
    let mut run = Synchronization::new(service.client.clone(), cursors)
        .with_resources(resources)
        .with_listener(progress.listener());
    if let Some(key) = key {
        run = run.with_key(key);
    }
    if let Some(buckets) = args.buckets {
        run = run.with_buckets(buckets);
    }
    if let Some(shard) = args.shard {
        run = run.with_shard(shard);
    }
    if let Some(lag) = args.lag {
        run = run.with_lag(lag);
    }
    if let Some(interval) = args.full_every {
        run = run.with_full_every(interval);
    }
    if let Some(lists) = args.how.at_once {
        run = run.with_at_once(lists.into());
    }
    let users = users(&args.whose.user, args.whose.users.as_deref())?;
    let ended = progress
        .beside(run.run(users, &args.out, stop.asked()))
        .await;
    let summary = ended.map_err(|error| export::failure(&service, &error))?;
    let told = as_json(&summary, &tries, &progress);
    let is_json = print::is_json(false, false);
    print::print_as(is_json, &told, |_| table(&summary, &tries, &progress))?;
    outcome(&summary, output::warn)
}

/// Where it is kept up to where each list was read.
async fn cursors(args: &SyncArgs) -> Result<Arc<dyn CursorStore>, Failure> {
    let place = args.cursors.as_deref();
    match place.map(|place| place.split_once(':').unwrap_or((place, ""))) {
        None => {
            let file = args.out.join("_manifest").join("cursors.sqlite");
            Ok(Arc::new(SqliteCursorStore::open(file).await))
        }
        Some(("sqlite", path)) if !path.is_empty() => {
            Ok(Arc::new(SqliteCursorStore::open(path).await))
        }
        Some(("postgres", "")) => {
            let store = PostgresCursorStore::connect(&store::url()?);
            Ok(Arc::new(store.map_err(|error| store::failure(&error))?))
        }
        // What stands there may be an address with a password, so it is not repeated.
        Some(_) => Err(Failure::new(
            Code::Usage,
            "that is no place for cursors",
            "it can be sqlite:PATH or postgres; the address of a server comes from HUMANAPI_STORE_URL",
        )),
    }
}

fn dry_run(args: &SyncArgs, resources: &[&Route]) -> Result<(), Failure> {
    let count = count(&args.whose.user, args.whose.users.as_deref())?;
    let names: Vec<&str> = resources.iter().map(|route| name(route)).collect();
    let mut out = anstream::stdout();
    writeln!(out, "{count} users, as they stand in the list")?;
    writeln!(
        out,
        "{} kinds of records: {}",
        names.len(),
        names.join(", ")
    )?;
    let lists = count * names.len() as u64;
    writeln!(out, "{lists} lists, each from where it was read up to")?;
    let folder = args.out.display().to_string();
    writeln!(out, "what changed as ndjson to {}", output::plain(&folder))?;
    Ok(out.flush()?)
}

/// A moment of the table, in seconds since 1970.
fn moment(seconds: Option<i64>) -> Option<Timestamp> {
    let seconds = seconds.filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}

/// What it came to, for programs.
fn as_json(summary: &SyncSummary, tries: &Tries, progress: &Progress) -> Value {
    let lists = summary.lists.iter().map(|(name, lists)| {
        let whole = json!({
            "users": lists.users,
            "refused": lists.refused,
            "failed": lists.failed,
            "changes_until": moment(lists.changes_until),
            "deletions_until": moment(lists.deletions_until),
        });
        (name.clone(), whole)
    });
    json!({
        "whole": summary.whole,
        "stopped": summary.stopped,
        "commit": summary.commit,
        "users": summary.users,
        "buckets_read": summary.written,
        "buckets_skipped": summary.skipped,
        "records": summary.records,
        "bytes": summary.bytes,
        "deleted": summary.deleted,
        "files": summary.files,
        "requests": tries.sent(),
        "failed_requests": tries.failed(),
        "asked_again": summary.asked_again,
        "drifted": summary.drifted,
        "refused": summary.refused,
        "failed": summary.failed,
        "damaged": summary.damaged,
        "mended": summary.mended,
        "seconds": progress.elapsed().as_secs_f64(),
        "resources": lists.collect::<Map<_, _>>(),
    })
}

/// What it came to, for people.
fn table(summary: &SyncSummary, tries: &Tries, progress: &Progress) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.set_header(["", "lists", "changes until", "deletions until", "not read"]);
    let text = |seconds| moment(seconds).map_or_else(|| "not yet".to_owned(), |at| at.to_string());
    for (name, lists) in &summary.lists {
        let missing = lists.refused + lists.failed;
        table.add_row([
            name.clone(),
            lists.users.to_string(),
            text(lists.changes_until),
            text(lists.deletions_until),
            match missing {
                0 => String::new(),
                missing => missing.to_string(),
            },
        ]);
    }
    let mut line = |what: String, count: String| {
        table.add_row([what, count, String::new(), String::new(), String::new()]);
    };
    line("users".to_owned(), summary.users.to_string());
    line("new or changed".to_owned(), summary.records.to_string());
    line(
        "as they were sent".to_owned(),
        HumanBytes(summary.bytes).to_string(),
    );
    line("gone".to_owned(), summary.deleted.to_string());
    line("requests".to_owned(), tries.sent().to_string());
    line(
        "requests that failed".to_owned(),
        tries.failed().to_string(),
    );
    if summary.drifted > 0 {
        line("lists that drifted".to_owned(), summary.drifted.to_string());
    }
    for (reason, count) in &summary.refused {
        line(format!("refused: {reason}"), count.to_string());
    }
    for (reason, count) in &summary.failed {
        line(format!("failed: {reason}"), count.to_string());
    }
    let elapsed = HumanDuration(progress.elapsed());
    line(
        format!("files written in {elapsed}"),
        summary.files.to_string(),
    );
    for column in [1, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What people are warned of, however it ended, and what scripts are told.
fn outcome(summary: &SyncSummary, mut warn: impl FnMut(&str)) -> Result<(), Failure> {
    for path in &summary.damaged {
        warn(&format!(
            "the folder's {path} is damaged: put it back as it was from a copy, or begin another folder"
        ));
    }
    for path in &summary.mended {
        warn(&format!(
            "the folder's {path} was lost or torn: it is made anew, or its bucket is read again"
        ));
    }
    if summary.stopped {
        let again = "the same command again goes on with what is left";
        return Err(Failure::new(Code::Stopped, "stopped before the end", again));
    }
    let mut failed = summary.failed.clone();
    let damaged = failed.remove(SyncSummary::DAMAGED);
    if !failed.is_empty() {
        let (reasons, lists): (Vec<&str>, Vec<u64>) = failed.into_iter().unzip();
        let lists: u64 = lists.into_iter().sum();
        let cause = format!("{lists} lists could not be read: {}", reasons.join(", "));
        let again = "the same command again reads what they missed; the folder's _manifest/missing files tell which";
        return Err(Failure::new(Code::Service, cause, again));
    }
    if let Some(lists) = damaged {
        let cause = format!(
            "of {lists} lists it may not be told what is gone, as files of the folder are damaged"
        );
        let mend = "put each damaged file back as it was from a copy, or begin another folder; what is new was written";
        return Err(Failure::new(Code::Machine, cause, mend));
    }
    if !summary.refused.is_empty() {
        let refused: u64 = summary.refused.values().sum();
        warn(&format!(
            "the service refuses {refused} lists; the folder's _manifest/missing files tell which"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn told(summary: &SyncSummary) -> (Code, String, String) {
        match outcome(summary, |_| {}) {
            Err(Failure::Told {
                code,
                cause,
                remedy,
                ..
            }) => (code, cause, remedy.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    /// Nothing comes of the same command again but the same.
    #[test]
    fn a_damaged_file_is_to_be_put_back_and_what_failed_to_be_read_again() {
        let mut summary = SyncSummary::default();
        summary.failed.insert(SyncSummary::DAMAGED, 3);
        let (code, cause, remedy) = told(&summary);
        assert_eq!(code, Code::Machine);
        assert!(
            cause.starts_with("of 3 lists") && remedy.starts_with("put each damaged file back")
        );
        summary.failed.insert("unavailable", 2);
        let (code, cause, remedy) = told(&summary);
        assert_eq!(code, Code::Service);
        assert_eq!(cause, "2 lists could not be read: unavailable");
        assert!(remedy.starts_with("the same command again"));
    }

    #[test]
    fn damage_is_told_of_a_run_that_is_stopped_too() {
        let mut summary = SyncSummary::default();
        summary.stopped = true;
        summary.damaged.insert("a.ndjson".to_owned());
        summary.mended.insert("b.json".to_owned());
        let mut warnings = Vec::new();
        let ended = outcome(&summary, |warning| warnings.push(warning.to_owned()));
        assert!(matches!(
            ended,
            Err(Failure::Told {
                code: Code::Stopped,
                ..
            })
        ));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("a.ndjson") && warnings[1].contains("b.json"));
    }
}
