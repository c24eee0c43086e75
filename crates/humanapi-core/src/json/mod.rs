//! Writing JSON strings, and reading JSON texts.

mod brackets;
mod decode;
pub(crate) mod name;
pub(crate) mod scan;
pub(crate) mod tokens;

pub use decode::DecodeError;
pub(crate) use decode::decode;

use crate::secret_buffer::SecretBuffer;

/// The text behind a byte order mark, which some servers put before JSON though none belongs there.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut SecretBuffer, text: &str) {
    serde_json::to_writer(out, text).expect("a string can always be written to a buffer");
}
