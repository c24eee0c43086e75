//! Rules about Rust sources: every module says what it is, and core's modules keep their distance.
//!
//! The text is read, not compiled: comments and literals are blanked, then paths are compared. That misses what a
//! macro makes up, but it needs no build and names the line.

use std::collections::BTreeMap;

/// Where core's modules lie.
const CORE: &str = "crates/humanapi-core/src/";

/// What some of core's modules must not name, and why.
struct ImportRule {
    /// Modules, as paths below `src` without an ending; empty: all of them.
    modules: &'static [&'static str],
    /// Paths that must not be named. One segment with `*` at its end stands for any such name.
    banned: &'static [&'static str],
    why: &'static str,
}

const RULES: [ImportRule; 3] = [
    ImportRule {
        modules: &[],
        banned: &[
            "std::net",
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "Instant",
        ],
        why: "core does no I/O and reads no clock: what it needs comes in as a value",
    },
    ImportRule {
        modules: &["rules", "user", "token", "user_id", "now"],
        banned: &[
            "http",
            "serde*",
            "crate::message",
            "crate::endpoint",
            "crate::flow",
        ],
        why: "the rules of the service stand apart from how they are sent",
    },
    ImportRule {
        modules: &["flow"],
        banned: &["serde_json", "wire"],
        why: "a flow decides what happens next; what JSON looks like is the endpoint's matter",
    },
];

/// True for a Rust file.
pub(crate) fn is_source(file: &str) -> bool {
    file.ends_with(".rs")
}

/// True for one below a `src` folder.
pub(crate) fn is_library_source(file: &str) -> bool {
    is_source(file)
        && (file.starts_with("src/") || file.contains("/src/"))
        && !file.contains("/tests/")
}

/// True for a module of core.
pub(crate) fn is_core_source(file: &str) -> bool {
    file.starts_with(CORE) && file.ends_with(".rs")
}

/// Files that do not begin by saying what they are.
pub(crate) fn check_module_docs(sources: &BTreeMap<String, String>) -> Vec<String> {
    sources
        .iter()
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(file, _)| {
            format!("{file}: must begin with a `//!` line that says what the module is for")
        })
        .collect()
}

/// Paths in core's modules that must not be there.
pub(crate) fn check_core_imports(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, text) in sources {
        let module = file.strip_prefix(CORE).unwrap_or(file);
        let paths = paths(&blank(text));
        for rule in RULES.iter().filter(|rule| rule.applies_to(module)) {
            for path in &paths {
                if let Some(banned) = rule
                    .banned
                    .iter()
                    .find(|banned| names(banned, &path.segments))
                {
                    findings.push(format!(
                        "{file}:{}: must not name `{banned}`: {}",
                        path.line, rule.why
                    ));
                }
            }
        }
    }
    findings.dedup();
    findings
}

