//! The file that says what became of each order.

use std::collections::BTreeMap;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use csv::Writer;
use tempfile::NamedTempFile;

use super::input::Place;
use super::outcome::Ended;
use crate::atomic_file::{beside, keep};
use crate::exit::{Code, Failure, system_text};

/// What became of each order, in the order of the file, whole or not at all: written beside the file that it becomes.
pub(super) struct Results {
    file: NamedTempFile,
    path: PathBuf,
    /// Rows that are still to be written, and how many bytes of whole rows were.
    rows: Vec<u8>,
    written: u64,
    /// What ended before one that stands above it.
    waiting: BTreeMap<u64, [String; 6]>,
    next: u64,
}

/// An order whose end is still to come holds back what is written of those below it, and no more than so many of those.
pub(super) const AHEAD: u64 = 1_000;
/// So many bytes of rows are written at once.
const AT_ONCE: usize = 8 * 1024;

impl Results {
    /// Begins, where `--results` says so: a place that cannot be written is told before anything is sent.
    pub(super) fn begin(path: Option<&Path>, orders: &Path) -> Result<Option<Self>, Failure> {
        let Some(path) = path else {
            return Ok(None);
        };
        if is_same(path, orders) {
            return Err(Failure::new(
                Code::Usage,
                "--results names the file of orders, which it would take the place of",
                "name another file; nothing was sent",
            ));
        }
        let begun = beside(path).and_then(|file| {
            let mut results = Self {
                file,
                path: path.to_owned(),
                rows: Vec::new(),
                written: 0,
                waiting: BTreeMap::new(),
                next: 0,
            };
            let names = [
                "place",
                "client_user_id",
                "intent",
                "result",
                "human_id",
                "reason",
            ];
            results.add(&names)?;
            results.flush()?;
            Ok(results)
        });
        begun.map(Some).map_err(|error| unwritten(&error))
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
        let reason = ended.failure.as_ref().and_then(Failure::cause);
        let row = [
            &place.number().to_string(),
            user,
            intent,
            ended.became.word(),
            human_id,
            reason.unwrap_or_default(),
        ];
        self.waiting.insert(number, row.map(str::to_owned));
        while let Some(row) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.write(&row)?;
        }
        Ok(())
    }

    fn write(&mut self, row: &[String; 6]) -> Result<(), Failure> {
        let added = self
            .add(row)
            .and_then(|()| match self.rows.len() < AT_ONCE {
                true => Ok(()),
                false => self.flush(),
            });
        added.map_err(|error| unwritten(&error))
    }

    fn add<T: AsRef<[u8]>>(&mut self, row: &[T; 6]) -> io::Result<()> {
        let mut line = Writer::from_writer(&mut self.rows);
        line.write_record(row)?;
        line.flush()
    }

    /// Writes the rows that are held. Where that fails, the file ends with the last whole row, and they are held still.
    fn flush(&mut self) -> io::Result<()> {
        let file = self.file.as_file_mut();
        if let Err(error) = file.write_all(&self.rows) {
            file.set_len(self.written)?;
            file.seek(SeekFrom::Start(self.written))?;
            return Err(error);
        }
        self.written += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }

    /// Puts it in its place, with all that has ended; with what could be written of that where not all could.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        let mut added = Ok(());
        for row in std::mem::take(&mut self.waiting).into_values() {
            added = added.and_then(|()| self.add(&row));
        }
        let written = added.and_then(|()| self.flush());
        let kept = keep(self.file, &self.path);
        written.and(kept).map_err(|error| unwritten(&error))
    }
}

/// Whether both name one file that is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    whole(one).is_some_and(|one| whole(other) == Some(one))
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::new(
        Code::Machine,
        format!("cannot write the results: {}", system_text(error)),
        "check the path that --results names; the journal knows what became of the orders: run the same again",
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use humanapi_core::HumanId;

    use super::super::outcome::Became;
    use super::*;

    fn note(results: &mut Results, number: u64) -> Result<(), Failure> {
        let ended = Ended::there(Became::Placed, HumanId::new("5c2e"));
        results.note(number, Place::Order(number + 1), ("a", "a/full"), &ended)
    }

    /// The same file, which nothing can be written to.
    fn fill(results: &mut Results) {
        *results.file.as_file_mut() = File::open(results.file.path()).unwrap();
    }

    /// Notes what ends while there is no room. Gives how many, all of which are more than are written at once.
    fn note_without_room(results: &mut Results) -> u64 {
        fill(results);
        let wrong = (0..1_000).filter(|number| note(results, *number).is_err());
        assert!(wrong.count() > 500, "it is told");
        1_000
    }

    fn begun(folder: &tempfile::TempDir) -> (Results, PathBuf) {
        let path = folder.path().join("done.csv");
        let results = Results::begin(Some(&path), Path::new("-")).unwrap();
        (results.expect("it is wanted"), path)
    }

    #[test]
    fn what_could_not_be_written_is_held_until_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut results, path) = begun(&folder);
        let count = note_without_room(&mut results);
        let mut again = OpenOptions::new()
            .write(true)
            .open(results.file.path())
            .unwrap();
        again.seek(SeekFrom::End(0)).unwrap();
        *results.file.as_file_mut() = again;
        results.end().unwrap();
        let written = std::fs::read_to_string(path).unwrap();
        let numbers: Vec<&str> = (written.lines().skip(1))
            .map(|row| row.split(',').next().unwrap())
            .collect();
        let expected: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn what_was_written_is_put_in_its_place_where_the_rest_could_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let (mut results, path) = begun(&folder);
        note_without_room(&mut results);
        let Err(Failure::Told { code, cause, .. }) = results.end() else {
            panic!("it is told")
        };
        assert_eq!(code, Code::Machine);
        assert!(cause.starts_with("cannot write the results: "), "{cause}");
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            written,
            "place,client_user_id,intent,result,human_id,reason\n"
        );
    }

    #[test]
    fn the_file_of_orders_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let orders = folder.path().join("new.csv");
        std::fs::write(&orders, "clientUserId\n").unwrap();
        let other_way = folder.path().join(".").join("new.csv");
        let Err(Failure::Told { code, .. }) = Results::begin(Some(&other_way), &orders).map(drop)
        else {
            panic!("it is told")
        };
        assert_eq!(code, Code::Usage);
    }
}
