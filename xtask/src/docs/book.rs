//! The book: staged from `docs/`, built by mdBook with its diagrams, then read again as a reader would.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{blocks, built, links, messages, summary};
use crate::public_api;
use crate::step::{Outcome, Session};
use crate::tools::{MDBOOK, MDBOOK_MERMAID, NODE};
use crate::workspace::present_files;

/// Where the pages are.
pub(crate) const FOLDER: &str = "docs/";

/// What readers search for who do not know our words, and the page that has to be the first hit.
const SEARCHES: [(&str, &str); 13] = [
    ("OAuth", "tokens-and-connect.html"),
    ("refresh", "tokens-and-connect.html"),
    ("provisioning", "tokens-and-connect.html"),
    ("HIP", "tokens-and-connect.html"),
    ("pagination", "reading-health-data.html"),
    ("FHIR", "reading-health-data.html"),
    ("rate limit", "troubleshooting.html"),
    ("429", "troubleshooting.html"),
    ("timeout", "troubleshooting.html"),
    ("proxy", "troubleshooting.html"),
    ("exit code", "troubleshooting.html"),
    ("webhook", "notifications.html"),
    ("notification", "notifications.html"),
];

/// Asks the built index as the book's own search does, and prints the page of the first hit of each word.
const SEARCH: &str = "xtask/src/docs/search.js";

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step("every page is in the summary", |session| {
        Ok(Outcome::from_findings(&summary::check(&pages(session)?)))
    });
    session.step("code blocks", |session| {
        let compiled = compiled_pages(session)?;
        Ok(Outcome::from_findings(&blocks::check(
            &pages(session)?,
            &compiled,
        )))
    });
    session.step("messages in Troubleshooting", |session| {
        let pages = pages(session)?;
        let page = (pages.get(messages::PAGE))
            .with_context(|| format!("docs/{} is missing", messages::PAGE))?;
        let sources = read(session, messages::is_source)?;
        Ok(Outcome::from_findings(&messages::check(page, &sources)))
    });
    let folder = session.workspace()?.metadata.target_directory.join("book");
    let folder = folder.as_std_path();
    if let Some(missing) = missing(session)? {
        session.step("build the book", |_| Ok(Outcome::Skipped(missing)));
    } else if session.step("build the book", |session| build(session, folder)) {
        session.step("links in the built book", |_| {
            Ok(Outcome::from_findings(&built::check(&read_built(folder)?)))
        });
        session.step_with(&NODE, "searches in the built book", |session| {
            search(session, folder)
        });
    }
    Ok(())
}

/// Why the book cannot be built here, if it cannot.
fn missing(session: &Session) -> anyhow::Result<Option<String>> {
    for tool in [&MDBOOK, &MDBOOK_MERMAID] {
        if tool.found(session.programs())?.is_none() {
            return Ok(Some(tool.missing()));
        }
    }
    Ok(None)
}

/// The Markdown files below `docs/`, by their path there.
fn pages(session: &Session) -> anyhow::Result<BTreeMap<String, String>> {
    let pages = read(session, |file| {
        file.starts_with(FOLDER) && file.ends_with(".md")
    })?;
    Ok(pages
        .into_iter()
        .map(|(file, text)| (file[FOLDER.len()..].to_owned(), text))
        .collect())
}

/// The pages whose Rust a test compiles: those that are documentation of a Rust file.
fn compiled_pages(session: &Session) -> anyhow::Result<BTreeSet<String>> {
    let sources = read(session, |file| {
        file.ends_with(".rs") && !file.starts_with("xtask/")
    })?;
    Ok(sources
        .values()
        .flat_map(|source| blocks::included(source, FOLDER))
        .collect())
}

/// The texts of the chosen files.
fn read(
    session: &Session,
    chosen: impl Fn(&str) -> bool,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for file in present_files(session.programs())?
        .into_iter()
        .filter(|file| chosen(file))
    {
        let text = std::fs::read_to_string(session.root().join(&file))
            .with_context(|| format!("cannot read {file}"))?;
        texts.insert(file, text);
    }
    Ok(texts)
}

