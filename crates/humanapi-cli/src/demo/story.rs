//! How the story looks: steps, requests and answers, a table, a path.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use anstream::AutoStream;
use comfy_table::{CellAlignment, Table};
use humanapi_core::UserStatus;
use humanapi_core::data::medical::Medication;
use humanapi_core::data::{Activity, Number};

use crate::adapter::Adapter;
use crate::demo::trace::Exchange;
use crate::exit::Failure;
use crate::output::palette::{GOOD, NAME, QUIET, TITLE, WARN};
use crate::output::{self, mask};

/// Whose request it is.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    Server,
    Browser,
}

/// Writes the story.
pub(crate) struct Story {
    out: AutoStream<io::Stdout>,
    steps: usize,
}

/// The widest line of prose. With its indent it fits into 80 columns, as everything here does.
const PROSE: usize = 74;
/// The widest line of JSON, closing brackets not counted.
const WIDTH: usize = 64;
/// So many lines of JSON show what an answer is like.
const LINES: usize = 6;
/// A report of Connect is shown in full.
const REPORT_LINES: usize = 12;
/// So many activities fit onto a screen, and below them so many medications.
const ROWS: usize = 8;
const MEDICATIONS: usize = 5;

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            out: anstream::stdout(),
            steps: 0,
        }
    }

    pub(crate) fn title(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "\n{TITLE}{text}{TITLE:#}")?;
        Ok(())
    }

    pub(crate) fn step(&mut self, text: &str) -> Result<(), Failure> {
        self.steps += 1;
        writeln!(
            self.out,
            "\n{NAME}{:>2}{NAME:#}  {TITLE}{text}{TITLE:#}",
            self.steps
        )?;
        Ok(())
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{text}")?;
        Ok(())
    }

    pub(crate) fn say(&mut self, text: &str) -> Result<(), Failure> {
        for line in wrap(text) {
            writeln!(self.out, "    {line}")?;
        }
        Ok(())
    }

    pub(crate) fn quiet(&mut self, text: &str) -> Result<(), Failure> {
        for line in wrap(text) {
            writeln!(self.out, "    {QUIET}{line}{QUIET:#}")?;
        }
        // The reader may have to do something now.
        self.out.flush()?;
        Ok(())
    }

    /// A remark between two exchanges.
    pub(crate) fn aside(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out)?;
        self.quiet(text)
    }

    pub(crate) fn good(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(
            self.out,
            "\n    {GOOD}✓{GOOD:#} {}",
            wrap(text).join("\n      ")
        )?;
        Ok(())
    }

    /// One of several things that were done.
    #[cfg(all(feature = "export", feature = "plot"))]
    pub(crate) fn list(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(
            self.out,
            "    {GOOD}✓{GOOD:#} {}",
            wrap(text).join("\n      ")
        )?;
        Ok(())
    }

    pub(crate) fn warn(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(
            self.out,
            "\n    {WARN}!{WARN:#} {}",
            wrap(text).join("\n      ")
        )?;
        Ok(())
    }

    pub(crate) fn address(&mut self, url: &str) -> Result<(), Failure> {
        writeln!(self.out, "\n      {NAME}{url}{NAME:#}\n")?;
        Ok(())
    }

    /// Shows requests and their answers.
    pub(crate) fn exchanges(&mut self, who: Who, exchanges: Vec<Exchange>) -> Result<(), Failure> {
        for exchange in &exchanges {
            self.exchange(who, exchange)?;
        }
        Ok(())
    }

    fn exchange(&mut self, who: Who, exchange: &Exchange) -> Result<(), Failure> {
        let (who, most) = match who {
            Who::Server => ("server", LINES),
            Who::Browser => ("browser", REPORT_LINES),
        };
        writeln!(
            self.out,
            "\n    {who:<8}→ {TITLE}{} {}{TITLE:#}",
            exchange.method, exchange.target
        )?;
        if exchange.is_authorized {
            // The one call that is authorized by a token here is to read data.
            let token = mask::token(humanapi_core::TokenKind::Access);
            writeln!(
                self.out,
                "            {QUIET}Authorization: Bearer {token}{QUIET:#}"
            )?;
        }
        if let Some(sent) = &exchange.sent {
            self.json(&sent.lines(WIDTH))?;
        }
        let millis = millis(exchange.took);
        let Some(answer) = &exchange.answer else {
            writeln!(
                self.out,
                "    service ← {WARN}no answer{WARN:#} {QUIET}{millis}{QUIET:#}"
            )?;
            return Ok(());
        };
        let style = if answer.status.is_success() {
            GOOD
        } else {
            WARN
        };
        writeln!(
            self.out,
            "    service ← {style}{}{style:#} {QUIET}{millis}{QUIET:#}",
            answer.status
        )?;
        let Some(body) = &answer.body else {
            writeln!(self.out, "            {QUIET}{}{QUIET:#}", answer.form)?;
            return Ok(());
        };
        let lines = body.lines(WIDTH);
        self.json(lines.get(..most).unwrap_or(&lines))?;
        if lines.len() > most {
            self.remark("… and more fields like these")?;
        }
        if body.left_out > 0 {
            self.remark(&format!(
                "… and {} more records like this one",
                body.left_out
            ))?;
        }
        Ok(())
    }

    fn json(&mut self, lines: &[String]) -> io::Result<()> {
        for line in lines {
            writeln!(self.out, "            {QUIET}{line}{QUIET:#}")?;
        }
        Ok(())
    }

    fn remark(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "            {QUIET}{text}{QUIET:#}")
    }

    pub(crate) fn activities(
        &mut self,
        activities: &[Activity],
        total: Option<u64>,
    ) -> Result<(), Failure> {
        let mut table = Table::new();
        table.load_style(output::table_style());
        table.set_header([
            "start (UTC)",
            "activity",
            "source",
            "minutes",
            "km",
            "steps",
        ]);
        for activity in activities.iter().take(ROWS) {
            table.add_row(row(activity));
        }
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self.table(&table)?;
        let all = total.map_or_else(String::new, |total| format!(" of {total}"));
        self.quiet(&format!(
            "The first {}{all}, all of them synthetic. `activities().items()` streams every page.",
            activities.len().min(ROWS)
        ))
    }

    pub(crate) fn medications(&mut self, medications: &[Medication]) -> Result<(), Failure> {
        if medications.is_empty() {
            return self
                .quiet("No medications: clinics and pharmacies have them, trackers do not.");
        }
        let mut table = Table::new();
        table.load_style(output::table_style());
        table.set_header(["since", "medication", "status"]);
        for medication in medications.iter().take(MEDICATIONS) {
            let since = medication.start_date();
            table.add_row([
                // A day as it was sent: no clock and no time zone has a say in it.
                text(since.as_ref().map(|since| {
                    let day = since.text();
                    Cow::Borrowed(day.get(..10).unwrap_or(day))
                })),
                text(medication.name()),
                text(medication.status()),
            ]);
        }
        writeln!(self.out)?;
        self.table(&table)?;
        let all = match medications.len() > MEDICATIONS {
            true => format!("The first {MEDICATIONS} of {}", medications.len()),
            false => "All that the clinic has".to_owned(),
        };
        self.quiet(&format!(
            "{all}, from medical records: `medications().items()`. Their codes are in `codes()`."
        ))
    }

    fn table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.to_string().lines() {
            writeln!(self.out, "    {line}")?;
        }
        Ok(())
    }

    /// Draws the statuses that the user went through, and by what.
    pub(crate) fn path(&mut self, path: &[UserStatus]) -> Result<(), Failure> {
        write!(self.out, "\n    ")?;
        for (at, status) in path.iter().enumerate() {
            if at > 0 {
                let by = match status {
                    UserStatus::Started => "session token",
                    _ => "source connected",
                };
                write!(self.out, " {QUIET}──{QUIET:#} {by} {QUIET}─▶{QUIET:#} ")?;
            }
            write!(self.out, "{GOOD}{}{GOOD:#}", capitalized(status.name()))?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    /// What to try after the story was told over `adapter`.
    pub(crate) fn next(&mut self, adapter: Adapter) -> Result<(), Failure> {
        let mut line = |command: &str, about: &str| {
            writeln!(self.out, "    {NAME}{command:<34}{NAME:#}{about}")
        };
        line(
            "humanapi demo --browser",
            "the same, and you click through Connect",
        )?;
        line(
            &format!("humanapi demo --adapter {}", adapter.other().name()),
            "the same over the other HTTP stack",
        )?;
        #[cfg(feature = "sandbox")]
        line(
            "humanapi sandbox",
            "a Human API of your own to develop against",
        )?;
        #[cfg(all(feature = "export", feature = "plot"))]
        line(
            "humanapi data --help",
            "lists, exports and pictures of health data",
        )?;
        #[cfg(feature = "token")]
        line(
            "humanapi token connect --help",
            "tokens for your own application",
        )?;
        self.out.flush()?;
        Ok(())
    }
}

fn row(activity: &Activity) -> [String; 6] {
    let number = |field: Option<Number<'_>>, divisor: f64, decimals: usize| {
        field
            .map(f64::from)
            .filter(|value| *value > 0.0)
            .map_or_else(
                || "–".to_owned(),
                |value| format!("{:.decimals$}", value / divisor),
            )
    };
    [
        activity.start_time().map_or_else(
            || "–".to_owned(),
            |start| start.strftime("%Y-%m-%d %H:%M").to_string(),
        ),
        text(activity.kind()).replace('_', " "),
        text(activity.source()),
        number(activity.duration(), 60.0, 0),
        number(activity.distance(), 1000.0, 1),
        number(activity.steps(), 1.0, 0),
    ]
}

fn text(field: Option<Cow<'_, str>>) -> String {
    output::plain(field.as_deref().unwrap_or("–")).into_owned()
}

/// Prose in lines that fit; its own line breaks stay.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > PROSE {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn millis(took: Duration) -> String {
    format!("in {:.1} ms", took.as_secs_f64() * 1000.0)
}
