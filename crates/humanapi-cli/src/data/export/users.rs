//! Whose data are read: ids that were named, and those of a file or of standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::{iter, thread};

use futures_util::stream::{self, Stream, StreamExt as _};
use humanapi_core::ClientUserId;
use humanapi_export::ExportError;
use tokio::sync::mpsc;

use super::given::refused;
use crate::exit::{Code, Failure, system_text};

/// More than this is no id.
const LONGEST: usize = 64 * 1024;
/// So many ids are read ahead.
const AHEAD: usize = 1_000;

type Id = io::Result<ClientUserId>;

/// The ids, each as it is read. A file or standard input is read by a thread of its own, which nobody waits for: a pipe may
/// stall for as long as it likes.
pub(crate) fn users(
    named: &[String],
    list: Option<&Path>,
) -> Result<impl Stream<Item = Id> + use<>, Failure> {
    let named: Vec<Id> = named.iter().map(ClientUserId::from).map(Ok).collect();
    let (send, mut lines) = mpsc::channel(AHEAD);
    if let Some(list) = list {
        let list = PathBuf::from(list);
        look(&list)?;
        let read = move || {
            for id in ids(&list) {
                if send.blocking_send(id).is_err() {
                    return;
                }
            }
        };
        let begun = thread::Builder::new().name("users".to_owned()).spawn(read);
        begun.map_err(|error| Failure::here("cannot start a thread", &system_text(&error)))?;
    }
    let lines = stream::poll_fn(move |context| lines.poll_recv(context));
    Ok(stream::iter(named).chain(lines))
}

/// How many ids there are, each of which can be one.
pub(crate) fn count(named: &[String], list: Option<&Path>) -> Result<u64, Failure> {
    if let Some(list) = list {
        look(list)?;
    }
    let mut count = 0_u64;
    let named = named.iter().map(ClientUserId::from).map(Ok);
    for user in named.chain(list.into_iter().flat_map(ids)) {
        count += 1;
        let user = user.map_err(|error| refused(&ExportError::Users(error)))?;
        user.checked()
            .map_err(|_| refused(&ExportError::EmptyUser(count)))?;
    }
    Ok(count)
}

/// An error where there is no such list. It is not opened: a pipe waits then for somebody at its other end.
fn look(list: &Path) -> Result<(), Failure> {
    if list == Path::new("-") {
        return Ok(());
    }
    list.metadata().map(drop).map_err(|error| {
        let cause = format!("the file of --users cannot be read: {}", error.kind());
        let remedy = "give a file with a user's id on each line";
        Failure::new(Code::Usage, cause, remedy)
    })
}

/// Those of a list, until it ends or cannot be read further.
fn ids(list: &Path) -> impl Iterator<Item = Id> + use<> {
    let opened: io::Result<Box<dyn BufRead>> = match list == Path::new("-") {
        true => Ok(Box::new(io::stdin().lock())),
        false => match File::open(list) {
            Ok(file) => Ok(Box::new(BufReader::new(file))),
            Err(error) => Err(error),
        },
    };
    let mut left = Some(opened);
    iter::from_fn(move || {
        let next = match left.as_mut()? {
            Ok(lines) => line(lines).transpose(),
            Err(_) => left.take()?.err().map(Err),
        };
        if !matches!(next, Some(Ok(_))) {
            left = None;
        }
        next
    })
    .filter(|line| !line.as_ref().is_ok_and(String::is_empty))
    // As files from elsewhere begin.
    .map(|line| line.map(|id| ClientUserId::from(id.trim_start_matches('\u{feff}'))))
}

/// The next line, without its end.
fn line(lines: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    // With an end of two bytes.
    let longest = LONGEST as u64 + 2;
    if lines.take(longest).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    if line.len() > LONGEST {
        let longest = LONGEST / 1024;
        let text = format!("a line of it is longer than {longest} KiB");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let text = String::from_utf8(line);
    text.map(Some)
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(list: &[u8]) -> Vec<Option<String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), list).unwrap();
        let ids = ids(file.path());
        ids.map(|id| id.ok().map(|id| id.as_str().to_owned()))
            .collect()
    }

    #[test]
    fn each_line_is_an_id() {
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(read(b"p17\r\n\np18\n"), [some("p17"), some("p18")]);
        assert_eq!(
            read("\u{feff}p17\np 18".as_bytes()),
            [some("p17"), some("p 18")]
        );
        assert_eq!(read(b""), []);
        let longest = "p".repeat(LONGEST);
        assert_eq!(
            read(format!("{longest}\r\n{longest}").as_bytes()),
            [some(&longest), some(&longest)]
        );
    }

    /// What comes behind it is not read.
    #[test]
    fn what_is_no_line_of_text_ends_the_list() {
        assert_eq!(read(b"p17\n\xff\np18\n"), [Some("p17".to_owned()), None]);
        let long = format!("{}\np18\n", "p".repeat(LONGEST + 1));
        assert_eq!(read(long.as_bytes()), [None]);
        let mut endless = BufReader::new(io::repeat(0));
        let error = line(&mut endless).unwrap_err();
        assert_eq!(error.to_string(), "a line of it is longer than 64 KiB");
    }
}
