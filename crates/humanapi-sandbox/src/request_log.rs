//! The log of requests, with everything secret masked.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::SystemTime;

use serde::Serialize;

use crate::clock::{self, Millis};
use crate::lock;
use crate::token::TokenKind;

/// One request as the sandbox saw it.
///
/// Secrets and tokens are not here: query values that carry one are masked, and neither headers
/// nor bodies are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// Its place in the row of all requests, from 1.
    pub sequence: u64,
    /// When it was answered, by the sandbox's clock.
    #[serde(serialize_with = "clock::as_instant")]
    pub at: SystemTime,
    /// The method; of a longer one than there is, the beginning.
    pub method: String,
    /// The path and query, token-carrying values masked; of a very long one, the beginning.
    pub path: String,
    /// The status of the answer; none when the connection was closed without one.
    pub status: Option<u16>,
    /// The kind of token asked for or presented.
    pub token_kind: Option<TokenKind>,
    /// The application, where the request named a known one.
    pub client_id: Option<String>,
    /// The application's id of the user, where the request named one; of a very long one, the beginning.
    pub client_user_id: Option<String>,
    /// The request id of the answer.
    pub request_id: String,
    /// The kind of the planned fault that hit it.
    pub fault: Option<&'static str>,
}

/// What a handler learns about a request.
#[derive(Debug, Default)]
pub(crate) struct LogDetails {
    pub(crate) token_kind: Option<TokenKind>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_user_id: Option<String>,
    pub(crate) request_id: String,
}

#[derive(Debug)]
pub(crate) struct RequestLog {
    capacity: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// How often the sandbox has started over, so that equal sequences can be told apart.
    epoch: u64,
    sequence: u64,
    entries: VecDeque<LoggedRequest>,
}

impl RequestLog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: Mutex::default(),
        }
    }

    pub(crate) fn push(
        &self,
        at: Millis,
        method: &http::Method,
        uri: &http::Uri,
        status: Option<u16>,
        details: LogDetails,
        fault: Option<&'static str>,
    ) {
        let mut entry = LoggedRequest {
            sequence: 0,
            at: clock::to_system(at),
            method: clip(method.as_str(), METHOD),
            path: clip(&masked_path(uri), TEXT),
            status,
            token_kind: details.token_kind,
            client_id: details.client_id,
            client_user_id: details.client_user_id.map(|id| clip(&id, TEXT)),
            request_id: details.request_id,
            fault,
        };
        let dropped = {
            let mut kept = lock(&self.kept);
            kept.sequence += 1;
            entry.sequence = kept.sequence;
            let dropped = if kept.entries.len() >= self.capacity {
                kept.entries.pop_front()
            } else {
                None
            };
            kept.entries.push_back(entry);
            dropped
        };
        // Freed outside the lock.
        drop(dropped);
    }

    pub(crate) fn all(&self) -> Vec<LoggedRequest> {
        self.with_epoch().1
    }

    /// All of them, and the epoch that they are of.
    pub(crate) fn with_epoch(&self) -> (u64, Vec<LoggedRequest>) {
        let kept = lock(&self.kept);
        (kept.epoch, kept.entries.iter().cloned().collect())
    }

    pub(crate) fn latest(&self, count: usize) -> Vec<LoggedRequest> {
        lock(&self.kept)
            .entries
            .iter()
            .rev()
            .take(count)
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&self) {
        let dropped = std::mem::take(&mut lock(&self.kept).entries);
        // Freed outside the lock.
        drop(dropped);
    }

    pub(crate) fn reset(&self) {
        let mut kept = lock(&self.kept);
        kept.epoch += 1;
        kept.sequence = 0;
        let dropped = std::mem::take(&mut kept.entries);
        drop(kept);
        // Freed outside the lock.
        drop(dropped);
    }
}

/// The longest method and the longest text that an entry keeps, in bytes; so the number of entries
/// bounds the log's memory as well.
const METHOD: usize = 32;
const TEXT: usize = 1024;

