//! How long a Rust source may be, tests among them: 500 lines, or longer for a reason that its head tells.

use std::collections::BTreeMap;

/// A file of more lines says why it is one piece.
const MOST_LINES: usize = 500;

/// How the reason begins, in the file's `//!` lines.
const REASON: &str = "//! One piece:";

/// Files that are too long and do not say why.
pub(crate) fn check(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, text) in sources {
        let lines = text.lines().count();
        let mut head = text.lines().take_while(|line| line.starts_with("//!"));
        let reason = head.find_map(|line| line.strip_prefix(REASON));
        match reason.map(str::trim) {
            None if lines > MOST_LINES => findings.push(format!(
                "{file}: has {lines} lines, and {MOST_LINES} are the most: split it by what it holds, or say in its head why not, by a line that begins with `{REASON}`"
            )),
            Some("") => findings.push(format!("{file}: `{REASON}` must be followed by a reason")),
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::assert_found;

    #[track_caller]
    fn check_file(head: &str, lines: usize, finding: Option<&str>) {
        let text = format!("{head}\n{}", "fn f() {}\n".repeat(lines));
        let found = check(&BTreeMap::from([("src/a.rs".to_owned(), text)]));
        assert_found(&found, finding);
    }

    #[test]
    fn a_long_source_says_why_it_is_one_piece() {
        check_file("//! A.", 499, None);
        check_file("//! A.", 500, Some("has 501 lines"));
        check_file("//! A.\n//!\n//! One piece: the table of all.", 500, None);
    }

    #[test]
    fn a_reason_has_words_and_stands_in_the_head() {
        check_file("//! A.\n//! One piece:", 500, Some("followed by a reason"));
        check_file(
            "//! A.\nuse x;\n//! One piece: too late.",
            500,
            Some("500 are the most"),
        );
    }
}
