//! What a check does where a program that it needs is missing.

use std::io::Write as _;
use std::process::{Command, ExitCode};

/// How a check ends that cannot run here, because a program is missing: skipped with one line, or failed where nothing
/// may be skipped. `None` if all of them are here.
pub fn skip_without(check: &str, programs: &[&str]) -> Option<ExitCode> {
    let missing = programs
        .iter()
        .find(|program| Command::new(program).arg("--version").output().is_err())?;
    let skipped = skip(check, missing);
    Some(skipped.unwrap_or_else(|error| crate::failed(&error)))
}

/// How a check ends that cannot run here for want of something: skipped with one line, or failed where nothing may be
/// skipped.
///
/// # Errors
///
/// When that cannot be told.
pub fn skip(check: &str, program: &str) -> anyhow::Result<ExitCode> {
    let line = format!("{check}: {program} is missing\n");
    std::io::stderr().write_all(line.as_bytes())?;
    if std::env::var_os("HUMANAPI_REQUIRE_ALL").is_some_and(|value| value == "1") {
        return Ok(ExitCode::FAILURE);
    }
    if let Some(path) = std::env::var_os("HUMANAPI_SKIPPED") {
        // One write to a file opened for appending: checks may run side by side.
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)?;
        file.write_all(line.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
