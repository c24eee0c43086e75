//! Rules about manifests: what a published crate tells about itself, and where versions come from.

use std::collections::BTreeSet;

use anyhow::Context as _;
use cargo_metadata::semver::{Version, VersionReq};
use toml_edit::{DocumentMut, Item, TableLike};

use crate::step::Session;
use crate::workspace::{each_after_its_needs, present_files};

/// What the page of a published crate is made from.
const REQUIRED: [&str; 5] = [
    "description",
    "license",
    "repository",
    "rust-version",
    "readme",
];
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// One crate of the workspace.
#[derive(Debug)]
struct Member {
    name: String,
    version: Version,
    published: bool,
    manifest: DocumentMut,
    /// Paths of its files, relative to its folder.
    files: BTreeSet<String>,
}

/// Applies all rules to the workspace.
pub(crate) fn check(session: &Session) -> anyhow::Result<Vec<String>> {
    let files = present_files(session.programs())?;
    let root: DocumentMut = std::fs::read_to_string(session.root().join("Cargo.toml"))?.parse()?;
    let members = members(session, &files)?;
    let mut findings = Vec::new();
    for member in &members {
        findings.extend(check_lints(member));
        findings.extend(check_versions_come_from_workspace(member));
        if member.published {
            findings.extend(check_published(member));
        }
    }
    findings.extend(check_internal_requirements(&root, &members));
    findings.extend(check_publish_order(&root, &members));
    Ok(findings)
}

fn members(session: &Session, files: &BTreeSet<String>) -> anyhow::Result<Vec<Member>> {
    session
        .workspace()?
        .members()
        .into_iter()
        .map(|package| {
            let folder = package
                .manifest_path
                .parent()
                .context("a manifest lies in a folder")?;
            let folder = folder.strip_prefix(session.root()).unwrap_or(folder);
            let start = format!("{folder}/").replace('\\', "/");
            Ok(Member {
                name: package.name.to_string(),
                version: package.version.clone(),
                published: crate::workspace::is_published(package),
                manifest: std::fs::read_to_string(&package.manifest_path)?
                    .parse()
                    .with_context(|| format!("cannot read {}", package.manifest_path))?,
                files: files
                    .iter()
                    .filter_map(|file| file.strip_prefix(&start))
                    .map(str::to_owned)
                    .collect(),
            })
        })
        .collect()
}

fn check_lints(member: &Member) -> Option<String> {
    let shared = member
        .manifest
        .get("lints")
        .is_some_and(takes_from_workspace);
    (!shared).then(|| {
        format!(
            "{}: Cargo.toml lacks `[lints] workspace = true`",
            member.name
        )
    })
}

fn check_published(member: &Member) -> Vec<String> {
    let package = member.manifest.get("package").and_then(Item::as_table_like);
    let mut findings: Vec<String> = REQUIRED
        .iter()
        .filter(|key| package.is_none_or(|package| package.get(key).is_none_or(says_nothing)))
        .map(|key| format!("{}: Cargo.toml lacks `{key}`", member.name))
        .collect();
    let readme = package
        .and_then(|package| package.get("readme"))
        .and_then(Item::as_str)
        .unwrap_or("README.md");
    for file in [readme, "CHANGELOG.md"] {
        if !member.files.contains(file) {
            findings.push(format!("{}: there is no {file}", member.name));
        }
    }
    findings
}

fn check_versions_come_from_workspace(member: &Member) -> Vec<String> {
    dependency_tables(&member.manifest)
        .into_iter()
        .flat_map(|(_, table)| table.iter())
        .filter(|(_, item)| !takes_from_workspace(item))
        .map(|(name, _)| {
            format!("{}: `{name}` must be `workspace = true`; its version stands in the root Cargo.toml", member.name)
        })
        .collect()
}

