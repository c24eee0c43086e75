//! What the files of an export say of it: JSON that is written once what it tells of is in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::documents::{DOCUMENTS, has_its_documents};
use super::error::ExportError;
use super::folder::{Folder, MANIFEST, Version};
use super::settings::Settings;

const VERSION: u32 = 1;
/// So many manifests are in memory at once.
const READ_AT_ONCE: usize = 32;

/// The whole of an export: `_manifest/export.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExportManifest {
    pub(super) version: u32,
    /// Which writing of it this is, in a place where several runs could write it: no two are the same, as no two versions are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(flatten)]
    pub(super) settings: Settings,
    /// Whether all buckets are whole, and none of them is to be read again.
    pub(super) whole: bool,
    /// How many of them are.
    pub(super) whole_buckets: u32,
    /// Buckets that were whole as a run began which reads them again, until it has. Nobody tells all of it as whole before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) read_again: BTreeSet<u32>,
    pub(super) users: u64,
    pub(super) records: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// What became of the fields of all records, where they were de-identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fields: Option<FieldsLine>,
    pub(super) written_at: Timestamp,
}

/// One bucket: `_manifest/bucket-0007.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct BucketManifest {
    pub(super) bucket: u32,
    /// Whether nothing is missing that could be had another time.
    pub(super) whole: bool,
    /// Which run replaces its files now, in a place where several could: it is nothing that is written twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<String>,
    pub(super) users: u64,
    /// Tells another set of users, and nothing of this one.
    pub(super) users_check: String,
    pub(super) files: Vec<FileLine>,
    /// What the service refuses.
    pub(super) refused: Vec<Missing>,
    /// What could not be read, or not without moving.
    pub(super) failed: Vec<Missing>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileLine {
    pub(super) path: String,
    pub(super) resource: String,
    /// How many records, or documents, it holds or tells of.
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// How many of the lists in it changed while they were read, or hold what is no record.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) drifted: u64,
    /// What became of the fields of its records, where they were de-identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fields: Option<FieldsLine>,
    /// Which form and how many bytes the documents have that it tells of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) documents_bytes: u64,
}

/// What became of the fields of de-identified records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FieldsLine {
    pub(super) kept: u64,
    /// Those that are not known as well.
    pub(super) dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Whose records are not there, which, and why. Of a list that moved in each of its readings some may be missing, and the
/// others are there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Missing {
    /// The user's id, or the code in its place; nothing where no id stays.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) user: String,
    /// All of the user's, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    pub(super) reason: String,
}

fn export_path() -> String {
    format!("{MANIFEST}/export.json")
}

fn bucket_path(bucket: u32) -> String {
    format!("{MANIFEST}/bucket-{bucket:04}.json")
}

pub(super) fn read<T: for<'de> Deserialize<'de>>(
    folder: &Folder,
    path: &str,
) -> Result<Option<T>, ExportError> {
    let content = folder.read(path).map_err(ExportError::of_folder)?;
    content.map(|content| parse(path, &content)).transpose()
}

fn parse<T: for<'de> Deserialize<'de>>(path: &str, content: &[u8]) -> Result<T, ExportError> {
    serde_json::from_slice(content).map_err(|_| ExportError::Manifest(path.to_owned()))
}

/// As it is written.
pub(super) fn json(manifest: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut content = serde_json::to_vec_pretty(manifest)?;
    content.push(b'\n');
    Ok(content)
}

pub(super) fn write(
    folder: &Folder,
    path: &str,
    manifest: &impl Serialize,
) -> Result<(), ExportError> {
    let content = json(manifest).map_err(ExportError::Folder)?;
    folder.write(path, &content).map_err(ExportError::of_folder)
}

impl ExportManifest {
    /// Whether a folder holds an export.
    pub(super) fn is_in(folder: &Folder) -> Result<bool, ExportError> {
        folder.has(&export_path()).map_err(ExportError::of_folder)
    }

