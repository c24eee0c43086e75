//! What the files of a synchronization say of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::error::ExportError;
use super::super::folder::{Folder, MANIFEST};
use super::super::key::{BucketKey, Code};
use super::super::manifest::{Missing, json, read, write};
use super::line::commit_of;

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

/// The numbers of all runs that manifests of buckets are there of.
pub(super) fn runs(folder: &Folder) -> io::Result<BTreeSet<u64>> {
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
        let there = folder.wait(|folder| runs(folder).map_err(ExportError::Folder));
        let there = there.await?;
        let told = self.commits.iter().map(|line| line.commit);
        Ok(told.chain(there).max().unwrap_or_default())
    }

    /// The runs that are told as over.
    pub(super) fn ended(&self) -> Arc<EndedRuns> {
        let lines = self.commits.iter().filter(|line| line.ended);
        Arc::new(EndedRuns {
            buckets: self.buckets,
            lines: lines.map(|line| (line.commit, line.clone())).collect(),
            lost: Mutex::default(),
            lacks: Mutex::default(),
        })
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
        mended: &Mended,
    ) -> Result<bool, ExportError> {
        let mut is_new = false;
        let told = self.commits.iter().map(|line| line.commit);
        let there = runs(folder).map_err(ExportError::Folder)?;
        let mut others: BTreeSet<u64> = told.chain(there).collect();
        others.remove(&commit);
        let ended = self.commits.iter().filter(|line| line.ended);
        for ended in ended.map(|line| line.commit) {
            others.remove(&ended);
        }
        for other in others {
            is_new |= self.sum_up(folder, other, written_at, true, mended)?;
        }
        Ok(is_new)
    }

    /// Sums up what a run wrote, and says whether its line is another now. What was told as over stays as it was told. A
    /// bucket of which it is torn what the run wrote counts as not read by it, and is read again.
    pub(super) fn sum_up(
        &mut self,
        folder: &Folder,
        commit: u64,
        written_at: Timestamp,
        ended: bool,
        mended: &Mended,
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
            let of_bucket = BucketCommit::read(folder, bucket, commit);
            match of_bucket.map_err(ExportError::Folder)? {
                Some(of_bucket) => line.add(&of_bucket),
                None => {
                    let path = BucketCommit::path(bucket, commit);
                    if folder.has(&path).map_err(ExportError::Folder)? {
                        folder.remove(&path).map_err(ExportError::Folder)?;
                        mended.note(path);
                    }
                }
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

impl CommitLine {
    /// The same without what it wrote.
    pub(super) fn emptied(&self) -> Self {
        Self {
            buckets: 0,
            files: 0,
            records: 0,
            deleted: 0,
            bytes: 0,
            ..self.clone()
        }
    }

    pub(super) fn add(&mut self, of_bucket: &BucketCommit) {
        self.buckets += 1;
        for file in &of_bucket.files {
            self.files += 1;
            self.records += file.records;
            self.deleted += file.deleted;
            self.bytes += file.bytes;
        }
    }

    /// Whether as much was written as another one tells.
    pub(super) fn is_of_as_much(&self, other: &Self) -> bool {
        let all = |line: &Self| {
            (
                line.buckets,
                line.files,
                line.records,
                line.deleted,
                line.bytes,
            )
        };
        all(self) == all(other)
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

    /// Tells it from whatever else a run of its number may have written of the bucket.
    pub(super) fn code(&self, key: &BucketKey) -> Code {
        let files = self.files.iter();
        let mut files: Vec<_> = files.map(|file| [&*file.path, &*file.sha256]).collect();
        files.sort_unstable();
        key.code("written", files.into_iter().flatten())
    }

    pub(super) fn path(bucket: u32, commit: u64) -> String {
        format!("{}/bucket-{bucket:04}.json", commit_folder(commit))
    }

    /// One that is torn tells as much as one that is not there.
    pub(super) fn read(folder: &Folder, bucket: u32, commit: u64) -> io::Result<Option<Self>> {
        let content = folder.read(&Self::path(bucket, commit))?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    pub(super) fn write(&self, folder: &Folder) -> io::Result<()> {
        folder.write(&Self::path(self.bucket, self.commit), &json(self)?)
    }
}

/// The runs that have ended, as the folder's manifest tells them.
#[derive(Debug, Default)]
pub(super) struct EndedRuns {
    buckets: u32,
    lines: BTreeMap<u64, CommitLine>,
    lost: Mutex<Lost>,
    /// Which were looked at for manifests that are gone, and whether any is.
    lacks: Mutex<BTreeMap<u64, bool>>,
}

/// Of which buckets the manifests of a run are lost for good, by the run.
pub(super) type Lost = BTreeMap<u64, BTreeSet<u32>>;

impl EndedRuns {
    /// How many buckets there are.
    pub(super) const fn buckets(&self) -> u32 {
        self.buckets
    }

    pub(super) fn of(&self, commit: u64) -> Option<&CommitLine> {
        self.lines.get(&commit)
    }

    pub(super) fn commits(&self) -> impl Iterator<Item = u64> {
        self.lines.keys().copied()
    }

    /// Whether fewer manifests of a run are there than it wrote: listed once for all buckets.
    pub(super) fn lacks(&self, folder: &Folder, commit: u64) -> io::Result<bool> {
        let Some(line) = self.of(commit) else {
            return Ok(false);
        };
        let mut lacks = self.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match lacks.entry(commit) {
            Entry::Occupied(lacks) => *lacks.get(),
            Entry::Vacant(none) => {
                let names = folder.list(&commit_folder(commit))?;
                let there = names.iter().filter(|name| name.starts_with("bucket-"));
                *none.insert((there.count() as u64) < line.buckets)
            }
        })
    }

    /// What was found of runs whose manifests were looked at, once for all buckets.
    pub(super) fn lost(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files that were lost or torn and are made anew, or whose bucket is read again, by their paths in the folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Mended(Arc<Mutex<BTreeSet<String>>>);

impl Mended {
    pub(super) fn note(&self, path: String) {
        let mut paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paths.insert(path);
    }

    pub(super) fn take(&self) -> BTreeSet<String> {
        let mut paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *paths)
    }
}

/// Tells whose records are not there and why, where that is another than before: `_manifest/missing-0007.json`. What was
/// told before of lists that are not read in this run stays; where it is torn, `others` is what is known of those.
pub(super) async fn write_missing(
    folder: &Folder,
    bucket: u32,
    missing: Vec<Missing>,
    is_read: impl Fn(&Missing) -> bool,
    others: impl FnOnce() -> Vec<Missing>,
    mended: &Mended,
) -> Result<(), ExportError> {
    let path = move || format!("{MANIFEST}/missing-{bucket:04}.json");
    let before = folder.wait(move |folder| read::<Vec<Missing>>(folder, &path()));
    let (before, is_torn) = match before.await {
        Err(ExportError::Manifest(_)) => (others(), true),
        before => (before?.unwrap_or_default(), false),
    };
    let stays = before.iter().filter(|one| !is_read(one)).cloned();
    let mut missing: Vec<Missing> = stays.chain(missing).collect();
    // In one order, whichever kinds of them were asked for last.
    missing.sort_unstable();
    if is_torn {
        mended.note(path());
    } else if before == missing {
        return Ok(());
    }
    let told = folder.wait(move |folder| match missing.as_slice() {
        [] => folder.remove(&path()).map_err(ExportError::Folder),
        missing => write(folder, &path(), &missing),
    });
    told.await
}