/// The beginning of a text, and a sign where something is missing.
pub(crate) fn clip(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(longest);
    format!("{}…", &text[..end])
}

/// A query parameter may hold a token, a secret, or somebody's address where one of these is in its name: `refresh_token`
/// and `publicToken`, `client_secret` and `clientSecret`, `subscriberEmail`.
const SECRET_WORDS: [&str; 5] = ["token", "secret", "password", "appkey", "email"];

/// The same, where this is the name.
const SECRET_PARAMETERS: [&str; 2] = ["pisid", "rq"];

/// Whether a value of this name is shown to nobody. Neither capitals nor underscores tell two names apart.
fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    let name: String = letters.flat_map(char::to_lowercase).collect();
    SECRET_PARAMETERS.contains(&name.as_str())
        || SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn masked_path(uri: &http::Uri) -> String {
    let Some(query) = uri.query() else {
        return uri.path().to_owned();
    };
    let mut text = String::with_capacity(uri.path().len() + query.len() + 1);
    text.push_str(uri.path());
    for (at, pair) in query.split('&').enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        let name = pair.split('=').next().unwrap_or_default();
        // A name may be percent-encoded too; what it decodes to is what a handler would read.
        let plain = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        if is_secret(&plain) {
            text.push_str(name);
            text.push_str("=***");
        } else {
            text.push_str(pair);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_values_are_masked_however_the_name_is_spelled() {
        for (path, masked) in [
            (
                "/v1/human?access_token=abc&limit=2",
                "/v1/human?access_token=***&limit=2",
            ),
            ("/?mode=auth&%74oken=abc", "/?mode=auth&%74oken=***"),
            ("/?TOKEN=abc", "/?TOKEN=***"),
            (
                "/?refresh_token=abc&id_refresh_token=abc&publicToken=abc&sessionTokenObject.sessionToken=abc&hapi__token=abc",
                "/?refresh_token=***&id_refresh_token=***&publicToken=***&sessionTokenObject.sessionToken=***&hapi__token=***",
            ),
            (
                "/?clientSecret=abc&client_secret=abc&CLIENT-SECRET=abc&app_key=abc&Password=abc",
                "/?clientSecret=***&client_secret=***&CLIENT-SECRET=***&app_key=***&Password=***",
            ),
            (
                "/?pisId=abc&rq=abc&subscriberEmail=abc&email=abc&request=1",
                "/?pisId=***&rq=***&subscriberEmail=***&email=***&request=1",
            ),
            ("/plain", "/plain"),
            ("/?a=1&b", "/?a=1&b"),
        ] {
            assert_eq!(masked_path(&path.parse().unwrap()), masked);
        }
    }

    #[test]
    fn the_oldest_entry_makes_room() {
        let log = RequestLog::new(2);
        for path in ["/1", "/2", "/3"] {
            let details = LogDetails::default();
            log.push(
                0,
                &http::Method::GET,
                &path.parse().unwrap(),
                Some(200),
                details,
                None,
            );
        }
        let paths: Vec<_> = log.all().into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["/2", "/3"]);
        assert_eq!(log.latest(1)[0].sequence, 3);
    }

    #[test]
    fn an_entry_keeps_the_beginning_of_what_is_absurdly_long() {
        let log = RequestLog::new(1);
        let method = http::Method::from_bytes(&[b'M'; 100_000]).unwrap();
        let uri = format!("/{}?token=secret", "é".repeat(20_000));
        let uri: String =
            percent_encoding::utf8_percent_encode(&uri, percent_encoding::CONTROLS).collect();
        let details = LogDetails {
            client_user_id: Some("ü".repeat(100_000)),
            ..LogDetails::default()
        };
        log.push(
            0,
            &method,
            &uri[..60_000].parse().unwrap(),
            None,
            details,
            None,
        );
        let entry = &log.all()[0];
        let user = entry.client_user_id.as_ref().unwrap();
        assert!(entry.method.len() < 40 && entry.path.len() < 1100 && user.len() < 1100);
        assert!(entry.path.ends_with('…') && user.ends_with("ü…"));
    }
}
