//! Workflows call verbs and nothing else, and every verb of `ci` is explained.

use clap::Parser as _;

use crate::Cli;
use crate::docs::commands;
use crate::release::verify::NEEDED;

/// What a `run:` line may set up, besides calling a verb.
const SET_UP: [&str; 3] = [
    "rustup toolchain install",
    "rustup target add",
    "cargo install --locked",
];

/// The whole of CI, on a machine of its own.
const CI: &str = "bash .ci/run";
/// What else a workflow may call: what tests need, and handing out what was built.
const OTHERS: [&str; 4] = [CI, "bash .ci/install", FETCH_TAG, HAND_OUT];
const FETCH_TAG: &str = r#"git fetch --force origin "refs/tags/$TAG:refs/tags/$TAG""#;
const HAND_OUT: &str = r#"gh release create "$TAG" --verify-tag --draft --notes-from-tag dist/*"#;

/// What is wrong with the `run:` lines of a workflow.
fn findings(workflow: &str) -> Vec<String> {
    workflow
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .trim_start_matches("- ")
                .strip_prefix("run:")
        })
        .filter_map(|command| finding(command.trim()))
        .collect()
}

fn finding(command: &str) -> Option<String> {
    if OTHERS.contains(&command) {
        return None;
    }
    if command.contains([';', '&', '|', '>', '<', '`', '\n']) {
        return Some(format!("`{command}` is more than one call"));
    }
    let set_up = SET_UP.iter().any(|start| {
        command
            .strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    if set_up {
        return None;
    }
    let Some(words) = command.strip_prefix("cargo xtask ") else {
        return Some(format!("`{command}` is no verb of xtask"));
    };
    let words = std::iter::once("cargo xtask").chain(words.split_whitespace());
    Cli::try_parse_from(words)
        .err()
        .map(|error| format!("`{command}`: {error}"))
}

#[test]
fn workflows_call_verbs_and_nothing_else() {
    let session = crate::step::Session::new().unwrap();
    let folder = session.root().join(".github").join("workflows");
    let mut calls = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(findings(&text), [""; 0], "{}", path.display());
        calls += text.matches("run: cargo xtask ").count();
    }
    assert!(calls >= 4, "only {calls} calls of a verb were found");
}

/// How many calls of `cargo xtask` a page has, and those that it does not take.
fn calls_of_no_verb(page: &str) -> (usize, Vec<String>) {
    let (mut read, mut found) = (0, Vec::new());
    for (line, code) in commands::codes(page) {
        for call in commands::calls(&code) {
            let ["xtask", words @ ..] = &call[..] else {
                continue;
            };
            let parsed = Cli::try_parse_from([&["cargo xtask"], words].concat());
            read += 1;
            // Help is an error to the parser, and so is a call that has no verb yet.
            if parsed.is_err_and(|error| error.use_stderr()) && !words.is_empty() {
                found.push(format!("{line}: cargo {}", call.join(" ")));
            }
        }
    }
    (read, found)
}

#[test]
fn pages_call_verbs_that_there_are() {
    let session = crate::step::Session::new().unwrap();
    let files = crate::workspace::present_files(session.programs()).unwrap();
    let mut calls = 0;
    // What was true of a release stays in its changelog.
    let is_page = |file: &&String| file.ends_with(".md") && !file.ends_with("CHANGELOG.md");
    for file in files.iter().filter(is_page) {
        let page = std::fs::read_to_string(session.root().join(file)).unwrap();
        let (read, found) = calls_of_no_verb(&page);
        assert_eq!(found, [""; 0], "{file}");
        calls += read;
    }
    assert!(calls > 40, "only {calls} calls of a verb were found");
}

#[test]
fn a_page_that_calls_no_verb_is_found() {
    let page = "A `cargo xtask gone` and\n`cargo xtask docs --book`, not cargo xtask as prose.\n\n```sh\ncargo xtask ci --gone   # no\n```\n";
    let found = ["1: cargo xtask gone", "5: cargo xtask ci --gone"];
    assert_eq!(calls_of_no_verb(page), (3, found.map(str::to_owned).into()));
}

#[test]
fn the_release_workflow_installs_every_tool_of_its_verb() {
    let session = crate::step::Session::new().unwrap();
    let path = session.root().join(".github/workflows/release.yml");
    let text = std::fs::read_to_string(path).unwrap();
    for tool in &NEEDED {
        let line = format!("- run: {}\n", tool.install);
        assert!(text.contains(&line), "{line}");
    }
    let installs = text.matches("run: cargo install").count();
    let papers = crate::release::dist::NEEDED.len();
    assert_eq!(
        installs,
        NEEDED.len() + papers,
        "none is of a version of its own"
    );
}

#[test]
fn the_workflow_of_every_change_skips_nothing() {
    let session = crate::step::Session::new().unwrap();
    let read = |path: &str| std::fs::read_to_string(session.root().join(path)).unwrap();
    assert!(read(".github/workflows/ci.yml").contains(&format!("- run: {CI}\n")));
    assert!(read(".ci/run").contains("\ncargo xtask test --require-all ||"));
}

#[test]
fn a_line_that_is_no_verb_is_found() {
    for line in [
        "- run: cargo test",
        "run: cargo xtask no-such-verb",
        "run: cargo xtask ci --no-such-option",
        "run: cargo xtask lint && echo done",
        "run: |",
        "run: rustup self uninstall",
        "run: cargo install --path .",
    ] {
        assert_eq!(findings(line).len(), 1, "{line}");
    }
    assert_eq!(findings("- run: cargo xtask ci --skip-tests"), [""; 0]);
    assert_eq!(findings("- run: rustup toolchain install 1.94"), [""; 0]);
}

#[test]
fn every_verb_of_ci_has_a_row_with_its_reason() {
    let session = crate::step::Session::new().unwrap();
    let source = include_str!("ci.rs");
    let page = std::fs::read_to_string(session.root().join("docs/testing.md")).unwrap();
    let verbs: std::collections::BTreeSet<&str> = source
        .split("session.verb(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    for verb in verbs {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{verb}` |")));
        assert!(row.is_some(), "{verb} has no row in docs/testing.md");
    }
}

#[test]
fn the_books_recipes_take_what_our_own_workflows_take() {
    let session = crate::step::Session::new().unwrap();
    let read = |path: &str| std::fs::read_to_string(session.root().join(path)).unwrap();
    let page = read("docs/testing-your-application.md");
    let used = |text: &str| -> std::collections::BTreeMap<String, String> {
        let lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- uses: "));
        lines
            .filter_map(|line| line.split_once('@'))
            .map(|(action, version)| (action.to_owned(), version.to_owned()))
            .collect()
    };
    let ours = used(&read(".github/workflows/ci.yml"));
    let mut compared = 0;
    for (action, version) in used(&page) {
        if let Some(our) = ours.get(&action) {
            assert_eq!(&version, our, "{action}");
            compared += 1;
        }
    }
    assert!(compared > 0, "the recipe checks the sources out");
    // The compiler that this is tested with.
    let toolchain = read("rust-toolchain.toml");
    let (_, rest) = toolchain.split_once("channel = \"").unwrap();
    let minor = rest.split('.').take(2).collect::<Vec<_>>().join(".");
    assert!(page.contains(&format!("image: rust:{minor}\n")), "{minor}");
}
