//! The health data of many users, kept in step: what is new, changed or gone since the last run.

mod bucket;
mod bucket_files;
mod check;
mod cursor;
mod gathered;
mod known;
mod line;
mod manifest;
mod reading;
mod running;
mod summary;
mod writing;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::FutureExt as _;
use humanapi_client::{Client, CursorName, CursorStore};
use humanapi_core::ClientUserId;
use humanapi_core::data::{ROUTES, Route};
use jiff::SignedDuration;

use super::HELD;
use super::error::ExportError;
use super::event::Event;
use super::failures::Failures;
use super::folder::Folder;
use super::kept_key::kept_key;
use super::key::{BUCKETS, BucketKey, MOST_BUCKETS, Shard};
use super::manifest::ExportManifest;
use super::reading::{Reading, all_are_read, in_order, is_read, now};
use super::room::Room;
use super::stop::unless_stopped_meanwhile;
use super::users::Buckets;
use crate::keyed::hex;
use cursor::{LAG, SHORTEST_LAG, cursors_of};
use manifest::Mended;
use reading::SyncReading;
use running::{Run, begin};

pub(super) use manifest::SyncManifest;
pub use summary::SyncSummary;

/// So many users may be in a bucket, taken together: their cursors are in memory, about 10 KB for each.
const MOST_USERS: u64 = 5_000;

/// So long who was told to stop waits for the table of what is whole. The store may be what did not answer.
const SOON: Duration = Duration::from_secs(2);

/// All of each list is read within so long a time, unless it is said.
const FULL_EVERY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The health data of many users, kept in step in a folder.
///
/// Each run reads what changed since the last one, many lists at once, and writes it as new files beside those of before:
/// `resource=activities/bucket=0007/commit-000000000012.ndjson`, each record that is new or has changed as it is now, and the
/// ids of those that are gone. The latest line of each record is how it is. Where nothing changed, nothing is written. Nothing
/// of a user is in a path.
///
/// Up to where each list was read is in a [store of cursors](CursorStore), a few tens of bytes for each user and list. A
/// run reads a while before its cursor again, and leaves out what it told then, so that neither records that arrive late nor
/// clocks that differ lose any. What was deleted no list tells: each list is read as a whole from time to time, at moments
/// that are spread over [an interval](Self::with_full_every), and what is gone is told then. Lists whose records do not tell
/// when they changed, and what a user has one of, are read as a whole each time.
///
/// Whatever ends the program, the same again goes on: a bucket's files are in their places first, then its manifest, then
/// its cursors, and what is done twice comes to the same. A store of cursors that is lost costs one reading of everything,
/// and writes no record again that did not change. Who takes each commit once takes those that `_manifest/sync.json` tells
/// as `ended`: others are still written to.
///
/// Give it a client whose transport is [`Limited`](humanapi_client::Limited). It needs a tokio runtime.
///
/// ```no_run
/// # use humanapi_client::{Client, CursorStore};
/// use std::future::pending;
/// use std::sync::Arc;
///
/// use futures_util::stream;
/// use humanapi_export::Synchronization;
///
/// # async fn sync(client: Client, cursors: Arc<dyn CursorStore>) -> Result<(), Box<dyn std::error::Error>> {
/// let users = stream::iter(["patient-17", "patient-18"].map(|id| Ok(id.into())));
/// let run = Synchronization::new(client, cursors);
/// let summary = run.run(users, "in-step", pending()).await?;
/// println!("{} new or changed, {} gone", summary.records, summary.deleted);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read before it is run"]
pub struct Synchronization {
    client: Client,
    cursors: Arc<dyn CursorStore>,
    routes: Vec<&'static Route>,
    key: Option<BucketKey>,
    buckets: Option<u32>,
    shard: Shard,
    lag: Option<Duration>,
    full_every: Duration,
    at_once: usize,
    held: usize,
    on_event: Box<dyn FnMut(Event) + Send>,
}

