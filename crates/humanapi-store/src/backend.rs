//! What every store is made of: rows of bytes under opaque names.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};

use crate::journal_rows::JournalRows;

/// Where rows are kept. It moves bytes and knows no secret; [`Store`](crate::Store) seals and names.
///
/// For each row it does what [`Row`](humanapi_core::broker::Row) does, each operation at once and
/// undivided. Implement it to keep tokens elsewhere; the contract is that of
/// [`TokenStore`](humanapi_client::TokenStore), and a `Store` adds a timeout to every operation.
///
/// Times are milliseconds since 1970-01-01 UTC. They and all generations fit in 53 bits.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Takes note of how long operations may take.
    ///
    /// Each future is dropped when its time is up, so a place that holds nothing open beyond that has nothing to
    /// note. One whose server or thread goes on by itself ends there what nobody waits for any more, and nothing
    /// sooner.
    fn set_limits(&mut self, limits: Limits) {
        let _ = limits;
    }

    /// The rows of a journal of orders, if this place keeps one beside the tokens. Unless told otherwise it does not, and
    /// [`Store`](crate::Store) says so to whoever wants to use it as one.
    fn journal(&self) -> Option<&dyn JournalRows> {
        None
    }

    /// Sets the place up, if it is not, and leaves the mark of the naming key there.
    ///
    /// # Errors
    ///
    /// When it cannot be reached or changed, or holds [another mark](Mark::compare).
    async fn init(&self, mark: &Mark) -> Result<(), StoreError>;

    /// Makes sure that the place is set up, for this version and with this mark.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, is not set up, or holds [another mark](Mark::compare).
    async fn check(&self, mark: &Mark) -> Result<(), StoreError>;

    /// The token in a row.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError>;

    /// Takes the lease on a row.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn acquire(
        &self,
        name: &RowName,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError>;

    /// Keeps a token and ends the lease, if it is still this one and has not ended.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn commit(
        &self,
        name: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError>;

    /// Ends the lease without a token, if it is still this one.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError>;

    /// Drops the token if it is of this generation or older.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError>;

    /// Drops at most `limit` rows that are spent, and tells how many.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn purge(&self, limit: u32) -> Result<u64, StoreError>;

    /// Counts what is there.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn survey(&self) -> Result<Survey, StoreError>;

    /// The rows of tokens that are not sealed with the key of this id: about `limit` of them, from where the
    /// last batch ended.
    ///
    /// The row of a token that is there from the first batch to the last is in one of them. A row whose name is
    /// none of ours is in none.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError>;

    /// Puts the same token, sealed anew, in place of what was read; tells whether that was still there.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn reseal(
        &self,
        name: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError>;
}

/// How long operations on a place may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Of one that concerns one row, and of a check.
    pub row: Duration,
    /// Of setting up, counting, and each batch of purging and rotating.
    pub all_rows: Duration,
}

impl Limits {
    /// What goes over all rows may take longer, by this factor.
    const PATIENCE: u32 = 5;

    pub(crate) const fn new(row: Duration) -> Self {
        Self {
            row,
            all_rows: row.saturating_mul(Self::PATIENCE),
        }
    }

    /// How long a place may be silent before what it is connected by is doubted, once somebody gave up waiting.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) const fn silence(self) -> Duration {
        self.row.checked_div(2).expect("two is not zero")
    }
}

impl Default for Limits {
    /// Three seconds for a row.
    fn default() -> Self {
        Self::new(Duration::from_secs(3))
    }
}

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
