//! The pages that people see: the Connect page, the hosted link and the dashboard.

mod connect;
mod dashboard;
mod message;
mod screen;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

use crate::body::query_value;
use crate::reply::{self, Reply};
use crate::request_log::Note;
use crate::service::{Incoming, Service, allow};

const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

/// The background that the vendor's widget asks for while Connect loads.
const LAUNCH_TEXT: &str = "/images/data-source-type-icons/launch-connect-text.svg";

impl Service {
    /// Answers a request for a page; `None` if there is none at its path.
    pub(crate) fn page(&self, incoming: &Incoming, body: &[u8], note: &mut Note) -> Option<Reply> {
        let head = &incoming.head;
        let query = head.uri.query();
        let reads = reads(&head.method);
        let path = head.uri.path();
        let action = path.strip_prefix("/connect/");
        let page = match (path, action) {
            ("/" | "/connect" | LAUNCH_TEXT, _) if !reads => method_not_allowed("GET, HEAD"),
            ("/", _) => self.connect_page(query, note),
            ("/connect", _) => self.hosted_link(query, note),
            (LAUNCH_TEXT, _) => svg(),
            (_, Some(action)) => self.page_action(action, incoming, body, note)?,
            _ => return None,
        };
        Some(private(page))
    }

    /// Answers what a browser asks for on behalf of whoever watches the sandbox: the dashboard and
    /// the icon of its tab; `None` if it is something else.
    pub(crate) fn watching(&self, incoming: &Incoming) -> Option<Reply> {
        let head = &incoming.head;
        if !reads(&head.method) {
            return None;
        }
        match head.uri.path() {
            "/" if !opens_connect(head.uri.query()) => Some(self.dashboard(incoming)),
            "/favicon.ico" => Some(reply::empty(StatusCode::NO_CONTENT)),
            _ => None,
        }
    }

    pub(crate) fn dashboard(&self, incoming: &Incoming) -> Reply {
        private(self.dashboard_page(incoming))
    }
}

fn reads(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// A path of `/` means Connect when the query has what the widget or an invitation puts there.
fn opens_connect(query: Option<&str>) -> bool {
    ["token", "pisId", "mode"]
        .iter()
        .any(|name| query_value(query, name).is_some())
}

/// Addresses of pages hold tokens: keep them out of caches and out of other sites' logs.
fn private(mut page: Reply) -> Reply {
    let headers = page.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    page
}

fn method_not_allowed(methods: &'static str) -> Reply {
    let mut page = reply::text(
        StatusCode::METHOD_NOT_ALLOWED,
        "This page takes another method.\n",
    );
    allow(&mut page, methods);
    page
}

fn svg() -> Reply {
    let drawing = concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="180" height="24">"#,
        r##"<text x="0" y="18" font-family="sans-serif" font-size="16" fill="#777">"##,
        "Opening Connect…</text></svg>\n"
    );
    reply::with_body(
        StatusCode::OK,
        HeaderValue::from_static("image/svg+xml; charset=utf-8"),
        drawing,
    )
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