/// A dependency on a crate of our own names that crate's version if it is published, and none if it is not:
/// cargo then leaves it out of what is published.
fn check_internal_requirements(root: &DocumentMut, members: &[Member]) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members {
        let Some(entry) = workspace_dependencies(root).and_then(|table| table.get(&member.name))
        else {
            continue;
        };
        let requirement = entry.get("version").and_then(Item::as_str);
        match (member.published, requirement) {
            (false, None) => {}
            (false, Some(_)) => findings.push(format!(
                "Cargo.toml: `{}` is not published, so `[workspace.dependencies]` must give no version for it",
                member.name
            )),
            (true, None) => findings.push(format!(
                "Cargo.toml: `{}` is published, so `[workspace.dependencies]` must give its version",
                member.name
            )),
            (true, Some(requirement)) => {
                if !VersionReq::parse(requirement).is_ok_and(|parsed| parsed.matches(&member.version)) {
                    findings.push(format!(
                        "Cargo.toml: `{}` is at {}, but `[workspace.dependencies]` asks for {requirement}",
                        member.name, member.version
                    ));
                }
            }
        }
    }
    for member in members.iter().filter(|member| member.published) {
        for (kind, table) in dependency_tables(&member.manifest) {
            for (name, _) in table.iter() {
                let unpublished = members
                    .iter()
                    .any(|other| other.name == name && !other.published);
                if unpublished && kind != "dev-dependencies" {
                    findings.push(format!(
                        "{}: `{name}` is not published, so it may only be a dev-dependency",
                        member.name
                    ));
                }
            }
        }
    }
    findings
}

/// Published crates can be put in an order in which each comes after all it names, dev-dependencies included.
fn check_publish_order(root: &DocumentMut, members: &[Member]) -> Option<String> {
    let needs = members
        .iter()
        .filter(|member| member.published)
        .map(|member| {
            let needs = dependency_tables(&member.manifest)
                .into_iter()
                .flat_map(|(_, table)| table.iter())
                .map(|(name, _)| name)
                .filter(|name| {
                    members
                        .iter()
                        .any(|other| other.published && other.name == *name)
                })
                .filter(|name| {
                    workspace_dependencies(root)
                        .and_then(|table| table.get(name))
                        .is_some_and(|entry| entry.get("version").is_some())
                })
                .collect();
            (member.name.as_str(), needs)
        });
    let circle = each_after_its_needs(needs.collect()).err()?;
    Some(format!(
        "no order to publish in: each of these needs another of them: {}",
        circle.join(", ")
    ))
}

/// All tables of dependencies with their kind, those for particular targets included.
fn dependency_tables(manifest: &DocumentMut) -> Vec<(&'static str, &dyn TableLike)> {
    let mut places: Vec<&dyn TableLike> = vec![manifest.as_table()];
    if let Some(targets) = manifest.get("target").and_then(Item::as_table_like) {
        places.extend(
            targets
                .iter()
                .filter_map(|(_, target)| target.as_table_like()),
        );
    }
    places
        .into_iter()
        .flat_map(|place| {
            DEPENDENCIES.into_iter().filter_map(move |kind| {
                place
                    .get(kind)
                    .and_then(Item::as_table_like)
                    .map(|table| (kind, table))
            })
        })
        .collect()
}

fn workspace_dependencies(root: &DocumentMut) -> Option<&dyn TableLike> {
    root.get("workspace")?.get("dependencies")?.as_table_like()
}

fn takes_from_workspace(item: &Item) -> bool {
    item.get("workspace").and_then(Item::as_bool) == Some(true)
}

