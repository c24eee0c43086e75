//! The quality of what an export wrote: its folder is read record by record, file by file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use humanapi_core::data::{Operation, ROUTES, Record, Route};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use thiserror::Error;

use super::{DataReport, Quality};
use crate::row::{Row, User};

/// What tells which export it is.
const EXPORT: &str = "_manifest/export.json";
/// The latest manifest that is understood.
const VERSION: u32 = 1;

/// Why an export's folder cannot be reported of.
///
/// No message holds anything of a user or a record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no manifest.
    #[error("there is no export in this folder")]
    NoExport,
    /// The folder or a file of it could not be read.
    #[error("the folder of an export could not be read")]
    Folder(#[source] io::Error),
    /// What tells which export it is is gone, cannot be read, or is of a later version.
    #[error("the export's {0} is not there, cannot be read, or is of a later version")]
    Manifest(
        /// Its path in the folder.
        String,
    ),
    /// The files hold no records as they were sent.
    #[error("files of the format {0} in this folder hold no records that can be looked at")]
    Format(
        /// The format's name.
        String,
    ),
    /// A file is gone, or holds something else than was written to it.
    #[error("the export's {0} is not there, or holds something else than was written to it")]
    Torn(
        /// Its path in the folder.
        String,
    ),
}

impl ReportError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoExport => "name the folder that --out named, or users",
            Self::Folder(_) => "see that the folder can be read",
            Self::Manifest(_) => {
                "put that file back from a copy; or take the version of this program that wrote the folder, or export anew"
            }
            Self::Format(_) => {
                "export as ndjson, or as parquet or arrow with the record as it was sent, where this build reads them"
            }
            Self::Torn(_) => {
                "remove that file if it is there, then start the same export again: it is written anew"
            }
        }
    }
}

/// What is needed of `_manifest/export.json`.
#[derive(Deserialize)]
struct ExportTold {
    version: u32,
    format: String,
    buckets: u32,
    resources: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    deidentified: Option<IgnoredAny>,
    #[serde(default)]
    read_again: Vec<IgnoredAny>,
    written_at: Timestamp,
}

/// What is needed of the manifest of a bucket.
#[derive(Deserialize)]
struct BucketTold {
    whole: bool,
    users: u64,
    files: Vec<FileTold>,
    refused: Vec<IgnoredAny>,
    failed: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct FileTold {
    path: String,
    resource: String,
    records: u64,
    #[serde(default)]
    drifted: u64,
}

/// A line that tells whose it is, and when it was read.
#[derive(Deserialize)]
struct Envelope<'a> {
    _read_at: Timestamp,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl DataReport {
    /// Of what an export wrote to a folder, as NDJSON, or as Parquet or Arrow with the record as it was sent.
    ///
    /// Plain NDJSON does not tell when a record was read; it counts as read when the export's manifest was written.
    ///
    /// # Errors
    ///
    /// When it is no export's folder, or one whose files hold no such records.
    pub fn of_folder(folder: impl AsRef<Path>) -> Result<Self, ReportError> {
        let folder = folder.as_ref();
        let of_export = || ReportError::Manifest(EXPORT.to_owned());
        let told: ExportTold = match manifest(&folder.join(EXPORT)) {
            Ok(Some(told)) => told,
            Ok(None) if has_buckets(folder) => return Err(of_export()),
            Ok(None) => return Err(ReportError::NoExport),
            Err(Unread::Io(error)) => return Err(ReportError::Folder(error)),
            Err(_) => return Err(of_export()),
        };
        if told.version > VERSION {
            return Err(of_export());
        }
        let (mut users, mut refused, mut failed) = (0, 0, 0);
        let mut whole = told.read_again.is_empty();
        let mut by_resource: BTreeMap<&str, Quality> = BTreeMap::new();
        for name in told.resources.keys() {
            let route = route(name).ok_or_else(of_export)?;
            by_resource.insert(name, Quality::new(name, route.fields));
        }
        for bucket in 0..told.buckets {
            let path = format!("_manifest/bucket-{bucket:04}.json");
            let read_one = manifest::<BucketTold>(&folder.join(&path));
            let Some(bucket) = read_one.map_err(|unread| unread.of(&path))? else {
                whole = false;
                continue;
            };
            users += bucket.users;
            whole &= bucket.whole;
            refused += bucket.refused.len() as u64;
            failed += bucket.failed.len() as u64;
            for file in &bucket.files {
                // Documents have no columns and no fields.
                if !file.path.starts_with("resource=") {
                    continue;
                }
                let quality = by_resource.get_mut(file.resource.as_str());
                let quality = quality.ok_or_else(|| ReportError::Torn(path.clone()))?;
                quality.note_drifted(file.drifted);
                let before = quality.records;
                let read = read(&folder.join(&file.path), &told, quality);
                read.map_err(|unread| unread.of(&file.path))?;
                if quality.records - before != file.records {
                    return Err(ReportError::Torn(file.path.clone()));
                }
            }
        }
        Ok(Self {
            whole,
            refused,
            failed,
            deidentified: told.deidentified.is_some(),
            ..Self::new(users, by_resource.values())
        })
    }
}

fn route(name: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| {
        matches!(route.operation, Operation::List | Operation::Single)
            && route.name.strip_prefix("data.") == Some(name)
    })
}

