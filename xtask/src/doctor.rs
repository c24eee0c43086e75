//! `doctor`: which tools are there, and how to install those that are not.

use clap::Args;

use crate::step::{Outcome, Session};
use crate::tools::TOOLS;

/// How a missing tool is taken.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Fail where a tool is missing
    #[arg(long)]
    pub(crate) strict: bool,
}

pub(crate) fn run(session: &mut Session, options: Options) -> anyhow::Result<()> {
    for tool in &TOOLS {
        session.step(tool.name, |session| {
            Ok(match tool.found(session.programs()) {
                Ok(Some(version)) => Outcome::Told(format!(
                    "{version} (`cargo xtask {}`: {})",
                    tool.verb, tool.purpose
                )),
                Ok(None) => absent(options, tool.missing()),
                // It is there and does not run, which is no better.
                Err(error) => absent(options, format!("{}: {error:#}", tool.missing())),
            })
        });
    }
    Ok(())
}

fn absent(options: Options, why: String) -> Outcome {
    if options.strict {
        Outcome::Failed(why)
    } else {
        Outcome::Skipped(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_fails_only_where_that_is_asked_for() {
        let why = || "missing".to_owned();
        assert_eq!(
            absent(Options { strict: false }, why()),
            Outcome::Skipped(why())
        );
        assert_eq!(
            absent(Options { strict: true }, why()),
            Outcome::Failed(why())
        );
    }
}
