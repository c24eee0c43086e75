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
use crate::setting::Secret;
use crate::settings::{SecretPlace, Settings};
use given::{in_time, not_text, unreadable, without_mark};

/// Puts the application's credentials together, asking the person where it has to.
pub(crate) fn read(settings: &Settings) -> Result<Credentials, Failure> {
    let client_id = settings.client_id.as_ref().ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            "there is no client id",
            "use --client-id, set HUMANAPI_CLIENT_ID, or keep it with `humanapi config set client_id`; the developer portal shows it",
        )
    })?;
    let secret = from_place(Secret::Client, &settings.secret.value)?;
    Credentials::new(client_id.value.as_str(), secret.as_str()).map_err(|error| unusable(&error))
}

/// The application's key, from a file, or from where the settings say; that of the variable goes to no host of a profile's.
#[cfg(feature = "data")]
pub(crate) fn app_key(
    file: Option<&Path>,
    settings: &Settings,
) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = file {
        return from_place(Secret::AppKey, &SecretPlace::File(path.to_owned()));
    }
    let found = settings.app_key.clone()?.ok_or_else(no_app_key)?;
    settings.check_app_key(&found.from)?;
    from_place(Secret::AppKey, &found.value)
}

fn no_app_key() -> Failure {
    Failure::new(
        Code::Credentials,
        "there is no app key, which opens what is about all users of an application",
        "set HUMANAPI_APP_KEY, use --app-key-file PATH (`-` reads standard input), or keep where it is with `humanapi config set app_key_file`; the developer portal shows it",
    )
}

fn from_place(secret: Secret, place: &SecretPlace) -> Result<Zeroizing<String>, Failure> {
    match place {
        SecretPlace::File(path) if path == "-" => from_stdin(secret),
        SecretPlace::File(path) => from_file(secret, path),
        SecretPlace::Variable(name) => from_environment(secret, name),
        SecretPlace::Command(words) => command::output(secret, words),
        SecretPlace::Prompt => ask(),
    }
}

fn from_environment(secret: Secret, name: &str) -> Result<Zeroizing<String>, Failure> {
    of_variable(secret, name)?.ok_or_else(|| {
        Failure::new(
            Code::Credentials,
            format!(
                "there is no {} in {name}, which the profile names",
                secret.name()
            ),
            "set that variable, or name another place with `humanapi config set`",
        )
    })
}

/// What a variable holds; nothing where it is empty.
fn of_variable(secret: Secret, name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match value.into_string().map(Zeroizing::new) {
        Ok(text) => Ok(Some(Zeroizing::new(without_mark(&text).to_owned()))),
        Err(_) => Err(not_text(secret, name)),
    }
}

fn from_stdin(secret: Secret) -> Result<Zeroizing<String>, Failure> {
    match (io::stdin().is_terminal(), secret) {
        (true, Secret::Client) => ask(),
        (true, Secret::AppKey) => Err(no_app_key()),
        (false, _) => in_time(secret, || Ok(io::stdin().lock()), "standard input"),
    }
}

fn from_file(secret: Secret, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let (shown, path) = (path.display().to_string(), path.to_owned());
    in_time(secret, move || File::open(path), &shown)
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
        .map_err(|error| unreadable(Secret::Client, "the terminal", &error))
}

pub(crate) fn unusable(error: &CredentialsError) -> Failure {
    Failure::new(Code::Credentials, error.to_string(), error.remedy())
}
