//! What goes into an `Authorization` header.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::BuildError;
use crate::rules::Purpose;
use crate::token::{AccessToken, ClientToken, Generation, TokenKind};

/// A token ready to authorize calls, made from an access or a client token and from no other.
///
/// Cheap to clone: the header value is written once and shared. It is marked sensitive, so HTTP
/// stacks neither show nor index it, and wiped when the last owner lets go of it.
#[derive(Clone)]
pub struct Bearer {
    authorization: HeaderValue,
    generation: Generation,
    purpose: Purpose,
}

impl Bearer {
    /// Authorizes by an access token.
    ///
    /// # Errors
    ///
    /// When the token holds bytes that no header can hold.
    pub fn access(token: &AccessToken, generation: Generation) -> Result<Self, BuildError> {
        Self::new(token.expose_secret(), generation, Purpose::ReadData)
    }

    /// Authorizes by a client token.
    ///
    /// # Errors
    ///
    /// When the token holds bytes that no header can hold.
    pub fn client(token: &ClientToken, generation: Generation) -> Result<Self, BuildError> {
        Self::new(token.expose_secret(), generation, Purpose::Administer)
    }

    /// Authorizes by a token whose kind is known only when it runs.
    pub(crate) fn of_kind(
        kind: TokenKind,
        token: &str,
        generation: Generation,
    ) -> Result<Self, BuildError> {
        match kind {
            TokenKind::Access => Self::new(token, generation, Purpose::ReadData),
            TokenKind::Client => Self::new(token, generation, Purpose::Administer),
            TokenKind::Session | TokenKind::Id => Err(BuildError::NotABearer(kind)),
        }
    }

    fn new(token: &str, generation: Generation, purpose: Purpose) -> Result<Self, BuildError> {
        let mut value = Zeroizing::new(Vec::with_capacity("Bearer ".len() + token.len()));
        value.extend_from_slice(b"Bearer ");
        value.extend_from_slice(token.as_bytes());
        let mut authorization = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
            .map_err(|_| BuildError::TokenNotAHeader)?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization,
            generation,
            purpose,
        })
    }

    /// Tells this token from the one it replaced.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// What the token is for: reading a user's data, or administering.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The header's value, marked sensitive.
    #[must_use]
    pub const fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("generation", &self.generation)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_written_once_and_hidden() {
        let token = AccessToken::new("canary");
        let bearer = Bearer::access(&token, Generation::new(3)).unwrap();
        assert_eq!(bearer.authorization(), "Bearer canary");
        assert!(bearer.authorization().is_sensitive());
        assert!(!format!("{bearer:?} {:?}", bearer.authorization()).contains("canary"));
    }

    #[test]
    fn a_token_with_a_line_break_is_refused() {
        let token = AccessToken::new("a\r\nx: y");
        assert!(matches!(
            Bearer::access(&token, Generation::new(0)),
            Err(BuildError::TokenNotAHeader)
        ));
    }
}
