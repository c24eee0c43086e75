//! `fmt`: rustfmt over the whole workspace.

use clap::Args;

use crate::step::{Outcome, Session};

/// Which way round.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Options {
    /// Change nothing; fail if something is not formatted
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    session.step("rustfmt", |session| {
        let cmd = session.cargo("fmt").arg("--all");
        if !options.check {
            return session.run(cmd);
        }
        Ok(match session.run(cmd.arg("--check"))? {
            Outcome::Failed(difference) => {
                Outcome::Failed(format!("{difference}\nremedy: cargo xtask fmt"))
            }
            other => other,
        })
    });
    Ok(())
}
