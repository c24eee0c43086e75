//! The front page of each published crate, which docs.rs and the registry show without the repository around it.
//!
//! It has a whole example, names every feature, and holds no link to a file that is not there, on the forge neither. docs.rs
//! builds it with all features.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use toml_edit::{DocumentMut, Item};

use crate::step::Session;
use crate::workspace::{is_published, present_files};

/// The repository as a reader of docs.rs gets to it.
#[derive(Debug)]
struct Forge {
    /// Its address, without what names a branch.
    address: String,
    files: BTreeSet<String>,
}

impl Forge {
    /// Whether a link leads to a file or a folder of ours that is not there.
    fn lacks(&self, target: &str) -> bool {
        let Some(place) = target.strip_prefix(&self.address) else {
            return false;
        };
        let path =
            (place.strip_prefix("/blob/main/")).or_else(|| place.strip_prefix("/tree/main/"));
        let Some(path) = path.and_then(|path| path.split(['#', '?']).next()) else {
            return false;
        };
        let folder = format!("{}/", path.trim_end_matches('/'));
        let is_there = |file: &String| file == path || file.starts_with(&folder);
        !self.files.iter().any(is_there)
    }
}

/// Whose types an application hands to this crate by a line of its own in Cargo.toml: of another version they are other
/// types, and the compiler's words for that have to be searched for.
const HANDED_OVER: [(&str, &str); 4] = [
    ("humanapi", "axum"),
    ("humanapi", "reqwest"),
    ("humanapi-axum", "axum"),
    ("humanapi-reqwest", "reqwest"),
];

/// What is shown of one published crate.
#[derive(Debug)]
struct FrontPage {
    name: String,
    manifest: DocumentMut,
    readme: String,
    /// The sources of its library, by path; none where it is a command.
    sources: BTreeMap<String, String>,
}

/// Applies all rules to the workspace.
pub(crate) fn check(session: &Session) -> anyhow::Result<Vec<String>> {
    let files = present_files(session.programs())?;
    let mut forge = Forge {
        address: String::new(),
        files,
    };
    let mut findings = Vec::new();
    let root = std::fs::read_to_string(session.root().join("Cargo.toml"))
        .context("cannot read Cargo.toml")?
        .parse()?;
    for package in session.workspace()?.members() {
        if is_published(package) {
            let address = package.repository.clone();
            forge.address =
                address.with_context(|| format!("{} names no repository", package.name))?;
            let folder = package.manifest_path.parent();
            let folder = folder.context("a manifest lies in a folder")?;
            let folder = folder.strip_prefix(session.root()).unwrap_or(folder);
            let page = read(
                session,
                package.name.as_str(),
                folder.as_str(),
                &forge.files,
            )?;
            findings.extend(check_page(&page, &forge));
            findings.extend(check_versions(&page, &root));
        }
    }
    Ok(findings)
}

fn read(
    session: &Session,
    name: &str,
    folder: &str,
    files: &BTreeSet<String>,
) -> anyhow::Result<FrontPage> {
    let text = |path: &str| {
        std::fs::read_to_string(session.root().join(path))
            .with_context(|| format!("cannot read {path}"))
    };
    let folder = folder.replace('\\', "/");
    let library = format!("{folder}/src/lib.rs");
    let mut sources = BTreeMap::new();
    if files.contains(&library) {
        let start = format!("{folder}/src/");
        for file in files
            .iter()
            .filter(|file| file.starts_with(&start) && file.ends_with(".rs"))
        {
            sources.insert(file.clone(), text(file)?);
        }
    }
    Ok(FrontPage {
        name: name.to_owned(),
        manifest: text(&format!("{folder}/Cargo.toml"))?.parse()?,
        readme: text(&format!("{folder}/README.md"))?,
        sources,
    })
}

fn check_page(page: &FrontPage, forge: &Forge) -> Vec<String> {
    let mut findings = check_features(page);
    findings.extend(check_docs_rs(page));
    findings.extend(check_example(page));
    findings.extend(check_links(page, forge));
    findings
}

/// The page says of which version the crates are whose types it takes.
fn check_versions(page: &FrontPage, root: &DocumentMut) -> Vec<String> {
    let version = |name: &str| {
        let line = root.get("workspace")?.get("dependencies")?.get(name)?;
        let version = line.as_str().or_else(|| line.get("version")?.as_str())?;
        let parts: Vec<&str> = version.split('.').take(2).collect();
        Some(parts.join("."))
    };
    let names = HANDED_OVER.iter().filter(|(taker, _)| *taker == page.name);
    let told = names.map(|(_, name)| format!("{name} {}", version(name).unwrap_or_default()));
    told.filter(|told| !page.readme.contains(told.as_str()))
        .map(|told| format!("{}: README.md does not say `{told}`", page.name))
        .collect()
}

