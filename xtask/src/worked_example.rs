//! CONTRIBUTING's worked example of another resource is as short as it says.

/// What says that a line is there because of the resource.
const NAMES: [&str; 2] = ["sources", "Source"];

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

#[test]
fn another_list_is_at_most_40_lines_in_4_files() {
    let session = crate::step::Session::new().unwrap();
    let read = |path: &str| std::fs::read_to_string(session.root().join(path)).unwrap();
    let lines = |path: &str| code(&read(path)).filter(|line| names_it(line)).count();
    let table = code(&read("crates/humanapi-core/src/data/sources.rs")).count();
    let others = [
        "crates/humanapi-core/src/data/mod.rs",
        "crates/humanapi-core/src/data/routes.rs",
        "crates/humanapi-client/src/client/data.rs",
    ]
    .map(lines);
    assert_eq!(others, [2, 2, 2], "two each, as CONTRIBUTING.md says");
    let all = table + others.iter().sum::<usize>();
    assert!(all <= 40, "{all} lines");
    let page = read("CONTRIBUTING.md");
    let told =
        format!("are {all} lines that are no documentation, in four files: {table} of the table");
    assert!(page.contains(&told), "CONTRIBUTING.md does not say: {told}");
}
