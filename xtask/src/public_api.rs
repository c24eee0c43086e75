//! `public-api`: what each published library shows to others, as a text that is reviewed, and the check that it is still so.
//!
//! rustdoc writes the API as JSON, [`public_api`] renders a line for each item. Between releases nothing else tells of an
//! item that is renamed, gone or public by mistake: `release plan` compares with the last release alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use cargo_metadata::{Package, TargetKind};
use clap::Args;
use serde::Deserialize;

use crate::step::{Outcome, Session};
use crate::workspace::targets;

/// Where the texts are, a file for each library. `docs` leaves them out of the book.
pub(crate) const FOLDER: &str = "docs/public-api/";
/// What the JSON has to be for the pinned version of `public_api`, which reads one format alone. The pinned toolchain
/// writes it: the two are raised together.
const FORMAT: u32 = 57;
/// Set, this program is called in place of rustdoc: it holds the name of the real one.
const STANDS_IN: &str = "HUMANAPI_XTASK_RUSTDOC";
/// How many lines of a difference are told.
const TOLD: usize = 40;

/// Which way round.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Write the texts as the code has it now, to be looked at and committed
    #[arg(long)]
    pub(crate) update: bool,
}

pub(crate) fn run(session: &mut Session, options: Options) -> anyhow::Result<()> {
    let libraries = libraries(session)?;
    if !session.step("rustdoc as JSON", document) {
        return Ok(());
    }
    for (name, target) in &libraries {
        session.step(name, |session| {
            let folder = &session.workspace()?.metadata.target_directory;
            let json = folder.join("doc").join(format!("{target}.json"));
            let fresh = render(json.as_std_path())?;
            let file = format!("{FOLDER}{name}.txt");
            let path = session.root().join(&file);
            let stored = match std::fs::read_to_string(&path) {
                Ok(stored) => stored,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error).with_context(|| format!("cannot read {file}")),
            };
            if stored == fresh {
                return Ok(Outcome::Told(format!("{} items", fresh.lines().count())));
            }
            if options.update {
                std::fs::create_dir_all(session.root().join(FOLDER))?;
                std::fs::write(&path, &fresh).with_context(|| format!("cannot write {file}"))?;
                return Ok(Outcome::Told(format!("{file} is written anew")));
            }
            Ok(Outcome::Failed(difference(&file, &stored, &fresh)))
        });
    }
    session.step("no text without its library", |session| {
        let named: BTreeSet<&str> = libraries.keys().map(String::as_str).collect();
        let files = std::fs::read_dir(session.root().join(FOLDER))
            .with_context(|| format!("cannot list {FOLDER}"))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Outcome::from_findings(&left_over(&files, &named)))
    });
    Ok(())
}

/// Called in place of rustdoc, does what it would, and lets it write JSON; nothing where this is a call of ours.
///
/// rustdoc does so only if it is told to act like a nightly one. Telling cargo would tell every build script too, and what
/// was compiled for the documentation would be compiled again.
pub(crate) fn in_place_of_rustdoc() -> Option<ExitCode> {
    let rustdoc = std::env::var_os(STANDS_IN)?;
    let called = Command::new(rustdoc)
        .args(std::env::args_os().skip(1))
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    Some(match called {
        Ok(status) => match status.code().map(u8::try_from) {
            Some(Ok(code)) => ExitCode::from(code),
            _ => ExitCode::FAILURE,
        },
        Err(error) => {
            anstream::eprintln!("error: rustdoc cannot be started: {error}");
            ExitCode::FAILURE
        }
    })
}

/// Of all crates and features, as `docs` has them compiled.
fn document(session: &Session) -> anyhow::Result<Outcome> {
    let rustdoc = std::env::var_os("RUSTDOC").unwrap_or_else(|| OsString::from("rustdoc"));
    let cmd = session
        .cargo("doc")
        .args(["--workspace", "--no-deps", "--all-features", "--lib"])
        .env("RUSTDOC", std::env::current_exe()?)
        .env(STANDS_IN, rustdoc)
        .env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json");
    session.run(cmd)
}

/// The published crates that others link, with the names of their libraries.
fn libraries(session: &Session) -> anyhow::Result<BTreeMap<String, String>> {
    let published = session.workspace()?.published();
    Ok(published.into_iter().filter_map(library).collect())
}

fn library(package: &Package) -> Option<(String, String)> {
    let target = targets(package, &TargetKind::Lib).pop()?;
    Some((package.name.to_string(), target.replace('-', "_")))
}

#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

