//! Shares of the buckets, each in a folder of its own: together they are what one run is, and none knows of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use humanapi_export::{BucketKey, ExportError, SyncSummary, Synchronization};
use humanapi_testing::RecordChange;
use humanapi_testing::client::{
    BucketCursors, CursorName, CursorStore, ListsWhole, MemoryCursorStore, StoreError,
};
use tempfile::TempDir;

use super::{HOUR, change, copy_folder, quiet, same};
use crate::sandbox::people;

/// Whose cursors of which bucket were asked for, kept or told.
type Touched = BTreeSet<(CursorName, u32)>;

/// One database for all shares, and what is done in it.
#[derive(Default)]
struct Noting {
    inner: MemoryCursorStore,
    touched: Mutex<Touched>,
}

impl Noting {
    fn note(&self, sync: CursorName, bucket: u32) {
        self.touched.lock().unwrap().insert((sync, bucket));
    }

    /// Since it was asked for last.
    fn touched(&self) -> Touched {
        std::mem::take(&mut self.touched.lock().unwrap())
    }
}

#[async_trait]
impl CursorStore for Noting {
    async fn init(&self) -> Result<(), StoreError> {
        self.inner.init().await
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        self.inner.begin(sync, newest).await
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        self.note(sync, bucket);
        self.inner.bucket(sync, bucket).await
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        self.note(sync, bucket);
        self.inner.keep(sync, bucket, kept, lists).await
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        self.inner.end(sync, run).await
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        let whole = self.inner.whole(sync).await?;
        for (bucket, _) in &whole {
            self.note(sync, *bucket);
        }
        Ok(whole)
    }
}

async fn run(
    synchronization: Synchronization,
    users: &[String],
    folder: &Path,
) -> Result<SyncSummary, ExportError> {
    let users = users.iter().map(|user| Ok(user.as_str().into()));
    let synchronization = synchronization.with_buckets(5);
    synchronization
        .run(stream::iter(users), folder, pending())
        .await
}

/// What was written of records, by its path.
fn records(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut content = crate::content(folder);
    content.retain(|path, _| path.to_string_lossy().contains("resource="));
    content
}

#[tokio::test]
async fn shares_come_to_what_one_run_comes_to_and_touch_nothing_of_each_other() {
    let (sandbox, users) = people(16);
    let whole = TempDir::new().unwrap();
    let shares = ["1/2", "2/2"].map(|shard| (shard.parse().unwrap(), TempDir::new().unwrap()));
    let cursors = Arc::new(Noting::default());
    let with = || {
        let cursors: Arc<dyn CursorStore> = Arc::clone(&cursors) as _;
        Synchronization::new(quiet(&sandbox), cursors)
            .with_key(BucketKey::new([7; 32]))
            .with_full_every(Duration::ZERO)
    };
    let mut touched = [Touched::new(), Touched::new()];
    for round in 0..3 {
        let one = run(with(), &users, whole.path()).await.unwrap();
        cursors.touched();
        let (mut found, mut deleted, mut of_users) = (0, 0, 0);
        for ((shard, folder), touched) in shares.iter().zip(&mut touched) {
            let share = run(with().with_shard(*shard), &users, folder.path()).await;
            let share = share.unwrap();
            assert!(share.whole && share.users > 0, "{share:?}");
            assert!(share.records > 0, "{share:?}");
            found += share.records;
            deleted += share.deleted;
            of_users += share.users;
            touched.extend(cursors.touched());
        }
        assert_eq!((found, deleted), (one.records, one.deleted));
        assert_eq!((of_users, deleted > 0), (users.len() as u64, round > 0));
        for user in &users {
            change(&sandbox, user, RecordChange::insert("medical/vitals"));
            change(
                &sandbox,
                user,
                RecordChange::delete("medical/immunizations"),
            );
        }
        sandbox.control().advance_clock(HOUR).unwrap();
    }
    let [first, second] = &touched;
    let buckets = |touched: &Touched| -> BTreeSet<u32> {
        touched.iter().map(|(_, bucket)| *bucket).collect()
    };
    assert_eq!(buckets(first), BTreeSet::from([0, 2, 4]));
    assert_eq!(buckets(second), BTreeSet::from([1, 3]));
    let syncs = |touched: &Touched| -> BTreeSet<CursorName> {
        touched.iter().map(|(sync, _)| *sync).collect()
    };
    assert!(syncs(first).is_disjoint(&syncs(second)));
    // Both in one folder, as a reader of all of them has them.
    let both = TempDir::new().unwrap();
    for (_, folder) in &shares {
        copy_folder(folder.path(), both.path());
    }
    let (both_records, expected) = (records(both.path()), records(whole.path()));
    let paths = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&both_records), paths(&expected));
    let last = Synchronization::new(quiet(&sandbox), Arc::new(MemoryCursorStore::new()))
        .with_key(BucketKey::new([7; 32]));
    run(last, &users, whole.path()).await.unwrap();
    for (shard, folder) in &shares {
        let last = run(with().with_shard(*shard), &users, folder.path()).await;
        assert!(last.unwrap().whole);
        copy_folder(folder.path(), both.path());
    }
    same(both.path(), &sandbox, &users);
}

#[tokio::test]
async fn a_share_needs_the_key_of_all_and_a_folder_of_its_own() {
    let (sandbox, users) = people(3);
    let folder = TempDir::new().unwrap();
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    let with = || Synchronization::new(quiet(&sandbox), Arc::clone(&cursors));
    let share = |shard: &str| with().with_shard(shard.parse().unwrap());
    let refused = run(share("1/2"), &users, folder.path()).await;
    assert!(matches!(refused, Err(ExportError::ShardKey)), "{refused:?}");
    assert!(!folder.path().join("_manifest/sync.json").exists());
    let key = || BucketKey::new([7; 32]);
    let first = run(share("1/2").with_key(key()), &users, folder.path()).await;
    assert!(first.unwrap().whole);
    let before = crate::content(folder.path());
    for other in [share("2/2"), share("1/3"), with()] {
        let refused = run(other.with_key(key()), &users, folder.path()).await;
        assert!(
            matches!(refused, Err(ExportError::Other("a share of buckets"))),
            "{refused:?}"
        );
    }
    assert!(crate::content(folder.path()) == before);
}