    /// What a folder says that it holds; nothing where it holds nothing.
    ///
    /// # Errors
    ///
    /// When nothing tells any more what the export is of which a bucket is there.
    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, ExportError> {
        let read: Option<Self> = read(folder, &export_path())?;
        // A store that cannot list says little of why: the claim's put tells more, and it is asked again before a bucket begins.
        if read.is_none()
            && let Err(lost @ ExportError::Manifest(_)) = Self::is_not_lost(folder)
        {
            return Err(lost);
        }
        read.map(Self::known).transpose()
    }

    /// Sees that no bucket is there without it: it may be of another export, whosever the bucket is and however many there are.
    fn is_not_lost(folder: &Folder) -> Result<(), ExportError> {
        let there = folder.files(MANIFEST).map_err(ExportError::of_folder)?;
        let bucket = format!("{MANIFEST}/bucket-");
        // It comes before the first bucket, so where another run has begun meanwhile, both are there by now.
        match there.keys().any(|path| path.starts_with(&bucket)) && !Self::is_in(folder)? {
            true => Err(ExportError::Manifest(export_path())),
            false => Ok(()),
        }
    }

    /// One of a version that is known.
    fn known(self) -> Result<Self, ExportError> {
        match self.version > VERSION {
            true => Err(ExportError::Manifest(export_path())),
            false => Ok(self),
        }
    }

    /// Tells that a run begins which reads these of its buckets, before it replaces any of them.
    ///
    /// # Errors
    ///
    /// When another process has begun another export there meanwhile, or nothing tells any more what the export is.
    pub(super) fn begin(
        folder: &Folder,
        settings: &Settings,
        plan: &Plan,
        written_at: Timestamp,
    ) -> Result<(), ExportError> {
        Self::swap(folder, settings, |before| {
            let read_again = match before {
                None => {
                    Self::is_not_lost(folder)?;
                    BTreeSet::new()
                }
                Some(before) => {
                    let read_again = plan.read_again_of(&before);
                    let is_so =
                        read_again == before.read_again && !(before.whole && plan.reads_anything());
                    // Where another run may be about to say otherwise of what it was, it is written all the same.
                    if is_so && folder.mark().is_none() {
                        return Ok(None);
                    }
                    read_again
                }
            };
            let (sum, _) = Self::sum_up(folder, settings, read_again, written_at)?;
            Ok(Some(sum))
        })
    }

    /// Tells what is in its place now that a run has ended, however it did, and whether all buckets that are its are whole:
    /// another one may have said of one of them that it is not.
    pub(super) fn end(
        folder: &Folder,
        settings: &Settings,
        plan: &Plan,
        written_at: Timestamp,
    ) -> Result<bool, ExportError> {
        let mut is_whole = false;
        Self::swap(folder, settings, |before| {
            let before = before.map(|before| plan.read_again_of(&before));
            let read_again = before.unwrap_or_default();
            let (sum, whole) = Self::sum_up(folder, settings, read_again, written_at)?;
            is_whole = plan.own.is_subset(&whole);
            Ok(Some(sum))
        })?;
        Ok(is_whole)
    }

    /// Says that not all of it is whole, whoever writes there now, and whatever that one is about to say of what it was.
    fn is_not_whole(folder: &Folder) -> Result<(), ExportError> {
        let swapped = folder.swap(&export_path(), |now| {
            let now: Option<Self> = now.map(|json| parse(&export_path(), &json)).transpose()?;
            let now = now.map(Self::known).transpose()?;
            let is_to_say = |now: &Self| now.whole || folder.mark().is_some();
            let not_whole = now.filter(is_to_say).map(|now| Self {
                run: folder.mark(),
                whole: false,
                whole_buckets: now.whole_buckets.saturating_sub(u32::from(now.whole)),
                ..now
            });
            not_whole
                .as_ref()
                .map(json)
                .transpose()
                .map_err(ExportError::Folder)
        });
        swapped.map(drop)
    }

