//! Where a list waits until all of it has come: in memory, and in a file without a name once it is long.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::vec;

use humanapi_core::data::{Field, Record};

/// The records of one list.
pub(super) struct Spool {
    /// The first ones.
    records: Vec<Record>,
    /// So many bytes of them may be held,
    most: usize,
    /// and so many are.
    held: usize,
    /// All others, each behind its length.
    file: Option<BufWriter<File>>,
    /// Where that is; nothing for the system's own folder.
    folder: Option<PathBuf>,
    count: u64,
    bytes: u64,
}

impl Spool {
    pub(super) fn new(most: usize, folder: Option<PathBuf>) -> Self {
        Self {
            records: Vec::new(),
            most,
            held: 0,
            file: None,
            folder,
            count: 0,
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, record: Record) -> io::Result<()> {
        let sent = record.raw();
        self.count += 1;
        self.bytes += sent.len() as u64;
        if self.file.is_none() && self.held + sent.len() <= self.most {
            self.held += sent.len();
            self.records.push(record);
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(match &self.folder {
                Some(folder) => tempfile::tempfile_in(folder)?,
                None => tempfile::tempfile()?,
            })),
        };
        // A record is found in a text of at most 4 GiB.
        let length = u32::try_from(sent.len()).map_err(io::Error::other)?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(sent)
    }

    /// How many records there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Their bytes as they were sent.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All of them, in the order in which they came.
    pub(super) fn into_records(self, fields: &'static [Field]) -> io::Result<Spooled> {
        let file = match self.file {
            Some(file) => {
                let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.rewind()?;
                Some(BufReader::new(file))
            }
            None => None,
        };
        Ok(Spooled {
            left: self.count,
            first: self.records.into_iter(),
            file,
            fields,
        })
    }
}

/// The records of one list, as they are taken out.
pub(super) struct Spooled {
    left: u64,
    first: vec::IntoIter<Record>,
    file: Option<BufReader<File>>,
    fields: &'static [Field],
}

impl Spooled {
    fn next_in_file(&mut self) -> io::Result<Record> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let mut sent = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut sent)?;
        Record::from_sent(sent, self.fields).map_err(io::Error::other)
    }
}

impl Iterator for Spooled {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        self.left = self.left.checked_sub(1)?;
        Some(match self.first.next() {
            Some(record) => Ok(record),
            None => self.next_in_file(),
        })
    }
}

#[cfg(test)]
mod tests {
    use humanapi_core::data::Activity;

    use super::*;

    #[test]
    fn a_list_comes_out_as_it_went_in_whatever_of_it_is_in_memory() {
        let sent = [
            r#"{"id":"a1"}"#,
            "null",
            r#"{"id":"a2","steps":3}"#,
            "[1]",
            "{}",
        ];
        for most in [0, 11, 20, 1_000] {
            let mut spool = Spool::new(most, None);
            for sent in sent {
                let record = Record::from_sent(sent, Activity::FIELDS).unwrap();
                spool.push(record).unwrap();
            }
            assert_eq!((spool.count(), spool.bytes()), (5, 41));
            let records = spool.into_records(Activity::FIELDS).unwrap();
            let records: Vec<Record> = records.map(Result::unwrap).collect();
            let raw: Vec<&[u8]> = records.iter().map(Record::raw).collect();
            assert_eq!(raw, sent.map(str::as_bytes), "{most}");
            assert_eq!(records[2].field("steps").unwrap().raw(), b"3");
        }
    }
}
