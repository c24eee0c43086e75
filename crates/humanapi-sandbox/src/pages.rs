//! The pages that people see: the Connect page, the hosted link and the dashboard.

mod connect;
mod dashboard;
mod message;
mod screen;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{self, HeaderValue};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

use crate::body::query_value;
use crate::reply::{self, Problem, Reply};
use crate::request_log::LogDetails;
use crate::routes::Call;

pub(crate) use connect::{connect_or_disconnect, done, give_code, request_provider, sign_in};

/// The background that the vendor's widget asks for while Connect loads.
pub(crate) const LAUNCH_TEXT: &str = "/images/data-source-type-icons/launch-connect-text.svg";

/// Shows Connect as the widget opens it, in a frame or a web view.
pub(crate) fn widget(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let query = call.incoming.head.uri.query();
    Ok(call.service.connect_page(query, details))
}

/// Shows Connect as an app on a phone opens it, in the system's browser.
pub(crate) fn hosted_link(call: &Call<'_>, details: &mut LogDetails) -> Result<Reply, Problem> {
    let query = call.incoming.head.uri.query();
    Ok(call.service.hosted_page(query, details))
}

pub(crate) fn dashboard(call: &Call<'_>) -> Reply {
    call.service.dashboard_page(call.incoming)
}

pub(crate) fn icon(_: &Call<'_>) -> Reply {
    reply::empty(StatusCode::NO_CONTENT)
}

/// A path of `/` means Connect when the query has what the widget or an invitation puts there.
pub(crate) fn opens_connect(query: Option<&str>) -> bool {
    ["token", "pisId", "mode"]
        .iter()
        .any(|name| query_value(query, name).is_some())
}

pub(crate) fn launch_text(_: &Call<'_>, _: &mut LogDetails) -> Result<Reply, Problem> {
    let drawing = concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="24">"#,
        r##"<text x="0" y="18" font-family="sans-serif" font-size="16" fill="#777">"##,
        "Opening Connect…</text></svg>\n"
    );
    Ok(reply::with_body(
        StatusCode::OK,
        HeaderValue::from_static("image/svg+xml; charset=utf-8"),
        drawing,
    ))
}

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

/// A style or script that stands in a page.
struct Part {
    text: &'static str,
    source: LazyLock<String>,
}

impl Part {
    /// The hash by which a policy allows this text and no other.
    ///
    /// A nonce would do as well, but would have to differ each time, and with it the bytes of a
    /// page.
    fn source(&self) -> &str {
        &self.source
    }
}

macro_rules! part {
    ($($file:literal),+) => {
        Part {
            text: concat!($(include_str!($file)),+),
            source: LazyLock::new(|| source_of(concat!($(include_str!($file)),+))),
        }
    };
}

static CONNECT_STYLE: Part = part!("pages/base.css", "pages/connect.css");
static CONNECT_SCRIPT: Part = part!("pages/connect.js");
static DASHBOARD_STYLE: Part = part!("pages/base.css", "pages/dashboard.css");
static DASHBOARD_SCRIPT: Part = part!("pages/dashboard.js");

fn source_of(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// What every page is made of.
struct Layout<'a> {
    title: &'a str,
    style: &'a Part,
    script: Option<&'a Part>,
    /// Where forms may lead: the value of `form-action`.
    forms: String,
    /// Whether pages of others may show this one in a frame.
    framed: bool,
}

impl Layout<'_> {
    fn reply(&self, status: StatusCode, content: &Markup) -> Reply {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (maud::PreEscaped(self.style.text)) }
                }
                body {
                    (content)
                    @if let Some(script) = self.script {
                        script { (maud::PreEscaped(script.text)) }
                    }
                }
            }
        };
        let mut reply = reply::html(status, page.into_string());
        let headers = reply.headers_mut();
        let script = self.script.map_or("'none'", Part::source);
        let mut policy = format!(
            "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; \
             form-action {forms}; base-uri 'none'",
            style = self.style.source(),
            forms = self.forms,
        );
        if !self.framed {
            policy.push_str("; frame-ancestors 'none'");
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        // Where frames are allowed, nothing is said of them: even `*` would keep out a page opened
        // from disk, which is how many first try the widget, and a web view's own scheme.
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        reply
    }
}