/// Stages the pages, and has mdBook build them into `folder`.
///
/// They are staged because a page is read in two places: on the forge, beside the sources, and in the book, where a
/// link that leaves `docs/` has to lead to the forge.
fn build(session: &Session, folder: &Path) -> anyhow::Result<Outcome> {
    let stage = folder.with_file_name("xtask").join("book");
    let source = stage.join(FOLDER);
    for old in [&stage, &folder.to_owned()] {
        if old.exists() {
            std::fs::remove_dir_all(old)
                .with_context(|| format!("cannot empty {}", old.display()))?;
        }
    }
    let manifest = std::fs::read_to_string(session.root().join("Cargo.toml"))?;
    let forge = repository(&manifest).context("Cargo.toml names no repository")?;
    let files = present_files(session.programs())?;
    let of_the_book =
        |file: &&String| file.starts_with(FOLDER) && !file.starts_with(public_api::FOLDER);
    for file in files.iter().filter(of_the_book) {
        let (from, to) = (session.root().join(file), stage.join(file));
        let parent = to.parent().context("a file of docs/ lies in a folder")?;
        std::fs::create_dir_all(parent)?;
        let done = if file.ends_with(".md") {
            let text = std::fs::read_to_string(&from)?;
            std::fs::write(&to, links_to_forge(file, &text, &forge, &files))
        } else {
            std::fs::copy(&from, &to).map(drop)
        };
        done.with_context(|| format!("cannot stage {file}"))?;
    }
    std::fs::copy(session.root().join("book.toml"), stage.join("book.toml"))
        .context("cannot stage book.toml")?;
    // It adds what draws the diagrams, as files of its own and to the staged book.toml, so that no reader's browser
    // has to fetch it.
    let add = session.program(MDBOOK_MERMAID.name).arg("install");
    let (outcome, output) = session.capture(add.arg(&stage))?;
    if outcome != Outcome::Ok {
        return Ok(Outcome::Failed(output));
    }
    let command = session.program(MDBOOK.name).arg("build").arg(&stage);
    let (outcome, output) = session.capture(command.arg("--dest-dir").arg(folder))?;
    // mdBook takes an include that leads nowhere, or a preprocessor that is missing, for no failure.
    let warned = output
        .lines()
        .any(|line| line.contains("WARN") || line.contains("ERROR"));
    Ok(match outcome {
        Outcome::Ok if warned => Outcome::Failed(output),
        Outcome::Ok => Outcome::Told(format!("{} pages, in target/book", count(&source)?)),
        failed => failed,
    })
}

/// How many pages there are: all Markdown but the summary.
fn count(source: &Path) -> anyhow::Result<usize> {
    let files = walk(source)?;
    let pages = files
        .iter()
        .filter(|file| file.extension() == Some("md".as_ref()) && !file.ends_with(summary::FILE));
    Ok(pages.count())
}

/// The forge's address of the repository, without a slash at its end.
fn repository(manifest: &str) -> Option<String> {
    let manifest: toml_edit::DocumentMut = manifest.parse().ok()?;
    let package = manifest.get("workspace")?.get("package")?;
    let address = package.get("repository")?.as_str()?;
    Some(address.trim_end_matches('/').to_owned())
}

