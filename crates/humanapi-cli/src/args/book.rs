//! Each call of the command in the book and the READMEs is one that the command takes.
#![cfg(all(feature = "demo", feature = "sandbox", feature = "store"))]

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::Line;

/// The Markdown files that people read: the book, and the READMEs of the repository, its crates and its examples.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "crates", "examples"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
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

/// The calls of `humanapi` in the blocks of a page, with the number of their line.
fn calls(page: &str) -> Vec<(usize, String)> {
    let mut calls = Vec::new();
    let mut language = None;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if let Some(fence) = line.strip_prefix("```") {
            language = language.is_none().then(|| fence.to_owned());
            continue;
        }
        let Some(language) = &language else { continue };
        let is_shell = ["sh", "console", "yaml", ""].contains(&language.as_str());
        let (said, prompted) = line
            .strip_prefix("$ ")
            .map_or((line, false), |said| (said, true));
        if !is_shell && !prompted {
            continue;
        }
        let mut said = said.to_owned();
        while let Some(broken) = said.strip_suffix('\\') {
            let next = lines.next().map_or("", |(_, line)| line.trim());
            said = format!("{broken}{next}");
        }
        let said = said.replace("cargo run --bin humanapi --", "humanapi");
        calls.extend(call(&said).map(|call| (number + 1, call.to_owned())));
    }
    calls
}

/// The part of a shell's line that calls the command: without settings before it, and without what follows it.
fn call(line: &str) -> Option<&str> {
    let is_setting = |word: &str| word.contains('=') && !word.starts_with('-');
    let mut rest = line;
    while let Some((_, after)) = rest.split_once(' ').filter(|(word, _)| is_setting(word)) {
        rest = after.trim_start();
    }
    if rest != "humanapi" && !rest.starts_with("humanapi ") {
        return None;
    }
    let ends = [" #", " | ", " > ", " && ", " &", "; "];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    Some(rest[..end.unwrap_or(rest.len())].trim_end())
}

/// The words of a call, as a shell parts them: quotes hold a word together.
fn words(call: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in call.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => quote = Some(letter),
            (' ', None) => words.push(String::new()),
            (letter, _) => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Why the command does not take a call, if it does not.
fn refusal(call: &str) -> Option<String> {
    let error = Line::try_parse_from(words(call)).err()?;
    error.use_stderr().then(|| error.to_string())
}

#[test]
fn every_call_of_the_command_in_the_book_is_one_that_it_takes() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        for (line, call) in calls(&page) {
            seen += 1;
            if let Some(why) = refusal(&call) {
                wrong.push(format!("{}:{line}: `{call}`: {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 20, "only {seen} calls were found");
}

#[test]
fn calls_are_found_between_what_else_a_shell_reads() {
    let page = "humanapi no block\n\n```sh\nHUMANAPI_CLIENT_ID=x humanapi data list weight \\\n  --json | jq .   # all\n\
        cargo run --bin humanapi -- demo     # the story\nls\n```\n\n```text\nhumanapi output\n$ humanapi demo\n```\n";
    let found: Vec<(usize, String)> = calls(page);
    let texts: Vec<&str> = found.iter().map(|(_, call)| call.as_str()).collect();
    assert_eq!(
        texts,
        [
            "humanapi data list weight --json",
            "humanapi demo",
            "humanapi demo"
        ]
    );
    assert_eq!(found[0].0, 4);
    assert_eq!(
        words("humanapi data --x 'a b'"),
        ["humanapi", "data", "--x", "a b"]
    );
}

#[test]
fn a_call_that_the_command_does_not_take_is_found() {
    for call in [
        "humanapi sandbox --no-such-option",
        "humanapi stroe init",
        "humanapi store init --new-keys",
    ] {
        assert!(refusal(call).is_some(), "{call}");
    }
    assert_eq!(refusal("humanapi store --help"), None);
}
