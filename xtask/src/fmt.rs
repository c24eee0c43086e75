//! `fmt`: rustfmt over the whole workspace.

use clap::Args;

use crate::step::Session;

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
        session.run(if options.check {
            cmd.arg("--check")
        } else {
            cmd
        })
    });
    Ok(())
}
