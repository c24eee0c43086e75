//! The settings of one command: each from an option, a variable, a profile, or what is usual, in this order.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use humanapi_core::{Host, HostError, Hosts};

use crate::adapter::Adapter;
use crate::args::ServiceArgs;
use crate::exit::{Code, Failure};
use crate::profiles::{self, ConfigFile, Problem, Profile, Profiles};
use crate::setting::{SECRETS, Setting, Setup, Unfit, adapter, timeout};

/// The environment variable that holds the secret.
pub(crate) const SECRET: &str = "HUMANAPI_CLIENT_SECRET";
/// The one that chooses a profile.
const PROFILE: &str = "HUMANAPI_PROFILE";

/// How long a call may take where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The hosts that the command asks, each with its setting.
pub(crate) const HOSTS: [(Host, Setting); 3] = [
    (Host::Auth, Setting::AuthUrl),
    (Host::Admin, Setting::AdminUrl),
    (Host::Data, Setting::DataUrl),
];

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
    const fn default(value: T) -> Self {
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

/// What one command goes by.
pub(crate) struct Settings {
    /// The profile that is used, where one is.
    pub(crate) profile: Option<Sourced<String>>,
    pub(crate) client_id: Option<Sourced<String>>,
    pub(crate) secret: Sourced<SecretPlace>,
    pub(crate) hosts: Hosts,
    /// Where the address of each of the [`HOSTS`] comes from.
    pub(crate) hosts_from: [Origin; 3],
    pub(crate) setup: Sourced<Setup>,
    pub(crate) adapter: Sourced<Adapter>,
    pub(crate) timeout: Sourced<Duration>,
}

impl Settings {
    /// Finds out. Nobody is asked, and no secret is looked at.
    pub(crate) fn find(args: &ServiceArgs, setup: Option<Setup>) -> Result<Self, Failure> {
        let file = ConfigFile::find();
        let profiles = file.read()?;
        let chosen = chosen(&file, &profiles, args.profile.as_deref())?;
        let profile = chosen.as_ref().and_then(|chosen| {
            let profile = profiles.all.get(&chosen.value)?;
            Some((chosen.value.as_str(), profile))
        });
        let found = Found { args, profile };
        let (hosts, hosts_from) = found.hosts()?;
        let setup = found.read(setup, Setting::Provisioning, Setup::default(), Setup::read)?;
        let adapter = found.read(args.adapter, Setting::Adapter, Adapter::default(), adapter)?;
        let timeout = found.read(args.timeout, Setting::Timeout, TIMEOUT, timeout)?;
        Ok(Self {
            client_id: found.text(Setting::ClientId)?,
            secret: found.secret(),
            profile: chosen,
            hosts,
            hosts_from,
            setup,
            adapter,
            timeout,
        })
    }
}

/// Which profile is used, if any.
fn chosen(
    file: &ConfigFile,
    profiles: &Profiles,
    option: Option<&str>,
) -> Result<Option<Sourced<String>>, Failure> {
    let Some(chosen) = choice(profiles, option)? else {
        let usual = profiles.all.contains_key(profiles::DEFAULT);
        return Ok(usual.then(|| Sourced::default(profiles::DEFAULT.to_owned())));
    };
    if profiles.all.contains_key(&chosen.value) {
        return Ok(Some(chosen));
    }
    let known = profiles.all.keys().cloned().collect();
    let problem = Problem::NoProfile { known };
    let error = match chosen.from {
        Origin::Choice { line } => file.problem_on(line, problem),
        _ => file.problem(problem),
    };
    Err(match chosen.from {
        Origin::Choice { .. } => error.into(),
        from => Failure::from(error).about(&from),
    })
}

/// Which profile is meant, whether or not there is one of that name; nothing where nothing is said.
pub(crate) fn choice(
    profiles: &Profiles,
    option: Option<&str>,
) -> Result<Option<Sourced<String>>, Failure> {
    if let Some(name) = option {
        let from = Origin::Option("--profile");
        let value = name.to_owned();
        return Ok(Some(Sourced { value, from }));
    }
    let variable = variable(PROFILE)?;
    Ok(variable.or_else(|| {
        let (value, line) = profiles.used.clone()?;
        let from = Origin::Choice { line };
        Some(Sourced { value, from })
    }))
}

/// What was given, in the order in which it counts.
struct Found<'a> {
    args: &'a ServiceArgs,
    profile: Option<(&'a str, &'a Profile)>,
}

