//! Circles of modules: files of one crate that lean on each other.
//!
//! An arrow is a path that begins with `crate`, `self`, `super` or the name of a child module, taken to where what it
//! names is defined: a `pub use` of a child is followed, so a parent that only hands its children's names on leans on
//! none of them. What a `mod tests` holds is left out, and so are paths that a macro puts together, methods, and
//! what comes by a glob.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Path, blank, paths};

/// A module: the names that lead to it from the crate's root, which has none.
type Module = Vec<String>;

/// The circles of each crate.
pub(crate) fn check(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut crates: BTreeMap<&str, BTreeMap<Module, String>> = BTreeMap::new();
    for (file, text) in sources {
        if let Some((folder, module)) = place(file) {
            let text = without_tests(&blank(text));
            crates.entry(folder).or_default().insert(module, text);
        }
    }
    let mut findings = Vec::new();
    for (folder, modules) in &crates {
        for circle in circles(&arrows(modules)) {
            let names: Vec<String> = circle.iter().map(name).collect();
            findings.push(format!(
                "{folder}: these modules lean on each other in a circle: {}: move what both sides need below both",
                names.join(", ")
            ));
        }
    }
    findings
}

fn name(module: &Module) -> String {
    match module.is_empty() {
        true => "the crate's root".to_owned(),
        false => module.join("::"),
    }
}

/// The crate's folder and the module that a file is.
fn place(file: &str) -> Option<(&str, Module)> {
    let (folder, inside) = file.split_once("/src/")?;
    let mut module: Module = inside
        .strip_suffix(".rs")?
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod"))
        || matches!(inside, "lib.rs" | "main.rs")
    {
        module.pop();
    }
    // A file of tests belongs to the module that it tests.
    let is_of_tests = module.iter().any(|name| name == "tests") || inside.starts_with("bin/");
    (!is_of_tests).then_some((folder, module))
}

/// A text whose comments are blank, without the modules that exist in tests alone.
pub(super) fn without_tests(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("#[cfg(") {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let condition = from.find(']').map_or(from, |end| &from[..=end]);
        let body = &from[condition.len()..];
        let is_of_tests = condition.contains("test") && !condition.contains("not(test");
        let opening = body.find(['{', ';']);
        let is_module = opening.is_some_and(|end| {
            let head = body[..end].trim();
            head.starts_with("mod ") || head.contains(" mod ")
        });
        match opening {
            Some(opening) if is_of_tests && is_module => {
                let end = match body.as_bytes()[opening] {
                    b'{' => end_of_block(body, opening),
                    _ => opening + 1,
                };
                rest = &body[end..];
            }
            _ => {
                kept.push_str(condition);
                rest = body;
            }
        }
    }
    kept.push_str(rest);
    kept
}

