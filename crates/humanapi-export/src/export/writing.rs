//! Lists into files, one bucket and one resource after another, on a thread that may wait for the disk.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use humanapi_core::ClientUserId;
use humanapi_core::data::Route;
use tokio::sync::mpsc;

use super::documents::{DOCUMENTS, DocumentLine, last_of_each};
use super::error::ExportError;
use super::folder::{Folder, Version};
use super::key::BucketKey;
use super::manifest::{BucketManifest, FileLine, Missing};
use super::output::{Output, Table, Taken, fields_line};
use super::part::{Ended, Part};
use super::reading::{Document, Done, ListRead, Listed, may_have_documents, name};
use super::trouble::{Scope, Trouble};
use crate::error::WriteError;

/// One writes, one puts buckets into their places, and one that did something before may still be about to end.
pub(super) const THREADS: usize = 3;

/// Writes the folder of an export.
pub(super) struct Writing {
    pub(super) folder: Folder,
    pub(super) output: Arc<Output>,
    pub(super) key: BucketKey,
    /// Which lists of each user are read.
    pub(super) routes: Vec<&'static Route>,
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
    ///
    /// The next bucket is written while the last one is put onto the disk.
    pub(super) fn run(
        self,
        done: mpsc::Receiver<Done>,
        told: &mpsc::UnboundedSender<BucketWritten>,
    ) -> Result<(), ExportError> {
        thread::scope(|scope| {
            let (close, closing) = std::sync::mpsc::sync_channel::<EndedBucket>(1);
            let folder = &self.folder;
            let closed = scope.spawn(move || {
                for bucket in closing {
                    // Where nobody listens any more there is nobody to tell.
                    let _ = told.send(bucket.close(folder)?);
                }
                Ok(())
            });
            let written = self.write(done, &close);
            drop(close);
            let closed: Result<(), ExportError> =
                closed.join().unwrap_or_else(|panic| resume_unwind(panic));
            // Where the disk took no more, that is why no more was written.
            closed.and(written)
        })
    }

