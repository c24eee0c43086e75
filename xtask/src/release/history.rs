//! What the plan is made from: manifests, tags, what has changed since them, changelogs, and the public API.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use cargo_metadata::semver::{Version, VersionReq};
use cargo_metadata::{DependencyKind, Package, TargetKind};
use toml_edit::{DocumentMut, Item};

use super::changelog;
use super::plan::{Changelog, Crate, Level, Need};
use crate::step::Session;
use crate::tools::CARGO_SEMVER_CHECKS;
use crate::workspace::is_published;

/// The tag of one release of one crate.
pub(crate) fn tag(name: &str, version: &Version) -> String {
    format!("{name}-v{version}")
}

/// What is known, and what could not be found out.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) crates: Vec<Crate>,
    /// Why the plan may be too small, each in one line.
    pub(crate) gaps: Vec<String>,
}

/// Looks everything up. With `compare`, public APIs of changed libraries are compared with their last release.
pub(crate) fn gather(session: &Session, compare: bool) -> anyhow::Result<History> {
    let workspace = session.workspace()?;
    let tags = tags(session)?;
    let root_now = std::fs::read_to_string(session.root().join("Cargo.toml"))?;
    let members = workspace.members();
    let names: BTreeSet<&str> = members
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let comparer = match compare {
        true => Some(CARGO_SEMVER_CHECKS.found(session.programs())?.is_some()),
        false => None,
    };
    let mut crates = Vec::new();
    let mut unseen = Vec::new();
    for package in &members {
        let published = is_published(package);
        let library = package.targets.iter().any(|target| {
            target
                .kind
                .iter()
                .any(|kind| matches!(kind, TargetKind::Lib | TargetKind::ProcMacro))
        });
        let folder = folder(session, package)?;
        let last = newest(&tags, &package.name);
        let changed = match &last {
            Some(last) if published => changed_since(
                session,
                package,
                &folder,
                &tag(&package.name, last),
                &root_now,
                &names,
            )?,
            _ => Vec::new(),
        };
        let api = match (&last, library && !changed.is_empty(), comparer) {
            (Some(last), true, Some(true)) => {
                compare_api(session, &package.name, &tag(&package.name, last))?
            }
            (Some(_), true, Some(false)) => {
                unseen.push(package.name.to_string());
                None
            }
            _ => None,
        };
        let prepared = match published {
            true => prepared_at(session, &package.name, &package.version)?,
            false => None,
        };
        let since_prepared = match prepared {
            Some(commit) => Some(changed_since(
                session, package, &folder, &commit, &root_now, &names,
            )?),
            None => None,
        };
        crates.push(Crate {
            since_prepared,
            name: package.name.to_string(),
            version: package.version.clone(),
            published,
            library,
            needs: needs(package, &names),
            last,
            changed,
            changelog: if published {
                read_changelog(session, &folder)?
            } else {
                Changelog::default()
            },
            api,
        });
    }
    let mut gaps = Vec::new();
    if !unseen.is_empty() {
        gaps.push(format!(
            "the public API of {} was not compared with the last release: {}",
            unseen.join(", "),
            CARGO_SEMVER_CHECKS.missing()
        ));
    }
    Ok(History { crates, gaps })
}

/// The line by which the commit that prepares a version can be found again.
pub(crate) fn prepared_trailer(name: &str, version: &Version) -> String {
    format!("Prepared: {name} {version}")
}

/// The newest commit that prepared this version.
fn prepared_at(session: &Session, name: &str, version: &Version) -> anyhow::Result<Option<String>> {
    let trailer = prepared_trailer(name, version);
    let log = session.read(session.program("git").args([
        "log",
        "--fixed-strings",
        &format!("--grep={trailer}"),
        "--format=%H%x00%(trailers:only,unfold)%x00",
    ]))?;
    let mut parts = log.split('\0');
    while let (Some(commit), Some(trailers)) = (parts.next(), parts.next()) {
        // What was searched for may also be the beginning of another version's line.
        if trailers.lines().any(|line| line == trailer) {
            return Ok(Some(commit.trim().to_owned()));
        }
    }
    Ok(None)
}

/// The tags that lead here.
pub(crate) fn tags(session: &Session) -> anyhow::Result<String> {
    session.read(session.program("git").args(["tag", "--merged", "HEAD"]))
}