/// A line for each item. Of what is derived only that it is, of auto traits only those that are missing, and nothing of what
/// holds for every type.
fn render(json: &Path) -> anyhow::Result<String> {
    let shown = json.display();
    let text = std::fs::read_to_string(json).with_context(|| format!("cannot read {shown}"))?;
    let Head { format_version } = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is not what rustdoc writes"))?;
    if format_version != FORMAT {
        bail!(
            "this rustdoc writes format {format_version} and the pinned crate `public-api` reads {FORMAT}: raise it in \
             Cargo.toml together with rust-toolchain.toml"
        );
    }
    let items = |whole: bool| -> anyhow::Result<Vec<String>> {
        let api = public_api::Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(!whole)
            .omit_auto_derived_impls(!whole)
            .build()
            .with_context(|| format!("cannot read {shown}"))?;
        Ok(api.items().map(ToString::to_string).collect())
    };
    Ok(chosen(&items(true)?, &items(false)?))
}

/// Of all items those that somebody wrote, and of the others the lines that say what is derived and what is missing.
fn chosen(all: &[String], written: &[String]) -> String {
    let written: BTreeSet<&str> = written.iter().map(String::as_str).collect();
    let mut text = String::new();
    for item in all {
        let is_auto = AUTO_TRAITS
            .iter()
            .any(|name| item.contains(&format!(" {name} for ")));
        if written.contains(item.as_str()) || (item.starts_with("impl") && !is_auto) {
            text.push_str(item);
            text.push('\n');
        }
    }
    text
}

/// As they are written where a type has them; where it has not, there is a `!` before.
const AUTO_TRAITS: [&str; 7] = [
    "core::marker::Send",
    "core::marker::Sync",
    "core::marker::Unpin",
    "core::marker::UnsafeUnpin",
    "core::marker::Freeze",
    "core::panic::unwind_safe::RefUnwindSafe",
    "core::panic::unwind_safe::UnwindSafe",
];

/// What is gone, what is new, and what to do.
fn difference(file: &str, stored: &str, fresh: &str) -> String {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (stored.lines().collect(), fresh.lines().collect());
    let gone = old.difference(&new).map(|line| format!("- {line}"));
    let added = new.difference(&old).map(|line| format!("+ {line}"));
    let all: Vec<String> = gone.chain(added).collect();
    let mut text = format!("the public API is not that of {file}:\n");
    for line in all.iter().take(TOLD) {
        text.push_str(line);
        text.push('\n');
    }
    if all.len() > TOLD {
        text.push_str(&format!("and {} lines more\n", all.len() - TOLD));
    }
    if all.is_empty() {
        text.push_str("the same lines, in another order or number\n");
    }
    text.push_str(
        "where it is meant, run `cargo xtask public-api --update`, look at the difference and commit it; what is gone or \
         changed breaks somebody, see docs/stability.md",
    );
    text
}

/// The files that belong to no library.
fn left_over(files: &[String], libraries: &BTreeSet<&str>) -> Vec<String> {
    files
        .iter()
        .filter(|file| {
            let name = file.strip_suffix(".txt");
            name.is_none_or(|name| !libraries.contains(name))
        })
        .map(|file| format!("{FOLDER}{file} belongs to no published library: take it away"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn of_what_is_derived_the_trait_is_told_and_of_auto_traits_what_is_missing() {
        let all = lines(&[
            "pub struct a::B",
            "impl core::clone::Clone for a::B",
            "pub fn a::B::clone(&self) -> a::B",
            "impl core::marker::Send for a::B",
            "impl !core::marker::Sync for a::B",
            "pub fn a::B::new() -> a::B",
        ]);
        let written = lines(&["pub struct a::B", "pub fn a::B::new() -> a::B"]);
        assert_eq!(
            chosen(&all, &written),
            "pub struct a::B\nimpl core::clone::Clone for a::B\nimpl !core::marker::Sync for a::B\npub fn a::B::new() -> a::B\n"
        );
    }

    #[test]
    fn a_difference_tells_what_is_gone_what_is_new_and_what_to_do() {
        let text = difference("docs/public-api/a.txt", "same\nold\n", "new\nsame\n");
        assert!(text.contains("\n- old\n+ new\n"), "{text}");
        assert!(!text.contains("same"), "{text}");
        assert!(text.contains("cargo xtask public-api --update"), "{text}");
    }

    #[test]
    fn a_long_difference_is_cut_and_says_so() {
        let fresh: String = (0..TOLD + 3).map(|number| format!("{number}\n")).collect();
        assert!(difference("a", "", &fresh).contains("and 3 lines more"));
    }

    #[test]
    fn a_text_without_its_library_is_found() {
        let files = lines(&["humanapi.txt", "gone.txt", "README.md"]);
        let libraries = BTreeSet::from(["humanapi"]);
        let found = left_over(&files, &libraries);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("gone.txt"), "{found:?}");
    }

    #[test]
    fn a_json_of_another_format_says_what_to_raise() {
        let folder = std::env::temp_dir().join(format!("public-api-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let json = folder.join("a.json");
        std::fs::write(&json, r#"{"format_version": 1}"#).unwrap();
        let error = format!("{:#}", render(&json).unwrap_err());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(error.contains("format 1"), "{error}");
        assert!(error.contains("rust-toolchain.toml"), "{error}");
    }
}
