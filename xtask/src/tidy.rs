//! `tidy`: rules of this project that no compiler checks.
//!
//! Each rule is a function over plain data and returns what it found, so that its tests need no workspace.

mod changelogs;
mod circles;
mod facade;
mod files;
mod front_pages;
mod lengths;
mod manifests;
mod names;
mod parameters;
mod setters;
mod sources;
mod targets;
mod trees;
#[cfg(test)]
mod worked_example;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;

use crate::step::{Outcome, Session};
use crate::workspace::{present_files, tracked_files};

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step("Cargo.lock is up to date", |session| {
        let host = &session.workspace()?.host;
        session.read(session.cargo("metadata").args([
            "--locked",
            "--format-version=1",
            "--filter-platform",
            host,
        ]))?;
        Ok(Outcome::Ok)
    });
    session.step("dependency trees", |session| {
        Ok(Outcome::from_findings(&trees::check(session)?))
    });
    session.step("manifests", |session| {
        Ok(Outcome::from_findings(&manifests::check(session)?))
    });
    session.step("names of targets", |session| {
        Ok(Outcome::from_findings(&targets::check(session)?))
    });
    session.step("what the facade reaches", |session| {
        Ok(Outcome::from_findings(&facade::check(session)?))
    });
    session.step("front pages of published crates", |session| {
        Ok(Outcome::from_findings(&front_pages::check(session)?))
    });
    session.step("changelogs", |session| {
        let files = present_files(session.programs())?;
        let changelogs = read(session.root(), &files, changelogs::is_changelog)?;
        Ok(Outcome::from_findings(&changelogs::check(&changelogs)))
    });
    session.step("module documentation", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_library_source,
        )?;
        Ok(Outcome::from_findings(&sources::check_module_docs(
            &sources,
        )))
    });
    session.step("circles of modules", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_library_source,
        )?;
        Ok(Outcome::from_findings(&circles::check(&sources)))
    });
    session.step("lengths of sources", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_source,
        )?;
        Ok(Outcome::from_findings(&lengths::check(&sources)))
    });
    session.step("names of types", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_source,
        )?;
        Ok(Outcome::from_findings(&names::check(&sources)))
    });
    session.step("names of setters", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_library_source,
        )?;
        Ok(Outcome::from_findings(&setters::check(&sources)))
    });
    session.step("what parameters take", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_library_source,
        )?;
        Ok(Outcome::from_findings(&parameters::check(&sources)))
    });
    session.step("imports of humanapi-core", |session| {
        let sources = read(
            session.root(),
            &present_files(session.programs())?,
            sources::is_core_source,
        )?;
        Ok(Outcome::from_findings(&sources::check_core_imports(
            &sources,
        )))
    });
    session.step("no secrets are tracked", |session| {
        Ok(Outcome::from_findings(&files::check_secret_names(
            &tracked_files(session.programs())?,
        )))
    });
    session.step("forbidden words", |session| {
        let texts = read(session.root(), &present_files(session.programs())?, |_| {
            true
        })?;
        Ok(Outcome::from_findings(&files::check_words(&texts)))
    });
    Ok(())
}

/// The texts of the chosen files; what is not UTF-8 is no text and is left out.
fn read(
    root: &Path,
    files: &BTreeSet<String>,
    chosen: impl Fn(&str) -> bool,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for file in files.iter().filter(|file| chosen(file)) {
        let bytes =
            std::fs::read(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            texts.insert(file.clone(), text);
        }
    }
    Ok(texts)
}
