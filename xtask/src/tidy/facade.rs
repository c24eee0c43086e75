//! The crate that applications add reaches every part: each published library, and each feature by which an application
//! chooses something of one.

use std::collections::BTreeMap;

use cargo_metadata::DependencyKind;

use crate::step::Session;
use crate::workspace::is_published;

const FACADE: &str = "humanapi";
const CLIENT: &str = "humanapi-client";
/// They stand for the client where somebody takes an HTTP stack without the facade.
const ADAPTERS: [&str; 2] = ["humanapi-hyper", "humanapi-reqwest"];
/// What the facade reaches by way of another: tests take the sandbox from `humanapi-testing`.
const BEHIND_ANOTHER: [&str; 1] = ["humanapi-sandbox"];
/// Features of the client that are there for writers of transports, or that an adapter turns on by itself.
const FOR_TRANSPORTS: [&str; 5] = ["adapter", "hyper", "proxy", "rustls", "tokio"];

/// One crate: the features it has with what each turns on, and what it depends on.
#[derive(Debug, Clone, Default)]
struct Crate {
    features: BTreeMap<String, Vec<String>>,
    /// Each with the features that its line in the manifest turns on.
    dependencies: BTreeMap<String, Vec<String>>,
}

/// Applies the rule to the workspace.
pub(crate) fn check(session: &Session) -> anyhow::Result<Vec<String>> {
    let libraries = session
        .workspace()?
        .members()
        .into_iter()
        .filter(|package| is_published(package))
        .filter(|package| package.targets.iter().any(|target| target.is_lib()))
        .map(|package| {
            let dependencies = package.dependencies.iter();
            let library = Crate {
                features: package.features.clone(),
                dependencies: dependencies
                    .filter(|dependency| dependency.kind == DependencyKind::Normal)
                    .map(|dependency| (dependency.name.clone(), dependency.features.clone()))
                    .collect(),
            };
            (package.name.to_string(), library)
        })
        .collect();
    Ok(check_libraries(&libraries))
}

fn check_libraries(libraries: &BTreeMap<String, Crate>) -> Vec<String> {
    let Some(facade) = libraries.get(FACADE) else {
        return vec![format!("there is no crate `{FACADE}`")];
    };
    let mut findings = Vec::new();
    let parts = libraries
        .iter()
        .filter(|(name, _)| *name != FACADE && !BEHIND_ANOTHER.contains(&name.as_str()));
    for (part, library) in parts {
        if !facade.dependencies.contains_key(part) {
            findings.push(format!("{FACADE}: no feature of it reaches `{part}`"));
            continue;
        }
        for feature in chosen(part, library) {
            if !is_reached(facade, part, feature) {
                findings.push(format!(
                    "{FACADE}: no feature of it turns on `{part}/{feature}`"
                ));
            }
        }
    }
    let client = libraries.get(CLIENT);
    for feature in client.iter().flat_map(|client| chosen(CLIENT, client)) {
        for name in [FACADE].iter().chain(&ADAPTERS) {
            let forwards = libraries
                .get(*name)
                .and_then(|library| library.features.get(feature))
                .is_some_and(|turned_on| turned_on.contains(&format!("{CLIENT}/{feature}")));
            if !forwards {
                findings.push(format!(
                    "{name}: it has no feature `{feature}` that turns on `{CLIENT}/{feature}`"
                ));
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

/// The features of a crate by which an application chooses something.
fn chosen<'a>(name: &str, library: &'a Crate) -> impl Iterator<Item = &'a str> {
    let left_out: &[&str] = match name {
        CLIENT => &FOR_TRANSPORTS,
        _ => &[],
    };
    let features = library.features.keys().map(String::as_str);
    features.filter(|feature| *feature != "default" && !left_out.contains(feature))
}

/// Whether a feature of the facade, or the line of its manifest that names the crate, turns this on; an adapter's own
/// forwarding of the client's features is as good as the client's.
fn is_reached(facade: &Crate, part: &str, feature: &str) -> bool {
    let by_line = facade.dependencies.get(part);
    if by_line.is_some_and(|features| features.iter().any(|on| on == feature)) {
        return true;
    }
    let mut ways = vec![format!("{part}/{feature}"), format!("{part}?/{feature}")];
    if ADAPTERS.contains(&part) {
        ways.push(format!("{CLIENT}/{feature}"));
    }
    let turned_on = facade.features.values().flatten();
    turned_on.into_iter().any(|on| ways.contains(on))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(features: &[(&str, &[&str])], dependencies: &[&str]) -> Crate {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Crate {
            features: features
                .iter()
                .map(|(name, on)| ((*name).to_owned(), texts(on)))
                .collect(),
            dependencies: dependencies
                .iter()
                .map(|&name| (name.to_owned(), Vec::new()))
                .collect(),
        }
    }

    fn whole() -> BTreeMap<String, Crate> {
        let forwards: &[(&str, &[&str])] = &[("data", &["humanapi-client/data"])];
        let mut adapter = library(forwards, &["humanapi-client"]);
        adapter.features.insert("rustls".to_owned(), Vec::new());
        let mut facade = library(
            &[
                ("data", &["humanapi-client/data"]),
                ("store-redis", &["humanapi-store/redis"]),
            ],
            &["humanapi-client", "humanapi-store"],
        );
        for name in ADAPTERS {
            let on = vec!["rustls".to_owned()];
            facade.dependencies.insert(name.to_owned(), on);
        }
        [
            ("humanapi", facade),
            (
                "humanapi-client",
                library(&[("data", &[]), ("proxy", &[])], &[]),
            ),
            ("humanapi-hyper", adapter.clone()),
            ("humanapi-reqwest", adapter),
            ("humanapi-sandbox", library(&[], &[])),
            ("humanapi-store", library(&[("redis", &[])], &[])),
        ]
        .into_iter()
        .map(|(name, library)| (name.to_owned(), library))
        .collect()
    }

    #[track_caller]
    fn check_without(change: impl FnOnce(&mut BTreeMap<String, Crate>), expected: &[&str]) {
        let mut libraries = whole();
        change(&mut libraries);
        assert_eq!(check_libraries(&libraries), expected);
    }

    #[test]
    fn a_facade_that_reaches_all_passes() {
        check_without(|_| {}, &[]);
    }

    #[test]
    fn a_part_that_no_feature_reaches_is_found() {
        check_without(
            |libraries| {
                let new = library(&[], &[]);
                libraries.insert("humanapi-export".to_owned(), new);
            },
            &["humanapi: no feature of it reaches `humanapi-export`"],
        );
    }

    #[test]
    fn a_feature_of_a_part_that_is_not_turned_on_is_found() {
        check_without(
            |libraries| {
                let store = libraries.get_mut("humanapi-store").unwrap();
                store.features.insert("sqlite".to_owned(), Vec::new());
            },
            &["humanapi: no feature of it turns on `humanapi-store/sqlite`"],
        );
    }

    #[test]
    fn a_feature_of_the_client_is_one_of_the_facade_and_of_each_adapter() {
        check_without(
            |libraries| {
                let client = libraries.get_mut("humanapi-client").unwrap();
                client.features.insert("admin".to_owned(), Vec::new());
            },
            &[
                "humanapi-hyper: it has no feature `admin` that turns on `humanapi-client/admin`",
                "humanapi-reqwest: it has no feature `admin` that turns on `humanapi-client/admin`",
                "humanapi: it has no feature `admin` that turns on `humanapi-client/admin`",
                "humanapi: no feature of it turns on `humanapi-client/admin`",
            ],
        );
    }
}
