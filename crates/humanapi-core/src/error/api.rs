//! The service's own refusals: the documented codes, every form of body, and what to do next.

use std::fmt;
use std::ops::Deref;

use http::StatusCode;
use serde_json::{Map, Value};

use super::code::{ErrorCode, code_of, shown_code};
use super::failed::FailedResponse;
use crate::message::Response;
use crate::rules::Provisioning;
use crate::token::TokenKind;
use crate::user::TokenRefusal;

/// What a refusal means, whatever form it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The request is not what the service expects.
    InvalidRequest,
    /// The service does not know this type of token here.
    InvalidTokenType,
    /// There is no such application.
    InvalidClientId,
    /// The application's id and secret do not match.
    InvalidCredentials,
    /// A session was asked for a user who has connected a source.
    AlreadyConnected,
    /// The service does not know the user, or not as a connected one.
    UnknownUser,
    /// The user has no connected source, or was deleted.
    NothingConnected,
    /// The Admin API is off for this application.
    AdminApiDisabled,
    /// The application may not do this.
    NotAuthorized,
    /// The token is missing, unknown, ended or revoked.
    InvalidToken,
    /// There is nothing at this address.
    NotFound,
    /// The state of things does not allow it.
    Conflict,
    /// Too many requests.
    Throttled,
    /// The service itself failed.
    ServiceFailure,
    /// An answer with none of these meanings.
    Other,
}

impl ApiErrorKind {
    /// The word for it, for logs and counters: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidTokenType => "invalid_token_type",
            Self::InvalidClientId => "invalid_client_id",
            Self::InvalidCredentials => "invalid_credentials",
            Self::AlreadyConnected => "already_connected",
            Self::UnknownUser => "unknown_user",
            Self::NothingConnected => "nothing_connected",
            Self::AdminApiDisabled => "admin_api_disabled",
            Self::NotAuthorized => "not_authorized",
            Self::InvalidToken => "invalid_token",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::ServiceFailure => "service_failure",
            Self::Other => "other",
        }
    }

    /// What it means in a few words; nothing where the status says no more.
    const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidClientId => "there is no such application",
            Self::InvalidCredentials => "the application's id and secret do not match",
            Self::AlreadyConnected => "the user has connected a source",
            Self::UnknownUser => "the user is not known",
            Self::NothingConnected => "the user has connected no source",
            Self::AdminApiDisabled => "the Admin API is off for this application",
            Self::NotAuthorized => "the application may not do this",
            Self::InvalidToken => "the token is missing, unknown, ended or revoked",
            Self::NotFound => "there is nothing at this address",
            Self::Throttled => "too many requests",
            Self::ServiceFailure => "the service itself failed",
            Self::InvalidRequest | Self::InvalidTokenType | Self::Conflict | Self::Other => {
                return None;
            }
        })
    }
}

/// What was asked for when the service refused. It gives statuses their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Session,
    Id,
    Access(Provisioning),
    Client,
    /// Anything that is authorized by a token.
    WithToken,
    /// Anything that is authorized by the application's key.
    WithAppKey,
}

impl Asked {
    const fn kind(self) -> Option<TokenKind> {
        match self {
            Self::Session => Some(TokenKind::Session),
            Self::Id => Some(TokenKind::Id),
            Self::Access(_) => Some(TokenKind::Access),
            Self::Client => Some(TokenKind::Client),
            Self::WithToken | Self::WithAppKey => None,
        }
    }
}

/// The service refused.
///
/// `Display` and `Debug` show status, meaning, code and request id, and `Display` the fields that the
/// service found wrong where they are known names. The service's own message can repeat what was sent, so
/// it is shown by [`message`](Self::message) alone. Derefs to the [`FailedResponse`] that it came in.
#[derive(Clone)]
pub struct ApiError {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    asked: Asked,
    response: FailedResponse,
    kind: ApiErrorKind,
    code: Option<ErrorCode>,
    message: Option<String>,
    validation: Option<Validation>,
}

