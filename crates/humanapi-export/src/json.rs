//! JSON as it was sent, and what takes its place where it is none.

use std::borrow::Cow;

use humanapi_core::data::Json;

/// What was sent, if that is JSON. Else a text of JSON that says what was sent, so that whoever reads a file of JSON can read
/// all of it.
pub(crate) fn readable(sent: Json<'_>) -> Cow<'_, str> {
    match sent.checked() {
        Some(json) => Cow::Borrowed(json),
        None => {
            let text = String::from_utf8_lossy(sent.raw());
            Cow::Owned(serde_json::Value::from(text).to_string())
        }
    }
}
