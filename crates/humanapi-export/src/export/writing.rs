//! Lists into files, one bucket and one resource after another, on a thread that may wait for the disk.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use humanapi_core::ClientUserId;
use humanapi_core::data::Route;
use tokio::sync::mpsc;

use super::error::ExportError;
use super::folder::{Folder, Part};
use super::key::BucketKey;
use super::manifest::{BucketManifest, DocumentLine, FileLine, Missing, bucket_path};
use super::output::{Output, Table, Taken, fields_line};
use super::reading::{Document, Done, ListRead, Listed, Scope, Trouble, name};
use crate::error::WriteError;

/// Writes the folder of an export.
pub(super) struct Writing {
    pub(super) folder: Folder,
    pub(super) output: Arc<Output>,
    pub(super) key: BucketKey,
}

/// What is told back of a bucket.
pub(super) struct BucketWritten {
    pub(super) bucket: u32,
    pub(super) whole: bool,
    /// What became of the fields of each resource.
    pub(super) taken: Vec<(&'static str, Taken)>,
}

impl Writing {
    /// Writes all that comes. What is begun and not ended when nothing more comes is given up.
    pub(super) fn run(
        self,
        mut done: mpsc::Receiver<Done>,
        told: &mpsc::UnboundedSender<BucketWritten>,
    ) -> Result<(), ExportError> {
        let mut bucket: Option<Bucket<'_>> = None;
        while let Some(next) = done.blocking_recv() {
            match (next, &mut bucket) {
                (Done::Begin(manifest), _) => bucket = Some(Bucket::begin(&self, *manifest)?),
                (Done::Read(list), Some(bucket)) => bucket.take(*list)?,
                (Done::End, begun) => {
                    if let Some(bucket) = begun.take() {
                        // Where nobody listens any more there is nobody to tell.
                        let _ = told.send(bucket.end()?);
                    }
                }
                (Done::Read(_), None) => {}
            }
        }
        Ok(())
    }
}

/// A bucket that is being written.
struct Bucket<'w> {
    writing: &'w Writing,
    manifest: BucketManifest,
    table: Option<TableFile<'w>>,
    taken: Vec<(&'static str, Taken)>,
    /// Users who are told as refused once for all of their lists.
    refused: BTreeSet<ClientUserId>,
}

/// The file of one resource.
struct TableFile<'w> {
    route: &'static Route,
    path: String,
    /// Where its documents are, if it has some.
    documents_path: String,
    table: Table,
    part: Shared,
    records: u64,
    drifted: u64,
    documents: Option<Documents>,
    writing: &'w Writing,
}

/// The documents of one resource.
struct Documents {
    folder: String,
    lines: Part,
    count: u64,
    bytes: u64,
}

impl<'w> Bucket<'w> {
    fn begin(writing: &'w Writing, manifest: BucketManifest) -> Result<Self, ExportError> {
        // From here on the files are not those that it told of.
        let path = bucket_path(manifest.bucket);
        writing.folder.remove(&path).map_err(ExportError::Folder)?;
        Ok(Self {
            writing,
            manifest,
            table: None,
            taken: Vec::new(),
            refused: BTreeSet::new(),
        })
    }

    fn take(&mut self, list: ListRead) -> Result<(), ExportError> {
        let is_other = |table: &TableFile<'_>| table.route.name != list.route.name;
        if self.table.as_ref().is_none_or(is_other) {
            self.end_table()?;
            self.table = Some(TableFile::begin(
                self.writing,
                list.route,
                self.manifest.bucket,
            )?);
        }
        match list.outcome {
            Ok(listed) => {
                let Some(table) = &mut self.table else {
                    return Ok(());
                };
                for trouble in table.write(&list.user, listed)? {
                    self.missing(&list.user, Some(name(list.route)), &trouble);
                }
            }
            Err(trouble) if trouble.scope == Scope::User => {
                if self.refused.insert(list.user.clone()) {
                    self.missing(&list.user, None, &trouble);
                }
            }
            Err(trouble) => self.missing(&list.user, Some(name(list.route)), &trouble),
        }
        Ok(())
    }

    fn missing(&mut self, user: &ClientUserId, resource: Option<&str>, trouble: &Trouble) {
        let missing = Missing {
            user: self.writing.output.user(user),
            resource: resource.map(str::to_owned),
            reason: trouble.reason().to_owned(),
        };
        match trouble.scope {
            Scope::Refused | Scope::User => self.manifest.refused.push(missing),
            Scope::Passing | Scope::Application => self.manifest.failed.push(missing),
        }
    }

    fn end_table(&mut self) -> Result<(), ExportError> {
        if let Some(table) = self.table.take() {
            let resource = name(table.route);
            let (files, taken) = table.end()?;
            self.manifest.files.extend(files);
            self.taken.push((resource, taken));
        }
        Ok(())
    }

    fn end(mut self) -> Result<BucketWritten, ExportError> {
        self.end_table()?;
        self.manifest.whole = self.manifest.failed.is_empty();
        self.manifest.write(&self.writing.folder)?;
        Ok(BucketWritten {
            bucket: self.manifest.bucket,
            whole: self.manifest.whole,
            taken: self.taken,
        })
    }
}

