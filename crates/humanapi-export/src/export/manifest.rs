//! What the files of an export say of it: JSON that is written once what it tells of is in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::ExportError;
use super::folder::{Folder, MANIFEST};

const VERSION: u32 = 1;
/// So many manifests are in memory at once.
const READ_AT_ONCE: usize = 32;

/// What an export is: two of them with the same settings are the same export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) format: String,
    pub(super) buckets: u32,
    pub(super) since: Option<Timestamp>,
    /// In which form reports are read, where documents are.
    pub(super) documents: Option<String>,
    /// By what values are brought to units in columns of their own, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<ValuesBy>,
    /// By what the records lost what tells whose they are, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deidentified: Option<DeidentifiedBy>,
    /// The schema of each resource, by its hash.
    pub(super) resources: BTreeMap<String, String>,
    /// Tells another key, and nothing of this one.
    pub(super) key_check: String,
}

/// By which rules values were brought to units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ValuesBy {
    /// The version of this crate, whose tables they are.
    pub(super) made_by: String,
}

/// By which policy and rules records were de-identified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeidentifiedBy {
    /// The policy's name,
    pub(super) policy: String,
    /// and its file's SHA-256.
    pub(super) sha256: String,
    pub(super) dates: String,
    pub(super) ids: String,
    /// The version of this crate, which carried it out.
    pub(super) made_by: String,
    /// Tells another key, and nothing of this one.
    pub(super) key_check: String,
}

/// The whole of an export: `_manifest/export.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExportManifest {
    pub(super) version: u32,
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
    pub(super) users: u64,
    /// Tells another set of users, and nothing of this one.
    pub(super) users_check: String,
    pub(super) files: Vec<FileLine>,
    /// What the service refuses.
    pub(super) refused: Vec<Missing>,
    /// What could not be read.
    pub(super) failed: Vec<Missing>,
}

#[derive(Debug, Serialize, Deserialize)]
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

/// Whose records are not there, which, and why.
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

/// One document: a line of `_documents.ndjson` beside it.
#[derive(Debug, Serialize)]
pub(super) struct DocumentLine<'a> {
    pub(super) user: &'a str,
    pub(super) resource: &'a str,
    pub(super) id: &'a str,
    /// Its name in this folder; nothing where it could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<&'a str>,
    /// Why it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<&'a str>,
}

fn export_path() -> String {
    format!("{MANIFEST}/export.json")
}

pub(super) fn bucket_path(bucket: u32) -> String {
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

    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, ExportError> {
        let read: Option<Self> = read(folder, &export_path())?;
        match read {
            Some(manifest) if manifest.version > VERSION => {
                Err(ExportError::Manifest(export_path()))
            }
            manifest => Ok(manifest),
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
        Self::swap(folder, |before| {
            let Some(before) = before else {
                if !plan.is_new {
                    // It may be another export that they are of.
                    return Err(ExportError::Manifest(export_path()));
                }
                let none = BTreeSet::new();
                return Self::sum_up(folder, settings, none, written_at).map(Some);
            };
            before.settings.is_same(settings)?;
            let read_again = plan.read_again_of(&before);
            let is_so = read_again == before.read_again && !(before.whole && plan.reads_anything());
            match is_so {
                true => Ok(None),
                false => Self::sum_up(folder, settings, read_again, written_at).map(Some),
            }
        })
    }

    /// Tells what is in its place now that a run has ended, however it did.
    pub(super) fn end(
        folder: &Folder,
        settings: &Settings,
        plan: &Plan,
        written_at: Timestamp,
    ) -> Result<(), ExportError> {
        Self::swap(folder, |before| {
            let before = before.map(|before| plan.read_again_of(&before));
            Self::sum_up(folder, settings, before.unwrap_or_default(), written_at).map(Some)
        })
    }

    /// Writes it anew where something comes of what it is, while no other process does.
    ///
    /// Two that end in one instant would each tell what it saw before the other one's last bucket, and one that ends would
    /// tell as whole what another one begins to replace.
    fn swap(
        folder: &Folder,
        mut next: impl FnMut(Option<Self>) -> Result<Option<Self>, ExportError>,
    ) -> Result<(), ExportError> {
        let path = export_path();
        folder.swap(&path, |before| {
            let before = before.as_deref().map(|json| parse(&path, json));
            let next = next(before.transpose()?)?.map(|next| json(&next));
            next.transpose().map_err(ExportError::Folder)
        })
    }

    /// Sums up what the buckets' manifests tell.
    fn sum_up(
        folder: &Folder,
        settings: &Settings,
        read_again: BTreeSet<u32>,
        written_at: Timestamp,
    ) -> Result<Self, ExportError> {
        let mut sum = Self {
            version: VERSION,
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
        Ok(sum)
    }
}

/// Which buckets a run reads, of those that are its.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Whether no manifest tells of any of them.
    pub(super) is_new: bool,
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

impl Settings {
    /// That others are the same.
    pub(super) fn is_same(&self, other: &Self) -> Result<(), ExportError> {
        self.differs(other)
            .map_or(Ok(()), |what| Err(ExportError::Other(what)))
    }

    /// What of other settings is not the same.
    fn differs(&self, other: &Self) -> Option<&'static str> {
        let (own, others) = (&self.deidentified, &other.deidentified);
        let deidentified = || own.as_ref().zip(others.as_ref());
        let by_other = |differs: fn(&DeidentifiedBy, &DeidentifiedBy) -> bool| {
            deidentified().is_some_and(|(own, other)| differs(own, other))
        };
        let differs = [
            (own.is_some() != others.is_some(), "de-identification"),
            (
                by_other(|own, other| {
                    (&own.sha256, &own.dates, &own.ids) != (&other.sha256, &other.dates, &other.ids)
                }),
                "a policy of de-identification",
            ),
            (
                by_other(|own, other| own.key_check != other.key_check),
                "a key",
            ),
            (
                by_other(|own, other| own.made_by != other.made_by),
                "a version of de-identification",
            ),
            (
                self.values.is_some() != other.values.is_some(),
                "value columns",
            ),
            (self.values != other.values, "a version of value columns"),
            (self.format != other.format, "a format"),
            (self.buckets != other.buckets, "a number of buckets"),
            (self.key_check != other.key_check, "a key"),
            (self.since != other.since, "a moment since when"),
            (self.documents != other.documents, "documents"),
            (self.resources != other.resources, "resources or columns"),
        ];
        let mut differs = differs.into_iter();
        differs.find_map(|(differs, what)| differs.then_some(what))
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

    pub(super) fn write(&self, folder: &Folder) -> Result<(), ExportError> {
        write(folder, &bucket_path(self.bucket), self)
    }

    /// Whether each file is there, in its length.
    fn has_its_files(&self, folder: &Folder) -> Result<bool, ExportError> {
        let paths: Vec<String> = self.files.iter().map(|file| file.path.clone()).collect();
        let lengths = folder.lengths(&paths).map_err(ExportError::of_folder)?;
        let mut files = self.files.iter().zip(lengths);
        Ok(files.all(|(file, length)| length == Some(file.bytes)))
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
    /// Whether a manifest is there of any.
    is_any_there: bool,
}

impl WholeBuckets {
    pub(super) fn read(folder: &Folder, buckets: &[u32]) -> Result<Self, ExportError> {
        let mut all = Self::default();
        BucketManifest::read_each(folder, buckets, |manifest| {
            all.is_any_there = true;
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

    pub(super) const fn is_any_there(&self) -> bool {
        self.is_any_there
    }

    pub(super) fn is_told(&self, bucket: u32) -> bool {
        self.told.contains(&bucket)
    }
}
