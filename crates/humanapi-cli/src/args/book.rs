//! Each call of the command in the book, the READMEs and the help is one that the command takes. `tests/book.rs` runs them.
#![cfg(all(
    feature = "cloud",
    feature = "deidentify",
    feature = "demo",
    feature = "orders",
    feature = "parquet",
    feature = "plot",
    feature = "report",
    feature = "sandbox",
    feature = "sync"
))]

mod calls;

use clap::Parser as _;

use super::Line;
use calls::{calls, pages, words};

/// Why the command does not take a call, if it does not.
fn refusal(call: &str) -> Option<String> {
    let error = Line::try_parse_from(words(call)).err()?;
    error.use_stderr().then(|| error.to_string())
}

#[test]
fn every_call_of_the_command_in_the_book_is_one_that_it_takes() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        for call in calls(&page) {
            seen += 1;
            if let Some(why) = refusal(&call.text) {
                let (line, text) = (call.line, call.text);
                wrong.push(format!("{}:{line}: `{text}`: {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 80, "only {seen} calls were found");
}

#[test]
fn calls_are_found_between_what_else_a_shell_reads() {
    let page = "humanapi no block\n\n```sh\nHUMANAPI_CLIENT_ID=x humanapi data list weight \\\n  --json | jq .   # all\n\
        cargo run --bin humanapi -- demo     # the story\nls\n```\n\n```text\nhumanapi output\n$ humanapi demo\n```\n\n\
        ```text\nExamples:\n  humanapi man \"a  b\"   what it does\n\n  humanapi no example\n```\n";
    let found = calls(page);
    let texts: Vec<&str> = found.iter().map(|call| call.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "humanapi data list weight --json",
            "humanapi demo",
            "humanapi demo",
            "humanapi man \"a  b\"",
        ]
    );
    assert_eq!(found[0].line, 4);
    assert_eq!(
        found[0].settings,
        [("HUMANAPI_CLIENT_ID".to_owned(), "x".to_owned())]
    );
    assert_eq!(words(&found[3].text), ["humanapi", "man", "a  b"]);
}

#[test]
fn a_call_that_the_command_does_not_take_is_found() {
    for call in [
        "humanapi sandbox --no-such-option",
        "humanapi stroe init",
        "humanapi store init --new-keys",
    ] {
        assert!(refusal(call).is_some(), "{call}");
    }
    assert_eq!(refusal("humanapi store --help"), None);
}
