//! The files of one bucket, and what the manifests of runs tell of them. Manifests that are lost or torn are made anew of
//! their files, where the line of their run tells that these are all that they told of.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

use humanapi_core::data::ROUTES;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::super::folder::Folder;
use super::super::reading::{is_read, name};
use super::line::{Change, commit_of, file_of, folder_of};
use super::manifest::{BucketCommit, ChangesLine, CommitLine, EndedRuns, Mended, runs};
use crate::keyed::hex;

/// How long the files of each kind of record are, by the run; nothing where it is lost what the run told, and so whether there
/// was one.
type Lengths = BTreeMap<String, BTreeMap<u64, Option<u64>>>;

/// The files of one bucket, as a run finds them.
pub(super) struct BucketFiles {
    folder: Folder,
    bucket: u32,
    /// This run. What it writes is none of what it finds.
    commit: u64,
    ended: Arc<EndedRuns>,
    mended: Mended,
    /// Read when they are asked for first, and once for all kinds of records.
    lengths: Mutex<Option<Lengths>>,
}

/// What is told of a bucket by a run.
pub(super) enum Found {
    Told(BucketCommit),
    /// Nothing was, as far as anybody knows.
    Nothing,
    /// What was told is lost: files are missing as well, or hold something else.
    Lost,
}

impl BucketFiles {
    pub(super) fn new(
        folder: &Folder,
        bucket: u32,
        commit: u64,
        ended: &Arc<EndedRuns>,
        mended: &Mended,
    ) -> Self {
        Self {
            folder: folder.clone(),
            bucket,
            commit,
            ended: Arc::clone(ended),
            mended: mended.clone(),
            lengths: Mutex::default(),
        }
    }

    /// The run that finds them.
    pub(super) const fn commit(&self) -> u64 {
        self.commit
    }

    /// The manifest that tells what a run wrote.
    pub(super) fn path(&self, commit: u64) -> String {
        BucketCommit::path(self.bucket, commit)
    }

    /// What is told of it by a run, be it that manifests of that run are made anew. It waits for the disk.
    pub(super) fn find(&self, commit: u64) -> io::Result<Found> {
        if let Some(told) = BucketCommit::read(&self.folder, self.bucket, commit)? {
            return Ok(Found::Told(told));
        }
        let Some(line) = self.ended.of(commit) else {
            return Ok(Found::Nothing);
        };
        let mut lost = self.ended.lost();
        let lost = match lost.entry(commit) {
            Entry::Occupied(lost) => lost.into_mut(),
            Entry::Vacant(none) => none.insert(self.mend(line)?),
        };
        if lost.contains(&self.bucket) {
            return Ok(Found::Lost);
        }
        let told = BucketCommit::read(&self.folder, self.bucket, commit)?;
        Ok(told.map_or(Found::Nothing, Found::Told))
    }

    /// Makes the manifests anew that a run lacks, of whichever buckets. Tells of which buckets they are lost for good: of those
    /// that have files of the run and no manifest, and where more manifests are lost than these, of whichever has none.
    fn mend(&self, line: &CommitLine) -> io::Result<BTreeSet<u32>> {
        let (mut sum, mut without) = (line.emptied(), BTreeSet::new());
        for bucket in 0..self.ended.buckets() {
            match BucketCommit::read(&self.folder, bucket, line.commit)? {
                Some(told) => sum.add(&told),
                None => {
                    without.insert(bucket);
                }
            }
        }
        if sum.is_of_as_much(line) {
            return Ok(BTreeSet::new());
        }
        let (mut with_files, mut made) = (BTreeSet::new(), Vec::new());
        for bucket in &without {
            let of_bucket = self.make(*bucket, line.commit)?;
            if of_bucket.as_ref().is_none_or(|made| !made.files.is_empty()) {
                with_files.insert(*bucket);
                made.extend(of_bucket);
            }
        }
        let is_the_rest = |made: &&[BucketCommit]| {
            let mut sum = sum.clone();
            made.iter().for_each(|of_bucket| sum.add(of_bucket));
            sum.is_of_as_much(line)
        };
        // Beside one that is lost, there may be files that no manifest told of: of a bucket that was broken off.
        let mut rests = made.chunks(1).chain([made.as_slice()]);
        let Some(rest) = rests.find(is_the_rest) else {
            let lost = line.buckets.saturating_sub(sum.buckets);
            return Ok(match (with_files.len() as u64) < lost {
                true => without,
                false => with_files,
            });
        };
        for of_bucket in rest {
            of_bucket.write(&self.folder)?;
            let path = BucketCommit::path(of_bucket.bucket, of_bucket.commit);
            self.mended.note(path);
        }
        Ok(BTreeSet::new())
    }

