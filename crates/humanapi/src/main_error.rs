//! What a `main` ends with, told as a person reads it.

use std::error::Error as StdError;
use std::fmt;

use humanapi_client::{Error, StoreError};
use humanapi_core::{CredentialsError, HostError};

#[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
use crate::EnvironmentError;

/// Whatever a `main` ends with, told with what to do next.
///
/// A `main` that gives an error back prints its `Debug`, which of most errors is made for their authors. This one's is made
/// for whoever runs the program: the cause, what lies beneath it, what to do, and the request id, on a line each.
/// Any type of an error becomes one by `?`; one in a box, such as `Box<dyn Error>` or `anyhow::Error`, is none for Rust.
/// Errors of other crates are told without what to do, unless one of ours lies beneath.
///
/// ```no_run
/// use humanapi::MainError;
///
/// fn main() -> Result<(), MainError> {
///     let client = humanapi::Client::from_env()?;
///     # let _ = client;
///     Ok(())
/// }
/// ```
///
/// ```text
/// Error: the environment variable HUMANAPI_CLIENT_ID is not set
/// help: set it to what the developer portal shows
/// ```
///
/// A function that others call gives its own error back, or [`Error`]: this one says nothing to programs.
pub struct MainError(Box<dyn StdError + Send + Sync>);

impl<E: StdError + Send + Sync + 'static> From<E> for MainError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl MainError {
    /// What to do next, by the first of these errors that is one of ours.
    fn remedy(&self) -> Option<&'static str> {
        self.chain().find_map(|error| {
            #[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
            if let Some(error) = error.downcast_ref::<EnvironmentError>() {
                return Some(error.remedy());
            }
            #[cfg(feature = "admin")]
            if let Some(error) = error.downcast_ref::<humanapi_client::OrderError>() {
                return Some(error.remedy());
            }
            if let Some(error) = error.downcast_ref::<Error>() {
                return Some(error.remedy());
            }
            if let Some(error) = error.downcast_ref::<StoreError>() {
                return Some(error.remedy());
            }
            if let Some(error) = error.downcast_ref::<CredentialsError>() {
                return Some(error.remedy());
            }
            let host = error.downcast_ref::<HostError>();
            host.map(|error| error.remedy())
        })
    }

    /// The service's name for the answer that it failed with.
    fn request_id(&self) -> Option<&str> {
        self.chain()
            .find_map(|error| error.downcast_ref::<Error>()?.shown_request_id())
    }

    /// The error, and all that lie beneath it.
    fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first: &(dyn StdError + 'static) = &*self.0;
        std::iter::successors(Some(first), |&error| error.source())
    }
}

impl fmt::Display for MainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = self.0.downcast_ref::<Error>() {
            return write!(f, "{}", error.report());
        }
        write!(f, "{}", self.0)?;
        for error in self.chain().skip(1) {
            write!(f, "\ncaused by: {error}")?;
        }
        if let Some(remedy) = self.remedy() {
            write!(f, "\nhelp: {remedy}")?;
        }
        match self.request_id() {
            Some(id) => write!(f, "\nrequest id: {id}"),
            None => Ok(()),
        }
    }
}
