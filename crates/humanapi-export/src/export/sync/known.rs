//! What earlier runs wrote of a list: read where a pass over everything has to know what is gone, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::super::folder::Folder;
use super::bucket_files::BucketFiles;
use super::line::{Change, HEAD, commit_of, file_of};

/// The newest form of each record of one list, by its id; nothing where a newer one may have been told in a damaged file.
pub(super) type Forms = BTreeMap<String, Option<u64>>;

/// What earlier runs wrote of one list.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) forms: Forms,
    /// Files that hold what no run wrote, or are not there, by their paths in the folder. Nothing of them is believed, and
    /// what is older is in doubt.
    pub(super) damaged: BTreeSet<String>,
}

/// So many bytes are read at once, and so few are not searched but read through.
const PIECE: u64 = 16 * 1024;

/// What the files of one kind and bucket hold.
///
/// Nothing of them stays in memory but how long they are: in each file the lines of a user stand together, and users stand in
/// the order of their ids, so that they are searched for.
pub(super) struct Known {
    folder: Folder,
    /// Where they are.
    path: String,
    /// What kind of record they hold.
    resource: &'static str,
    /// What manifests tell of them, and of those of other kinds.
    told: Arc<BucketFiles>,
    /// Listed when they are asked for first.
    files: Mutex<Option<Arc<Files>>>,
}

/// What is said of the files, and whether it is so.
struct Files {
    /// How long each is said to be, by the run that wrote it, from the oldest to the newest; nothing where no manifest tells.
    lengths: BTreeMap<u64, Option<u64>>,
    /// Whether each is there, and as long.
    are_whole: bool,
}

/// What has to be known of a line.
#[derive(Deserialize)]
struct Head {
    _id: String,
    _change: Change,
    #[serde(default)]
    _form: Option<String>,
}

impl Known {
    pub(super) fn new(
        folder: &Folder,
        path: String,
        resource: &'static str,
        told: &Arc<BucketFiles>,
    ) -> Self {
        Self {
            folder: folder.clone(),
            path,
            resource,
            told: Arc::clone(told),
            files: Mutex::default(),
        }
    }

    /// The newest forms of a user's records. It waits for the disk.
    ///
    /// A file that is not as long as its manifest tells is damaged for everybody: what is missing of it may be whoever's.
    pub(super) fn of(&self, user: &str) -> io::Result<Written> {
        let mut written = Written::default();
        for (commit, length) in &self.files()?.lengths {
            let Some(length) = length else {
                written.doubt(self.told.path(*commit));
                continue;
            };
            let path = self.file(*commit);
            let file = self.folder.path(&path).and_then(File::open);
            let file = file.and_then(|file| {
                let is_whole = file.metadata()?.len() == *length;
                is_whole.then_some(file).ok_or_else(damaged)
            });
            let read = file.and_then(|file| read(file, user, &mut written.forms));
            match read.map_err(|error| (error.kind(), error)) {
                Ok(()) => {}
                Err((io::ErrorKind::InvalidData | io::ErrorKind::NotFound, _)) => {
                    written.doubt(path);
                }
                Err((_, error)) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Whether all files are there and as long as is said, so that a list which is as it was needs no comparing with them. It
    /// waits for the disk.
    pub(super) fn are_whole(&self) -> io::Result<bool> {
        Ok(self.files()?.are_whole)
    }

    fn file(&self, commit: u64) -> String {
        format!("{}/{}", self.path, file_of(commit))
    }

    /// Those that are there, and those that are said to be.
    fn files(&self) -> io::Result<Arc<Files>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &*files {
            return Ok(Arc::clone(files));
        }
        let names = self.folder.list(&self.path)?;
        let there = names.iter().filter_map(|name| commit_of(name));
        let there = there.filter(|commit| *commit < self.told.commit());
        let mut lengths: BTreeMap<u64, Option<u64>> = there.map(|commit| (commit, None)).collect();
        lengths.extend(self.told.lengths(self.resource)?);
        let paths: Vec<String> = lengths.keys().map(|commit| self.file(*commit)).collect();
        let found = self.folder.lengths(&paths)?;
        let mut both = lengths.values().zip(&found);
        let are_whole = both.all(|(told, found)| told.is_some() && told == found);
        let all = Files { lengths, are_whole };
        Ok(Arc::clone(files.insert(Arc::new(all))))
    }
}

impl Written {
    /// A file is damaged: of each record that was told before it, it may tell a newer form.
    fn doubt(&mut self, path: String) {
        self.forms.values_mut().for_each(|form| *form = None);
        self.damaged.insert(path);
    }
}

/// Reads a user's lines of one file into what is known of their records.
fn read(file: impl io::Read + Seek, user: &str, forms: &mut Forms) -> io::Result<()> {
    let mut file = BufReader::with_capacity(PIECE as usize, file);
    let mut line = Vec::new();
    // No line of this user, or of one behind, begins before the first; one begins at the second, or before it.
    let (mut from, mut to) = (0, file.seek(SeekFrom::End(0))?);
    while to - from > PIECE {
        let middle = from + (to - from) / 2;
        file.seek(SeekFrom::Start(middle))?;
        let begins = middle + file.skip_until(b'\n')? as u64;
        if begins >= to {
            // All between is one line.
            to = middle;
            continue;
        }
        line.clear();
        file.read_until(b'\n', &mut line)?;
        match owner(&line)?.as_str() < user {
            true => from = begins,
            false => to = middle,
        }
    }
    file.seek(SeekFrom::Start(from))?;
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let owner = owner(&line)?;
        match owner.as_str().cmp(user) {
            std::cmp::Ordering::Less => continue,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Ok(()),
        }
        let head: Head = serde_json::from_slice(&line).map_err(|_| damaged())?;
        match (head._change, head._form) {
            (Change::Put, Some(form)) => {
                let form = u64::from_str_radix(&form, 16).map_err(|_| damaged())?;
                forms.insert(head._id, Some(form));
            }
            (Change::Delete, _) => {
                forms.remove(&head._id);
            }
            (Change::Put, None) => return Err(damaged()),
        }
    }
}

/// Whose line it is, which is the first that it tells.
fn owner(line: &[u8]) -> io::Result<String> {
    let text = line.strip_prefix(HEAD.as_bytes()).ok_or_else(damaged)?;
    let mut first = serde_json::Deserializer::from_slice(text).into_iter::<String>();
    first.next().and_then(Result::ok).ok_or_else(damaged)
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::super::key::Shard;
    use super::super::manifest::{BucketCommit, ChangesLine, Mended};
    use super::*;

    /// Counts the bytes that are read of it.
    struct Counted(Cursor<Vec<u8>>, u64);

    impl io::Read for &mut Counted {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(bytes)?;
            self.1 += read as u64;
            Ok(read)
        }
    }

