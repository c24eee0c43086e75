//! What a caller asks of the broker, and what becomes of it.

use std::sync::Arc;

use humanapi_core::broker::{KeptToken, Lookup};
use humanapi_core::rules::Purpose;
use humanapi_core::{Bearer, BuildError, FlowError, Generation, TokenKey, UserStatus};

use super::exchange::{ConnectRequest, FetchedToken};
use super::flight::Flight;
use super::table::TokenRef;

/// How an exchange ended, for all who wait for it.
pub(super) type Outcome = Result<Arc<FetchedToken>, Arc<FlowError>>;

/// What a caller wants.
#[derive(Default)]
pub(super) struct TokenRequest {
    pub(super) lookup: Lookup,
    pub(super) connect: ConnectRequest,
}

impl TokenRequest {
    /// Whether nothing from earlier will do, nor what is under way: the user was deleted.
    pub(super) fn is_anew(&self, key: &TokenKey) -> bool {
        key.purpose() == Purpose::OpenConnect && self.connect.status.status() == UserStatus::Deleted
    }
}

/// What becomes of a caller.
pub(super) enum LookupResult {
    Served(Served),
    Waits(Arc<Flight<Outcome>>),
    Fails(Arc<FlowError>),
}

/// The token that a caller gets.
pub(super) enum Served {
    Cached(TokenRef),
    Fetched(Arc<FetchedToken>),
}

impl Served {
    pub(super) fn to_kept(&self) -> KeptToken {
        match self {
            Self::Cached(token) => token.to_kept(),
            Self::Fetched(fetched) => fetched.token.clone(),
        }
    }

    pub(super) fn is_from_earlier(&self) -> bool {
        match self {
            Self::Cached(_) => true,
            Self::Fetched(fetched) => !fetched.issued,
        }
    }

    pub(super) fn bearer(&self) -> Result<Bearer, BuildError> {
        match self {
            Self::Cached(token) => token.bearer(),
            Self::Fetched(fetched) => fetched.token.bearer(),
        }
    }

    pub(super) fn generation(&self) -> Generation {
        match self {
            Self::Cached(token) => token.generation(),
            Self::Fetched(fetched) => fetched.token.generation(),
        }
    }
}
