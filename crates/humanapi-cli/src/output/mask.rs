//! Tokens that may be seen: a word for the kind, and nothing of the token itself.

use humanapi_core::TokenKind;
use humanapi_core::http::Uri;

/// What stands in place of anything that is not known to be harmless.
pub(crate) const HIDDEN: &str = "…(masked)";

/// What stands in place of a token of this kind.
pub(crate) const fn token(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Session => "st-…(masked)",
        TokenKind::Id => "id-…(masked)",
        TokenKind::Access => "at-…(masked)",
        TokenKind::Client => "ct-…(masked)",
    }
}

/// Path and query; values of the query are shown where their name is known to be harmless.
pub(crate) fn target(uri: &Uri) -> String {
    let query = uri.query().map_or_else(String::new, query);
    format!("{}{query}", uri.path())
}

/// The same for a log, which tells no id: of the path, words and a version are shown.
pub(crate) fn logged(uri: &Uri) -> String {
    let is_word = |part: &str| {
        let mut letters = part.bytes();
        letters.all(|letter| letter.is_ascii_lowercase() || matches!(letter, b'_' | b'-'))
    };
    let is_version = |part: &str| {
        let number = part.strip_prefix('v');
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|n| n.is_ascii_digit()))
    };
    let parts = uri.path().split('/');
    let parts = parts.map(|part| match is_word(part) || is_version(part) {
        true => part,
        false => HIDDEN,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    format!("{path}{}", uri.query().map_or_else(String::new, query))
}

/// A query behind its `?`, with only those values that are known to be harmless by their name.
pub(crate) fn query(query: &str) -> String {
    let mut shown = String::new();
    for (at, pair) in query.split('&').enumerate() {
        shown.push(if at == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if QUERY.contains(&name) => shown.push_str(pair),
            Some((name, _)) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(HIDDEN);
            }
            None => shown.push_str(HIDDEN),
        }
    }
    shown
}

const QUERY: [&str; 9] = [
    "created_before",
    "created_since",
    "format",
    "limit",
    "mode",
    "offset",
    "time_series",
    "updated_before",
    "updated_since",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_addresses_are_masked_however_they_are_spelled() {
        for (address, shown) in [
            (
                "http://127.0.0.1/?token=canary&mode=auth",
                "/?token=…(masked)&mode=auth",
            ),
            ("http://127.0.0.1/?canary", "/?…(masked)"),
            ("http://127.0.0.1/v1/human", "/v1/human"),
        ] {
            assert_eq!(target(&address.parse().unwrap()), shown);
            assert_eq!(logged(&address.parse().unwrap()), shown);
        }
    }

    #[test]
    fn a_log_tells_no_id() {
        for (path, shown) in [
            (
                "/v1/human/medical/test_results",
                "/v1/human/medical/test_results",
            ),
            (
                "/v1/human/medical/ccds/5f00c0ffee/raw",
                "/v1/human/medical/ccds/…(masked)/raw",
            ),
            ("/v1/apps/Canary/users", "/v1/apps/…(masked)/users"),
            ("/v1/human/a%20b?limit=5", "/v1/human/…(masked)?limit=5"),
            ("/v17/human", "/…(masked)/human"),
        ] {
            assert_eq!(logged(&path.parse().unwrap()), shown);
        }
    }
}
