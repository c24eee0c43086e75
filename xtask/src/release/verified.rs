//! What `release verify` has passed: a mark for each commit, in the target folder.

use std::path::PathBuf;

use crate::step::Session;

fn path(session: &Session, commit: &str) -> anyhow::Result<PathBuf> {
    let target = &session.workspace()?.metadata.target_directory;
    Ok(target.join("xtask/verified").join(commit).into())
}

/// True if that commit has passed.
pub(crate) fn is_marked(session: &Session, commit: &str) -> anyhow::Result<bool> {
    Ok(path(session, commit)?.is_file())
}
