//! Tests that need a program beyond Rust, where that is missing.

use std::io::Write as _;

/// Call where a program is missing, then return from the test.
///
/// It tells `cargo xtask test`, which says so at its end, and fails where nothing may be skipped.
///
/// # Panics
///
/// When `HUMANAPI_REQUIRE_ALL` is `1`.
pub fn skip(test: &str, program: &str) {
    let line = format!("{test}: {program} is missing\n");
    let all = std::env::var_os("HUMANAPI_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!all, "{line}");
    if let Some(path) = std::env::var_os("HUMANAPI_SKIPPED") {
        // One write to a file opened for appending: tests run side by side.
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        let mut file = file.expect("xtask made the file");
        let written = file.write_all(line.as_bytes());
        written.expect("the file takes one more line");
    }
}
