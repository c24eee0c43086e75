//! What is answered: a message to the page's script, or the next screen to a browser without one.

use http::StatusCode;
use serde::Serialize;

use super::address::page_address;
use super::form::ActionForm;
use super::outcome::{Action, Outcome};
use crate::pages::callback::form_source;
use crate::pages::layout::{CONNECT_SCRIPT, CONNECT_STYLE, Layout};
use crate::pages::message::{Message, Status};
use crate::pages::problem::see_other;
use crate::pages::screen::{Authority, News, Screen};
use crate::reply::{self, Reply};

/// The answer to the page's script and to programs.
pub(super) fn answer_json(outcome: &Outcome) -> Reply {
    #[derive(Serialize)]
    struct Next {
        next: &'static str,
    }
    #[derive(Serialize)]
    struct Complaint {
        error: &'static str,
        message: &'static str,
    }
    match outcome {
        Outcome::Told(message) => reply::json(StatusCode::OK, message),
        Outcome::NeedsCode => reply::json(
            StatusCode::ACCEPTED,
            &Next {
                next: "one-time-code",
            },
        ),
        Outcome::Mistake(mistake) => reply::json(
            mistake.status(),
            &Complaint {
                error: mistake.name(),
                message: mistake.text(),
            },
        ),
        Outcome::Ended(status) => reply::json(StatusCode::UNAUTHORIZED, &Message::nothing(*status)),
    }
}

/// The answer to a form that a browser without script has sent: the next screen.
pub(super) fn answer_form(
    action: Action,
    outcome: Outcome,
    form: &ActionForm,
    authority: &Authority<'_>,
) -> Reply {
    let source = match action {
        Action::SignIn(source) | Action::Code(source) => Some(source),
        _ => None,
    };
    let message = match outcome {
        Outcome::Mistake(mistake) => {
            let screen = mistake.screen(source, &form.username);
            return write(&screen, authority, mistake.status(), None);
        }
        Outcome::NeedsCode => {
            let show = source.map(|source| source.id);
            return see_other(&page_address(authority, show, None));
        }
        Outcome::Told(message) => message,
        Outcome::Ended(status) => Message::nothing(status),
    };
    match (action, &authority.hosted) {
        (Action::Done, Some(hosted)) => see_other(&message.on_callback(&hosted.callback)),
        (Action::Done, None) => {
            let status = message.status();
            let code = match status {
                Status::Success => StatusCode::OK,
                _ => StatusCode::UNAUTHORIZED,
            };
            write(&Screen::Left(status), authority, code, None)
        }
        _ => see_other(&page_address(authority, None, action.news())),
    }
}

pub(super) fn write(
    screen: &Screen,
    authority: &Authority<'_>,
    status: StatusCode,
    news: Option<News>,
) -> Reply {
    let hosted = authority.hosted.as_ref();
    let target = hosted.and_then(|hosted| form_source(&hosted.callback));
    Layout {
        title: &screen.title(),
        style: &CONNECT_STYLE,
        script: Some(&CONNECT_SCRIPT),
        forms: format!(
            "'self'{}",
            target.map(|to| format!(" {to}")).unwrap_or_default()
        ),
        framed: true,
    }
    .reply(status, &screen.markup(authority, news))
}
