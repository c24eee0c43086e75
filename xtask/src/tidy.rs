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
    let texts = read(session.root(), &present_files(session.programs())?)?;
    for (name, is_read, check) in RULES {
        session.step(name, |_| {
            Ok(Outcome::from_findings(&check(&chosen(&texts, is_read))))
        });
    }
    session.step("no secrets are tracked", |session| {
        Ok(Outcome::from_findings(&files::check_secret_names(
            &tracked_files(session.programs())?,
        )))
    });
    Ok(())
}

/// Which files a rule reads, by their paths.
type IsRead = fn(&str) -> bool;
/// A rule over texts: what it found.
type Check = fn(&BTreeMap<String, String>) -> Vec<String>;

/// The rules over texts.
const RULES: [(&str, IsRead, Check); 9] = [
    ("changelogs", changelogs::is_changelog, changelogs::check),
    (
        "module documentation",
        sources::is_library_source,
        sources::check_module_docs,
    ),
    (
        "circles of modules",
        sources::is_library_source,
        circles::check,
    ),
    ("lengths of sources", sources::is_source, lengths::check),
    ("names of types", sources::is_source, names::check),
    (
        "names of setters",
        sources::is_library_source,
        setters::check,
    ),
    (
        "what parameters take",
        sources::is_library_source,
        parameters::check,
    ),
    (
        "imports of humanapi-core",
        sources::is_core_source,
        sources::check_core_imports,
    ),
    ("forbidden words", |_| true, files::check_words),
];

/// The texts of the files; what is not UTF-8 is no text and is left out.
fn read(root: &Path, files: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for file in files {
        let bytes =
            std::fs::read(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            texts.insert(file.clone(), text);
        }
    }
    Ok(texts)
}

/// Those of the texts that a rule reads.
fn chosen(texts: &BTreeMap<String, String>, is_read: IsRead) -> BTreeMap<String, String> {
    let texts = texts.iter().filter(|(file, _)| is_read(file));
    texts
        .map(|(file, text)| (file.clone(), text.clone()))
        .collect()
}

/// Holds what a rule found to one finding with these words in it, or to none.
#[cfg(test)]
#[track_caller]
fn assert_found(found: &[String], wanted: Option<&str>) {
    match (found, wanted) {
        ([], None) => {}
        ([found], Some(part)) => assert!(found.contains(part), "{found}"),
        (found, wanted) => panic!("{found:?} instead of {wanted:?}"),
    }
}
