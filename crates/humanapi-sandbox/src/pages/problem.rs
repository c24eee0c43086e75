//! The pages of refusals, and what leads on to another page.

use http::StatusCode;
use http::header::{self, HeaderValue};
use maud::html;

use super::layout::{CONNECT_STYLE, Layout};
use super::screen;
use crate::reply::{self, Problem, Reply};

/// A refusal to whoever looks at a page.
pub(crate) fn problem_page(problem: &Problem) -> Reply {
    let status = problem.status;
    let phrase = status.canonical_reason().unwrap_or("Error");
    let content = html! {
        main {
            (screen::banner(None))
            h1 { (phrase) }
            p { (status.as_u16()) ": " (problem.message) "." }
            @if let Some(code) = &problem.code { p .code { code { (code) } } }
        }
    };
    Layout {
        title: &format!("{phrase} – Human API sandbox"),
        style: &CONNECT_STYLE,
        script: None,
        forms: "'none'".to_owned(),
        framed: true,
    }
    .reply(status, &content)
}

/// A page that says why a link cannot be opened.
pub(super) fn plain_page(problem: &str) -> Reply {
    let content = html! {
        main {
            (screen::banner(None))
            h1 { "This link cannot be opened" }
            p { (problem) }
            p { "Go back to the app that you came from, and tell its makers if it happens again." }
        }
    };
    Layout {
        title: "This link cannot be opened – Human API sandbox",
        style: &CONNECT_STYLE,
        script: None,
        forms: "'none'".to_owned(),
        framed: true,
    }
    .reply(StatusCode::BAD_REQUEST, &content)
}

/// Leads on to another address.
pub(super) fn see_other(target: &str) -> Reply {
    match HeaderValue::from_str(target) {
        Ok(location) => {
            let mut reply = reply::empty(StatusCode::SEE_OTHER);
            reply.headers_mut().insert(header::LOCATION, location);
            reply
        }
        Err(_) => plain_page("This link leads back to an address that cannot be written."),
    }
}