/// The page with each link that leaves `docs/` turned into one to the forge.
fn links_to_forge(file: &str, text: &str, forge: &str, files: &BTreeSet<String>) -> String {
    let mut page = String::with_capacity(text.len());
    let mut copied = 0;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        let Some(path) = links::inside(file, &dest_url).filter(|path| !path.starts_with(FOLDER))
        else {
            continue;
        };
        let anchor = dest_url.split_once('#').map_or("", |(_, anchor)| anchor);
        let kind = if files.contains(&path) {
            "blob"
        } else {
            "tree"
        };
        let mut address = format!("{forge}/{kind}/HEAD/{path}");
        if !anchor.is_empty() {
            address.push('#');
            address.push_str(anchor);
        }
        // The address stands behind the link's words, which may hold it too.
        let Some(place) = text[range.clone()].rfind(&*dest_url) else {
            continue;
        };
        let place = range.start + place;
        page.push_str(&text[copied..place]);
        page.push_str(&address);
        copied = place + dest_url.len();
    }
    page.push_str(&text[copied..]);
    page
}

/// The built pages by their path in the book, and the names of all other files.
fn read_built(folder: &Path) -> anyhow::Result<built::Book> {
    let mut book = built::Book::default();
    for path in walk(folder)? {
        let name = path
            .strip_prefix(folder)?
            .to_string_lossy()
            .replace('\\', "/");
        if name.ends_with(".html") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            book.pages.insert(name.clone(), text);
        }
        book.files.insert(name);
    }
    Ok(book)
}

/// All files below a folder.
fn walk(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(walk(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Searches the built book for what readers search for.
fn search(session: &Session, folder: &Path) -> anyhow::Result<Outcome> {
    let words = SEARCHES.map(|(words, _)| words);
    let command = session.program(NODE.name).arg(session.root().join(SEARCH));
    let answer = session.read(command.arg(folder).args(words))?;
    let hits: Vec<Vec<String>> =
        serde_json::from_str(&answer).context("search.js printed no list of hits")?;
    Ok(Outcome::from_findings(&misses(&hits)))
}

/// The searches whose first hit is another page than it should be.
fn misses(hits: &[Vec<String>]) -> Vec<String> {
    let mut findings = Vec::new();
    for (place, (words, page)) in SEARCHES.into_iter().enumerate() {
        let found = hits.get(place).map_or(&[][..], Vec::as_slice);
        let first = found
            .first()
            .map(|hit| hit.split('#').next().unwrap_or(hit));
        if first != Some(page) {
            findings.push(format!(
                "a reader who searches for `{words}` should come to {page} first: {}",
                if found.is_empty() {
                    "nothing is found".to_owned()
                } else {
                    found.join(", ")
                }
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leaves_the_book_leads_to_the_forge() {
        let files = ["SECURITY.md", "docs/a.md", "examples/page/src/main.rs"];
        let files = files.into_iter().map(str::to_owned).collect();
        let text = "[b](b.md#x) [`../SECURITY.md`](../SECURITY.md#reports) [ex](../examples/page) <https://example.test>\n";
        assert_eq!(
            links_to_forge("docs/a.md", text, "https://forge.test/us", &files),
            "[b](b.md#x) [`../SECURITY.md`](https://forge.test/us/blob/HEAD/SECURITY.md#reports) [ex](https://forge.test/us/tree/HEAD/examples/page) <https://example.test>\n"
        );
    }

    #[test]
    fn a_search_that_finds_another_page_first_is_told_with_what_it_found() {
        let mut hits: Vec<Vec<String>> = SEARCHES
            .iter()
            .map(|(_, page)| vec![format!("{page}#somewhere"), "style.html".to_owned()])
            .collect();
        assert_eq!(misses(&hits), [""; 0]);
        hits[0].swap(0, 1);
        hits[1].clear();
        let found = misses(&hits);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("`OAuth`") && found[0].contains("style.html"),
            "{found:?}"
        );
        assert!(found[1].ends_with("nothing is found"), "{found:?}");
    }

    #[test]
    fn the_repository_is_the_workspaces() {
        let manifest = "[workspace.package]\nrepository = \"https://forge.test/us/\"\n";
        assert_eq!(
            repository(manifest).as_deref(),
            Some("https://forge.test/us")
        );
        assert_eq!(repository("[workspace]\n"), None);
    }
}
