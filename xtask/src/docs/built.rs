//! Links of the built book: every file and every anchor that a page of it names is there, and nothing is fetched from
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

/// The book as it was built.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Its pages by their path in it.
    pub(crate) pages: BTreeMap<String, String>,
    /// The paths of all its files, pages too.
    pub(crate) files: BTreeSet<String>,
}

/// Every link that leads nowhere, as `page: link: why`.
pub(crate) fn check(book: &Book) -> Vec<String> {
    let anchors: BTreeMap<&str, BTreeSet<&str>> = (book.pages.iter())
        .map(|(page, html)| (page.as_str(), attributes(html, "id").collect()))
        .collect();
    let mut findings = Vec::new();
    for (page, html) in &book.pages {
        for link in attributes(html, "href") {
            if !link.contains("://")
                && !link.starts_with("mailto:")
                && let Some(why) = broken(page, link, book, &anchors)
            {
                findings.push(format!("{page}: `{link}`: {why}"));
            }
        }
        for link in attributes(html, "src") {
            if link.contains("://") || link.starts_with("//") {
                findings.push(format!(
                    "{page}: `{link}`: the book has to work without a network"
                ));
            } else if let Some(why) = broken(page, link, book, &anchors) {
                findings.push(format!("{page}: `{link}`: {why}"));
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

fn broken(
    page: &str,
    link: &str,
    book: &Book,
    anchors: &BTreeMap<&str, BTreeSet<&str>>,
) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        // The page for what is not found is shown at any address, so it counts from the book's root.
        "/" if page == "404.html" => "index.html".to_owned(),
        path => match resolve(page, path) {
            Some(target) => target,
            None => return Some("leads out of the book".to_owned()),
        },
    };
    if !book.files.contains(&target) {
        return Some(format!("there is no {target}"));
    }
    match anchors.get(target.as_str()) {
        Some(anchors) if !anchor.is_empty() && !anchors.contains(decoded(anchor).as_str()) => {
            Some(format!("{target} has nothing with the id `{anchor}`"))
        }
        _ => None,
    }
}

/// The path in the book of what `path` means on `page`.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// An anchor without its escapes: an address may hold letters beyond ASCII as `%C3%A9`.
fn decoded(anchor: &str) -> String {
    let mut bytes = Vec::with_capacity(anchor.len());
    let mut rest = anchor.as_bytes();
    while let [first, more @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| std::str::from_utf8(more.get(..2)?).ok())
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The values of an attribute, as mdBook writes them: in double quotes, in tags.
fn attributes<'h>(html: &'h str, name: &'h str) -> impl Iterator<Item = &'h str> {
    html.split('<').skip(1).flat_map(move |piece| {
        let tag = piece.split('>').next().unwrap_or(piece);
        tag.match_indices(name).filter_map(move |(place, _)| {
            let before = tag[..place].chars().next_back()?;
            let value = tag[place + name.len()..].strip_prefix("=\"")?;
            (before.is_whitespace()).then(|| value.split('"').next().unwrap_or(value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_book(pages: &[(&str, &str)], expected: &[&str]) {
        let mut book = Book::default();
        for (page, html) in pages {
            book.pages.insert((*page).to_owned(), (*html).to_owned());
            book.files.insert((*page).to_owned());
        }
        book.files.insert("images/a.png".to_owned());
        assert_eq!(check(&book), expected);
    }

    #[test]
    fn links_within_the_book_pass() {
        check_book(
            &[
                (
                    "index.html",
                    "<a href=\"sub/b.html#%C3%A9t\">b</a><img src=\"images/a.png\"><h2 id=\"x\"></h2>",
                ),
                (
                    "sub/b.html",
                    "<h1 class=\"c\" id=\"ét\"></h1><a href=\"../index.html#x\">a</a><a href=\"#ét\">b</a>",
                ),
            ],
            &[],
        );
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        check_book(
            &[(
                "a.html",
                "<a href=\"gone.html\">1</a><a href=\"#gone\">2</a><img alt=\"\" src=\"gone.png\"><a href=\"../b.html\">3</a>",
            )],
            &[
                "a.html: `#gone`: a.html has nothing with the id `gone`",
                "a.html: `../b.html`: leads out of the book",
                "a.html: `gone.html`: there is no gone.html",
                "a.html: `gone.png`: there is no gone.png",
            ],
        );
    }

    #[test]
    fn a_page_may_name_the_web_and_load_nothing_from_it() {
        check_book(
            &[(
                "a.html",
                "<a href=\"https://example.test/x#y\">1</a><a href=\"mailto:a@example.test\">2</a><script src=\"https://example.test/x.js\"></script>",
            )],
            &["a.html: `https://example.test/x.js`: the book has to work without a network"],
        );
    }

    #[test]
    fn words_in_code_are_no_links() {
        check_book(
            &[("a.html", "<code>&lt;a href=\"gone.html\"&gt;</code>")],
            &[],
        );
    }
}
