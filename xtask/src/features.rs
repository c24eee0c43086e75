//! `features`: every published crate compiles with no features, with each alone, with its defaults and with all.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use crate::step::Session;

/// How many of the ways.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Only with no features and with the defaults, as most people compile them, which is far quicker
    #[arg(long)]
    pub(crate) common: bool,
}

/// One way to compile a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    name: String,
    arguments: Vec<String>,
    is_common: bool,
}

pub(crate) fn run(session: &mut Session, options: Options) -> anyhow::Result<()> {
    let crates: Vec<(String, Vec<Choice>)> = session
        .workspace()?
        .published()
        .iter()
        .map(|package| (package.name.to_string(), choices(&package.features)))
        .collect();
    for (package, choices) in &crates {
        let wanted = |choice: &&Choice| choice.is_common || !options.common;
        for choice in choices.iter().filter(wanted) {
            session.step(&format!("{package}, {}", choice.name), |session| {
                session.run(
                    session
                        .cargo("check")
                        .args(["-p", package])
                        .args(&choice.arguments),
                )
            });
        }
    }
    Ok(())
}

/// The choices worth compiling, those that are common first: of those that switch on the same features, the first.
fn choices(features: &BTreeMap<String, Vec<String>>) -> Vec<Choice> {
    let mut candidates = vec![(Vec::new(), "no features".to_owned())];
    if features.contains_key("default") {
        candidates.push((vec!["default"], "default features".to_owned()));
    }
    let common = candidates.len();
    for name in features.keys().filter(|name| *name != "default") {
        candidates.push((vec![name.as_str()], format!("only {name}")));
    }
    candidates.push((
        features.keys().map(String::as_str).collect(),
        "all features".to_owned(),
    ));

    let mut seen = BTreeSet::new();
    let mut choices = Vec::new();
    for (place, (chosen, name)) in candidates.into_iter().enumerate() {
        if !seen.insert(closure(features, &chosen)) {
            continue;
        }
        let mut arguments = vec!["--no-default-features".to_owned()];
        if !chosen.is_empty() {
            arguments.push(format!("--features={}", chosen.join(",")));
        }
        choices.push(Choice {
            name,
            arguments,
            is_common: place < common,
        });
    }
    choices
}

/// All that is switched on when these are, `default` itself left out: it changes nothing by being named.
fn closure(features: &BTreeMap<String, Vec<String>>, chosen: &[&str]) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<String> = chosen.iter().map(|&name| name.to_owned()).collect();
    while let Some(name) = open.pop() {
        if reached.insert(name.clone())
            && let Some(implied) = features.get(&name)
        {
            open.extend(implied.iter().cloned());
        }
    }
    reached.remove("default");
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(features: &[(&str, &[&str])], expected: &[&str]) {
        let features = features
            .iter()
            .map(|(name, implied)| {
                (
                    (*name).to_owned(),
                    implied.iter().map(|&name| name.to_owned()).collect(),
                )
            })
            .collect();
        let names: Vec<String> = choices(&features)
            .into_iter()
            .map(|choice| choice.name)
            .collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_crate_without_features_is_compiled_once() {
        check(&[], &["no features"]);
    }

    #[test]
    fn those_that_most_people_compile_are_common() {
        let features = BTreeMap::from([
            ("a".to_owned(), Vec::new()),
            ("b".to_owned(), Vec::new()),
            ("default".to_owned(), vec!["a".to_owned()]),
        ]);
        let common: Vec<String> = choices(&features)
            .into_iter()
            .filter(|choice| choice.is_common)
            .map(|choice| choice.name)
            .collect();
        assert_eq!(common, ["no features", "default features"]);
    }

    #[test]
    fn a_default_of_one_feature_is_not_compiled_twice() {
        check(
            &[("default", &["tokio"]), ("tokio", &["dep:tokio"])],
            &["no features", "default features"],
        );
    }

    #[test]
    fn each_feature_stands_alone_once() {
        check(
            &[("default", &["a"]), ("a", &[]), ("b", &["dep:b"])],
            &["no features", "default features", "only b", "all features"],
        );
    }

    #[test]
    fn a_default_of_several_is_its_own_choice() {
        check(
            &[("default", &["a", "b"]), ("a", &[]), ("b", &[]), ("c", &[])],
            &[
                "no features",
                "default features",
                "only a",
                "only b",
                "only c",
                "all features",
            ],
        );
    }

    #[test]
    fn an_empty_default_is_the_same_as_none() {
        check(&[("default", &[])], &["no features"]);
    }

    #[test]
    fn arguments_name_exactly_the_features() {
        let features = BTreeMap::from([("a".to_owned(), Vec::new()), ("b".to_owned(), Vec::new())]);
        let arguments: Vec<String> = choices(&features)
            .iter()
            .map(|choice| choice.arguments.join(" "))
            .collect();
        assert_eq!(
            arguments,
            [
                "--no-default-features",
                "--no-default-features --features=a",
                "--no-default-features --features=b",
                "--no-default-features --features=a,b",
            ]
        );
    }
}
