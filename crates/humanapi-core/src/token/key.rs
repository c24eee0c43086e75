//! Which token is meant, and which of those that followed each other.

use super::kind::Purpose;
use crate::credentials::ClientId;
use crate::user_id::ClientUserId;

/// Which token is meant: application, user and purpose.
///
/// The purpose stands for the token's kind. Opening Connect has one key for both kinds of token that
/// open it, because a user needs one of them at a time, and which one is the service's to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey {
    client_id: ClientId,
    user: Option<ClientUserId>,
    purpose: Purpose,
}

impl TokenKey {
    /// The access token for one user's data.
    #[must_use]
    pub fn access(client_id: ClientId, user: impl Into<ClientUserId>) -> Self {
        Self {
            client_id,
            user: Some(user.into()),
            purpose: Purpose::ReadData,
        }
    }

    /// The session or id token that opens Connect for one user.
    #[must_use]
    pub fn connect(client_id: ClientId, user: impl Into<ClientUserId>) -> Self {
        Self {
            client_id,
            user: Some(user.into()),
            purpose: Purpose::OpenConnect,
        }
    }

    /// The client token of an application.
    #[must_use]
    pub const fn client(client_id: ClientId) -> Self {
        Self {
            client_id,
            user: None,
            purpose: Purpose::Administer,
        }
    }

    /// The application.
    #[must_use]
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The user, for all but the client token.
    #[must_use]
    pub const fn user(&self) -> Option<&ClientUserId> {
        self.user.as_ref()
    }

    /// What the token is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// Tells a token from the one it replaced: a later exchange has a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// The generation of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A token with which a call was answered by 401, so that a newer one is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    generation: Generation,
    certain: bool,
}

impl Rejected {
    /// The service refused it: it is of no use any more.
    #[must_use]
    pub const fn by_the_service(generation: Generation) -> Self {
        Self {
            generation,
            certain: true,
        }
    }

    /// The 401 bore no marks of the service, so something in between may have sent it: a newer token may
    /// help, and until there is one, this one is kept.
    #[must_use]
    pub const fn perhaps(generation: Generation) -> Self {
        Self {
            generation,
            certain: false,
        }
    }

    /// Which token it was.
    #[must_use]
    pub const fn generation(self) -> Generation {
        self.generation
    }

    /// Whether the service itself refused it.
    #[must_use]
    pub const fn is_certain(self) -> bool {
        self.certain
    }
}
