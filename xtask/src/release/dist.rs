//! `release dist`: the command as it is handed out, with its papers, in an archive for this platform.

mod archive;
mod bill;
mod command;
mod host;
mod notice;

use anyhow::Context as _;

use crate::step::Session;
use crate::tools::{CARGO_ABOUT, CARGO_CYCLONEDX, Tool};

/// What the papers need.
pub(crate) const NEEDED: [Tool; 2] = [CARGO_CYCLONEDX, CARGO_ABOUT];

/// Builds into `target/dist`, which holds nothing else afterwards.
pub(crate) fn run(session: &mut Session) -> anyhow::Result<()> {
    let dist = session.workspace()?.metadata.target_directory.join("dist");
    if dist.exists() {
        std::fs::remove_dir_all(&dist).with_context(|| format!("cannot empty {dist}"))?;
    }
    std::fs::create_dir_all(&dist).with_context(|| format!("cannot make {dist}"))?;
    command::run(session, &dist)?;
    bill::run(session, &dist);
    notice::run(session, &dist);
    archive::run(session, &dist)
}