/// Which parts of a request the service found wrong.
///
/// `Debug` shows how many they are: what the service names may be anything, a value among it.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validation {
    /// Where they stand: `payload`, `query`, …
    pub source: Option<String>,
    /// Their names.
    pub keys: Vec<String>,
}

impl fmt::Debug for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validation")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// The names under which this crate sends something, in bodies and in queries. Those within a list or another field
/// stand here without the place in the list.
const SENT: [&str; 61] = [
    "type",
    "client_id",
    "client_secret",
    "client_user_id",
    "client_user_email",
    "extra_scopes",
    "limit",
    "offset",
    "created_since",
    "created_before",
    "updated_since",
    "updated_before",
    "source",
    "start_date",
    "end_date",
    "time_series",
    "locations",
    "externalId",
    "humanId",
    "clientUserId",
    "action",
    "role",
    "query",
    "sort",
    "createdByOrderId",
    "subscriberEmail",
    "subscriberFirstName",
    "subscriberLastName",
    "subscriberOffice",
    "clientUserEmail",
    "firstName",
    "middleName",
    "lastName",
    "gender",
    "dateOfBirth",
    "ssn",
    "phone",
    "autoInvite",
    "orderType",
    "clientData",
    "suggestedSources",
    "conditions",
    "address",
    "address.street1",
    "address.street2",
    "address.city",
    "address.state",
    "address.zip",
    "providers",
    "providers.name",
    "providers.organizationName",
    "providers.clientProviderId",
    "providers.address",
    "providers.phone",
    "providers.fax",
    "providers.mrn",
    "providers.npi",
    "attachments",
    "attachments.type",
    "attachments.contentType",
    "attachments.content",
];

/// A field's name without its places in lists: `providers.0.name` and `providers[0].name` are `providers.name`.
fn without_places(key: &str) -> String {
    let names = key.split(['.', '[', ']']);
    let names = names.filter(|name| name.bytes().any(|byte| !byte.is_ascii_digit()));
    names.collect::<Vec<_>>().join(".")
}

impl ApiError {
    /// Reads a refusal that bears the service's marks. `fields` are those of its body.
    pub(crate) fn read(asked: Asked, response: &Response, fields: &Map<String, Value>) -> Self {
        let code = code_of(fields);
        Self {
            inner: Box::new(Inner {
                asked,
                response: FailedResponse::read(response, fields),
                kind: classify(asked, response.status(), code.as_ref()),
                code,
                message: read_message(fields),
                validation: read_validation(fields),
            }),
        }
    }

    /// What the refusal means.
    #[must_use]
    pub fn kind(&self) -> ApiErrorKind {
        self.inner.kind
    }

