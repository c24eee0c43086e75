//! `release verify`: everything that a stranger's machine would do with a release.

mod archives;
mod binary;
mod tools;

use clap::Args;

use crate::release::verified;
use crate::step::{Outcome, Session};
use crate::{audit, docs, features};

/// How strictly to verify.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Skip what needs a tool that is missing; the commit is not marked as verified then
    #[arg(long)]
    pub(crate) allow_missing: bool,
}

impl Options {
    /// How a step ends whose tool is missing.
    fn missing(self, why: String) -> Outcome {
        if self.allow_missing {
            Outcome::Skipped(why)
        } else {
            Outcome::Failed(why)
        }
    }
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    let before = verified::clean_head(session)?;
    if let Some(commit) = &before
        && verified::is_marked(session, commit)?
    {
        session.note("this commit was marked as verified before");
    }
    archives::run(session)?;
    docs::run(session)?;
    tools::run(session, *options)?;
    audit::rules(session, |why| options.missing(why));
    features::run(session)?;
    tools::compilers(session)?;
    binary::run(session)?;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_fails_unless_that_is_allowed() {
        let why = || "missing".to_owned();
        let strict = Options::default();
        let lenient = Options {
            allow_missing: true,
        };
        assert_eq!(strict.missing(why()), Outcome::Failed(why()));
        assert_eq!(lenient.missing(why()), Outcome::Skipped(why()));
    }
}
