//! The file that says what became of each order.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use csv::Writer;
use tempfile::NamedTempFile;

use super::input::Place;
use super::outcome::Ended;
use crate::exit::{Code, Failure, system_text};

/// What became of each order, in the order of the file, whole or not at all: written beside the file that it becomes.
pub(super) struct Results {
    writer: Writer<NamedTempFile>,
    path: PathBuf,
    /// What ended before one that stands above it.
    waiting: BTreeMap<u64, [String; 6]>,
    next: u64,
}

/// An order whose end is still to come holds back what is written of those below it, and no more than so many of those.
pub(super) const AHEAD: u64 = 1_000;

impl Results {
    /// Begins, where `--results` says so: a place that cannot be written is told before anything is sent.
    pub(super) fn begin(path: Option<&Path>) -> Result<Option<Self>, Failure> {
        let Some(path) = path else {
            return Ok(None);
        };
        let begun = beside(path).and_then(|file| {
            let mut writer = Writer::from_writer(file);
            let names = [
                "place",
                "client_user_id",
                "intent",
                "result",
                "human_id",
                "reason",
            ];
            writer.write_record(names).map_err(io::Error::from)?;
            Ok(writer)
        });
        let writer = begun.map_err(|error| unwritten(&error))?;
        Ok(Some(Self {
            writer,
            path: path.to_owned(),
            waiting: BTreeMap::new(),
            next: 0,
        }))
    }

    /// Notes the end of the order of this number, counted from 0.
    pub(super) fn note(
        &mut self,
        number: u64,
        place: Place,
        (user, intent): (&str, &str),
        ended: &Ended,
    ) -> Result<(), Failure> {
        let human_id = ended.human_id.as_ref().map_or("", |id| id.as_str());
        let reason = match &ended.failure {
            Some(Failure::Told { cause, .. }) => cause.as_str(),
            _ => "",
        };
        let row = [
            &place.number().to_string(),
            user,
            intent,
            ended.became.word(),
            human_id,
            reason,
        ];
        self.waiting.insert(number, row.map(str::to_owned));
        while let Some(row) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.write(&row)?;
        }
        Ok(())
    }

    fn write(&mut self, row: &[String; 6]) -> Result<(), Failure> {
        let written = self.writer.write_record(row).map_err(io::Error::from);
        written.map_err(|error| unwritten(&error))
    }

    /// Puts it in its place, with all that has ended.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        for row in std::mem::take(&mut self.waiting).into_values() {
            self.write(&row)?;
        }
        let kept = self.writer.into_inner().map_err(|error| error.into_error());
        let kept = kept.and_then(|file| {
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)
        });
        kept.map(drop).map_err(|error| unwritten(&error))
    }
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    if path.file_name().is_none() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    NamedTempFile::new_in(folder)
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::new(
        Code::Machine,
        format!("cannot write the results: {}", system_text(error)),
        "check the path that --results names; the journal knows what became of the orders: run the same again",
    )
}
