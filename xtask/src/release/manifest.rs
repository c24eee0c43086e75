//! The editor of manifests: versions, requirements and registries, with comments and order kept.

use anyhow::{Context as _, bail};
use cargo_metadata::semver::Version;
use toml_edit::{DocumentMut, Item, TableLike, Value, value};

/// Sets the version of a crate in its own manifest.
pub(crate) fn set_version(manifest: &mut DocumentMut, version: &Version) -> anyhow::Result<()> {
    let package = manifest
        .get_mut("package")
        .and_then(Item::as_table_like_mut)
        .context("there is no table [package]")?;
    replace(package, "version", &version.to_string())
}

/// Sets what the workspace asks for of one of its own crates, in the root manifest.
pub(crate) fn set_requirement(
    root: &mut DocumentMut,
    name: &str,
    version: &Version,
) -> anyhow::Result<()> {
    match own_dependency(root, name)? {
        Some(entry) => {
            let entry = entry
                .as_table_like_mut()
                .context("what is no table was refused")?;
            replace(entry, "version", &version.to_string())
        }
        // Nobody needs it.
        None => Ok(()),
    }
}

/// Names the registry that one of the workspace's own crates comes from once it is published.
pub(crate) fn set_registry(
    root: &mut DocumentMut,
    name: &str,
    registry: &str,
) -> anyhow::Result<()> {
    match own_dependency(root, name)? {
        Some(Item::Value(Value::InlineTable(entry))) => {
            entry.insert("registry", registry.into());
            // The blank before the bracket stood behind what was last until now.
            entry.fmt();
        }
        Some(entry) => entry["registry"] = value(registry),
        // Nobody needs it.
        None => {}
    }
    Ok(())
}

fn own_dependency<'a>(
    root: &'a mut DocumentMut,
    name: &str,
) -> anyhow::Result<Option<&'a mut Item>> {
    let dependencies = root
        .get_mut("workspace")
        .and_then(Item::as_table_like_mut)
        .and_then(|workspace| workspace.get_mut("dependencies"))
        .and_then(Item::as_table_like_mut)
        .context("there is no table [workspace.dependencies]")?;
    match dependencies.get_mut(name) {
        Some(entry) if !entry.is_table_like() => {
            bail!("`{name}` in [workspace.dependencies] must be a table with path and version")
        }
        entry => Ok(entry),
    }
}

/// Changes a value and leaves the blanks and comments around it.
fn replace(table: &mut dyn TableLike, key: &str, text: &str) -> anyhow::Result<()> {
    let old = table
        .get_mut(key)
        .and_then(Item::as_value_mut)
        .with_context(|| format!("there is no `{key}`"))?;
    let decor = old.decor().clone();
    *old = text.into();
    *old.decor_mut() = decor;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "\
[workspace.dependencies]
# Ours.
core = { path = \"crates/core\", version = \"0.1.0\", default-features = false } # first
http = \"1\"
";

    #[test]
    fn a_version_changes_and_nothing_else() {
        let text = "[package]\nname = \"a\" # short\nversion = \"0.1.0\" # soon more\n";
        let mut manifest: DocumentMut = text.parse().unwrap();
        set_version(&mut manifest, &Version::new(0, 2, 0)).unwrap();
        assert_eq!(manifest.to_string(), text.replace("0.1.0", "0.2.0"));
    }

    #[test]
    fn a_requirement_changes_and_nothing_else() {
        let mut root: DocumentMut = ROOT.parse().unwrap();
        set_requirement(&mut root, "core", &Version::new(0, 2, 0)).unwrap();
        set_requirement(&mut root, "nobody-needs-it", &Version::new(0, 2, 0)).unwrap();
        assert_eq!(root.to_string(), ROOT.replace("0.1.0", "0.2.0"));
    }

    #[test]
    fn a_registry_is_added_behind_the_rest() {
        let mut root: DocumentMut = ROOT.parse().unwrap();
        set_registry(&mut root, "core", "local").unwrap();
        let once = root.to_string();
        assert_eq!(
            once,
            ROOT.replace(
                "default-features = false }",
                "default-features = false, registry = \"local\" }"
            )
        );
        set_registry(&mut root, "core", "local").unwrap();
        assert_eq!(root.to_string(), once);
    }

    #[test]
    fn what_has_no_version_is_refused() {
        let mut root: DocumentMut = ROOT.parse().unwrap();
        assert!(set_requirement(&mut root, "http", &Version::new(2, 0, 0)).is_err());
    }
}