    /// The code, where one was sent.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.inner.code.as_ref()
    }

    /// The service's own words. They can repeat what was sent: keep them out of logs.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.inner.message.as_deref()
    }

    /// Which parts of the request were wrong, where the service says so.
    #[must_use]
    pub fn validation(&self) -> Option<&Validation> {
        self.inner.validation.as_ref()
    }

    /// The kind of token that was asked for, unless the refused call was none for a token.
    #[must_use]
    pub fn asked_for(&self) -> Option<TokenKind> {
        self.inner.asked.kind()
    }

    /// Whether the same request may well succeed later: throttling and failures of the service.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.inner.kind,
            ApiErrorKind::Throttled | ApiErrorKind::ServiceFailure
        ) || self.status() == StatusCode::REQUEST_TIMEOUT
    }

    /// What the refusal tells of the user, where it tells anything.
    #[must_use]
    pub fn token_refusal(&self) -> Option<TokenRefusal> {
        match self.inner.kind {
            ApiErrorKind::AlreadyConnected => Some(TokenRefusal::AlreadyConnected),
            ApiErrorKind::UnknownUser => Some(TokenRefusal::UnknownUser),
            ApiErrorKind::NothingConnected => Some(TokenRefusal::NothingConnected),
            _ => None,
        }
    }

    /// The fields that the service found wrong, of those that this crate sends.
    ///
    /// A field of another name may be anything, so it is not shown.
    fn named(&self) -> impl Iterator<Item = &'static str> {
        let wrong = self.validation().map_or(&[][..], |found| &found.keys);
        let wrong: Vec<String> = wrong.iter().map(|key| without_places(key)).collect();
        SENT.into_iter()
            .filter(move |sent| wrong.iter().any(|key| key == sent))
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match (self.inner.kind, self.inner.asked) {
            (
                ApiErrorKind::NotAuthorized | ApiErrorKind::InvalidTokenType,
                Asked::Access(Provisioning::Connect),
            ) => {
                "if this application is on the Health Intelligence Platform, set Provisioning::Hip; otherwise write to the vendor's support"
            }
            (
                ApiErrorKind::NotAuthorized
                | ApiErrorKind::InvalidTokenType
                | ApiErrorKind::AdminApiDisabled
                | ApiErrorKind::NotFound,
                Asked::Access(Provisioning::Hip),
            ) => {
                "if this application is not on the Health Intelligence Platform, set Provisioning::Connect; otherwise ask the vendor's support to enable the Admin API"
            }
            (ApiErrorKind::InvalidRequest, _) => {
                if self.named().next().is_some() {
                    "correct the fields that the message names, then ask again"
                } else {
                    "check each value that was sent; if all are right, give the vendor's support the request id"
                }
            }
            (ApiErrorKind::InvalidTokenType, _) => {
                "ask the address that issues this type of token: check hosts and provisioning"
            }
            (ApiErrorKind::InvalidClientId, _) => {
                "check the client id in the developer portal, and that the hosts are those it belongs to"
            }
            (ApiErrorKind::InvalidCredentials | ApiErrorKind::NotAuthorized, Asked::WithAppKey) => {
                "check the client id and the app key in the developer portal"
            }
            (ApiErrorKind::InvalidCredentials, _) => {
                "check the client id and the client secret in the developer portal"
            }
            (ApiErrorKind::AlreadyConnected, _) => {
                "the user has connected a source: open Connect with an id token"
            }
            (ApiErrorKind::UnknownUser, _) => {
                "get a session token for the user and let the user connect a source first"
            }
            (ApiErrorKind::NothingConnected, _) => {
                "let the user open Connect and connect a source; if one is connected, write to the vendor's support"
            }
            (ApiErrorKind::AdminApiDisabled, _) => {
                "ask the vendor's support to enable the Admin API for this application"
            }
            (ApiErrorKind::NotAuthorized, _) => {
                "ask the vendor's support to allow this for the application"
            }
            (ApiErrorKind::InvalidToken, _) => {
                "ask for a new token; if that one is refused too, check that it belongs to this host and user"
            }
            (ApiErrorKind::NotFound, _) => "check the address and the id",
            (ApiErrorKind::Conflict, _) => "read the current state, then decide whether to repeat",
            (ApiErrorKind::Throttled, _) => "wait as long as the answer asks, then try again",
            (ApiErrorKind::ServiceFailure, _) => {
                "try again later; the vendor's status page may tell more"
            }
            (ApiErrorKind::Other, Asked::Id | Asked::Access(_)) => {
                "no documented code says what it means: look for a gateway in between, and give the vendor's support the request id"
            }
            (ApiErrorKind::Other, _) => {
                "look up the status, and give the vendor's support the request id"
            }
        }
    }
}

impl Deref for ApiError {
    type Target = FailedResponse;

