//! CONTRIBUTING's worked example of another resource is as short as it says, and tells every source that names it.

use std::collections::BTreeSet;

use super::circles::without_tests;
use super::read;
use super::sources::{blank, is_library_source, paths};
use crate::step::Session;
use crate::workspace::present_files;

/// What says that a line is there because of the resource.
const NAMES: [&str; 2] = ["sources", "Source"];

/// The table, and the three files that have two lines each.
const OWN: [&str; 4] = [
    "crates/humanapi-core/src/data/sources.rs",
    "crates/humanapi-core/src/data/mod.rs",
    "crates/humanapi-core/src/data/routes.rs",
    "crates/humanapi-client/src/client/data.rs",
];

/// What else names it; CONTRIBUTING says why.
const OTHERS: [&str; 8] = [
    "crates/humanapi-cli/src/data/show.rs",
    "crates/humanapi-export/src/deidentify/safe-harbor.toml",
    "crates/humanapi-sandbox/src/data.rs",
    "crates/humanapi-sandbox/src/people/at_a_glance.rs",
    "crates/humanapi-sandbox/src/people/mod.rs",
    "crates/humanapi-sandbox/src/people/odd.rs",
    "crates/humanapi-sandbox/src/people/odd/wellness.rs",
    "crates/humanapi-sandbox/src/routes.rs",
];

/// The lines of a source that are no documentation.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// Whether one of the names stands there as a word.
fn names_it(line: &str) -> bool {
    let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| NAMES.contains(&word))
}

/// Whether a source outside tests and documentation names the resource: its type, what is called after it in another
/// module, its route, or its table of a policy. There are other types of that name, and people have sources.
fn names_resource(text: &str) -> bool {
    let is_told = |line: &str| {
        [
            "/human/sources\"",
            "\"data.sources\"",
            "[resources.sources]",
        ]
        .iter()
        .any(|name| line.contains(name))
            || line.contains("mod sources;")
            || line.starts_with("pub(super) const SOURCES:")
    };
    let (clean, lines) = (blank(text), code(text).collect::<Vec<_>>());
    let is_tested = lines.iter().position(|line| *line == "mod tests {");
    let before_tests = &lines[..is_tested.unwrap_or(lines.len())];
    before_tests.iter().any(|line| is_told(line))
        || paths(&without_tests(&clean)).iter().any(|path| {
            let pairs = path.segments.windows(2);
            let is_it = |pair: &[String]| {
                pair[0] == "data" && pair[1] == "Source"
                    || ["data", "people", "at_a_glance", "odd"].contains(&pair[0].as_str())
                        && pair[1] == "sources"
                    || pair[0] == "sources"
                    || pair[1] == "SOURCES"
            };
            pairs.into_iter().any(is_it)
        })
}

#[test]
fn another_list_is_at_most_40_lines_in_4_files() {
    let session = Session::new().unwrap();
    let read = |path: &str| std::fs::read_to_string(session.root().join(path)).unwrap();
    let lines = |path: &str| code(&read(path)).filter(|line| names_it(line)).count();
    let [table, others @ ..] = OWN;
    let (table, others) = (code(&read(table)).count(), others.map(lines));
    assert_eq!(others, [2, 2, 2], "two each, as CONTRIBUTING.md says");
    let all = table + others.iter().sum::<usize>();
    assert!(all <= 40, "{all} lines");
    let page = read("CONTRIBUTING.md");
    let told =
        format!("are {all} lines that are no documentation, in four files: {table} of the table");
    assert!(page.contains(&told), "CONTRIBUTING.md does not say: {told}");
}

#[test]
fn what_else_names_it_is_told_with_its_reason() {
    let session = Session::new().unwrap();
    let is_read = |file: &str| {
        !file.starts_with("xtask/") && is_library_source(file) && !file.ends_with("/properties.rs")
            || file.starts_with("crates/") && file.ends_with(".toml")
    };
    let mut files = present_files(session.programs()).unwrap();
    files.retain(|file| is_read(file));
    let sources = read(session.root(), &files).unwrap();
    let named = sources.iter().filter(|(_, text)| names_resource(text));
    let named: BTreeSet<&str> = named.map(|(file, _)| file.as_str()).collect();
    let [_, in_two_lines @ ..] = OWN;
    let told: BTreeSet<&str> = in_two_lines.into_iter().chain(OTHERS).collect();
    let untold: Vec<_> = named.difference(&told).collect();
    assert!(untold.is_empty(), "name the resource, too: {untold:?}");
    let gone: Vec<_> = told.difference(&named).collect();
    assert!(gone.is_empty(), "do not name the resource: {gone:?}");
    let page = std::fs::read_to_string(session.root().join("CONTRIBUTING.md")).unwrap();
    for file in OTHERS {
        let row = page
            .lines()
            .find(|line| line.starts_with("| ") && line.contains(file));
        assert!(row.is_some(), "CONTRIBUTING.md has no row for {file}");
    }
}

#[test]
fn a_source_names_it_in_code_alone() {
    for text in [
        "use humanapi_core::data::{Route, Source};",
        "use crate::data::{\n    Sleep,\n    Source,\n};",
        "get(\"/v1/human/sources\", x)",
        "let all = people::sources(&ask);",
        "[resources.sources]\nid = \"id\"",
    ] {
        assert!(names_resource(text), "{text}");
    }
    for text in [
        "use humanapi_sandbox::Source;",
        "//! `GET /v1/human/sources`",
        "/// get(\"/v1/human/sources\")",
        "user.sources.len()",
        "#[cfg(test)]\nmod tests {\n    use crate::data::Source;\n    const A: &str = \"/v1/human/sources\";\n}",
    ] {
        assert!(!names_resource(text), "{text}");
    }
}
