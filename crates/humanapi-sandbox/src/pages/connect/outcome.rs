//! What the buttons of the page do, and what can come of it.

use http::StatusCode;

use crate::pages::message::{Message, Status};
use crate::pages::screen::{News, Screen};
use crate::source::Source;

/// What a button of the page does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Connects without signing in: the short way, for programs.
    Connect(&'static Source),
    Disconnect(&'static Source),
    SignIn(&'static Source),
    Code(&'static Source),
    Request,
    Done,
}

impl Action {
    /// What there is to tell once it is done.
    pub(super) const fn news(self) -> Option<News> {
        match self {
            Self::Connect(source) | Self::SignIn(source) | Self::Code(source) => {
                Some(News::Connected(source))
            }
            Self::Disconnect(source) => Some(News::Disconnected(source)),
            Self::Request => Some(News::Requested),
            Self::Done => None,
        }
    }
}

/// What came of it.
pub(super) enum Outcome {
    Told(Message),
    /// The password was right, and a one-time code is asked for next.
    NeedsCode,
    Mistake(Mistake),
    /// The sitting is over.
    Ended(Status),
}

/// What the user can put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    WrongSignIn,
    WrongCode,
    SignInAgain,
    NothingRequested,
    Full,
}

/// After so many wrong codes the password is asked for again.
pub(super) const CODES: u8 = 5;

impl Mistake {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::SignInAgain => StatusCode::CONFLICT,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::WrongSignIn => "wrong-sign-in",
            Self::WrongCode => "wrong-code",
            Self::SignInAgain => "sign-in-again",
            Self::NothingRequested => "nothing-requested",
            Self::Full => "full",
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::WrongSignIn => {
                "That username and password do not belong together. Check both and try again."
            }
            Self::WrongCode => "That is not the code. Check it and try again.",
            Self::SignInAgain => "Please sign in again to get a new code.",
            Self::NothingRequested => "Name a doctor, a practice or a health system.",
            Self::Full => "The sandbox holds as much as it may. Reset it to make room.",
        }
    }

    pub(super) fn screen(self, source: Option<&'static Source>, username: &str) -> Screen {
        let problem = Some(self.text());
        match (self, source) {
            (Self::WrongCode, Some(source)) => Screen::Code { source, problem },
            (_, Some(source)) => Screen::SignIn {
                source,
                username: username.to_owned(),
                problem,
            },
            (_, None) => Screen::Request { problem },
        }
    }
}