impl Synchronization {
    /// A run over everything that there is of each user, by a client and from where the cursors say.
    pub fn new(client: Client, cursors: Arc<dyn CursorStore>) -> Self {
        Self {
            client,
            cursors,
            routes: ROUTES.iter().filter(|route| is_read(route)).collect(),
            key: None,
            buckets: None,
            shard: Shard::ALL,
            lag: None,
            full_every: FULL_EVERY,
            at_once: 16,
            held: HELD,
            on_event: Box::new(|_| {}),
        }
    }

    /// Reads these resources alone. Cursors of others stay where they are.
    pub fn with_resources(mut self, routes: impl IntoIterator<Item = &'static Route>) -> Self {
        self.routes = in_order(routes);
        self
    }

    /// Puts users into buckets by this key, which the caller keeps. Otherwise one is drawn for the folder and kept in it, as
    /// `_manifest/key`.
    pub fn with_key(mut self, key: BucketKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Puts users into so many buckets, 1 to 1000: as many as the folder has already, or 16, if nothing is said.
    ///
    /// A bucket is what is read again after an interruption, and its users' cursors are in memory, about 10 KB for each: a
    /// thousand users are a good size. More than five thousand, taken together, are refused; who was read once counts as well
    /// where the list of users has them no longer.
    pub fn with_buckets(mut self, buckets: u32) -> Self {
        self.buckets = Some(buckets);
        self
    }

    /// Takes a share of the buckets, while others take the other shares, each in a folder of its own. All need the same
    /// [key](Self::with_key), number of buckets and users.
    ///
    /// Each folder has its own name for cursors and its own numbers of runs, so that shares touch nothing of each other's,
    /// be their cursors in one database or in several.
    pub fn with_shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// How long after its `updatedAt` a record may still appear, 10 minutes if nothing is said; see
    /// [`Changes::with_lag`](humanapi_core::data::Changes::with_lag).
    pub fn with_lag(mut self, lag: Duration) -> Self {
        self.lag = Some(lag);
        self
    }

    /// Reads all of each list within so long a time, 7 days if nothing is said, so that what was deleted, and what came later
    /// than the [lag](Self::with_lag), is found. Nothing at all is each time.
    pub fn with_full_every(mut self, interval: Duration) -> Self {
        self.full_every = interval;
        self
    }

    /// Reads so many lists at once, 16 if nothing is said.
    pub fn with_at_once(mut self, lists: usize) -> Self {
        self.at_once = lists.max(1);
        self
    }

    /// Holds so many bytes of records in memory, 24 MiB if nothing is said, of which a list takes a quarter at most. What is more
    /// waits in files without a name, and no list begins while nothing is free.
    pub fn with_held(mut self, bytes: usize) -> Self {
        self.held = bytes;
        self
    }

    /// Tells what happens as it happens.
    pub fn with_listener(mut self, told: impl FnMut(Event) + Send + 'static) -> Self {
        self.on_event = Box::new(told);
        self
    }

    /// Reads what changed and writes it to a folder, until all is there or `stop` ends. Each user counts once, however often
    /// the list has them. Who is in the list no longer is read no more, and what was written of them stays.
    ///
    /// # Errors
    ///
    /// When it cannot be gone on with; what was kept by then stays so. That the service refuses something, or that some
    /// lists could not be read, is no error: the [`SyncSummary`] tells it.
    pub async fn run<S>(
        self,
        users: S,
        folder: impl AsRef<Path>,
        stop: impl Future<Output = ()>,
    ) -> Result<SyncSummary, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        self.check()?;
        let folder = Folder::open_async(folder.as_ref(), Shard::ALL).await?;
        self.write(users, folder, stop).await
    }

