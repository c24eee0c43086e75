//! `data plot`: measured values over time, as a picture.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use comfy_table::Table;
use futures_util::TryStreamExt as _;
use humanapi_export::{Measured, Picture, Plot, PlotError};
use serde_json::json;

use super::list::{AHEAD, LARGEST_PAGE, narrowed};
use super::reader::{Reader, announce, of_total, warn_of};
use crate::args::data::name;
use crate::args::plot::PlotArgs;
use crate::atomic_file;
use crate::exit::{Code, Failure};
use crate::output;

pub(super) async fn run(args: &PlotArgs) -> Result<(), Failure> {
    let kind = name(args.resource);
    let size = u32::try_from(LARGEST_PAGE).unwrap_or(u32::MAX);
    // Before the secret is asked for: nobody types one for a command that is refused.
    let call = narrowed(args.resource, &args.narrow)?.with_limit(size);
    let reader = Reader::open(&args.read).await?;
    let mut pages = reader.user.call(call).pages().read_ahead(AHEAD);
    let mut plot = Plot::new(kind);
    let mut count = 0;
    while let Some(page) = pages
        .try_next()
        .await
        .map_err(|error| reader.failure(&error))?
    {
        for drift in &page.drift {
            warn_of(drift, kind);
        }
        for record in &page.items {
            plot.note(record);
        }
        count += page.items.len() as u64;
        if page.next.is_some() {
            announce(&format!("{kind}: {} records", of_total(count, page.total)));
        }
    }
    if args.measured {
        return list(&plot.measured());
    }
    let measures: Vec<&str> = args.measures.iter().map(String::as_str).collect();
    let picture = plot
        .picture(&measures, args.canvas())
        .map_err(|error| failure(&error, kind))?;
    match &args.out {
        Some(path) => keep(&picture, path)?,
        None => show(&picture)?,
    }
    for note in picture.notes() {
        output::note(note);
    }
    Ok(())
}

fn show(picture: &Picture) -> Result<(), Failure> {
    let drawn = if io::stdout().is_terminal() {
        let (columns, rows) =
            terminal_size::terminal_size().map_or((80, 24), |(columns, rows)| (columns.0, rows.0));
        // Below it stand the notes and the next prompt; a wider picture is no clearer.
        let rows = rows.saturating_sub(4).clamp(12, 40);
        picture.terminal(columns.clamp(40, 160), rows)
    } else {
        picture.svg()
    };
    let mut out = anstream::stdout().lock();
    writeln!(out, "{drawn}")?;
    Ok(out.flush()?)
}

fn keep(picture: &Picture, path: &Path) -> Result<(), Failure> {
    let is_png = (path.extension()).is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let written = || {
        let bytes = match is_png {
            true => picture.png()?,
            false => picture.svg().into_bytes(),
        };
        let mut file = atomic_file::beside(path)?;
        file.write_all(&bytes)?;
        atomic_file::keep(file, path)
    };
    written().map_err(|error| {
        Failure::new(
            Code::Machine,
            format!("the picture cannot be written: {error}"),
            "name a file in a folder that you may write to",
        )
    })
}

/// What was measured is told on standard output alone, as it can be health data.
fn list(measured: &[Measured]) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if io::stdout().is_terminal() {
        let mut table = Table::new();
        table.load_style(output::table_style());
        table.set_header(["measure", "unit", "values"]);
        for measured in measured {
            table.add_row([
                output::plain(&measured.name).into_owned(),
                output::plain(measured.unit.as_deref().unwrap_or("–")).into_owned(),
                measured.values.to_string(),
            ]);
        }
        writeln!(out, "{table}")?;
    } else {
        for measured in measured {
            let line = json!({
                "measure": measured.name,
                "unit": measured.unit,
                "values": measured.values,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(out.flush()?)
}

fn failure(error: &PlotError, kind: &str) -> Failure {
    let help = match error {
        PlotError::Nothing => format!("`humanapi data list {kind}` shows what the records hold"),
        _ => "--measured tells what was measured, and in which units".to_owned(),
    };
    Failure::new(Code::Usage, format!("{kind}: {error}"), help)
}
