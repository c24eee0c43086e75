//! `release publish`: lets cargo upload what is prepared, and tags each crate that has arrived.

use clap::Args;
use xshell::Cmd;

use super::history::tag;
use super::plan::Release;
use super::work_tree::is_clean;
use super::{prepare, registry, verified};
use crate::step::{Outcome, Session};

const MAIN: &str = "main";

/// For real or not, and where to.
#[derive(Debug, Clone, Args)]
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
    /// The remote whose main branch has what may be published
    #[arg(long, value_name = "NAME", default_value = "origin")]
    remote: String,
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
    let shared = session.step("the remote has this commit", |session| {
        is_shared(session, &options.remote)
    });
    let verified = session.step("verified", |session| match &options.registry {
        Some(name) if options.unverified => Ok(match registry::is_default(session, name)? {
            true => Outcome::Failed(format!(
                "`{name}` is the registry that everybody uses: --unverified is for one of your own"
            )),
            false => Outcome::Skipped("--unverified".to_owned()),
        }),
        _ => {
            let commit = session.read(session.program("git").args(["rev-parse", "HEAD"]))?;
            Ok(if verified::is_marked(session, commit.trim())? {
                Outcome::Ok
            } else {
                Outcome::Failed(
                    "this commit has not passed `cargo xtask release verify`: run it first"
                        .to_owned(),
                )
            })
        }
    });
    on_main && clean && shared && verified
}

/// Whether others have seen what would be published: a tag must not lead to a commit that they do not have.
fn is_shared(session: &Session, remote: &str) -> anyhow::Result<Outcome> {
    let git = |arguments: &[&str]| session.run(session.program("git").args(arguments));
    let fetched = git(&["fetch", "--quiet", "--no-tags", remote, MAIN])?;
    if fetched != Outcome::Ok {
        return Ok(fetched);
    }
    Ok(
        match git(&["merge-base", "--is-ancestor", "HEAD", "FETCH_HEAD"])? {
            Outcome::Failed(_) => Outcome::Failed(format!(
                "{MAIN} of `{remote}` does not have this commit: have it reviewed and push it there first"
            )),
            outcome => outcome,
        },
    )
}

/// Everything but the upload.
fn rehearse(session: &mut Session, options: &Options, releases: &[Release]) {
    session.step("dry run", |session| {
        session.run(publish(session, options, releases).arg("--dry-run"))
    });
    for release in releases {
        session.note(format!(
            "would publish  {} {}",
            release.name, release.version
        ));
    }
    session.note("nothing was published: --execute does");
}

/// Uploads what is not there yet, and tags whatever is there afterwards, even where an upload failed on the way.
fn upload(session: &mut Session, options: &Options, releases: &[Release]) {
    let missing = |session: &Session| -> Vec<Release> {
        let arrived = |release: &&Release| !has_arrived(session, options, release);
        releases.iter().filter(arrived).cloned().collect()
    };
    let before = missing(session);
    let uploaded = before.is_empty()
        || session.step(&format!("upload {} crates", before.len()), |session| {
            session.run(publish(session, options, &before))
        });
    let after = missing(session);
    let mut tags = Vec::new();
    for release in releases.iter().filter(|release| !after.contains(release)) {
        let title = format!("{} {}", release.name, release.version);
        let name = tag(&release.name, &release.version);
        let tagged = session.step(&format!("tag {name}"), |session| {
            let arguments = ["tag", "--annotate", "--message", &title, &name];
            session.run(session.program("git").args(arguments))
        });
        if tagged {
            tags.push(name);
        }
    }
    if !tags.is_empty() {
        session.note(format!(
            "push the tags: git push {} {}",
            options.remote,
            tags.join(" ")
        ));
    }
    if !uploaded || !after.is_empty() {
        let missing: Vec<&str> = after.iter().map(|release| release.name.as_str()).collect();
        session.note(format!(
            "stopped: {} of {} are published, and these are not: {}. Run the same command again to go on from there",
            releases.len() - after.len(),
            releases.len(),
            missing.join(", ")
        ));
    }
}

fn has_arrived(session: &Session, options: &Options, release: &Release) -> bool {
    let found = session.read(
        session
            .cargo("info")
            .arg(format!("{}@{}", release.name, release.version))
            .args(["--registry", registry_of(options)]),
    );
    found.is_ok()
}

/// One call for all of them: cargo knows the order, and waits for the registry where one crate needs another.
fn publish<'a>(session: &'a Session, options: &Options, releases: &[Release]) -> Cmd<'a> {
    let names = releases.iter().map(|release| ["--package", &release.name]);
    session
        .cargo("publish")
        // `release verify` has built each from its archive.
        .arg("--no-verify")
        .args(["--registry", registry_of(options)])
        .args(names.flatten())
}

/// Named in any case: without a name, the workspace's own crate would answer for the registry's.
fn registry_of(options: &Options) -> &str {
    options.registry.as_deref().unwrap_or(registry::PUBLIC)
}
