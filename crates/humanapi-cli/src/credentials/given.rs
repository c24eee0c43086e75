//! A secret or a key as something else gives it: in time, not too long, as text, and without what editors put around it.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::bounded::read_all;
use crate::exit::{self, Code, Failure};
use crate::setting::Secret;

/// How long what is to give the secret may take: a program at the other end of a pipe may ask its user.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Opens and reads, and waits for no pipe or network share that never gives anything.
pub(super) fn in_time<R: Read>(
    secret: Secret,
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
    name: &str,
) -> Result<Zeroizing<String>, Failure> {
    let (give, take) = mpsc::sync_channel(1);
    let shown = name.to_owned();
    let read = move || {
        let secret = open()
            .map_err(|error| unreadable(secret, &shown, &error))
            .and_then(|reader| from_reader(secret, reader, &shown));
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
                secret.name(),
                PATIENCE.as_secs()
            ),
            format!(
                "check what is to write it there, or set {}",
                secret.variable()
            ),
        ))
    })
}

/// More than this is no secret.
const LONGEST: usize = 4096;

fn from_reader(
    secret: Secret,
    reader: impl Read,
    name: &str,
) -> Result<Zeroizing<String>, Failure> {
    // Large enough from the start: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let is_all = read_all(reader, LONGEST, &mut bytes);
    if !is_all.map_err(|error| unreadable(secret, name, &error))? {
        return Err(Failure::new(
            Code::Credentials,
            format!(
                "{name} is longer than {LONGEST} bytes, so it holds no {}",
                secret.name()
            ),
            format!("put the {} and nothing else there", secret.name()),
        ));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text(secret, name))?;
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

pub(super) fn unreadable(secret: Secret, name: &str, error: &io::Error) -> Failure {
    let what = secret.name();
    Failure::new(
        Code::Credentials,
        format!(
            "cannot read the {what} from {name}: {}",
            exit::system_text(error)
        ),
        format!(
            "check the path and its permissions, or set {}",
            secret.variable()
        ),
    )
}

pub(super) fn not_text(secret: Secret, name: &str) -> Failure {
    Failure::new(
        Code::Credentials,
        format!("{name} does not hold text"),
        format!("put the {} there as UTF-8 text", secret.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], secret: &str) {
        assert_eq!(*from_reader(Secret::Client, bytes, "file").unwrap(), secret);
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
        assert!(from_reader(Secret::Client, io::repeat(b'x'), "file").is_err());
        assert!(from_reader(Secret::Client, &b"\xff"[..], "file").is_err());
    }
}
