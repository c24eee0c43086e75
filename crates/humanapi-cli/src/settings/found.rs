//! What was given: by an option, a variable or a profile, each in its own place.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use humanapi_core::{Host, HostError, Hosts};

use crate::args::ServiceArgs;
use crate::exit::{Code, Failure};
use crate::profiles::{Profile, Value};
use crate::setting::{Secret, Setting, Unfit};

/// The environment variable that holds the secret.
pub(super) const SECRET: &str = Secret::Client.variable();
/// The hosts that the command asks, each with its setting.
pub(crate) const HOSTS: [(Host, Setting); 3] = [
    (Host::Auth, Setting::AuthUrl),
    (Host::Admin, Setting::AdminUrl),
    (Host::Data, Setting::DataUrl),
];

/// A place that may say who asks and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Profile,
    Environment,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Option(&'static str),
    Variable(&'static str),
    Profile {
        name: String,
        line: usize,
    },
    /// The line of the file that chooses a profile.
    Choice {
        line: usize,
    },
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) | Self::Variable(name) => f.write_str(name),
            Self::Profile { name, line } => write!(f, "profile {name}, line {line}"),
            Self::Choice { line } => write!(f, "line {line} of the file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) from: Origin,
}

impl<T> Sourced<T> {
    pub(super) const fn default(value: T) -> Self {
        let from = Origin::Default;
        Self { value, from }
    }
}

/// Where the client secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretPlace {
    /// In a file; `-` is standard input.
    File(PathBuf),
    /// In the environment variable of this name.
    Variable(String),
    /// On the standard output of this command.
    Command(Vec<String>),
    /// In somebody's head.
    Prompt,
}

/// What was given.
pub(super) struct Found<'a> {
    pub(super) args: &'a ServiceArgs,
    pub(super) profile: Option<(&'a str, &'a Profile)>,
}

impl Found<'_> {
    /// A setting of one word: from an option, or else from the first of these places that says it.
    pub(super) fn text(
        &self,
        places: &[Place],
        setting: Setting,
    ) -> Result<Option<Sourced<String>>, Failure> {
        if let Some(value) = self.option(setting) {
            return Ok(Some(value));
        }
        for place in places {
            if let Some(value) = self.at(*place, setting)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The same of a setting that is more than text, which an option may have given.
    pub(super) fn read<T>(
        &self,
        option: Option<T>,
        places: &[Place],
        setting: Setting,
        read: impl FnOnce(&str) -> Result<T, Unfit>,
    ) -> Result<Option<Sourced<T>>, Failure> {
        if let Some(value) = option {
            let from = Origin::Option(option_of(setting));
            return Ok(Some(Sourced { value, from }));
        }
        let Some(Sourced { value, from }) = self.text(places, setting)? else {
            return Ok(None);
        };
        match read(&value) {
            Ok(value) => Ok(Some(Sourced { value, from })),
            Err(unfit) => Err(Failure::new(Code::Usage, unfit.cause, unfit.remedy).about(&from)),
        }
    }

    pub(super) fn option(&self, setting: Setting) -> Option<Sourced<String>> {
        let args = self.args;
        let value = match setting {
            // An empty one is none: scripts pass on what they do not have.
            Setting::ClientId => args.client_id.as_ref().filter(|id| !id.is_empty()),
            Setting::BaseUrl => args.base_url.as_ref(),
            Setting::AuthUrl => args.auth_url.as_ref(),
            Setting::AdminUrl => args.admin_url.as_ref(),
            Setting::DataUrl => args.data_url.as_ref(),
            _ => None,
        };
        let from = Origin::Option(option_of(setting));
        value.cloned().map(|value| Sourced { value, from })
    }

    /// What one place says.
    pub(super) fn at(
        &self,
        place: Place,
        setting: Setting,
    ) -> Result<Option<Sourced<String>>, Failure> {
        match place {
            Place::Environment => named(setting).map_or(Ok(None), variable),
            Place::Profile => Ok(self.of_profile(setting)),
        }
    }

    pub(super) fn of_profile(&self, setting: Setting) -> Option<Sourced<String>> {
        let (name, profile) = self.profile?;
        let value = profile.get(setting)?;
        Some(Sourced {
            value: value.words.first()?.clone(),
            from: Origin::Profile {
                name: name.to_owned(),
                line: value.line,
            },
        })
    }

    /// Where requests go. Of what is said in one place a host's own address counts, then the one of all hosts; and both
    /// count before whatever is said in a place behind it, so that nobody who names a sandbox asks another host.
    pub(super) fn hosts(&self, places: &[Place]) -> Result<(Hosts, [Origin; 3]), Failure> {
        let find = |own: Option<Setting>| {
            let settings = [own, Some(Setting::BaseUrl)];
            let settings = || settings.into_iter().flatten();
            if let Some(found) = settings().find_map(|setting| self.option(setting)) {
                return Ok(Some(found));
            }
            for place in places {
                for setting in settings() {
                    if let Some(found) = self.at(*place, setting)? {
                        return Ok(Some(found));
                    }
                }
            }
            Ok::<_, Failure>(None)
        };
        let mut hosts = Hosts::production();
        let mut from = [Origin::Default, Origin::Default, Origin::Default];
        for host in Host::ALL {
            let at = HOSTS.iter().position(|(known, _)| *known == host);
            let Some(base) = find(at.map(|at| HOSTS[at].1))? else {
                continue;
            };
            hosts = hosts
                .with(host, &base.value)
                .map_err(|error| no_address(&base.from, error))?;
            if let Some(at) = at {
                from[at] = base.from;
            }
        }
        Ok((hosts, from))
    }

    pub(super) fn secret(&self, places: &[Place]) -> Sourced<SecretPlace> {
        if let Some(path) = &self.args.secret_file {
            let from = Origin::Option("--secret-file");
            let value = SecretPlace::File(path.clone());
            return Sourced { value, from };
        }
        self.place_of(Secret::Client, places)
            .unwrap_or_else(|| Sourced::default(SecretPlace::Prompt))
    }

    /// Where a secret is, by the first of these places that says it.
    pub(super) fn place_of(
        &self,
        secret: Secret,
        places: &[Place],
    ) -> Option<Sourced<SecretPlace>> {
        let mut places = places.iter();
        places.find_map(|place| match place {
            Place::Environment => is_set(secret.variable()).then(|| Sourced {
                value: SecretPlace::Variable(secret.variable().to_owned()),
                from: Origin::Variable(secret.variable()),
            }),
            Place::Profile => self.place_of_profile(secret),
        })
    }

    pub(super) fn place_of_profile(&self, secret: Secret) -> Option<Sourced<SecretPlace>> {
        let (name, profile) = self.profile?;
        let [file, variable, command] = secret.settings().map(|setting| profile.get(setting));
        let word = |value: &Value| value.words.first().cloned().unwrap_or_default();
        let (value, place) = match (file, variable, command) {
            (Some(value), ..) => (value, SecretPlace::File(at_home(&word(value)))),
            (_, Some(value), _) => (value, SecretPlace::Variable(word(value))),
            (.., Some(value)) => (value, SecretPlace::Command(value.words.clone())),
            (None, None, None) => return None,
        };
        let (name, line) = (name.to_owned(), value.line);
        Some(Sourced {
            value: place,
            from: Origin::Profile { name, line },
        })
    }
}

/// The option of a setting.
const fn option_of(setting: Setting) -> &'static str {
    match setting {
        Setting::ClientId => "--client-id",
        Setting::SecretFile | Setting::SecretVariable | Setting::SecretCommand => "--secret-file",
        Setting::AppKeyFile | Setting::AppKeyVariable | Setting::AppKeyCommand => "--app-key-file",
        Setting::BaseUrl => "--base-url",
        Setting::AuthUrl => "--auth-url",
        Setting::AdminUrl => "--admin-url",
        Setting::DataUrl => "--data-url",
        Setting::Provisioning => "--provisioning",
        Setting::Adapter => "--adapter",
        Setting::Timeout => "--timeout",
    }
}

