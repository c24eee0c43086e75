//! `audit`: licences, bans, sources and advisories of all dependencies, by cargo-deny.

use crate::step::{Outcome, Session};
use crate::tools::CARGO_DENY;

/// What is checked, in two steps: only the last needs the network.
const STEPS: [(&str, &[&str]); 2] = [
    (
        "bans, licences and sources",
        &["bans", "licenses", "sources"],
    ),
    ("advisories", &["advisories"]),
];

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    if CARGO_DENY.found(session)?.is_none() {
        session.step("cargo-deny", |_| Ok(Outcome::Skipped(CARGO_DENY.missing())));
        return Ok(());
    }
    for (name, checks) in STEPS {
        session.step(name, |session| {
            session.run(session.program("cargo-deny").arg("check").args(checks))
        });
    }
    Ok(())
}
