//! The health data of many users, as a folder that can be gone on with, or as a stream.

mod carrying_out;
#[cfg(feature = "cloud")]
mod cloud;
mod disk;
mod documents;
mod error;
mod event;
mod failures;
mod folder;
mod jobs;
mod kept_key;
mod key;
mod manifest;
mod names;
mod output;
mod part;
mod reading;
mod room;
mod settings;
mod spool;
mod stop;
#[cfg(test)]
mod stuck_disk;
mod sync;
mod thread;
mod through;
mod trouble;
mod users;
mod writing;

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_core::Stream;
use humanapi_client::Client;
use humanapi_core::ClientUserId;
use humanapi_core::data::{ROUTES, ReportFormat, Route};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::format::{self, Format};
use crate::keyed::hex;

#[cfg(feature = "cloud")]
pub use cloud::{CloudError, CloudFolder};
pub use error::ExportError;
pub use event::{Event, Summary};
pub use key::{BucketKey, InvalidShard, Shard};
pub use sync::{SyncSummary, Synchronization};

use carrying_out::carry_out;
use folder::Folder;
use jobs::Jobs;
use kept_key::kept_key;
use key::{BUCKETS, MOST_BUCKETS};
use manifest::{ExportManifest, WholeBuckets};
use output::Output;
use reading::{Reading, all_are_read, in_order, is_read, may_have_documents, name, now};
use room::Room;
use settings::Settings;
use sync::SyncManifest;
use users::Buckets;
use writing::Writing;

#[cfg(feature = "cloud")]
const CLOUD_THREADS: usize = cloud::THREADS;
#[cfg(not(feature = "cloud"))]
const CLOUD_THREADS: usize = 0;

/// So many bytes of records are held in memory, if nothing is said.
const HELD: usize = 24 * 1024 * 1024;

/// The health data of many users, in the making.
///
/// It reads lists of many users at once, each until all of it is there, and writes them in the order of users, so that a
/// list which fails leaves nothing behind. Give it a client whose transport is [`Limited`](humanapi_client::Limited), and the
/// service is asked no more than it bears. It needs a tokio runtime.
///
/// [`run`](Self::run) writes a **folder**. Users are put into buckets by a keyed hash, and each bucket has one file for each
/// resource: `resource=activities/bucket=0007/records.parquet`. Nothing of a user is in a path. A file is in its place once
/// all of it is on the disk, and a bucket's manifest once all its files are, so whatever ends the program, the same export
/// again goes on: it reads no bucket anew that is whole. `_manifest/export.json` tells what the export is and whether it is
/// whole, `_manifest/bucket-0007.json` each file's records, bytes and SHA-256, and what the service refuses; from before the
/// first file of a bucket is replaced until the last one is, that it is not whole.
///
/// What the service refuses, such as a user who has connected nothing, is told, and its bucket counts as whole without it;
/// [`with_refused_again`](Self::with_refused_again) has it asked again. What fails for a reason that may pass is asked for again by
/// the same export.
///
/// Memory is bounded: by the ids of one bucket, [`with_held`](Self::with_held) bytes of records, a few pages of each list that
/// is read at once, one group of rows, and two batches of rows on their way there.
///
/// ```no_run
/// # use humanapi_client::Client;
/// use std::future::pending;
///
/// use futures_util::stream;
/// use humanapi_export::{Export, Format};
///
/// # async fn export(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let users = stream::iter(["patient-17", "patient-18"].map(|id| Ok(id.into())));
/// let export = Export::new(client, Format::Ndjson);
/// let summary = export.run(users, "exported", pending()).await?;
/// println!("{} records, whole: {}", summary.records, summary.whole);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read before it is run"]
pub struct Export {
    client: Client,
    output: Output,
    routes: Vec<&'static Route>,
    key: Option<BucketKey>,
    buckets: Option<u32>,
    shard: Shard,
    since: Option<Timestamp>,
    documents: Option<ReportFormat>,
    retries_refused: bool,
    at_once: usize,
    ahead: usize,
    held: usize,
    on_event: Box<dyn FnMut(Event) + Send>,
}

impl Export {
    /// So many threads of its own it has at most, beside the runtime's: for whoever asks first whether a process may have them.
    /// A [`Synchronization`] has no more.
    pub const THREADS: usize = disk::AT_ONCE + writing::THREADS + format::THREADS + CLOUD_THREADS;

    /// An export of everything that there is of each user, by a client and in a format.
    pub fn new(client: Client, format: Format) -> Self {
        Self {
            client,
            output: Output::new(format),
            routes: Self::all_resources().collect(),
            key: None,
            buckets: None,
            shard: Shard::ALL,
            since: None,
            documents: None,
            retries_refused: false,
            at_once: 16,
            ahead: 1,
            held: HELD,
            on_event: Box::new(|_| {}),
        }
    }

