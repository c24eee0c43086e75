//! At a terminal: a table without being asked, how far reading is, and no colours where none are wanted.

use super::terminal_support::{begin, rest};
use super::{DemoApp, Sandbox, credentials, sandbox, words};

/// What stands on the terminal in the end, and the code.
#[track_caller]
fn at_terminal(sandbox: &Sandbox, given: &[&str], set: &[(&str, &str)]) -> (String, Option<i32>) {
    let app = sandbox.app(DemoApp::Connect);
    let set = (credentials(&app).into_iter()).chain(set.iter().copied());
    let (pty, mut child) = begin(words(sandbox, given), set);
    let mut said = Vec::new();
    rest(&pty, |bytes| said.extend_from_slice(bytes));
    let code = child.wait().expect("it is our own child").code();
    (String::from_utf8_lossy(&said).replace('\r', ""), code)
}

#[test]
fn a_terminal_gets_a_table_and_is_told_how_far_reading_is() {
    let sandbox = sandbox();
    let list = ["list", "activities", "--user", "ill", "--limit", "600"];
    let (said, code) = at_terminal(&sandbox, &list, &[("NO_COLOR", "1")]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("╭─"), "{said}");
    assert!(
        said.contains("\nactivities: 301 of 638 records\n"),
        "{said}"
    );
    assert!(
        said.contains("\nnote: these are 600 of 638 records;"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "{said}");

    let json = [&list[..], &["--ndjson"]].concat();
    let (said, code) = at_terminal(&sandbox, &json, &[("NO_COLOR", "1")]);
    assert!(code == Some(0) && said.starts_with("{\"id\":"), "{said}");
}

#[test]
fn colours_stand_where_they_are_wanted_alone() {
    let sandbox = sandbox();
    let show = ["show", "--user", "none"];
    let (said, _) = at_terminal(&sandbox, &show, &[]);
    assert!(
        said.contains("\u{1b}[1mWhat there is about none\u{1b}[0m"),
        "{said}"
    );
    let (said, _) = at_terminal(&sandbox, &show, &[("NO_COLOR", "1")]);
    assert!(said.contains("What there is about none\n"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}
