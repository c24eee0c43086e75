//! Which registry a name stands for, by cargo's own settings.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item};

use crate::step::Session;

/// What cargo calls the registry that everybody uses.
pub(crate) const PUBLIC: &str = "crates-io";
/// How an address of that registry can be told, whatever name it was given.
const PUBLIC_DOMAIN: &str = "crates.io";

/// True if crates go to the registry that everybody uses, or to the one that is used where none is named.
pub(crate) fn is_default(session: &Session, name: &str) -> anyhow::Result<bool> {
    let settings = settings(session.root())?;
    Ok(judge(name, &settings, |variable| {
        std::env::var(variable).ok()
    }))
}

fn judge(name: &str, settings: &[DocumentMut], env: impl Fn(&str) -> Option<String>) -> bool {
    // Variables go before files, and files of inner folders before those of outer ones.
    let setting = |variable: &str, path: &[&str]| {
        env(variable).or_else(|| {
            settings
                .iter()
                .find_map(|settings| look_up(settings.as_item(), path))
        })
    };
    if name == PUBLIC
        || setting("CARGO_REGISTRY_DEFAULT", &["registry", "default"]).as_deref() == Some(name)
    {
        return true;
    }
    let upper = name.to_uppercase().replace('-', "_");
    setting(
        &format!("CARGO_REGISTRIES_{upper}_INDEX"),
        &["registries", name, "index"],
    )
    .is_some_and(|index| index.contains(PUBLIC_DOMAIN))
}

fn look_up(item: &Item, path: &[&str]) -> Option<String> {
    match path {
        [] => item.as_str().map(str::to_owned),
        [first, rest @ ..] => look_up(item.get(first)?, rest),
    }
}

/// Cargo's settings for whoever works in `root`, the nearest first.
fn settings(root: &Path) -> anyhow::Result<Vec<DocumentMut>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let folders = root.ancestors().map(|folder| folder.join(".cargo"));
    let mut found = Vec::new();
    for folder in folders.chain(home) {
        for file in ["config", "config.toml"] {
            if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
                found.push(text.parse()?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, settings: &str, variable: (&str, &str), expected: bool) {
        let settings = [settings.parse().unwrap()];
        let env = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
        assert_eq!(judge(name, &settings, env), expected, "{name}");
    }

    #[test]
    fn a_registry_of_ones_own_is_none_that_others_use() {
        let none = ("", "");
        let own = "[registries.own]\nindex = \"sparse+http://127.0.0.1:1/index/\"\n";
        check("own", own, none, false);
        check("own", "", none, false);
        check("crates-io", own, none, true);
        check("own", "[registry]\ndefault = \"own\"\n", none, true);
        check("own", own, ("CARGO_REGISTRY_DEFAULT", "own"), true);
        let alias = "[registries.own]\nindex = \"https://crates.io.example.test/index\"\n";
        check("own", alias, none, true);
        let index = (
            "CARGO_REGISTRIES_MY_OWN_INDEX",
            "sparse+https://crates.io.example.test/index/",
        );
        check("my-own", own, index, true);
    }
}
