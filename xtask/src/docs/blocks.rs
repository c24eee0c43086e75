//! Code blocks of the book: each says what it is, Rust is compiled by a test, and data can be read.
//!
//! The lines of shell blocks that call `humanapi` are held to its command line by that crate's own tests.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Pages whose Rust is a sketch and no program: rules by example, with `..` for what does not matter.
const SKETCHES: [&str; 2] = ["style.md", "testing.md"];
/// The page whose Rust stands in an example word for word: the example's own test compares them.
const QUOTES: &str = "adding-connect.md";
/// What the parts are called in Rust. An application adds one crate, so the book names none of them.
const PARTS: [&str; 8] = [
    "axum", "client", "core", "export", "hyper", "reqwest", "store", "testing",
];

/// What is wrong with the code blocks of the pages, which come by their path in `docs/`. The Rust of `compiled` pages
/// is seen by a compiler.
pub(crate) fn check(pages: &BTreeMap<String, String>, compiled: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (page, text) in pages {
        for block in blocks(text) {
            if let Some(why) = wrong(page, &block, compiled) {
                findings.push(format!("docs/{page}:{}: {why}", block.line));
            }
        }
    }
    findings
}

/// The files below `folder` that are documentation of a Rust source, by which their Rust is compiled. What a test reads as
/// text is none.
pub(crate) fn included(source: &str, folder: &str) -> Vec<String> {
    source
        .split("doc = include_str!(\"")
        .skip(1)
        .filter_map(|rest| {
            let path = rest.split('"').next()?.trim_start_matches("../");
            path.strip_prefix(folder).map(str::to_owned)
        })
        .collect()
}

struct Block {
    line: usize,
    /// The words behind the fence: the language, then what is to be done with it.
    info: Vec<String>,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                blocks.push(Block {
                    line: page[..range.start].matches('\n').count() + 1,
                    info: info
                        .split([',', ' '])
                        .filter(|word| !word.is_empty())
                        .map(str::to_owned)
                        .collect(),
                    text: String::new(),
                });
                inside = true;
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            Event::Text(text) if inside => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}

fn wrong(page: &str, block: &Block, compiled: &BTreeSet<String>) -> Option<String> {
    let (language, rest) = block
        .info
        .split_first()
        .map_or(("", &[][..]), |(language, rest)| (language.as_str(), rest));
    match language {
        "rust" if SKETCHES.contains(&page) => None,
        "rust" if rest.iter().any(|word| word == "ignore") => {
            Some("Rust that no compiler sees: take `ignore` away".to_owned())
        }
        "rust" if page != QUOTES && !compiled.contains(page) => Some(
            "Rust that no test compiles: include the page in crates/humanapi-testkit/src/lib.rs"
                .to_owned(),
        ),
        "rust" => of_a_part(&block.text),
        "toml" => (block.text.parse::<toml_edit::DocumentMut>().err())
            .map(|error| format!("TOML that cannot be read: {error}")),
        "json" => unreadable_json(&block.text),
        // The readers of exports and of changes in `humanapi-export`'s tests follow these.
        "sql" | "python" if ["exporting.md", "keeping-in-step.md"].contains(&page) => None,
        // And the tests of the package for Spark these.
        "python" if page == "on-a-cluster.md" => None,
        // Whether it is right, a forge alone knows; the tests of the command and of the facade run what it calls.
        "yaml" => serde_saphyr::from_str::<serde_json::Value>(&block.text)
            .err()
            .map(|error| format!("YAML that cannot be read: {error}")),
        "sh" | "console" | "text" | "mermaid" => None,
        "" => Some("a block without a language: write `text` if it has none".to_owned()),
        other => Some(format!("`{other}` is no language that is checked")),
    }
}

/// What is wrong with Rust that names a part where an application has the facade.
fn of_a_part(text: &str) -> Option<String> {
    let part = (PARTS.iter()).find(|part| text.contains(&format!("humanapi_{part}::")))?;
    Some(format!(
        "`humanapi_{part}` is a crate that an application does not have: name it by `humanapi`"
    ))
}

/// One value, or one a line.
fn unreadable_json(text: &str) -> Option<String> {
    let whole: Result<serde_json::Value, _> = serde_json::from_str(text);
    let error = whole.err()?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let each = lines.map(serde_json::from_str::<serde_json::Value>);
    (!each.into_iter().all(|line| line.is_ok()))
        .then(|| format!("JSON that cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_page(page: &str, text: &str, expected: &[&str]) {
        let pages = [(page.to_owned(), text.to_owned())].into_iter().collect();
        let compiled = ["compiled.md".to_owned()].into_iter().collect();
        assert_eq!(check(&pages, &compiled), expected);
    }

    #[test]
    fn rust_has_to_be_compiled_by_a_test() {
        let text = "# A\n\n```rust,no_run\nfn main() {}\n```\n";
        check_page("compiled.md", text, &[]);
        check_page(
            "other.md",
            text,
            &[
                "docs/other.md:3: Rust that no test compiles: include the page in crates/humanapi-testkit/src/lib.rs",
            ],
        );
    }

    #[test]
    fn the_book_names_the_crate_that_an_application_has() {
        let text = "```rust\nuse humanapi::Client;\n# fn f(_: humanapi_client::Client) {}\n```\n";
        check_page(
            "compiled.md",
            text,
            &[
                "docs/compiled.md:1: `humanapi_client` is a crate that an application does not have: name it by `humanapi`",
            ],
        );
        check_page("compiled.md", "```rust\nhumanapi::client();\n```\n", &[]);
    }

    #[test]
    fn only_sketches_are_ignored() {
        let text = "```rust,ignore\nstruct A { .. }\n```\n";
        check_page("style.md", "```rust\nstruct A { .. }\n```\n", &[]);
        check_page(
            "compiled.md",
            text,
            &["docs/compiled.md:1: Rust that no compiler sees: take `ignore` away"],
        );
    }

    #[test]
    fn data_has_to_be_readable() {
        check_page("a.md", "```json\n{\"a\": 1}\n```\n", &[]);
        check_page("a.md", "```json\n{\"a\":1}\n{\"b\":2}\n```\n", &[]);
        check_page("a.md", "```toml\n[a]\nb = 1\n```\n", &[]);
        check_page("a.md", "```yaml\n  - a: b\n  - c\n```\n", &[]);
        for (language, text) in [
            ("json", "{\"a\": …}"),
            ("toml", "a = = 1"),
            ("yaml", "a: [b"),
            ("yaml", "a:\n  b: 1\n c: 2"),
        ] {
            let page = format!("```{language}\n{text}\n```\n");
            let pages = [("a.md".to_owned(), page)].into_iter().collect();
            assert_eq!(check(&pages, &BTreeSet::new()).len(), 1, "{language}");
        }
    }

    #[test]
    fn a_block_says_what_it_is() {
        check_page(
            "a.md",
            "```\nls\n```\n\n```Rust\n```\n\n- b:\n\n  ```text\n  c\n  ```\n",
            &[
                "docs/a.md:1: a block without a language: write `text` if it has none",
                "docs/a.md:5: `Rust` is no language that is checked",
            ],
        );
    }

    #[test]
    fn included_pages_are_found_at_any_depth() {
        let source = "#[doc = include_str!(\"../../../docs/a.md\")]\n#[cfg_attr(a, doc = include_str!(\"../../docs/sub/b.md\"))] #[doc = include_str!(\"../README.md\")] let c = include_str!(\"../docs/c.md\");";
        assert_eq!(included(source, "docs/"), ["a.md", "sub/b.md"]);
    }
}
