//! The settings that an option, a variable or a profile gives: what they are called, and how their values are read.

use std::time::Duration;

use clap::ValueEnum;
use humanapi_core::{BaseUrl, CallTimeout, CallTimeoutError, Provisioning};

use crate::adapter::Adapter;

/// One setting of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Setting {
    ClientId,
    SecretFile,
    SecretVariable,
    SecretCommand,
    AppKeyFile,
    AppKeyVariable,
    AppKeyCommand,
    BaseUrl,
    AuthUrl,
    AdminUrl,
    DataUrl,
    Provisioning,
    Adapter,
    Timeout,
}

/// Why a value cannot be had, and what to write instead. It never repeats the value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}; {remedy}")]
pub(crate) struct Unfit {
    pub(crate) cause: String,
    pub(crate) remedy: &'static str,
}

/// What is kept elsewhere, and a profile says where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The application's own.
    Client,
    /// What opens the data of all users of an application.
    AppKey,
}

impl Secret {
    pub(crate) const ALL: [Self; 2] = [Self::Client, Self::AppKey];

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client secret",
            Self::AppKey => "app key",
        }
    }

    /// The variable that may hold it.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Client => "HUMANAPI_CLIENT_SECRET",
            Self::AppKey => "HUMANAPI_APP_KEY",
        }
    }

    /// The ways to say where it is, of which a profile has one: a file, a variable, a command.
    pub(crate) const fn settings(self) -> [Setting; 3] {
        match self {
            Self::Client => [
                Setting::SecretFile,
                Setting::SecretVariable,
                Setting::SecretCommand,
            ],
            Self::AppKey => [
                Setting::AppKeyFile,
                Setting::AppKeyVariable,
                Setting::AppKeyCommand,
            ],
        }
    }

    /// The one that a setting says the place of, if it does.
    pub(crate) fn of(setting: Setting) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|secret| secret.settings().contains(&setting))
    }

    /// The one that somebody means who writes this name where one of a setting stands.
    pub(crate) fn meant_by(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        if name.contains("secret") {
            return Some(Self::Client);
        }
        name.contains("key").then_some(Self::AppKey)
    }
}

impl Setting {
    pub(crate) const ALL: &[Self] = &[
        Self::ClientId,
        Self::SecretFile,
        Self::SecretVariable,
        Self::SecretCommand,
        Self::AppKeyFile,
        Self::AppKeyVariable,
        Self::AppKeyCommand,
        Self::BaseUrl,
        Self::AuthUrl,
        Self::AdminUrl,
        Self::DataUrl,
        Self::Provisioning,
        Self::Adapter,
        Self::Timeout,
    ];

    /// What a profile calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClientId => "client_id",
            Self::SecretFile => "secret_file",
            Self::SecretVariable => "secret_variable",
            Self::SecretCommand => "secret_command",
            Self::AppKeyFile => "app_key_file",
            Self::AppKeyVariable => "app_key_variable",
            Self::AppKeyCommand => "app_key_command",
            Self::BaseUrl => "base_url",
            Self::AuthUrl => "auth_url",
            Self::AdminUrl => "admin_url",
            Self::DataUrl => "data_url",
            Self::Provisioning => "provisioning",
            Self::Adapter => "adapter",
            Self::Timeout => "timeout",
        }
    }

    /// What it is, in half a line.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::ClientId => "your application's id, from the developer portal",
            Self::SecretFile => "the file that holds the client secret and nothing else",
            Self::SecretVariable => "the environment variable that holds the client secret",
            Self::SecretCommand => "the command that prints the client secret, in words",
            Self::AppKeyFile => "the file that holds the app key and nothing else",
            Self::AppKeyVariable => "the environment variable that holds the app key",
            Self::AppKeyCommand => "the command that prints the app key, in words",
            Self::BaseUrl => "where all hosts are, such as a sandbox",
            Self::AuthUrl => "where the token service is, if not there",
            Self::AdminUrl => "where the Admin API is, if not there",
            Self::DataUrl => "where the data API is, if not there",
            Self::Provisioning => "where access tokens come from: connect or hip",
            Self::Adapter => "which HTTP stack sends requests: reqwest or hyper",
            Self::Timeout => "how long one call may take, such as 30s or 2m",
        }
    }

    /// The setting of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|setting| setting.name() == name)
    }

    /// Whether it takes several words.
    pub(crate) const fn has_words(self) -> bool {
        matches!(self, Self::SecretCommand | Self::AppKeyCommand)
    }

    /// Checks a value before it is kept or used.
    pub(crate) fn check(self, words: &[String]) -> Result<(), Unfit> {
        let word = match words {
            [] => "",
            [word] => word,
            [word, ..] if self.has_words() => word,
            _ => {
                return Err(unfit(
                    "it has one value, and there are several",
                    "quote a value that has spaces",
                ));
            }
        };
        if word.is_empty() {
            return Err(unfit("it is empty", "give a value, or leave it out"));
        }
        match self {
            Self::ClientId
            | Self::SecretFile
            | Self::SecretCommand
            | Self::AppKeyFile
            | Self::AppKeyCommand => Ok(()),
            Self::SecretVariable | Self::AppKeyVariable => variable(word),
            Self::BaseUrl | Self::AuthUrl | Self::AdminUrl | Self::DataUrl => {
                BaseUrl::parse(word).map(drop).map_err(|error| Unfit {
                    cause: error.to_string(),
                    remedy: error.remedy(),
                })
            }
            Self::Provisioning => Setup::read(word).map(drop),
            Self::Adapter => adapter(word).map(drop),
            Self::Timeout => timeout(word).map(drop),
        }
    }
}

