//! `docs`: the API documentation with warnings denied, the links of the Markdown files, and the book.

mod blocks;
mod book;
mod built;
pub(crate) mod commands;
mod links;
mod messages;
mod summary;

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;

use crate::step::{Outcome, Session};
use crate::workspace::present_files;

/// How much of it.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Leave the API documentation out, which takes far longer than the book
    #[arg(long)]
    book: bool,
}

pub(crate) fn run(session: &mut Session, options: Options) -> anyhow::Result<()> {
    session.step("rustdoc", |session| {
        if options.book {
            return Ok(Outcome::Skipped("--book".to_owned()));
        }
        let cmd = session
            .cargo("doc")
            .args(["--workspace", "--no-deps", "--all-features"]);
        session.run(cmd.env("RUSTDOCFLAGS", "-D warnings"))
    });
    session.step("links in Markdown files", |session| {
        let files = present_files(session.programs())?;
        let mut pages = BTreeMap::new();
        for file in files.iter().filter(|file| file.ends_with(".md")) {
            let text = std::fs::read_to_string(session.root().join(file))
                .with_context(|| format!("cannot read {file}"))?;
            pages.insert(file.clone(), links::Page::parse(&text));
        }
        Ok(Outcome::from_findings(&links::check(&pages, &files)))
    });
    session.step("calls of cargo in Markdown files", |session| {
        let files = present_files(session.programs())?;
        // What was true of a release stays in its changelog.
        let is_page = |file: &str| file.ends_with(".md") && !file.ends_with("CHANGELOG.md");
        let mut pages = BTreeMap::new();
        for file in files.iter().filter(|file| is_page(file)) {
            let text = std::fs::read_to_string(session.root().join(file))
                .with_context(|| format!("cannot read {file}"))?;
            pages.insert(file.clone(), text);
        }
        let members = session.workspace()?.members();
        let findings = commands::check(&pages, &members, &files);
        Ok(Outcome::from_findings(&findings))
    });
    book::run(session)
}
