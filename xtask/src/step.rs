//! Steps: what a verb is made of, how each is run, timed and told.

use std::cell::{Cell, OnceCell};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use xshell::Cmd;

use crate::pool::{self, Ended, Job};
use crate::programs::{Programs, capture};
use crate::tools::Tool;
use crate::workspace::Workspace;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it should.
    Ok,
    /// It did what it should, and this is what it came to; it fits one line.
    Told(String),
    /// It had nothing to do, or could not be done here; the reason fits one line.
    Skipped(String),
    /// It failed; the text is all a reader needs to see why.
    Failed(String),
}

impl Outcome {
    /// Passes if nothing was found.
    pub(crate) fn from_findings(findings: &[String]) -> Self {
        if findings.is_empty() {
            Self::Ok
        } else {
            Self::Failed(findings.join("\n"))
        }
    }

    /// The same with a word on what it was about, for good or ill.
    pub(crate) fn with(self, word: &str) -> Self {
        match self {
            Self::Ok => Self::Told(word.to_owned()),
            Self::Failed(output) => Self::Failed(format!("{output}\n{word}")),
            other => other,
        }
    }
}

#[derive(Debug)]
struct Row {
    name: String,
    outcome: Outcome,
}

/// One run of xtask: where it works, and what its steps have come to so far.
#[derive(Debug)]
pub(crate) struct Session {
    programs: Programs,
    prefix: String,
    rows: Vec<Row>,
    notes: Vec<String>,
    /// The step at work has written lines of its own since its name was printed.
    interrupted: Cell<bool>,
    workspace: OnceCell<Workspace>,
    started: Instant,
}

impl Session {
    /// Starts at the root of the workspace.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            programs: Programs::new()?,
            prefix: String::new(),
            rows: Vec::new(),
            notes: Vec::new(),
            interrupted: Cell::new(false),
            workspace: OnceCell::new(),
            started: Instant::now(),
        })
    }

    /// The programs that steps run.
    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        self.programs.root()
    }

    /// See [`Programs::cargo`].
    pub(crate) fn cargo(&self, subcommand: &str) -> Cmd<'_> {
        self.programs.cargo(subcommand)
    }

    /// See [`Programs::program`].
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Cmd<'_> {
        self.programs.program(program)
    }

    /// See [`Programs::read`].
    pub(crate) fn read<'a>(&'a self, cmd: Cmd<'a>) -> anyhow::Result<String> {
        self.programs.read(cmd)
    }

    /// What cargo says about the workspace, asked once.
    pub(crate) fn workspace(&self) -> anyhow::Result<&Workspace> {
        if let Some(workspace) = self.workspace.get() {
            return Ok(workspace);
        }
        let workspace = Workspace::load(&self.programs)?;
        Ok(self.workspace.get_or_init(|| workspace))
    }

    /// Runs everything of one verb. An error outside any step counts as a failed step.
    pub(crate) fn verb(&mut self, name: &str, body: impl FnOnce(&mut Self) -> anyhow::Result<()>) {
        name.clone_into(&mut self.prefix);
        if let Err(error) = body(self) {
            self.step("prepare", |_| Err(error));
        }
    }

    /// Runs one step and tells how it went. True unless it failed.
    pub(crate) fn step(
        &mut self,
        name: &str,
        body: impl FnOnce(&Self) -> anyhow::Result<Outcome>,
    ) -> bool {
        let name = format!("{}: {name}", self.prefix);
        anstream::print!("{name:<52} ");
        // Nothing depends on the line being seen early: it only tells a reader what takes so long.
        drop(anstream::stdout().flush());
        let started = Instant::now();
        let outcome = body(self).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        if self.interrupted.take() {
            anstream::print!("{name:<52} ");
        }
        anstream::println!("{}", verdict(&outcome, started.elapsed()));
        if let Outcome::Failed(output) = &outcome {
            anstream::println!("{}\n", indent(output.trim_end()));
        }
        let passed = !matches!(outcome, Outcome::Failed(_));
        self.rows.push(Row { name, outcome });
        passed
    }

    /// Runs a step that needs a tool, which is skipped where the tool is missing.
    pub(crate) fn step_with(
        &mut self,
        tool: &Tool,
        name: &str,
        body: impl FnOnce(&Self) -> anyhow::Result<Outcome>,
    ) {
        self.step(name, |session| {
            if tool.found(&session.programs)?.is_none() {
                return Ok(Outcome::Skipped(tool.missing()));
            }
            body(session)
        });
    }

    /// Runs one program as a step; its output is shown only if it fails.
    pub(crate) fn run<'a>(&'a self, cmd: Cmd<'a>) -> anyhow::Result<Outcome> {
        Ok(self.capture(cmd)?.0)
    }

    /// Runs one program as a step and gives its output too, both streams in the order in which they were written.
    pub(crate) fn capture<'a>(&'a self, cmd: Cmd<'a>) -> anyhow::Result<(Outcome, String)> {
        let shown = self.programs.shorten(&cmd.to_string());
        let (succeeded, output) =
            capture(Command::from(cmd)).with_context(|| format!("cannot run `{shown}`"))?;
        let outcome = if succeeded {
            Outcome::Ok
        } else {
            Outcome::Failed(format!("{output}\nfailed: {shown}"))
        };
        Ok((outcome, output))
    }

    /// Runs one program whose output is what the reader came for.
    pub(crate) fn show<'a>(&'a self, cmd: Cmd<'a>) -> anyhow::Result<Outcome> {
        let shown = cmd.to_string();
        anstream::println!();
        self.interrupted.set(true);
        let status = Command::from(cmd)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot start `{}`", self.programs.shorten(&shown)))?;
        if status.success() {
            return Ok(Outcome::Ok);
        }
        Ok(Outcome::Failed(format!(
            "failed: {}",
            self.programs.shorten(&shown)
        )))
    }

    /// Runs programs side by side as one step. What one of them wrote that failed is shown as soon as it ends.
    pub(crate) fn run_all(&self, jobs: Vec<Job>) -> (Outcome, Vec<Ended>) {
        let ended = pool::run(jobs, pool::at_once(), |ended| {
            if !ended.succeeded {
                let title = format!("{}, after {:.1} s", ended.name, ended.took.as_secs_f64());
                if !self.interrupted.replace(true) {
                    anstream::println!();
                }
                anstream::println!("{}: {title}", paint("failed", AnsiColor::Red));
                anstream::println!("{}\n", indent(ended.output.trim_end()));
            }
        });
        let failed = ended.iter().filter(|ended| !ended.succeeded);
        let failed: Vec<String> = failed
            .map(|ended| format!("failed: {}", ended.name))
            .collect();
        (Outcome::from_findings(&failed), ended)
    }

    /// Adds a line to be printed under the summary.
    pub(crate) fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }

    /// Prints the summary. True if no step failed.
    pub(crate) fn finish(&self) -> bool {
        let summary = summary(&self.rows, self.started.elapsed());
        anstream::println!("\n{summary}");
        for note in &self.notes {
            anstream::println!("  {note}");
        }
        !self.failed()
    }

    /// True if a step has failed so far.
    pub(crate) fn failed(&self) -> bool {
        self.rows
            .iter()
            .any(|row| matches!(row.outcome, Outcome::Failed(_)))
    }
}

