//! The licences of everything that is linked into the command, with their texts, as their terms ask for.

use anyhow::Context as _;
use cargo_metadata::camino::Utf8Path;
use toml_edit::{Array, DocumentMut, Item, value};

use crate::step::{Outcome, Session};
use crate::tools::CARGO_ABOUT;

/// How the notice is laid out.
const TEMPLATE: &str = include_str!("notice.hbs");

pub(super) fn run(session: &mut Session, dist: &Utf8Path) {
    session.step_with(&CARGO_ABOUT, "third-party licence notice", |session| {
        write(session, dist)
    });
}

fn write(session: &Session, dist: &Utf8Path) -> anyhow::Result<Outcome> {
    let workspace = session.workspace()?;
    let target = &workspace.metadata.target_directory;
    let folder = target.join("xtask").join("notice");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder}"))?;
    let rules = std::fs::read_to_string(session.root().join("deny.toml"))
        .context("cannot read deny.toml")?;
    let config = folder.join("about.toml");
    let template = folder.join("notice.hbs");
    let notice = dist.join("humanapi.third-party-licenses.txt");
    for (path, text) in [
        (&config, settings(&rules, &super::host::host(session)?)?),
        (&template, TEMPLATE.to_owned()),
    ] {
        std::fs::write(path, text).with_context(|| format!("cannot write {path}"))?;
    }
    session.run(
        session
            .cargo("about")
            // Without the network: what lies in each crate's package is what its authors have signed.
            .args(["generate", "--fail", "--frozen", "--all-features"])
            .arg("--manifest-path")
            .arg(&workspace.member("humanapi-cli")?.manifest_path)
            .args(["--config", config.as_str(), "--output-file"])
            .args([notice.as_str(), template.as_str()]),
    )
}

/// What cargo-about is to accept: what cargo-deny accepts, so that there is one list of it.
fn settings(rules: &str, target: &str) -> anyhow::Result<String> {
    let rules: DocumentMut = rules.parse()?;
    let licenses = rules
        .get("licenses")
        .context("deny.toml says nothing of licences")?;
    let mut settings = DocumentMut::new();
    settings["accepted"] = value(names(licenses.get("allow"))?);
    settings["targets"] = value(Array::from_iter([target]));
    settings["ignore-build-dependencies"] = value(true);
    settings["ignore-dev-dependencies"] = value(true);
    let exceptions = licenses.get("exceptions").and_then(Item::as_array);
    for exception in exceptions.into_iter().flatten() {
        let exception = exception
            .as_inline_table()
            .context("an exception is a table")?;
        let name = exception
            .get("crate")
            .and_then(|name| name.as_str())
            .context("an exception names a crate")?;
        let allow = exception.get("allow").cloned().map(Item::Value);
        settings[name]["accepted"] = value(names(allow.as_ref())?);
    }
    Ok(settings.to_string())
}

fn names(licenses: Option<&Item>) -> anyhow::Result<Array> {
    licenses
        .and_then(Item::as_array)
        .context("deny.toml lists licences as arrays")?
        .iter()
        .map(|name| name.as_str().context("a licence is a string"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_is_what_the_rules_allow() {
        let rules = "[licenses]\nallow = [\n    \"MIT\", # words\n    \"ISC\",\n]\nexceptions = [\n    # words\n    { crate = \"a\", allow = [\"Zlib\"] },\n]\n";
        let settings: DocumentMut = settings(rules, "some-host").unwrap().parse().unwrap();
        assert_eq!(
            settings["accepted"].to_string().trim(),
            "[\"MIT\", \"ISC\"]"
        );
        assert_eq!(settings["a"]["accepted"].to_string().trim(), "[\"Zlib\"]");
        assert_eq!(settings["targets"][0].as_str(), Some("some-host"));
    }

    #[test]
    fn rules_without_licences_are_an_error() {
        assert!(settings("[bans]\n", "some-host").is_err());
    }
}
