//! `release verify`: everything that a stranger's machine would do with a release.

mod archives;
mod tools;

use clap::Args;

use crate::release::{dist, verified};
use crate::step::{Outcome, Session};
use crate::tools::{
    CARGO_ABOUT, CARGO_CHECK_EXTERNAL_TYPES, CARGO_CYCLONEDX, CARGO_DENY, CARGO_MACHETE,
    CARGO_SEMVER_CHECKS, Tool, of_tests,
};
use crate::{audit, docs, features, lint, msrv, test};

/// How strictly to verify.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Skip what needs a tool that is missing; the commit is not marked as verified then
    #[arg(long)]
    pub(crate) allow_missing: bool,
}

/// All tools that verifying needs.
pub(crate) const NEEDED: [Tool; 6] = [
    CARGO_MACHETE,
    CARGO_SEMVER_CHECKS,
    CARGO_CHECK_EXTERNAL_TYPES,
    CARGO_DENY,
    CARGO_CYCLONEDX,
    CARGO_ABOUT,
];

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    let before = verified::clean_head(session)?;
    if let Some(commit) = &before
        && verified::is_marked(session, commit)?
    {
        session.note("this commit was marked as verified before");
    }
    // First, because the rest takes long.
    if !session.step("tools", |session| present(session, *options)) {
        session.note("not marked as verified: `--allow-missing` looks at the rest all the same");
        return Ok(());
    }
    // What takes longest and finds most comes first.
    lint::run(session, &lint::Options::default())?;
    let tests = test::Options {
        require_all: !options.allow_missing,
        ..test::Options::default()
    };
    test::run(session, &tests)?;
    archives::run(session)?;
    docs::run(session, docs::Options::default())?;
    tools::run(session)?;
    audit::rules(session);
    features::run(session, features::Options::default())?;
    msrv::run(session)?;
    dist::run(session)?;

    if session.failed() {
        session.note("not marked as verified: a step failed");
        return Ok(());
    }
    if options.allow_missing {
        session.note("not marked as verified: --allow-missing");
        return Ok(());
    }
    session.step("mark the commit", |session| {
        let changed = "the tree has changes that are not committed";
        if before.is_none() {
            return Ok(Outcome::Skipped(changed.to_owned()));
        }
        let after = verified::clean_head(session)?;
        if after != before {
            return Ok(Outcome::Failed(
                "the tree or its commit changed on the way".to_owned(),
            ));
        }
        Ok(match verified::mark(session)? {
            Some(_) => Outcome::Ok,
            None => Outcome::Skipped(changed.to_owned()),
        })
    });
    Ok(())
}

/// Tells what is missing of all that verifying needs.
fn present(session: &Session, options: Options) -> anyhow::Result<Outcome> {
    // Each step that needs one says so again.
    if options.allow_missing {
        return Ok(Outcome::Ok);
    }
    missing(session, NEEDED.iter().chain(of_tests()))
}

/// Fails with the line that installs each of these tools that is not there.
pub(crate) fn missing<'a>(
    session: &Session,
    needed: impl IntoIterator<Item = &'a Tool>,
) -> anyhow::Result<Outcome> {
    let mut missing = Vec::new();
    for tool in needed {
        if tool.found(session.programs())?.is_none() {
            missing.push(tool.missing());
        }
    }
    Ok(Outcome::from_findings(&missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::TOOLS;

    #[test]
    fn a_missing_tool_is_told_with_the_line_that_installs_it() {
        let session = Session::new().unwrap();
        let gone = Tool {
            name: "cargo-no-such-program-here",
            install: "cargo install it",
            ..CARGO_DENY
        };
        let Outcome::Failed(told) = missing(&session, [&gone]).unwrap() else {
            panic!("it is missing");
        };
        assert!(told.ends_with("cargo install it"), "{told}");
        assert_eq!(missing(&session, []).unwrap(), Outcome::Ok);
    }

    #[test]
    fn every_tool_of_the_verb_is_looked_for_before_its_first_step() {
        for tool in TOOLS.iter().filter(|tool| tool.verb == "release verify") {
            assert!(
                NEEDED.iter().any(|needed| needed.name == tool.name),
                "{}",
                tool.name
            );
        }
    }
}
