//! Where it is kept up to where the lists of many users were read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::store::StoreError;

/// What stands for a sync, or for a user in one: a keyed hash, so that nothing here tells who anybody is.
pub type CursorName = [u8; 16];

/// Keeps up to where the lists of many users were read.
///
/// A sync reads its users bucket by bucket, in runs. What it writes elsewhere is in its place before its cursors are kept
/// here, so that a cursor which is lost costs requests and never a record: a store may forget, or know what it knew
/// before, and must not invent.
///
/// # Contract
///
/// * Each operation happens whole or not at all, and what it kept is found by each that begins after its answer.
/// * One process at a time works at a sync; the sync itself sees to that.
/// * What is kept has no id and no record in it, and need not be sealed.
/// * It answers or fails within a time that it sets for itself.
#[async_trait]
pub trait CursorStore: Send + Sync {
    /// Makes what is missing to keep cursors in. Harmless where all is there.
    ///
    /// # Errors
    ///
    /// When the store cannot be reached or may not be written to.
    async fn init(&self) -> Result<(), StoreError>; // An `impl` needs `#[async_trait]` above it, too.

    /// Begins a run, or goes on with the one that did not end, and tells its number. `newest` is the highest number that
    /// anything written bears: the number of a new run is above it, and a run whose number is below it is not gone on with.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError>;

    /// All that is kept of a bucket.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError>;

    /// Keeps what came of a bucket in a run: these users' cursors instead of theirs, and how whole its lists are instead of
    /// what was kept of that. Cursors of users who are not named stay.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked. Whether it was kept is then unknown.
    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError>;

    /// Ends a run.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError>;

    /// The table of what is whole until when, of each bucket and kind of record.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError>;
}

/// What is kept of one bucket of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores of one's own make it")]
pub struct BucketCursors {
    /// In which run it was read last; 0 where it never was.
    pub run: u64,
    /// Tells for whom, for which lists and how it was read then, and what it was that was written last, and nothing of them.
    pub check: Vec<u8>,
    /// By which run something was written last; 0 where nothing was.
    pub commit: u64,
    /// Each user's cursors, of all lists: a few tens of bytes for each.
    pub users: BTreeMap<CursorName, Vec<u8>>,
}

/// How whole the lists of one kind are, of the users of one bucket or of all. Moments are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores of one's own make it")]
pub struct ListsWhole {
    /// The kind, such as `activities`.
    pub resource: String,
    /// How many users' lists there are.
    pub users: u64,
    /// How many of them the service refuses.
    pub refused: u64,
    /// How many could not be read in the last run.
    pub failed: u64,
    /// All that changed until this moment is there, of each list that was ever read; nothing where the service never told
    /// the time.
    pub changes_until: Option<i64>,
    /// All that was deleted until this moment is told, of each list that was ever read; 0 where one of them was not read as
    /// a whole yet.
    pub deletions_until: Option<i64>,
}

impl ListsWhole {
    /// Takes in those of another bucket.
    pub fn add(&mut self, other: &Self) {
        self.users += other.users;
        self.refused += other.refused;
        self.failed += other.failed;
        let earlier = |own: &mut Option<i64>, other: Option<i64>| {
            *own = (*own).into_iter().chain(other).min();
        };
        earlier(&mut self.changes_until, other.changes_until);
        earlier(&mut self.deletions_until, other.deletions_until);
    }
}

/// Cursors in this process's memory, for tests: a sync that begins anew reads everything.
#[derive(Debug, Default)]
pub struct MemoryCursorStore(Mutex<BTreeMap<CursorName, Kept>>);

#[derive(Debug, Default)]
struct Kept {
    run: u64,
    is_running: bool,
    buckets: BTreeMap<u32, (BucketCursors, Vec<ListsWhole>)>,
}

impl MemoryCursorStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn syncs(&self) -> MutexGuard<'_, BTreeMap<CursorName, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CursorStore for MemoryCursorStore {
    async fn init(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        let mut syncs = self.syncs();
        let sync = syncs.entry(sync).or_default();
        if !sync.is_running || sync.run < newest {
            sync.run = sync.run.max(newest) + 1;
            sync.is_running = true;
        }
        Ok(sync.run)
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        let syncs = self.syncs();
        let found = syncs.get(&sync).and_then(|sync| sync.buckets.get(&bucket));
        Ok(found.map(|(kept, _)| kept.clone()).unwrap_or_default())
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        let mut syncs = self.syncs();
        let sync = syncs.entry(sync).or_default();
        let (own, whole) = sync.buckets.entry(bucket).or_default();
        own.run = kept.run;
        own.check = kept.check;
        own.commit = kept.commit;
        own.users.extend(kept.users);
        *whole = lists;
        Ok(())
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        if let Some(sync) = self.syncs().get_mut(&sync)
            && sync.run == run
        {
            sync.is_running = false;
        }
        Ok(())
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        let syncs = self.syncs();
        let buckets = syncs.get(&sync).into_iter().flat_map(|sync| &sync.buckets);
        let lists =
            buckets.flat_map(|(bucket, (_, lists))| lists.iter().map(|one| (*bucket, one.clone())));
        Ok(lists.collect())
    }
}
