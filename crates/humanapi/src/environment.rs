//! An application's settings as the environment holds them, under the names that the `humanapi` command reads too.

use std::ffi::OsString;

use humanapi_core::{
    CallTimeout, CallTimeoutError, ClientId, Credentials, CredentialsError, Host, HostError, Hosts,
    Provisioning, RetryPolicy,
};
use thiserror::Error;

use crate::settings::Settings;

const CLIENT_ID: &str = "HUMANAPI_CLIENT_ID";
const CLIENT_SECRET: &str = "HUMANAPI_CLIENT_SECRET";
const BASE_URL: &str = "HUMANAPI_BASE_URL";
/// The hosts that have a variable of their own, which counts before that of all hosts.
const HOSTS: [(Host, &str); 3] = [
    (Host::Auth, "HUMANAPI_AUTH_URL"),
    (Host::Admin, "HUMANAPI_ADMIN_URL"),
    (Host::Data, "HUMANAPI_DATA_URL"),
];
const PROVISIONING: &str = "HUMANAPI_PROVISIONING";
const TIMEOUT: &str = "HUMANAPI_TIMEOUT";

/// Why the environment makes no client. It names the variable, and never shows what that holds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The variable is not set, or is empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable does not hold UTF-8 text.
    #[error("the environment variable {0} does not hold text")]
    NotText(&'static str),
    /// The variable holds what no client id and no client secret can be.
    #[error("the environment variable {variable} cannot be used: {why}")]
    Credentials {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with its value.
        why: CredentialsError,
    },
    /// The variable holds an address that no request may go to.
    #[error("the environment variable {variable} cannot be used: {why}")]
    BaseUrl {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with its value.
        why: HostError,
    },
    /// The variable names no way to set an application up.
    #[error("the environment variable {0} cannot be used: there is no such provisioning")]
    Provisioning(&'static str),
    /// The variable holds no time that a call may take.
    #[error("the environment variable {variable} cannot be used: {why}")]
    Timeout {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with its value.
        why: CallTimeoutError,
    },
}

impl EnvironmentError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Missing(_) => "set it to what the developer portal shows",
            Self::NotText(_) => "set it to text in UTF-8, or unset it",
            Self::Credentials { why, .. } => why.remedy(),
            Self::BaseUrl { why, .. } => why.remedy(),
            Self::Provisioning(_) => "it can be connect or hip",
            Self::Timeout { why, .. } => why.remedy(),
        }
    }
}

/// A client's settings as the variables say, each read by `read`.
pub(crate) fn settings(
    read: impl Fn(&'static str) -> Option<OsString>,
) -> Result<Settings, EnvironmentError> {
    let text = |variable| match read(variable).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => match value.into_string() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(EnvironmentError::NotText(variable)),
        },
    };
    let needed = |variable| text(variable)?.ok_or(EnvironmentError::Missing(variable));
    let client_id = needed(CLIENT_ID)?;
    let secret = needed(CLIENT_SECRET)?;
    let unfit = |variable, why| EnvironmentError::Credentials { variable, why };
    ClientId::new(&client_id).map_err(|why| unfit(CLIENT_ID, why))?;
    // Some editors put a byte order mark before a text that a shell then reads into the variable.
    let secret = secret.strip_prefix('\u{feff}').unwrap_or(&secret);
    let credentials =
        Credentials::new(client_id, secret).map_err(|why| unfit(CLIENT_SECRET, why))?;
    let mut settings = Settings::new(credentials, hosts(text)?);
    if let Some(word) = text(PROVISIONING)? {
        let unknown = |_| EnvironmentError::Provisioning(PROVISIONING);
        settings.provisioning = word.parse::<Provisioning>().map_err(unknown)?;
    }
    if let Some(time) = text(TIMEOUT)? {
        let unfit = |why| EnvironmentError::Timeout {
            variable: TIMEOUT,
            why,
        };
        let timeout = time.parse::<CallTimeout>().map_err(unfit)?;
        settings.retry = RetryPolicy::within(timeout.duration());
    }
    Ok(settings)
}

