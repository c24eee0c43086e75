//! What every page is made of: its head, its style and script, and the policy that lets no other in.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{self, HeaderValue};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

use crate::reply::{self, Reply};

/// A style or script that stands in a page.
pub(super) struct Part {
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

pub(super) static CONNECT_STYLE: Part = part!("base.css", "connect.css");
pub(super) static CONNECT_SCRIPT: Part = part!("connect.js");
pub(super) static DASHBOARD_STYLE: Part = part!("base.css", "dashboard.css");
pub(super) static DASHBOARD_SCRIPT: Part = part!("dashboard.js");

fn source_of(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// What every page is made of.
pub(super) struct Layout<'a> {
    pub(super) title: &'a str,
    pub(super) style: &'a Part,
    pub(super) script: Option<&'a Part>,
    /// Where forms may lead: the value of `form-action`.
    pub(super) forms: String,
    /// Whether pages of others may show this one in a frame.
    pub(super) framed: bool,
}

impl Layout<'_> {
    pub(super) fn reply(&self, status: StatusCode, content: &Markup) -> Reply {
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
