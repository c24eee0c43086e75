//! The settings of one command: each from an option, a profile that an option names, a variable, the profile in use, or
//! what is usual, in this order. What makes an application comes from one of these places alone: see [`application`].

mod application;
mod found;

use std::time::Duration;

#[cfg(feature = "data")]
use humanapi_core::Host;
use humanapi_core::Hosts;

use crate::adapter::Adapter;
use crate::args::ServiceArgs;
use crate::exit::Failure;
use crate::profiles::{self, ConfigFile, Problem, Profiles};
use crate::setting::{Setting, Setup, adapter, timeout};
use application::Application;
use found::{Found, Place, variable};
pub(crate) use found::{HOSTS, Origin, SecretPlace, Sourced};

/// The one that chooses a profile.
const PROFILE: &str = "HUMANAPI_PROFILE";
/// The option that does.
const OPTION: &str = "--profile";

/// How long a call may take where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What one command goes by.
pub(crate) struct Settings {
    /// The profile that is used, where one is.
    pub(crate) profile: Option<Sourced<String>>,
    pub(crate) client_id: Option<Sourced<String>>,
    pub(crate) secret: Sourced<SecretPlace>,
    /// Where the app key is, if anything says so; why it cannot be taken is told to whoever needs it.
    pub(crate) app_key: Result<Option<Sourced<SecretPlace>>, Failure>,
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
        let is_named = matches!(&chosen, Some(chosen) if chosen.from == Origin::Option(OPTION));
        let found = Found { args, profile };
        let order = match is_named {
            true => [Place::Profile, Place::Environment],
            false => [Place::Environment, Place::Profile],
        };
        let application = Application::find(&found, order)?;
        let (hosts, hosts_from) = found.hosts(application.places())?;
        let of_setup = application.places_of_provisioning(&order);
        let setup = found.read(setup, of_setup, Setting::Provisioning, Setup::read)?;
        let adapter = found.read(args.adapter, &order, Setting::Adapter, adapter)?;
        let timeout = found.read(args.timeout, &order, Setting::Timeout, timeout)?;
        Ok(Self {
            client_id: found.text(application.places(), Setting::ClientId)?,
            secret: found.secret(application.places()),
            app_key: application.app_key(&found, &order),
            profile: chosen,
            hosts,
            hosts_from,
            setup: setup.unwrap_or_else(|| Sourced::default(Setup::default())),
            adapter: adapter.unwrap_or_else(|| Sourced::default(Adapter::default())),
            timeout: timeout.unwrap_or_else(|| Sourced::default(TIMEOUT)),
        })
    }

    /// Refuses an app key of a variable where its host is a profile's.
    #[cfg(feature = "data")]
    pub(crate) fn check_app_key(&self, key: &Origin) -> Result<(), Failure> {
        let data = (HOSTS.iter().zip(&self.hosts_from)).find(|((host, _), _)| *host == Host::Data);
        data.map_or(Ok(()), |(_, from)| application::check_app_key(key, from))
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
        let from = Origin::Option(OPTION);
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
