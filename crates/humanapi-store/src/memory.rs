//! Tokens in this process's memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::StoreError;
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, Row, RowToken};

use crate::backend::Backend;
use crate::journal_rows::{JournalRow, JournalRows, JournalSurvey};
use crate::keys::SealingKeys;
use crate::rows::{Batch, Mark, RowName, Sealed, Survey};
use crate::seal::millis;
use crate::store::Store;

/// Keeps tokens in this process's memory, sealed like everywhere else.
///
/// For tests, and for several clients of one process that share tokens. It needs no setting up. A journal of orders in it
/// ends with the process, and after a crash nothing tells which orders were sent.
pub type MemoryStore = Store<Memory>;

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn in_memory(keys: SealingKeys) -> Self {
        Self::new(Memory::default(), keys)
    }
}

/// Rows in memory. Clones share them.
#[derive(Clone)]
pub struct Memory {
    rows: Arc<Mutex<HashMap<RowName, Row<Sealed>>>>,
    orders: Arc<Mutex<BTreeMap<RowName, JournalRow>>>,
    clock: Arc<Clock>,
}

/// Milliseconds since 1970-01-01 UTC.
type Clock = dyn Fn() -> u64 + Send + Sync;

/// The version of what is in memory, which nobody but us ever reads.
const SCHEMA_VERSION: u32 = 1;

impl Memory {
    /// No rows, and a clock of its own: milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            rows: Arc::default(),
            orders: Arc::default(),
            clock: Arc::new(clock),
        }
    }

    /// Shows each row and lets it be changed, as whoever holds the store could: for tests of what
    /// happens then.
    pub fn each_row(&self, mut see: impl FnMut(&RowName, &mut Row<Sealed>)) {
        self.rows()
            .iter_mut()
            .for_each(|(name, row)| see(name, row));
    }

    /// Shows all rows of the journal of orders and lets them be changed, as whoever holds the store could: for tests of
    /// what happens then.
    pub fn all_orders(&self, change: impl FnOnce(&mut BTreeMap<RowName, JournalRow>)) {
        change(&mut self.orders());
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<RowName, JournalRow>> {
        // Each change is that of one row as a whole.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<RowName, Row<Sealed>>> {
        // Each change is one step of a row, so a panic elsewhere leaves none half done.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }
}

impl Default for Memory {
    /// No rows, and the system's clock.
    fn default() -> Self {
        Self::with_clock(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            millis(since.unwrap_or_default())
        })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for Memory {
    fn journal(&self) -> Option<&dyn JournalRows> {
        Some(self)
    }

    async fn init(&self, _: &Mark) -> Result<(), StoreError> {
        Ok(())
    }

    async fn check(&self, _: &Mark) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        Ok(self.rows().get(name).and_then(Row::load))
    }

    async fn acquire(
        &self,
        name: &RowName,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        let mut rows = self.rows();
        Ok(rows
            .entry(*name)
            .or_default()
            .acquire(self.now(), ttl, known))
    }

    async fn commit(
        &self,
        name: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError> {
        let mut rows = self.rows();
        Ok(match rows.get_mut(name) {
            Some(row) => row.commit(self.now(), lease, expires_at, sealed.clone()),
            None => Commit::Fenced,
        })
    }

    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError> {
        if let Some(row) = self.rows().get_mut(name) {
            row.release(lease);
        }
        Ok(())
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        if let Some(row) = self.rows().get_mut(name) {
            row.invalidate(generation);
        }
        Ok(())
    }

    async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let now = self.now();
        let mut purged = 0;
        rows.retain(|_, row| {
            let goes = purged < u64::from(limit) && row.is_spent(now);
            purged += u64::from(goes);
            !goes
        });
        Ok(purged)
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let rows = self.rows();
        let now = self.now();
        let mut survey = Survey {
            schema_version: SCHEMA_VERSION,
            rows: rows.len() as u64,
            ..Survey::default()
        };
        for row in rows.values() {
            survey.running_leases += u64::from(row.lease_ends().is_some_and(|ends| ends > now));
            if let Some(token) = row.load() {
                let lives = token.expires_at > now;
                survey.live_tokens += u64::from(lives);
                survey.ended_tokens += u64::from(!lives);
                survey.count_tokens(&token.payload.key_id, 1);
            }
        }
        Ok(survey)
    }

    async fn sealed_otherwise(
        &self,
        key_id: &str,
        _: Option<&[u8]>,
        _: u32,
    ) -> Result<Batch, StoreError> {
        let rows = self.rows();
        let names = rows.iter().filter_map(|(name, row)| {
            let token = row.load()?;
            (*token.payload.key_id != *key_id).then_some(*name)
        });
        Ok(Batch {
            names: names.collect(),
            next: None,
        })
    }

    async fn reseal(
        &self,
        name: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let kept = rows.get_mut(name).and_then(Row::token_mut);
        let Some(kept) = kept.filter(|kept| **kept == *read) else {
            return Ok(false);
        };
        kept.payload = anew.clone();
        Ok(true)
    }
}

#[async_trait]
impl JournalRows for Memory {
    async fn check_orders(&self, _: &Mark) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load_order(&self, name: &RowName) -> Result<(u64, Option<JournalRow>), StoreError> {
        Ok((self.now(), self.orders().get(name).cloned()))
    }

    async fn keep_order(
        &self,
        name: &RowName,
        read: Option<u64>,
        row: &JournalRow,
    ) -> Result<bool, StoreError> {
        let mut orders = self.orders();
        if orders.get(name).map(|kept| kept.version) != read {
            return Ok(false);
        }
        orders.insert(*name, row.clone());
        Ok(true)
    }

    async fn open_orders(
        &self,
        after: Option<&RowName>,
        limit: u32,
    ) -> Result<Vec<RowName>, StoreError> {
        let orders = self.orders();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let open = orders.range((from, Bound::Unbounded));
        let names = open.filter(|(_, row)| row.is_open).map(|(name, _)| *name);
        Ok(names.take(limit as usize).collect())
    }

    async fn survey_orders(&self) -> Result<JournalSurvey, StoreError> {
        let mut survey = JournalSurvey::default();
        for row in self.orders().values() {
            survey.count(&row.sealed.key_id, 1, u64::from(row.is_open));
        }
        Ok(survey)
    }

    async fn orders_sealed_otherwise(
        &self,
        key_id: &str,
        _: Option<&[u8]>,
        _: u32,
    ) -> Result<Batch, StoreError> {
        let orders = self.orders();
        let others = orders
            .iter()
            .filter(|(_, row)| *row.sealed.key_id != *key_id);
        Ok(Batch {
            names: others.map(|(name, _)| *name).collect(),
            next: None,
        })
    }

    async fn reseal_order(
        &self,
        name: &RowName,
        read: &JournalRow,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut orders = self.orders();
        let Some(kept) = orders.get_mut(name).filter(|kept| **kept == *read) else {
            return Ok(false);
        };
        kept.sealed = anew.clone();
        Ok(true)
    }
}
