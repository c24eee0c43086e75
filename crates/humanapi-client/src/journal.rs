//! Where it is written which orders were sent.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use humanapi_core::admin::order::{Effect, Entry, IntentKey, Op, Row};

use crate::runtime::Timer;
use crate::store::StoreError;

/// Keeps what was written of each order, where whoever goes on with it finds it: another process, or this one after a
/// crash.
///
/// # Contract
///
/// For each intent a journal does what [`Row::apply`] does, each operation at once and undivided, whatever other processes do
/// meanwhile:
///
/// * What an operation changed is on **durable storage before it answers**. A journal that answers from memory, or from a
///   replica that is behind, may have an order placed twice.
/// * Times are those of the journal's own clock, one for all processes.
/// * An operation whose answer is lost may have happened. It is not repeated.
/// * **No row is ever dropped**: an intent that was forgotten is a new one. What cannot be read is an error, and not a row that
///   is none.
/// * No connection, lock or transaction is held between two operations. Orders are sent between them.
/// * It answers or fails within a time that it sets for itself, a few seconds at most.
///   Dropping a future breaks its operation off; it may or may not have happened.
/// * What is kept names people: it can be read by nobody who holds the storage alone.
#[async_trait]
pub trait OrderJournal: Send + Sync {
    /// Does this to the intent's row.
    ///
    /// # Errors
    ///
    /// When the journal cannot be asked, or its row cannot be read. Whether the operation happened is then unknown.
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError>; // An `impl` needs `#[async_trait]` above it, too.

    /// How an intent stands; nothing where there is none. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the journal cannot be asked, or its row cannot be read.
    async fn load(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError>;

    /// The first of the intents behind `after` that somebody still has to go on with or to be told of
    /// ([`Row::is_open`]); `limit` at most, and none only where there are no more.
    ///
    /// Their order is the journal's own, and the same each time: an intent that stays open is listed once to whoever goes
    /// through all of them. `after` may be settled by now.
    ///
    /// # Errors
    ///
    /// When the journal cannot be asked, or a row cannot be read.
    async fn open(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError>;
}

/// A journal in this process's memory.
///
/// It keeps two callers of one process from ordering twice, and is forgotten with the process: after a crash nothing tells
/// which orders were sent. For tests, and for applications that keep their intents elsewhere.
pub struct MemoryOrderJournal {
    rows: Mutex<BTreeMap<IntentKey, Row>>,
    timer: Arc<dyn Timer>,
}

impl MemoryOrderJournal {
    /// An empty one, on tokio's clock.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new() -> Self {
        Self::on(Arc::new(crate::runtime::TokioRuntime::new()))
    }

    /// An empty one, on a clock of your choice.
    #[must_use]
    pub fn on(timer: Arc<dyn Timer>) -> Self {
        Self {
            rows: Mutex::default(),
            timer,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IntentKey, Row>> {
        // Each row is changed by one call that does not panic.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        let since = self
            .timer
            .now()
            .wall()
            .duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(feature = "tokio")]
impl Default for MemoryOrderJournal {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl OrderJournal for MemoryOrderJournal {
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        let now = self.now();
        let mut rows = self.lock();
        let mut row = rows.remove(intent);
        let effect = Row::apply(&mut row, now, op);
        if let Some(row) = row {
            rows.insert(intent.clone(), row);
        }
        Ok(effect)
    }

    async fn load(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError> {
        let now = self.now();
        Ok(self.lock().get(intent).map(|row| row.entry(now)))
    }

    async fn open(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        let now = self.now();
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
        let rows = self.lock();
        let open = rows
            .range((from, Bound::Unbounded))
            .filter(|(_, row)| row.is_open())
            .map(|(intent, row)| (intent.clone(), row.entry(now)));
        Ok(open.take(limit).collect())
    }
}

impl fmt::Debug for MemoryOrderJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOrderJournal")
            .field("intents", &self.lock().len())
            .finish_non_exhaustive()
    }
}
