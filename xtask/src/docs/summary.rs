//! The summary of the book: every page is in it once, and none of its entries is empty.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// The file that mdBook reads the order of pages from.
pub(crate) const FILE: &str = "SUMMARY.md";

/// What is wrong between the summary and the pages, which come by their path in `docs/`.
pub(crate) fn check(pages: &BTreeMap<String, String>) -> Vec<String> {
    let Some(summary) = pages.get(FILE) else {
        return vec![format!("docs/{FILE} is missing")];
    };
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    for event in Parser::new(summary) {
        let Event::Start(Tag::Link { dest_url, .. }) = event else {
            continue;
        };
        let page = dest_url.into_string();
        match pages.get(&page) {
            None if page.is_empty() => {
                findings.push(format!("docs/{FILE}: an entry leads to no page"));
            }
            None => findings.push(format!("docs/{FILE}: there is no docs/{page}")),
            Some(text) if !has_text(text) => {
                findings.push(format!("docs/{page} has no text below its heading"));
            }
            Some(_) => {}
        }
        if !listed.insert(page.clone()) {
            findings.push(format!("docs/{FILE}: {page} is listed twice"));
        }
    }
    for page in pages.keys() {
        if page != FILE && !listed.contains(page) {
            findings.push(format!("docs/{page} is not in docs/{FILE}"));
        }
    }
    findings
}

/// True if anything but headings stands on the page.
fn has_text(text: &str) -> bool {
    let mut in_heading = false;
    Parser::new(text).any(|event| {
        match event {
            Event::Start(Tag::Heading { .. }) => in_heading = true,
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(_) | Event::Code(_) => return !in_heading,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pages(pages: &[(&str, &str)], expected: &[&str]) {
        let pages = pages
            .iter()
            .map(|&(page, text)| (page.to_owned(), text.to_owned()))
            .collect();
        assert_eq!(check(&pages), expected);
    }

    #[test]
    fn a_page_that_the_summary_forgets_is_told() {
        check_pages(
            &[
                (FILE, "# Summary\n\n- [A](a.md)\n"),
                ("a.md", "# A\n\nWords.\n"),
                ("sub/b.md", "# B\n\nWords.\n"),
            ],
            &["docs/sub/b.md is not in docs/SUMMARY.md"],
        );
    }

    #[test]
    fn an_entry_without_a_page_and_a_page_without_text_are_told() {
        check_pages(
            &[
                (
                    FILE,
                    "- [A](a.md)\n- [Later]()\n- [Gone](gone.md)\n- [A](a.md)\n",
                ),
                ("a.md", "# A\n\n## B\n"),
            ],
            &[
                "docs/a.md has no text below its heading",
                "docs/SUMMARY.md: an entry leads to no page",
                "docs/SUMMARY.md: there is no docs/gone.md",
                "docs/a.md has no text below its heading",
                "docs/SUMMARY.md: a.md is listed twice",
            ],
        );
    }

    #[test]
    fn a_missing_summary_is_told() {
        check_pages(
            &[("a.md", "# A\n\nWords.\n")],
            &["docs/SUMMARY.md is missing"],
        );
    }
}