/// Where requests go.
fn hosts(
    text: impl Fn(&'static str) -> Result<Option<String>, EnvironmentError>,
) -> Result<Hosts, EnvironmentError> {
    let unfit = |variable| move |why| EnvironmentError::BaseUrl { variable, why };
    let mut hosts = match text(BASE_URL)? {
        None => Hosts::production(),
        Some(url) => Hosts::single(&url).map_err(unfit(BASE_URL))?,
    };
    for (host, variable) in HOSTS {
        if let Some(url) = text(variable)? {
            hosts = hosts.with(host, &url).map_err(unfit(variable))?;
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, EnvironmentError> {
        settings(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(*value))
        })
    }

    /// What this variable makes of a client, in the words of the command, beside an id and a secret.
    fn told(variable: &str, value: &str) -> String {
        let usual = [(CLIENT_ID, "my-app"), (CLIENT_SECRET, "hush")];
        let read_so = read(&[usual[0], usual[1], (variable, value)]);
        match read_so {
            Err(error) => format!("{error}; {}", error.remedy()),
            Ok(settings) if variable == PROVISIONING => settings.provisioning.name().to_owned(),
            Ok(settings) if variable == TIMEOUT => {
                let retry = &settings.retry;
                // The command gives a second attempt half of the time, too.
                assert_eq!(retry.attempt_timeout() * 2, retry.overall_deadline());
                assert_eq!(retry.chunk_timeout(), retry.overall_deadline());
                format!("{}s", retry.overall_deadline().as_secs_f64())
            }
            Ok(settings) => {
                let hosts = HOSTS.map(|(host, _)| settings.hosts.base(host).to_string());
                hosts.join(" ")
            }
        }
    }

    #[test]
    fn each_variable_of_the_command_is_obeyed_as_the_command_obeys_it() {
        for line in include_str!("../tests/environment.txt").lines() {
            let [variable, value, wanted] = line.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let told = told(variable, value);
            let wanted = wanted.strip_prefix("error: ").unwrap_or(wanted);
            assert!(told.ends_with(wanted), "{line}: {told}");
        }
    }

    #[test]
    fn the_address_of_one_host_counts_before_that_of_all() {
        let [all, data] = ["http://127.0.0.1:8080", "http://127.0.0.1:8081"];
        let read_so = read(&[
            (CLIENT_ID, "my-app"),
            (CLIENT_SECRET, "hush"),
            ("HUMANAPI_DATA_URL", data),
            (BASE_URL, all),
        ]);
        let hosts = read_so.unwrap().hosts;
        for host in Host::ALL {
            let wanted = if host == Host::Data { data } else { all };
            assert_eq!(hosts.base(host).to_string(), wanted);
        }
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], told: &str) {
        let error = read(variables).err().expect("they make no client");
        assert_eq!(error.to_string(), told);
        assert!(!error.remedy().is_empty());
        for text in [format!("{error:?}"), error.to_string()] {
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn the_variables_of_the_command_make_a_client() {
        let of_production = [(CLIENT_ID, "my-app"), (CLIENT_SECRET, "\u{feff}hush")];
        let read_so = read(&of_production).unwrap();
        assert_eq!(read_so.credentials.client_id().as_str(), "my-app");
        assert_eq!(read_so.credentials.expose_client_secret(), "hush");
        let production = Hosts::production();
        for host in Host::ALL {
            assert_eq!(read_so.hosts.base(host), production.base(host));
        }
        let url = "http://127.0.0.1:8080";
        let of_sandbox = [of_production[0], of_production[1], (BASE_URL, url)];
        for host in Host::ALL {
            let read_so = read(&of_sandbox).unwrap();
            assert_eq!(read_so.hosts.base(host).to_string(), url);
        }
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named_and_its_value_is_not_shown() {
        check(
            &[],
            "the environment variable HUMANAPI_CLIENT_ID is not set",
        );
        check(
            &[(CLIENT_ID, "canary"), (CLIENT_SECRET, "")],
            "the environment variable HUMANAPI_CLIENT_SECRET is not set",
        );
        check(
            &[(CLIENT_ID, " canary"), (CLIENT_SECRET, "canary")],
            "the environment variable HUMANAPI_CLIENT_ID cannot be used: the client id has white space around it",
        );
        check(
            &[(CLIENT_ID, "canary"), (CLIENT_SECRET, "canary\n")],
            "the environment variable HUMANAPI_CLIENT_SECRET cannot be used: the client secret has white space around it",
        );
        let wrong = "https://canary@host.example.test";
        check(
            &[(CLIENT_ID, "a"), (CLIENT_SECRET, "s"), (BASE_URL, wrong)],
            "the environment variable HUMANAPI_BASE_URL cannot be used: the address has user information before the host",
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_told_as_such() {
        use std::os::unix::ffi::OsStringExt as _;

        let error = settings(|_| Some(OsString::from_vec(b"canary\xff".to_vec()))).err();
        assert_eq!(error, Some(EnvironmentError::NotText(CLIENT_ID)));
    }
}
