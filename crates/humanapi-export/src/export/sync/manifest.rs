//! What the files of a synchronization say of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use humanapi_core::data::ROUTES;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::error::ExportError;
use super::super::folder::{Folder, MANIFEST};
use super::super::manifest::{Missing, read, write};
use super::super::reading::is_read;
use super::line::{commit_of, folder_of};

const VERSION: u32 = 1;

/// The whole of a synchronization: `_manifest/sync.json`. It grows by a line with each run that wrote something, and a run
/// that is gone on with keeps its line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SyncManifest {
    pub(super) version: u32,
    /// Drawn for this folder: cursors that are kept elsewhere are of it.
    pub(super) id: String,
    pub(super) buckets: u32,
    /// Which share of them it has, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<String>,
    /// Tells another key, and nothing of this one.
    pub(super) key_check: String,
    pub(super) commits: Vec<CommitLine>,
    /// The run that is gone on with, if it goes on under another number than it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) going_on: Option<GoingOn>,
}

/// A run that goes on under another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GoingOn {
    /// The number that it began with: what was read under it or a later one is not read again.
    pub(super) begun: u64,
    /// The number that it has now.
    pub(super) commit: u64,
}

/// What one run wrote.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CommitLine {
    pub(super) commit: u64,
    /// Whether nothing of it changes any more, and nothing is added: who takes each commit once takes it then, and not before.
    #[serde(default)]
    pub(super) ended: bool,
    pub(super) written_at: Timestamp,
    pub(super) buckets: u64,
    pub(super) files: u64,
    pub(super) records: u64,
    pub(super) deleted: u64,
    pub(super) bytes: u64,
}

