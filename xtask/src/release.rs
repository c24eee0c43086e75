//! `release`: what has to be true of a release.

mod verified;
mod verify;

use clap::Subcommand;

use crate::step::Session;

/// What to do about a release.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Action {
    /// Check everything that a stranger's machine would, and mark the commit as verified
    Verify(verify::Options),
}

pub(crate) fn run(session: &mut Session, action: &Action) {
    match action {
        Action::Verify(options) => {
            session.verb("release verify", |session| verify::run(session, options))
        }
    }
}
