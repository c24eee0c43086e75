//! Calls of cargo in Markdown files: packages, targets and features of ours are there.
//!
//! Calls of `cargo xtask` are held to its command line where those of workflows are.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Package, TargetKind};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// How the crates of this workspace are called that an application can have.
const OURS: &str = "humanapi";

/// The languages of blocks that hold calls; one without a language is a call in READMEs.
const SHELLS: [&str; 4] = ["", "sh", "console", "yaml"];

/// The options of `cargo add` and `cargo install` that a value follows.
const WITH_VALUE: [&str; 23] = [
    "--bin",
    "--branch",
    "--color",
    "--config",
    "--example",
    "--features",
    "--git",
    "--index",
    "--jobs",
    "--manifest-path",
    "--package",
    "--path",
    "--profile",
    "--registry",
    "--rename",
    "--rev",
    "--root",
    "--tag",
    "--target",
    "--version",
    "-F",
    "-j",
    "-p",
];

/// What is wrong with the calls of the pages.
pub(crate) fn check(
    pages: &BTreeMap<String, String>,
    members: &[&Package],
    files: &BTreeSet<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (page, text) in pages {
        for (line, code) in codes(text) {
            for call in calls(&code) {
                if let Some(why) = wrong(&call, members, files) {
                    findings.push(format!("{page}:{line}: `cargo {}`: {why}", call.join(" ")));
                }
            }
        }
    }
    findings
}

/// Code within a line, and the lines of blocks for a shell, each with the line of the page that it begins at.
pub(crate) fn codes(page: &str) -> Vec<(usize, String)> {
    let mut codes = Vec::new();
    let mut is_shell = false;
    for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
        let line = page[..range.start].matches('\n').count() + 1;
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                is_shell = SHELLS.contains(&&*language);
            }
            Event::End(TagEnd::CodeBlock) => is_shell = false,
            Event::Text(text) if is_shell => {
                codes.extend((line..).zip(text.lines().map(str::to_owned)));
            }
            Event::Code(code) => codes.push((line, code.into_string())),
            _ => {}
        }
    }
    codes
}

/// The words behind each `cargo` of a line, up to a comment or another command.
pub(crate) fn calls(code: &str) -> Vec<Vec<&str>> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let begins = (words.iter().enumerate()).filter(|(_, word)| **word == "cargo");
    begins
        .map(|(at, _)| {
            let rest = words[at + 1..].iter().copied();
            rest.take_while(|word| !["#", "&&", "||", "|", ";", "…", "--"].contains(word))
                .collect()
        })
        .collect()
}

fn wrong(call: &[&str], members: &[&Package], files: &BTreeSet<String>) -> Option<String> {
    let (verb, rest) = call.split_first()?;
    match *verb {
        "add" | "install" => of_named(verb, rest, members),
        "bench" | "build" | "run" | "test" => of_members(rest, members, files),
        _ => None,
    }
}

/// The values of an option, which may be given twice, with commas, and behind `=`.
fn values<'c>(call: &[&'c str], names: &[&str]) -> Vec<&'c str> {
    let given = call.iter().enumerate().filter_map(|(at, word)| {
        if names.contains(word) {
            return call.get(at + 1).copied();
        }
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then_some(value)
    });
    given.flat_map(|value| value.split(',')).collect()
}

/// What is asked for by name from a registry: of ours, whether there is each, and one that has all that.
fn of_named(verb: &str, rest: &[&str], members: &[&Package]) -> Option<String> {
    let plain = rest.iter().enumerate().filter(|(at, word)| {
        let is_value = *at > 0 && WITH_VALUE.contains(&rest[at - 1]);
        !word.starts_with('-') && !is_value
    });
    // A version may stand behind the name.
    let names = plain.filter_map(|(_, word)| word.split('@').next());
    let names: Vec<&str> = names.filter(|name| name.starts_with(OURS)).collect();
    if let Some(gone) = gone(&names, members) {
        return Some(gone);
    }
    let name = names.first()?;
    let ours = of_names(&names, members);
    if verb == "install"
        && let Some(package) = ours.iter().find(|package| !has(package, "--bin", None))
    {
        return Some(format!("`{}` has no program", package.name));
    }
    let features = values(rest, &["--features", "-F"]).into_iter();
    let gone = features
        .filter(|feature| !feature.contains('/'))
        .find(|feature| !(ours.iter()).any(|package| package.features.contains_key(*feature)))?;
    Some(format!("`{name}` has no feature `{gone}`"))
}

/// That no member is called so, by the first of these names.
fn gone(names: &[&str], members: &[&Package]) -> Option<String> {
    let mut names = names.iter();
    let gone = names.find(|name| {
        !members
            .iter()
            .any(|package| package.name.as_str() == **name)
    })?;
    Some(format!("there is no crate `{gone}`"))
}

/// The members that are called so.
fn of_names<'p>(names: &[&str], members: &[&'p Package]) -> Vec<&'p Package> {
    let members = members.iter().copied();
    members
        .filter(|package| names.contains(&package.name.as_str()))
        .collect()
}

