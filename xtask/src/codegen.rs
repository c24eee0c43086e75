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

/// An example that prints a file, and the file.
struct Rendered {
    example: &'static str,
    file: &'static str,
}

const RENDERED: [Rendered; 2] = [
    Rendered {
        example: "render_token_rules",
        file: "docs/token-rules.md",
    },
    Rendered {
        example: "render_health_data",
        file: "docs/health-data-fields.md",
    },
];

/// Which way round.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Write nothing; fail if the file differs from what the code says
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    for Rendered { example, file } in RENDERED {
        session.step(file, |session| {
            let fresh = render(session, example, file)?;
            let path = session.root().join(file);
            let stored = std::fs::read_to_string(&path).unwrap_or_default();
            if stored == fresh {
                return Ok(Outcome::Ok);
            }
            if options.check {
                return Ok(Outcome::Failed(stale(file, &stored, &fresh)));
            }
            std::fs::write(&path, fresh).with_context(|| format!("cannot write {file}"))?;
            Ok(Outcome::Ok)
        });
    }
    Ok(())
}

/// The file as the code would have it now.
fn render(session: &Session, example: &str, file: &str) -> anyhow::Result<String> {
    if !targets(session.workspace()?.member(CRATE)?, &TargetKind::Example)
        .iter()
        .any(|name| name == example)
    {
        bail!("{CRATE} has no example `{example}`, which prints {file}");
    }
    // Built as `test` builds it, so that after the tests nothing is left to compile.
    let messages = session.read(session.cargo("build").args([
        "--quiet",
        "--workspace",
        "--all-features",
        "--example",
        example,
        "--message-format=json-render-diagnostics",
    ]))?;
    let program = executable(&messages, example)
        .with_context(|| format!("cargo built no example `{example}`"))?;
    let fresh = session.read(session.program(program))?;
    if fresh.trim().is_empty() {
        bail!("the example `{example}` of {CRATE} printed nothing");
    }
    Ok(fresh)
}

/// Where cargo put the example, by its own messages.
fn executable(messages: &str, example: &str) -> Option<PathBuf> {
    Message::parse_stream(messages.as_bytes()).find_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == example => {
            artifact.executable.map(Into::into)
        }
        _ => None,
    })
}

/// Says where the two part, and what to do.
fn stale(file: &str, stored: &str, fresh: &str) -> String {
    let line = stored
        .lines()
        .zip(fresh.lines())
        .take_while(|(old, new)| old == new)
        .count();
    let quote = |text: &str| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
    format!(
        "{file} is out of date from line {}:\n  stored: {}\n  code:   {}\nrun `cargo xtask codegen` and commit the file",
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
        let text = stale("docs/a.md", "same\nold\n", "same\nnew\n");
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
        assert!(stale("docs/a.md", "same\n", "same\nmore\n").contains("stored: (end of file)"));
    }
}