    impl Seek for &mut Counted {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    fn line(user: &str, id: &str, form: u64, bytes: usize) -> String {
        let user = serde_json::to_string(user).unwrap();
        let record = "r".repeat(bytes);
        format!(
            r#"{HEAD}{user},"_id":"{id}","_change":"put","_form":"{form:016x}","record":"{record}"}}"#
        ) + "\n"
    }

    #[test]
    fn a_users_lines_are_found_wherever_they_stand() {
        // In the order of ids, which is another than that of what JSON makes of them.
        let mut users: Vec<String> = (0..60).map(|user| format!("user-{user:02}")).collect();
        users.extend(
            ["\"", "\\", "a\"b", "a/b", "A", "z\u{e9}", "\u{1f468}", "\n"].map(str::to_owned),
        );
        users.sort();
        for (longest, lines) in [(1, 3), (2_000, 3), (60_000, 2), (300, 90)] {
            let mut text = String::new();
            let mut expected: BTreeMap<&str, Forms> = BTreeMap::new();
            let mut number = 1_u64;
            for user in users.iter().step_by(2) {
                for line_of_user in 0..lines {
                    // Lines of any length, long ones beside short ones.
                    number = number
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let bytes = usize::try_from(number >> 40).unwrap() % longest;
                    let id = format!("r{line_of_user}");
                    text += &line(user, &id, number, bytes);
                    expected.entry(user).or_default().insert(id, Some(number));
                }
            }
            for user in users
                .iter()
                .map(String::as_str)
                .chain(["", "user-", "zz", "\u{10ffff}"])
            {
                let mut forms = Forms::new();
                read(Cursor::new(text.as_bytes()), user, &mut forms).unwrap();
                let of_user = expected.get(user).cloned().unwrap_or_default();
                assert_eq!(forms, of_user, "{user:?} of {longest}");
            }
        }
    }

    #[test]
    fn little_is_read_of_a_long_file() {
        let users = (0..40_000).map(|user| line(&format!("user-{user:05}"), "r", user, 200));
        let text: String = users.collect();
        let all = text.len() as u64;
        assert!(all > 10_000_000);
        let mut file = Counted(Cursor::new(text.into_bytes()), 0);
        for user in [0, 1, 20_000, 39_999] {
            file.1 = 0;
            let mut forms = Forms::new();
            read(&mut file, &format!("user-{user:05}"), &mut forms).unwrap();
            assert_eq!(forms, Forms::from([("r".to_owned(), Some(user))]));
            assert!(file.1 < 16 * PIECE, "{} of {all} bytes", file.1);
        }
    }

    /// What stood in it is newer than what stands before it, and older than what stands behind it.
    #[test]
    fn what_is_older_than_a_damaged_file_is_in_doubt() {
        let root = tempfile::TempDir::new().unwrap();
        let folder = Folder::open(root.path(), Shard::ALL).unwrap();
        let path = "resource=vitals/bucket=0000";
        let texts = [line("user", "a", 1, 9), line("user", "b", 2, 9)];
        for (commit, text) in [1, 3].into_iter().zip(&texts) {
            let mut told = BucketCommit::new(0, commit);
            let path = format!("{path}/{}", file_of(commit));
            folder.write(&path, text.as_bytes()).unwrap();
            told.files.push(ChangesLine {
                path,
                resource: "vitals".to_owned(),
                records: 1,
                deleted: 0,
                bytes: text.len() as u64,
                sha256: String::new(),
            });
            told.write(&folder).unwrap();
        }
        // No manifest tells how long it is.
        let damaged = format!("{path}/{}", file_of(2));
        folder.write(&damaged, b"").unwrap();
        let files = BucketFiles::new(&folder, 0, 4, &Arc::default(), &Mended::default());
        let known = Known::new(&folder, path.to_owned(), "vitals", &Arc::new(files));
        let written = known.of("user").unwrap();
        let forms = [("a".to_owned(), None), ("b".to_owned(), Some(2))];
        assert_eq!(written.forms, Forms::from(forms));
        assert_eq!(written.damaged.len(), 1);
    }

    #[test]
    fn what_is_no_line_is_told() {
        for text in ["{}\n", "\n", "{\"_user\":7}\n"] {
            let read = read(Cursor::new(text), "user", &mut Forms::new());
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
