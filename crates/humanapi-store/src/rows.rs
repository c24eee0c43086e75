//! Rows of bytes under opaque names, which places keep.

use std::collections::BTreeMap;
use std::fmt;

use humanapi_client::{StoreError, StoreErrorKind};

/// The name of a row: a keyed hash of application, user and purpose, or of an order's intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowName([u8; 32]);

impl RowName {
    /// A name as the place keeps it.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for RowName {
    /// In 64 lower-case hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A sealed token, or what a journal says of an order, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a place reads and writes exactly these two columns"
)]
pub struct Sealed {
    /// The id of the key that sealed it: at most 32 ASCII characters.
    pub key_id: Box<str>,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// What a place holds, if it can be what we wrote.
    #[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
    pub(crate) fn read(key_id: String, bytes: Vec<u8>) -> Result<Self, StoreError> {
        if key_id.len() > KEY_ID || !key_id.is_ascii() {
            return Err(unreadable());
        }
        let key_id = key_id.into();
        Ok(Self { key_id, bytes })
    }
}

/// The longest id of a sealing key.
pub(crate) const KEY_ID: usize = 32;

/// The most sealed bytes of one token. None is kept that has more, and none is fetched: a row that somebody else wrote
/// may be of any size.
pub(crate) const LARGEST_SEALED: usize = 1024 * 1024;

/// The failure over a row that we did not write.
pub(crate) fn unreadable() -> StoreError {
    StoreError::new(
        StoreErrorKind::Tampered,
        "the store holds a row that cannot be read",
    )
}

/// Tells one naming key from another, without telling anything else of it.
///
/// Processes with different naming keys would not find one another's rows: each would get tokens of
/// its own, and nobody would notice. So a place that is set up keeps the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark([u8; 32]);

impl Mark {
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be kept.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares it with what the place keeps.
    ///
    /// # Errors
    ///
    /// When it is another. The source of the error is then [`OtherMark`].
    pub fn compare(&self, kept: &[u8]) -> Result<(), StoreError> {
        if self.0 == kept {
            return Ok(());
        }
        Err(StoreError::new(
            StoreErrorKind::Misconfigured,
            "the store was set up with another naming key",
        )
        .with_source(OtherMark))
    }
}

/// Beneath the error of a place that keeps [another mark](Mark::compare): it was surely not set up with these keys, which
/// no other error says for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherMark;

impl fmt::Display for OtherMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mark of another naming key")
    }
}

impl std::error::Error for OtherMark {}

/// What a place holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a place has to count each of these"
)]
pub struct Survey {
    /// The version of its tables or scripts.
    pub schema_version: u32,
    /// All rows.
    pub rows: u64,
    /// Rows with a token that has not ended.
    pub live_tokens: u64,
    /// Rows with a token that has ended.
    pub ended_tokens: u64,
    /// Rows with a lease that has not ended.
    pub running_leases: u64,
    /// Tokens by the id of the key that sealed them.
    pub tokens_by_key: BTreeMap<String, u64>,
}

impl Survey {
    /// Counts tokens of one key.
    pub(crate) fn count_tokens(&mut self, key_id: &str, tokens: u64) {
        Self::count_sealed(&mut self.tokens_by_key, key_id, tokens);
    }

    /// Counts what one key sealed. What is no id of a key is not repeated.
    pub(crate) fn count_sealed(by_key: &mut BTreeMap<String, u64>, key_id: &str, more: u64) {
        /// More keys than anybody has, and far fewer than somebody could write.
        const MOST_KEYS: usize = 1_000;

        let is_id = key_id.len() <= KEY_ID && key_id.bytes().all(|byte| byte.is_ascii_graphic());
        let has_room = by_key.len() < MOST_KEYS || by_key.contains_key(key_id);
        let key_id = match (is_id, has_room) {
            (true, true) => key_id,
            (true, false) => "other keys",
            (false, _) => "unreadable",
        };
        let sum = by_key.entry(key_id.to_owned()).or_default();
        *sum = sum.saturating_add(more);
    }
}

/// Some of a place's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a place has to fill in both of these"
)]
pub struct Batch {
    /// Names of rows. What lies in them is fetched one by one, so that a batch is small whatever lies there.
    pub names: Vec<RowName>,
    /// Where the next batch begins, which is never where an earlier one began; nothing when this was the last.
    pub next: Option<Vec<u8>>,
}
