//! Connect in a real browser.

mod dashboard;
mod data_quality;
mod keyboard;
mod launcher;
mod pages;
mod patient_page;
mod pictures;
mod secrets;
mod sittings;
mod story;
mod tasks;
mod underwriting_desk;
mod widget;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use humanapi_testkit::{npm_file, skip};

/// Fails a case that hangs: nothing here takes so long.
async fn within(case: impl Future<Output = ()>) {
    let ended = tokio::time::timeout(Duration::from_secs(240), case).await;
    assert!(ended.is_ok(), "the case hangs");
}

/// A file of an npm package; none where npm cannot fetch it, after saying so.
async fn package(test: &str, package: &'static str, path: &'static str) -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = tokio::task::spawn_blocking(move || npm_file(folder, package, path)).await;
    let file = file.expect("npm is waited for");
    if file.is_none() {
        skip(test, &format!("npm with {package}"));
    }
    Some(std::fs::read_to_string(file?).expect("npm has put it there"))
}
