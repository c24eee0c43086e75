//! Which commits `release verify` has passed, as files in the target folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::step::Session;

/// Marks the commit that is checked out. Gives it, or nothing for a tree with changes, which is no commit.
pub(crate) fn mark(session: &Session) -> anyhow::Result<Option<String>> {
    let Some(commit) = clean_head(session)? else {
        return Ok(None);
    };
    write(&folder(session)?, &commit)?;
    Ok(Some(commit))
}

/// True if `release verify` has passed for that commit.
pub(crate) fn is_marked(session: &Session, commit: &str) -> anyhow::Result<bool> {
    Ok(holds(&folder(session)?, commit))
}

fn holds(folder: &Path, commit: &str) -> bool {
    folder.join(commit).is_file()
}

/// The commit that is checked out, if nothing in the tree differs from it.
pub(crate) fn clean_head(session: &Session) -> anyhow::Result<Option<String>> {
    let changes = session.read(session.program("git").args(["status", "--porcelain"]))?;
    if !changes.trim().is_empty() {
        return Ok(None);
    }
    let commit = session.read(session.program("git").args(["rev-parse", "HEAD"]))?;
    Ok(Some(commit.trim().to_owned()))
}

fn folder(session: &Session) -> anyhow::Result<PathBuf> {
    let target = &session.workspace()?.metadata.target_directory;
    Ok(target.join("xtask").join("verified").into())
}

fn write(folder: &Path, commit: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(commit), ""))
        .with_context(|| format!("cannot write to {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_commit() {
        let folder = std::env::temp_dir().join(format!("humanapi-marks-{}", std::process::id()));
        assert!(!holds(&folder, "aaaa"));
        write(&folder, "aaaa").unwrap();
        write(&folder, "aaaa").unwrap();
        assert!(holds(&folder, "aaaa"));
        assert!(!holds(&folder, "bbbb"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
