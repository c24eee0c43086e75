//! An application's settings as the environment holds them, under the names that the `humanapi` command reads too.

use std::ffi::OsString;

use humanapi_core::{Credentials, CredentialsError, HostError, Hosts};
use thiserror::Error;

const CLIENT_ID: &str = "HUMANAPI_CLIENT_ID";
const CLIENT_SECRET: &str = "HUMANAPI_CLIENT_SECRET";
const BASE_URL: &str = "HUMANAPI_BASE_URL";

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
}

impl EnvironmentError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Missing(_) => "set it to what the developer portal shows",
            Self::NotText(_) => "set it to UTF-8 text",
            Self::Credentials { why, .. } => why.remedy(),
            Self::BaseUrl { why, .. } => why.remedy(),
        }
    }
}

/// Whose requests, and where they go.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) credentials: Credentials,
    pub(crate) hosts: Hosts,
}

impl Environment {
    /// What the variables say, each read by `read`.
    pub(crate) fn from(
        read: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, EnvironmentError> {
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
        // Some editors put a byte order mark before a text that a shell then reads into the variable.
        let secret = secret.strip_prefix('\u{feff}').unwrap_or(&secret);
        humanapi_core::ClientId::new(client_id.as_str()).map_err(|why| {
            EnvironmentError::Credentials {
                variable: CLIENT_ID,
                why,
            }
        })?;
        let credentials =
            Credentials::new(client_id, secret).map_err(|why| EnvironmentError::Credentials {
                variable: CLIENT_SECRET,
                why,
            })?;
        let hosts = match text(BASE_URL)? {
            None => Hosts::production(),
            Some(url) => Hosts::single(&url).map_err(|why| EnvironmentError::BaseUrl {
                variable: BASE_URL,
                why,
            })?,
        };
        Ok(Self { credentials, hosts })
    }
}

#[cfg(test)]
mod tests {
    use humanapi_core::Host;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::from(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(*value))
        })
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], told: &str) {
        let error = read(variables).unwrap_err();
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

        let error = Environment::from(|_| Some(OsString::from_vec(b"canary\xff".to_vec())));
        assert_eq!(error.unwrap_err(), EnvironmentError::NotText(CLIENT_ID));
    }
}