    /// What a run wrote of a bucket, told by its files; nothing where one holds what no run wrote. Hashes are of what the files
    /// hold now: whether each is what was written, nothing but the lost manifest could tell.
    fn make(&self, bucket: u32, commit: u64) -> io::Result<Option<BucketCommit>> {
        #[derive(Deserialize)]
        struct Line {
            _change: Change,
            _commit: u64,
        }
        let mut made = BucketCommit::new(bucket, commit);
        for route in ROUTES.iter().filter(|route| is_read(route)) {
            let path = format!("{}/{}", folder_of(route, bucket), file_of(commit));
            let file = match self.folder.path(&path).and_then(File::open) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            let mut told = ChangesLine {
                path,
                resource: name(route).to_owned(),
                records: 0,
                deleted: 0,
                bytes: 0,
                sha256: String::new(),
            };
            let (mut file, mut hash) = (BufReader::with_capacity(64 * 1024, file), Sha256::new());
            let mut line = Vec::new();
            loop {
                line.clear();
                told.bytes += file.read_until(b'\n', &mut line)? as u64;
                if line.is_empty() {
                    break;
                }
                hash.update(&line);
                match serde_json::from_slice::<Line>(&line) {
                    Ok(line) if line._commit != commit => return Ok(None),
                    Ok(line) if line._change == Change::Put => told.records += 1,
                    Ok(_) => told.deleted += 1,
                    Err(_) => return Ok(None),
                }
            }
            told.sha256 = hex(&hash.finalize());
            made.files.push(told);
        }
        Ok(Some(made))
    }

    /// Takes away what this run wrote of the bucket before, of whichever kind: the manifest before the files that it tells
    /// of. Files that no manifest tells of go, too: whoever put them there was broken off before it told of them. Those of a
    /// run that has ended stay where what it told of them is lost. Up to the number `settled` cursors were kept, so that all
    /// is told of; no manifest of those is read, however many there are. Tells the highest number that is left; 0 where
    /// nothing is.
    pub(super) fn clear(&self, settled: u64) -> io::Result<u64> {
        self.folder.remove(&self.path(self.commit))?;
        let mut told: BTreeMap<u64, Found> = BTreeMap::new();
        let mut newest = 0;
        for route in ROUTES.iter().filter(|route| is_read(route)) {
            let of_kind = folder_of(route, self.bucket);
            for name in self.folder.list(&of_kind)? {
                let Some(number) = commit_of(&name) else {
                    continue;
                };
                let path = format!("{of_kind}/{name}");
                let stays = match told.entry(number) {
                    _ if number == self.commit => false,
                    _ if number <= settled => true,
                    Entry::Occupied(told) => told.get().tells(&path),
                    Entry::Vacant(none) => none.insert(self.find(number)?).tells(&path),
                };
                match stays {
                    true => newest = newest.max(number),
                    false => self.folder.remove(&path)?,
                }
            }
        }
        Ok(newest)
    }

    /// How long the files of one kind of record are that earlier runs wrote, by the run, as their manifests tell; nothing for
    /// a run whose manifest is lost for good. It waits for the disk.
    pub(super) fn lengths(&self, resource: &str) -> io::Result<BTreeMap<u64, Option<u64>>> {
        let mut lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        let lengths = match &mut *lengths {
            Some(lengths) => lengths,
            none => none.insert(self.read_lengths()?),
        };
        Ok(lengths.get(resource).cloned().unwrap_or_default())
    }