/// True for an empty text and for `readme = false`.
fn says_nothing(item: &Item) -> bool {
    item.as_str().is_some_and(|text| text.trim().is_empty()) || item.as_bool() == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = r#"
        [workspace.dependencies]
        core = { path = "crates/core", version = "0.1.0" }
        client = { path = "crates/client", version = "0.1.0" }
        kit = { path = "crates/kit" }
    "#;

    const GOOD: &str = r#"
        [package]
        description = "Does one thing"
        license.workspace = true
        repository.workspace = true
        rust-version = "1.88"
        readme = "README.md"
        [lints]
        workspace = true
        [dependencies]
        serde.workspace = true
        http = { workspace = true, features = ["std"] }
    "#;

    fn member(name: &str, published: bool, manifest: &str) -> Member {
        Member {
            name: name.to_owned(),
            version: Version::new(0, 1, 2),
            published,
            manifest: manifest.parse().unwrap(),
            files: ["README.md", "CHANGELOG.md", "src/lib.rs"]
                .map(str::to_owned)
                .into(),
        }
    }

    fn root(text: &str) -> DocumentMut {
        text.parse().unwrap()
    }

    #[test]
    fn a_good_manifest_passes() {
        let member = member("core", true, GOOD);
        assert_eq!(check_lints(&member), None);
        assert_eq!(check_published(&member), [""; 0]);
        assert_eq!(check_versions_come_from_workspace(&member), [""; 0]);
        assert_eq!(check_internal_requirements(&root(ROOT), &[member]), [""; 0]);
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_found() {
        let missing = member("core", true, "[package]\n");
        assert_eq!(
            check_lints(&missing).unwrap(),
            "core: Cargo.toml lacks `[lints] workspace = true`"
        );
        assert!(
            check_lints(&member(
                "core",
                true,
                "[lints.rust]\nunsafe_code = \"deny\"\n"
            ))
            .is_some()
        );
    }

    #[test]
    fn each_field_of_a_published_crate_is_missed() {
        for field in REQUIRED {
            let manifest: String = GOOD
                .lines()
                .filter(|line| !line.trim().starts_with(field))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(
                check_published(&member("core", true, &manifest)),
                [format!("core: Cargo.toml lacks `{field}`")]
            );
        }
    }

    #[test]
    fn an_empty_description_counts_as_none() {
        let manifest = GOOD.replace("Does one thing", " ");
        assert_eq!(
            check_published(&member("core", true, &manifest)),
            ["core: Cargo.toml lacks `description`"]
        );
    }

    #[test]
    fn files_of_a_published_crate_are_missed() {
        let mut member = member("core", true, GOOD);
        member.files.clear();
        assert_eq!(
            check_published(&member),
            [
                "core: there is no README.md",
                "core: there is no CHANGELOG.md"
            ]
        );
    }

    #[test]
    fn a_version_outside_the_workspace_table_is_found() {
        for manifest in [
            "[dependencies]\nserde = \"1\"\n",
            "[dev-dependencies]\nserde = { version = \"1\" }\n",
            "[build-dependencies.serde]\nversion = \"1\"\n",
            "[target.'cfg(unix)'.dependencies]\nserde = \"1\"\n",
        ] {
            let findings = check_versions_come_from_workspace(&member("core", true, manifest));
            assert_eq!(findings.len(), 1, "{manifest}");
            assert!(
                findings[0].starts_with("core: `serde` must be `workspace = true`"),
                "{findings:?}"
            );
        }
    }

    #[test]
    fn an_unpublished_crate_must_not_be_asked_for_by_version() {
        let text = ROOT.replace("\"crates/kit\"", "\"crates/kit\", version = \"0.1.0\"");
        let findings = check_internal_requirements(&root(&text), &[member("kit", false, GOOD)]);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].contains("`kit` is not published"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_published_crate_must_be_asked_for_by_its_version() {
        let findings = check_internal_requirements(
            &root(&ROOT.replace(", version = \"0.1.0\"", "")),
            &[member("core", true, GOOD)],
        );
        assert!(findings[0].contains("`core` is published"), "{findings:?}");
        let findings = check_internal_requirements(
            &root(&ROOT.replace("0.1.0", "0.2.0")),
            &[member("core", true, GOOD)],
        );
        assert!(findings[0].contains("`core` is at 0.1.2"), "{findings:?}");
    }

    #[test]
    fn a_published_crate_may_need_an_unpublished_one_only_for_its_tests() {
        let kit = || member("kit", false, GOOD);
        let tests_only = member("core", true, "[dev-dependencies]\nkit.workspace = true\n");
        assert_eq!(
            check_internal_requirements(&root(ROOT), &[tests_only, kit()]),
            [""; 0]
        );
        let always = member("core", true, "[dependencies]\nkit.workspace = true\n");
        assert_eq!(
            check_internal_requirements(&root(ROOT), &[always, kit()]),
            ["core: `kit` is not published, so it may only be a dev-dependency"]
        );
    }

    #[test]
    fn crates_that_wait_for_each_other_cannot_be_published() {
        let core = || {
            member(
                "core",
                true,
                "[dev-dependencies]\nclient.workspace = true\n",
            )
        };
        let client = member("client", true, "[dependencies]\ncore.workspace = true\n");
        assert_eq!(
            check_publish_order(&root(ROOT), &[core(), client]).unwrap(),
            "no order to publish in: each of these needs another of them: client, core"
        );
        assert_eq!(
            check_publish_order(&root(ROOT), &[core(), member("client", true, GOOD)]),
            None
        );
    }

    #[test]
    fn an_unpublished_crate_stands_in_nobodys_way() {
        let core = member("core", true, "[dev-dependencies]\nkit.workspace = true\n");
        let kit = member("kit", false, "[dependencies]\ncore.workspace = true\n");
        assert_eq!(check_publish_order(&root(ROOT), &[core, kit]), None);
    }
}
