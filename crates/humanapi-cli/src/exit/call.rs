//! What a failed call of the service means for the command.

use std::error::Error as StdError;
use std::io;

use humanapi_client::{Error, ErrorKind};
use humanapi_core::{ApiError, ApiErrorKind, FlowError, Provisioning, SendFailureKind, TokenKind};

use std::borrow::Cow;

use crate::exit::{self, Code, Failure};

impl Failure {
    /// Reads a failed call to a host.
    pub(crate) fn call(error: &Error, host: &str, provisioning: Provisioning) -> Self {
        Self::of_call(error, host, provisioning).with_report(&error.report())
    }

    /// Its cause and its remedy, in the words of the command line.
    fn of_call(error: &Error, host: &str, provisioning: Provisioning) -> Self {
        match error.kind() {
            ErrorKind::Network(kind) => Self::network(error, host, kind),
            ErrorKind::OutOfTime => Self::network(error, host, SendFailureKind::TimedOut),
            ErrorKind::Api(kind) => match error.api_error() {
                Some(api) => Self::new(
                    // A record that there is not will not be there by itself; a token service may.
                    match (kind, api.asked_for()) {
                        (ApiErrorKind::NotFound, None) => Code::Refused,
                        _ => code(kind),
                    },
                    api_cause(error, api),
                    remedy(api, provisioning),
                ),
                None => Self::new(code(kind), error.to_string(), error.remedy()),
            },
            ErrorKind::Refused(refusal) => {
                Self::new(Code::Refused, refusal.to_string(), refusal.remedy())
            }
            ErrorKind::InvalidInput => Self::new(Code::Usage, error.to_string(), error.remedy()),
            ErrorKind::Intermediary => Self::intermediary(error, host),
            _ => Self::new(
                Code::Service,
                format!("{host}: {}", last_link(error)),
                error.remedy(),
            ),
        }
    }

    fn intermediary(error: &Error, host: &str) -> Self {
        let said = match error.intermediary() {
            Some(said) => said.to_string(),
            None => error.to_string(),
        };
        let attempts = attempts(error);
        Self::new(
            Code::Service,
            format!("{host}: {said}{attempts}"),
            error.remedy(),
        )
    }

    fn network(error: &Error, host: &str, kind: SendFailureKind) -> Self {
        let attempts = attempts(error);
        let reason = system_reason(error).map_or_else(String::new, |text| format!(": {text}"));
        let (code, cause) = match kind {
            SendFailureKind::NotSent => (
                Code::Unreachable,
                format!("cannot reach {host}{attempts}{reason}"),
            ),
            SendFailureKind::ProxyAuthentication => (
                Code::Unreachable,
                format!(
                    "cannot reach {host}: the proxy wants a user name and a password (status 407)"
                ),
            ),
            SendFailureKind::TimedOut => (
                Code::Unreachable,
                format!("{host} gave no answer in time{attempts}"),
            ),
            SendFailureKind::TooLarge => (
                Code::Service,
                format!("the answer of {host} is larger than the limit"),
            ),
            _ => (
                Code::Unreachable,
                format!("the connection to {host} broke{attempts}{reason}"),
            ),
        };
        let remedy = match kind {
            SendFailureKind::TimedOut => {
                "try again, or give it longer with --timeout; the vendor's status page may tell more"
            }
            SendFailureKind::TooLarge => {
                "check that the base URL is Human API's and no page of a proxy"
            }
            _ => kind.remedy(),
        };
        Self::new(code, cause, remedy)
    }
}

/// How many attempts were made, where there were several.
fn attempts(error: &Error) -> String {
    match error.flow_error() {
        FlowError::Exhausted { attempts, .. } | FlowError::OutOfTime { attempts, .. }
            if *attempts > 1 =>
        {
            format!(" ({attempts} attempts)")
        }
        _ => String::new(),
    }
}

const fn code(kind: ApiErrorKind) -> Code {
    match kind {
        ApiErrorKind::InvalidClientId | ApiErrorKind::InvalidCredentials => CREDENTIALS,
        ApiErrorKind::Throttled
        | ApiErrorKind::ServiceFailure
        | ApiErrorKind::NotFound
        | ApiErrorKind::Other => Code::Service,
        _ => Code::Refused,
    }
}

#[cfg(feature = "token")]
const CREDENTIALS: Code = Code::Credentials;
#[cfg(not(feature = "token"))]
const CREDENTIALS: Code = Code::Refused;

fn api_cause(error: &Error, api: &ApiError) -> String {
    match error.flow_error() {
        both @ FlowError::BothRefused { .. } => both.to_string(),
        _ => api.to_string(),
    }
}

/// The remedy in the words of the command line, where core's speak of its own types.
fn remedy(api: &ApiError, provisioning: Provisioning) -> Cow<'static, str> {
    let text = match (api.kind(), api.asked_for(), provisioning) {
        (
            ApiErrorKind::NotAuthorized | ApiErrorKind::InvalidTokenType,
            Some(TokenKind::Access),
            Provisioning::Connect,
        ) => {
            "if this application is on the Health Intelligence Platform, add `--provisioning hip`; otherwise write to the vendor's support"
        }
        (
            ApiErrorKind::NotAuthorized
            | ApiErrorKind::InvalidTokenType
            | ApiErrorKind::AdminApiDisabled
            | ApiErrorKind::NotFound,
            Some(TokenKind::Access),
            Provisioning::Hip,
        ) => {
            "if this application is not on the Health Intelligence Platform, leave out `--provisioning hip`; otherwise write to the vendor's support"
        }
        (ApiErrorKind::NotFound, Some(_), _) => {
            "check the base URL: there is no token service at this address"
        }
        (ApiErrorKind::NotFound, None, _) => {
            "check the id, which `humanapi data list` shows; if it is right, check the base URL"
        }
        (ApiErrorKind::AlreadyConnected, _, _) => {
            "the user has connected a source: ask for an id token, or let `humanapi token connect` choose"
        }
        (ApiErrorKind::UnknownUser, _, _) => {
            "check the user id; a new user needs a session token first: let `humanapi token connect` choose"
        }
        _ => api.remedy(),
    };
    Cow::Borrowed(text)
}

/// The innermost error of this project, without what an HTTP stack adds.
fn last_link(error: &Error) -> String {
    match error.flow_error() {
        FlowError::Exhausted { last, .. } => last.to_string(),
        other => other.to_string(),
    }
}

/// What the system said of the connection: the innermost I/O error. Addresses, bodies and headers
/// are not in it.
fn system_reason(error: &Error) -> Option<String> {
    let mut found = None;
    let mut link: Option<&(dyn StdError + 'static)> = Some(error.flow_error());
    while let Some(this) = link {
        if let Some(system) = this.downcast_ref::<io::Error>() {
            found = Some(system);
        }
        link = this.source();
    }
    found.map(exit::system_text)
}