/// What one run wrote of one bucket: `_manifest/commit-000000000012/bucket-0007.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BucketCommit {
    pub(super) bucket: u32,
    pub(super) commit: u64,
    pub(super) files: Vec<ChangesLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChangesLine {
    pub(super) path: String,
    pub(super) resource: String,
    /// How many records are told as they are now.
    pub(super) records: u64,
    /// How many are told as gone.
    pub(super) deleted: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

fn commit_folder(commit: u64) -> String {
    format!("{MANIFEST}/commit-{commit:012}")
}

fn bucket_path(bucket: u32, commit: u64) -> String {
    format!("{}/bucket-{bucket:04}.json", commit_folder(commit))
}

/// The numbers of all runs that manifests of buckets are there of.
fn commits(folder: &Folder) -> io::Result<BTreeSet<u64>> {
    let names = folder.list(MANIFEST)?;
    Ok(names.iter().filter_map(|name| commit_of(name)).collect())
}

impl SyncManifest {
    pub(super) fn path() -> String {
        format!("{MANIFEST}/sync.json")
    }

    pub(super) fn new(id: String, buckets: u32, shard: Option<String>, key_check: String) -> Self {
        Self {
            version: VERSION,
            id,
            buckets,
            shard,
            key_check,
            commits: Vec::new(),
            going_on: None,
        }
    }

    /// The number that the run of this number began with.
    pub(super) fn begun(&self, commit: u64) -> u64 {
        let going_on = self.going_on.filter(|going_on| going_on.commit == commit);
        going_on.map_or(commit, |going_on| going_on.begun)
    }

    /// Whether a folder holds a synchronization.
    pub(crate) fn is_in(folder: &Folder) -> Result<bool, ExportError> {
        folder.has(&Self::path()).map_err(ExportError::of_folder)
    }

    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, ExportError> {
        let manifest: Option<Self> = read(folder, &Self::path())?;
        match manifest {
            Some(manifest) if manifest.version > VERSION => {
                Err(ExportError::Manifest(Self::path()))
            }
            manifest => Ok(manifest),
        }
    }

    pub(super) fn write(&self, folder: &Folder) -> Result<(), ExportError> {
        write(folder, &Self::path(), self)
    }

    /// Changes it by what is in the folder, or writes it there, where it keeps nobody else from running. What fails changes
    /// nothing.
    pub(super) async fn change<T: Send + 'static>(
        &mut self,
        folder: &Folder,
        change: impl FnOnce(&mut Self, &Folder) -> Result<T, ExportError> + Send + 'static,
    ) -> Result<T, ExportError> {
        let mut changed = self.clone();
        let done = folder.wait(move |folder| {
            let told = change(&mut changed, folder)?;
            Ok((changed, told))
        });
        let (changed, told) = done.await?;
        *self = changed;
        Ok(told)
    }

    /// The highest number that anything in the folder bears.
    pub(super) async fn newest(&self, folder: &Folder) -> Result<u64, ExportError> {
        let there = folder.wait(|folder| commits(folder).map_err(ExportError::Folder));
        let there = there.await?;
        let told = self.commits.iter().map(|line| line.commit);
        Ok(told.chain(there).max().unwrap_or_default())
    }

    /// Whether a run is told as over, so that nothing may be added to it.
    pub(super) fn has_ended(&self, commit: u64) -> bool {
        let mut commits = self.commits.iter();
        commits.any(|line| line.commit == commit && line.ended)
    }

    /// Sums up the runs that are not gone on with and were not told as over: they were broken off, and the store of cursors
    /// knows nothing of them, or ended them and was not waited for. Says whether there was any.
    pub(super) fn sum_up_others(
        &mut self,
        folder: &Folder,
        commit: u64,
        written_at: Timestamp,
    ) -> Result<bool, ExportError> {
        let mut is_new = false;
        let told = self.commits.iter().map(|line| line.commit);
        let there = commits(folder).map_err(ExportError::Folder)?;
        let mut others: BTreeSet<u64> = told.chain(there).collect();
        others.remove(&commit);
        let ended = self.commits.iter().filter(|line| line.ended);
        for ended in ended.map(|line| line.commit) {
            others.remove(&ended);
        }
        for other in others {
            is_new |= self.sum_up(folder, other, written_at, true)?;
        }
        Ok(is_new)
    }

    /// Sums up what a run wrote, and says whether its line is another now. What was told as over stays as it was told.
    pub(super) fn sum_up(
        &mut self,
        folder: &Folder,
        commit: u64,
        written_at: Timestamp,
        ended: bool,
    ) -> Result<bool, ExportError> {
        if self.has_ended(commit) {
            return Ok(false);
        }
        let mut line = CommitLine {
            commit,
            ended,
            written_at,
            buckets: 0,
            files: 0,
            records: 0,
            deleted: 0,
            bytes: 0,
        };
        for bucket in 0..self.buckets {
            let Some(of_bucket) = BucketCommit::read(folder, bucket, commit)? else {
                continue;
            };
            line.buckets += 1;
            for file in of_bucket.files {
                line.files += 1;
                line.records += file.records;
                line.deleted += file.deleted;
                line.bytes += file.bytes;
            }
        }
        let before = self.commits.len();
        self.commits.retain(|other| other.commit != commit);
        if line.buckets == 0 {
            return Ok(self.commits.len() < before);
        }
        self.commits.push(line);
        self.commits.sort_by_key(|line| line.commit);
        Ok(true)
    }
}

impl BucketCommit {
    pub(super) const fn new(bucket: u32, commit: u64) -> Self {
        Self {
            bucket,
            commit,
            files: Vec::new(),
        }
    }

    pub(super) fn read(
        folder: &Folder,
        bucket: u32,
        commit: u64,
    ) -> Result<Option<Self>, ExportError> {
        read(folder, &bucket_path(bucket, commit))
    }

    pub(super) fn write(&self, folder: &Folder) -> Result<(), ExportError> {
        write(folder, &bucket_path(self.bucket, self.commit), self)
    }

