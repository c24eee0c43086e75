//! What a page that opens Connect sends along: headers, a content policy, and our launcher.

use std::fmt;

use humanapi_core::{Host, Hosts};
use thiserror::Error;

use super::CONNECT_JS_INTEGRITY;
use super::html::push_escaped;

/// Headers that a page must send if a token is in it or in its address.
///
/// The first keeps the address from other sites, the second the page from caches and from the back
/// button. The third keeps browsers from guessing what a file is.
pub const PAGE_HEADERS: [(&str, &str); 3] = [
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
];

/// A suggested `Content-Security-Policy` for a page that opens Connect by `connect.js`.
///
/// Scripts run with this nonce alone, styles come from the page's own host or carry the nonce, and
/// nothing but Connect may be framed. Other sites cannot frame the page, so none can dress up its
/// button. The vendor's widget may need more, and does not say what.
///
/// ```
/// use humanapi_client::connect::{Nonce, content_security_policy};
/// use humanapi_client::core::Hosts;
///
/// let nonce = Nonce::parse("mR5c8kqTz0aP1vW3xY7uBg==")?;
/// let policy = content_security_policy(&Hosts::production(), &nonce);
/// assert!(policy.contains("script-src 'nonce-mR5c8kqTz0aP1vW3xY7uBg=='"));
/// assert!(policy.contains("frame-src https://hapi-connect.humanapi.co;"));
/// # Ok::<(), humanapi_client::connect::NonceError>(())
/// ```
#[must_use]
pub fn content_security_policy(hosts: &Hosts, nonce: &Nonce) -> String {
    // An origin holds nothing that would end a directive: see `BaseUrl`.
    let origin = hosts.base(Host::Connect).origin();
    let nonce = nonce.as_str();
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self'; connect-src 'self'; frame-src {origin}; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The element that loads [`CONNECT_JS`](super::CONNECT_JS) from `src`, wherever it is served.
///
/// ```
/// use humanapi_client::connect::{CONNECT_JS_INTEGRITY, connect_js_element};
///
/// let element = connect_js_element("/connect.js", None);
/// assert_eq!(
///     element,
///     format!(
///         "<script type=\"module\" src=\"/connect.js\" integrity=\"{CONNECT_JS_INTEGRITY}\" \
///          crossorigin=\"anonymous\"></script>"
///     ),
/// );
/// ```
#[must_use]
pub fn connect_js_element(src: &str, nonce: Option<&Nonce>) -> String {
    let mut html = String::from("<script type=\"module\" src=\"");
    push_escaped(&mut html, src);
    html.push_str("\" integrity=\"");
    html.push_str(CONNECT_JS_INTEGRITY);
    html.push_str("\" crossorigin=\"anonymous\"");
    if let Some(nonce) = nonce {
        html.push_str(" nonce=\"");
        html.push_str(nonce.as_str());
        html.push('"');
    }
    html.push_str("></script>");
    html
}

/// A number used once, which tells a page's own scripts from others: the same in the policy and in
/// the script elements, and a new one for each answer.
///
/// This crate draws no random numbers: take 16 random bytes or more, in base64 or in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(Box<str>);

impl Nonce {
    /// Takes a nonce.
    ///
    /// # Errors
    ///
    /// When it has fewer than 22 characters, which 16 bytes take, or others than those of base64.
    pub fn parse(text: &str) -> Result<Self, NonceError> {
        let value = text.strip_suffix('=').unwrap_or(text);
        let value = value.strip_suffix('=').unwrap_or(value);
        if !value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte))
        {
            return Err(NonceError::NotBase64);
        }
        if value.len() < 22 {
            return Err(NonceError::TooShort);
        }
        Ok(Self(text.into()))
    }

    /// The nonce as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(…)")
    }
}

/// No nonce.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceError {
    /// It could be guessed.
    #[error("the nonce is too short: take 16 random bytes or more")]
    TooShort,
    /// It holds what no nonce of a content policy may hold.
    #[error("the nonce must be letters, digits, + / - _ and at most two = at its end")]
    NotBase64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::CONNECT_JS;

    #[test]
    fn a_nonce_is_random_enough_and_plain() {
        for nonce in [
            "mR5c8kqTz0aP1vW3xY7uBg==",
            "mR5c8kqTz0aP1vW3xY7uBg",
            "7a1d0c55e2f34b8f9d3b6c0e4f2a1b90",
            "3f0a6a52-7f57-4f0e-9a3c-0c9b0a3c1d11",
        ] {
            assert_eq!(
                Nonce::parse(nonce).map(|nonce| nonce.as_str().len()),
                Ok(nonce.len())
            );
        }
        assert_eq!(Nonce::parse(""), Err(NonceError::TooShort));
        assert_eq!(Nonce::parse("short=="), Err(NonceError::TooShort));
        for odd in [
            "mR5c8kqTz0aP1vW3xY7uBg===",
            "mR5c8kqTz0aP1vW3x=Y7uBgaa",
            "mR5c8kqTz0aP1vW3xY7uBg'; script-src *",
            "mR5c8kqTz0aP1vW3xY7uBg\" onload=\"x",
            "mR5c8kqTz0aP1vW3xY7uBg\r\nx: y",
            "é5c8kqTz0aP1vW3xY7uBgaaa",
        ] {
            assert_eq!(Nonce::parse(odd), Err(NonceError::NotBase64), "{odd}");
        }
        let nonce = Nonce::parse("mR5c8kqTz0aP1vW3xY7uBg").unwrap();
        assert_eq!(format!("{nonce:?}"), "Nonce(…)");
    }

    #[test]
    fn only_connects_origin_may_be_framed() {
        for odd in [
            "https://a.test;script-src",
            "https://a.test,*",
            "https://a.test'none'",
        ] {
            assert!(Hosts::single(odd).is_err(), "{odd}");
        }
        let nonce = Nonce::parse("mR5c8kqTz0aP1vW3xY7uBg").unwrap();
        let hosts = Hosts::single("http://127.0.0.1:8080/gateway").unwrap();
        let policy = content_security_policy(&hosts, &nonce);
        assert!(
            policy.contains("frame-src http://127.0.0.1:8080;"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn the_launchers_address_is_escaped() {
        let nonce = Nonce::parse("mR5c8kqTz0aP1vW3xY7uBg").unwrap();
        let element = connect_js_element("/a\"><script>&", Some(&nonce));
        assert!(
            element.contains("src=\"/a&quot;&gt;&lt;script&gt;&amp;\""),
            "{element}"
        );
        assert!(element.ends_with(" nonce=\"mR5c8kqTz0aP1vW3xY7uBg\"></script>"));
        assert!(CONNECT_JS.is_ascii(), "whatever charset it is served with");
    }
}