/// The folder of a crate relative to the root, with slashes.
pub(crate) fn folder(session: &Session, package: &Package) -> anyhow::Result<String> {
    let folder = package
        .manifest_path
        .parent()
        .context("a manifest lies in a folder")?;
    Ok(folder
        .strip_prefix(session.root())
        .unwrap_or(folder)
        .as_str()
        .replace('\\', "/"))
}

fn read_changelog(session: &Session, folder: &str) -> anyhow::Result<Changelog> {
    let path = format!("{folder}/CHANGELOG.md");
    let text = std::fs::read_to_string(session.root().join(&path))
        .with_context(|| format!("cannot read {path}"))?;
    changelog::parse(&text).with_context(|| format!("cannot understand {path}"))
}

/// The newest version that is tagged for a crate.
pub(crate) fn newest(tags: &str, name: &str) -> Option<Version> {
    tags.lines()
        .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix("-v"))
        .filter_map(|version| version.parse().ok())
        .max()
}

fn needs(package: &Package, names: &BTreeSet<&str>) -> Vec<Need> {
    let mut needs: BTreeMap<&str, Need> = BTreeMap::new();
    for dependency in &package.dependencies {
        if !names.contains(dependency.name.as_str()) {
            continue;
        }
        let for_tests = dependency.kind == DependencyKind::Development;
        // A path without a version reads as any version.
        let requirement = (dependency.req != VersionReq::STAR).then(|| dependency.req.clone());
        let need = needs.entry(&dependency.name).or_insert_with(|| Need {
            name: dependency.name.clone(),
            for_tests,
            requirement: requirement.clone(),
        });
        need.for_tests &= for_tests;
        if need.requirement.is_none() {
            need.requirement = requirement;
        }
    }
    needs.into_values().collect()
}

/// What users of a crate get and is not as it was at that tag or commit.
fn changed_since(
    session: &Session,
    package: &Package,
    folder: &str,
    then: &str,
    root_now: &str,
    own: &BTreeSet<&str>,
) -> anyhow::Result<Vec<String>> {
    let listing = session.read(session.program("git").args([
        "diff",
        "--name-only",
        "-z",
        then,
        "--",
        folder,
    ]))?;
    let mut paths: Vec<String> = listing
        .split('\0')
        .filter(|path| {
            path.strip_prefix(folder)
                .and_then(|path| path.strip_prefix('/'))
                .is_some_and(reaches_users)
        })
        .map(str::to_owned)
        .collect();
    let root_then = session.read(
        session
            .program("git")
            .args(["show", &format!("{then}:Cargo.toml")]),
    )?;
    let manifest = std::fs::read_to_string(&package.manifest_path)?;
    paths.extend(
        inherited(
            &root_then.parse()?,
            &root_now.parse()?,
            &manifest.parse()?,
            own,
        )
        .into_iter()
        .map(|key| format!("Cargo.toml ({key})")),
    );
    Ok(paths)
}

/// True for what changes the crate for those who use it; tests, benches and prose do not.
fn reaches_users(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or(path);
    let aside = ["tests", "benches", "examples", "proptest-regressions"];
    !(aside.contains(&first) && path.contains('/')
        || path.ends_with(".md")
        || path == "clippy.toml")
}

/// What a crate takes over from the root manifest and is not as it was. Versions of the workspace's own crates
/// are left out: whether they matter is what the plan decides.
fn inherited(
    then: &DocumentMut,
    now: &DocumentMut,
    manifest: &DocumentMut,
    own: &BTreeSet<&str>,
) -> Vec<String> {
    let mut keys = BTreeSet::new();
    let mut places: Vec<&dyn toml_edit::TableLike> = vec![manifest.as_table()];
    if let Some(targets) = manifest.get("target").and_then(Item::as_table_like) {
        places.extend(
            targets
                .iter()
                .filter_map(|(_, target)| target.as_table_like()),
        );
    }
    for place in places {
        for kind in ["dependencies", "build-dependencies"] {
            if let Some(table) = place.get(kind).and_then(Item::as_table_like) {
                keys.extend(
                    table
                        .iter()
                        .filter(|(name, _)| !own.contains(name))
                        .map(|(name, _)| ("dependencies", name.to_owned())),
                );
            }
        }
    }
    if let Some(package) = manifest.get("package").and_then(Item::as_table_like) {
        keys.extend(
            package
                .iter()
                .filter(|(_, item)| item.get("workspace").is_some())
                .map(|(name, _)| ("package", name.to_owned())),
        );
    }
    let plain = |document: &DocumentMut, table: &str, name: &str| {
        document
            .get("workspace")
            .and_then(|workspace| workspace.get(table))
            .and_then(|table| table.get(name))
            .map(without_decor)
    };
    keys.into_iter()
        .filter(|(table, name)| plain(then, table, name) != plain(now, table, name))
        .map(|(table, name)| format!("[workspace.{table}] {name}"))
        .collect()
}

