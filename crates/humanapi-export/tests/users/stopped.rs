//! Runs that are to stop while they wait for a list of users or for a store that gives nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use humanapi_export::{Format, SyncSummary, Synchronization};
use humanapi_testing::client::MemoryCursorStore;
use humanapi_testing::core::ClientUserId;
use tempfile::TempDir;

use crate::sandbox::people;
use crate::sync::halting::{Asked, Halting};
use crate::{export, files};

/// A list that tells some users and then nothing any more, without an end.
fn stalled(users: &[String]) -> impl futures_util::Stream<Item = io::Result<ClientUserId>> + use<> {
    let users: Vec<_> = users.iter().map(|user| Ok(user.as_str().into())).collect();
    stream::iter(users).chain(stream::pending())
}

async fn soon() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_list_of_users_that_stalls_keeps_nobody_from_stopping() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let exporting = export(&sandbox, Format::Ndjson).run(stalled(&users), folder.path(), soon());
    let summary = exporting.await.unwrap();
    assert!(summary.stopped && !summary.whole, "{summary:?}");
    // What waited is gone, and the same goes on.
    let names = files(folder.path());
    let is_lock = |name: &PathBuf| name.to_string_lossy().contains("/.lock");
    assert!(names.iter().all(is_lock), "{names:?}");
    let again = crate::run(export(&sandbox, Format::Ndjson), &users, folder.path()).await;
    assert!(again.unwrap().whole);

    let one = export(&sandbox, Format::Csv).with_resources(
        humanapi_export::Export::all_resources().filter(|route| route.name == "data.sleeps"),
    );
    let streaming = one.write_to(stalled(&users), io::sink(), soon());
    assert!(streaming.await.unwrap().stopped);

    #[cfg(feature = "ucum")]
    {
        let reporting = export(&sandbox, Format::Ndjson).report(stalled(&users), soon());
        let (summary, _) = reporting.await.unwrap();
        assert!(summary.stopped);
    }

    let folder = TempDir::new().unwrap();
    let cursors = Arc::new(MemoryCursorStore::new());
    let run = Synchronization::new(crate::sync::quiet(&sandbox), cursors);
    let summary = run.run(stalled(&users), folder.path(), soon()).await;
    let summary = summary.unwrap();
    assert!(summary.stopped && !summary.whole, "{summary:?}");
}

/// A run whose store answers everything but this, the first time that it is asked for it after so many, and which is to
/// stop then.
async fn stopped_at(at: Asked, after: u32, folder: &Path) -> SyncSummary {
    let (sandbox, users) = people(3);
    let answers = AtomicU32::new(after);
    let left = move || answers.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
    let ends = move |asked| asked == at && left().is_err();
    let cursors = Halting::new(Arc::new(MemoryCursorStore::new()), ends);
    let run = Synchronization::new(crate::sync::quiet(&sandbox), Arc::clone(&cursors) as _);
    let list = users
        .iter()
        .map(|user| Ok(ClientUserId::from(user.as_str())));
    let summary = run.run(stream::iter(list), folder, cursors.reached()).await;
    summary.unwrap()
}

#[tokio::test]
async fn a_store_of_cursors_that_is_silent_keeps_nobody_from_stopping() {
    for at in [Asked::Init, Asked::Begin, Asked::Bucket, Asked::Whole] {
        let folder = TempDir::new().unwrap();
        let summary = stopped_at(at, 0, folder.path()).await;
        assert!(summary.stopped && !summary.whole, "{at:?}: {summary:?}");
    }
}

/// Nothing but the table of what is whole is missing then.
#[tokio::test]
async fn a_run_that_is_over_is_not_told_as_stopped() {
    let folder = TempDir::new().unwrap();
    let summary = stopped_at(Asked::Whole, 1, folder.path()).await;
    assert!(summary.whole && !summary.stopped, "{summary:?}");
    assert!(summary.written > 0 && summary.lists.is_empty());
}