    pub(super) async fn write<S>(
        mut self,
        users: S,
        folder: Folder,
        stop: impl Future<Output = ()>,
    ) -> Result<SyncSummary, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        if folder.wait(ExportManifest::is_in).await? {
            return Err(ExportError::OtherKind("an export"));
        }
        let key = match self.key.take() {
            Some(key) => key,
            // Drawn for one folder, it would put users into other buckets than those of the other shares.
            None if self.shard != Shard::ALL => return Err(ExportError::ShardKey),
            None => {
                let kept = |folder: &_| kept_key(folder, !SyncManifest::is_in(folder)?);
                folder.wait(kept).await?
            }
        };
        let (mut manifest, is_new) = self.manifest(&folder, &key).await?;
        let work = Some(folder.work());
        let mut stop = pin!(stop.fuse());
        let buckets = Buckets::of(
            users,
            &key,
            manifest.buckets,
            self.shard,
            work,
            stop.as_mut(),
        );
        let Some(buckets) = buckets.await? else {
            return stopped(&folder).await;
        };
        let sync = key.code("sync", [manifest.id.as_str()]);
        let store = Arc::clone(&self.cursors);
        let checked = async {
            store.init().await.map_err(ExportError::Cursors)?;
            check_users(&*store, sync, &buckets, &key).await
        };
        let Some(checked) = unless_stopped_meanwhile(stop.as_mut(), checked).await else {
            drop(buckets);
            return stopped(&folder).await;
        };
        checked?;
        if is_new {
            let begun = manifest.change(&folder, |manifest, folder| manifest.write(folder));
            begun.await?;
        }
        let mended = Mended::default();
        let begun = begin(&*store, sync, &manifest, &folder, stop.as_mut()).await?;
        let Some(commit) = begun else {
            drop(buckets);
            return stopped(&folder).await;
        };
        let at = now(&self.client);
        let noted = mended.clone();
        let others = manifest.change(&folder, move |manifest, folder| {
            match manifest.sum_up_others(folder, commit, at, &noted)? {
                true => manifest.write(folder),
                false => Ok(()),
            }
        });
        others.await?;
        let kinds = self.routes.len();
        let mut summary = SyncSummary {
            users: buckets.users(),
            ..SyncSummary::default()
        };
        let mut events = std::mem::replace(&mut self.on_event, Box::new(|_| {}));
        events(Event::Planned {
            users: buckets.users(),
            lists: buckets.users() * kinds as u64,
        });
        let reading = Arc::new(self.reading(&folder));
        let failures = Failures::new(
            Arc::clone(&reading.reading),
            &buckets,
            &self.routes,
            self.at_once,
        );
        let begun = manifest.begun(commit);
        let ended = manifest.ended();
        let mut run = Run {
            reading: Arc::clone(&reading),
            store: Arc::clone(&store),
            sync,
            begun,
            commit,
            manifest: &mut manifest,
            folder: folder.clone(),
            ended,
            mended: mended.clone(),
            key,
            routes: self.routes,
            at_once: self.at_once,
            failures,
            skipped: Vec::new(),
            has_read: false,
            summary: &mut summary,
            events: &mut *events,
        };
        let read = run.all(&buckets, stop.as_mut()).await;
        // Lists that were not waited for any more may still be settled.
        reading.end().await;
        let settled = folder.settle().await;
        // However it ended, what is in its place is told. Who takes what is over takes it from here on, so that the store
        // of cursors is told last: a run that it goes on with all the same is not written to again.
        let is_over = read.is_ok() && !run.summary.stopped;
        let told = run.sum_up(is_over).await;
        let commit = run.commit;
        drop(buckets);
        let closed = folder
            .wait(|folder| folder.close().map_err(ExportError::Folder))
            .await;
        read?;
        told?;
        settled?;
        closed?;
        if is_over {
            store
                .end(sync, commit)
                .await
                .map_err(ExportError::Cursors)?;
        }
        let whole = store.whole(sync);
        let stopped = summary.stopped;
        // Who stops it now stops nothing but that table: the run is over.
        let soon = async {
            if !stopped {
                stop.await;
            }
            tokio::time::sleep(SOON).await;
        };
        if let Some(whole) = unless_stopped_meanwhile(pin!(soon), whole).await {
            summary.add_whole(whole.map_err(ExportError::Cursors)?);
        }
        summary.mended = mended.take();
        summary.whole = !summary.stopped && summary.failed.is_empty();
        Ok(summary)
    }

    fn check(&self) -> Result<(), ExportError> {
        all_are_read(&self.routes)?;
        match self.buckets {
            None | Some(1..=MOST_BUCKETS) => Ok(()),
            Some(_) => Err(ExportError::Buckets),
        }
    }

    /// What the folder says of itself, or what it is to say from now on.
    async fn manifest(
        &self,
        folder: &Folder,
        key: &BucketKey,
    ) -> Result<(SyncManifest, bool), ExportError> {
        let check = key.name("check", []);
        let shard = (self.shard != Shard::ALL).then(|| self.shard.to_string());
        if let Some(before) = folder.wait(SyncManifest::read).await? {
            if before.key_check != check {
                return Err(ExportError::Other("a key"));
            }
            if self
                .buckets
                .is_some_and(|buckets| buckets != before.buckets)
            {
                return Err(ExportError::Other("a number of buckets"));
            }
            if before.shard != shard {
                return Err(ExportError::Other("a share of buckets"));
            }
            return Ok((before, false));
        }
        // What no manifest tells of would be taken for what a broken run left, and be removed.
        let names = folder.wait(|folder| folder.list("").map_err(ExportError::Folder));
        let names = names.await?;
        if names.iter().any(|name| name.starts_with("resource=")) {
            return Err(ExportError::Manifest(SyncManifest::path()));
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| ExportError::Folder(io::Error::other(error)))?;
        let buckets = self.buckets.unwrap_or(BUCKETS);
        let manifest = SyncManifest::new(hex(&id), buckets, shard, check);
        Ok((manifest, true))
    }

    fn reading(&self, folder: &Folder) -> SyncReading {
        let full_every = SignedDuration::try_from(self.full_every);
        SyncReading {
            reading: Arc::new(Reading {
                is_deidentified: false,
                client: self.client.clone(),
                since: None,
                documents: None,
                ahead: 1,
                room: Room::new(self.held),
                folder: Some(folder.clone()),
            }),
            lag: self.lag.unwrap_or(LAG).max(SHORTEST_LAG),
            full_every: full_every.unwrap_or(SignedDuration::MAX),
            at_work: Arc::default(),
        }
    }
}

