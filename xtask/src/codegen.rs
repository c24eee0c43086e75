//! `codegen`: files that are written from code, and the check that they still agree with it.
//!
//! The code renders itself in a program, which prints the whole file: an example of core, or the command. So xtask links
//! none of it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use cargo_metadata::{Message, TargetKind};
use clap::Args;

use crate::step::{Outcome, Session};
use crate::workspace::targets;

/// A program that prints a file, and the file.
struct Rendered {
    package: &'static str,
    kind: TargetKind,
    program: &'static str,
    arguments: &'static [&'static str],
    file: &'static str,
}

const RENDERED: [Rendered; 4] = [
    Rendered {
        package: "humanapi-core",
        kind: TargetKind::Example,
        program: "render_token_rules",
        arguments: &[],
        file: "docs/token-rules.md",
    },
    Rendered {
        package: "humanapi-core",
        kind: TargetKind::Example,
        program: "render_health_data",
        arguments: &[],
        file: "docs/health-data-fields.md",
    },
    Rendered {
        package: "humanapi-export",
        kind: TargetKind::Example,
        program: "render_export_columns",
        arguments: &[],
        file: "docs/export-columns.md",
    },
    Rendered {
        package: "humanapi-cli",
        kind: TargetKind::Bin,
        program: "humanapi",
        arguments: &["reference"],
        file: "docs/command-reference.md",
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
    let mut messages = String::new();
    session.step("programs that print them", |session| {
        messages = build(session)?;
        Ok(Outcome::Ok)
    });
    for rendered in RENDERED {
        let file = rendered.file;
        session.step(file, |session| {
            let fresh = render(session, &rendered, &messages)?;
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

/// Builds all of the programs, and gives what cargo says of it.
///
/// They are built in one call that names an example too: then crates have the features that tests want of them, and after
/// `test` nothing is left to compile. A program alone would have all that it needs compiled once more, with fewer.
fn build(session: &Session) -> anyhow::Result<String> {
    let mut cmd = session.cargo("build").args([
        "--quiet",
        "--workspace",
        "--all-features",
        "--message-format=json-render-diagnostics",
    ]);
    for Rendered {
        package,
        kind,
        program,
        file,
        ..
    } in RENDERED
    {
        if !targets(session.workspace()?.member(package)?, &kind)
            .iter()
            .any(|name| name == program)
        {
            bail!("{package} has no {kind} `{program}`, which prints {file}");
        }
        cmd = cmd.args([&format!("--{kind}"), program]);
    }
    session.read(cmd)
}

/// The file as the code would have it now.
fn render(session: &Session, rendered: &Rendered, messages: &str) -> anyhow::Result<String> {
    let Rendered {
        package,
        kind,
        program,
        arguments,
        file,
    } = rendered;
    let built = executable(messages, program)
        .with_context(|| format!("cargo built no {kind} `{program}`"))?;
    let fresh = session.read(session.program(built).args(*arguments))?;
    if fresh.trim().is_empty() {
        bail!("the {kind} `{program}` of {package} printed nothing");
    }
    let version = session.workspace()?.member(package)?.version.to_string();
    match says(&fresh, &version) {
        false => Ok(fresh),
        true => bail!(
            "{file} tells {package}'s version, {version}: `release prepare` writes no pages, so it would be behind after the next release"
        ),
    }
}

/// Whether a page says this version, and not one that begins or ends like it.
fn says(page: &str, version: &str) -> bool {
    let goes_on = |next: Option<char>| next.is_some_and(|next| next.is_ascii_digit());
    page.match_indices(version).any(|(at, _)| {
        let (before, behind) = (&page[..at], &page[at + version.len()..]);
        !goes_on(before.chars().next_back()) && !goes_on(behind.chars().next())
    })
}

/// Where cargo put the program, by its own messages. A library of the same name is none.
fn executable(messages: &str, program: &str) -> Option<PathBuf> {
    Message::parse_stream(messages.as_bytes()).find_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == program => {
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

    #[test]
    fn a_page_that_says_the_version_is_found() {
        assert!(says("humanapi 0.1.0 (made up)", "0.1.0"));
        assert!(!says("10.1.0, 0.1.01, 0.1", "0.1.0"));
        assert!(!says("", "0.1.0"));
    }
}
