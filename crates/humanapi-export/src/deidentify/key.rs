//! Keyed codes in the place of ids.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::policy::Ids;
use crate::keyed::{self, InvalidKey, hex};

/// The key by which codes are made in the place of ids, and by which dates are moved.
///
/// It is the caller's: 32 bytes that nobody can guess, drawn by a generator of random numbers and kept as a secret. It is made of
/// nothing else, because whoever can guess it can tell whose a code is. The same key makes the same codes, so that files of
/// different days fit together; a key that is thrown away can undo nothing.
///
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct DeidentifyKey([u8; 32]);

impl DeidentifyKey {
    /// This key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The code in the place of an id: 32 hexadecimal digits, the first half of its HMAC by SHA-256.
    pub(crate) fn code(&self, of: &str, id: &str) -> String {
        hex(&self.hash(of, id)[..16])
    }

    /// By which name a user stands in a file; by none where no id stays.
    pub(crate) fn user(&self, ids: Ids, id: &str) -> String {
        match ids {
            Ids::Keyed => self.code("user", id),
            Ids::Drop => String::new(),
        }
    }

    /// Another key, by which users are put into buckets. Nothing can be told of this one by it.
    #[cfg(feature = "client")]
    pub(crate) fn buckets(&self) -> [u8; 32] {
        self.hash("buckets", "")
    }

    /// A number that nobody can tell without the key.
    pub(super) fn number(&self, of: &str, id: &str) -> u64 {
        let hash = self.hash(of, id);
        hash[..8]
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn hash(&self, of: &str, id: &str) -> [u8; 32] {
        let mut hash =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        // A kind has no zero in it, so that no kind and id are another kind and id.
        hash.update(of.as_bytes());
        hash.update(&[0]);
        hash.update(id.as_bytes());
        hash.finalize().into_bytes().into()
    }
}

/// Reads it as a file has it: 64 hexadecimal digits.
impl FromStr for DeidentifyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        keyed::read(text).map(Self)
    }
}

impl fmt::Debug for DeidentifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeidentifyKey(…)")
    }
}
