//! A rule about changelogs: nobody is told the same twice.

use std::collections::{BTreeMap, BTreeSet};

/// Whether a file is read by this rule.
pub(super) fn is_changelog(path: &str) -> bool {
    path.ends_with("CHANGELOG.md")
}

/// Finds entries below one heading that begin alike, as two versions of one entry do that were merged by keeping both.
pub(super) fn check(changelogs: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in changelogs {
        let mut told = BTreeSet::new();
        for line in text.lines() {
            if line.starts_with('#') {
                told.clear();
            }
            let Some(entry) = line.strip_prefix("- `") else {
                continue;
            };
            let about = entry.split([':', ',']).next().unwrap_or(entry);
            // A path of Rust's has colons within.
            let about = match entry.split_once('`') {
                Some((name, _)) if name.len() > about.len() => name,
                _ => about,
            };
            if !told.insert(about) {
                findings.push(format!("{path}: two entries begin with `{about}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check(&[("CHANGELOG.md".to_owned(), text.to_owned())].into())
    }

    #[test]
    fn entries_that_begin_alike_are_found() {
        let text = "## New\n### Added\n- `A::b`: one.\n- `A::c`: two.\n- `A::b`: one, and more.\n- `a b` does so: x.\n- `a b` does so: y.\n";
        assert_eq!(
            found(text),
            [
                "CHANGELOG.md: two entries begin with `A::b",
                "CHANGELOG.md: two entries begin with `a b` does so"
            ]
        );
    }

    #[test]
    fn what_is_told_below_two_headings_or_of_two_things_is_no_finding() {
        let text = "### Added\n- `A::b`: one.\n- `A::b_c`: two.\n- `a b` does so.\n- `a b` does not.\n### Changed\n- `A::b`: more.\n";
        assert_eq!(found(text), [""; 0]);
    }
}
