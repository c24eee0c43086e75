//! `test`: every test there is, then the quick bench checks, then what was skipped and why.

use clap::Args;

use crate::bench;
use crate::needs::Switches;
use crate::step::{Outcome, Session};

/// Which tests, how long, how strictly.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Run the long hunts too: many more cases per property test
    #[arg(long)]
    pub(crate) deep: bool,
    /// Fail where a test would be skipped because a program is missing, as CI does
    #[arg(long)]
    pub(crate) require_all: bool,
    /// Run only tests whose name contains this; bench checks are left out then
    pub(crate) filter: Option<String>,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    let switches = Switches::new(session, options.deep, options.require_all)?;
    // Two steps, so that the seconds tell compiling from testing. Examples are built by the first, doc tests by the second.
    let built = session.step("build tests and examples", |session| {
        session.run(
            session
                .cargo("test")
                .args(["--workspace", "--all-features", "--no-run"]),
        )
    });
    if built {
        session.step("unit, integration and documentation tests", |session| {
            let cmd =
                session
                    .cargo("test")
                    .args(["--workspace", "--all-features", "--no-fail-fast"]);
            session.run(switches.apply(cmd.args(&options.filter)))
        });
    }
    if let Some(filter) = &options.filter {
        session.step("bench checks", |_| {
            Ok(Outcome::Skipped(format!(
                "only tests named like `{filter}` were asked for"
            )))
        });
    } else if built {
        bench::check(session, &switches)?;
    }
    switches.report(session)
}
