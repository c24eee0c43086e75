//! The page of messages: it has every error that the code can show, every remedy and every exit code, and no message
//! that the code does not have.
//!
//! Read from the sources as text, so that an error which nobody thought of when the page was written is missed here and
//! not by a reader. `…` on the page stands for what a message fills in.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The page, by its path in `docs/`.
pub(crate) const PAGE: &str = "troubleshooting.md";

/// Where the exit codes are told: a constant that holds a line for each.
const CODES: &str = "crates/humanapi-cli/src/exit/mod.rs";

/// Messages that only others of our own sources see.
const INTERNAL: [&str; 1] = ["the connection closes without an answer"];

/// True for the sources of the libraries and the command, whose errors people see.
pub(crate) fn is_source(file: &str) -> bool {
    file.ends_with(".rs")
        && file.strip_prefix("crates/").is_some_and(|rest| {
            let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
            rest.starts_with("src/")
                && ["testkit", "benchkit", "release-tests", "browser-tests"]
                    .iter()
                    .all(|unpublished| name != format!("humanapi-{unpublished}"))
        })
}

/// What is wrong between the page and the sources, which come by their path.
pub(crate) fn check(page: &str, sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    let flat = joined(page);
    let mut missing = |file: &str, what: &str, text: &str| {
        if !flat.contains(text) {
            findings.push(format!("docs/{PAGE} lacks {what} of {file}: `{text}`"));
        }
    };
    let literals: BTreeMap<&str, Vec<String>> = (sources.iter())
        .map(|(file, source)| (file.as_str(), literals(source)))
        .collect();
    for (file, source) in sources {
        let source = without_tests(source);
        for message in attributes(source).filter(|message| !INTERNAL.contains(&&**message)) {
            missing(file, "a message", &message);
        }
        for remedy in remedies(source) {
            missing(file, "a remedy", &remedy);
        }
        if file == CODES {
            for line in codes(source) {
                missing(file, "an exit code", &line);
            }
        }
    }
    for message in messages(page) {
        let known = literals
            .values()
            .any(|literals| is_printed(&message, literals));
        if !known {
            findings.push(format!("docs/{PAGE}: no source prints `{message}`"));
        }
    }
    findings
}

/// The source above its unit tests.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod ").next().unwrap_or(source)
}

/// True if every part of the message stands in some literal of one file.
fn is_printed(message: &str, literals: &[String]) -> bool {
    let mut parts = message
        .split('…')
        .map(str::trim)
        .filter(|part| part.len() > 2);
    parts.all(|part| literals.iter().any(|literal| literal.contains(part)))
}

/// The messages of a page: code in the first cell of a row below a heading cell that says so.
fn messages(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut column, mut wanted, mut in_head) = (0, None, false);
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableHead) => (column, wanted, in_head) = (0, None, true),
            Event::End(TagEnd::TableHead) => in_head = false,
            Event::Start(Tag::TableRow) => column = 0,
            Event::End(TagEnd::TableCell) => column += 1,
            Event::Text(text) if in_head && text.to_lowercase().contains("message") => {
                wanted = Some(column);
            }
            Event::Code(text) if !in_head && wanted == Some(column) && !text.starts_with("--") => {
                found.insert(text.into_string());
            }
            _ => {}
        }
    }
    found
}

/// The texts of `#[error("…")]`, with `…` for what is filled in. Those that only pass on what another error says have
/// none.
fn attributes(source: &str) -> impl Iterator<Item = String> {
    source.split("#[error(").skip(1).filter_map(|rest| {
        let text = literal(rest.trim_start())?.0;
        let message = with_gaps(&text);
        message.chars().any(char::is_alphabetic).then_some(message)
    })
}

/// The literals in functions named `remedy` and in constants that they name.
fn remedies(source: &str) -> Vec<String> {
    let lines: Vec<&str> = source.lines().collect();
    let mut remedies = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        if !line.contains("fn remedy(") {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let end = (lines[start + 1..].iter())
            .position(|line| {
                line.len() > indent && line[..indent].trim().is_empty() && &line[indent..] == "}"
            })
            .map_or(lines.len(), |after| start + 1 + after);
        let body = lines[start..end].join("\n");
        remedies.extend(
            literals(&body)
                .into_iter()
                .filter(|text| text.contains(' ')),
        );
    }
    remedies
}

/// The rows of the page that the table of exit codes asks for.
fn codes(source: &str) -> Vec<String> {
    let Some((_, rest)) = source.split_once("const TABLE: &str = ") else {
        return vec!["the constant TABLE".to_owned()];
    };
    let table = literal(rest).map_or_else(String::new, |(text, _)| text);
    (table.lines())
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(code, text)| format!("| {code} | {text} |"))
        .collect()
}