/// docs.rs shows what the default features hide only where it is asked to.
fn check_docs_rs(page: &FrontPage) -> Option<String> {
    let asked = page
        .manifest
        .get("package")
        .and_then(|package| {
            package
                .get("metadata")?
                .get("docs")?
                .get("rs")?
                .get("all-features")
        })
        .and_then(Item::as_bool);
    (asked != Some(true)).then(|| {
        format!(
            "{}: Cargo.toml lacks `all-features = true` under `[package.metadata.docs.rs]`",
            page.name
        )
    })
}

/// Each feature stands in code letters below a heading `Features`.
fn check_features(page: &FrontPage) -> Vec<String> {
    let features = page.manifest.get("features").and_then(Item::as_table_like);
    let names = features
        .iter()
        .flat_map(|features| features.iter())
        .map(|(name, _)| name)
        .filter(|name| *name != "default");
    let told = page
        .readme
        .split_once("\n## Features\n")
        .map_or("", |(_, rest)| rest.split("\n## ").next().unwrap_or(rest));
    names
        .filter(|name| !told.contains(&format!("`{name}`")))
        .map(|name| {
            format!(
                "{}: README.md does not tell of the feature `{name}` under `## Features`",
                page.name
            )
        })
        .collect()
}

/// A library's front page is its README, and that holds a program; a command's holds a command line.
fn check_example(page: &FrontPage) -> Vec<String> {
    let is_library = !page.sources.is_empty();
    let language = if is_library { "rust" } else { "sh" };
    let has_example = Parser::new(&page.readme).any(|event| {
        matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(words)))
            if words.split(',').next() == Some(language))
    });
    let shows_readme = page.sources.iter().any(|(path, text)| {
        path.ends_with("/src/lib.rs")
            && text.split("#![").skip(1).any(|attribute| {
                let attribute = attribute.split("]\n").next().unwrap_or(attribute);
                attribute.contains("include_str!(\"../README.md\")")
            })
    });
    let mut findings = Vec::new();
    if !has_example {
        findings.push(format!(
            "{}: README.md has no example in `{language}`",
            page.name
        ));
    }
    if is_library && !shows_readme {
        findings.push(format!(
            "{}: src/lib.rs does not begin with the README, so docs.rs has no front page",
            page.name
        ));
    }
    findings
}

/// A link to a file of the repository leads nowhere on docs.rs, and one to the forge is as good as what is there.
fn check_links(page: &FrontPage, forge: &Forge) -> Vec<String> {
    let mut findings = Vec::new();
    let mut check = |file: &str, markdown: &str| {
        for event in Parser::new(markdown) {
            let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
            else {
                continue;
            };
            if is_a_file(&dest_url) {
                findings.push(format!(
                    "{file}: `{dest_url}` leads nowhere on docs.rs: give the whole address"
                ));
            } else if forge.lacks(&dest_url) {
                findings.push(format!("{file}: there is nothing at `{dest_url}`"));
            }
        }
    };
    check(&format!("{}: README.md", page.name), &page.readme);
    for (path, text) in &page.sources {
        check(path, &comments(text));
    }
    findings
}

