//! The platform that the command is built for.

use anyhow::Context as _;

use crate::step::Session;

/// The platform that the command is built for here.
pub(super) fn host(session: &Session) -> anyhow::Result<String> {
    let version = session.read(session.program("rustc").arg("-vV"))?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc does not tell its host")
}
