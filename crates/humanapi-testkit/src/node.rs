//! Tests of JavaScript that need no browser.

use std::path::Path;
use std::process::Command;

use crate::skip;

/// The oldest that has all that such tests use.
const OLDEST: u32 = 20;

/// Runs a file of tests by `node --test`, or skips `test` where node is missing or too old.
///
/// # Panics
///
/// When one of them fails, with what they say.
pub fn node_test(test: &str, file: &Path) {
    let version = Command::new("node").arg("--version").output();
    let version = version.map(|found| String::from_utf8_lossy(&found.stdout).into_owned());
    let major = version.ok().and_then(|version| {
        let version = version.trim().trim_start_matches('v');
        version.split('.').next()?.parse::<u32>().ok()
    });
    if major.is_none_or(|major| major < OLDEST) {
        return skip(test, &format!("node {OLDEST} or later"));
    }
    let run = Command::new("node").arg("--test").arg(file).output();
    let run = run.expect("node ran a moment ago");
    let said = [run.stdout, run.stderr].concat();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&said));
}