fn end_of_block(text: &str, opening: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(opening) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// What each module hands on: a name, and the path that it stands for.
fn handed_on(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for statement in uses(text).filter(|(is_public, _)| *is_public) {
        for Path { segments, .. } in paths(statement.1) {
            if let Some(last) = segments.last() {
                names.insert(last.clone(), segments);
            }
        }
    }
    names
}

/// The `use` statements of a text, without their first words, and whether each hands on what it names.
fn uses(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.match_indices("use ").filter_map(move |(at, _)| {
        let line = text[..at].rsplit(['\n', ';', '{', '}']).next()?.trim();
        let is_public = line.starts_with("pub");
        let whole = &text[at + "use ".len()..];
        let end = whole.find(';')?;
        (line.is_empty() || is_public).then_some((is_public, &whole[..end]))
    })
}

fn arrows(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let tables: BTreeMap<&Module, BTreeMap<String, Vec<String>>> = modules
        .iter()
        .map(|(module, text)| (module, handed_on(text)))
        .collect();
    let mut arrows = BTreeMap::new();
    for (module, text) in modules {
        let mut to = BTreeSet::new();
        // What is handed on is a name and no use of it.
        let mut own = text.clone();
        for (_, statement) in uses(text).filter(|(is_public, _)| *is_public) {
            own = own.replacen(statement, "", 1);
        }
        for path in paths(&own) {
            let Some(whole) = from_root(&path.segments, module, modules) else {
                continue;
            };
            if let Some(target) = defined_in(&whole, modules, &tables, 8)
                && target != *module
            {
                to.insert(target);
            }
        }
        arrows.insert(module.clone(), to);
    }
    arrows
}

/// A path as it leads from the crate's root, if it leads through this crate.
fn from_root(
    segments: &[String],
    module: &Module,
    modules: &BTreeMap<Module, String>,
) -> Option<Vec<String>> {
    if segments.len() < 2 {
        // The word in `pub(crate)`, or a glob.
        return None;
    }
    let mut base = module.clone();
    let mut rest = segments;
    match rest.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while let Some((first, behind)) = rest.split_first()
                && first == "super"
            {
                base.pop()?;
                rest = behind;
            }
        }
        first => {
            let mut child = base.clone();
            child.push(first.to_owned());
            if !modules.contains_key(&child) {
                return None;
            }
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// The module that defines what a path names.
fn defined_in(
    path: &[String],
    modules: &BTreeMap<Module, String>,
    tables: &BTreeMap<&Module, BTreeMap<String, Vec<String>>>,
    steps: u8,
) -> Option<Module> {
    let length = (0..=path.len())
        .rev()
        .find(|length| modules.contains_key(&path[..*length]))?;
    let module = path[..length].to_vec();
    let handed_on = path
        .get(length)
        .and_then(|name| tables.get(&module)?.get(name));
    if steps > 0
        && let Some(handed_on) = handed_on
        && let Some(mut whole) = from_root(handed_on, &module, modules)
    {
        whole.extend(path[length + 1..].iter().cloned());
        return defined_in(&whole, modules, tables, steps - 1).or(Some(module));
    }
    Some(module)
}

/// Groups of modules each of which reaches all others of its group.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reach = |from: &Module| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.clone()];
        while let Some(module) = open.pop() {
            for next in arrows.get(&module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = arrows
        .keys()
        .map(|module| (module, reach(module)))
        .collect();
    let mut circles: BTreeSet<BTreeSet<Module>> = BTreeSet::new();
    for (module, from) in &reached {
        let circle: BTreeSet<Module> = from
            .iter()
            .filter(|other| {
                reached
                    .get(other)
                    .is_some_and(|back| back.contains(*module))
            })
            .cloned()
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_files(files: &[(&str, &str)], circles: &[&str]) {
        let sources = files
            .iter()
            .map(|(file, text)| (format!("crates/a/src/{file}"), (*text).to_owned()))
            .collect();
        let found = check(&sources);
        assert_eq!(found.len(), circles.len(), "{found:?}");
        for (finding, circle) in found.iter().zip(circles) {
            assert!(finding.contains(circle), "{finding}");
        }
    }

    #[test]
    fn two_files_that_use_each_other_are_a_circle() {
        check_files(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "pub(crate) fn f() { super::a::g(); }"),
            ],
            &["a, b"],
        );
    }

    #[test]
    fn a_path_through_what_a_parent_hands_on_leads_to_the_child() {
        check_files(
            &[
                ("lib.rs", "mod a; mod b;"),
                (
                    "a/mod.rs",
                    "mod low; mod high; pub(crate) use low::{Low, Other};",
                ),
                ("a/low.rs", "pub(crate) struct Low;"),
                ("a/high.rs", "use crate::b::B; use super::Low;"),
                ("b.rs", "use crate::a::{Low};"),
            ],
            &[],
        );
        check_files(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a/mod.rs", "mod low; pub use self::low::Low;"),
                ("a/low.rs", "use crate::b;"),
                ("b.rs", "use crate::a::Low;"),
            ],
            &["a::low, b"],
        );
    }

    #[test]
    fn a_parent_that_calls_a_child_which_uses_the_parents_own_is_a_circle() {
        check_files(
            &[
                ("lib.rs", "mod a;"),
                ("a.rs", "mod b; fn shared() {} fn f() { b::g(); }"),
                ("a/b.rs", "fn g() { super::shared(); }"),
            ],
            &["a, a::b"],
        );
    }

    #[test]
    fn tests_and_comments_are_no_arrows() {
        check_files(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B;"),
                (
                    "b.rs",
                    "/// See [`crate::a::A`]. \n#[cfg(test)]\nmod tests { use crate::a::A; fn f() {} }\n#[cfg(all(test, x))] mod y { use crate::a::A; }",
                ),
            ],
            &[],
        );
    }
}
