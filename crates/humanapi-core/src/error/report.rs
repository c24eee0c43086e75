//! All that there is to tell of an error, for a log or a screen.

use std::error::Error;
use std::fmt::{self, Write as _};

/// An error with all that is known of it, on a line each: see [`FlowError::report`](crate::FlowError::report).
///
/// It is made for people, and its form may change. It holds what the error's `Display` and its sources hold, so no secret,
/// and no line break but its own.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    error: &'a (dyn Error + 'static),
    remedy: &'a str,
    request_ids: [Option<&'a str>; 2],
}

impl<'a> Report<'a> {
    /// A report of an error that knows what to do next.
    #[must_use]
    pub const fn new(error: &'a (dyn Error + 'static), remedy: &'a str) -> Self {
        Self {
            error,
            remedy,
            request_ids: [None, None],
        }
    }

    /// Adds the ids under which the vendor's support finds the requests.
    #[must_use]
    pub const fn with_request_ids(mut self, ids: [Option<&'a str>; 2]) -> Self {
        self.request_ids = ids;
        self
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(OneLine(f), "{}", self.error)?;
        let mut link = self.error.source();
        while let Some(cause) = link {
            f.write_str("\ncaused by: ")?;
            write!(OneLine(f), "{cause}")?;
            link = cause.source();
        }
        f.write_str("\nhelp: ")?;
        f.write_str(self.remedy)?;
        let mut lead = "\nrequest id: ";
        for id in self.request_ids.iter().flatten() {
            f.write_str(lead)?;
            f.write_str(id)?;
            lead = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an HTTP stack says may have lines and worse in it.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            (self.0).write_char(if letter.is_control() { ' ' } else { letter })?;
        }
        Ok(())
    }
}
