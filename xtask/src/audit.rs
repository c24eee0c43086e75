//! `audit`: licences, advisories, bans and sources of all dependencies, by cargo-deny.

use crate::step::{Outcome, Session, Tool};

const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    verb: "audit",
    install: "cargo install cargo-deny --locked",
};

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    session.step("cargo-deny", |session| {
        if session
            .read(session.program("cargo-deny").arg("--version"))
            .is_err()
        {
            return Ok(Outcome::Skipped(CARGO_DENY.missing()));
        }
        session.run(
            session
                .program("cargo-deny")
                .args(["--all-features", "check"]),
        )
    });
    Ok(())
}
