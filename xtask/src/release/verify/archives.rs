//! Each published crate is built from its own archive, in a workspace that knows nothing of the work tree.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::package;
use crate::step::{Outcome, Session};

/// A published crate: its name and its version.
type Crate = (String, String);

pub(super) fn run(session: &mut Session) -> anyhow::Result<()> {
    package::run(session)?;
    if session.failed() {
        // The archives of an earlier run would be taken for this one's.
        return Ok(());
    }
    let crates: Vec<Crate> = session
        .workspace()?
        .published()
        .iter()
        .map(|package| (package.name.to_string(), package.version.to_string()))
        .collect();
    let target = PathBuf::from(&session.workspace()?.metadata.target_directory);
    // Outside the work tree: cargo looks for a workspace and for settings in every folder above.
    let scratch = std::env::temp_dir().join(format!("humanapi-archives-{}", std::process::id()));
    let unpacked = session.step("unpack the archives", |session| {
        std::fs::create_dir_all(&scratch)
            .with_context(|| format!("cannot make {}", scratch.display()))?;
        for (name, version) in &crates {
            let archive = target
                .join("package")
                .join(format!("{name}-{version}.crate"));
            session.read(
                session
                    .program("tar")
                    // With the time of now: cargo gives all files of a package one day long ago, and would then take
                    // what it built of an earlier archive for this one's.
                    .arg("-xmzf")
                    .arg(&archive)
                    .arg("-C")
                    .arg(&scratch),
            )?;
        }
        let manifest = scratch.join("Cargo.toml");
        std::fs::write(&manifest, workspace(&crates))
            .with_context(|| format!("cannot write {}", manifest.display()))?;
        Ok(Outcome::Ok)
    });
    if unpacked {
        for (name, _) in &crates {
            session.step(&format!("{name} from its archive"), |session| {
                build(session, &scratch, &target, name)
            });
        }
    }
    session.step("remove the unpacked archives", |_| {
        std::fs::remove_dir_all(&scratch)
            .with_context(|| format!("cannot remove {}", scratch.display()))?;
        Ok(Outcome::Ok)
    });
    Ok(())
}

fn build(session: &Session, scratch: &Path, target: &Path, name: &str) -> anyhow::Result<Outcome> {
    session.run(
        session
            .cargo("build")
            .arg("--manifest-path")
            .arg(scratch.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(target.join("archives"))
            .args(["-p", name, "--all-features"]),
    )
}

/// A workspace of the unpacked crates, in which they stand in for each other.
fn workspace(crates: &[Crate]) -> String {
    let mut manifest = toml_edit::DocumentMut::new();
    let folders: toml_edit::Array = crates.iter().map(folder).collect();
    manifest["workspace"] = toml_edit::table();
    manifest["workspace"]["resolver"] = toml_edit::value("3");
    manifest["workspace"]["members"] = toml_edit::value(folders);
    for (name, version) in crates {
        let path = folder(&(name.clone(), version.clone()));
        manifest["patch"]["crates-io"][name]["path"] = toml_edit::value(path);
    }
    manifest.to_string()
}

fn folder((name, version): &Crate) -> String {
    format!("{name}-{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_crates_stand_in_for_each_other() {
        let crates = [("a", "0.1.0"), ("b", "0.2.0")]
            .map(|(name, version)| (name.to_owned(), version.to_owned()));
        let manifest: toml_edit::DocumentMut = workspace(&crates).parse().unwrap();
        let members = manifest["workspace"]["members"].as_array().unwrap();
        assert_eq!(members.len(), 2);
        assert_eq!(
            manifest["patch"]["crates-io"]["b"]["path"].as_str(),
            Some("b-0.2.0")
        );
    }
}
