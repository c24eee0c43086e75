//! Paths and queries that every HTTP stack sends as they are written.

use percent_encoding::utf8_percent_encode;

use crate::error::BuildError;
use crate::query_string::ESCAPED;

/// A path that names one thing, made of a documented beginning and of ids that come from elsewhere.
///
/// An id is escaped, so that none of its letters ends the path or begins another segment. `.` and `..` cannot be
/// escaped: a dot means the same with and without, and HTTP stacks resolve such segments before they send. So they are
/// refused.
///
/// ```
/// use humanapi_core::http::Method;
/// use humanapi_core::{Host, RawCall, UrlPath};
///
/// let path = UrlPath::new("/v1/human/activities").with_segment("a/b c")?;
/// assert_eq!(path.as_str(), "/v1/human/activities/a%2Fb%20c");
/// assert!(UrlPath::new("/v1/human/activities").with_segment("..").is_err());
/// let call = RawCall::new(Method::GET, Host::Data, path);
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UrlPath(String);

impl UrlPath {
    /// Begins with a path as it is documented: it begins with `/` and does not end with one.
    #[must_use]
    pub fn new(beginning: &'static str) -> Self {
        Self(beginning.to_owned())
    }

    /// Adds a segment of any text, escaped.
    ///
    /// # Errors
    ///
    /// When it is empty, `.` or `..`, which would lead to another path.
    pub fn with_segment(mut self, text: &str) -> Result<Self, BuildError> {
        if text.is_empty() || is_dots(text.as_bytes()) {
            return Err(BuildError::OutOfRange {
                name: "an id in a path",
                rule: "something else than nothing, a dot or two dots",
            });
        }
        self.0.push('/');
        self.0.extend(utf8_percent_encode(text, ESCAPED));
        Ok(self)
    }

    /// Adds segments as they are documented: none, or each with a `/` before it.
    #[must_use]
    pub fn with_path(mut self, segments: &'static str) -> Self {
        self.0.push_str(segments);
        self
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<UrlPath> for String {
    fn from(path: UrlPath) -> Self {
        path.0
    }
}

// An id in it can name a person.
crate::hidden::hidden_debug!(UrlPath);

/// Whether this is a path, with or without a query, that every stack sends byte by byte as it is: nothing that has to
/// be escaped, no segment of dots, no fragment.
pub(crate) fn is_path_and_query(text: &str) -> bool {
    let bytes = text.as_bytes();
    let end = (bytes.iter().position(|byte| *byte == b'?')).unwrap_or(bytes.len());
    let (path, query) = bytes.split_at(end);
    is_path_of(path)
        && query
            .split_first()
            .is_none_or(|(_, query)| is_escaped(query, is_query_byte))
}

/// The same for the path alone.
pub(crate) fn is_path(path: &str) -> bool {
    is_path_of(path.as_bytes())
}

/// Every request's path is looked at, and nearly all are plain: those take one look at each byte.
fn is_path_of(path: &[u8]) -> bool {
    let Some((b'/', segments)) = path.split_first() else {
        return false;
    };
    let is_plain = |byte: &u8| PLAIN[usize::from(*byte)];
    segments.iter().all(is_plain)
        || segments
            .split(|byte| *byte == b'/')
            .all(|segment| is_escaped(segment, is_path_byte) && !is_dots(segment))
}

/// What is right wherever it stands in a path: neither part of an escape nor of a segment of dots.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        plain[byte as usize] = byte == b'/' || (is_path_byte(byte) && byte != b'.');
        byte += 1;
    }
    plain
};

fn is_escaped(text: &[u8], fits: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        let is_right = if byte == b'%' {
            let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
            is_digit() && is_digit()
        } else {
            fits(byte)
        };
        if !is_right {
            return false;
        }
    }
    true
}

/// One dot or two, escaped or not.
fn is_dots(segment: &[u8]) -> bool {
    const fn without_dot(text: &[u8]) -> Option<&[u8]> {
        match text {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => Some(rest),
            _ => None,
        }
    }
    without_dot(segment)
        .is_some_and(|rest| rest.is_empty() || without_dot(rest).is_some_and(<[u8]>::is_empty))
}

/// What a segment holds unescaped: RFC 3986, section 3.3.
const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

/// What a query holds unescaped: RFC 3986, section 3.4, and the brackets that many services take. An apostrophe is not
/// among them, because some stacks escape it.
const fn is_query_byte(byte: u8) -> bool {
    byte != b'\'' && (is_path_byte(byte) || matches!(byte, b'/' | b'?' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment_of_its_path() {
        for (id, segment) in [
            ("65a0c3", "65a0c3"),
            ("a.b", "a.b"),
            ("...", "..."),
            ("a/../b", "a%2F..%2Fb"),
            ("a?b#c", "a%3Fb%23c"),
            ("%2e%2e%2f", "%252e%252e%252f"),
            ("a\\b\r\n\u{e9}", "a%5Cb%0D%0A%C3%A9"),
        ] {
            let path = UrlPath::new("/v1/x").with_segment(id).unwrap();
            assert_eq!(path.as_str(), format!("/v1/x/{segment}"));
            assert!(is_path(path.as_str()), "{id}");
        }
        for id in ["", ".", "..", "%2e", "%2E.", ".%2e", "%2e%2E"] {
            let refused = UrlPath::new("/v1/x").with_segment(id);
            assert!(
                matches!(refused, Err(BuildError::OutOfRange { .. })),
                "{id}"
            );
        }
        let path = UrlPath::new("/v1/x").with_segment("canary").unwrap();
        assert_eq!(format!("{path:?}"), "UrlPath(…)");
    }

    #[test]
    fn a_path_is_sent_as_it_is_written_or_not_at_all() {
        for good in [
            "/",
            "/v1/human/activities?limit=5&source=a%20b",
            "/v1//human/",
            "/a.b/.../..c/%2e%2e%2e?x=../..",
            "/a?b[c]=d/e?f:@!$&()*+,;=~",
            "/it's",
        ] {
            assert!(is_path_and_query(good), "{good}");
        }
        for bad in [
            "",
            "v1",
            "?a=b",
            "/a#b",
            "/a?b#c",
            "/a b",
            "/a\\..\\b",
            "/../a",
            "/a/.",
            "/a/..",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/a/./b?x",
            "/a%",
            "/a%2",
            "/a%2g",
            "/a?b=%zz",
            "/a\tb",
            "/a\r\nHost: b",
            "/\u{e9}",
            "/a\"b",
            "/a<b>",
            "/{id}",
            "/a?b='c'",
            "/a?b=\"c\"",
        ] {
            assert!(!is_path_and_query(bad), "{bad}");
        }
    }
}
