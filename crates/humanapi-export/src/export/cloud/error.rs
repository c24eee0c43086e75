//! What can be wrong with a folder in an object store.

use std::error::Error as StdError;
use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use thiserror::Error;

/// What is wrong with a folder in an object store.
///
/// What the store said is not kept: it may repeat what it was sent, credentials as well.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloudError {
    /// The address is of no object store, or holds more than where the folder is.
    #[error("it is no address of a folder in an object store")]
    Address,
    /// The environment does not say enough of the store, or says it in a way that cannot be read.
    #[error("the environment's settings for the object store cannot be used")]
    Settings,
    /// The store does not know who asks.
    #[error("the object store does not accept the credentials")]
    Unauthenticated,
    /// The store knows who asks, and refuses.
    #[error("the object store refuses what these credentials ask for")]
    PermissionDenied,
    /// The bucket or container is not there.
    #[error("the object store has no such bucket or container")]
    NoBucket,
    /// No answer came.
    #[error("the object store, or who gives its credentials, could not be reached")]
    Unreachable,
    /// The store failed, in a way that it says no more of.
    #[error("the object store failed, or gave an answer that cannot be read")]
    Failed,
    /// The store cannot put an object only where there is none.
    #[error("the object store cannot put an object only where there is none")]
    Unconditional,
    /// Another export has begun to write to the folder, and goes on with it.
    #[error("another export has taken this folder over")]
    TakenOver,
}

impl CloudError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Address => {
                "write s3://bucket/folder, gs://bucket/folder or az://container/folder, and give everything else in the environment"
            }
            Self::Settings => {
                "set what begins with AWS_, GOOGLE_ or AZURE_ as the page on exporting tells, such as AWS_REGION or AZURE_STORAGE_ACCOUNT_NAME"
            }
            Self::Unauthenticated => {
                "renew the credentials, then start the same export again: it goes on"
            }
            Self::PermissionDenied => {
                "allow them to read, list, put and delete objects of the folder, then start the same export again: it goes on"
            }
            Self::NoBucket => "make the bucket or container first, or take another",
            Self::Unreachable => {
                "see that the store's address and region are right and that it can be reached from here, then start the same export again: it goes on"
            }
            Self::Failed => {
                "see what the store's own log tells, then start the same export again: it goes on"
            }
            Self::Unconditional => {
                "give the key that users are put into buckets by: then none is drawn and kept in the store"
            }
            Self::TakenOver => {
                "let that one end: it goes on with what is whole. Then start the same export once more: it mends what both wrote"
            }
        }
    }

    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::NoBucket,
            Error::Unauthenticated { .. } => Self::Unauthenticated,
            Error::PermissionDenied { .. } => Self::PermissionDenied,
            Error::NotImplemented { .. } | Error::NotSupported { .. } => Self::Unconditional,
            other if is_unreachable(other) => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

/// Whether no answer came.
fn is_unreachable(error: &Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return http.kind() != HttpErrorKind::Decode;
        }
        next = error.source();
    }
    false
}

impl From<CloudError> for io::Error {
    fn from(error: CloudError) -> Self {
        Self::other(error)
    }
}
