//! What the files of a synchronization say of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::error::ExportError;
use super::super::folder::{Folder, MANIFEST};
use super::super::manifest::{Missing, read, write};
use super::line::commit_of;

const VERSION: u32 = 1;

/// The whole of a synchronization: `_manifest/sync.json`. It grows by a line with each run that wrote something.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SyncManifest {
    pub(super) version: u32,
    /// Drawn for this folder: cursors that are kept elsewhere are of it.
    pub(super) id: String,
    pub(super) buckets: u32,
    /// Tells another key, and nothing of this one.
    pub(super) key_check: String,
    pub(super) commits: Vec<CommitLine>,
}

/// What one run wrote.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CommitLine {
    pub(super) commit: u64,
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

/// The highest number that anything in the folder bears.
pub(super) fn newest_commit(folder: &Folder) -> Result<u64, ExportError> {
    let names = folder.list(MANIFEST).map_err(ExportError::Folder)?;
    let commits = names.iter().filter_map(|name| commit_of(name));
    Ok(commits.max().unwrap_or_default())
}

impl SyncManifest {
    pub(crate) fn path() -> String {
        format!("{MANIFEST}/sync.json")
    }

    pub(super) fn new(id: String, buckets: u32, key_check: String) -> Self {
        Self {
            version: VERSION,
            id,
            buckets,
            key_check,
            commits: Vec::new(),
        }
    }

    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, ExportError> {
        let manifest: Option<Self> = read(folder, &Self::path())?;
        match manifest {
            Some(manifest) if manifest.version > VERSION => Err(ExportError::Manifest),
            manifest => Ok(manifest),
        }
    }

    pub(super) fn write(&self, folder: &Folder) -> Result<(), ExportError> {
        write(folder, &Self::path(), self)
    }

    /// Sums up what a run wrote, and says whether that was anything new.
    pub(super) fn sum_up(
        &mut self,
        folder: &Folder,
        commit: u64,
        written_at: Timestamp,
    ) -> Result<bool, ExportError> {
        let mut line = CommitLine {
            commit,
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
        if line.buckets == 0 {
            return Ok(false);
        }
        self.commits.retain(|other| other.commit != commit);
        self.commits.push(line);
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

    /// Takes it away, before the files that it tells of.
    pub(super) fn remove(folder: &Folder, bucket: u32, commit: u64) -> Result<(), ExportError> {
        let removed = folder.remove(&bucket_path(bucket, commit));
        removed.map_err(ExportError::Folder)
    }
}

/// Tells whose records are not there and why, where that is another than before: `_manifest/missing-0007.json`.
pub(super) fn write_missing(
    folder: &Folder,
    bucket: u32,
    missing: &[Missing],
) -> Result<(), ExportError> {
    let path = format!("{MANIFEST}/missing-{bucket:04}.json");
    let before: Option<Vec<Missing>> = read(folder, &path)?;
    if before.as_deref().unwrap_or_default() == missing {
        return Ok(());
    }
    match missing {
        [] => folder.remove(&path).map_err(ExportError::Folder),
        missing => write(folder, &path, &missing),
    }
}
