//! The pages that people see: the Connect page, the hosted link and the dashboard.

mod connect;
mod dashboard;
mod directory;
mod message;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use maud::{DOCTYPE, Markup, html};

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
        let reads = head.method == Method::GET || head.method == Method::HEAD;
        let path = head.uri.path();
        let action = path.strip_prefix("/connect/");
        let page = match (path, action) {
            ("/" | "/connect" | LAUNCH_TEXT, _) if !reads => method_not_allowed("GET, HEAD"),
            ("/", _) if opens_connect(query) => self.connect_page(query, note),
            ("/", _) => self.dashboard(incoming, &note.request_id),
            ("/connect", _) => self.hosted_link(query, note),
            (LAUNCH_TEXT, _) => svg(),
            (_, Some(action)) => self.page_action(action, incoming, body, note)?,
            _ => return None,
        };
        Some(private(page))
    }
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

/// What every page is made of.
struct Layout<'a> {
    title: &'a str,
    /// Ties the page's own style and script to its policy.
    nonce: &'a str,
    style: &'static str,
    script: &'static str,
    /// A source that forms may lead to, besides this one.
    form_target: Option<&'a str>,
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
                    style nonce=(self.nonce) { (maud::PreEscaped(self.style)) }
                }
                body {
                    (content)
                    @if !self.script.is_empty() {
                        script nonce=(self.nonce) { (maud::PreEscaped(self.script)) }
                    }
                }
            }
        };
        let mut reply = reply::html(status, page.into_string());
        // Nothing about `frame-ancestors`: even `*` would keep out a page opened from disk, which is
        // how many first try the widget, and a web view's own scheme.
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
             connect-src 'self'; form-action 'self'{target}; base-uri 'none'",
            nonce = self.nonce,
            target = self
                .form_target
                .map(|target| format!(" {target}"))
                .unwrap_or_default(),
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            reply
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        reply
    }
}