    fn deref(&self) -> &FailedResponse {
        &self.inner.response
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service refused ")?;
        match self.inner.asked.kind() {
            Some(TokenKind::Id | TokenKind::Access) => {
                write!(
                    f,
                    "an {} token",
                    self.inner.asked.kind().map_or("", TokenKind::name)
                )?;
            }
            Some(kind) => write!(f, "a {kind} token")?,
            None => f.write_str("the call")?,
        }
        write!(f, " with status {}", self.status().as_u16())?;
        if let Some(code) = &self.inner.code {
            write!(f, " ({})", shown_code(code))?;
        }
        // A documented code says it already.
        let says_it = (self.inner.code.as_ref()).is_some_and(ErrorCode::is_documented);
        if let Some(meaning) = self.inner.kind.meaning().filter(|_| !says_it) {
            write!(f, ": {meaning}")?;
        }
        let mut lead = " because of ";
        for name in self.named() {
            write!(f, "{lead}`{name}`")?;
            lead = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("status", &self.status().as_u16())
            .field("kind", &self.inner.kind)
            .field("code", &self.inner.code.as_ref().map(shown_code))
            .field("request_id", &self.shown_id())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}
fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    fields.get(key)?.as_str().map(str::to_owned)
}

fn read_message(fields: &Map<String, Value>) -> Option<String> {
    text(fields, "message")
        .or_else(|| text(fields, "error_description"))
        .or_else(|| text(fields, "error"))
        .or_else(|| text(fields.get("error")?.as_object()?, "message"))
}

fn read_validation(fields: &Map<String, Value>) -> Option<Validation> {
    let validation = fields.get("validation")?.as_object()?;
    let keys = validation.get("keys").and_then(Value::as_array);
    Some(Validation {
        source: text(validation, "source"),
        keys: keys
            .into_iter()
            .flatten()
            .filter_map(|key| key.as_str().map(str::to_owned))
            .collect(),
    })
}

fn classify(asked: Asked, status: StatusCode, code: Option<&ErrorCode>) -> ApiErrorKind {
    match code {
        Some(ErrorCode::InvalidTokenType) => ApiErrorKind::InvalidTokenType,
        Some(ErrorCode::InvalidClientId) => ApiErrorKind::InvalidClientId,
        Some(ErrorCode::InvalidClientIdOrSecret) => ApiErrorKind::InvalidCredentials,
        // A session is documented to be refused with 403 once a source was connected, and no code is
        // documented for it: whichever comes, if it does not speak of the credentials, means that.
        _ if asked == Asked::Session && status == StatusCode::FORBIDDEN => {
            ApiErrorKind::AlreadyConnected
        }
        Some(ErrorCode::UnknownClientUserId) => ApiErrorKind::UnknownUser,
        Some(ErrorCode::AccessTokenGenerationNotAllowed) => ApiErrorKind::NothingConnected,
        Some(ErrorCode::ClientTokenGenerationNotAllowed) => ApiErrorKind::AdminApiDisabled,
        Some(ErrorCode::NotAuthorized) => ApiErrorKind::NotAuthorized,
        Some(ErrorCode::Other(_)) | None => classify_status(asked, status),
    }
}

fn classify_status(asked: Asked, status: StatusCode) -> ApiErrorKind {
    match (status.as_u16(), asked) {
        (401, Asked::WithToken) => ApiErrorKind::InvalidToken,
        (401, _) => ApiErrorKind::InvalidCredentials,
        (409, Asked::Session) => ApiErrorKind::AlreadyConnected,
        // Gateways refuse with these too, in bodies of the service's own form: without a documented
        // code they tell nothing of a user.
        (403 | 404, Asked::Id | Asked::Access(_)) => ApiErrorKind::Other,
        (403, Asked::Client) => ApiErrorKind::AdminApiDisabled,
        (403, Asked::WithToken | Asked::WithAppKey) => ApiErrorKind::NotAuthorized,
        (404, _) => ApiErrorKind::NotFound,
        (409, _) => ApiErrorKind::Conflict,
        (429, _) => ApiErrorKind::Throttled,
        (400 | 405 | 406 | 411 | 413 | 414 | 415 | 422 | 431, _) => ApiErrorKind::InvalidRequest,
        (500..=599, _) => ApiErrorKind::ServiceFailure,
        _ => ApiErrorKind::Other,
    }
}
