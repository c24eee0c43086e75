//! `release publish`: uploads what is prepared, in order, and tags each crate once it has arrived.

use clap::Args;

use super::history::tag;
use super::plan::Release;
use super::{is_clean, prepare, verified};
use crate::step::{Outcome, Session};

const MAIN: &str = "main";

/// For real or not, and where to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Upload and tag; without it everything is done but that
    #[arg(long)]
    execute: bool,
    /// Publish to this registry of the cargo configuration instead of the default one
    #[arg(long, value_name = "NAME")]
    registry: Option<String>,
    /// Publish what `release verify` has not passed; only to a registry of your own
    #[arg(long, requires = "registry")]
    unverified: bool,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    if !is_ready(session, options) {
        return Ok(());
    }
    let mut waiting = None;
    session.step("plan", |session| {
        let plan = prepare::waiting(session)?;
        if plan.releases.is_empty() {
            return Ok(Outcome::Skipped(
                "nothing is prepared that is not published: `cargo xtask release prepare` comes first"
                    .to_owned(),
            ));
        }
        waiting = Some(plan.releases);
        Ok(Outcome::Ok)
    });
    let Some(releases) = waiting else {
        return Ok(());
    };
    if options.execute {
        upload(session, options, &releases);
    } else {
        rehearse(session, options, &releases);
    }
    Ok(())
}

/// True if this commit, as it lies here, may be published.
fn is_ready(session: &mut Session, options: &Options) -> bool {
    let on_main = session.step("on the branch main", |session| {
        let branch = session.read(session.program("git").args(["branch", "--show-current"]))?;
        Ok(if branch.trim() == MAIN {
            Outcome::Ok
        } else {
            Outcome::Failed(format!(
                "this is `{}`: releases are made from {MAIN} alone",
                branch.trim()
            ))
        })
    });
    let clean = is_clean(session);
    let unverified = options.unverified;
    let verified = session.step("verified", |session| {
        if unverified {
            return Ok(Outcome::Skipped("--unverified".to_owned()));
        }
        let commit = session.read(session.program("git").args(["rev-parse", "HEAD"]))?;
        Ok(if verified::is_marked(session, commit.trim())? {
            Outcome::Ok
        } else {
            Outcome::Failed(
                "this commit has not passed `cargo xtask release verify`: run it first".to_owned(),
            )
        })
    });
    on_main && clean && verified
}

/// Everything but the upload, all crates in one call: those that are not published yet stand in for each other.
fn rehearse(session: &mut Session, options: &Options, releases: &[Release]) {
    session.step("dry run", |session| {
        let mut cmd = session.cargo("publish").args(["--dry-run", "--no-verify"]);
        for release in releases {
            cmd = cmd.args(["--package", &release.name]);
        }
        if let Some(registry) = &options.registry {
            cmd = cmd.args(["--registry", registry]);
        }
        session.run(cmd)
    });
    for release in releases {
        session.note(format!(
            "would publish  {} {}",
            release.name, release.version
        ));
    }
    session.note("nothing was published: --execute does");
}

fn upload(session: &mut Session, options: &Options, releases: &[Release]) {
    let mut tags = Vec::new();
    for (done, release) in releases.iter().enumerate() {
        let title = format!("{} {}", release.name, release.version);
        let published = session.step(&title, |session| publish(session, options, release))
            && session.step(
                &format!("tag {}", tag(&release.name, &release.version)),
                |session| {
                    session.run(session.program("git").args([
                        "tag",
                        "--annotate",
                        "--message",
                        &title,
                        &tag(&release.name, &release.version),
                    ]))
                },
            );
        if !published {
            session.note(format!(
                "stopped at {title}, {done} of {} are published: run the same command again to go on from there",
                releases.len()
            ));
            return;
        }
        tags.push(tag(&release.name, &release.version));
    }
    session.note(format!("push the tags: git push origin {}", tags.join(" ")));
}

/// Uploads one crate unless it is there already, as after a run that was broken off before its tag.
fn publish(session: &Session, options: &Options, release: &Release) -> anyhow::Result<Outcome> {
    // Named in any case: without a name, the workspace's own crate would answer for the registry's.
    let registry = options.registry.as_deref().unwrap_or("crates-io");
    let there = session
        .read(
            session
                .cargo("info")
                .arg(format!("{}@{}", release.name, release.version))
                .args(["--registry", registry]),
        )
        .is_ok();
    if there {
        return Ok(Outcome::Skipped("it is there already".to_owned()));
    }
    session.run(
        session
            .cargo("publish")
            // `release verify` has built it from its archive.
            .args(["--no-verify", "--package", &release.name])
            .args(["--registry", registry]),
    )
}
