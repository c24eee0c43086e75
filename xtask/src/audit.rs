//! `audit`: licences, bans, sources and advisories of all dependencies, by cargo-deny.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::step::Session;
use crate::tools::CARGO_DENY;

/// The checks that need no network.
const RULES: [&str; 3] = ["bans", "licenses", "sources"];

/// Where advisories come from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Check against a local clone of the advisory database, without the network
    #[arg(long, value_name = "PATH")]
    db: Option<PathBuf>,
}

/// The folder in which cargo-deny looks for its default database: a name, and a hash of the database's address.
const DATABASE: &str = "advisory-db-3157b0e258782691";

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    rules(session);
    if let Some(db) = &options.db {
        session.step_with(&CARGO_DENY, "advisories of a local database", |session| {
            let age = last_commit(session, db)?;
            let config = prepare(session, db)?;
            let deny = session.cargo("deny").args(["--offline", "--config"]);
            let outcome = session.run(deny.arg(config).args(["check", "advisories"]))?;
            Ok(outcome.with(&format!("the database last changed {}", age.trim())))
        });
        return Ok(());
    }
    session.note(
        "without a network: clone https://github.com/rustsec/advisory-db, then `cargo xtask audit --db PATH`",
    );
    check(session, "advisories", &["advisories"]);
    Ok(())
}

/// Checks all but advisories.
pub(crate) fn rules(session: &mut Session) {
    check(session, "bans, licences and sources", &RULES);
}

fn check(session: &mut Session, name: &str, checks: &[&str]) {
    session.step_with(&CARGO_DENY, name, |session| {
        session.run(session.cargo("deny").arg("check").args(checks))
    });
}

/// When the database last changed, and how long ago that is.
fn last_commit(session: &Session, db: &Path) -> anyhow::Result<String> {
    let log = ["log", "-1", "--format=%cs, %cr"];
    session.read(session.program("git").arg("-C").arg(db).args(log))
}

/// Puts a copy of the database where cargo-deny looks for it, and gives the settings that say where that is.
fn prepare(session: &Session, db: &Path) -> anyhow::Result<PathBuf> {
    let target = PathBuf::from(&session.workspace()?.metadata.target_directory);
    let folder = target.join("xtask").join("advisories");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let copy = folder.join(DATABASE);
    let clone = session.program("git").args(["clone", "--quiet"]);
    session.read(clone.arg(db).arg(copy))?;
    let settings = std::fs::read_to_string(session.root().join("deny.toml"))
        .context("cannot read deny.toml")?;
    let config = folder.join("deny.toml");
    std::fs::write(&config, with_database(&settings, &folder)?)
        .with_context(|| format!("cannot write {}", config.display()))?;
    Ok(config)
}

/// The settings, with the folder in which databases lie.
fn with_database(settings: &str, folder: &Path) -> anyhow::Result<String> {
    let mut settings: toml_edit::DocumentMut = settings.parse()?;
    let folder = folder.to_str().context("the path is not UTF-8")?;
    settings["advisories"]["db-path"] = toml_edit::value(folder);
    Ok(settings.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_of_databases_is_changed() {
        let settings = "[advisories]\nversion = 2\n\n[bans]\nwildcards = \"deny\"\n";
        assert_eq!(
            with_database(settings, Path::new("/databases")).unwrap(),
            "[advisories]\nversion = 2\ndb-path = \"/databases\"\n\n[bans]\nwildcards = \"deny\"\n"
        );
    }
}
