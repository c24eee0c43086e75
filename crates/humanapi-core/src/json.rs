//! Writing JSON strings into a buffer of known size.

/// At most so many bytes does `text` take as a JSON string: six for each byte, and two quotes.
pub(crate) const fn string_bound(text: &str) -> usize {
    text.len() * 6 + 2
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string can always be written to a vector");
}
