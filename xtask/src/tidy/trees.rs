//! Rules about dependency trees: how large each may be, and what it must never reach.
//!
//! A tree is what a user of a crate compiles: normal dependencies on this machine, procedural macros included.

use std::collections::BTreeSet;

use cargo_metadata::semver::Version;

use crate::step::Session;
use crate::workspace::Workspace;

/// One line of a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    version: Version,
}

/// What a crate and all it needs come to.
type Tree = BTreeSet<Dependency>;

/// Which features a tree is taken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Features {
    Default,
    All,
    /// The default ones and these.
    With(&'static str),
    /// These alone.
    Only(&'static str),
}

/// The most crates that a tree may have, the crate itself included.
const SIZES: [(&str, usize); 3] = [
    ("humanapi-core", 24),
    ("humanapi-hyper", 74),
    ("humanapi-reqwest", 108),
];

/// All that core may consist of. A name is added here by hand, for a reason given in the commit.
const CORE: [&str; 24] = [
    "base64",
    "bytes",
    "http",
    "httpdate",
    "humanapi-core",
    "itoa",
    "jiff",
    "jiff-core",
    "memchr",
    "percent-encoding",
    "proc-macro2",
    "quote",
    "secrecy",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "serde_path_to_error",
    "syn",
    "thiserror",
    "thiserror-impl",
    "unicode-ident",
    "zeroize",
    "zmij",
];

/// What a crate must not reach with these features. A final `*` stands for any ending.
const NEVER: [(&str, Features, &[&str]); 8] = [
    (
        "humanapi-core",
        Features::All,
        &[
            "tokio*",
            "reqwest",
            "hyper*",
            "async-trait",
            "futures*",
            "url",
            "rand*",
            "getrandom",
        ],
    ),
    // Who wants tokens alone does not wait until what reads dates is compiled.
    (
        "humanapi",
        Features::Only("blocking,hyper,reqwest"),
        &["jiff*"],
    ),
    // Its features `hyper` and `rustls` are there for what the adapters would have twice, and for nobody else.
    (
        "humanapi-client",
        Features::With("adapter,testing"),
        &["reqwest", "hyper*", "h2", "rustls*"],
    ),
    (
        "humanapi-axum",
        Features::All,
        &[
            "reqwest",
            "humanapi-hyper",
            "humanapi-reqwest",
            "humanapi-sandbox",
            "humanapi-store",
        ],
    ),
    (
        "humanapi-hyper",
        Features::All,
        &["reqwest", "humanapi-reqwest"],
    ),
    ("humanapi-reqwest", Features::All, &["humanapi-hyper"]),
    ("humanapi-sandbox", Features::All, &["humanapi-*"]),
    ("xtask", Features::All, &["humanapi-*"]),
];

/// Abandoned or stale crates, not wanted anywhere in `Cargo.lock`. `deny.toml` has the same list.
const DO_NOT_USE: [&str; 9] = [
    "ansi_term",
    "async-std",
    "atty",
    "backoff",
    "dotenv",
    "figment",
    "fred",
    "serde_yaml",
    "structopt",
];

/// Applies all rules to the workspace.
pub(crate) fn check(session: &Session) -> anyhow::Result<Vec<String>> {
    let workspace = session.workspace()?;
    let mut findings = Vec::new();
    for (package, most) in SIZES {
        findings.extend(check_size(
            package,
            &tree(session, package, Features::Default)?,
            most,
        ));
    }
    // With every feature: one that is off by default is compiled by those who need it.
    findings.extend(check_allow_list(
        "humanapi-core",
        &tree(session, "humanapi-core", Features::All)?,
        &CORE,
    ));
    for (package, features, banned) in NEVER {
        let tree = tree(session, package, features)?;
        findings.extend(check_never(package, &tree, banned));
    }
    for package in workspace.members() {
        let tree = tree(session, &package.name, Features::All)?;
        findings.extend(check_rust_version(
            &package.name,
            package.rust_version.as_ref(),
            &declared(workspace, &tree),
        ));
    }
    let lock = std::fs::read_to_string(session.root().join("Cargo.lock"))?;
    findings.extend(check_lock(&lock, &DO_NOT_USE)?);
    Ok(findings)
}

/// Asks cargo for the tree of one crate.
fn tree(session: &Session, package: &str, features: Features) -> anyhow::Result<Tree> {
    let host = &session.workspace()?.host;
    let mut cmd = session.cargo("tree").args([
        "-p", package, "-e", "normal", "--prefix", "none", "--target", host,
    ]);
    cmd = match features {
        Features::Default => cmd,
        Features::All => cmd.arg("--all-features"),
        Features::With(features) => cmd.args(["--features", features]),
        Features::Only(features) => cmd.args(["--no-default-features", "--features", features]),
    };
    Ok(parse(&session.read(cmd)?))
}

/// Reads `name v1.2.3 (more)` lines.
fn parse(listing: &str) -> Tree {
    listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let version = words.next()?.strip_prefix('v')?.parse().ok()?;
            Some(Dependency { name, version })
        })
        .collect()
}

