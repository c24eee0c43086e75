//! Programs beyond Rust that some tests need, and what was skipped for want of one.
//!
//! A test that needs a program looks for it. Where it is missing, the test adds one line to the file that
//! `HUMANAPI_SKIPPED` names and passes; with `HUMANAPI_REQUIRE_ALL=1` it fails instead.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::Cmd;

use crate::step::Session;
use crate::tools::{self, Tool};

/// Names the file to which a test adds a line when it skips itself.
const SKIPPED: &str = "HUMANAPI_SKIPPED";
/// Set to 1: a missing program is a failure.
const REQUIRE_ALL: &str = "HUMANAPI_REQUIRE_ALL";
/// Set to 1: long hunts run too.
const DEEP: &str = "HUMANAPI_DEEP";
/// How many cases a property test tries that does not choose for itself; read by proptest.
const CASES: &str = "PROPTEST_CASES";
/// Sixteen times proptest's own default of 256.
const DEEP_CASES: &str = "4096";

/// How strictly and how long to test, and where skipped tests leave their line.
#[derive(Debug)]
pub(crate) struct Switches {
    deep: bool,
    require_all: bool,
    skipped: PathBuf,
}

impl Switches {
    /// Starts with an empty list of skipped tests.
    pub(crate) fn new(session: &Session, deep: bool, require_all: bool) -> anyhow::Result<Self> {
        let folder = session.workspace()?.metadata.target_directory.join("xtask");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder}"))?;
        let skipped = folder.join("skipped.txt");
        std::fs::write(&skipped, "").with_context(|| format!("cannot empty {skipped}"))?;
        Ok(Self {
            deep,
            require_all,
            skipped: skipped.into(),
        })
    }

    /// Tells a command how to test.
    pub(crate) fn apply<'a>(&self, mut cmd: Cmd<'a>) -> Cmd<'a> {
        cmd = cmd.env(SKIPPED, &self.skipped);
        if self.require_all {
            cmd = cmd.env(REQUIRE_ALL, "1");
        }
        if self.deep {
            cmd = cmd.env(DEEP, "1");
            if std::env::var_os(CASES).is_none() {
                cmd = cmd.env(CASES, DEEP_CASES);
            }
        }
        cmd
    }

    /// Tells which programs were there and what was skipped; with `--require-all` a skip fails.
    pub(crate) fn report(&self, session: &mut Session) -> anyhow::Result<()> {
        for tool in tools::of_tests() {
            session.note(presence(tool, tool.path().as_deref()));
        }
        let text = std::fs::read_to_string(&self.skipped)
            .with_context(|| format!("cannot read {}", self.skipped.display()))?;
        let skipped = lines(&text);
        for line in &skipped {
            session.note(format!("skipped  {line}"));
        }
        if self.require_all && !skipped.is_empty() {
            session.step("nothing is skipped", |_| {
                Ok(crate::step::Outcome::from_findings(&skipped))
            });
        }
        Ok(())
    }
}

fn presence(tool: &Tool, found: Option<&Path>) -> String {
    let Tool {
        name,
        purpose,
        install,
        ..
    } = tool;
    match found {
        Some(path) => format!("program  {name} ({purpose}): {}", path.display()),
        None => format!("program  {name} ({purpose}): missing; install it with `{install}`"),
    }
}

/// What was skipped, each once, in a stable order: tests run side by side.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(switches: &Switches) -> Vec<(String, String)> {
        let session = Session::new().unwrap();
        let command = std::process::Command::from(switches.apply(session.program("true")));
        command
            .get_envs()
            .filter_map(|(key, value)| {
                Some((key.to_str()?.to_owned(), value?.to_str()?.to_owned()))
            })
            .filter(|(key, _)| key.starts_with("HUMANAPI_") || key == CASES)
            .collect()
    }

    #[test]
    fn a_plain_run_only_names_the_file() {
        let switches = Switches {
            deep: false,
            require_all: false,
            skipped: "skipped.txt".into(),
        };
        assert_eq!(
            variables(&switches),
            [(SKIPPED.to_owned(), "skipped.txt".to_owned())]
        );
    }

    #[test]
    fn a_deep_and_strict_run_says_so() {
        let switches = Switches {
            deep: true,
            require_all: true,
            skipped: "skipped.txt".into(),
        };
        let keys: Vec<String> = variables(&switches)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert!(keys.contains(&DEEP.to_owned()), "{keys:?}");
        assert!(keys.contains(&REQUIRE_ALL.to_owned()), "{keys:?}");
    }

    #[test]
    fn skipped_lines_are_told_once_and_in_order() {
        assert_eq!(
            lines("b: no valgrind\n\na: no valgrind\nb: no valgrind\n"),
            ["a: no valgrind", "b: no valgrind"]
        );
    }

    #[test]
    fn a_missing_program_is_told_with_its_install_line() {
        let line = presence(tools::of_tests().next().unwrap(), None);
        assert!(
            line.contains("valgrind")
                && line.contains("missing")
                && line.contains("apt-get install"),
            "{line}"
        );
    }
}
