//! A run on its way: bucket by bucket, its files, then its manifest, then its cursors.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use humanapi_client::{BucketCursors, CursorName, CursorStore};
use humanapi_core::ClientUserId;
use humanapi_core::data::Route;
use tokio::sync::mpsc;

use super::super::carrying_out::missing;
use super::super::error::ExportError;
use super::super::event::Event;
use super::super::failures::Failures;
use super::super::folder::Folder;
use super::super::key::{BucketKey, Code};
use super::super::reading::{name, now};
use super::super::stop::{unless_stopped, unless_stopped_meanwhile};
use super::super::thread;
use super::super::trouble::Scope;
use super::super::users::Buckets;
use super::bucket::Bucket;
use super::bucket_files::{BucketFiles, Found};
use super::check::BucketCheck;
use super::cursor::kind;
use super::known::Known;
use super::line::folder_of;
use super::manifest::{EndedRuns, GoingOn, Mended, SyncManifest, write_missing};
use super::reading::{ListSynced, SyncJob, SyncReading};
use super::summary::SyncSummary;
use super::writing::{BucketWriting, ListChanges, Write};

/// A run on its way.
pub(super) struct Run<'r> {
    pub(super) reading: Arc<SyncReading>,
    pub(super) store: Arc<dyn CursorStore>,
    pub(super) sync: CursorName,
    /// The run that it began or went on with. What was read in it or later is not read again, if it was whole.
    pub(super) begun: u64,
    /// The run that it writes to now.
    pub(super) commit: u64,
    pub(super) manifest: &'r mut SyncManifest,
    pub(super) folder: Folder,
    pub(super) ended: Arc<EndedRuns>,
    pub(super) mended: Mended,
    pub(super) key: BucketKey,
    pub(super) routes: Vec<&'static Route>,
    pub(super) at_once: usize,
    pub(super) failures: Failures<'r>,
    /// Buckets that were read before it went on, and how many lists they have, as long as none is read.
    pub(super) skipped: Vec<(u32, u64)>,
    pub(super) has_read: bool,
    pub(super) summary: &'r mut SyncSummary,
    pub(super) events: &'r mut (dyn FnMut(Event) + Send),
}

