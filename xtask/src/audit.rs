//! `audit`: licences, bans, sources and advisories of all dependencies, by cargo-deny.

use crate::step::{Outcome, Session};
use crate::tools::CARGO_DENY;

/// The checks that need no network.
const RULES: [&str; 3] = ["bans", "licenses", "sources"];

pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    rules(session, Outcome::Skipped);
    session.step("advisories", |session| {
        check(session, &["advisories"], Outcome::Skipped)
    });
    Ok(())
}

/// Checks all but advisories. `missing` says how to end where cargo-deny is missing.
pub(crate) fn rules(session: &mut Session, missing: impl FnOnce(String) -> Outcome) {
    session.step("bans, licences and sources", |session| {
        check(session, &RULES, missing)
    });
}

fn check(
    session: &Session,
    checks: &[&str],
    missing: impl FnOnce(String) -> Outcome,
) -> anyhow::Result<Outcome> {
    if CARGO_DENY.found(session)?.is_none() {
        return Ok(missing(CARGO_DENY.missing()));
    }
    session.run(session.cargo("deny").arg("check").args(checks))
}