fn verdict(outcome: &Outcome, took: Duration) -> String {
    let seconds = format!("{:>7.1} s", took.as_secs_f64());
    match outcome {
        Outcome::Ok => format!("{}      {seconds}", paint("ok", AnsiColor::Green)),
        Outcome::Told(what) => format!("{}      {seconds}  {what}", paint("ok", AnsiColor::Green)),
        Outcome::Skipped(why) => {
            format!("{} {seconds}  {why}", paint("skipped", AnsiColor::Yellow))
        }
        Outcome::Failed(_) => format!("{}  {seconds}", paint("failed", AnsiColor::Red)),
    }
}

fn summary(rows: &[Row], took: Duration) -> String {
    let count =
        |wanted: fn(&Outcome) -> bool| rows.iter().filter(|row| wanted(&row.outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let mut text = format!(
        "{}: {} ok, {failed} failed, {} skipped, {:.1} s",
        if failed == 0 {
            paint("passed", AnsiColor::Green)
        } else {
            paint("failed", AnsiColor::Red)
        },
        count(|outcome| matches!(outcome, Outcome::Ok | Outcome::Told(_))),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        took.as_secs_f64(),
    );
    for row in rows {
        // Writing to a string cannot fail.
        let _ = match &row.outcome {
            Outcome::Ok | Outcome::Told(_) => Ok(()),
            // Why is told in the line of the step.
            Outcome::Skipped(_) => write!(text, "\n  skipped  {}", row.name),
            Outcome::Failed(_) => write!(text, "\n  failed   {}", row.name),
        };
    }
    text
}

/// Colours a word. Writing it through `anstream` takes the colour out where it is not wanted.
fn paint(word: &str, color: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(color.into())).bold();
    format!("{style}{word}{style:#}")
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn row(name: &str, outcome: Outcome) -> Row {
        Row {
            name: name.to_owned(),
            outcome,
        }
    }

    #[test]
    fn a_summary_counts_and_names_what_did_not_pass() {
        let rows = [
            row("lint: all", Outcome::Ok),
            row("doctor: deny", Outcome::Told("0.1.0".to_owned())),
            row("wasm: core", Outcome::Failed("long output".to_owned())),
            row("audit: deny", Outcome::Skipped("not installed".to_owned())),
        ];
        let text =
            anstream::adapter::strip_str(&summary(&rows, Duration::from_millis(1500))).to_string();
        assert_eq!(
            text,
            "failed: 2 ok, 1 failed, 1 skipped, 1.5 s\n  failed   wasm: core\n  skipped  audit: deny"
        );
    }

    #[test]
    fn an_error_outside_a_step_is_a_failed_step() {
        let mut session = Session::new().unwrap();
        session.verb("lint", |_| bail!("no manifest"));
        assert!(!session.finish());
    }

    #[test]
    fn a_program_that_fails_shows_both_of_its_outputs() {
        let session = Session::new().unwrap();
        let shell = session.program("sh");
        let shell = shell.args(["-c", "echo out; echo err >&2; exit 3"]);
        let (succeeded, output) = capture(Command::from(shell)).unwrap();
        assert!(!succeeded);
        assert_eq!(output, "out\nerr\n");
    }

    #[test]
    fn a_program_that_is_missing_is_an_error_with_its_name() {
        let session = Session::new().unwrap();
        let error = session
            .run(session.program("no-such-program-here"))
            .unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program-here"));
    }

    #[test]
    fn findings_fail_a_step() {
        assert_eq!(Outcome::from_findings(&[]), Outcome::Ok);
        assert_eq!(
            Outcome::from_findings(&["one".to_owned(), "two".to_owned()]),
            Outcome::Failed("one\ntwo".to_owned())
        );
    }
}
