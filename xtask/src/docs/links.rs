//! Links between the Markdown files of the repository: every file and every heading that one names exists.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What one Markdown file offers and asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    anchors: BTreeSet<String>,
    links: Vec<Link>,
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    line: usize,
    target: String,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Self {
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS;
        let mut page = Self::default();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let count = seen.entry(slug.clone()).or_default();
                    page.anchors.insert(if *count == 0 {
                        slug
                    } else {
                        format!("{slug}-{count}")
                    });
                    *count += 1;
                }
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    page.anchors.extend(html_anchors(&html))
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text
                        .bytes()
                        .take(range.start)
                        .filter(|&byte| byte == b'\n')
                        .count()
                        + 1;
                    page.links.push(Link {
                        line,
                        target: dest_url.into_string(),
                    });
                }
                _ => {}
            }
        }
        page
    }
}

/// Every link that leads nowhere, as `file:line: why`.
pub(crate) fn check(pages: &BTreeMap<String, Page>, files: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, page) in pages {
        for link in &page.links {
            if let Some(why) = broken(file, &link.target, pages, files) {
                findings.push(format!("{file}:{}: `{}`: {why}", link.line, link.target));
            }
        }
    }
    findings
}

/// Why a link leads nowhere, if it does.
fn broken(
    from: &str,
    target: &str,
    pages: &BTreeMap<String, Page>,
    files: &BTreeSet<String>,
) -> Option<String> {
    if leaves_repository(target) {
        return None;
    }
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() {
        from.to_owned()
    } else {
        match resolve(from, path) {
            Some(path) => path,
            None => return Some("leads out of the repository".to_owned()),
        }
    };
    let is_folder = path.is_empty()
        || files
            .range(format!("{path}/")..)
            .next()
            .is_some_and(|file| file.starts_with(&format!("{path}/")));
    if !files.contains(&path) && !is_folder {
        return Some(format!("there is no {path}"));
    }
    match (anchor, pages.get(&path)) {
        (Some(anchor), Some(page)) if !page.anchors.contains(anchor) => {
            Some(format!("{path} has no heading `#{anchor}`"))
        }
        _ => None,
    }
}

/// The path, relative to the root, of the file or folder that a link in the file `from` names; nothing for a link to
/// the page itself or out of the repository.
pub(crate) fn inside(from: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().filter(|path| !path.is_empty())?;
    (!leaves_repository(path)).then(|| resolve(from, path))?
}

/// True for an address on the web or of mail, and for a path of Rust items, which rustdoc checks.
fn leaves_repository(target: &str) -> bool {
    let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    });
    has_scheme || target.starts_with("//") || target.contains("::")
}

/// The path, relative to the root, of what `path` means in the file `from`.
fn resolve(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if path.starts_with('/') {
        parts.clear();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The anchor that forges give a heading: lower case, punctuation gone, spaces as hyphens.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        })
        .collect()
}

/// Anchors set by hand: `<a id="here">`, `<a name="here">`.
fn html_anchors(html: &str) -> Vec<String> {
    ["id=\"", "name=\""]
        .iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .filter_map(|rest| rest.split_once('"').map(|(anchor, _)| anchor.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_links(texts: &[(&str, &str)], other_files: &[&str], expected: &[&str]) {
        let pages: BTreeMap<String, Page> = texts
            .iter()
            .map(|(file, text)| ((*file).to_owned(), Page::parse(text)))
            .collect();
        let mut files: BTreeSet<String> = pages.keys().cloned().collect();
        files.extend(other_files.iter().map(|&file| file.to_owned()));
        assert_eq!(check(&pages, &files), expected);
    }

    #[test]
    fn links_to_files_and_folders_that_exist_pass() {
        check_links(
            &[
                (
                    "README.md",
                    "[style](docs/style.md), [docs](docs), [docs](docs/), [code](src/lib.rs#L3)",
                ),
                (
                    "docs/style.md",
                    "[up](../README.md) [root](/README.md) ![image](pic.png)",
                ),
            ],
            &["src/lib.rs", "docs/pic.png"],
            &[],
        );
    }

    #[test]
    fn a_link_to_a_file_that_does_not_exist_is_told_with_its_line() {
        check_links(
            &[("docs/a.md", "# A\n\n[gone](b.md)\n")],
            &[],
            &["docs/a.md:3: `b.md`: there is no docs/b.md"],
        );
    }

    #[test]
    fn a_folder_is_not_mistaken_for_a_longer_name() {
        check_links(
            &[("a.md", "[doc](doc)")],
            &["docs/b.rs"],
            &["a.md:1: `doc`: there is no doc"],
        );
    }

    #[test]
    fn a_link_out_of_the_repository_is_refused() {
        check_links(
            &[("a.md", "[up](../b.md)")],
            &[],
            &["a.md:1: `../b.md`: leads out of the repository"],
        );
    }

    #[test]
    fn headings_are_found_by_the_anchor_a_forge_gives_them() {
        check_links(
            &[
                (
                    "a.md",
                    "[1](b.md#how-to-run-one-kind) [2](#here) [3](b.md#again-1) [4](b.md#a--b) [5](b.md#by-hand)",
                ),
                (
                    "b.md",
                    "# How to run *one* kind?\n# Again\n# Again\n## A & b\n<a id=\"by-hand\"></a>\n",
                ),
            ],
            &[],
            &["a.md:1: `#here`: a.md has no heading `#here`"],
        );
    }

    #[test]
    fn code_in_a_heading_counts() {
        check_links(
            &[(
                "a.md",
                "# Run `cargo xtask test`\n[x](#run-cargo-xtask-test)",
            )],
            &[],
            &[],
        );
    }

    #[test]
    fn links_that_leave_are_not_followed() {
        check_links(
            &[(
                "a.md",
                "[web](https://example.test/x.md#y) [mail](mailto:a@example.test) [item](crate::Client)",
            )],
            &[],
            &[],
        );
    }

    #[test]
    fn code_is_no_link() {
        check_links(
            &[("a.md", "`[x](gone.md)`\n\n```\n[x](gone.md)\n```\n")],
            &[],
            &[],
        );
    }

    #[test]
    fn reference_definitions_are_links() {
        check_links(
            &[("a.md", "[x][y]\n\n[y]: gone.md\n")],
            &[],
            &["a.md:1: `gone.md`: there is no gone.md"],
        );
    }
}