impl<'w> TableFile<'w> {
    fn begin(
        writing: &'w Writing,
        route: &'static Route,
        bucket: u32,
    ) -> Result<Self, ExportError> {
        let resource = name(route);
        let part = Shared::new(writing.folder.begin().map_err(ExportError::Folder)?);
        let writer = BufWriter::with_capacity(256 * 1024, part.clone());
        let table = writing.output.begin(route, writer)?;
        let extension = writing.output.format.extension();
        // Documents of before belong to the lists of before.
        let documents = documents_path(resource, bucket);
        writing
            .folder
            .remove(&documents)
            .map_err(ExportError::Folder)?;
        Ok(Self {
            route,
            path: format!("resource={resource}/bucket={bucket:04}/records.{extension}"),
            documents_path: documents,
            table,
            part,
            records: 0,
            drifted: 0,
            documents: None,
            writing,
        })
    }

    /// Writes one user's list, and says which of its documents are not there.
    fn write(&mut self, user: &ClientUserId, listed: Listed) -> Result<Vec<Trouble>, ExportError> {
        self.drifted += u64::from(!listed.drift.is_empty());
        self.records += self.table.write(user, listed.read_at, listed.records)?;
        let mut missing = Vec::new();
        for document in listed.documents {
            missing.extend(self.document(user, document)?);
        }
        Ok(missing)
    }

    fn document(
        &mut self,
        user: &ClientUserId,
        document: Document,
    ) -> Result<Option<Trouble>, ExportError> {
        let resource = name(self.route);
        let folder = &self.writing.folder;
        let documents = match &mut self.documents {
            Some(documents) => documents,
            none => none.insert(Documents {
                folder: self.documents_path.clone(),
                lines: folder.begin().map_err(ExportError::Folder)?,
                count: 0,
                bytes: 0,
            }),
        };
        let id = document.id;
        let mut line = DocumentLine {
            user: user.as_str(),
            resource,
            id: &id,
            file: None,
            bytes: None,
            sha256: None,
            content_type: None,
            missing: None,
        };
        let missing = match document.outcome {
            Ok(read) => {
                let texts = [user.as_str(), resource, &id];
                let named = self.writing.key.name("document", texts);
                let ending = ending(read.content_type.as_deref());
                let file = format!("{named}.{ending}");
                let path = format!("{}/{file}", documents.folder);
                let kept = read.part.keep(&path).map_err(ExportError::Folder)?;
                documents.count += 1;
                documents.bytes += kept.bytes;
                line.file = Some(&file);
                line.bytes = Some(kept.bytes);
                line.sha256 = Some(&kept.sha256);
                line.content_type = read.content_type.as_deref();
                documents.line(&line)?;
                None
            }
            Err(trouble) => {
                line.missing = Some(trouble.reason());
                documents.line(&line)?;
                Some(trouble)
            }
        };
        Ok(missing)
    }

    fn end(self) -> Result<(Vec<FileLine>, Taken), ExportError> {
        let taken = self.table.finish()?;
        let resource = name(self.route).to_owned();
        let kept = self.part.into_part()?.keep(&self.path);
        let kept = kept.map_err(ExportError::Folder)?;
        let mut lines = vec![FileLine {
            path: self.path,
            resource: resource.clone(),
            records: self.records,
            bytes: kept.bytes,
            sha256: kept.sha256,
            drifted: self.drifted,
            fields: fields_line(&taken),
            documents_bytes: 0,
        }];
        if let Some(documents) = self.documents {
            let path = format!("{}/_documents.ndjson", documents.folder);
            let kept = documents.lines.keep(&path).map_err(ExportError::Folder)?;
            lines.push(FileLine {
                path,
                resource,
                records: documents.count,
                bytes: kept.bytes,
                sha256: kept.sha256,
                drifted: 0,
                fields: None,
                documents_bytes: documents.bytes,
            });
        }
        Ok((lines, taken))
    }
}

/// Where the documents of a resource are.
fn documents_path(resource: &str, bucket: u32) -> String {
    format!("documents={resource}/bucket={bucket:04}")
}

impl Documents {
    fn line(&mut self, line: &DocumentLine<'_>) -> Result<(), ExportError> {
        let mut json =
            serde_json::to_vec(line).map_err(|error| ExportError::Folder(error.into()))?;
        json.push(b'\n');
        self.lines.write_all(&json).map_err(ExportError::Folder)
    }
}

/// How the name of a document ends.
fn ending(content_type: Option<&str>) -> &'static str {
    let kind = content_type.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind {
        "application/pdf" => "pdf",
        "text/html" => "html",
        kind if kind.ends_with("json") => "json",
        kind if kind.ends_with("xml") => "xml",
        _ => "bin",
    }
}

/// A file that a sink writes to and whose end we keep.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Part>>>);

impl Shared {
    fn new(part: Part) -> Self {
        Self(Arc::new(Mutex::new(Some(part))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Part) -> io::Result<T>) -> io::Result<T> {
        let mut part = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(part.as_mut().ok_or(io::ErrorKind::Other)?)
    }

    fn into_part(self) -> Result<Part, ExportError> {
        let mut part = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let part = part.take().ok_or(io::ErrorKind::Other);
        part.map_err(|kind| ExportError::Write(WriteError::Io(kind.into())))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|part| part.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(Part::flush)
    }
}
