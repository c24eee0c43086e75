//! `data report`: how good the data of an export or of many users are.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use comfy_table::{CellAlignment, Table};
use humanapi_export::{Breach, DataReport, Export, Format, ReportError, Thresholds};
use serde_json::json;

use super::counted::Tries;
use super::progress::Progress;
use super::users::users;
use super::{failure, lacking, service};
use crate::args::report::ReportArgs;
use crate::atomic_file;
use crate::exit::{Code, Failure};
use crate::output;
use crate::signal::Stop;

pub(crate) async fn run(args: &ReportArgs) -> Result<(), Failure> {
    let report = match &args.folder {
        Some(folder) => DataReport::of_folder(folder).map_err(|error| unreadable(&error))?,
        None => of_users(args).await?,
    };
    let thresholds = args.thresholds.thresholds();
    let breaches = report.check(&thresholds);
    if let Some(path) = &args.html {
        write(path, report.page(&breaches).as_bytes())
            .map_err(|error| Failure::here("the page cannot be written", &error))?;
    }
    tell(&report, &breaches)?;
    if report.deidentified {
        output::warn(
            "the records were de-identified: completeness tells of the policy too, and recency of moments that were changed",
        );
    }
    if report.refused > 0 {
        output::warn(&format!(
            "the service refuses {} lists, which the report says nothing of",
            report.refused
        ));
    }
    if !report.whole {
        let cause = format!(
            "the export in this folder is not whole: {} lists could not be read, or it is not over yet",
            report.failed
        );
        if thresholds != Thresholds::default() && breaches.is_empty() {
            let again = "start the same export again: a part says little of the whole";
            return Err(Failure::new(Code::Worse, cause, again));
        }
        output::warn(&cause);
    }
    if breaches.is_empty() {
        return Ok(());
    }
    let of: Vec<&str> = breaches.iter().map(|breach| breach.of.as_str()).collect();
    Err(Failure::new(
        Code::Worse,
        format!("the data are worse than asked for: {}", of.join("; ")),
        "see what the report says of them",
    ))
}

/// Reads them from the service.
async fn of_users(args: &ReportArgs) -> Result<DataReport, Failure> {
    let tries = Arc::new(Tries::default());
    #[cfg(feature = "store")]
    let store = crate::store::shared(&args.store).await?;
    #[cfg(not(feature = "store"))]
    let store = None;
    let service = service(&args.service, &args.setup, store, args.rate, &tries)?;
    let mut stop =
        Stop::listen().map_err(|error| Failure::here("cannot listen for signals", &error))?;
    let progress = Progress::new(true, args.progress.every, tries);
    let mut export =
        Export::new(service.client.clone(), Format::Ndjson).with_listener(progress.listener());
    if !args.resources.is_empty() {
        export = export.with_resources(args.resources.iter().copied());
    }
    let users = users(&args.user, args.users.as_deref())?;
    let read = progress.beside(export.report(users, stop.asked())).await;
    let (summary, mut report) = read.map_err(|error| failure(&service, &error))?;
    if summary.stopped {
        let again = "start it again: a report begins anew";
        return Err(Failure::new(Code::Stopped, "stopped before the end", again));
    }
    // That a list moved is in the report itself.
    if let Some(cause) = lacking(&summary, false) {
        let again = "start it again: a report of less than everything says little";
        return Err(Failure::new(Code::Service, cause, again));
    }
    report.refused = summary.refused.values().sum();
    Ok(report)
}

/// Whole or not there, and for its owner alone: counts of few tell something.
fn write(path: &Path, page: &[u8]) -> io::Result<()> {
    let mut file = atomic_file::beside(path)?;
    file.write_all(page)?;
    atomic_file::keep(file, path)
}

fn unreadable(error: &ReportError) -> Failure {
    let code = match error {
        ReportError::Folder(_) => Code::Machine,
        _ => Code::Usage,
    };
    Failure::with_causes(code, error, error.remedy())
}

/// Tells it: as a table where somebody looks, else as JSON.
fn tell(report: &DataReport, breaches: &[Breach]) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        let mut out = io::stdout().lock();
        let all = json!({
            "users": report.users,
            "whole": report.whole,
            "refused": report.refused,
            "failed": report.failed,
            "deidentified": report.deidentified,
            "records": report.records(),
            "resources": report.resources,
            "breaches": breaches,
        });
        serde_json::to_writer(&mut out, &all).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(out.flush()?);
    }
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.set_header(["", "records", "last year", "units read", "odd", "drift"]);
    for one in report.resources.iter().filter(|one| one.records > 0) {
        let units = one.units.read() + one.units.unread();
        let unknown: u64 = one.unknown.iter().map(|field| field.times).sum();
        table.add_row([
            one.resource.clone(),
            one.records.to_string(),
            percent(one.recency.month + one.recency.year, one.records),
            percent(one.units.read(), units),
            percent(one.odd_records, one.records),
            (one.drifted_lists + unknown).to_string(),
        ]);
    }
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Ok(writeln!(anstream::stdout(), "{table}")?)
}

fn percent(some: u64, all: u64) -> String {
    match all {
        0 => String::new(),
        all => format!("{:.1} %", some as f64 / all as f64 * 100.0),
    }
}
