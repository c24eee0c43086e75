//! What changed, into files: one for each kind of record of which something changed, in their places together.

use std::io::{self, BufWriter};

use humanapi_core::ClientUserId;
use humanapi_core::data::Route;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::super::error::ExportError;
use super::super::folder::Folder;
use super::super::part::{Ended, Part};
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
        let mut commit = BucketCommit::new(self.bucket, self.commit);
        let mut files: Vec<(Ended, String)> = Vec::new();
        let mut table: Option<Table> = None;
        let mut has_ended = false;
        while let Some(next) = writes.blocking_recv() {
            let Write::List(list) = next else {
                has_ended = true;
                break;
            };
            let is_other = |table: &mut Table| table.route.name != list.route.name;
            if let Some(before) = table.take_if(is_other) {
                self.end(before, &mut commit, &mut files)?;
            }
            let table = match &mut table {
                Some(table) => table,
                none => none.insert(self.begin(list.route)?),
            };
            self.list(table, *list).map_err(ExportError::Folder)?;
        }
        if let Some(last) = table {
            self.end(last, &mut commit, &mut files)?;
        }
        if !has_ended || files.is_empty() {
            return Ok(None);
        }
        let kept = self.folder.keep_all(files);
        kept.map_err(ExportError::Folder)?;
        commit.write(&self.folder).map_err(ExportError::Folder)?;
        Ok(Some(commit))
    }

    fn begin(&self, route: &'static Route) -> Result<Table, ExportError> {
        let part = self.folder.begin().map_err(ExportError::Folder)?;
        Ok(Table {
            route,
            part: BufWriter::new(part),
            records: 0,
            deleted: 0,
        })
    }

    /// Nothing more comes of a kind: its file is on its way onto the disk while the next one is written.
    fn end(
        &self,
        table: Table,
        commit: &mut BucketCommit,
        files: &mut Vec<(Ended, String)>,
    ) -> Result<(), ExportError> {
        let route = table.route;
        let path = format!("{}/{}", folder_of(route, self.bucket), file_of(self.commit));
        let part = table.part.into_inner();
        let part = part.map_err(io::IntoInnerError::into_error);
        let ended = part.and_then(Part::end).map_err(ExportError::Folder)?;
        commit.files.push(ChangesLine {
            path: path.clone(),
            resource: name(route).to_owned(),
            records: table.records,
            deleted: table.deleted,
            bytes: ended.bytes,
            sha256: ended.sha256.clone(),
        });
        files.push((ended, path));
        Ok(())
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