    fn write(
        &self,
        mut done: mpsc::Receiver<Done>,
        close: &std::sync::mpsc::SyncSender<EndedBucket>,
    ) -> Result<(), ExportError> {
        let mut bucket: Option<Bucket<'_>> = None;
        while let Some(next) = done.blocking_recv() {
            match (next, &mut bucket) {
                (Done::Begin(manifest), _) => bucket = Some(Bucket::begin(self, *manifest)),
                (Done::Read(list), Some(bucket)) => bucket.take(*list)?,
                (Done::End, begun) => {
                    if let Some(bucket) = begun.take()
                        && close.send(bucket.end()?).is_err()
                    {
                        // Who puts buckets onto the disk has failed, and tells why.
                        return Ok(());
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
    files: Files,
    taken: Vec<(&'static str, Taken)>,
    /// Users who are told as refused once for all of their lists.
    refused: BTreeSet<ClientUserId>,
}

/// Files that are written, and where they belong.
type Files = Vec<(Ended, String)>;

/// A bucket that is written, and not in its place yet.
struct EndedBucket {
    manifest: BucketManifest,
    files: Files,
    taken: Vec<(&'static str, Taken)>,
    /// The files of records that it may have had before,
    tables: Vec<String>,
    /// and the folders of documents.
    documents: Vec<String>,
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
    /// The documents themselves.
    files: Files,
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
    const fn begin(writing: &'w Writing, manifest: BucketManifest) -> Self {
        Self {
            writing,
            manifest,
            table: None,
            files: Vec::new(),
            taken: Vec::new(),
            refused: BTreeSet::new(),
        }
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
                let moved = listed.trouble();
                for trouble in table.write(&list.user, listed)?.into_iter().chain(moved) {
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
            let ended = table.end()?;
            self.manifest.files.extend(ended.lines);
            self.files.extend(ended.files);
            self.taken.push((resource, ended.taken));
        }
        Ok(())
    }

    fn end(mut self) -> Result<EndedBucket, ExportError> {
        self.end_table()?;
        self.manifest.whole = self.manifest.failed.is_empty();
        let Writing { output, routes, .. } = self.writing;
        let bucket = self.manifest.bucket;
        let table = |route: &&'static Route| table_path(output, route, bucket);
        let with_documents = routes.iter().filter(|route| may_have_documents(route));
        let documents = |route: &&'static Route| documents_path(name(route), bucket);
        Ok(EndedBucket {
            tables: routes.iter().map(table).collect(),
            documents: with_documents.map(documents).collect(),
            manifest: self.manifest,
            files: last_of_each(self.files),
            taken: self.taken,
        })
    }
}

impl EndedBucket {
    /// Puts its files into the places of those of before, and says in its manifest that it is not whole until they are there.
    fn close(mut self, folder: &Folder) -> Result<BucketWritten, ExportError> {
        // What comes after this is not this run's to remove.
        let stale = self.stale(folder).map_err(ExportError::of_folder)?;
        let begun = BucketManifest::begin(folder, self.manifest.bucket)?;
        if let Err(error) = self.replace(folder, &stale, begun) {
            // That it failed is told, whatever comes of this.
            let _ = self.manifest.give_up(folder);
            return Err(error);
        }
        Ok(BucketWritten {
            bucket: self.manifest.bucket,
            whole: self.manifest.whole,
            taken: self.taken,
        })
    }

    fn replace(
        &mut self,
        folder: &Folder,
        stale: &[String],
        begun: Version,
    ) -> Result<(), ExportError> {
        let kept = folder.keep_all(std::mem::take(&mut self.files));
        let replaced = kept.and_then(|()| folder.remove_all(stale));
        replaced.map_err(ExportError::of_folder)?;
        self.manifest.end(folder, begun)
    }

    /// What is there of lists and documents that it does not have any more.
    fn stale(&self, folder: &Folder) -> io::Result<Vec<String>> {
        let named: BTreeSet<&str> = self.files.iter().map(|(_, path)| path.as_str()).collect();
        let is_stale = |path: &String| !named.contains(path.as_str());
        // A bucket has all of them, or none once nobody is in it.
        let mut stale: Vec<String> = self
            .tables
            .iter()
            .filter(|path| is_stale(path))
            .cloned()
            .collect();
        for documents in &self.documents {
            stale.extend(folder.files(documents)?.into_keys().filter(is_stale));
        }
        Ok(stale)
    }
}

/// What a table leaves.
struct EndedTable {
    lines: Vec<FileLine>,
    files: Files,
    taken: Taken,
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
        Ok(Self {
            route,
            path: table_path(&writing.output, route, bucket),
            documents_path: documents_path(resource, bucket),
            table,
            part,
            records: 0,
            drifted: 0,
            documents: None,
            files: Vec::new(),
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
                let written = read.file;
                documents.count += 1;
                documents.bytes += written.bytes;
                line.file = Some(&file);
                line.bytes = Some(written.bytes);
                line.sha256 = Some(&written.sha256);
                line.content_type = read.content_type.as_deref();
                documents.line(&line)?;
                self.files.push((written, path));
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

    fn end(self) -> Result<EndedTable, ExportError> {
        let taken = self.table.finish()?;
        let resource = name(self.route).to_owned();
        let written = self.part.into_part()?.end().map_err(ExportError::Folder)?;
        let mut lines = vec![FileLine {
            path: self.path.clone(),
            resource: resource.clone(),
            records: self.records,
            bytes: written.bytes,
            sha256: written.sha256.clone(),
            drifted: self.drifted,
            fields: fields_line(&taken),
            documents_bytes: 0,
        }];
        let mut files = self.files;
        files.push((written, self.path));
        if let Some(documents) = self.documents {
            let path = format!("{}/{DOCUMENTS}", documents.folder);
            let written = documents.lines.end().map_err(ExportError::Folder)?;
            lines.push(FileLine {
                path: path.clone(),
                resource,
                records: documents.count,
                bytes: written.bytes,
                sha256: written.sha256.clone(),
                drifted: 0,
                fields: None,
                documents_bytes: documents.bytes,
            });
            files.push((written, path));
        }
        Ok(EndedTable {
            lines,
            files,
            taken,
        })
    }
}

/// Where the records of a resource are.
fn table_path(output: &Output, route: &Route, bucket: u32) -> String {
    let (resource, extension) = (name(route), output.format.extension());
    format!("resource={resource}/bucket={bucket:04}/records.{extension}")
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
