//! What a check does where a program that it needs is missing.

use std::io::Write as _;
use std::process::ExitCode;

/// Notes that a check was skipped, or fails where nothing may be.
pub(crate) fn skip(check: &str, program: &str) -> anyhow::Result<ExitCode> {
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
