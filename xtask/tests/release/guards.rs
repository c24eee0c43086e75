//! Things that must not be released, put in on purpose: each is found by the verb that is there for it.

use std::process::Command;

use crate::scratch::{Scratch, check_refused};

#[test]
fn tidy_finds_a_forbidden_dependency_of_core() {
    let scratch = Scratch::new();
    let path = "crates/humanapi-core/Cargo.toml";
    let manifest = scratch.read(path);
    let changed = manifest.replacen(
        "[dependencies]\n",
        "[dependencies]\nurl.workspace = true\n",
        1,
    );
    assert_ne!(changed, manifest);
    scratch.write(path, &changed);
    let output = scratch.xtask(&["tidy"]);
    check_refused(&output, "humanapi-core: must never reach `url`");
    check_refused(
        &output,
        "humanapi-core: `url` is not on the list of what humanapi-core may need",
    );
}

#[test]
fn tidy_finds_a_file_that_looks_like_a_secret() {
    let scratch = Scratch::new();
    scratch.write("crates/humanapi-client/src/server.key", "made up\n");
    scratch.commit("Add a key");
    check_refused(
        &scratch.xtask(&["tidy"]),
        "crates/humanapi-client/src/server.key: looks like a secret",
    );
}

/// Adds a crate that holds this, and whose manifest has this line, too.
fn add_crate(scratch: &Scratch, line: &str, source: &str) {
    std::fs::create_dir_all(scratch.root().join("crates/humanapi-more/src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"humanapi-more\"\nversion = \"0.1.0\"\ndescription = \"More\"\nedition.workspace = true\nrust-version = \"1.88\"\nrepository.workspace = true\nreadme = \"README.md\"\n{line}\n[lints]\nworkspace = true\n"
    );
    scratch.write("crates/humanapi-more/Cargo.toml", &manifest);
    scratch.write("crates/humanapi-more/src/lib.rs", source);
    scratch.write("crates/humanapi-more/README.md", "# humanapi-more\n");
    scratch.write(
        "crates/humanapi-more/CHANGELOG.md",
        "# Changelog of humanapi-more\n\n## [Unreleased]\n",
    );
}

#[test]
fn tidy_finds_a_new_crate_without_a_licence() {
    let scratch = Scratch::new();
    add_crate(&scratch, "", "//! More.\n");
    check_refused(
        &scratch.xtask(&["tidy"]),
        "humanapi-more: Cargo.toml lacks `license`",
    );
}

/// A crate that needs no other is checked in a second; that each has the workspace's lints is tidy's to hold.
#[test]
fn lint_finds_a_public_item_without_a_word() {
    let scratch = Scratch::new();
    let source = "//! More.\n\npub const SILENT: u8 = 1;\n";
    add_crate(&scratch, "license.workspace = true\n", source);
    check_refused(
        &scratch.xtask(&["lint", "--package", "humanapi-more"]),
        "missing documentation for a constant",
    );
}

/// Needs cargo-semver-checks; where it is missing, the plan says so, and the property tests of the plan have what
/// follows from its verdict.
#[test]
fn plan_finds_a_public_item_that_is_gone() {
    let scratch = Scratch::released();
    let path = "crates/humanapi-core/src/lib.rs";
    let text = scratch.read(path);
    let changed = text.replacen("pub mod auth;", "mod auth;", 1);
    assert_ne!(changed, text);
    scratch.write(path, &changed);
    scratch.note("humanapi-core", "Fixed", "Nothing to see here.");
    let output = scratch.xtask(&["release", "plan"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    if is_installed("cargo-semver-checks") {
        assert!(
            shown.contains("public API: something that breaks"),
            "{shown}"
        );
        assert!(
            shown.contains("humanapi-core      0.1.0 → 0.2.0  breaking"),
            "{shown}"
        );
    } else {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            told.contains("humanapi-core was not compared with the last release: cargo-semver-checks is missing"),
            "{told}"
        );
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
