//! With made-up history: the right plan, and the right commit.

use crate::scratch::{Scratch, check_refused, succeed};

/// The arguments of a plan or a preparation that compares no API, which has tests of its own.
const PREPARE: [&str; 3] = ["release", "prepare", "--no-api"];
const PUBLISH: [&str; 2] = ["release", "publish"];

#[test]
fn the_first_release_ever() {
    let scratch = Scratch::new();
    let plan = scratch.plan();
    scratch.check_plan(&[
        ("humanapi", "0.1.0"),
        ("humanapi-axum", "0.1.0"),
        ("humanapi-cli", "0.1.0"),
        ("humanapi-client", "0.1.0"),
        ("humanapi-core", "0.1.0"),
        ("humanapi-export", "0.1.0"),
        ("humanapi-hyper", "0.1.0"),
        ("humanapi-reqwest", "0.1.0"),
        ("humanapi-sandbox", "0.1.0"),
        ("humanapi-store", "0.1.0"),
        ("humanapi-testing", "0.1.0"),
    ]);
    scratch.prepare();
    for (name, version) in &plan.releases {
        scratch.check_released(name, version, "### Added");
    }
    let changed = scratch.last_commit();
    assert!(
        changed.iter().all(|path| path.ends_with("/CHANGELOG.md")),
        "versions were right already: {changed:?}"
    );
    assert_eq!(scratch.git(&["status", "--porcelain"]), "");

    // A second run has nothing left to do.
    let head = scratch.git(&["rev-parse", "HEAD"]);
    let again = scratch.xtask(&PREPARE);
    succeed(&again, "a second release prepare");
    assert!(String::from_utf8_lossy(&again.stdout).contains("prepared already"));
    assert_eq!(scratch.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_fix_in_an_adapter_moves_the_adapter() {
    let scratch = Scratch::released();
    scratch.append("crates/humanapi-hyper/src/lib.rs", "\n// Mended.\n");
    scratch.note(
        "humanapi-hyper",
        "Fixed",
        "A stall after a lost connection.",
    );
    scratch.commit("Mend a stall");
    scratch.check_plan(&[("humanapi-hyper", "0.1.1")]);
    scratch.prepare();
    scratch.check_released(
        "humanapi-hyper",
        "0.1.1",
        "- A stall after a lost connection.",
    );
    assert_eq!(
        scratch.last_commit(),
        [
            "Cargo.lock",
            "Cargo.toml",
            "crates/humanapi-hyper/CHANGELOG.md",
            "crates/humanapi-hyper/Cargo.toml",
        ]
    );
    let root = scratch.read("Cargo.toml");
    assert!(
        root.contains(
            "humanapi-hyper = { path = \"crates/humanapi-hyper\", version = \"0.1.1\", default-features = false }"
        ),
        "{root}"
    );
    assert!(root.contains("# HTTP vocabulary"), "comments are kept");
    assert!(
        scratch
            .git(&["log", "-1", "--format=%B"])
            .starts_with("Release humanapi-hyper 0.1.1\n")
    );
}

#[test]
fn something_new_in_core_moves_core() {
    let scratch = Scratch::released();
    scratch.append("crates/humanapi-core/src/lib.rs", "\n// More.\n");
    scratch.note("humanapi-core", "Added", "A question one may ask.");
    scratch.commit("Let callers ask");
    scratch.check_plan(&[("humanapi-core", "0.1.1")]);
    scratch.prepare();
    scratch.check_released("humanapi-core", "0.1.1", "- A question one may ask.");
}

#[test]
fn a_break_in_core_moves_everybody_who_needs_it() {
    let scratch = Scratch::released();
    scratch.append("crates/humanapi-core/src/lib.rs", "\n// Less.\n");
    scratch.note(
        "humanapi-core",
        "Changed",
        "**Breaking:** A question takes the time.",
    );
    scratch.commit("Ask with the time at hand");
    let expected = [
        ("humanapi-core", "0.2.0"),
        ("humanapi-client", "0.2.0"),
        ("humanapi-export", "0.2.0"),
        ("humanapi-hyper", "0.2.0"),
        ("humanapi-axum", "0.2.0"),
        ("humanapi-reqwest", "0.2.0"),
        ("humanapi-store", "0.2.0"),
        ("humanapi-cli", "0.1.1"),
        ("humanapi-testing", "0.2.0"),
        ("humanapi", "0.2.0"),
    ];
    scratch.check_plan(&expected);
    scratch.prepare();
    for (name, version) in expected.iter().skip(1) {
        scratch.check_released(name, version, "- Needs `humanapi-");
    }
    // The lock file was written with them, and all still belong together.
    scratch.cargo(&["tree", "--locked", "--offline", "--package", "humanapi-cli"]);
    let plan = scratch.plan();
    assert_eq!(plan.conflicts, [""; 0]);
    assert_eq!(plan.releases.len(), expected.len());
}

#[test]
fn prose_and_xtask_move_nothing() {
    let scratch = Scratch::released();
    scratch.append("docs/style.md", "\nMore words.\n");
    scratch.append("crates/humanapi-core/README.md", "\nMore words.\n");
    scratch.commit("Say more");
    scratch.check_plan(&[]);
    scratch.append("xtask/src/main.rs", "\n// More.\n");
    scratch.append("crates/humanapi-core/tests/rules.rs", "\n// More.\n");
    scratch.commit("Check more");
    scratch.check_plan(&[]);
    let head = scratch.git(&["rev-parse", "HEAD"]);
    scratch.prepare();
    assert_eq!(
        scratch.git(&["rev-parse", "HEAD"]),
        head,
        "there was nothing to commit"
    );
}

#[test]
fn a_raised_requirement_moves_those_who_inherit_it() {
    let scratch = Scratch::released();
    let root = scratch.read("Cargo.toml");
    let raised = root.replace("lru = { version = \"0.19\"", "lru = { version = \"0.19.0\"");
    assert_ne!(raised, root);
    scratch.write("Cargo.toml", &raised);
    scratch.note("humanapi-axum", "Changed", "Needs a newer cache.");
    scratch.commit("Need a newer cache");
    scratch.check_plan(&[("humanapi-axum", "0.1.1")]);
}

#[test]
fn prepare_refuses_what_it_cannot_stand_for() {
    let scratch = Scratch::released();
    scratch.append("crates/humanapi-hyper/src/lib.rs", "\n// Mended.\n");
    check_refused(&scratch.xtask(&PREPARE), "crates/humanapi-hyper/src/lib.rs");
    scratch.commit("Mend without a word");
    check_refused(
        &scratch.xtask(&PREPARE),
        "humanapi-hyper: nothing stands under Unreleased",
    );
}

#[test]
fn publish_refuses_other_branches_unverified_commits_and_dirty_trees() {
    let scratch = Scratch::new();
    scratch.prepare();
    check_refused(&scratch.xtask(&PUBLISH), "run it first");
    scratch.append("README.md", "\n");
    check_refused(&scratch.xtask(&PUBLISH), "README.md");
    scratch.git(&["checkout", "--quiet", "--", "README.md"]);
    scratch.git(&["checkout", "--quiet", "-B", "aside"]);
    check_refused(
        &scratch.xtask(&PUBLISH),
        "releases are made from main alone",
    );
    assert_eq!(scratch.git(&["tag", "--list"]), "");
}

#[test]
fn publish_refuses_what_the_remote_does_not_have() {
    let scratch = Scratch::new();
    scratch.prepare();
    let alone = "main of `origin` does not have this commit";
    check_refused(&scratch.xtask(&PUBLISH), alone);
    scratch.git(&["push", "--quiet", "origin", "main"]);
    let shared = scratch.xtask(&PUBLISH);
    check_refused(&shared, "run it first");
    assert!(!String::from_utf8_lossy(&shared.stdout).contains(alone));
}

#[test]
fn what_is_unverified_goes_to_no_registry_that_others_use() {
    let scratch = Scratch::new();
    scratch.prepare();
    scratch.git(&["push", "--quiet", "origin", "main"]);
    let unverified = [&PUBLISH[..], &["--unverified", "--registry", "crates-io"]].concat();
    check_refused(
        &scratch.xtask(&unverified),
        "`crates-io` is the registry that everybody uses",
    );
}

#[test]
fn a_change_after_prepare_is_noticed() {
    let scratch = Scratch::new();
    scratch.prepare();
    scratch.append("crates/humanapi-hyper/src/lib.rs", "\n// One thing more.\n");
    scratch.commit("Change what is prepared");
    let told = "humanapi-hyper: 0.1.0 is prepared, and since then this has changed: crates/humanapi-hyper/src/lib.rs";
    let plan = scratch.plan();
    assert_eq!(plan.conflicts.len(), 1, "{:?}", plan.conflicts);
    assert!(plan.conflicts[0].starts_with(told), "{:?}", plan.conflicts);
    // Taken back, all is as it was prepared.
    scratch.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(scratch.plan().conflicts, [""; 0]);
}
