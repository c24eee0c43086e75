//! What the program says when it cannot go on: what went wrong, and what to do.

use std::error::Error;
use std::fmt;

use humanapi::axum::{DirectoryError, SetupError};
use humanapi::connect::CallbackError;

/// What went wrong, in two lines.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    remedy: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// An error with all that is behind it.
    pub(crate) fn of(error: &dyn Error, remedy: impl Into<String>) -> Self {
        let mut what = error.to_string();
        let mut link = error.source();
        while let Some(error) = link {
            what = format!("{what}: {error}");
            link = error.source();
        }
        Self::new(what, remedy)
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        let remedy = match &error {
            SetupError::Address(error) => error.remedy(),
            SetupError::Callback(error) => CallbackError::remedy(*error),
            _ => "write the origin as browsers do, such as https://app.example.test",
        };
        Self::of(&error, remedy)
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Self::of(
            &error,
            "name a file that this program may write, or leave --database out",
        )
    }
}

/// Two lines, whatever an error holds.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.replace(char::is_control, " ");
        write!(
            f,
            "error: {}\nhelp: {}",
            line(&self.what),
            line(&self.remedy)
        )
    }
}