fn check_size(package: &str, tree: &Tree, most: usize) -> Option<String> {
    (tree.len() > most).then(|| {
        format!(
            "{package}: its tree has {} crates, at most {most} are wanted: {}",
            tree.len(),
            names(tree)
        )
    })
}

fn check_allow_list(package: &str, tree: &Tree, allowed: &[&str]) -> Vec<String> {
    tree.iter()
        .filter(|dependency| !allowed.contains(&dependency.name.as_str()))
        .map(|dependency| {
            format!(
                "{package}: `{}` is not on the list of what {package} may need",
                dependency.name
            )
        })
        .collect()
}

fn check_never(package: &str, tree: &Tree, banned: &[&str]) -> Vec<String> {
    tree.iter()
        .filter(|dependency| dependency.name != package)
        .filter(|dependency| {
            banned
                .iter()
                .any(|pattern| matches(pattern, &dependency.name))
        })
        .map(|dependency| format!("{package}: must never reach `{}`", dependency.name))
        .collect()
}

/// Adds to each dependency the oldest compiler it declares.
fn declared(workspace: &Workspace, tree: &Tree) -> Vec<(String, Option<Version>)> {
    tree.iter()
        .map(|dependency| {
            let rust_version = workspace
                .metadata
                .packages
                .iter()
                .find(|package| {
                    package.name.as_str() == dependency.name
                        && package.version == dependency.version
                })
                .and_then(|package| package.rust_version.clone());
            (
                format!("{} {}", dependency.name, dependency.version),
                rust_version,
            )
        })
        .collect()
}

fn check_rust_version(
    package: &str,
    own: Option<&Version>,
    dependencies: &[(String, Option<Version>)],
) -> Vec<String> {
    let Some(own) = own else {
        return vec![format!("{package}: has no rust-version")];
    };
    dependencies
        .iter()
        .filter_map(|(name, needed)| {
            needed
                .as_ref()
                .filter(|needed| *needed > own)
                .map(|needed| (name, needed))
        })
        .map(|(name, needed)| format!("{package}: promises Rust {own}, but {name} needs {needed}"))
        .collect()
}

