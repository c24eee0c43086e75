//! The work tree that a release is made from.

use crate::step::{Outcome, Session};

/// A step that passes if nothing lies here that is not committed.
pub(super) fn is_clean(session: &mut Session) -> bool {
    session.step("the work tree is clean", |session| {
        let status = session.read(session.program("git").args(["status", "--porcelain"]))?;
        let changes: Vec<String> = status.lines().map(str::to_owned).collect();
        Ok(Outcome::from_findings(&changes))
    })
}
