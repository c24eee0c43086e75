//! Where the client id and the client secret come from. Never from the command line.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use humanapi_core::{Credentials, CredentialsError};
use zeroize::Zeroizing;

use crate::exit::{self, Code, Failure};

/// The environment variable that holds the secret.
const VARIABLE: &str = "HUMANAPI_CLIENT_SECRET";

/// Puts the application's credentials together, asking the person where it has to.
pub(crate) fn read(
    client_id: Option<&str>,
    secret_file: Option<&Path>,
) -> Result<Credentials, Failure> {
    let client_id = client_id.filter(|id| !id.is_empty()).ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            "there is no client id",
            "use --client-id or set HUMANAPI_CLIENT_ID; the developer portal shows it",
        )
    })?;
    let secret = match secret_file {
        Some(path) if path == "-" => from_stdin()?,
        Some(path) => from_file(path)?,
        None => from_environment()?.map_or_else(ask, Ok)?,
    };
    Credentials::new(client_id, secret.as_str()).map_err(|error| unusable(&error))
}

fn from_environment() -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match value.into_string() {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(_) => Err(not_text(VARIABLE)),
    }
}

fn from_stdin() -> Result<Zeroizing<String>, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return ask();
    }
    from_reader(stdin.lock(), "standard input")
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let shown = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&shown, &error))?;
    from_reader(file, &shown)
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
    // One line break at the end comes from the editor or from `echo`.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
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
    rpassword::prompt_password("Client secret (not shown): ")
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
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        assert!(from_reader(io::repeat(b'x'), "file").is_err());
        assert!(from_reader(&b"\xff"[..], "file").is_err());
    }
}
