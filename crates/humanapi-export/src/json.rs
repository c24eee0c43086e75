//! JSON as it was sent, and what takes its place where it is none.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// What was sent, if that is JSON. Else a text of JSON that says what was sent, so that whoever reads a file of JSON can read
/// all of it.
pub(crate) fn readable(sent: &[u8]) -> Cow<'_, str> {
    match (
        std::str::from_utf8(sent),
        serde_json::from_slice::<IgnoredAny>(sent),
    ) {
        (Ok(sent), Ok(_)) => Cow::Borrowed(sent),
        _ => Cow::Owned(serde_json::Value::from(String::from_utf8_lossy(sent)).to_string()),
    }
}
