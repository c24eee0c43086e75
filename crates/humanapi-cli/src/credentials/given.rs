//! A secret or a key as something else gives it: in time, not too long, as text, and without what editors put around it.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::exit::{self, Code, Failure};
use crate::settings::SECRET;

/// What is given.
#[derive(Clone, Copy)]
pub(super) struct Given {
    /// What it is called.
    pub(super) name: &'static str,
    /// The variable that may hold it.
    pub(super) variable: &'static str,
}

/// The application's own.
pub(super) const CLIENT_SECRET: Given = Given {
    name: "client secret",
    variable: SECRET,
};

/// What opens the data of all users of an application.
#[cfg(feature = "data")]
pub(super) const APP_KEY: Given = Given {
    name: "app key",
    variable: "HUMANAPI_APP_KEY",
};

/// How long what is to give the secret may take: a program at the other end of a pipe may ask its user.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Opens and reads, and waits for no pipe or network share that never gives anything.
pub(super) fn in_time<R: Read>(
    given: Given,
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
    name: &str,
) -> Result<Zeroizing<String>, Failure> {
    let (give, take) = mpsc::sync_channel(1);
    let shown = name.to_owned();
    let read = move || {
        let secret = open()
            .map_err(|error| unreadable(given, &shown, &error))
            .and_then(|reader| from_reader(given, reader, &shown));
        // Nobody takes it any more when it comes too late.
        let _ = give.send(secret);
    };
    thread::Builder::new()
        .spawn(read)
        .map_err(|error| Failure::here("cannot start a thread", &exit::system_text(&error)))?;
    take.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        Err(Failure::new(
            Code::Credentials,
            format!(
                "{name} gave no {} within {} seconds",
                given.name,
                PATIENCE.as_secs()
            ),
            format!("check what is to write it there, or set {}", given.variable),
        ))
    })
}

/// More than this is no secret.
const LONGEST: usize = 4096;

fn from_reader(given: Given, reader: impl Read, name: &str) -> Result<Zeroizing<String>, Failure> {
    // Large enough from the start: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    reader
        .take(LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(given, name, &error))?;
    if bytes.len() > LONGEST {
        return Err(Failure::new(
            Code::Credentials,
            format!(
                "{name} is longer than {LONGEST} bytes, so it holds no {}",
                given.name
            ),
            format!("put the {} and nothing else there", given.name),
        ));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text(given, name))?;
    let text = without_mark(text);
    // One line break at the end comes from the editor or from `echo`.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Some editors put a byte order mark before a text.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

pub(super) fn unreadable(given: Given, name: &str, error: &io::Error) -> Failure {
    let what = given.name;
    Failure::new(
        Code::Credentials,
        format!(
            "cannot read the {what} from {name}: {}",
            exit::system_text(error)
        ),
        format!(
            "check the path and its permissions, or set {}",
            given.variable
        ),
    )
}

pub(super) fn not_text(given: Given, name: &str) -> Failure {
    Failure::new(
        Code::Credentials,
        format!("{name} does not hold text"),
        format!("put the {} there as UTF-8 text", given.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], secret: &str) {
        assert_eq!(*from_reader(CLIENT_SECRET, bytes, "file").unwrap(), secret);
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_the_secret() {
        check(b"hush", "hush");
        check(b"hush\n", "hush");
        check(b"hush\r\n", "hush");
        check(b"hush\n\n", "hush\n");
        check(b" hush", " hush");
        check(b"\xef\xbb\xbfhush\r\n", "hush");
        check("hu\u{feff}sh".as_bytes(), "hu\u{feff}sh");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        assert!(from_reader(CLIENT_SECRET, io::repeat(b'x'), "file").is_err());
        assert!(from_reader(CLIENT_SECRET, &b"\xff"[..], "file").is_err());
    }
}
