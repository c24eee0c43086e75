//! What is said to be whole until when.

use std::fs;
use std::future::{pending, ready};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use humanapi_export::{BucketKey, ExportError, Format, Synchronization};
use humanapi_testing::OfflineSandbox;
use humanapi_testing::client::{
    BucketCursors, CursorName, CursorStore, ListsWhole, MemoryCursorStore, StoreError,
};
use tempfile::TempDir;

use super::interrupted::only;
use super::{HOUR, quiet, run, same};
use crate::broken::breaks;
use crate::sandbox::{NEW, people};

pub(super) fn synchronization(sandbox: &OfflineSandbox) -> impl Fn() -> Synchronization {
    let client = quiet(sandbox);
    let cursors: Arc<dyn CursorStore> = Arc::new(MemoryCursorStore::new());
    move || {
        // Whoever is in which bucket, it is the same each time.
        Synchronization::new(client.clone(), Arc::clone(&cursors)).with_key(BucketKey::new([7; 32]))
    }
}

/// How many manifests tell of whom the service refuses.
fn tells_of_new(folder: &Path) -> usize {
    let files = crate::files(&folder.join("_manifest")).into_iter();
    let told = files.filter(|path| fs::read_to_string(path).unwrap().contains(NEW));
    told.count()
}

/// All of a bucket are in memory.
#[tokio::test]
async fn more_users_than_its_buckets_take_are_refused_before_any_of_them_is_asked_for() {
    let (sandbox, _) = people(1);
    let folder = TempDir::new().unwrap();
    let with = synchronization(&sandbox);
    sandbox.control().clear_requests();
    let users = (0..5_001).map(|user| Ok(format!("user-{user}").into()));
    let refused = with()
        .with_buckets(1)
        .run(stream::iter(users), folder.path(), pending())
        .await;
    let error = refused.unwrap_err();
    assert!(
        matches!(
            error,
            ExportError::Crowded {
                users: 5_001,
                buckets: 1
            }
        ),
        "{error:?}"
    );
    assert!(sandbox.control().requests().is_empty());
    assert!(!folder.path().join("_manifest/sync.json").exists());
    // The same folder takes more buckets.
    let few = (0..3).map(|user| Ok(format!("user-{user}").into()));
    let run = with().with_buckets(2).with_resources(only("data.vitals"));
    run.run(stream::iter(few), folder.path(), ready(()))
        .await
        .unwrap();
}

/// A store that has kept cursors of many users of the first bucket, of some kinds of more of them than of others.
struct Many {
    inner: MemoryCursorStore,
    /// How many it says that there are,
    says: u64,
    /// and how many there are.
    has: u64,
}

