//! Where the client id and the client secret come from. Never from the command line.

mod command;
mod given;

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use humanapi_core::{Credentials, CredentialsError};
use zeroize::Zeroizing;

use crate::exit::{Code, Failure};
use crate::prompt;
use crate::settings::{SecretPlace, Settings};
#[cfg(feature = "data")]
use given::APP_KEY;
use given::{CLIENT_SECRET, Given, in_time, not_text, unreadable, without_mark};

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
        SecretPlace::File(path) => from_file(CLIENT_SECRET, path)?,
        SecretPlace::Variable(name) => from_environment(name)?,
        SecretPlace::Command(words) => command::output(words)?,
        SecretPlace::Prompt => ask()?,
    };
    Credentials::new(client_id.value.as_str(), secret.as_str()).map_err(|error| unusable(&error))
}

/// The application's key, from a file or its variable; that of the variable goes to no host of a profile's.
#[cfg(feature = "data")]
pub(crate) fn app_key(
    file: Option<&Path>,
    settings: &Settings,
) -> Result<Zeroizing<String>, Failure> {
    let none = || {
        Failure::new(
            Code::Credentials,
            "there is no app key, which opens what is about all users of an application",
            "set HUMANAPI_APP_KEY, or use --app-key-file PATH (`-` reads standard input); the developer portal shows it",
        )
    };
    match file {
        Some(path) if path == "-" && io::stdin().is_terminal() => Err(none()),
        Some(path) if path == "-" => in_time(APP_KEY, || Ok(io::stdin().lock()), "standard input"),
        Some(path) => from_file(APP_KEY, path),
        None => {
            let key = of_variable(APP_KEY, APP_KEY.variable)?.ok_or_else(none)?;
            settings.check_app_key(APP_KEY.variable)?;
            Ok(key)
        }
    }
}

fn from_environment(name: &str) -> Result<Zeroizing<String>, Failure> {
    of_variable(CLIENT_SECRET, name)?.ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            format!("there is no client secret in {name}, which the profile names"),
            "set that variable, or name another place with `humanapi config set`",
        )
    })
}

/// What a variable holds; nothing where it is empty.
fn of_variable(given: Given, name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match value.into_string().map(Zeroizing::new) {
        Ok(secret) => Ok(Some(Zeroizing::new(without_mark(&secret).to_owned()))),
        Err(_) => Err(not_text(given, name)),
    }
}

fn from_stdin() -> Result<Zeroizing<String>, Failure> {
    if io::stdin().is_terminal() {
        return ask();
    }
    in_time(CLIENT_SECRET, || Ok(io::stdin().lock()), "standard input")
}

fn from_file(given: Given, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let (shown, path) = (path.display().to_string(), path.to_owned());
    in_time(given, move || File::open(path), &shown)
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
        .map_err(|error| unreadable(CLIENT_SECRET, "the terminal", &error))
}

pub(crate) fn unusable(error: &CredentialsError) -> Failure {
    Failure::new(Code::Credentials, error.to_string(), error.remedy())
}
