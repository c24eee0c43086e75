//! The bytes of a request or a response, hidden from `Debug` and wiped when dropped.

use std::fmt;

use bytes::Bytes;
use serde_core::de::DeserializeOwned;

use crate::json::{self, DecodeError};
use crate::secret_buffer::{SecretBuffer, wipe};

/// The bytes of a request or a response.
///
/// Bodies carry the client secret on the way out and tokens or health data on the way in, so `Debug`
/// shows the length alone and what this type owns is overwritten when it is dropped:
///
/// * a request body made by this crate, wherever its last clone ends, the HTTP stack's included;
/// * a response body, where no other owner of the same bytes is left.
///
/// ```
/// use humanapi_core::Body;
///
/// let body = Body::from("client_secret=hush");
/// assert_eq!(body.len(), 18);
/// assert_eq!(format!("{body:?}"), "Body(18 bytes)");
/// ```
#[derive(Clone, Default)]
pub struct Body {
    bytes: Bytes,
}

impl Body {
    /// A body of no bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            bytes: Bytes::new(),
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same body without a byte order mark at its start.
    pub(crate) fn without_byte_order_mark(mut self) -> Self {
        let text = json::without_byte_order_mark(&self.bytes).len();
        let mark = self.bytes.len() - text;
        if mark > 0 {
            self.bytes = self.bytes.split_off(mark);
        }
        self
    }

    /// Reads them as JSON: as a type of your own, or untyped as `serde_json::Value`.
    ///
    /// # Errors
    ///
    /// When they are not JSON of that shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        json::decode(json::without_byte_order_mark(&self.bytes))
    }

    /// The same bytes, shared and not copied, for a record that outlives the body.
    #[must_use]
    pub fn share(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Hands the bytes over, as an HTTP stack wants them.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Ok(mut owned) = std::mem::take(&mut self.bytes).try_into_mut() {
            wipe(&mut owned);
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.len())
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { bytes }
    }
}

impl From<SecretBuffer> for Body {
    /// The bytes are wiped when their last owner, of whatever crate, lets go of them.
    fn from(buffer: SecretBuffer) -> Self {
        Self::from(Bytes::from_owner(buffer))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self {
            bytes: Bytes::from_static(text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_alone() {
        let body = Body::from(SecretBuffer::from(b"canary".to_vec()));
        assert_eq!(format!("{body:?}"), "Body(6 bytes)");
        assert_eq!(body.as_bytes(), b"canary");
        assert_eq!(body.clone().into_bytes(), Bytes::from_static(b"canary"));
    }

    #[test]
    fn a_shared_response_body_survives_the_drop_of_one_owner() {
        let bytes = Bytes::from(b"record".to_vec());
        let body = Body::from(bytes.clone());
        drop(body);
        assert_eq!(bytes, Bytes::from_static(b"record"));
    }
}
