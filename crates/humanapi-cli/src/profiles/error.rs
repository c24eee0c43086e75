//! Why the configuration cannot be read or changed: where, why, and what to do. No value of it is ever repeated.

use std::borrow::Cow;

use crate::exit::{Code, Failure};
use crate::setting::{Secret, Setting, Unfit};

/// What is wrong with the configuration, and where.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub(crate) struct ConfigError {
    pub(super) place: Place,
    pub(super) problem: Problem,
}

/// A file, or a line of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Place {
    #[error("{0}")]
    File(String),
    #[error("{path}, line {line}")]
    Line { path: String, line: usize },
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the configuration cannot be {0}: {1}")]
    System(&'static str, String),
    #[error("there is no home folder to keep it in")]
    NoHome,
    #[error("it is no file")]
    NoFile,
    #[error("it is larger than 64 KiB, so it is no configuration")]
    TooLarge,
    #[error("others than its owner can change it")]
    OpenToOthers,
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("another command has been changing it for too long")]
    Busy,
    #[error("it is no TOML: {0}")]
    Toml(String),
    #[error("there is no setting of this name")]
    UnknownSetting,
    #[error("the {} is not kept in this file", .0.name())]
    SecretInClear(Secret),
    #[error("{name} is to be {form}")]
    Form {
        name: &'static str,
        form: &'static str,
    },
    #[error("{}: {}", .0.name(), .1.cause)]
    Value(Setting, Unfit),
    #[error("the profile says more than once where the {} is", .0.name())]
    TwoPlaces(Secret),
    #[error("a profile is called something else than letters, digits, - and _")]
    Name,
    #[error("there is no profile of this name")]
    NoProfile { known: Vec<String> },
    #[error("the profile has no such setting")]
    NotSet,
}

impl ConfigError {
    fn code(&self) -> Code {
        match self.problem {
            Problem::System(..) | Problem::Busy => Code::Machine,
            _ => Code::Usage,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match &self.problem {
            Problem::System(..) => {
                "check the path and its permissions; HUMANAPI_CONFIG names another"
            }
            Problem::NoFile | Problem::TooLarge => {
                "`humanapi config path` tells which file is meant; HUMANAPI_CONFIG names another"
            }
            Problem::NoHome => "name a file with HUMANAPI_CONFIG, or set HOME",
            Problem::OpenToOthers => {
                "whoever changes it can have a command run: look through it, then `chmod 600` it"
            }
            Problem::NotText => "save it as UTF-8",
            Problem::Busy => "try again once that one has ended",
            Problem::Toml(_) => "correct the line; what is text stands in quotes",
            Problem::UnknownSetting => return Cow::Owned(known_settings()),
            Problem::SecretInClear(Secret::Client) => {
                "take it out, and name where the secret is by secret_file, secret_variable or secret_command"
            }
            Problem::SecretInClear(Secret::AppKey) => {
                "take it out, and name where the key is by app_key_file, app_key_variable or app_key_command"
            }
            Problem::Form { .. } => "`humanapi config set` writes settings as they are to be",
            Problem::Value(_, unfit) => unfit.remedy,
            Problem::TwoPlaces(Secret::Client) => {
                "keep one of secret_file, secret_variable and secret_command"
            }
            Problem::TwoPlaces(Secret::AppKey) => {
                "keep one of app_key_file, app_key_variable and app_key_command"
            }
            Problem::Name => "name it like sandbox or my-app_2, with 64 letters at most",
            Problem::NoProfile { known } if known.is_empty() => {
                "there are no profiles; `humanapi config set` makes one"
            }
            Problem::NoProfile { known } => {
                return Cow::Owned(format!("there are {}", known.join(", ")));
            }
            Problem::NotSet => "`humanapi config show` tells what is set, and where",
        })
    }
}

/// What stands in a profile.
fn known_settings() -> String {
    let names: Vec<&str> = Setting::ALL.iter().map(|setting| setting.name()).collect();
    format!("a profile has {}", names.join(", "))
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(error.code(), error.to_string(), error.remedy())
    }
}