impl Found<'_> {
    /// A setting of one word.
    fn text(&self, setting: Setting) -> Result<Option<Sourced<String>>, Failure> {
        let option = self.option(setting);
        let of_variable = || named(setting).map_or(Ok(None), variable);
        Ok(match option {
            Some(value) => Some(value),
            None => of_variable()?.or_else(|| self.of_profile(setting)),
        })
    }

    /// A setting that is more than text, which an option may have given.
    fn read<T>(
        &self,
        option: Option<T>,
        setting: Setting,
        usual: T,
        read: impl FnOnce(&str) -> Result<T, Unfit>,
    ) -> Result<Sourced<T>, Failure> {
        if let Some(value) = option {
            let from = Origin::Option(option_of(setting));
            return Ok(Sourced { value, from });
        }
        let Some(Sourced { value, from }) = self.text(setting)? else {
            return Ok(Sourced::default(usual));
        };
        match read(&value) {
            Ok(value) => Ok(Sourced { value, from }),
            Err(unfit) => Err(Failure::new(Code::Usage, unfit.cause, unfit.remedy).about(&from)),
        }
    }

    fn option(&self, setting: Setting) -> Option<Sourced<String>> {
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

    fn of_profile(&self, setting: Setting) -> Option<Sourced<String>> {
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
    fn hosts(&self) -> Result<(Hosts, [Origin; 3]), Failure> {
        type Look<'a> = &'a dyn Fn(Setting) -> Result<Option<Sourced<String>>, Failure>;
        let places: [Look<'_>; 3] = [
            &|setting| Ok(self.option(setting)),
            &|setting| named(setting).map_or(Ok(None), variable),
            &|setting| Ok(self.of_profile(setting)),
        ];
        let find = |own: Option<Setting>| {
            for place in places {
                let of_host = own.map_or(Ok(None), place)?;
                let any = match of_host {
                    Some(found) => Some(found),
                    None => place(Setting::BaseUrl)?,
                };
                if any.is_some() {
                    return Ok(any);
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

    fn secret(&self) -> Sourced<SecretPlace> {
        if let Some(path) = &self.args.secret_file {
            let from = Origin::Option("--secret-file");
            let value = SecretPlace::File(path.clone());
            return Sourced { value, from };
        }
        if std::env::var_os(SECRET).is_some_and(|value| !value.is_empty()) {
            let from = Origin::Variable(SECRET);
            let value = SecretPlace::Variable(SECRET.to_owned());
            return Sourced { value, from };
        }
        let of_profile = self.profile.and_then(|(name, profile)| {
            let mut places = SECRETS.iter().copied();
            let (setting, value) =
                places.find_map(|setting| profile.get(setting).map(|value| (setting, value)))?;
            let words = value.words.clone();
            let word = || words.first().cloned().unwrap_or_default();
            let place = match setting {
                Setting::SecretFile => SecretPlace::File(at_home(&word())),
                Setting::SecretVariable => SecretPlace::Variable(word()),
                _ => SecretPlace::Command(words),
            };
            let (name, line) = (name.to_owned(), value.line);
            Some(Sourced {
                value: place,
                from: Origin::Profile { name, line },
            })
        });
        of_profile.unwrap_or_else(|| Sourced::default(SecretPlace::Prompt))
    }
}

/// The option of a setting.
const fn option_of(setting: Setting) -> &'static str {
    match setting {
        Setting::ClientId => "--client-id",
        Setting::SecretFile | Setting::SecretVariable | Setting::SecretCommand => "--secret-file",
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
const fn named(setting: Setting) -> Option<&'static str> {
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
        | Setting::SecretCommand => return None,
    })
}

/// What a variable holds; nothing where it is empty.
fn variable(name: &'static str) -> Result<Option<Sourced<String>>, Failure> {
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