    /// What an export can read: each list of a user's records, and what a user has one of.
    pub fn all_resources() -> impl Iterator<Item = &'static Route> {
        ROUTES.iter().filter(|route| is_read(route))
    }

    /// Whose records name documents, which [`with_documents`](Self::with_documents) has read.
    pub fn resources_with_documents() -> impl Iterator<Item = &'static Route> {
        Self::all_resources().filter(|route| may_have_documents(route))
    }

    /// Reads these resources alone.
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
    /// A bucket is what is read again after an interruption, and is one file of each resource: about a thousand users are a
    /// good size.
    pub fn with_buckets(mut self, buckets: u32) -> Self {
        self.buckets = Some(buckets);
        self
    }

    /// Takes a share of the buckets. Others may write the other shares, to this folder or to folders of their own.
    pub fn with_shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Reads only what changed since this moment, and a second more. A list whose records do not tell when they changed is
    /// read as a whole. Deleted records are not told.
    pub fn with_since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Adds columns with each value in the unit of its kind, as [`Columns::with_values`](crate::Columns::with_values) tells,
    /// and counts into the [tally](crate::Units::tally) of these units. For formats with columns alone.
    #[cfg(feature = "ucum")]
    pub fn with_values(mut self, units: &crate::Units) -> Self {
        self.output.units = Some(units.clone());
        self
    }

    /// Takes from each record what tells whose it is, as a [`Deidentifier`](crate::Deidentifier) does. Nothing else is
    /// written: no id in a manifest, no `_record`, no documents, which are refused. Users stand in the order of their codes.
    ///
    /// Buckets follow from this key unless [`with_key`](Self::with_key) gives another, and no key is kept in the folder.
    #[cfg(feature = "deidentify")]
    pub fn with_deidentification(
        mut self,
        policy: crate::Policy,
        key: crate::DeidentifyKey,
    ) -> Self {
        self.output.deidentify(policy, key);
        self
    }

    /// Reads the documents that lists name as well: of care in XML, and reports in this form. Each is a file, below
    /// `documents=ccds` or `documents=reports`, and `_documents.ndjson` beside them tells whose each is. For a folder alone.
    pub fn with_documents(mut self, reports: ReportFormat) -> Self {
        self.documents = Some(reports);
        self
    }

    /// Reads buckets again in which the service refused something.
    pub fn with_refused_again(mut self) -> Self {
        self.retries_refused = true;
        self
    }

    /// Reads so many lists at once, 16 if nothing is said.
    pub fn with_at_once(mut self, lists: usize) -> Self {
        self.at_once = lists.max(1);
        self
    }

    /// Asks for so many pages of each list ahead, 1 if nothing is said.
    pub fn with_read_ahead(mut self, pages: usize) -> Self {
        self.ahead = pages;
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

    /// Writes to a folder, until all is there or `stop` ends. Each user counts once, however often the list has them.
    ///
    /// # Errors
    ///
    /// When it cannot be gone on with; what was whole by then stays so. That the service refuses something, or that some
    /// lists could not be read, is no error: the [`Summary`] tells it.
    pub async fn run<S>(
        mut self,
        users: S,
        folder: impl AsRef<Path>,
        stop: impl Future<Output = ()>,
    ) -> Result<Summary, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        self.check()?;
        let folder = Folder::open_async(folder.as_ref(), self.shard).await?;
        self.write(users, folder, stop).await
    }

    /// Writes to a folder in an object store, as [`run`](Self::run) does to one of this machine: the same files at the same
    /// paths, each of them whole once it is there, a bucket's manifest last, and the same export again goes on.
    ///
    /// Files wait in the system's folder for temporary files until their bucket is read, so that needs room for three
    /// buckets. Of several runs that write the same, the one that began last goes on, and the others end with
    /// [`CloudError::TakenOver`]. What they had begun to put or to remove by then may still come: no manifest of theirs comes
    /// over one of a later run, and they say which bucket is not whole for it, which the same export once more mends. So let one
    /// write at a time: a run that is killed in that very moment says nothing, and a store that puts on no condition, as
    /// `object_store`'s `LocalFileSystem`, lets an earlier manifest come over a later one.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[cfg(feature = "cloud")]
    pub async fn run_in_cloud<S>(
        mut self,
        users: S,
        folder: CloudFolder,
        stop: impl Future<Output = ()>,
    ) -> Result<Summary, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        self.check()?;
        let folder = Folder::in_cloud(folder, self.shard).map_err(ExportError::in_temporary)?;
        let written = self.write(users, folder, stop).await;
        written.map_err(ExportError::in_temporary)
    }

    async fn write<S>(
        mut self,
        users: S,
        folder: Folder,
        stop: impl Future<Output = ()>,
    ) -> Result<Summary, ExportError>
    where
        S: Stream<Item = io::Result<ClientUserId>>,
    {
        let before = folder.wait(|folder| {
            if SyncManifest::is_in(folder)? {
                return Err(ExportError::OtherKind("a synchronization"));
            }
            ExportManifest::read(folder)
        });
        let before = before.await?;
        let of_before = before.as_ref().map(|before| before.settings.buckets);
        let buckets = self.buckets.or(of_before).unwrap_or(BUCKETS);
        let mut settings = self.settings(buckets);
        let own_key = self.key.take().or_else(|| self.output.bucket_key());
        let check_of = |key: &BucketKey| key.name("check", []);
        if let Some(before) = &before {
            // All but a key that is still to be read: none is drawn, and nothing claimed, for what is another export.
            let key_check = own_key.as_ref().map(check_of);
            settings.key_check = key_check.unwrap_or_else(|| before.settings.key_check.clone());
            before.settings.is_same(&settings)?;
        }
        folder
            .wait(|folder| folder.claim().map_err(ExportError::of_folder))
            .await?;
        let key = match own_key {
            Some(key) => key,
            None => {
                let is_new = before.is_none();
                folder.wait(move |folder| kept_key(folder, is_new)).await?
            }
        };
        settings.key_check = check_of(&key);
        if let Some(before) = &before {
            before.settings.is_same(&settings)?;
        }
        // No id is in a folder that tells of nobody, even while the list waits there.
        let work = (!self.output.is_deidentified()).then(|| folder.work());
        let mut stop = pin!(stop);
        let buckets = Buckets::of(users, &key, buckets, self.shard, work, stop.as_mut());
        let Some(buckets) = buckets.await? else {
            let close = |folder: &Folder| folder.close().map_err(ExportError::of_folder);
            folder.wait(close).await?;
            return Ok(Summary {
                stopped: true,
                ..Summary::default()
            });
        };
        let numbers = buckets.numbers().to_vec();
        let whole = folder
            .wait(move |folder| WholeBuckets::read(folder, &numbers))
            .await?;
        let reading = Arc::new(self.reading(Some(folder.clone())));
        let output = Arc::new(self.output);
        let jobs = Jobs::new(
            &self.routes,
            &output,
            &buckets,
            Some((&whole, &key)),
            self.retries_refused,
        );
        let mut plan = jobs.plan()?;
        let (begins, planned, at) = (settings.clone(), plan.clone(), now(&self.client));
        let begin = move |folder: &_| ExportManifest::begin(folder, &begins, &planned, at);
        folder.wait(begin).await?;
        let (tell, mut told) = mpsc::unbounded_channel();
        let (send, done) = mpsc::channel(2);
        let writing = Writing {
            folder: folder.clone(),
            output: Arc::clone(&output),
            key: key.clone(),
            routes: self.routes.clone(),
        };
        let writer = thread::begin(move || writing.run(done, &tell))?;
        let mut summary = Summary::default();
        let client = self.client.clone();
        let events = &mut *self.on_event;
        let mut on_written = |summary: &mut Summary, events: &mut dyn FnMut(Event)| {
            while let Ok(written) = told.try_recv() {
                summary.written += 1;
                plan.is_written(written.bucket);
                for (resource, taken) in &written.taken {
                    summary.add(resource, taken);
                }
                events(Event::Written {
                    bucket: written.bucket,
                    whole: written.whole,
                });
            }
        };
        let read = carry_out(
            jobs,
            reading,
            self.at_once,
            send,
            stop,
            &mut summary,
            events,
            &mut on_written,
        );
        let read = read.await;
        let wrote = writer.end().await.flatten();
        // Of what was read for nobody some may be at work in the folder, which is over before anybody is told of its end.
        let settled = folder.settle().await;
        on_written(&mut summary, events);
        drop(buckets);
        // However reading and writing ended, what is whole is told.
        let now = now(&client);
        let told = folder.wait(move |folder| ExportManifest::end(folder, &settings, &plan, now));
        let told = told.await;
        let closed = folder.wait(|folder| folder.close().map_err(ExportError::of_folder));
        let closed = closed.await;
        wrote?;
        read?;
        summary.whole &= told?;
        settled?;
        closed?;
        Ok(summary)
    }

    fn check(&mut self) -> Result<(), ExportError> {
        all_are_read(&self.routes)?;
        if self.documents.is_some() && self.output.is_deidentified() {
            return Err(ExportError::Documents);
        }
        self.output.check(&self.routes)?;
        match self.buckets {
            None | Some(1..=MOST_BUCKETS) => Ok(()),
            Some(_) => Err(ExportError::Buckets),
        }
    }

    /// What it is, but for its key.
    fn settings(&self, buckets: u32) -> Settings {
        let resources = self.routes.iter().map(|route| {
            let schema = self.output.columns(route).names_and_kinds();
            let hash = Sha256::digest(schema.as_bytes());
            (name(route).to_owned(), hex(&hash[..16]))
        });
        let mut settings = Settings {
            format: self.output.format.name().to_owned(),
            buckets,
            since: self.since,
            documents: self.documents.map(|reports| reports.name().to_owned()),
            values: None,
            deidentified: None,
            resources: resources.collect(),
            key_check: String::new(),
        };
        self.output.tell(&mut settings);
        settings
    }

    fn reading(&self, folder: Option<Folder>) -> Reading {
        Reading {
            client: self.client.clone(),
            since: self.since,
            documents: self.documents,
            ahead: self.ahead,
            room: Room::new(self.held),
            is_deidentified: self.output.is_deidentified(),
            folder,
        }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("format", &self.output.format)
            .field("resources", &self.routes.len())
            .field("buckets", &self.buckets)
            .field("shard", &self.shard)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
