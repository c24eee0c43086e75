//! What a page that opens Connect sends along.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use humanapi_client::connect::{Nonce, PAGE_HEADERS, connect_js_element, content_security_policy};
use humanapi_core::Hosts;
use thiserror::Error;

/// Joins buttons, connect.js and the routes.
pub(crate) const PAGE_JS: &str = include_str!("../assets/page.js");

/// What a page that opens Connect sends along. Made anew for each answer.
///
/// A button with `data-connect` opens Connect, and an element with `data-connect-status` shows what
/// went wrong; a link with `data-connect-hosted` leads to hosted Connect, where a callback is set.
///
/// ```html
/// <button type="button" data-connect>Connect your health data</button>
/// <p role="status" data-connect-status></p>
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectPage {
    /// The nonce of the page's own scripts and styles.
    pub nonce: Nonce,
    /// A strict `Content-Security-Policy`, and [`PAGE_HEADERS`]. Append them to the page's own.
    pub headers: HeaderMap,
    /// The script elements, as HTML for the end of the page's head.
    pub scripts: String,
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the operating system gives no random bytes")]
#[non_exhaustive]
pub struct PageError;

impl ConnectPage {
    pub(crate) fn new(hosts: &Hosts, nested_at: &str) -> Result<Self, PageError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| PageError)?;
        let nonce = Nonce::parse(&BASE64.encode(bytes)).map_err(|_| PageError)?;
        let mut headers: HeaderMap = PAGE_HEADERS
            .into_iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let policy = content_security_policy(hosts, &nonce);
        let policy = HeaderValue::try_from(policy).map_err(|_| PageError)?;
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        let nested_at = nested_at.trim_end_matches('/');
        // The first is checked by its hash, and the second imports that very one.
        let mut scripts = connect_js_element(&format!("{nested_at}/connect.js"), Some(&nonce));
        let page_js = escaped(&format!("{nested_at}/connect/page.js"));
        scripts.push_str("<script type=\"module\" src=\"");
        scripts.push_str(&page_js);
        scripts.push_str("\" nonce=\"");
        scripts.push_str(nonce.as_str());
        scripts.push_str("\"></script>");
        Ok(Self {
            nonce,
            headers,
            scripts,
        })
    }
}

impl fmt::Debug for ConnectPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectPage(…)")
    }
}

/// For an attribute in double quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}
