//! The calls of the command in the pages that people read: what a shell reads in a block, and the examples of the help.

use std::path::{Path, PathBuf};

/// One call.
pub(crate) struct Call {
    /// The line that it stands on.
    pub(crate) line: usize,
    /// What is set for it alone.
    pub(crate) settings: Vec<(String, String)>,
    /// The command and its words, without what a shell does with the output.
    pub(crate) text: String,
}

/// The Markdown files that people read: the book, and the READMEs of the repository, its crates and its examples.
pub(crate) fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "crates", "examples", "python"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() && path.join("README.md").is_file() {
                pages.push(path.join("README.md"));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The calls of `humanapi` in the blocks of a page.
pub(crate) fn calls(page: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut language = None;
    let mut is_example = false;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(fence) = line.trim().strip_prefix("```") {
            language = language.is_none().then(|| fence.to_owned());
            continue;
        }
        let Some(language) = &language else { continue };
        // What an example does stands behind it, apart.
        is_example = line == "Examples:" || (is_example && line.starts_with("  "));
        let line = line.trim();
        let is_shell = ["sh", "console", "yaml", ""].contains(&language.as_str());
        let (said, prompted) = line
            .strip_prefix("$ ")
            .map_or((line, false), |said| (said, true));
        if !is_shell && !prompted && !is_example {
            continue;
        }
        let mut said = said.to_owned();
        while let Some(broken) = said.strip_suffix('\\') {
            let next = lines.next().map_or("", |(_, line)| line.trim());
            said = format!("{broken}{next}");
        }
        if is_example {
            said = without_note(&said).to_owned();
        }
        let said = said.replace("cargo run --bin humanapi --", "humanapi");
        calls.extend(call(number + 1, &said));
    }
    calls
}

/// An example without what stands behind it: two spaces part them, outside of quotes.
fn without_note(line: &str) -> &str {
    let mut quoted = false;
    let mut before = 'x';
    for (at, letter) in line.char_indices() {
        quoted ^= letter == '"';
        if letter == ' ' && before == ' ' && !quoted {
            return &line[..at - 1];
        }
        before = letter;
    }
    line
}

/// The part of a shell's line that calls the command: without settings before it, and without what follows it.
fn call(number: usize, line: &str) -> Option<Call> {
    let mut settings = Vec::new();
    let mut rest = line;
    while let Some((word, after)) = rest.split_once(' ')
        && let Some((name, value)) = word.split_once('=').filter(|_| !word.starts_with('-'))
    {
        settings.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    if rest != "humanapi" && !rest.starts_with("humanapi ") {
        return None;
    }
    let ends = [" #", " | ", " < ", " > ", " && ", " &", "; "];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let text = rest[..end.unwrap_or(rest.len())].trim_end().to_owned();
    Some(Call {
        line: number,
        settings,
        text,
    })
}

/// What says which of its tasks this is, where a platform runs many of them. Here it is always the first.
const INDICES: [&str; 3] = [
    "$((JOB_COMPLETION_INDEX + 1))",
    "$((AWS_BATCH_JOB_ARRAY_INDEX + 1))",
    "$SLURM_ARRAY_TASK_ID",
];

/// The words of a call, as a shell parts them: quotes hold a word together.
pub(crate) fn words(call: &str) -> Vec<String> {
    let call = INDICES
        .iter()
        .fold(call.to_owned(), |call, index| call.replace(index, "1"));
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in call.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            (letter @ ('"' | '\''), None) => quote = Some(letter),
            (' ', None) => words.push(String::new()),
            (letter, _) => words.last_mut().expect("there is a word").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