fn unfit(cause: &str, remedy: &'static str) -> Unfit {
    Unfit {
        cause: cause.to_owned(),
        remedy,
    }
}

/// Reads how long a call may take: seconds, or a time with its units.
pub(crate) fn timeout(text: &str) -> Result<Duration, Unfit> {
    let timeout = text.parse().map(CallTimeout::duration);
    timeout.map_err(|error: CallTimeoutError| unfit(&error.to_string(), error.remedy()))
}

/// The name of a variable, in capitals as is the custom: so a secret that was put in its place is mostly noticed.
fn variable(name: &str) -> Result<(), Unfit> {
    let fits = |byte: u8| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if name.bytes().all(fits) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(());
    }
    Err(unfit(
        "it is no name of an environment variable",
        "name the variable, such as MY_APP_SECRET, and not what it holds",
    ))
}

/// Reads which HTTP stack is meant.
pub(crate) fn adapter(name: &str) -> Result<Adapter, Unfit> {
    Adapter::from_str(name, false)
        .map_err(|_| unfit("there is no such HTTP stack", "it can be reqwest or hyper"))
}

/// How the vendor set an application up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Setup {
    /// Access tokens come from `/v1/connect/token`.
    #[default]
    Connect,
    /// On the Health Intelligence Platform: access tokens come from `/v1/admin/token`.
    Hip,
}

impl Setup {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hip => "hip",
        }
    }

    /// Reads which one is meant.
    pub(crate) fn read(name: &str) -> Result<Self, Unfit> {
        Self::from_str(name, false)
            .map_err(|_| unfit("there is no such provisioning", "it can be connect or hip"))
    }
}

impl From<Setup> for Provisioning {
    fn from(setup: Setup) -> Self {
        match setup {
            Setup::Connect => Self::Connect,
            Setup::Hip => Self::Hip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_one_name_everywhere() {
        assert_eq!(Setting::ALL, Setting::value_variants());
        for setting in Setting::ALL {
            let value = setting.to_possible_value().unwrap();
            assert_eq!(value.get_name(), setting.name());
            assert_eq!(Setting::named(setting.name()), Some(*setting));
        }
        for setup in Setup::value_variants() {
            assert_eq!(Setup::read(setup.name()), Ok(*setup));
        }
    }

    #[test]
    fn what_is_no_value_is_refused_and_not_repeated() {
        for (setting, words) in [
            (Setting::ClientId, &[][..]),
            (Setting::ClientId, &[""]),
            (Setting::ClientId, &["canary", "canary"]),
            (Setting::SecretCommand, &["", "canary"]),
            (Setting::SecretVariable, &["canary-secret"]),
            (Setting::SecretVariable, &["9CANARY"]),
            (Setting::AppKeyVariable, &["canary-key"]),
            (Setting::AppKeyCommand, &["", "canary"]),
            (Setting::BaseUrl, &["https://canary@example.test"]),
            (Setting::DataUrl, &["canary"]),
            (Setting::Provisioning, &["canary"]),
            (Setting::Adapter, &["canary"]),
            (Setting::Timeout, &["canary"]),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let unfit = setting.check(&words).unwrap_err();
            let said = format!("{} {}", unfit.cause, unfit.remedy).to_lowercase();
            assert!(!said.contains("canary"), "{said}");
        }
        let pass = ["pass", "show", "humanapi"].map(str::to_owned);
        assert_eq!(Setting::SecretCommand.check(&pass), Ok(()));
    }
}