/// All string literals of a source, with `…` for what is filled in.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(place) = rest.find(['"', '\'', '/']) {
        let here = &rest[place..];
        rest = if here.starts_with("//") {
            here.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(quoted) = here.strip_prefix('\'') {
            // A character, or the start of a lifetime.
            match quoted.strip_prefix("\\") {
                Some(escaped) => escaped.get(1..).unwrap_or(""),
                None if quoted.starts_with("\"'") => &quoted[2..],
                None => quoted,
            }
        } else if let Some((text, after)) = literal(here) {
            found.push(with_gaps(&text));
            after
        } else {
            &here[1..]
        };
    }
    found
}

/// The string literal that a text begins with, and what follows it.
fn literal(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = inner.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &inner[place + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                // A line that goes on: the blanks at the beginning of the next do not count.
                '\n' => {
                    let rest = letters.as_str().trim_start();
                    let skipped = letters.as_str().len() - rest.len();
                    for _ in 0..letters.as_str()[..skipped].chars().count() {
                        letters.next();
                    }
                }
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// A format text with `…` in place of each `{…}`.
fn with_gaps(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            text.push('{');
            rest = after;
        } else {
            text.push('…');
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        }
    }
    text.push_str(rest);
    text.replace("}}", "}")
}

/// The page with its lines joined, so that a text is found across two.
fn joined(page: &str) -> String {
    page.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r##"
        // A comment with a "quote.
        #[derive(Error)]
        enum A {
            #[error("the {0} is empty")]
            Empty(&'static str),
            #[error(
                "a page of {} is \"odd\""
            )]
            Odd,
            #[error(transparent)]
            Other(#[from] B),
            #[error("{message}")]
            Any { message: String },
        }
        impl A {
            pub const fn remedy(&self) -> &'static str {
                match self {
                    Self::Empty(_) => "fill it",
                    _ => {
                        "look \
                         again"
                    }
                }
            }
            fn other() { let quote = '"'; let line = format!("cannot reach {host}: {why}"); }
        }
"##;

    #[track_caller]
    fn check_page(page: &str, expected: &[&str]) {
        let source = [(
            "crates/humanapi-core/src/a.rs".to_owned(),
            SOURCE.to_owned(),
        )];
        assert_eq!(check(page, &source.into_iter().collect()), expected);
    }

    const WHOLE: &str = "\
| Message | What to do |
| --- | --- |
| `the … is empty` | fill it |
| `a page of … is \"odd\"` | look again |
";

    #[test]
    fn a_page_with_all_of_it_passes() {
        check_page(WHOLE, &[]);
        check_page(
            &format!("{WHOLE}| `cannot reach …: …` | `--option` |\n"),
            &[],
        );
    }

    #[test]
    fn an_error_that_the_page_forgets_is_told_with_its_file() {
        check_page(
            &WHOLE.replace("| `the … is empty` | fill it |\n", ""),
            &[
                "docs/troubleshooting.md lacks a message of crates/humanapi-core/src/a.rs: `the … is empty`",
                "docs/troubleshooting.md lacks a remedy of crates/humanapi-core/src/a.rs: `fill it`",
            ],
        );
    }

    #[test]
    fn a_message_that_nothing_prints_is_told() {
        check_page(
            &format!("{WHOLE}| `the … is gone` | weep |\n"),
            &["docs/troubleshooting.md: no source prints `the … is gone`"],
        );
    }

    #[test]
    fn each_exit_code_has_its_row() {
        let source =
            "pub(crate) const TABLE: &str = \"   0  done\n  70  something failed: a port\";";
        let sources = [(CODES.to_owned(), source.to_owned())]
            .into_iter()
            .collect();
        assert_eq!(
            check(
                "| 0 | done |\n| 70 | something failed: a port |\n",
                &sources
            ),
            [""; 0]
        );
        assert_eq!(
            check("| 0 | done |\n", &sources),
            [
                "docs/troubleshooting.md lacks an exit code of crates/humanapi-cli/src/exit/mod.rs: `| 70 | something failed: a port |`"
            ]
        );
    }

    #[test]
    fn only_what_people_use_is_read() {
        assert!(is_source("crates/humanapi-core/src/error/api.rs"));
        assert!(is_source("crates/humanapi/src/lib.rs"));
        assert!(!is_source("crates/humanapi-core/tests/rules.rs"));
        assert!(!is_source("crates/humanapi-testkit/src/lib.rs"));
        assert!(!is_source("xtask/src/main.rs"));
    }
}