    /// Writes it anew where something comes of what it is, while no other process does.
    ///
    /// Two that end in one instant would each tell what it saw before the other one's last bucket, and one that ends would
    /// tell as whole what another one begins to replace.
    fn swap(
        folder: &Folder,
        settings: &Settings,
        mut next: impl FnMut(Option<Self>) -> Result<Option<Self>, ExportError>,
    ) -> Result<(), ExportError> {
        let path = export_path();
        let swapped = folder.swap(&path, |before| {
            let before = before.as_deref().map(|json| parse(&path, json));
            let before: Option<Self> = before.transpose()?;
            let before = before.map(Self::known).transpose()?;
            if let Some(before) = &before {
                before.settings.is_same(settings)?;
            }
            let Some(next) = next(before)? else {
                return Ok(None);
            };
            folder.look().map_err(ExportError::of_folder)?;
            json(&next).map(Some).map_err(ExportError::Folder)
        });
        swapped.map(drop)
    }

    /// Sums up what the buckets' manifests tell, and says which are whole.
    fn sum_up(
        folder: &Folder,
        settings: &Settings,
        read_again: BTreeSet<u32>,
        written_at: Timestamp,
    ) -> Result<(Self, BTreeSet<u32>), ExportError> {
        let mut whole = BTreeSet::new();
        let mut sum = Self {
            version: VERSION,
            run: folder.mark(),
            whole: false,
            whole_buckets: 0,
            read_again,
            users: 0,
            records: 0,
            files: 0,
            bytes: 0,
            fields: None,
            written_at,
            settings: settings.clone(),
        };
        let buckets: Vec<u32> = (0..sum.settings.buckets).collect();
        BucketManifest::read_each(folder, &buckets, |manifest| {
            sum.whole_buckets += u32::from(manifest.whole);
            whole.extend(manifest.whole.then_some(manifest.bucket));
            sum.users += manifest.users;
            sum.files += manifest.files.len() as u64;
            for file in &manifest.files {
                sum.bytes += file.bytes;
                sum.records += file.records;
                if let Some(of_file) = file.fields {
                    let all = sum.fields.get_or_insert_default();
                    all.kept += of_file.kept;
                    all.dropped += of_file.dropped;
                }
            }
            Ok(())
        })?;
        sum.whole = sum.whole_buckets == sum.settings.buckets && sum.read_again.is_empty();
        Ok((sum, whole))
    }
}

/// Which buckets a run reads, of those that are its.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Those that are its.
    pub(super) own: BTreeSet<u32>,
    /// Those that it reads and has not put into their places yet.
    pub(super) left: BTreeSet<u32>,
    /// Those of them whose manifests tell them as whole as it begins, or did.
    pub(super) again: BTreeSet<u32>,
}

impl Plan {
    fn reads_anything(&self) -> bool {
        !self.left.is_empty()
    }

    /// A bucket is in its place.
    pub(super) fn is_written(&mut self, bucket: u32) {
        self.left.remove(&bucket);
    }

    /// What is to be read again: of other processes' buckets what they said, and of its own what it has not read yet.
    fn read_again_of(&self, before: &ExportManifest) -> BTreeSet<u32> {
        let others = before.read_again.difference(&self.own);
        let own = self.again.intersection(&self.left);
        others.chain(own).copied().collect()
    }
}

impl BucketManifest {
    /// Takes those that are there, of which some are asked for at once. One that is torn tells nothing: its bucket is read
    /// again, as if it was not there.
    fn read_each(
        folder: &Folder,
        buckets: &[u32],
        mut take: impl FnMut(Self) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for some in buckets.chunks(READ_AT_ONCE) {
            let paths: Vec<String> = some.iter().map(|bucket| bucket_path(*bucket)).collect();
            let read = folder.read_all(&paths).map_err(ExportError::of_folder)?;
            for content in read.into_iter().flatten() {
                if let Ok(manifest) = serde_json::from_slice(&content) {
                    take(manifest)?;
                }
            }
        }
        Ok(())
    }

    /// Says that a bucket is not whole, because its files are replaced from here on, and tells which version says so.
    pub(super) fn begin(folder: &Folder, bucket: u32) -> Result<Version, ExportError> {
        let begun = folder.swap(&bucket_path(bucket), |_| {
            folder.look().map_err(ExportError::of_folder)?;
            json(&Self::begun(folder, bucket))
                .map(Some)
                .map_err(ExportError::Folder)
        });
        begun?.ok_or(ExportError::Changed)
    }

