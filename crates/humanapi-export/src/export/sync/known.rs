//! What earlier runs wrote of a list: read where a pass over everything has to know what is gone, and nowhere else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::super::folder::Folder;
use super::line::{Change, HEAD, commit_of};

/// The newest form of each record of one list, by its id.
pub(super) type Forms = BTreeMap<String, u64>;

/// What the files of one kind and bucket hold.
pub(super) struct Known {
    folder: Folder,
    /// Where they are.
    path: String,
    /// What this run writes is none of it.
    before: u64,
    /// Where each user's lines stand; made when it is asked for first.
    index: Mutex<Option<Index>>,
}

#[derive(Default)]
struct Index {
    files: Vec<PathBuf>,
    users: BTreeMap<String, Vec<Lines>>,
}

/// Lines of one user, which stand together in each file.
#[derive(Clone, Copy)]
struct Lines {
    file: usize,
    from: u64,
    bytes: u64,
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
    pub(super) fn new(folder: &Folder, path: String, before: u64) -> Self {
        Self {
            folder: folder.clone(),
            path,
            before,
            index: Mutex::default(),
        }
    }

    /// The newest forms of a user's records. It waits for the disk.
    pub(super) fn of(&self, user: &str) -> io::Result<Forms> {
        let lines: Vec<(PathBuf, Lines)> = {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            let index = match &mut *index {
                Some(index) => index,
                none => none.insert(self.read()?),
            };
            let lines = index.users.get(user).into_iter().flatten();
            lines
                .map(|lines| (index.files[lines.file].clone(), *lines))
                .collect()
        };
        let mut forms = Forms::new();
        for (path, lines) in lines {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(lines.from))?;
            let mut file = BufReader::with_capacity(64 * 1024, file.take(lines.bytes));
            let mut line = Vec::new();
            while file.read_until(b'\n', &mut line)? > 0 {
                let head: Head = serde_json::from_slice(&line).map_err(|_| damaged())?;
                match (head._change, head._form) {
                    (Change::Put, Some(form)) => {
                        let form = u64::from_str_radix(&form, 16).map_err(|_| damaged())?;
                        forms.insert(head._id, form);
                    }
                    (Change::Delete, _) => {
                        forms.remove(&head._id);
                    }
                    (Change::Put, None) => return Err(damaged()),
                }
                line.clear();
            }
        }
        Ok(forms)
    }

    fn read(&self) -> io::Result<Index> {
        let mut files = self.folder.list(&self.path)?;
        files.retain(|name| commit_of(name).is_some_and(|commit| commit < self.before));
        // Numbers of commits have one length, so their order is that of the names.
        files.sort();
        let mut index = Index::default();
        for name in files {
            let path = self.folder.path(&format!("{}/{name}", self.path));
            let number = index.files.len();
            let mut file = BufReader::with_capacity(256 * 1024, File::open(&path)?);
            index.files.push(path);
            let (mut line, mut at, mut last) = (Vec::new(), 0, String::new());
            loop {
                let bytes = file.read_until(b'\n', &mut line)? as u64;
                if bytes == 0 {
                    break;
                }
                let user = user(&line)?;
                let ranges = match index.users.get_mut(&user) {
                    Some(ranges) => ranges,
                    None => index.users.entry(user.clone()).or_default(),
                };
                match ranges.last_mut() {
                    Some(range) if last == user && range.file == number => range.bytes += bytes,
                    _ => ranges.push(Lines {
                        file: number,
                        from: at,
                        bytes,
                    }),
                }
                at += bytes;
                last = user;
                line.clear();
            }
        }
        Ok(index)
    }
}

/// Whose line it is, which is the first that it tells.
fn user(line: &[u8]) -> io::Result<String> {
    let text = line.strip_prefix(HEAD.as_bytes()).ok_or_else(damaged)?;
    let mut first = serde_json::Deserializer::from_slice(text).into_iter::<String>();
    first.next().and_then(Result::ok).ok_or_else(damaged)
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
