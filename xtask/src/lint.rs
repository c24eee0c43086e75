//! `lint`: clippy with warnings denied, with all features and with few.

use crate::step::Session;

/// The libraries that others build on without their default features.
const LEAN: [&str; 4] = ["-p", "humanapi-core", "-p", "humanapi-client"];
const DENY: [&str; 3] = ["--", "-D", "warnings"];

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
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
