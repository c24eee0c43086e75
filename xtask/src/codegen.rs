//! `codegen`: files that are written from code, and the check that they still agree with it.
//!
//! The code renders itself in an example, which prints the whole file. So xtask links none of it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use cargo_metadata::{Message, TargetKind};
use clap::Args;

use crate::step::{Outcome, Session};
use crate::workspace::targets;

const CRATE: &str = "humanapi-core";
const EXAMPLE: &str = "render_token_rules";
const FILE: &str = "docs/token-rules.md";

/// Which way round.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Write nothing; fail if the file differs from what the code says
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    session.step(FILE, |session| {
        let fresh = render(session)?;
        let path = session.root().join(FILE);
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        if stored == fresh {
            return Ok(Outcome::Ok);
        }
        if options.check {
            return Ok(Outcome::Failed(stale(&stored, &fresh)));
        }
        std::fs::write(&path, fresh).with_context(|| format!("cannot write {FILE}"))?;
        Ok(Outcome::Ok)
    });
    Ok(())
}

/// The file as the code would have it now.
fn render(session: &Session) -> anyhow::Result<String> {
    if !targets(session.workspace()?.member(CRATE)?, &TargetKind::Example)
        .iter()
        .any(|name| name == EXAMPLE)
    {
        bail!("{CRATE} has no example `{EXAMPLE}`, which prints {FILE}");
    }
    // Built as `test` builds it, so that after the tests nothing is left to compile.
    let messages = session.read(session.cargo("build").args([
        "--quiet",
        "--workspace",
        "--all-features",
        "--example",
        EXAMPLE,
        "--message-format=json-render-diagnostics",
    ]))?;
    let program =
        executable(&messages).with_context(|| format!("cargo built no example `{EXAMPLE}`"))?;
    let fresh = session.read(session.program(program))?;
    if fresh.trim().is_empty() {
        bail!("the example `{EXAMPLE}` of {CRATE} printed nothing");
    }
    Ok(fresh)
}

/// Where cargo put the example, by its own messages.
fn executable(messages: &str) -> Option<PathBuf> {
    Message::parse_stream(messages.as_bytes()).find_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == EXAMPLE => {
            artifact.executable.map(Into::into)
        }
        _ => None,
    })
}

/// Says where the two part, and what to do.
fn stale(stored: &str, fresh: &str) -> String {
    let line = stored
        .lines()
        .zip(fresh.lines())
        .take_while(|(old, new)| old == new)
        .count();
    let quote = |text: &str| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
    format!(
        "{FILE} is out of date from line {}:\n  stored: {}\n  code:   {}\nrun `cargo xtask codegen` and commit the file",
        line + 1,
        quote(stored),
        quote(fresh)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_told_by_its_first_different_line_and_the_remedy() {
        let text = stale("same\nold\n", "same\nnew\n");
        assert!(text.contains("line 2"), "{text}");
        assert!(text.contains("stored: old"), "{text}");
        assert!(text.contains("code:   new"), "{text}");
        assert!(
            text.ends_with("run `cargo xtask codegen` and commit the file"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_line_is_told_as_the_end_of_the_file() {
        assert!(stale("same\n", "same\nmore\n").contains("stored: (end of file)"));
    }
}
