//! Manual pages and the command reference: a page for each verb, and each option on it.
#![cfg(all(feature = "demo", feature = "orders", feature = "sandbox"))]

mod support;

use support::{humanapi, run};

#[test]
fn each_verb_has_a_manual_page_that_tells_its_options() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("man1");
    let words = [
        "man",
        "--folder",
        path.to_str().expect("it has a plain name"),
    ];
    let told = run(&mut humanapi(words));
    assert_eq!(
        (told.code, told.stdout.as_str(), told.stderr.as_str()),
        (Some(0), "", "")
    );
    let page = |name: &str| std::fs::read_to_string(path.join(name)).expect("it was written");
    for (name, told) in [
        ("humanapi.1", "humanapi\\-sandbox(1)"),
        ("humanapi-token-connect.1", "\\-\\-status"),
        ("humanapi-data-list.1", "\\-\\-updated\\-since"),
        ("humanapi-store-rotate-key.1", "\\-\\-promote"),
        ("humanapi-api.1", "\\-\\-paginate"),
        ("humanapi-orders-submit.1", "\\-\\-send\\-absent"),
        ("humanapi-config-show.1", "\\-\\-timeout"),
    ] {
        let page = page(name);
        assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
        assert!(page.contains(told), "{name}: {page}");
    }
    let whole = run(&mut humanapi(["man"]));
    assert_eq!((whole.code, whole.stdout), (Some(0), page("humanapi.1")));
    // Examples stand in lines as they were written.
    let extra = page("humanapi.1");
    assert!(extra.contains(".SH NOTES\n.nf\nExamples:\n"), "{extra}");
    assert!(!path.join("humanapi-reference.1").exists());
}

#[test]
fn manual_pages_that_cannot_be_written_are_told() {
    let told = run(&mut humanapi(["man", "--folder", "/dev/null/man1"]));
    assert_eq!(told.code, Some(70), "{told:?}");
    assert_eq!(told.stderr.lines().count(), 2, "{told:?}");
}

#[test]
fn the_reference_has_each_verb_and_each_option() {
    let told = run(&mut humanapi(["reference"]));
    assert_eq!(told.code, Some(0), "{told:?}");
    for line in [
        "## `humanapi data list`",
        "* [`humanapi config set`](#humanapi-config-set): ",
        "| `--base-url <URL>` | Where to ask instead of the production hosts",
        "| `-v, --verbose...` | ",
        "| `<RESOURCE>` | ",
        "| `--assume <NAME=VALUE>` | ",
    ] {
        assert!(told.stdout.contains(line), "{line}:\n{}", told.stdout);
    }
    for line in told.stdout.lines() {
        let defaults = line.matches("if nothing is said").count();
        assert!(defaults < 2, "one default, told once: {line}");
    }
    assert!(!told.stdout.contains('\u{1b}') && !told.stdout.contains("humanapi reference`"));
}
