//! Runs that are to stop while they wait for a list of users or for a store that gives nothing.

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use humanapi_export::{Format, Synchronization};
use humanapi_testing::client::{
    BucketCursors, CursorName, CursorStore, ListsWhole, MemoryCursorStore, StoreError,
};
use humanapi_testing::core::ClientUserId;
use tempfile::TempDir;

use crate::sandbox::people;
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

/// Whose answers to this do not come.
struct Silent {
    inner: MemoryCursorStore,
    to: &'static str,
}

impl Silent {
    async fn ask(&self, what: &str) {
        if self.to == what {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl CursorStore for Silent {
    async fn init(&self) -> Result<(), StoreError> {
        self.ask("init").await;
        self.inner.init().await
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        self.inner.begin(sync, newest).await
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        self.ask("bucket").await;
        self.inner.bucket(sync, bucket).await
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        self.inner.keep(sync, bucket, kept, lists).await
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        self.inner.end(sync, run).await
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        self.ask("whole").await;
        self.inner.whole(sync).await
    }
}

#[tokio::test]
async fn a_store_of_cursors_that_is_silent_keeps_nobody_from_stopping() {
    let (sandbox, users) = people(3);
    for to in ["init", "bucket", "whole"] {
        let folder = TempDir::new().unwrap();
        let cursors = Arc::new(Silent {
            inner: MemoryCursorStore::new(),
            to,
        });
        let run = Synchronization::new(crate::sync::quiet(&sandbox), cursors);
        let list: Vec<_> = users
            .iter()
            .map(|user| Ok(ClientUserId::from(user.as_str())))
            .collect();
        let summary = run.run(stream::iter(list), folder.path(), soon()).await;
        let summary = summary.unwrap();
        assert!(summary.stopped && !summary.whole, "{to}: {summary:?}");
    }
}