    /// Takes away what a run wrote of a bucket, of whichever kind: the manifest before the files that it tells of. Files that
    /// no manifest tells of go, too: whoever put them there was broken off before it told of them. Up to the number `settled`
    /// cursors were kept, so that all is told of; no manifest of those is read, however many there are. Tells the highest
    /// number that is left; 0 where nothing is.
    pub(super) fn clear(
        folder: &Folder,
        bucket: u32,
        commit: u64,
        settled: u64,
    ) -> Result<u64, ExportError> {
        let removed = folder.remove(&bucket_path(bucket, commit));
        removed.map_err(ExportError::Folder)?;
        let mut told: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        let mut newest = 0;
        for route in ROUTES.iter().filter(|route| is_read(route)) {
            let of_kind = folder_of(route, bucket);
            for name in folder.list(&of_kind).map_err(ExportError::Folder)? {
                let Some(number) = commit_of(&name) else {
                    continue;
                };
                if number <= settled && number != commit {
                    newest = newest.max(number);
                    continue;
                }
                let paths = match told.entry(number) {
                    Entry::Occupied(told) => told.into_mut(),
                    Entry::Vacant(none) => {
                        let of_bucket = Self::read(folder, bucket, number)?;
                        let files = of_bucket.into_iter().flat_map(|of_bucket| of_bucket.files);
                        none.insert(files.map(|file| file.path).collect())
                    }
                };
                let path = format!("{of_kind}/{name}");
                if paths.contains(&path) {
                    newest = newest.max(number);
                } else {
                    folder.remove(&path).map_err(ExportError::Folder)?;
                }
            }
        }
        Ok(newest)
    }
}

/// How long the files of one bucket are that earlier runs wrote, as their manifests tell. These are read when they are asked
/// for first, and once for all kinds of records.
pub(super) struct Lengths {
    folder: Folder,
    bucket: u32,
    /// What this run writes is none of it.
    before: u64,
    /// By the kind of record and the run.
    told: Mutex<Option<BTreeMap<String, BTreeMap<u64, u64>>>>,
}

impl Lengths {
    pub(super) fn new(folder: &Folder, bucket: u32, before: u64) -> Self {
        Self {
            folder: folder.clone(),
            bucket,
            before,
            told: Mutex::default(),
        }
    }

    pub(super) const fn before(&self) -> u64 {
        self.before
    }

    /// The manifest that tells what a run wrote.
    pub(super) fn path(&self, commit: u64) -> String {
        bucket_path(self.bucket, commit)
    }

    /// Those of one kind of record, by the run. A manifest that cannot be read tells nothing. It waits for the disk.
    pub(super) fn of(&self, resource: &str) -> io::Result<BTreeMap<u64, u64>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = match &mut *told {
            Some(told) => told,
            none => none.insert(self.read()?),
        };
        Ok(told.get(resource).cloned().unwrap_or_default())
    }

    fn read(&self) -> io::Result<BTreeMap<String, BTreeMap<u64, u64>>> {
        let mut told: BTreeMap<String, BTreeMap<u64, u64>> = BTreeMap::new();
        for commit in commits(&self.folder)?.range(..self.before) {
            let Some(content) = self.folder.read(&self.path(*commit))? else {
                continue;
            };
            let Ok(of_bucket) = serde_json::from_slice::<BucketCommit>(&content) else {
                continue;
            };
            for file in of_bucket.files {
                told.entry(file.resource)
                    .or_default()
                    .insert(*commit, file.bytes);
            }
        }
        Ok(told)
    }
}

/// Tells whose records are not there and why, where that is another than before: `_manifest/missing-0007.json`. What was
/// told before of lists that are not read in this run stays.
pub(super) async fn write_missing(
    folder: &Folder,
    bucket: u32,
    missing: Vec<Missing>,
    is_read: impl Fn(&Missing) -> bool,
) -> Result<(), ExportError> {
    let path = move || format!("{MANIFEST}/missing-{bucket:04}.json");
    let before = folder.wait(move |folder| read::<Vec<Missing>>(folder, &path()));
    let before = before.await?.unwrap_or_default();
    let stays = before.iter().filter(|one| !is_read(one)).cloned();
    let mut missing: Vec<Missing> = stays.chain(missing).collect();
    // In one order, whichever kinds of them were asked for last.
    missing.sort_unstable();
    if before == missing {
        return Ok(());
    }
    let told = folder.wait(move |folder| match missing.as_slice() {
        [] => folder.remove(&path()).map_err(ExportError::Folder),
        missing => write(folder, &path(), &missing),
    });
    told.await
}