fn check_lock(lock: &str, banned: &[&str]) -> anyhow::Result<Vec<String>> {
    let lock: toml_edit::DocumentMut = lock.parse()?;
    let packages = lock
        .get("package")
        .and_then(toml_edit::Item::as_array_of_tables);
    Ok(packages
        .into_iter()
        .flatten()
        .filter_map(|package| package.get("name")?.as_str())
        .filter(|name| banned.contains(name))
        .map(|name| format!("Cargo.lock: `{name}` is on the list of crates not to use"))
        .collect())
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

fn names(tree: &Tree) -> String {
    tree.iter()
        .map(|dependency| dependency.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "humanapi-core v0.1.0 (/somewhere/humanapi-core)\nserde v1.0.229\nserde_derive v1.0.229 (proc-macro)\nserde v1.0.229 (*)\n";

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_tree_counts_each_crate_once() {
        assert_eq!(names(&parse(LISTING)), "humanapi-core, serde, serde_derive");
    }

    #[test]
    fn two_versions_of_a_crate_are_two_crates() {
        assert_eq!(parse("syn v2.0.1\nsyn v3.0.1\n").len(), 2);
    }

    #[test]
    fn a_tree_may_be_as_large_as_its_bound_and_no_larger() {
        assert_eq!(check_size("humanapi-core", &parse(LISTING), 3), None);
        let finding = check_size("humanapi-core", &parse(LISTING), 2).unwrap();
        assert!(
            finding.starts_with("humanapi-core: its tree has 3 crates, at most 2"),
            "{finding}"
        );
    }

    #[test]
    fn what_is_not_on_the_list_is_named() {
        assert_eq!(
            check_allow_list(
                "humanapi-core",
                &parse(LISTING),
                &["humanapi-core", "serde"]
            ),
            ["humanapi-core: `serde_derive` is not on the list of what humanapi-core may need"]
        );
    }

    #[test]
    fn what_is_on_the_list_passes() {
        assert_eq!(
            check_allow_list("humanapi-core", &parse(LISTING), &CORE),
            [""; 0]
        );
    }

    #[track_caller]
    fn check_reach(package: &str, reached: &str, expected: usize) {
        let banned = NEVER.iter().find(|(name, ..)| *name == package).unwrap().2;
        let tree = parse(&format!("{package} v0.1.0\n{reached} v1.0.0\n"));
        assert_eq!(
            check_never(package, &tree, banned).len(),
            expected,
            "{package} → {reached}"
        );
    }

    #[test]
    fn arrows_that_must_not_exist_are_found() {
        for banned in [
            "tokio",
            "reqwest",
            "hyper",
            "async-trait",
            "futures-core",
            "url",
            "rand",
            "rand_core",
        ] {
            check_reach("humanapi-core", banned, 1);
        }
        check_reach("humanapi-client", "reqwest", 1);
        check_reach("humanapi-client", "hyper-util", 1);
        check_reach("humanapi-client", "rustls", 1);
        check_reach("humanapi-hyper", "reqwest", 1);
        check_reach("humanapi-hyper", "humanapi-reqwest", 1);
        check_reach("humanapi-reqwest", "humanapi-hyper", 1);
        check_reach("humanapi-sandbox", "humanapi-core", 1);
        check_reach("xtask", "humanapi-core", 1);
    }

    #[test]
    fn arrows_that_may_exist_pass() {
        check_reach("humanapi-client", "humanapi-core", 0);
        check_reach("humanapi-client", "tokio", 0);
        check_reach("humanapi-reqwest", "hyper", 0);
        check_reach("humanapi-sandbox", "hyper", 0);
    }

    #[test]
    fn a_dependency_that_needs_a_newer_compiler_is_found() {
        let dependencies = [
            ("old 1.0.0".to_owned(), Some(version("1.60.0"))),
            ("same 1.0.0".to_owned(), Some(version("1.88.0"))),
            ("new 1.0.0".to_owned(), Some(version("1.90.0"))),
            ("silent 1.0.0".to_owned(), None),
        ];
        assert_eq!(
            check_rust_version("humanapi-core", Some(&version("1.88.0")), &dependencies),
            ["humanapi-core: promises Rust 1.88.0, but new 1.0.0 needs 1.90.0"]
        );
    }

    #[test]
    fn a_crate_must_promise_a_compiler() {
        assert_eq!(
            check_rust_version("humanapi-core", None, &[]),
            ["humanapi-core: has no rust-version"]
        );
    }

    #[test]
    fn a_crate_not_to_use_is_found_in_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"atty\"\nversion = \"0.2.14\"\n\n[[package]]\nname = \"clap\"\nversion = \"4.6.0\"\n";
        assert_eq!(
            check_lock(lock, &DO_NOT_USE).unwrap(),
            ["Cargo.lock: `atty` is on the list of crates not to use"]
        );
    }
}
