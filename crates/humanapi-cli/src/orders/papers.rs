//! The papers that go along with an order: files that are read whole, as they were checked, or not at all.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::PathBuf;

use humanapi_core::admin::{Attachment, AttachmentError, AttachmentKind};
use sha2::{Digest as _, Sha256};

use super::applicant::Wrong;
use crate::exit::system_text;

/// All papers of one order have so many bytes at most. The service's documents name no limit; a scan of some pages has a
/// few MiB, and the whole of an order has to fit into memory while it is sent.
pub(super) const PAPERS: u64 = 16 * 1024 * 1024;

/// Why papers are not read.
#[derive(Debug)]
pub(super) enum PapersError {
    /// One of the files cannot be read.
    Unreadable(Wrong),
    /// What is there is nothing that goes along with an order.
    Unfit(Wrong),
}

impl From<PapersError> for Wrong {
    fn from(error: PapersError) -> Self {
        match error {
            PapersError::Unreadable(wrong) | PapersError::Unfit(wrong) => wrong,
        }
    }
}

/// How many bytes the papers have now.
pub(super) fn size_of(papers: &[PathBuf]) -> Result<u64, PapersError> {
    let mut bytes = 0_u64;
    for paper in papers {
        bytes = bytes.saturating_add(length(&fs::metadata(paper))?);
    }
    Ok(bytes)
}

/// Reads the papers, of which all have so many bytes at most, and what tells whether they are the same at another time.
pub(super) fn read_papers(
    papers: &[PathBuf],
    most: u64,
) -> Result<(Vec<Attachment>, Seal), PapersError> {
    let mut left = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut read, mut seal) = (Vec::new(), Sha256::new());
    for paper in papers {
        length(&fs::metadata(paper))?;
        let file = File::open(paper).map_err(|error| unreadable(&error))?;
        let mut file = Sealing {
            file,
            seal: Sha256::new(),
            bytes: 0,
        };
        let kind = AttachmentKind::HipaaAuthorization;
        let one = Attachment::read(kind, &mut file, left).map_err(|error| match error {
            AttachmentError::Unfit(error) => PapersError::Unfit(error.into()),
            AttachmentError::Unreadable(error) => unreadable(&error),
            _ => PapersError::Unfit(Wrong::field("attachments", "at most 16 MiB in all")),
        })?;
        left = left.saturating_sub(file.bytes);
        seal.update(file.seal.finalize());
        read.push(one);
    }
    let seal = (!papers.is_empty()).then(|| Box::new(seal.finalize().into()));
    Ok((read, Seal(seal)))
}

/// What was read of all papers of an order, as so many bits that no other papers have them; nothing where there are none:
/// it is kept for each order of a file.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Seal(Option<Box<[u8; 32]>>);

/// Notes what goes through it.
struct Sealing {
    file: File,
    seal: Sha256,
    bytes: usize,
}

impl io::Read for Sealing {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let count = io::Read::read(&mut self.file, piece)?;
        self.seal.update(&piece[..count]);
        self.bytes += count;
        Ok(count)
    }
}

/// How long a file is. What is no file may have no end, or nobody who writes to it.
fn length(file: &io::Result<Metadata>) -> Result<u64, PapersError> {
    match file {
        Ok(file) if file.is_file() => Ok(file.len()),
        Ok(_) => Err(PapersError::Unfit(Wrong::field("attachments", "files"))),
        Err(error) => Err(unreadable(error)),
    }
}

fn unreadable(error: &io::Error) -> PapersError {
    PapersError::Unreadable(Wrong::new(format!(
        "`attachments`: cannot read a file: {}",
        system_text(error)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_are_read_whole_or_not_at_all_and_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let paper = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let both = [
            paper("1.pdf", "%PDF-1.7 one"),
            paper("2.pdf", "%PDF-1.7 two"),
        ];
        let size = size_of(&both).unwrap();
        assert_eq!(size, 24);
        let seal = |papers: &[PathBuf]| read_papers(papers, size).map(|(_, seal)| seal);
        let first = seal(&both).unwrap();
        assert!(seal(&both).unwrap() == first);
        // The limit is that of all of them.
        let short = read_papers(&both, size - 1).err().unwrap();
        assert_eq!(
            Wrong::from(short).to_string(),
            "`attachments` must be at most 16 MiB in all"
        );
        let [one, two] = &both;
        assert!(seal(&[two.clone(), one.clone()]).unwrap() != first);
        paper("2.pdf", "%PDF-1.7 ten");
        assert!(seal(&both).unwrap() != first, "of the same length");
        paper("2.pdf", "%PDF-1.7 two more");
        assert!(matches!(seal(&both), Err(PapersError::Unfit(_))), "it grew");
        fs::remove_file(&both[1]).unwrap();
        assert!(matches!(seal(&both), Err(PapersError::Unreadable(_))));
        let none = read_papers(&[folder.path().to_owned()], size)
            .err()
            .unwrap();
        assert_eq!(Wrong::from(none).to_string(), "`attachments` must be files");
    }
}
