//! Reading a JSON text, and saying where it cannot be read.

use std::fmt::Write as _;

use serde_core::Deserialize;
use serde_path_to_error::{Path, Segment};
use thiserror::Error;

use super::tokens::Fault;

/// An answer could not be read. Says where, and never what stood there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the answer cannot be read at {}: {reason}", place(path))]
#[non_exhaustive]
pub struct DecodeError {
    /// The JSON path, `.` for the whole.
    pub path: String,
    /// What is wrong there.
    pub reason: &'static str,
}

/// A path as a sentence says it.
fn place(path: &str) -> &str {
    match path {
        "." => "its top level",
        inner => inner,
    }
}

impl DecodeError {
    pub(crate) const NOT_JSON: &'static str = "it is not JSON";
    pub(crate) const OTHER_TYPE: &'static str = "it is of another type";
    pub(crate) const ENDS_EARLY: &'static str = "it ends too early";
    pub(crate) const NOT_TEXT: &'static str = "its text cannot be read";
    pub(crate) const TOO_LARGE: &'static str = "no float holds it";
    pub(crate) const DOUBLED: &'static str = "it was sent more than once";
    pub(crate) const TOO_LONG: &'static str = "it is longer than 4 GiB";

    pub(crate) fn new(path: impl Into<String>, reason: &'static str) -> Self {
        Self {
            path: path.into(),
            reason,
        }
    }

    /// Says why values could not be told from each other.
    pub(crate) fn of_fault(path: impl Into<String>, fault: Fault) -> Self {
        let reason = match fault {
            Fault::EndsEarly => Self::ENDS_EARLY,
            Fault::NotJson => Self::NOT_JSON,
            Fault::OtherType => Self::OTHER_TYPE,
        };
        Self::new(path, reason)
    }

    pub(crate) fn at(path: impl Into<String>, error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        // The error's own text quotes the body, so only its class is kept.
        let reason = match error.classify() {
            Category::Io => "it could not be read",
            Category::Syntax => Self::NOT_JSON,
            Category::Data => Self::OTHER_TYPE,
            Category::Eof => Self::ENDS_EARLY,
        };
        Self::new(path, reason)
    }
}

/// Reads JSON, and on failure once more to learn where.
pub(crate) fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|plain| {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(error) => DecodeError::at(shown(error.path(), error.inner()), error.inner()),
            Ok(_) => DecodeError::at(".", &plain),
        }
    })
}

/// The path, as far as it holds nothing but names that the reader of the answer expected.
///
/// Where a value has another type than a field wants, the names on the way are the fields'. Where
/// the text itself is broken, they can be any names, and a name can be somebody's data.
fn shown(path: &Path, error: &serde_json::Error) -> String {
    let mut shown = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                write!(shown, "[{index}]").expect("a string can be written to");
            }
            Segment::Map { key } | Segment::Enum { variant: key } if error.is_data() => {
                if !shown.is_empty() {
                    shown.push('.');
                }
                shown.push_str(if is_name(key) { key } else { "…" });
            }
            _ => break,
        }
    }
    if shown.is_empty() {
        shown.push('.');
    }
    shown
}

fn is_name(key: &str) -> bool {
    let mut bytes = key.bytes();
    key.len() <= 40 && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte))
}