/// An entry as words, so that blanks and comments make no difference.
fn without_decor(item: &Item) -> String {
    item.to_string()
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// What a comparison of the public API with the one at the tag demands.
fn compare_api(session: &Session, name: &str, tag: &str) -> anyhow::Result<Option<Level>> {
    let (_, output) = session.capture(session.program("cargo-semver-checks").args([
        "semver-checks",
        "--package",
        name,
        "--baseline-rev",
        tag,
        "--release-type",
        "patch",
        "--all-features",
        "--color",
        "never",
    ]))?;
    verdict(&output)
        .with_context(|| format!("cargo-semver-checks came to no verdict on {name}:\n{output}"))
        .map(Some)
}

/// Reads the last lines of cargo-semver-checks.
fn verdict(output: &str) -> Option<Level> {
    let summary = output
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with("Summary"))?;
    if summary.contains("requires new major version") {
        Some(Level::Breaking)
    } else if summary.contains("requires new minor version") {
        Some(Level::Minor)
    } else if summary.contains("no semver update required") {
        Some(Level::Patch)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_tag_is_found_by_version_and_whole_name() {
        let tags =
            "humanapi-core-v0.9.0\nhumanapi-core-v0.10.0\nhumanapi-v9.0.0\nhumanapi-core-vx\n";
        assert_eq!(newest(tags, "humanapi-core"), Some(Version::new(0, 10, 0)));
        assert_eq!(newest(tags, "humanapi"), Some(Version::new(9, 0, 0)));
        assert_eq!(newest(tags, "humanapi-client"), None);
        assert_eq!(
            newest("a-v1.0.0\na-v1.0.0-rc.1\n", "a"),
            Some(Version::new(1, 0, 0))
        );
    }

    #[test]
    fn what_users_never_see_is_no_change() {
        let seen = [
            "src/lib.rs",
            "Cargo.toml",
            "build.rs",
            "assets/page.css",
            "tests.rs",
        ];
        let unseen = [
            "tests/a.rs",
            "benches/b.rs",
            "examples/c.rs",
            "README.md",
            "CHANGELOG.md",
            "src/notes.md",
            "clippy.toml",
        ];
        for path in seen {
            assert!(reaches_users(path), "{path}");
        }
        for path in unseen {
            assert!(!reaches_users(path), "{path}");
        }
    }

    #[track_caller]
    fn check_inherited(now: &str, expected: &[&str]) {
        let then = "[workspace.package]\nlicense = \"MIT\"\n[workspace.dependencies]\nhttp = { version = \"1.4\", features = [\"std\"] } # words\nserde = \"1\"\ncore = { path = \"core\", version = \"0.1.0\" }\n";
        let manifest = "[package]\nlicense.workspace = true\n[dependencies]\nhttp.workspace = true\ncore.workspace = true\n[dev-dependencies]\nserde.workspace = true\n";
        let found = inherited(
            &then.parse().unwrap(),
            &now.parse().unwrap(),
            &manifest.parse().unwrap(),
            &BTreeSet::from(["core"]),
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_a_crate_takes_over_counts() {
        let same = "[workspace.package]\nlicense = \"MIT\"\n[workspace.dependencies]\nhttp = { version = \"1.4\", features = [\"std\"] }\n";
        check_inherited(same, &[]);
        check_inherited(
            &format!("{same}serde = \"2\"\ncore = {{ path = \"core\", version = \"0.2.0\" }}\n"),
            &[],
        );
        check_inherited(
            &same.replace("1.4", "1.5"),
            &["[workspace.dependencies] http"],
        );
        check_inherited(
            &same.replace("MIT", "ISC"),
            &["[workspace.package] license"],
        );
    }

    #[test]
    fn a_comparison_is_read_from_its_summary() {
        let breaking =
            "     Summary semver requires new major version: 1 major and 0 minor checks failed";
        let minor =
            "     Summary semver requires new minor version: 0 major and 1 minor checks failed";
        assert_eq!(verdict(breaking), Some(Level::Breaking));
        assert_eq!(verdict(minor), Some(Level::Minor));
        assert_eq!(
            verdict("     Summary no semver update required\n    Finished"),
            Some(Level::Patch)
        );
        assert_eq!(verdict("error: cannot build"), None);
    }
}
