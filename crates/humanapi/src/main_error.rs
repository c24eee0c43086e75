//! What a `main` ends with, told as a person reads it.

use std::error::Error as StdError;
use std::fmt;

use humanapi_client::Error;
use humanapi_core::{CredentialsError, HostError};

#[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
use crate::EnvironmentError;

/// Whatever a `main` ends with, told with what to do next.
///
/// A `main` that gives an error back prints its `Debug`, which of most errors is made for their authors. This one's is made
/// for whoever runs the program: the cause, what lies beneath it, what to do, and the request id, on a line each.
/// Any error becomes one by `?`.
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
    /// What to do next, where the error is one of ours.
    fn remedy(&self) -> Option<&'static str> {
        let error = &*self.0;
        #[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
        if let Some(error) = error.downcast_ref::<EnvironmentError>() {
            return Some(error.remedy());
        }
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            return Some(error.remedy());
        }
        error
            .downcast_ref::<HostError>()
            .map(|error| error.remedy())
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
        let mut beneath = self.0.source();
        while let Some(error) = beneath {
            write!(f, "\ncaused by: {error}")?;
            beneath = error.source();
        }
        match self.remedy() {
            Some(remedy) => write!(f, "\nhelp: {remedy}"),
            None => Ok(()),
        }
    }
}
