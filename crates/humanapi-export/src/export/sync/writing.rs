//! What changed, into files: one for each kind of record of which something changed, in their places together.

use std::io::{self, BufWriter};

use humanapi_core::ClientUserId;
use humanapi_core::data::Route;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::super::error::ExportError;
use super::super::folder::{Folder, Part};
use super::super::reading::name;
use super::gathered::Changes;
use super::line::{Change, Line, file_of, folder_of, form, form_text};
use super::manifest::{BucketCommit, ChangesLine};

/// What comes to be written.
pub(super) enum Write {
    List(Box<ListChanges>),
    /// All of the bucket came.
    End,
}

/// What changed of one list.
pub(super) struct ListChanges {
    pub(super) user: ClientUserId,
    pub(super) route: &'static Route,
    pub(super) read_at: Timestamp,
    pub(super) changes: Changes,
    pub(super) deleted: Vec<String>,
}

/// Writes what changed of one bucket.
pub(super) struct BucketWriting {
    pub(super) folder: Folder,
    pub(super) bucket: u32,
    pub(super) commit: u64,
}

/// One file on its way.
struct Table {
    route: &'static Route,
    part: BufWriter<Part>,
    records: u64,
    deleted: u64,
}

impl BucketWriting {
    /// Writes all that comes, and tells what is in its place then; nothing where nothing came. If it is not told that all
    /// came, nothing is put into its place.
    pub(super) fn run(
        self,
        mut writes: mpsc::Receiver<Write>,
    ) -> Result<Option<BucketCommit>, ExportError> {
        let mut tables: Vec<Table> = Vec::new();
        let mut has_ended = false;
        while let Some(next) = writes.blocking_recv() {
            let Write::List(list) = next else {
                has_ended = true;
                break;
            };
            let is_other = tables
                .last()
                .is_none_or(|last| last.route.name != list.route.name);
            if is_other {
                let part = self.folder.begin().map_err(ExportError::Folder)?;
                tables.push(Table {
                    route: list.route,
                    part: BufWriter::new(part),
                    records: 0,
                    deleted: 0,
                });
            }
            if let Some(table) = tables.last_mut() {
                self.list(table, *list).map_err(ExportError::Folder)?;
            }
        }
        if !has_ended || tables.is_empty() {
            return Ok(None);
        }
        let mut commit = BucketCommit::new(self.bucket, self.commit);
        for table in tables {
            let route = table.route;
            let path = format!("{}/{}", folder_of(route, self.bucket), file_of(self.commit));
            let part = table
                .part
                .into_inner()
                .map_err(io::IntoInnerError::into_error);
            let kept = part.and_then(|part| part.keep(&path));
            let kept = kept.map_err(ExportError::Folder)?;
            commit.files.push(ChangesLine {
                path,
                resource: name(route).to_owned(),
                records: table.records,
                deleted: table.deleted,
                bytes: kept.bytes,
                sha256: kept.sha256,
            });
        }
        commit.write(&self.folder)?;
        Ok(Some(commit))
    }

    fn list(&self, table: &mut Table, list: ListChanges) -> io::Result<()> {
        let line = |id, change, form| Line {
            _user: list.user.as_str(),
            _resource: name(list.route),
            _id: id,
            _change: change,
            _commit: self.commit,
            _read_at: list.read_at,
            _form: form,
        };
        let records = list.changes.records.into_records(list.route.fields)?;
        for (record, id) in records.zip(&list.changes.ids) {
            let record = record?;
            let form = form_text(form(&record));
            line(id, Change::Put, Some(form)).write(Some(&record), &mut table.part)?;
            table.records += 1;
        }
        for id in &list.deleted {
            line(id, Change::Delete, None).write(None, &mut table.part)?;
            table.deleted += 1;
        }
        Ok(())
    }
}
