//! The bytes that records stand in.

use crate::body::Body;
use crate::error::DecodeError;
use crate::json::tokens::{self, Scanner};

/// The bytes that came. Whether they are text is asked once.
pub(super) enum Source {
    Text(String),
    /// Somewhere there is a byte that belongs to no text.
    Mixed(Vec<u8>),
}

impl Source {
    pub(super) fn new(body: Body) -> Result<Self, DecodeError> {
        let bytes = body.without_byte_order_mark().into_bytes();
        if bytes.len() > tokens::LONGEST {
            return Err(DecodeError::new(".", DecodeError::TOO_LONG));
        }
        Ok(match String::from_utf8(bytes.into()) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Mixed(error.into_bytes()),
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Mixed(bytes) => bytes,
        }
    }

    /// Finds what stands in them.
    pub(super) fn scanner(&self) -> Scanner<'_> {
        Scanner::new(self.bytes()).noting_what_is_plain()
    }
}
