//! Writing JSON strings, and reading JSON texts.

mod decode;
pub(crate) mod scan;

use serde_core::Deserialize;

pub use decode::DecodeError;
pub(crate) use decode::decode;

use crate::secret_buffer::SecretBuffer;

/// Reads a JSON text.
///
/// A text that is UTF-8 as a whole need not be checked string by string. In one that is not, only the strings that are
/// asked for have to be.
pub(crate) fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// The text behind a byte order mark, which some servers put before JSON though none belongs there.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut SecretBuffer, text: &str) {
    serde_json::to_writer(out, text).expect("a string can always be written to a buffer");
}