#[async_trait]
impl CursorStore for Many {
    async fn init(&self) -> Result<(), StoreError> {
        self.inner.init().await
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        self.inner.begin(sync, newest).await
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        let mut kept = self.inner.bucket(sync, bucket).await?;
        let others = (0..self.has).filter(|_| bucket == 0);
        let others = others.map(|user| (u128::from(user).to_be_bytes(), Vec::new()));
        kept.users.extend(others);
        Ok(kept)
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

    async fn whole(&self, _: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        let of = |resource: &str, users| ListsWhole {
            resource: resource.to_owned(),
            users,
            ..ListsWhole::default()
        };
        Ok(vec![
            (0, of("activities", 7)),
            (0, of("vitals", self.says)),
            (1, of("vitals", 1)),
        ])
    }
}

/// Their cursors are in memory with those of the others.
#[tokio::test]
async fn users_who_are_read_no_more_count_among_those_of_a_bucket() {
    let (sandbox, users) = people(1);
    for (kept, is_refused) in [(4 * 5_000, true), (4 * 5_000 - 1, false)] {
        let folder = TempDir::new().unwrap();
        let cursors = Arc::new(Many {
            inner: MemoryCursorStore::new(),
            says: kept,
            has: kept,
        });
        let synchronization = Synchronization::new(quiet(&sandbox), cursors);
        let ended = run(
            synchronization.with_resources(only("data.vitals")),
            &users,
            folder.path(),
        )
        .await;
        assert_eq!(
            matches!(
                ended,
                Err(ExportError::Crowded {
                    users: 20_001,
                    buckets: 4
                })
            ),
            is_refused,
            "{ended:?}"
        );
        assert_eq!(ended.is_err(), is_refused);
    }
}

/// Those of before and those who are new are in memory together; who is both is there once.
#[tokio::test]
async fn new_users_count_beside_those_of_whom_cursors_are_kept() {
    let (sandbox, _) = people(1);
    for (new, is_refused) in [(6_001, true), (6_000, false)] {
        let folder = TempDir::new().unwrap();
        let cursors = Arc::new(Many {
            inner: MemoryCursorStore::new(),
            says: 4_000,
            has: 4_000,
        });
        let synchronization = Synchronization::new(quiet(&sandbox), cursors).with_buckets(2);
        sandbox.control().clear_requests();
        let users = (0..new).map(|user| Ok(format!("user-{user}").into()));
        let ended = synchronization
            .run(stream::iter(users), folder.path(), ready(()))
            .await;
        let is_crowded = matches!(
            ended,
            Err(ExportError::Crowded {
                users: 10_001,
                buckets: 2
            })
        );
        assert_eq!(is_crowded, is_refused, "{ended:?}");
        assert_eq!(ended.is_err(), is_refused, "{ended:?}");
        assert!(sandbox.control().requests().is_empty());
    }
}

#[tokio::test]
async fn a_run_of_one_user_and_kind_says_nothing_of_the_others() {
    let (sandbox, mut users) = people(12);
    users.push(NEW.to_owned());
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let with = synchronization(&sandbox);
    let first = run(with(), &users, folder).await.unwrap();
    let of_first = &first.lists["vitals"];
    assert_eq!((of_first.users, of_first.refused), (13, 1));
    assert_eq!(tells_of_new(folder), 1);

    let day = 24 * HOUR;
    sandbox.control().advance_clock(day).unwrap();
    let only_vitals = || with().with_resources(only("data.vitals"));
    let one = run(only_vitals(), &users[..1], folder).await.unwrap();
    let kinds = first.lists.keys().filter(|kind| *kind != "vitals");
    for kind in kinds {
        assert_eq!(one.lists.get(kind), first.lists.get(kind), "{kind}");
    }
    let of_one = &one.lists["vitals"];
    assert_eq!((of_one.users, of_one.refused), (13, 1));
    let (before, now) = (
        of_first.changes_until.unwrap(),
        of_one.changes_until.unwrap(),
    );
    // Machines' clocks are minutes apart.
    assert!((0..=600).contains(&(now - before)), "{}", now - before);
    assert_eq!(tells_of_new(folder), 1, "it was not asked for");

    breaks(&sandbox, "/v1/human/medical/vitals");
    run(only_vitals(), &users[..1], folder).await.unwrap();
    sandbox.control().clear_faults();
    let other = run(only_vitals(), &users[1..2], folder).await.unwrap();
    assert!(other.whole, "all that was asked for");
    assert_eq!(other.lists["vitals"].failed, 1, "it was not read since");
    let all = run(with(), &users[..12], folder).await.unwrap();
    assert_eq!(all.lists["vitals"].failed, 0);
    let moved = all.lists["vitals"].changes_until.unwrap() - before;
    assert!(moved > 23 * 3600, "{moved}");
}

/// One thread for what blocks: who writes needs none of it while lists are settled.
#[test]
fn a_runtime_of_one_thread_for_what_blocks_is_enough() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (sandbox, users) = people(3);
    let (folder, exported) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let both = async {
        let summary = run(synchronization(&sandbox)(), &users, folder.path()).await;
        assert!(summary.unwrap().whole);
        let export = crate::export(&sandbox, Format::Ndjson);
        let summary = crate::run(export, &users, exported.path()).await;
        assert!(summary.unwrap().whole);
    };
    let ended = runtime.block_on(async { tokio::time::timeout(HOUR / 60, both).await });
    ended.expect("both go on");
    same(folder.path(), &sandbox, &users);
}
