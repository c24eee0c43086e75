//! Rules about all files: no secrets among them, no unfinished work in them.

use std::collections::{BTreeMap, BTreeSet};

/// Ends of names that say: a private key or a store of them.
const SECRET_ENDINGS: [&str; 9] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdbx",
    ".ppk",
    ".mobileprovision",
];

/// Names of files that hold somebody's credentials.
const SECRET_NAMES: [&str; 11] = [
    ".env",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "credentials",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
];

/// Marks of work that is not finished, or of a test that never runs. In halves, so that this file has none.
const FORBIDDEN: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("#[", "ignore"),
];

/// Files whose names say that they hold a secret.
pub(crate) fn check_secret_names(files: &BTreeSet<String>) -> Vec<String> {
    files
        .iter()
        .filter(|file| {
            let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
            let is_environment = name.starts_with(".env.") && name != ".env.example";
            is_environment
                || SECRET_NAMES.contains(&name.as_str())
                || name.starts_with("credentials.")
                    && !name.ends_with(".rs")
                    && !name.ends_with(".md")
                || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
        })
        .map(|file| format!("{file}: looks like a secret; tests make their keys when they run"))
        .collect()
}

/// Lines with a word that must not be committed.
pub(crate) fn check_words(texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (file, text) in texts {
        for (number, line) in text.lines().enumerate() {
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                findings.push(format!(
                    "{file}:{}: `{word}` must not be committed",
                    number + 1
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_names(files: &[&str], expected: &[&str]) {
        let files = files.iter().map(|&file| file.to_owned()).collect();
        let found: Vec<String> = check_secret_names(&files)
            .into_iter()
            .filter_map(|finding| finding.split_once(':').map(|(file, _)| file.to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn keys_and_credentials_are_found_wherever_they_lie() {
        let secret = [
            ".env",
            "a/.env.local",
            "a/credentials.json",
            "b/id_rsa",
            "c/Server.KEY",
            "d/ca.pem",
        ];
        check_names(&secret, &secret);
    }

    #[test]
    fn code_and_prose_about_secrets_are_not_secrets() {
        check_names(
            &[
                "src/credentials.rs",
                "src/key.rs",
                "docs/credentials.md",
                ".env.example",
                "src/id_rsa_reader.rs",
            ],
            &[],
        );
    }

    #[test]
    fn unfinished_work_is_told_with_its_place() {
        let text = format!("fn f() {{\n    {})\n}}\n", FORBIDDEN[0]);
        let texts = BTreeMap::from([("src/a.rs".to_owned(), text)]);
        assert_eq!(
            check_words(&texts),
            [format!(
                "src/a.rs:2: `{}` must not be committed",
                FORBIDDEN[0]
            )]
        );
    }

    #[test]
    fn every_forbidden_word_is_found() {
        for word in FORBIDDEN {
            let texts = BTreeMap::from([("a.md".to_owned(), format!("x {word} y"))]);
            assert_eq!(check_words(&texts).len(), 1, "{word}");
        }
    }

    #[test]
    fn finished_text_passes() {
        let texts = BTreeMap::from([("a.rs".to_owned(), "//! Ignores a todo list.\n".to_owned())]);
        assert_eq!(check_words(&texts), [""; 0]);
    }
}
