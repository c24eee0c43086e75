//! A token as the service issued it, and the one of two that opens Connect.

use super::expiry::Expiry;
use super::kind::TokenKind;
use super::secret::{IdToken, RefreshToken, SessionToken};
use crate::user_id::HumanId;

/// A token as the service issued it, with all that came along.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued<T> {
    /// The token.
    pub token: T,
    /// When it ends.
    pub expiry: Expiry,
    /// Human API's id for the user, where the answer told it.
    pub human_id: Option<HumanId>,
    /// Came along with an id or access token. No documented call takes it.
    pub refresh_token: Option<RefreshToken>,
}

impl<T> Issued<T> {
    /// A token with its end, for instance from a store.
    #[must_use]
    pub const fn new(token: T, expiry: Expiry) -> Self {
        Self {
            token,
            expiry,
            human_id: None,
            refresh_token: None,
        }
    }
}

/// A token that may go to a browser and opens Connect: a session or an id token.
///
/// Only these two become one, so that a server's token cannot reach a page by mistake:
///
/// ```compile_fail
/// use humanapi_core::{AccessToken, ConnectToken, Issued};
///
/// fn leak(token: Issued<AccessToken>) -> ConnectToken {
///     token.into()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ConnectToken {
    token: LaunchSecret,
    expiry: Expiry,
    human_id: Option<HumanId>,
}

#[derive(Clone, Debug)]
enum LaunchSecret {
    Session(SessionToken),
    Id(IdToken),
}

impl ConnectToken {
    /// Which of the two it is.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        match self.token {
            LaunchSecret::Session(_) => TokenKind::Session,
            LaunchSecret::Id(_) => TokenKind::Id,
        }
    }

    /// When it ends.
    #[must_use]
    pub const fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// Human API's id for the user, where the answer told it.
    #[must_use]
    pub const fn human_id(&self) -> Option<&HumanId> {
        self.human_id.as_ref()
    }

    /// The token in clear, for the page that opens Connect. Keep it out of logs.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        match &self.token {
            LaunchSecret::Session(token) => token.expose_secret(),
            LaunchSecret::Id(token) => token.expose_secret(),
        }
    }
}

impl From<Issued<SessionToken>> for ConnectToken {
    fn from(issued: Issued<SessionToken>) -> Self {
        Self {
            token: LaunchSecret::Session(issued.token),
            expiry: issued.expiry,
            human_id: issued.human_id,
        }
    }
}

impl From<Issued<IdToken>> for ConnectToken {
    fn from(issued: Issued<IdToken>) -> Self {
        Self {
            token: LaunchSecret::Id(issued.token),
            expiry: issued.expiry,
            human_id: issued.human_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::token::{AccessToken, ClientToken};

    #[test]
    fn debug_hides_every_token() {
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            SessionToken::new("canary"),
            IdToken::new("canary"),
            AccessToken::new("canary"),
            ClientToken::new("canary"),
            RefreshToken::new("canary"),
            ConnectToken::from(Issued::new(
                IdToken::new("canary"),
                Expiry::at(SystemTime::UNIX_EPOCH)
            )),
        );
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.starts_with("SessionToken(…) IdToken(…)"), "{shown}");
    }
}
