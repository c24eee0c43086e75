//! A token as it is kept, whatever its kind.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::bearer::Bearer;
use crate::error::BuildError;
use crate::into_secret::IntoSecret;
use crate::now::Now;
use crate::token::{
    AccessToken, ClientToken, ConnectToken, Expiry, Generation, IdToken, Issued, RefreshToken,
    SessionToken, TokenKind,
};
use crate::user_id::HumanId;

/// A token of any kind as a broker or a store keeps it, with all that came along.
///
/// It becomes a [`Bearer`] or a [`ConnectToken`] only where its kind may: an access or client token
/// never reaches Connect. `Debug` hides it and it is wiped when dropped.
#[derive(Clone)]
pub struct KeptToken {
    kind: TokenKind,
    secret: SecretString,
    generation: Generation,
    expiry: Expiry,
    life: Duration,
    human_id: Option<HumanId>,
    refresh_token: Option<RefreshToken>,
}

impl KeptToken {
    /// A token of this kind, with nothing that came along.
    ///
    /// `life` is how long it lives in all: it decides how far ahead of its end it is renewed.
    #[must_use]
    pub fn new(
        kind: TokenKind,
        secret: impl IntoSecret,
        generation: Generation,
        expiry: Expiry,
        life: Duration,
    ) -> Self {
        Self {
            kind,
            secret: secret.into_secret(),
            generation,
            expiry,
            life,
            human_id: None,
            refresh_token: None,
        }
    }

    /// Adds Human API's id for the user.
    #[must_use]
    pub fn with_human_id(mut self, id: Option<HumanId>) -> Self {
        self.human_id = id;
        self
    }

    /// Adds the refresh token that came along.
    #[must_use]
    pub fn with_refresh_token(mut self, token: Option<RefreshToken>) -> Self {
        self.refresh_token = token;
        self
    }

    fn issued<T>(kind: TokenKind, secret: &str, all: Issued<T>, now: Now) -> Self {
        let life = all.expiry.time_left(now, Duration::ZERO);
        Self::new(kind, secret, Generation::new(0), all.expiry, life)
            .with_human_id(all.human_id)
            .with_refresh_token(all.refresh_token)
    }

    /// An access token that was issued just now.
    #[must_use]
    pub fn access(issued: Issued<AccessToken>, now: Now) -> Self {
        let token = issued.token.clone();
        Self::issued(TokenKind::Access, token.expose_secret(), issued, now)
    }

    /// A client token that was issued just now.
    #[must_use]
    pub fn client(issued: Issued<ClientToken>, now: Now) -> Self {
        let token = issued.token.clone();
        Self::issued(TokenKind::Client, token.expose_secret(), issued, now)
    }

    /// A session or id token that was issued just now.
    #[must_use]
    pub fn connect(token: &ConnectToken, now: Now) -> Self {
        let expiry = token.expiry();
        let life = expiry.time_left(now, Duration::ZERO);
        let none = Generation::new(0);
        Self::new(token.kind(), token.expose_secret(), none, expiry, life)
            .with_human_id(token.human_id().cloned())
    }

    /// The same token under another generation.
    #[must_use]
    pub const fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// The kind of token.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Tells it from the one it replaced.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// When it ends.
    #[must_use]
    pub const fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// How long it lives in all.
    #[must_use]
    pub const fn life(&self) -> Duration {
        self.life
    }

    /// Human API's id for the user, where the answer told it.
    #[must_use]
    pub const fn human_id(&self) -> Option<&HumanId> {
        self.human_id.as_ref()
    }

    /// The refresh token that came along. No documented call takes it.
    #[must_use]
    pub const fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// The token in clear. Keep it out of logs and messages.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// What authorizes calls.
    ///
    /// # Errors
    ///
    /// When it is a token that opens Connect, or holds bytes that no header can hold.
    pub fn bearer(&self) -> Result<Bearer, BuildError> {
        Bearer::of_kind(self.kind, self.expose_secret(), self.generation)
    }

    /// What opens Connect: nothing for a token that authorizes calls.
    #[must_use]
    pub fn connect_token(&self) -> Option<ConnectToken> {
        let human_id = self.human_id.clone();
        match self.kind {
            TokenKind::Session => {
                let mut issued = Issued::new(SessionToken::new(self.secret.clone()), self.expiry);
                issued.human_id = human_id;
                Some(issued.into())
            }
            TokenKind::Id => {
                let mut issued = Issued::new(IdToken::new(self.secret.clone()), self.expiry);
                issued.human_id = human_id;
                Some(issued.into())
            }
            TokenKind::Access | TokenKind::Client => None,
        }
    }
}

impl fmt::Debug for KeptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptToken")
            .field("kind", &self.kind)
            .field("generation", &self.generation)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn kept(kind: TokenKind) -> KeptToken {
        let expiry = Expiry::at(SystemTime::UNIX_EPOCH);
        KeptToken::new(kind, "canary", Generation::new(7), expiry, Duration::ZERO)
    }

    #[test]
    fn only_what_may_open_connect_does_and_only_what_authorizes_does() {
        for kind in TokenKind::ALL {
            let opens = matches!(kind, TokenKind::Session | TokenKind::Id);
            let token = kept(kind);
            assert_eq!(
                token.connect_token().map(|token| token.kind()),
                opens.then_some(kind)
            );
            match token.bearer() {
                Ok(bearer) => assert!(!opens && bearer.generation() == Generation::new(7)),
                Err(error) => assert!(opens && error == BuildError::NotABearer(kind)),
            }
        }
    }

    #[test]
    fn debug_hides_it() {
        let token = kept(TokenKind::Access).with_refresh_token(Some(RefreshToken::new("canary")));
        assert!(!format!("{token:?}").contains("canary"));
    }
}
