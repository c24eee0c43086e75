//! What every store is made of: a place that keeps rows.

use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::StoreError;
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};

use crate::journal_rows::JournalRows;
use crate::rows::{Batch, Mark, RowName, Sealed, Survey};

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

    /// Sets the place up, if it is not, and leaves the mark of the naming key there. Where it has a
    /// [`journal`](Self::journal), that is set up too.
    ///
    /// # Errors
    ///
    /// When it cannot be reached or changed, or holds [another mark](Mark::compare).
    async fn init(&self, mark: &Mark) -> Result<(), StoreError>; // An `impl` needs `#[async_trait]` above it, too.

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