impl ImportRule {
    fn applies_to(&self, file: &str) -> bool {
        self.modules.is_empty()
            || self.modules.iter().any(|module| {
                file.strip_prefix(module)
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
    }
}

/// A path as written, with the groups of a `use` written out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

/// True if a path names what is banned.
///
/// A banned path of several segments must be the beginning. A single capitalized name or `wire` may stand
/// anywhere, a crate's name only at the front of a longer path, and `serde*` wherever a name begins with it.
fn names(banned: &str, segments: &[String]) -> bool {
    if let Some(start) = banned.strip_suffix('*') {
        return segments.iter().any(|segment| segment.starts_with(start));
    }
    if banned.contains("::") {
        let wanted: Vec<&str> = banned.split("::").collect();
        return segments.len() >= wanted.len()
            && wanted.iter().zip(segments).all(|(want, have)| want == have);
    }
    match banned {
        "http" => segments.len() > 1 && segments[0] == banned,
        _ => segments.iter().any(|segment| segment == banned),
    }
}

/// All paths in a text whose comments and literals are blank.
pub(super) fn paths(text: &str) -> Vec<Path> {
    let mut found = Vec::new();
    let mut current: Vec<String> = Vec::new();
    // For each open brace: the path before it if it opens a group of a `use`.
    let mut groups: Vec<Option<Vec<String>>> = Vec::new();
    let mut joined = false;
    let mut line = 1;
    let mut rest = text;
    let flush = |current: &mut Vec<String>, line: usize, found: &mut Vec<Path>| {
        if !current.is_empty() {
            found.push(Path {
                line,
                segments: std::mem::take(current),
            });
        }
    };
    while let Some(first) = rest.chars().next() {
        if first.is_alphabetic() || first == '_' {
            let end = rest
                .find(|other: char| !other.is_alphanumeric() && other != '_')
                .unwrap_or(rest.len());
            let word = &rest[..end];
            if !joined {
                flush(&mut current, line, &mut found);
                current = groups
                    .iter()
                    .rev()
                    .find_map(Option::as_ref)
                    .cloned()
                    .unwrap_or_default();
            }
            current.push(word.to_owned());
            joined = false;
            rest = &rest[end..];
            continue;
        }
        if let Some(after) = rest.strip_prefix("::") {
            joined = !current.is_empty();
            rest = after;
            continue;
        }
        match first {
            '{' => {
                // `std::{` opens a group; `fn f() {` does not.
                groups.push(joined.then(|| std::mem::take(&mut current)));
                flush(&mut current, line, &mut found);
                joined = false;
            }
            '}' => {
                flush(&mut current, line, &mut found);
                groups.pop();
                joined = false;
            }
            other if other.is_whitespace() => {}
            _ => {
                flush(&mut current, line, &mut found);
                joined = false;
            }
        }
        if first == '\n' {
            if !joined {
                flush(&mut current, line, &mut found);
            }
            line += 1;
        }
        rest = &rest[first.len_utf8()..];
    }
    flush(&mut current, line, &mut found);
    found
}

/// The signature of a function, of which `first` stands in this line of a text without comments: up to its body or the
/// end of its declaration, without line breaks.
pub(super) fn signature(text: &str, line: usize, first: &str) -> String {
    let below = text.lines().skip(line + 1).map(str::trim);
    let mut signature = String::new();
    for part in std::iter::once(first).chain(below) {
        let end = part.find('{');
        signature.push_str(&part[..end.unwrap_or(part.len())]);
        if end.is_some() || part.ends_with(';') {
            break;
        }
    }
    signature
}

/// Blanks comments, strings and character literals; lines stay where they are.
pub(super) fn blank(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let is_start_of_word = !before.is_alphanumeric() && before != '_';
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            end_of_comment(rest)
        } else if first == '"' {
            end_of_string(rest)
        } else if is_start_of_word && let Some(end) = end_of_raw_string(rest) {
            end
        } else if first == '\'' {
            end_of_character(rest)
        } else {
            0
        };
        if end == 0 {
            clean.push(first);
            before = first;
            rest = &rest[first.len_utf8()..];
        } else {
            clean.extend(
                rest[..end]
                    .chars()
                    .map(|blanked| if blanked == '\n' { '\n' } else { ' ' }),
            );
            before = ' ';
            rest = &rest[end..];
        }
    }
    clean
}

fn end_of_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The end of `r"…"`, `r#"…"#`, `br"…"` and their like, if one begins here.
fn end_of_raw_string(text: &str) -> Option<usize> {
    let after = ["r", "br", "cr"]
        .iter()
        .find_map(|start| text.strip_prefix(start))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(
        body.find(&closing)
            .map_or(text.len(), |at| start + at + closing.len()),
    )
}

