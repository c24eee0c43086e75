//! Keys of 32 bytes as text: 64 hexadecimal digits.

use thiserror::Error;

/// It is no key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("it is no key: a key is 64 hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidKey;

/// The key that a text is, whatever space stands around it.
pub(crate) fn read(text: &str) -> Result<[u8; 32], InvalidKey> {
    let text = text.trim().as_bytes();
    let mut key = [0; 32];
    if text.len() != 64 {
        return Err(InvalidKey);
    }
    for (byte, digits) in key.iter_mut().zip(text.chunks(2)) {
        for digit in digits {
            let digit = char::from(*digit).to_digit(16).ok_or(InvalidKey)?;
            *byte = *byte << 4 | digit as u8;
        }
    }
    Ok(key)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
