//! Why a request could not be built.

use thiserror::Error;

use super::address::HostError;
use crate::rules::{Authorization, Purpose};
use crate::token::TokenKind;
use crate::user_id::EmptyUserId;

/// A request could not be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A path, or a part of one, that no URL can hold.
    #[error(
        "the path cannot stand in a URL: it must begin with /, be percent-encoded, and have no fragment and no segment of dots"
    )]
    Path,
    /// The request's address is none that requests may go to.
    #[error(transparent)]
    Address(#[from] HostError),
    /// A token with bytes that no header can hold.
    #[error("the token cannot stand in a header: it is none that the service issued")]
    TokenNotAHeader,
    /// A value outside what is documented.
    #[error("{name} must be {rule}")]
    OutOfRange {
        /// The value's name.
        name: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// A watermark that a pass over another list ended with, or over the same one narrowed otherwise.
    #[error(
        "the watermark is not one of {list}, narrowed as it is now: give each list, source and span of days a watermark of its own"
    )]
    ForeignWatermark {
        /// The list that was to be read.
        list: &'static str,
    },
    /// A body that cannot be written as JSON.
    #[error("the body cannot be written as JSON")]
    Body,
    /// A call was to be authorized by a token that cannot authorize calls.
    #[error("a {0} token opens Connect and authorizes no call: use an access or a client token")]
    NotABearer(TokenKind),
    /// A call was to be authorized by something else than its endpoint says.
    #[error("{endpoint} is authorized by {}, and was to be sent with {}", wants.name(), given_name(*given))]
    WrongAuthorization {
        /// The endpoint's name.
        endpoint: &'static str,
        /// What authorizes it.
        wants: Authorization,
        /// What the token was for that was to be sent; nothing where none was.
        given: Option<Purpose>,
    },
    /// The client was given a store besides a broker or a source of tokens.
    #[error(
        "the client was given a store besides a broker or a token source of its own, and would not use it: give the store to the broker"
    )]
    StoreBesideBroker,
    /// The driver has no source of tokens.
    #[error("this driver has no source of tokens: wrap the flow in SelfServed")]
    NoTokenSource,
    /// The user id is empty.
    #[error(transparent)]
    UserId(#[from] EmptyUserId),
}

/// The words for what a call was to be sent with.
const fn given_name(given: Option<Purpose>) -> &'static str {
    match given {
        None => "no token",
        Some(Purpose::OpenConnect) => "a token that opens Connect",
        Some(Purpose::ReadData) => Authorization::AccessToken.name(),
        Some(Purpose::Administer) => Authorization::ClientToken.name(),
    }
}

impl BuildError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Address(error) => error.remedy(),
            Self::WrongAuthorization { wants, .. } => match wants {
                Authorization::InRequest => {
                    "send it without a token: by `client.call(..)` or as a `flow::Call`"
                }
                Authorization::AccessToken => {
                    "send it for a user: by `client.user(id).call(..)` or as a `flow::Authorized` with the user's `TokenKey::access`"
                }
                Authorization::ClientToken => {
                    "send it for the application: by `client.call(..)` or as a `flow::Authorized` with `TokenKey::client`"
                }
            },
            _ => "correct the value that the message names",
        }
    }
}
