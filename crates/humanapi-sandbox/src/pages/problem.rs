//! The page of a refusal.

use maud::html;

use super::layout::{CONNECT_STYLE, Layout};
use super::screen;
use crate::reply::{Problem, Reply};

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
