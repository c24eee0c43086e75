//! `lint`: clippy with warnings denied, with all features and with few.

use clap::Args;

use crate::step::Session;

/// The libraries that others build on without their default features.
const LEAN: [&str; 4] = ["-p", "humanapi-core", "-p", "humanapi-client"];
const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// How much of the workspace.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Only this crate, which is quicker
    #[arg(short, long, value_name = "CRATE")]
    pub(crate) package: Option<String>,
}

pub(crate) fn run(session: &mut Session, options: &Options) -> anyhow::Result<()> {
    if let Some(package) = &options.package {
        session.step(&format!("{package}, all features"), |session| {
            let cmd = session.cargo("clippy").args(["--package", package]);
            session.run(cmd.args(["--all-targets", "--all-features"]).args(DENY))
        });
        return Ok(());
    }
    session.step("all targets, all features", |session| {
        let cmd = session
            .cargo("clippy")
            .args(["--workspace", "--all-targets", "--all-features"]);
        session.run(cmd.args(DENY))
    });
    session.step("core and client, default features", |session| {
        session.run(session.cargo("clippy").args(LEAN).args(DENY))
    });
    session.step("core and client, no features", |session| {
        session.run(
            session
                .cargo("clippy")
                .args(LEAN)
                .arg("--no-default-features")
                .args(DENY),
        )
    });
    Ok(())
}
