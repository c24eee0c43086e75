//! `docs`: the API documentation with warnings denied, and the links of the Markdown files.

mod links;

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::step::{Outcome, Session};
use crate::workspace::present_files;

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step("rustdoc", |session| {
        let cmd = session
            .cargo("doc")
            .args(["--workspace", "--no-deps", "--all-features"]);
        session.run(cmd.env("RUSTDOCFLAGS", "-D warnings"))
    });
    session.step("links in Markdown files", |session| {
        let files = present_files(session)?;
        let mut pages = BTreeMap::new();
        for file in files.iter().filter(|file| file.ends_with(".md")) {
            let text = std::fs::read_to_string(session.root().join(file))
                .with_context(|| format!("cannot read {file}"))?;
            pages.insert(file.clone(), links::Page::parse(&text));
        }
        Ok(Outcome::from_findings(&links::check(&pages, &files)))
    });
    Ok(())
}
