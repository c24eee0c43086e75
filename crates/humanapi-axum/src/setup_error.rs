//! Settings that cannot be.

use humanapi_core::HostError;
use humanapi_core::connect::CallbackError;
use thiserror::Error;

/// A setting that cannot be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// An origin is no address.
    #[error("the origin is no address")]
    Address(#[from] HostError),
    /// An origin is an address in another spelling than that of browsers.
    #[error(
        "the origin is not as browsers write it: a host in small letters, no path and no default port"
    )]
    Origin,
    /// The callback is none.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The callback's answer leads to another site.
    #[error("the path to return to must be one of this application: begin it with one slash")]
    ReturnTo,
}
