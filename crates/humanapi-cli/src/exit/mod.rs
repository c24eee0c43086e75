//! How the command ends: exit codes, which scripts may rely on, and one line each of cause and remedy.
//!
//! | Code | Meaning |
//! | --- | --- |
//! | 0 | done |
//! | 2 | wrong usage or bad input; nothing was sent |
//! | 3 | credentials are missing, or the service refused them |
//! | 4 | the service refused: this user or application may not have it |
//! | 5 | the host could not be reached, or gave no answer in time |
//! | 6 | the service failed, its answer cannot be read, or something in between answered |
//! | 7 | the store refused the user name or password |
//! | 8 | it is not known whether an order was placed; it is not sent again by itself |
//! | 70 | something on this machine failed: a port, a file, the output |
//!
//! A code never changes its meaning; new ones may come. 5 and 6 may pass by themselves, the others do not.

#[cfg(any(feature = "demo", feature = "token"))]
mod call;

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::output::{self, palette};

/// What a failed command tells whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Usage = 2,
    #[cfg(feature = "token")]
    Credentials = 3,
    #[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
    Refused = 4,
    #[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
    Unreachable = 5,
    #[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
    Service = 6,
    #[cfg(feature = "store")]
    StoreLogin = 7,
    #[cfg(feature = "orders")]
    Undecided = 8,
    Machine = 70,
}

/// The table of codes as `--help` shows it. The head of this module and the README say the same.
pub(crate) const TABLE: &str = "   0  done
   2  wrong usage or bad input; nothing was sent
   3  credentials are missing, or the service refused them
   4  the service refused: this user or application may not have it
   5  the host could not be reached, or gave no answer in time
   6  the service failed, its answer cannot be read, or something in between answered
   7  the store refused the user name or password
   8  it is not known whether an order was placed; it is not sent again by itself
  70  something on this machine failed: a port, a file, the output";

/// Why the command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// All is said already, as with `--help`.
    Said,
    /// The help was shown to somebody who did not ask for it.
    Taught,
    /// One line of cause, one of remedy, and a code.
    Told {
        code: Code,
        cause: String,
        remedy: Cow<'static, str>,
    },
}

impl Failure {
    pub(crate) fn new(
        code: Code,
        cause: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Told {
            code,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// Something on this machine failed.
    pub(crate) fn here(what: &str, error: &dyn Display) -> Self {
        let cause = format!("{what}: {error}");
        Self::new(
            Code::Machine,
            cause,
            "look at what the system says, then try again",
        )
    }

    /// The code that it ends the command with, where there is something to tell.
    #[cfg(feature = "data")]
    pub(crate) const fn code(&self) -> Option<Code> {
        match self {
            Self::Told { code, .. } => Some(*code),
            Self::Said | Self::Taught => None,
        }
    }

    /// The same, with what it is about in front.
    #[cfg(feature = "token")]
    pub(crate) fn about(self, what: &dyn Display) -> Self {
        match self {
            Self::Told {
                code,
                cause,
                remedy,
            } => Self::new(code, format!("{what}: {cause}"), remedy),
            other => other,
        }
    }

    /// Tells it on stderr, in two lines.
    pub(crate) fn report(&self) -> ExitCode {
        self.say();
        match self {
            Self::Said => ExitCode::SUCCESS,
            Self::Taught => ExitCode::from(Code::Usage as u8),
            Self::Told { code, .. } => ExitCode::from(*code as u8),
        }
    }

    pub(crate) fn say(&self) {
        let Self::Told { cause, remedy, .. } = self else {
            return;
        };
        let (bad, good) = (palette::BAD, palette::GOOD);
        let (cause, remedy) = (output::plain(cause), output::plain(remedy));
        let mut stderr = anstream::stderr().lock();
        // Where stderr is closed there is nobody to tell; the code still does.
        let _ = writeln!(
            stderr,
            "{bad}error:{bad:#} {cause}\n{good}help:{good:#} {remedy}"
        );
    }
}

/// What the system says, without its number and as the end of a sentence.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// Failures to write: whoever reads may stop early, as `head` does, and that is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Said;
        }
        Self::here("cannot write the output", &system_text(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_module_and_readme_tell_the_same_codes() {
        let table = |text: &str, start: &str| -> Vec<String> {
            text.lines()
                .filter_map(|line| line.strip_prefix(start))
                .filter(|line| line.starts_with("| ") && !line.starts_with("| -"))
                .map(|line| line.replace(['|', '`'], " "))
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
                .collect()
        };
        let help: Vec<String> = TABLE
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(table(include_str!("mod.rs"), "//! "), help);
        assert_eq!(table(include_str!("../../README.md"), ""), help);
    }

    #[test]
    fn a_reader_that_stops_early_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(matches!(failure, Failure::Said));
    }
}