    fn read_lengths(&self) -> io::Result<Lengths> {
        let mut there = BTreeSet::new();
        for route in ROUTES.iter().filter(|route| is_read(route)) {
            let names = self.folder.list(&folder_of(route, self.bucket))?;
            there.extend(names.iter().filter_map(|name| commit_of(name)));
        }
        let mut lengths = Lengths::new();
        let mut runs = runs(&self.folder)?;
        runs.extend(&there);
        runs.extend(self.ended.commits());
        let mut note = |kind: String, commit: u64, bytes: Option<u64>| {
            lengths.entry(kind).or_default().insert(commit, bytes);
        };
        for commit in runs.range(..self.commit).copied() {
            let found = match BucketCommit::read(&self.folder, self.bucket, commit)? {
                Some(told) => Found::Told(told),
                None if there.contains(&commit) || self.may_be_lost(commit)? => {
                    self.find(commit)?
                }
                // Most runs find nothing new of most buckets.
                None => Found::Nothing,
            };
            match found {
                Found::Told(told) => {
                    for file in told.files {
                        note(file.resource, commit, Some(file.bytes));
                    }
                }
                Found::Nothing => {}
                Found::Lost => {
                    for route in ROUTES.iter().filter(|route| is_read(route)) {
                        note(name(route).to_owned(), commit, None);
                    }
                }
            }
        }
        Ok(lengths)
    }

    /// Whether a manifest of a run that cannot be read, and of which no file is there, may be one that is lost.
    fn may_be_lost(&self, commit: u64) -> io::Result<bool> {
        // What is there is torn.
        Ok(self.folder.has(&self.path(commit))? || self.ended.lacks(&self.folder, commit)?)
    }
}

impl Found {
    /// Whether a file is part of what a run wrote, or may be.
    fn tells(&self, path: &str) -> bool {
        match self {
            Self::Told(told) => told.files.iter().any(|file| file.path == path),
            Self::Nothing => false,
            Self::Lost => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::super::key::Shard;
    use super::super::manifest::SyncManifest;
    use super::*;

    const LINE: &[u8] = b"{\"_change\":\"put\",\"_commit\":1}\n";
    const KINDS: [&str; 2] = ["activities", "vitals"];

    fn file(kind: &str, bucket: u32) -> String {
        format!("resource={kind}/bucket={bucket:04}/{}", file_of(1))
    }

    /// Of four buckets, a run wrote two kinds of each of the first three. Tells of each bucket how long the file of vitals is
    /// said to be, once files are gone or there besides.
    fn said(gone: &[String], besides: &[String]) -> Vec<Option<Option<u64>>> {
        let root = tempfile::TempDir::new().unwrap();
        let folder = Folder::open(root.path(), Shard::ALL).unwrap();
        for bucket in 0..3 {
            let mut told = BucketCommit::new(bucket, 1);
            for kind in KINDS {
                folder.write(&file(kind, bucket), LINE).unwrap();
                told.files.push(ChangesLine {
                    path: file(kind, bucket),
                    resource: kind.to_owned(),
                    records: 1,
                    deleted: 0,
                    bytes: LINE.len() as u64,
                    sha256: String::new(),
                });
            }
            told.write(&folder).unwrap();
        }
        let mended = Mended::default();
        let mut manifest = SyncManifest::new(String::new(), 4, None, String::new());
        let summed_up = manifest.sum_up(&folder, 1, Timestamp::UNIX_EPOCH, true, &mended);
        assert!(summed_up.unwrap());
        for path in besides {
            folder.write(path, LINE).unwrap();
        }
        for path in gone {
            folder.remove(path).unwrap();
        }
        let ended = manifest.ended();
        // The bucket that the run wrote nothing of is asked first.
        let mut said: Vec<_> = (0..4)
            .rev()
            .map(|bucket| {
                let files = BucketFiles::new(&folder, bucket, 2, &ended, &mended);
                files.lengths("vitals").unwrap().get(&1).copied()
            })
            .collect();
        said.reverse();
        said
    }

    #[test]
    fn buckets_are_in_doubt_whose_manifest_may_be_lost_for_good() {
        let long = Some(Some(LINE.len() as u64));
        let lost = Some(None);
        let manifest = |bucket| BucketCommit::path(bucket, 1);
        assert_eq!(said(&[], &[]), [long, long, long, None]);
        let both = [manifest(0), manifest(1)];
        assert_eq!(said(&both, &[]), [long, long, long, None]);
        let with_a_file = [manifest(0), file("vitals", 0)];
        assert_eq!(said(&with_a_file, &[]), [lost, long, long, None]);
        // Whose it was nobody can tell.
        let with_all = [manifest(0), file("vitals", 0), file("activities", 0)];
        assert_eq!(said(&with_all, &[]), [lost, long, long, lost]);
        // What no manifest told of was left by a run that was broken off.
        let besides = [file("activities", 3)];
        assert_eq!(said(&[manifest(0)], &besides), [long, long, long, None]);
    }
}
