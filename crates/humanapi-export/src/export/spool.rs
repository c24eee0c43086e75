//! Where a list waits until all of it has come: in memory, and in a file without a name once it is long.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::vec;

use humanapi_core::data::{Field, Record};

use super::room::{Share, Taken};

/// So many bytes of records are written to the file at once, and read from it at once.
const BLOCK: usize = 256 * 1024;

/// The records of one list.
pub(super) struct Spool {
    /// The first ones.
    records: Vec<Record>,
    /// What they have of the memory that all lists share.
    taken: Taken,
    /// All others: lists of JSON, each behind its length.
    file: Option<File>,
    /// The list that is made now: an opening bracket, and a comma behind each record.
    block: Vec<u8>,
    /// Where the file is; nothing for the system's own folder.
    folder: Option<PathBuf>,
    count: u64,
    bytes: u64,
}

impl Spool {
    pub(super) fn new(share: &Arc<Share>, folder: Option<PathBuf>) -> Self {
        Self {
            records: Vec::new(),
            taken: share.taken(),
            file: None,
            block: Vec::new(),
            folder,
            count: 0,
            bytes: 0,
        }
    }

    /// Takes the next record, and with it what it shares with its neighbours, which all come too.
    pub(super) fn push(&mut self, record: Record) -> io::Result<()> {
        if self.is_in_memory() && self.taken.take(in_memory(&record)) {
            self.note(record.raw());
            self.records.push(record);
            return Ok(());
        }
        self.taken.miss(in_memory(&record));
        self.put_into_block(record.raw())
    }

    /// Takes a copy of the next record, of whose neighbours some do not come: it would keep all of them in memory.
    pub(super) fn push_copy(
        &mut self,
        record: &Record,
        fields: &'static [Field],
    ) -> io::Result<()> {
        if self.is_in_memory() && self.taken.take(in_memory(record) + ALONE) {
            let copy = Record::from_sent(record.raw().to_vec(), fields);
            self.note(record.raw());
            self.records.push(copy.map_err(io::Error::other)?);
            return Ok(());
        }
        self.taken.miss(in_memory(record) + ALONE);
        self.put_into_block(record.raw())
    }

    fn note(&mut self, sent: &[u8]) {
        self.count += 1;
        self.bytes += sent.len() as u64;
    }

    fn put_into_block(&mut self, sent: &[u8]) -> io::Result<()> {
        self.note(sent);
        if self.block.is_empty() {
            self.block.push(b'[');
        }
        self.block.extend_from_slice(sent);
        self.block.push(b',');
        if self.block.len() >= BLOCK {
            self.write_block()?;
        }
        Ok(())
    }

    fn is_in_memory(&self) -> bool {
        self.file.is_none() && self.block.is_empty()
    }

    /// Puts what is in the block into the file.
    fn write_block(&mut self) -> io::Result<()> {
        if let Some(last) = self.block.last_mut() {
            *last = b']';
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(match &self.folder {
                    Some(folder) => tempfile::tempfile_in(folder)?,
                    None => tempfile::tempfile()?,
                }),
            };
            // A record is found in a text of at most 4 GiB.
            let length = u32::try_from(self.block.len()).map_err(io::Error::other)?;
            file.write_all(&length.to_le_bytes())?;
            file.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(())
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
    pub(super) fn into_records(mut self, fields: &'static [Field]) -> io::Result<Spooled> {
        self.write_block()?;
        if let Some(file) = &mut self.file {
            file.rewind()?;
        }
        Ok(Spooled {
            left: self.count,
            now: self.records.into_iter(),
            file: self.file,
            fields,
            _taken: self.taken,
        })
    }
}

/// What a record takes beside that if it shares nothing with others: allocations of its own.
const ALONE: usize = 256;

/// How much memory a record takes: its bytes, and where its fields stand in them.
fn in_memory(record: &Record) -> usize {
    record.raw().len() + 64 + 12 * record.table().len()
}

/// The records of one list, as they are taken out.
pub(super) struct Spooled {
    left: u64,
    /// Those that are in memory now.
    now: vec::IntoIter<Record>,
    file: Option<File>,
    fields: &'static [Field],
    /// It is there until all are taken out.
    _taken: Taken,
}

impl Spooled {
    /// The next block of the file.
    fn block(&mut self) -> io::Result<Vec<Record>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let mut sent = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut sent)?;
        Record::list_from_sent(sent, self.fields).map_err(io::Error::other)
    }
}

impl Iterator for Spooled {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        self.left = self.left.checked_sub(1)?;
        if let Some(record) = self.now.next() {
            return Some(Ok(record));
        }
        let block = self.block().and_then(|block| {
            self.now = block.into_iter();
            let first = self.now.next();
            first.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        });
        if block.is_err() {
            // What comes behind what cannot be read cannot be told from it.
            self.left = 0;
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use humanapi_core::data::Activity;

    use super::super::room::Room;
    use super::*;

    #[tokio::test]
    async fn a_list_comes_out_as_it_went_in_whatever_of_it_is_in_memory() {
        let sent = [
            r#"{"id":"a1"}"#,
            "null",
            r#"{"id":"a2","steps":3}"#,
            "[1]",
            "{}",
        ];
        for most in [0, 2_000, 4_000, 100_000] {
            let mut spool = Spool::new(&Room::new(most).begin().await, None);
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

    #[tokio::test]
    async fn a_list_of_several_blocks_comes_out_as_it_went_in() {
        let sent: Vec<String> = (0..40_000)
            .map(|number| match number % 1_000 {
                7 => "null".to_owned(),
                8 => r#"{"id":nothing}"#.to_owned(),
                _ => format!(r#"{{"id":"a{number}","steps":{number}}}"#),
            })
            .collect();
        let mut spool = Spool::new(&Room::new(10_000).begin().await, None);
        for sent in &sent {
            let record = Record::from_sent(sent.clone(), Activity::FIELDS).unwrap();
            spool.push(record).unwrap();
        }
        assert!(spool.bytes() > 3 * BLOCK as u64);
        let records = spool.into_records(Activity::FIELDS).unwrap();
        let mut count = 0;
        for (record, sent) in records.zip(&sent) {
            assert_eq!(record.unwrap().raw(), sent.as_bytes());
            count += 1;
        }
        assert_eq!(count, sent.len());
    }
}
