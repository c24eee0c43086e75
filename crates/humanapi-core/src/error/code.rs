//! The codes that the service refuses with, and where a body holds one.

use serde_json::{Map, Value};

/// The error codes of the token service.
///
/// The documents list seven. They do not say with which status each comes, so the code decides and
/// the status is asked only where no known code is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `INVALID_TOKEN_TYPE`: the `type` is none of those known.
    InvalidTokenType,
    /// `INVALID_CLIENT_ID`: there is no such application.
    InvalidClientId,
    /// `INVALID_CLIENT_ID_OR_SECRET`: id and secret do not match.
    InvalidClientIdOrSecret,
    /// `UNKNOWN_CLIENT_USER_ID`: the application has no such connected user.
    UnknownClientUserId,
    /// `ACCESS_TOKEN_GENERATION_NOT_ALLOWED`: the user has no connected source.
    AccessTokenGenerationNotAllowed,
    /// `CLIENT_TOKEN_GENERATION_NOT_ALLOWED`: the Admin API is off for this application.
    ClientTokenGenerationNotAllowed,
    /// `NOT_AUTHORIZED`: the application may not do this.
    NotAuthorized,
    /// A code that is not documented, as it was sent.
    Other(Box<str>),
}

impl ErrorCode {
    /// The documented codes.
    pub const DOCUMENTED: [Self; 7] = [
        Self::InvalidTokenType,
        Self::InvalidClientId,
        Self::InvalidClientIdOrSecret,
        Self::UnknownClientUserId,
        Self::AccessTokenGenerationNotAllowed,
        Self::ClientTokenGenerationNotAllowed,
        Self::NotAuthorized,
    ];

    /// The code as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidTokenType => "INVALID_TOKEN_TYPE",
            Self::InvalidClientId => "INVALID_CLIENT_ID",
            Self::InvalidClientIdOrSecret => "INVALID_CLIENT_ID_OR_SECRET",
            Self::UnknownClientUserId => "UNKNOWN_CLIENT_USER_ID",
            Self::AccessTokenGenerationNotAllowed => "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
            Self::ClientTokenGenerationNotAllowed => "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
            Self::NotAuthorized => "NOT_AUTHORIZED",
            Self::Other(code) => code,
        }
    }

    /// Whether it is one of the seven.
    #[must_use]
    pub const fn is_documented(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Whether it is written as the documented codes are: words in capitals, joined by underscores.
    pub(crate) fn has_the_services_form(&self) -> bool {
        let text = self.as_str();
        is_shown(text) && text.contains('_')
    }

    pub(crate) fn parse(text: &str) -> Self {
        Self::DOCUMENTED
            .into_iter()
            .find(|code| code.as_str() == text)
            .unwrap_or_else(|| Self::Other(text.into()))
    }
}

/// The code, wherever it stands. An empty code is none.
pub(crate) fn code_of(fields: &Map<String, Value>) -> Option<ErrorCode> {
    let code_at = |fields: &Map<String, Value>, key: &str| {
        let text = fields.get(key)?.as_str()?;
        (!text.is_empty()).then(|| ErrorCode::parse(text))
    };
    ["errorCode", "error_code", "code"]
        .iter()
        .find_map(|key| code_at(fields, key))
        .or_else(|| {
            // `error` is most often a reason phrase; it is a code only where it is a known one.
            code_at(fields, "error").filter(ErrorCode::is_documented)
        })
        .or_else(|| {
            let nested = fields.get("error")?.as_object()?;
            ["code", "errorCode"]
                .iter()
                .find_map(|key| code_at(nested, key))
        })
}

/// A code that does not look like one may be anything, so it is not shown.
pub(super) fn shown_code(code: &ErrorCode) -> &str {
    let text = code.as_str();
    if is_shown(text) { text } else { "another code" }
}

fn is_shown(code: &str) -> bool {
    code.len() <= 64
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
