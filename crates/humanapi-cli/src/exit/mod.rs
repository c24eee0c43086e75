//! How the command ends: exit codes, which scripts may rely on, and what is told of a failure: its cause, what lies
//! beneath, what to do, and the request id, in two to four lines; or as one line of JSON.
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
//! | 9 | the data are worse than the thresholds that were asked for |
//! | 70 | something on this machine failed: a port, a file, the output |
//! | 130 | stopped before its end, by Ctrl-C or by who ran it |
//!
//! A code never changes its meaning; new ones may come. 5, 6 and 8 may pass by themselves, the others do not.

#[cfg(any(feature = "demo", feature = "token"))]
mod call;

use std::borrow::Cow;
#[cfg(feature = "export")]
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

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
    #[cfg(feature = "report")]
    Worse = 9,
    Machine = 70,
    #[cfg(any(feature = "export", feature = "orders"))]
    Stopped = 130,
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
   9  the data are worse than the thresholds that were asked for
  70  something on this machine failed: a port, a file, the output
 130  stopped before its end, by Ctrl-C or by who ran it";

/// Why the command ends early.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// All is said already, as with `--help`.
    Said,
    /// The help was shown to somebody who did not ask for it.
    Taught,
    /// One line of cause, one of remedy, a code, and what else is known.
    Told {
        code: Code,
        cause: String,
        remedy: Cow<'static, str>,
        more: Box<More>,
    },
}

/// What is known of some failures alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    /// What lies beneath the cause, in one line.
    beneath: Option<String>,
    /// What the vendor's support finds the requests by.
    request_ids: Option<String>,
}

/// Whether failures are told as JSON.
static AS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on a failure is one line of JSON.
pub(crate) fn tell_as_json() {
    AS_JSON.store(true, Ordering::Relaxed);
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
            more: Box::default(),
        }
    }

    /// Adds what a report knows beyond the cause: what lies beneath it, and the request ids.
    #[cfg(any(feature = "demo", feature = "sandbox", feature = "token"))]
    pub(crate) fn with_report(mut self, report: &humanapi_core::Report<'_>) -> Self {
        let report = report.to_string();
        let after = |lead: &'static str| {
            report
                .lines()
                .filter_map(move |line| line.strip_prefix(lead))
        };
        if let Self::Told { cause, more, .. } = &mut self {
            let links: Vec<&str> = after("caused by: ").map(without_number).collect();
            let told = cause.to_lowercase();
            // The last link is the reason. Where the cause names it, the links between say nothing more.
            let is_news = |last: &&str| !told.contains(&last.to_lowercase());
            more.beneath = (links.last().is_some_and(is_news)).then(|| links.join(": "));
            more.request_ids = after("request id: ").next().map(str::to_owned);
        }
        self
    }

    /// What an error says, with what lies beneath it.
    #[cfg(feature = "export")]
    pub(crate) fn with_causes(
        code: Code,
        error: &(dyn Error + 'static),
        remedy: &'static str,
    ) -> Self {
        let links = std::iter::successors(Some(error), |&error| error.source());
        let links: Vec<String> = links
            .map(|error| match error.downcast_ref() {
                Some(system) => system_text(system),
                None => error.to_string(),
            })
            .collect();
        Self::new(code, links.join(": "), remedy)
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

    /// What failed, in one line, where there is something to tell.
    #[cfg(feature = "orders")]
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Told { cause, .. } => Some(cause),
            Self::Said | Self::Taught => None,
        }
    }

    /// The same, ending with this code.
    #[cfg(feature = "orders")]
    pub(crate) fn with_code(mut self, other: Code) -> Self {
        if let Self::Told { code, .. } = &mut self {
            *code = other;
        }
        self
    }

    /// The same, with another remedy.
    #[cfg(feature = "orders")]
    pub(crate) fn with_remedy(mut self, other: impl Into<Cow<'static, str>>) -> Self {
        if let Self::Told { remedy, .. } = &mut self {
            *remedy = other.into();
        }
        self
    }

    /// The same, with what it is about in front.
    #[cfg(feature = "token")]
    pub(crate) fn about(mut self, what: &dyn Display) -> Self {
        if let Self::Told { cause, .. } = &mut self {
            *cause = format!("{what}: {cause}");
        }
        self
    }

    /// The cause and the request id in one line, for a warning.
    #[cfg(feature = "data")]
    pub(crate) fn in_one_line(&self) -> Option<String> {
        let Self::Told { cause, more, .. } = self else {
            return None;
        };
        let ids = more.request_ids.as_ref();
        Some(ids.map_or_else(|| cause.clone(), |ids| format!("{cause}, request id {ids}")))
    }

    /// Tells it on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        self.say();
        match self {
            Self::Said => ExitCode::SUCCESS,
            Self::Taught => ExitCode::from(Code::Usage as u8),
            Self::Told { code, .. } => ExitCode::from(*code as u8),
        }
    }

    pub(crate) fn say(&self) {
        let Self::Told {
            code,
            cause,
            remedy,
            more,
        } = self
        else {
            return;
        };
        let parts = [
            ("error", palette::BAD, Some(cause.as_str())),
            ("caused by", palette::TITLE, more.beneath.as_deref()),
            ("help", palette::GOOD, Some(remedy)),
            ("request id", palette::TITLE, more.request_ids.as_deref()),
        ];
        let mut stderr = anstream::stderr().lock();
        // Where stderr is closed there is nobody to tell; the code still does.
        #[cfg(any(feature = "sandbox", feature = "token"))]
        if AS_JSON.load(Ordering::Relaxed) {
            let _ = writeln!(
                stderr,
                "{}",
                json(*code, parts.map(|(name, _, text)| (name, text)))
            );
            return;
        }
        let _ = code;
        for (name, style, text) in parts {
            if let Some(text) = text {
                let _ = writeln!(stderr, "{style}{name}:{style:#} {}", output::plain(text));
            }
        }
    }
}

/// A failure as a line of JSON. Its fields are a contract: new ones may come, these stay.
#[cfg(any(feature = "sandbox", feature = "token"))]
fn json(code: Code, parts: [(&str, Option<&str>); 4]) -> serde_json::Value {
    let texts = parts.into_iter().filter_map(|(name, text)| {
        let text = output::plain(text?).into_owned();
        Some((name.replace(' ', "_"), text.into()))
    });
    let code = ("exit_code".to_owned(), (code as u8).into());
    serde_json::Value::Object(texts.chain([code]).collect())
}

/// What the system says, without its number and as the end of a sentence.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let mut letters = without_number(&text).chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// What a system says, without its number.
fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or_default()
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