/// The variable of a setting, where it has one.
pub(super) const fn named(setting: Setting) -> Option<&'static str> {
    Some(match setting {
        Setting::ClientId => "HUMANAPI_CLIENT_ID",
        Setting::BaseUrl => "HUMANAPI_BASE_URL",
        Setting::AuthUrl => "HUMANAPI_AUTH_URL",
        Setting::AdminUrl => "HUMANAPI_ADMIN_URL",
        Setting::DataUrl => "HUMANAPI_DATA_URL",
        Setting::Provisioning => "HUMANAPI_PROVISIONING",
        Setting::Timeout => "HUMANAPI_TIMEOUT",
        Setting::Adapter
        | Setting::SecretFile
        | Setting::SecretVariable
        | Setting::SecretCommand
        | Setting::AppKeyFile
        | Setting::AppKeyVariable
        | Setting::AppKeyCommand => return None,
    })
}

/// Whether a variable holds anything.
pub(super) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// What a variable holds; nothing where it is empty.
pub(super) fn variable(name: &'static str) -> Result<Option<Sourced<String>>, Failure> {
    let held = std::env::var_os(name).filter(|value| !value.is_empty());
    let from = Origin::Variable(name);
    let text = held.map(OsString::into_string).transpose();
    match text {
        Ok(value) => Ok(value.map(|value| Sourced { value, from })),
        Err(_) => Err(Failure::new(
            Code::Usage,
            format!("{name} does not hold text"),
            "set it to text in UTF-8, or unset it",
        )),
    }
}

/// A path whose `~/` is the home folder, as shells have it; a file has no shell to do it.
fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn no_address(from: &Origin, error: HostError) -> Failure {
    let failure = Failure::new(Code::Usage, error.to_string(), error.remedy());
    match from {
        // What stands on the command line is seen by whoever is told.
        Origin::Option("--base-url") => failure,
        from => failure.about(from),
    }
}