/// The end of a character literal, or 0 for a lifetime.
fn end_of_character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), Some((after_escape, escaped))) => {
            let from = after_escape + escaped.len_utf8();
            text[from..].find('\'').map_or(0, |at| from + at + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: &str, text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(format!("{CORE}{file}"), text.to_owned())])
    }

    #[track_caller]
    fn check_broken(file: &str, text: &str, banned: &str) {
        let findings = check_core_imports(&sources(file, text));
        assert_eq!(findings.len(), 1, "{file}: {text}: {findings:?}");
        assert!(
            findings[0].contains(&format!("must not name `{banned}`")),
            "{findings:?}"
        );
    }

    #[track_caller]
    fn check_fine(file: &str, text: &str) {
        assert_eq!(
            check_core_imports(&sources(file, text)),
            [""; 0],
            "{file}: {text}"
        );
    }

    #[test]
    fn a_module_without_a_first_line_is_found() {
        assert_eq!(
            check_module_docs(&sources("a.rs", "use std::fmt;\n//! Late.\n")),
            [
                "crates/humanapi-core/src/a.rs: must begin with a `//!` line that says what the module is for"
            ]
        );
        assert_eq!(
            check_module_docs(&sources("a.rs", "//! Says it.\nuse std::fmt;\n")),
            [""; 0]
        );
    }

    #[test]
    fn library_sources_are_told_from_tests() {
        assert!(is_library_source("crates/humanapi-core/src/flow/call.rs"));
        assert!(is_library_source("xtask/src/main.rs"));
        assert!(!is_library_source("crates/humanapi-core/tests/golden.rs"));
        assert!(!is_library_source("crates/humanapi-core/src/README.md"));
    }

    #[test]
    fn io_in_core_is_found_however_it_is_written() {
        check_broken("data.rs", "use std::net::IpAddr;", "std::net");
        check_broken("data.rs", "use std::{fmt, fs};", "std::fs");
        check_broken(
            "data.rs",
            "use std::{\n    fmt::{self, Debug},\n    env::var,\n};",
            "std::env",
        );
        check_broken(
            "data.rs",
            "fn f() { std::process::exit(1) }",
            "std::process",
        );
        check_broken(
            "data.rs",
            "fn f() { ::std::thread::yield_now() }",
            "std::thread",
        );
        check_broken("data.rs", "use std::time::{Duration, Instant};", "Instant");
        check_broken("data/x.rs", "struct S { at: Instant }", "Instant");
    }

    #[test]
    fn the_line_is_told() {
        let findings = check_core_imports(&sources(
            "data.rs",
            "//! Data.\n\nuse std::{\n    fmt,\n    fs,\n};\n",
        ));
        assert!(
            findings[0].starts_with("crates/humanapi-core/src/data.rs:5:"),
            "{findings:?}"
        );
    }

    #[test]
    fn what_is_only_talked_about_is_no_import() {
        check_fine(
            "data.rs",
            "//! Never `std::net`, never an Instant.\n/* std::fs /* Instant */ std::env */\n",
        );
        check_fine(
            "data.rs",
            "const S: &str = \"std::fs\\\" Instant\"; const R: &str = r#\"std::fs \" Instant\"#;",
        );
        check_fine(
            "data.rs",
            "const C: char = '\"'; fn f<'a>(s: &'a str) -> &'a str { s } // std::fs",
        );
        check_fine(
            "data.rs",
            "use std::{fmt, time::Duration}; fn instant(instants: u8) {}",
        );
        check_fine("data.rs", "mod thread { fn env() {} }");
    }

    #[test]
    fn an_import_after_a_literal_is_still_found() {
        check_broken("data.rs", "const C: char = '\\''; use std::fs;", "std::fs");
        check_broken(
            "data.rs",
            "const S: &str = r\"\\\"; use std::fs;",
            "std::fs",
        );
    }

    #[test]
    fn rules_know_nothing_of_the_wire() {
        for file in [
            "rules.rs",
            "user.rs",
            "user_id.rs",
            "now.rs",
            "token/expiry.rs",
        ] {
            check_broken(file, "use http::StatusCode;", "http");
            check_broken(file, "use serde::Deserialize;", "serde*");
            check_broken(file, "#[serde(transparent)]\nstruct S;", "serde*");
            check_broken(file, "fn f() { serde_json::to_vec(&1); }", "serde*");
            check_broken(
                file,
                "use crate::{endpoint::Endpoint, now::Now};",
                "crate::endpoint",
            );
            check_broken(file, "use crate::flow::Flow;", "crate::flow");
        }
        check_fine(
            "rules.rs",
            "use crate::{token::TokenKind, user::UserStatus}; const S: &str = \"http://x\";",
        );
        check_fine("hosts.rs", "use http::Uri; use serde::Deserialize;");
        check_fine("users.rs", "use http::Uri;");
    }

    #[test]
    fn flows_do_not_read_json() {
        check_broken("flow/call.rs", "use serde_json::Value;", "serde_json");
        check_broken("flow/call.rs", "use crate::auth::wire::TokenBody;", "wire");
        check_broken("flow.rs", "use crate::auth::{self, wire};", "wire");
        check_fine(
            "flow/call.rs",
            "use crate::endpoint::Endpoint; use http::StatusCode; // wire",
        );
        check_fine("auth.rs", "mod wire; use serde_json::Value;");
    }
}
