//! `release prepare`: versions, requirements and changelogs, in one commit.

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use toml_edit::DocumentMut;

use super::history::{self, folder};
use super::plan::{Plan, Release, plan};
use super::work_tree::is_clean;
use super::{changelog, manifest};
use crate::step::{Outcome, Session};

/// As what and for where.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// The day of the release as YYYY-MM-DD; today in UTC if it is not given
    #[arg(long, value_name = "DATE")]
    date: Option<jiff::civil::Date>,
    /// Publish to this registry of the cargo configuration instead of the default one: all requirements
    /// between our crates name it then
    #[arg(long, value_name = "NAME")]
    registry: Option<String>,
    /// Do not compare public APIs with the last release
    #[arg(long)]
    no_api: bool,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    if !is_clean(session) {
        return Ok(());
    }
    let mut made = None;
    let mut gaps = Vec::new();
    session.step("plan", |session| {
        let history = history::gather(session, !options.no_api)?;
        gaps = history.gaps;
        let plan = plan(&history.crates);
        if !plan.conflicts.is_empty() {
            return Ok(Outcome::Failed(plan.conflicts.join("\n")));
        }
        if plan.releases.iter().all(|release| release.prepared) {
            let why = if plan.releases.is_empty() {
                "nothing that users get has changed"
            } else {
                "all is prepared already: `cargo xtask release publish` is next"
            };
            return Ok(Outcome::Skipped(why.to_owned()));
        }
        made = Some(plan);
        Ok(Outcome::Ok)
    });
    for gap in gaps {
        session.note(gap);
    }
    let Some(plan) = made else {
        return Ok(());
    };
    let date = options.date.unwrap_or_else(|| {
        jiff::Timestamp::now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
    });
    let mut good = session.step("manifests", |session| {
        write_manifests(session, &plan, options.registry.as_deref())?;
        Ok(Outcome::Ok)
    });
    good = good
        && session.step("changelogs", |session| {
            write_changelogs(session, &plan, &date.to_string())?;
            Ok(Outcome::Ok)
        });
    good = good
        && session.step("Cargo.lock", |session| {
            session.run(session.cargo("update").args(["--workspace", "--offline"]))
        });
    if good {
        session.step("commit", |session| {
            session.run(session.program("git").args([
                "commit",
                "--quiet",
                "--all",
                "--message",
                &message(&plan),
            ]))
        });
    }
    for release in fresh(&plan) {
        session.note(format!("release  {} {}", release.name, release.version));
    }
    Ok(())
}

/// What is not prepared yet.
fn fresh(plan: &Plan) -> impl Iterator<Item = &Release> {
    plan.releases.iter().filter(|release| !release.prepared)
}

fn write_manifests(session: &Session, plan: &Plan, registry: Option<&str>) -> anyhow::Result<()> {
    let workspace = session.workspace()?;
    let mut edits = Vec::new();
    let root_path = session.root().join("Cargo.toml");
    let mut root: DocumentMut = std::fs::read_to_string(&root_path)?.parse()?;
    for release in fresh(plan) {
        let path = &workspace.member(&release.name)?.manifest_path;
        let mut own: DocumentMut = std::fs::read_to_string(path)?.parse()?;
        manifest::set_version(&mut own, &release.version)
            .with_context(|| format!("cannot change {path}"))?;
        edits.push((path.clone().into_std_path_buf(), own.to_string()));
        manifest::set_requirement(&mut root, &release.name, &release.version)?;
    }
    if let Some(registry) = registry {
        for package in workspace.published() {
            manifest::set_registry(&mut root, &package.name, registry)?;
        }
    }
    edits.push((root_path, root.to_string()));
    // All are worked out before the first is written.
    write_all(&edits)
}

fn write_changelogs(session: &Session, plan: &Plan, date: &str) -> anyhow::Result<()> {
    let mut edits = Vec::new();
    for release in fresh(plan) {
        let package = session.workspace()?.member(&release.name)?;
        let path = format!("{}/CHANGELOG.md", folder(session, package)?);
        let full = session.root().join(&path);
        let text = std::fs::read_to_string(&full)?;
        let text = changelog::under_version(&text, release, date)
            .with_context(|| format!("cannot change {path}"))?;
        edits.push((full, text));
    }
    write_all(&edits)
}

fn write_all(edits: &[(std::path::PathBuf, String)]) -> anyhow::Result<()> {
    for (path, text) in edits {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One line that says what the commit does, then the versions in publishing order, then the same for `history` to find.
fn message(plan: &Plan) -> String {
    let releases: Vec<&Release> = fresh(plan).collect();
    let first = match releases.as_slice() {
        [only] => format!("Release {} {}", only.name, only.version),
        many => format!("Release {} crates", many.len()),
    };
    let lines: Vec<String> = releases
        .iter()
        .map(|release| match &release.last {
            Some(last) => format!("{} {last} -> {}", release.name, release.version),
            None => format!("{} {}, its first", release.name, release.version),
        })
        .collect();
    let trailers: Vec<String> = releases
        .iter()
        .map(|release| history::prepared_trailer(&release.name, &release.version))
        .collect();
    format!(
        "{first}\n\n{}\n\n{}\n",
        lines.join("\n"),
        trailers.join("\n")
    )
}

/// The plan of what is prepared and waits to be published; an error where something is not prepared.
pub(crate) fn waiting(session: &Session) -> anyhow::Result<Plan> {
    // The API was compared when the release was prepared.
    let plan = plan(&history::gather(session, false)?.crates);
    if !plan.conflicts.is_empty() {
        bail!("{}", plan.conflicts.join("\n"));
    }
    let unprepared: Vec<&str> = fresh(&plan).map(|release| release.name.as_str()).collect();
    ensure!(
        unprepared.is_empty() || plan.releases.len() == unprepared.len(),
        "these have changed and are not prepared: {}: run `cargo xtask release prepare`",
        unprepared.join(", ")
    );
    Ok(Plan {
        releases: plan
            .releases
            .into_iter()
            .filter(|release| release.prepared)
            .collect(),
        ..plan
    })
}

#[cfg(test)]
mod tests {
    use cargo_metadata::semver::Version;

    use super::*;
    use crate::release::plan::Level;

    fn release(name: &str, last: Option<Version>) -> Release {
        Release {
            name: name.to_owned(),
            level: last.as_ref().map(|_| Level::Minor),
            last,
            version: Version::new(0, 2, 0),
            reasons: Vec::new(),
            prepared: false,
        }
    }

    #[track_caller]
    fn check_message(releases: Vec<Release>, expected: &str) {
        let plan = Plan {
            releases,
            unchanged: Vec::new(),
            conflicts: Vec::new(),
        };
        assert_eq!(message(&plan), expected);
    }

    #[test]
    fn the_commit_names_what_it_releases() {
        check_message(
            vec![release("a", Some(Version::new(0, 1, 0)))],
            "Release a 0.2.0\n\na 0.1.0 -> 0.2.0\n\nPrepared: a 0.2.0\n",
        );
        check_message(
            vec![
                release("a", Some(Version::new(0, 1, 0))),
                release("b", None),
            ],
            "Release 2 crates\n\na 0.1.0 -> 0.2.0\nb 0.2.0, its first\n\nPrepared: a 0.2.0\nPrepared: b 0.2.0\n",
        );
    }
}