/// What stands in documentation comments.
fn comments(source: &str) -> String {
    let lines = source.lines().map(|line| {
        let line = line.trim_start();
        let told = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        // A comment's end is a paragraph's end.
        told.map_or("", |told| told.strip_prefix(' ').unwrap_or(told))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a link names a file, and neither a whole address, a place on the page nor an item.
fn is_a_file(target: &str) -> bool {
    let is_address = target.contains("://") || target.starts_with("mailto:");
    let is_item = target.contains("::") || target.contains('@') || target.contains('(');
    !is_address
        && !is_item
        && !target.starts_with('#')
        && (target.contains('/') || target.contains(".md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"one\"\n[package.metadata.docs.rs]\nall-features = true\n\
                            [features]\ndefault = [\"data\"]\ndata = []\n";
    const README: &str =
        "# one\n\n```rust,no_run\nlet one = 1;\n```\n\n## Features\n\n* `data`: more.\n\n## Else\n";
    const LIBRARY: &str = "//! One.\n#![doc = include_str!(\"../README.md\")]\n\n/// See [it](crate::It).\nstruct It;\n";

    fn page(manifest: &str, readme: &str, library: Option<&str>) -> FrontPage {
        let library = library.map(|text| ("crates/one/src/lib.rs".to_owned(), text.to_owned()));
        FrontPage {
            name: "one".to_owned(),
            manifest: manifest.parse().unwrap(),
            readme: readme.to_owned(),
            sources: library.into_iter().collect(),
        }
    }

    #[track_caller]
    fn check(page: &FrontPage, found: &[&str]) {
        let forge = Forge {
            address: "https://forge.test/one".to_owned(),
            files: ["docs/more.md", "crates/one/README.md"]
                .map(str::to_owned)
                .into(),
        };
        assert_eq!(check_page(page, &forge), found);
    }

    #[test]
    fn a_good_front_page_passes() {
        check(&page(MANIFEST, README, Some(LIBRARY)), &[]);
        let command = README.replace("rust,no_run", "sh");
        check(&page(MANIFEST, &command, None), &[]);
    }

    #[test]
    fn whoever_takes_types_of_another_crate_says_of_which_version() {
        let root =
            "[workspace.dependencies]\naxum = { version = \"0.8.9\" }\nreqwest = \"1.2.3\"\n";
        let check = |readme: &str, found: &[&str]| {
            let mut page = page(MANIFEST, readme, Some(LIBRARY));
            page.name = "humanapi".to_owned();
            assert_eq!(check_versions(&page, &root.parse().unwrap()), found);
        };
        check("With axum 0.8 and reqwest 1.2.", &[]);
        check(
            "With axum 0.7.",
            &[
                "humanapi: README.md does not say `axum 0.8`",
                "humanapi: README.md does not say `reqwest 1.2`",
            ],
        );
    }

    #[test]
    fn docs_rs_is_asked_for_all_features() {
        let found =
            "one: Cargo.toml lacks `all-features = true` under `[package.metadata.docs.rs]`";
        for manifest in [
            MANIFEST.replace("all-features = true", "all-features = false"),
            MANIFEST.replace("docs.rs", "docs.other"),
        ] {
            check(&page(&manifest, README, Some(LIBRARY)), &[found]);
        }
    }

    #[test]
    fn a_feature_that_is_told_nowhere_or_elsewhere_is_missed() {
        let found = "one: README.md does not tell of the feature `data` under `## Features`";
        for readme in [
            README.replace("`data`", "`date`"),
            README.replace(
                "* `data`: more.\n\n## Else\n",
                "## Else\n\n* `data`: more.\n",
            ),
            README.replace("## Features", "## Switches"),
        ] {
            check(&page(MANIFEST, &readme, Some(LIBRARY)), &[found]);
        }
    }

    #[test]
    fn a_front_page_without_an_example_is_found() {
        let readme = README.replace("rust,no_run", "text");
        check(
            &page(MANIFEST, &readme, Some(LIBRARY)),
            &["one: README.md has no example in `rust`"],
        );
        let library = LIBRARY.replace("#![doc", "#[doc");
        check(
            &page(MANIFEST, README, Some(&library)),
            &["one: src/lib.rs does not begin with the README, so docs.rs has no front page"],
        );
    }

    #[test]
    fn a_link_to_the_forge_leads_to_what_is_there() {
        let to = |path: &str| format!("{README}\n[more](https://forge.test/one{path})\n");
        for path in [
            "/blob/main/docs/more.md#else",
            "/tree/main/crates/one/",
            "/tree/main/docs",
            "/issues",
        ] {
            check(&page(MANIFEST, &to(path), Some(LIBRARY)), &[]);
        }
        for path in ["/blob/main/docs/mor.md", "/tree/main/crates/on"] {
            let found =
                format!("one: README.md: there is nothing at `https://forge.test/one{path}`");
            check(&page(MANIFEST, &to(path), Some(LIBRARY)), &[&found]);
        }
    }

    #[test]
    fn a_link_to_a_file_is_found_in_the_readme_and_in_the_sources() {
        let readme =
            format!("{README}\n[more](../two/README.md) [that](https://a.test/b.md) [up](#one)\n");
        let library = format!(
            "{LIBRARY}/// ![a picture](images/one.png), [b](B) and [c](crate::c::d), [e](fn@e).\nfn f() {{}}\n"
        );
        check(
            &page(MANIFEST, &readme, Some(&library)),
            &[
                "one: README.md: `../two/README.md` leads nowhere on docs.rs: give the whole address",
                "crates/one/src/lib.rs: `images/one.png` leads nowhere on docs.rs: give the whole address",
            ],
        );
    }
}
