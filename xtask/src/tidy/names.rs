//! Names of types that say nothing of Human API or HTTP, and what is called instead.

use std::collections::BTreeMap;

use super::sources::blank;

/// What no type is called, and the field's terms for what was.
const BANNED: [(&str, &str); 9] = [
    ("Answer", "a response, a reply, or a body"),
    ("Brought", "an input"),
    ("Desk", "the API that is asked, or whoever asks it"),
    ("Keeper", "a cache"),
    ("Means", "an exchange"),
    ("Note", "a refusal, or a message"),
    ("Standing", "a state"),
    ("Turn", "a waiter, or a permit"),
    ("Wish", "a request"),
];

/// Where one of them is the field's own: underwriters have a desk.
const FIELDS_OWN: [(&str, &str); 1] = [("examples/underwriting/", "Desk")];

/// What a type's name follows.
const KINDS: [&str; 5] = ["enum", "struct", "trait", "type", "union"];

/// Types that are called so.
pub(crate) fn check(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, text) in sources {
        for (line, name) in types(&blank(text)) {
            let is_own = FIELDS_OWN
                .iter()
                .any(|(folder, own)| file.starts_with(folder) && *own == name);
            let banned = BANNED.iter().find(|(banned, _)| *banned == name);
            if let Some((_, instead)) = banned.filter(|_| !is_own) {
                findings.push(format!(
                    "{file}:{line}: `{name}` is no term of the field: call it {instead}, by what it holds"
                ));
            }
        }
    }
    findings
}

/// The types of a text without comments, and the lines of their names.
fn types(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_next = false;
    for (number, line) in text.lines().enumerate() {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        for word in words.filter(|word| !word.is_empty()) {
            if is_next {
                found.push((number + 1, word.to_owned()));
            }
            is_next = KINDS.contains(&word);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_file(file: &str, text: &str, lines: &[usize]) {
        let found = check(&BTreeMap::from([(file.to_owned(), text.to_owned())]));
        let wanted = lines.iter().map(|line| format!("{file}:{line}: `"));
        assert_eq!(found.len(), lines.len(), "{found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.starts_with(&wanted), "{found}");
        }
    }

    #[test]
    fn a_type_is_called_by_a_term_of_the_field() {
        for (name, _) in BANNED {
            for kind in KINDS {
                let text = format!("//! A.\n\npub(crate) {kind} {name}<'a> {{}}\n");
                check_file("crates/a/tests/a.rs", &text, &[3]);
            }
        }
        check_file("src/a.rs", "struct\nTurn;\nenum Wish {}", &[2, 3]);
        check_file("examples/underwriting/src/desk.rs", "struct Wish;", &[1]);
    }

    #[test]
    fn other_names_and_talk_of_them_pass() {
        check_file("examples/underwriting/src/desk.rs", "struct Desk;", &[]);
        check_file(
            "src/a.rs",
            "struct AnswerBody; enum A { Turn, Wish } // struct Desk\nconst S: &str = \"struct Note\"; fn f(_: Answer) {}",
            &[],
        );
    }
}
