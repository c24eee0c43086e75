//! Where the client id and the client secret come from. Never from the command line.

mod command;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use humanapi_core::{Credentials, CredentialsError};
use zeroize::Zeroizing;

use crate::exit::{self, Code, Failure};
use crate::prompt;
use crate::settings::{SecretPlace, Settings};

/// Puts the application's credentials together, asking the person where it has to.
pub(crate) fn read(settings: &Settings) -> Result<Credentials, Failure> {
    let client_id = settings.client_id.as_ref().ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            "there is no client id",
            "use --client-id, set HUMANAPI_CLIENT_ID, or keep it with `humanapi config set client_id`; the developer portal shows it",
        )
    })?;
    let secret = match &settings.secret.value {
        SecretPlace::File(path) if path == "-" => from_stdin()?,
        SecretPlace::File(path) => from_file(path)?,
        SecretPlace::Variable(name) => from_environment(name)?,
        SecretPlace::Command(words) => command::output(words)?,
        SecretPlace::Prompt => ask()?,
    };
    Credentials::new(client_id.value.as_str(), secret.as_str()).map_err(|error| unusable(&error))
}

fn from_environment(name: &str) -> Result<Zeroizing<String>, Failure> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Err(Failure::new(
            Code::Credentials,
            format!("there is no client secret in {name}, which the profile names"),
            "set that variable, or name another place with `humanapi config set`",
        ));
    };
    match value.into_string().map(Zeroizing::new) {
        Ok(secret) => Ok(Zeroizing::new(without_mark(&secret).to_owned())),
        Err(_) => Err(not_text(name)),
    }
}

fn from_stdin() -> Result<Zeroizing<String>, Failure> {
    if io::stdin().is_terminal() {
        return ask();
    }
    in_time(|| Ok(io::stdin().lock()), "standard input")
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let (shown, path) = (path.display().to_string(), path.to_owned());
    in_time(move || File::open(path), &shown)
}

/// How long what is to give the secret may take: a program at the other end of a pipe may ask its user.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens and reads, and waits for no pipe or network share that never gives anything.
fn in_time<R: Read>(
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
    name: &str,
) -> Result<Zeroizing<String>, Failure> {
    let (give, take) = mpsc::sync_channel(1);
    let shown = name.to_owned();
    let read = move || {
        let secret = open()
            .map_err(|error| unreadable(&shown, &error))
            .and_then(|reader| from_reader(reader, &shown));
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
                "{name} gave no client secret within {} seconds",
                PATIENCE.as_secs()
            ),
            "check what is to write it there, or set HUMANAPI_CLIENT_SECRET",
        ))
    })
}

/// More than this is no secret.
const LONGEST: usize = 4096;

fn from_reader(reader: impl Read, name: &str) -> Result<Zeroizing<String>, Failure> {
    // Large enough from the start: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    reader
        .take(LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() > LONGEST {
        return Err(Failure::new(
            Code::Credentials,
            format!("{name} is longer than {LONGEST} bytes, so it holds no client secret"),
            "put the client secret and nothing else there",
        ));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text(name))?;
    let text = without_mark(text);
    // One line break at the end comes from the editor or from `echo`.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Some editors put a byte order mark before a text.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Asks at the terminal, without echo.
fn ask() -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::new(
            Code::Credentials,
            "there is no client secret, and no terminal to ask for it",
            "set HUMANAPI_CLIENT_SECRET, or use --secret-file PATH (`-` reads standard input)",
        ));
    }
    prompt::hidden("Client secret (not shown): ")
        .map(Zeroizing::new)
        .map_err(|error| unreadable("the terminal", &error))
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(
        Code::Credentials,
        format!(
            "cannot read the client secret from {name}: {}",
            exit::system_text(error)
        ),
        "check the path and its permissions, or set HUMANAPI_CLIENT_SECRET",
    )
}

fn not_text(name: &str) -> Failure {
    Failure::new(
        Code::Credentials,
        format!("{name} does not hold text"),
        "put the client secret there as UTF-8 text",
    )
}

fn unusable(error: &CredentialsError) -> Failure {
    Failure::new(Code::Credentials, error.to_string(), error.remedy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], secret: &str) {
        assert_eq!(*from_reader(bytes, "file").unwrap(), secret);
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
        assert!(from_reader(io::repeat(b'x'), "file").is_err());
        assert!(from_reader(&b"\xff"[..], "file").is_err());
    }
}
