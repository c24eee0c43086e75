//! What every journal of orders is made of: rows of bytes that are changed one at a time and never go.

use std::collections::BTreeMap;

use async_trait::async_trait;
use humanapi_client::StoreError;

use crate::rows::{Batch, Mark, RowName, Sealed, Survey};

/// Where rows of a journal of orders are kept: the other half of a [`Backend`](crate::Backend) that keeps one.
///
/// It moves bytes and knows nothing of orders. What an operation does to a row is worked out by [`Store`](crate::Store)
/// between [`load_order`](Self::load_order) and [`keep_order`](Self::keep_order), and kept only if nobody kept another
/// meanwhile, so that each operation is undivided and no connection is held in between.
///
/// **Nothing here ever drops a row**, and what [`keep_order`](Self::keep_order) kept is on durable storage before it says
/// so: an order whose row was lost is placed twice.
#[async_trait]
pub trait JournalRows: Send + Sync {
    /// Makes sure that the place is set up for a journal, with this mark, and durable enough for one.
    /// [`Backend::init`](crate::Backend::init) sets it up; this changes nothing that stays.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, is not set up, holds [another mark](Mark::compare), or could lose what it takes. The
    /// message then says what to set.
    async fn check_orders(&self, mark: &Mark) -> Result<(), StoreError>;

    /// What the place's clock shows, in milliseconds since 1970-01-01 UTC, and the row of this name.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked, or holds what cannot be a row.
    async fn load_order(&self, name: &RowName) -> Result<(u64, Option<JournalRow>), StoreError>;

    /// Keeps a row in place of the one of this version, or where there is none if there was none; tells whether that was
    /// still so.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked, or cannot keep it durably. Whether the row is kept is then unknown.
    async fn keep_order(
        &self,
        name: &RowName,
        read: Option<u64>,
        row: &JournalRow,
    ) -> Result<bool, StoreError>;

    /// The first names of rows that are open, in the order of their bytes, behind `after`; `limit` at most.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn open_orders(
        &self,
        after: Option<&RowName>,
        limit: u32,
    ) -> Result<Vec<RowName>, StoreError>;

    /// Counts what is there.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn survey_orders(&self) -> Result<JournalSurvey, StoreError>;

    /// The rows that are not sealed with the key of this id: about `limit` of them, from where the last batch ended.
    ///
    /// A row that is there from the first batch to the last is in one of them. A row whose name is none of ours is in none.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn orders_sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError>;

    /// Puts the same row, sealed anew, in place of what was read; tells whether that was still there.
    ///
    /// # Errors
    ///
    /// When the place cannot be asked.
    async fn reseal_order(
        &self,
        name: &RowName,
        read: &JournalRow,
        anew: &Sealed,
    ) -> Result<bool, StoreError>;
}

/// One row of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a place reads and writes exactly these columns"
)]
pub struct JournalRow {
    /// Counts its changes, from 1.
    pub version: u64,
    /// Whether somebody still has to go on with it or to be told of it.
    pub is_open: bool,
    /// What it says of the order, sealed.
    pub sealed: Sealed,
}

/// The most sealed bytes of a row that is written: its texts are names, an address and ids.
#[cfg(feature = "admin")]
pub(crate) const LARGEST_ORDER: usize = 64 * 1024;

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a place has to count each of these"
)]
pub struct JournalSurvey {
    /// All rows.
    pub rows: u64,
    /// Rows with which somebody still has to go on.
    pub open: u64,
    /// Rows by the id of the key that sealed them.
    pub by_key: BTreeMap<String, u64>,
}

impl JournalSurvey {
    /// Counts rows that one key sealed.
    pub(crate) fn count(&mut self, key_id: &str, rows: u64, open: u64) {
        self.rows = self.rows.saturating_add(rows);
        self.open = self.open.saturating_add(open);
        Survey::count_sealed(&mut self.by_key, key_id, rows);
    }
}