/// What is called in a checkout: whether there are these packages, their targets and features.
fn of_members(rest: &[&str], members: &[&Package], files: &BTreeSet<String>) -> Option<String> {
    let packages = values(rest, &["-p", "--package"]);
    if let Some(gone) = gone(&packages, members) {
        return Some(gone);
    }
    let meant = match packages.is_empty() {
        true => members.to_vec(),
        false => of_names(&packages, members),
    };
    for kind in ["--test", "--bench", "--example", "--bin"] {
        for name in values(rest, &[kind]) {
            // A folder beside the workspace has programs, too.
            let beside = ["", "/main"].map(|file| format!("/src/bin/{name}{file}.rs"));
            let is_there = name.contains('*')
                || meant.iter().any(|package| has(package, kind, Some(name)))
                || packages.is_empty()
                    && (files.iter()).any(|file| beside.iter().any(|end| file.ends_with(end)));
            if !is_there {
                return Some(format!("there is no `{kind} {name}`"));
            }
        }
    }
    let mut features = values(rest, &["--features", "-F"]).into_iter();
    let is_gone = |feature: &&str| {
        let has = |package: &&Package| package.features.contains_key(*feature);
        !meant.iter().any(has)
    };
    let gone = features.find(is_gone)?;
    Some(format!("there is no feature `{gone}`"))
}

/// Whether a package has a target of this kind, by this name if one is asked for.
fn has(package: &Package, kind: &str, name: Option<&str>) -> bool {
    let kind = match kind {
        "--test" => TargetKind::Test,
        "--bench" => TargetKind::Bench,
        "--example" => TargetKind::Example,
        _ => TargetKind::Bin,
    };
    let mut targets = package.targets.iter();
    targets.any(|target| target.kind.contains(&kind) && name.is_none_or(|name| target.name == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Session;

    #[track_caller]
    fn check_page(text: &str, expected: &[&str]) {
        let session = Session::new().unwrap();
        let members = session.workspace().unwrap().members();
        let pages = BTreeMap::from([("a.md".to_owned(), text.to_owned())]);
        assert_eq!(check(&pages, &members, &BTreeSet::new()), expected);
    }

    #[test]
    fn what_is_there_passes() {
        check_page(
            "`cargo xtask docs --book`, `cargo xtask --help`, `cargo xtask test NAME`.\n\n```sh\ncargo add humanapi tokio --features tokio/full   # yes\ncargo add humanapi --features admin,store-sqlite\ncargo install --locked mdbook --version 0.5.4\ncargo test -p humanapi-core --test rules && cargo run --bin humanapi -- demo\ncargo test -p humanapi-core --test '*' -- --list\n```\n\n```text\ncargo add nonsense\n```\n",
            &[],
        );
    }

    #[test]
    fn what_is_gone_is_told_with_its_line() {
        check_page(
            "A `cargo run -p gone`.\n\n```sh\nls\ncargo add humanapi --features none-such\ncargo run -p no-such-crate\n```\n\n| a |\n|---|\n| `cargo test -p humanapi-core --test gone` |\n| `cargo install humanapi-core`, `cargo bench -p humanapi-store --features gone` |\n",
            &[
                "a.md:1: `cargo run -p gone`: there is no crate `gone`",
                "a.md:5: `cargo add humanapi --features none-such`: `humanapi` has no feature `none-such`",
                "a.md:6: `cargo run -p no-such-crate`: there is no crate `no-such-crate`",
                "a.md:11: `cargo test -p humanapi-core --test gone`: there is no `--test gone`",
                "a.md:12: `cargo install humanapi-core`: `humanapi-core` has no program",
                "a.md:12: `cargo bench -p humanapi-store --features gone`: there is no feature `gone`",
            ],
        );
    }

    #[test]
    fn every_package_of_a_call_is_looked_at_however_it_is_named() {
        check_page(
            "`cargo test -p humanapi-core -p humanapi-store`, `cargo test -p humanapi-store -p humanapi-core --test rules`, `cargo add --dev humanapi@0.1 --rename sdk --features=admin`.\n\n`cargo test -p humanapi-core -p gone`.\n`cargo build --package=gone`.\n`cargo test -p humanapi-core -p humanapi-store --features=gone`.\n`cargo add --dev humanapi-gone`.\n`cargo add humanapi humanapi-gone`.\n`cargo add --dev humanapi --features=gone`.\n`cargo install --force humanapi-core`.\n",
            &[
                "a.md:3: `cargo test -p humanapi-core -p gone`: there is no crate `gone`",
                "a.md:4: `cargo build --package=gone`: there is no crate `gone`",
                "a.md:5: `cargo test -p humanapi-core -p humanapi-store --features=gone`: there is no feature `gone`",
                "a.md:6: `cargo add --dev humanapi-gone`: there is no crate `humanapi-gone`",
                "a.md:7: `cargo add humanapi humanapi-gone`: there is no crate `humanapi-gone`",
                "a.md:8: `cargo add --dev humanapi --features=gone`: `humanapi` has no feature `gone`",
                "a.md:9: `cargo install --force humanapi-core`: `humanapi-core` has no program",
            ],
        );
    }
}