/// The end of a run that was stopped before it began.
async fn stopped(folder: &Folder) -> Result<SyncSummary, ExportError> {
    let close = |folder: &Folder| folder.close().map_err(ExportError::Folder);
    folder.wait(close).await?;
    Ok(SyncSummary {
        stopped: true,
        ..SyncSummary::default()
    })
}

/// An error where buckets would have too many users: those who are read, and those of whom cursors are kept, be they read
/// any more or not.
async fn check_users(
    store: &dyn CursorStore,
    sync: CursorName,
    buckets: &Buckets,
    key: &BucketKey,
) -> Result<(), ExportError> {
    let mut kept: BTreeMap<u32, u64> = BTreeMap::new();
    for (bucket, lists) in store.whole(sync).await.map_err(ExportError::Cursors)? {
        let users = kept.entry(bucket).or_default();
        *users = lists.users.max(*users);
    }
    let (read, kept): (u64, u64) = (buckets.users(), kept.values().sum());
    let count = buckets.numbers().len();
    let most = MOST_USERS * count as u64;
    let crowded = |users| ExportError::Crowded {
        users,
        buckets: u32::try_from(count).unwrap_or(u32::MAX),
    };
    if read.max(kept) > most {
        return Err(crowded(read.max(kept)));
    }
    if read + kept <= most {
        return Ok(());
    }
    // Most often they are the same ones. Who is among both is told by the cursors themselves, a bucket at a time.
    let mut users = 0;
    for bucket in buckets.numbers() {
        let kept = store.bucket(sync, *bucket).await;
        let kept = kept.map_err(ExportError::Cursors)?.users;
        let new = buckets.read(*bucket)?.into_iter();
        let new = new.filter(|user| !kept.contains_key(&cursors_of(key, user)));
        users += kept.len() as u64 + new.count() as u64;
    }
    match users > most {
        true => Err(crowded(users)),
        false => Ok(()),
    }
}

impl fmt::Debug for Synchronization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Synchronization")
            .field("resources", &self.routes.len())
            .field("buckets", &self.buckets)
            .field("shard", &self.shard)
            .field("lag", &self.lag)
            .field("full_every", &self.full_every)
            .finish_non_exhaustive()
    }
}