impl Run<'_> {
    /// Reads all buckets, until all are read or `stop` ends.
    pub(super) async fn all(
        &mut self,
        buckets: &Buckets,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), ExportError> {
        loop {
            for bucket in buckets.numbers() {
                let users = buckets.read(*bucket)?;
                self.bucket(*bucket, users, stop.as_mut()).await?;
                if self.summary.stopped {
                    return Ok(());
                }
            }
            if self.has_read || self.skipped.is_empty() {
                return Ok(());
            }
            // The run that it went on with was broken off behind its last bucket, so that nothing was asked for yet.
            self.skipped.clear();
            self.begin_next().await?;
            self.begun = self.commit;
            let settled = self.manifest.change(&self.folder, |manifest, folder| {
                manifest.going_on = None;
                manifest.write(folder)
            });
            settled.await?;
        }
    }

    /// Tells in the manifest what was written in this run, and whether it is over.
    pub(super) async fn sum_up(&mut self, is_over: bool) -> Result<(), ExportError> {
        let at = now(&self.reading.reading.client);
        let (commit, mended) = (self.commit, self.mended.clone());
        let summed_up = self.manifest.change(&self.folder, move |manifest, folder| {
            let has_written = manifest.sum_up(folder, commit, at, is_over, &mended)?;
            let was_going_on = is_over && manifest.going_on.take().is_some();
            if has_written || was_going_on {
                manifest.write(folder)?;
            }
            Ok(has_written)
        });
        if summed_up.await? {
            self.summary.commit = Some(self.commit);
        }
        Ok(())
    }

    /// Ends the run that it goes on with and begins another: what was kept with the number of a run is not written anew
    /// under it.
    async fn begin_next(&mut self) -> Result<(), ExportError> {
        self.sum_up(true).await?;
        self.ended = self.manifest.ended();
        let ended = self.store.end(self.sync, self.commit).await;
        ended.map_err(ExportError::Cursors)?;
        let newest = self.manifest.newest(&self.folder).await?.max(self.commit);
        let begun = self.store.begin(self.sync, newest).await;
        self.commit = begun.map_err(ExportError::Cursors)?;
        // Without it, whoever goes on would read again what was read under the number before.
        let going_on = GoingOn {
            begun: self.begun,
            commit: self.commit,
        };
        let told = self.manifest.change(&self.folder, move |manifest, folder| {
            manifest.going_on = Some(going_on);
            manifest.write(folder)
        });
        told.await
    }

    /// Tells what is read for these users of a bucket, and how.
    fn how_read(&self, users: &[ClientUserId]) -> Code {
        let SyncReading {
            lag, full_every, ..
        } = &*self.reading;
        let how = format!("{lag:?} {full_every:?}");
        let routes = self.routes.iter().map(|route| route.name);
        let routes = self.key.name("routes", routes);
        let users = users.iter().map(ClientUserId::as_str);
        let texts = [how.as_str(), routes.as_str()].into_iter().chain(users);
        self.key.code("read", texts)
    }

    /// Reads one bucket and writes what changed: its files, then its manifest, then its cursors.
    async fn bucket(
        &mut self,
        bucket: u32,
        users: Vec<ClientUserId>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), ExportError> {
        if users.is_empty() {
            return Ok(());
        }
        let kept = self.store.bucket(self.sync, bucket);
        let Some(kept) = unless_stopped_meanwhile(stop.as_mut(), kept).await else {
            self.summary.stopped = true;
            return Ok(());
        };
        let kept = kept.map_err(ExportError::Cursors)?;
        let check = BucketCheck::from_bytes(&kept.check);
        let found = match kept.commit {
            0 => None,
            commit => Some(self.find(bucket, commit).await?),
        };
        let is_there = match &found {
            None => true,
            // Where it is another, a run that was broken off wrote it, and what it wrote when it was gone on with is not in
            // this folder.
            Some(Found::Told(told)) => check.written == Some(told.code(&self.key)),
            Some(Found::Nothing | Found::Lost) => false,
        };
        let how_read = Some(self.how_read(&users));
        if kept.run >= self.begun && check.read == how_read && is_there {
            let lists = (users.len() * self.routes.len()) as u64;
            self.skipped.push((bucket, lists));
            if self.has_read {
                self.tell_skipped();
            }
            return Ok(());
        }
        self.has_read = true;
        self.tell_skipped();
        if kept.run == self.commit {
            // Others were read then, or not all of it could be.
            self.begin_next().await?;
        }
        let files = Arc::new(self.files(bucket));
        match found {
            Some(Found::Lost) => {
                self.summary.damaged.insert(files.path(kept.commit));
            }
            // Its run has not ended, or the folder is a copy from before it.
            Some(Found::Nothing) => self.mended.note(files.path(kept.commit)),
            Some(Found::Told(_)) | None => {}
        }
        // What this run wrote and kept no cursors for is written anew.
        let settled = if is_there { kept.commit } else { 0 };
        let to_clear = Arc::clone(&files);
        let clear = move |_: &_| to_clear.clear(settled).map_err(ExportError::Folder);
        let newest = self.folder.wait(clear).await?;
        let is_there = is_there && newest >= kept.commit;
        let before = (kept.commit, check.written);
        let mut state = Bucket::new(&self.key, users, kept, is_there, newest);
        let (send, writes) = mpsc::channel(2);
        let writing = BucketWriting {
            folder: self.folder.clone(),
            bucket,
            commit: self.commit,
        };
        let writer = thread::begin(move || writing.run(writes))?;
        let jobs = self.jobs(bucket, &files, &state);
        let read = self.read(jobs, &mut state, &send, stop).await;
        if let Ok(true) = read {
            // Where writing failed, it tells why itself.
            let _ = send.send(Write::End).await;
        }
        drop(send);
        let wrote = writer.end().await?;
        if !read? {
            self.summary.stopped = true;
            return Ok(());
        }
        let commit = wrote?;
        let missing = std::mem::take(&mut state.missing);
        let told = write_missing(
            &self.folder,
            bucket,
            missing,
            |before| state.is_read(&self.routes, before),
            || state.unread(),
            &self.mended,
        );
        told.await?;
        let written = match &commit {
            Some(commit) => {
                self.summary.files += commit.files.len() as u64;
                Some(commit.code(&self.key))
            }
            None if is_there && before.0 == state.commit => before.1,
            None => match self.find(bucket, state.commit).await? {
                Found::Told(told) => Some(told.code(&self.key)),
                Found::Nothing | Found::Lost => None,
            },
        };
        let cursors = BucketCursors {
            run: self.commit,
            check: BucketCheck {
                written,
                read: how_read.filter(|_| !state.has_failed),
            }
            .to_bytes(),
            commit: commit.map_or(state.commit, |commit| commit.commit),
            users: state.cursors(),
        };
        let whole = state.whole();
        let keep = self.store.keep(self.sync, bucket, cursors, whole).await;
        keep.map_err(ExportError::Cursors)?;
        self.summary.written += 1;
        let whole = !state.has_failed;
        (self.events)(Event::Written { bucket, whole });
        Ok(())
    }

    fn tell_skipped(&mut self) {
        for (bucket, lists) in self.skipped.drain(..) {
            self.summary.skipped += 1;
            (self.events)(Event::Skipped { bucket, lists });
        }
    }

    /// What is told of a bucket by a run.
    async fn find(&self, bucket: u32, commit: u64) -> Result<Found, ExportError> {
        let files = self.files(bucket);
        let find = move |_: &_| files.find(commit).map_err(ExportError::Folder);
        self.folder.wait(find).await
    }

    /// What is there of a bucket.
    fn files(&self, bucket: u32) -> BucketFiles {
        BucketFiles::new(&self.folder, bucket, self.commit, &self.ended, &self.mended)
    }

    /// Resource by resource, and in each user by user, as they are written.
    fn jobs(&self, bucket: u32, files: &Arc<BucketFiles>, state: &Bucket) -> Vec<SyncJob> {
        let jobs = self.routes.iter().flat_map(|route| {
            let path = folder_of(route, bucket);
            let known = Known::new(&self.folder, path, name(route), files);
            let known = Arc::new(known);
            let not_asked = Arc::clone(&state.not_asked);
            state
                .users
                .iter()
                .map(move |(user, (name, cursors))| SyncJob {
                    user: user.clone(),
                    name: *name,
                    route,
                    cursor: cursors.of(kind(route)).cloned().unwrap_or_default(),
                    known: Arc::clone(&known),
                    not_asked: Arc::clone(&not_asked),
                })
        });
        jobs.collect()
    }

    /// Reads all lists of a bucket, and says whether it was not stopped.
    async fn read(
        &mut self,
        jobs: Vec<SyncJob>,
        state: &mut Bucket,
        send: &mpsc::Sender<Write>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<bool, ExportError> {
        let reading = Arc::clone(&self.reading);
        let room = Arc::clone(&reading.reading.room);
        let jobs = stream::unfold((jobs.into_iter(), room), async |(mut jobs, room)| {
            let job = jobs.next()?;
            let share = room.begin().await;
            Some(((job, share), (jobs, room)))
        });
        let done = jobs.map(|(job, share)| {
            let reading = Arc::clone(&reading);
            async move { reading.carry_out(job, share).await }
        });
        let mut done = pin!(done.buffered(self.at_once));
        loop {
            let Some(next) = unless_stopped(stop.as_mut(), done.next()).await else {
                return Ok(false);
            };
            let Some(list) = next.transpose()? else {
                return Ok(true);
            };
            if list.was_asked {
                let trouble = list.outcome.as_ref().err();
                let failures = &mut self.failures;
                let noted = failures.note(&list.user, list.route, trouble, &state.not_asked);
                let Some(noted) = unless_stopped(stop.as_mut(), noted).await else {
                    return Ok(false);
                };
                noted?;
            }
            if let Some(changes) = self.take(list, state)
                && send.send(Write::List(Box::new(changes))).await.is_err()
            {
                // Who writes has failed, and tells why.
                return Ok(true);
            }
        }
    }

    /// Counts and tells what came of one list, and gives what is to be written of it.
    fn take(&mut self, list: ListSynced, state: &mut Bucket) -> Option<ListChanges> {
        let (resource, summary) = (name(list.route), &mut *self.summary);
        if list.asked_again > 0 {
            summary.asked_again += u64::from(list.asked_again);
            let times = list.asked_again;
            (self.events)(Event::AskedAgain { resource, times });
        }
        if let Some((_, cursors)) = state.users.get_mut(&list.user) {
            cursors.set(kind(list.route), list.cursor);
        }
        let synced = match list.outcome {
            Ok(synced) => synced,
            Err(trouble) => {
                let (refused, failed) = (&mut summary.refused, &mut summary.failed);
                (self.events)(missing(&trouble, resource, false, refused, failed));
                state.miss(&list.user, resource, trouble.reason(), trouble.scope);
                return None;
            }
        };
        summary.damaged.extend(synced.damaged);
        if synced.may_lack_deletions {
            *summary.failed.entry(SyncSummary::DAMAGED).or_default() += 1;
            state.miss(&list.user, resource, SyncSummary::DAMAGED, Scope::Passing);
        }
        summary.drifted += u64::from(!synced.drift.is_empty());
        for drift in synced.drift {
            (self.events)(Event::Drifted { resource, drift });
        }
        let records = synced.changes.records.count();
        let bytes = synced.changes.records.bytes();
        let deleted = synced.deleted.len() as u64;
        summary.records += records;
        summary.bytes += bytes;
        summary.deleted += deleted;
        (self.events)(Event::Read {
            resource,
            records,
            bytes,
        });
        if deleted > 0 {
            (self.events)(Event::Deleted {
                resource,
                records: deleted,
            });
        }
        (records + deleted > 0).then_some(ListChanges {
            user: list.user,
            route: list.route,
            read_at: synced.read_at,
            changes: synced.changes,
            deleted: synced.deleted,
        })
    }
}

/// Begins a run, or goes on with the one that did not end; nothing where `stop` ends while the store is asked.
pub(super) async fn begin(
    store: &dyn CursorStore,
    sync: CursorName,
    manifest: &SyncManifest,
    folder: &Folder,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<u64>, ExportError> {
    loop {
        let newest = manifest.newest(folder).await?;
        let begun = store.begin(sync, newest);
        let Some(begun) = unless_stopped_meanwhile(stop.as_mut(), begun).await else {
            return Ok(None);
        };
        let commit = begun.map_err(ExportError::Cursors)?;
        if !manifest.has_ended(commit) {
            return Ok(Some(commit));
        }
        // It was told as over, and the process ended before the store was told.
        let ended = store.end(sync, commit);
        let Some(ended) = unless_stopped_meanwhile(stop.as_mut(), ended).await else {
            return Ok(None);
        };
        ended.map_err(ExportError::Cursors)?;
    }
}