    fn begun(folder: &Folder, bucket: u32) -> Self {
        Self {
            bucket,
            run: folder.mark(),
            ..Self::default()
        }
    }

    /// Says what is there, once it is, in the place of what was said at the beginning and of nothing else.
    pub(super) fn end(&self, folder: &Folder, begun: Version) -> Result<(), ExportError> {
        let json = json(self).map_err(ExportError::Folder)?;
        let look = || folder.look().map_err(ExportError::of_folder);
        look()?;
        let ended = folder.replace(&bucket_path(self.bucket), &json, begun);
        if ended.map_err(ExportError::of_folder)?.is_none() {
            // Whoever took the folder over has begun the bucket anew.
            look()?;
            return Err(ExportError::Changed);
        }
        Ok(())
    }

    /// Sees that nobody takes the bucket for whole in which this run failed, nor the export: what it had begun to put or to
    /// remove may have come after what another run has written since. Where that is the same, nothing is wrong.
    pub(super) fn give_up(&self, folder: &Folder) -> Result<(), ExportError> {
        let mut is_whole = false;
        folder.swap(&bucket_path(self.bucket), |there| {
            // What cannot be read tells of nothing.
            let there = there.and_then(|json| serde_json::from_slice(&json).ok());
            let there: Self = there.unwrap_or_default();
            is_whole = there.whole && there.files == self.files;
            let is_begun = !there.whole && folder.is_own(there.run.as_deref());
            let not_whole = (!is_whole && !is_begun).then(|| Self::begun(folder, self.bucket));
            not_whole
                .as_ref()
                .map(json)
                .transpose()
                .map_err(ExportError::Folder)
        })?;
        match is_whole {
            true => Ok(()),
            false => ExportManifest::is_not_whole(folder),
        }
    }

    /// Whether each file is there, in its length, and each document.
    fn has_its_files(&self, folder: &Folder) -> Result<bool, ExportError> {
        let paths: Vec<String> = self.files.iter().map(|file| file.path.clone()).collect();
        let lengths = folder.lengths(&paths).map_err(ExportError::of_folder)?;
        let mut files = self.files.iter().zip(lengths);
        if !files.all(|(file, length)| length == Some(file.bytes)) {
            return Ok(false);
        }
        for path in paths {
            if let Some(within) = path.strip_suffix(DOCUMENTS)
                && !has_its_documents(folder, within, &path)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is told of a bucket that is whole.
#[derive(Debug)]
struct WholeBucket {
    users_check: String,
    /// Whether the service refused something.
    has_refused: bool,
}

/// Those buckets of a folder that are whole, each with all of its files.
#[derive(Debug, Default)]
pub(super) struct WholeBuckets {
    whole: BTreeMap<u32, WholeBucket>,
    /// Those that are told as whole, with their files or without.
    told: BTreeSet<u32>,
}

impl WholeBuckets {
    pub(super) fn read(folder: &Folder, buckets: &[u32]) -> Result<Self, ExportError> {
        let mut all = Self::default();
        BucketManifest::read_each(folder, buckets, |manifest| {
            if !manifest.whole {
                return Ok(());
            }
            all.told.insert(manifest.bucket);
            if manifest.has_its_files(folder)? {
                let bucket = WholeBucket {
                    users_check: manifest.users_check,
                    has_refused: !manifest.refused.is_empty(),
                };
                all.whole.insert(manifest.bucket, bucket);
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Whether a bucket with these users needs not be read.
    pub(super) fn has(&self, bucket: u32, users_check: &str, retries_refused: bool) -> bool {
        self.whole.get(&bucket).is_some_and(|before| {
            before.users_check == users_check && !(before.has_refused && retries_refused)
        })
    }

    pub(super) fn is_told(&self, bucket: u32) -> bool {
        self.told.contains(&bucket)
    }
}