/// Why a file could not be read.
enum Unread {
    Torn,
    Io(io::Error),
    Format(String),
}

impl Unread {
    fn of(self, path: &str) -> ReportError {
        match self {
            Self::Io(error) if error.kind() != io::ErrorKind::NotFound => {
                ReportError::Folder(error)
            }
            Self::Torn | Self::Io(_) => ReportError::Torn(path.to_owned()),
            Self::Format(format) => ReportError::Format(format),
        }
    }
}

/// Whether buckets are told of in a folder.
fn has_buckets(folder: &Path) -> bool {
    let entries = fs::read_dir(folder.join("_manifest")).into_iter().flatten();
    let mut names = entries.flatten().map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with("bucket-"))
}

fn manifest<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Unread> {
    match fs::read(path) {
        Ok(json) => serde_json::from_slice(&json)
            .map(Some)
            .map_err(|_| Unread::Torn),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unread::Io(error)),
    }
}

fn read(path: &Path, told: &ExportTold, quality: &mut Quality) -> Result<(), Unread> {
    let file = File::open(path).map_err(Unread::Io)?;
    match told.format.as_str() {
        "ndjson" => lines(file, quality, |line| Ok((told.written_at, line))),
        "ndjson-envelope" => lines(file, quality, |line| {
            let envelope: Envelope<'_> = serde_json::from_slice(line).map_err(|_| Unread::Torn)?;
            Ok((envelope._read_at, envelope.record.get().as_bytes()))
        }),
        #[cfg(feature = "parquet")]
        "parquet" => tables::parquet(file, quality),
        #[cfg(feature = "parquet")]
        "arrow" => tables::arrow(file, quality),
        other => Err(Unread::Format(other.to_owned())),
    }
}

/// Each line, of which one at a time is in memory.
fn lines(
    file: File,
    quality: &mut Quality,
    of: impl Fn(&[u8]) -> Result<(Timestamp, &[u8]), Unread>,
) -> Result<(), Unread> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(Unread::Io)? > 0 {
        let (read_at, sent) = of(line.strip_suffix(b"\n").ok_or(Unread::Torn)?)?;
        note(quality, read_at, sent)?;
        line.clear();
    }
    Ok(())
}

fn note(quality: &mut Quality, read_at: Timestamp, sent: &[u8]) -> Result<(), Unread> {
    let record = Record::from_sent(sent.to_vec(), quality.table).map_err(|_| Unread::Torn)?;
    // Whose it is says nothing of how good it is.
    quality.note(&Row::new(&User::new(""), read_at, &record));
    Ok(())
}

/// Files whose columns hold the record as it was sent.
#[cfg(feature = "parquet")]
mod tables {
    use std::fs::File;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::TimestampMicrosecondType;
    use arrow_array::{Array as _, RecordBatch};
    use jiff::Timestamp;
    use parquet::arrow::ProjectionMask;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::super::Quality;
    use super::{Unread, note};

    const COLUMNS: [&str; 2] = ["_read_at", "_record"];

    pub(super) fn parquet(file: File, quality: &mut Quality) -> Result<(), Unread> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|_| Unread::Torn)?;
        if builder.schema().field_with_name("_record").is_err() {
            return Err(Unread::Format("parquet".to_owned()));
        }
        let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
        let batches = builder.with_projection(mask).with_batch_size(1024).build();
        for batch in batches.map_err(|_| Unread::Torn)? {
            rows(&batch.map_err(|_| Unread::Torn)?, quality)?;
        }
        Ok(())
    }

    pub(super) fn arrow(file: File, quality: &mut Quality) -> Result<(), Unread> {
        let file = std::io::BufReader::new(file);
        let batches =
            arrow_ipc::reader::StreamReader::try_new(file, None).map_err(|_| Unread::Torn)?;
        if batches.schema().field_with_name("_record").is_err() {
            return Err(Unread::Format("arrow".to_owned()));
        }
        for batch in batches {
            rows(&batch.map_err(|_| Unread::Torn)?, quality)?;
        }
        Ok(())
    }

    fn rows(batch: &RecordBatch, quality: &mut Quality) -> Result<(), Unread> {
        let column = |name| batch.column_by_name(name).ok_or(Unread::Torn);
        let (read_at, records) = (column(COLUMNS[0])?, column(COLUMNS[1])?);
        let read_at = read_at.as_primitive_opt::<TimestampMicrosecondType>();
        let read_at = read_at.ok_or(Unread::Torn)?;
        let records = records.as_string_opt::<i32>().ok_or(Unread::Torn)?;
        for row in 0..records.len() {
            let moment = Timestamp::from_microsecond(read_at.value(row));
            let moment = moment.map_err(|_| Unread::Torn)?;
            note(quality, moment, records.value(row).as_bytes())?;
        }
        Ok(())
    }
}
