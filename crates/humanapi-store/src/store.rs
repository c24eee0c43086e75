//! The store itself: it seals, names and keeps time, and leaves the rows to a backend.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use humanapi_client::{StoreError, StoreErrorKind, TokenStore};
use humanapi_core::broker::{Acquired, Commit, KeptToken, Lease, RowToken};
use humanapi_core::{Generation, TokenKey};
use tokio::sync::OnceCell;

use crate::backend::{Backend, Limits};
use crate::journal_rows::JournalSurvey;
use crate::keys::SealingKeys;
use crate::rows::{RowName, Sealed};
use crate::seal;
use crate::seen::Seen;

/// A token store over any [`Backend`], and with the feature `admin` a journal of orders over one that
/// [keeps them](Backend::journal).
///
/// It seals every token and every row of an order before the backend sees it, names rows by keyed hashes, and gives
/// every operation a timeout. `Debug` shows no secret.
pub struct Store<B> {
    pub(crate) backend: B,
    pub(crate) keys: SealingKeys,
    pub(crate) limits: Limits,
    /// How long a purge or a rotation may take in all.
    pub(crate) overall: Duration,
    checked: OnceCell<()>,
    seen: Seen,
    #[cfg(feature = "admin")]
    pub(crate) orders: Orders,
}

/// How long a purge or a rotation may take in all, unless told otherwise: time enough for millions of rows.
const OVERALL: Duration = Duration::from_secs(3_600);

/// What a store remembers of its journal.
#[cfg(feature = "admin")]
#[derive(Default)]
pub(crate) struct Orders {
    pub(crate) checked: OnceCell<()>,
    pub(crate) seen: Seen,
}

impl<B: Backend> Store<B> {
    /// A store over this backend. Nothing is asked of it yet.
    #[must_use]
    pub fn new(mut backend: B, keys: SealingKeys) -> Self {
        let limits = Limits::default();
        backend.set_limits(limits);
        Self {
            backend,
            keys,
            limits,
            overall: OVERALL,
            checked: OnceCell::const_new(),
            seen: Seen::default(),
            #[cfg(feature = "admin")]
            orders: Orders::default(),
        }
    }

    /// Sets how long an operation may take before it fails as unavailable; 3 seconds unless set.
    ///
    /// Setting up, counting and each batch of purging and rotating may take five times as long. The store's server
    /// is told the same times, so that it neither gives up earlier nor goes on with what nobody waits for.
    ///
    /// # Panics
    ///
    /// A SQLite store does outside a tokio runtime.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.limits = Limits::new(timeout);
        self.backend.set_limits(self.limits);
        self
    }

    /// Sets how long a purge or a rotation may take in all before it fails as [unfinished]; an hour unless set.
    ///
    /// What it did until then stays done, and the same call goes on with the rest. It fails in that way too when the
    /// store names no row for twenty times as long as a batch may take, or the same rows again and again.
    ///
    /// [unfinished]: humanapi_client::StoreErrorKind::Unfinished
    #[must_use]
    pub const fn with_overall_timeout(mut self, timeout: Duration) -> Self {
        self.overall = timeout;
        self
    }

    /// The backend.
    #[must_use]
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// Sets the store up. Harmless where that was done before.
    ///
    /// # Errors
    ///
    /// When the store cannot be reached or changed, or was set up with another naming key or by a
    /// later version.
    pub async fn init(&self) -> Result<(), StoreError> {
        let mark = seal::mark(&self.keys);
        let init = self.backend.init(&mark);
        within(self.limits.all_rows, init).await
    }

    /// Makes sure that the store can be reached, is set up, and was set up with our naming key.
    ///
    /// Every operation does so before its first use of the store; call this to find out earlier.
    ///
    /// # Errors
    ///
    /// When one of these is not so.
    pub async fn check(&self) -> Result<(), StoreError> {
        within(self.limits.row, self.checked_now()).await
    }

    async fn checked_now(&self) -> Result<(), StoreError> {
        let mark = seal::mark(&self.keys);
        self.backend.check(&mark).await
    }

    /// Makes sure that the store can be reached, whether or not it was set up, and changes nothing in it.
    ///
    /// # Errors
    ///
    /// When it cannot be reached or read.
    pub async fn reach(&self) -> Result<(), StoreError> {
        let nobody = RowName::new([0; 32]);
        match within(self.limits.row, self.backend.load(&nobody)).await {
            Err(error) if error.kind() != StoreErrorKind::NotSetUp => Err(error),
            Err(_) | Ok(_) => Ok(()),
        }
    }

    /// Counts what the store holds, and how quickly it answers.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    pub async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.ready_within().await?;
        let survey = within(self.limits.all_rows, self.backend.survey()).await?;
        let orders = match self.backend.journal() {
            Some(rows) => within(self.limits.all_rows, rows.survey_orders()).await?,
            None => JournalSurvey::default(),
        };
        // The connection is there now, so this is the time of one question and its answer.
        let asked = Instant::now();
        within(self.limits.row, self.backend.load(&RowName::new([0; 32]))).await?;
        let latency = asked.elapsed();
        Ok(StoreStatus {
            schema_version: survey.schema_version,
            rows: survey.rows,
            live_tokens: survey.live_tokens,
            ended_tokens: survey.ended_tokens,
            running_leases: survey.running_leases,
            tokens_by_key: survey.tokens_by_key,
            orders: orders.rows,
            open_orders: orders.open,
            orders_by_key: orders.by_key,
            newest_key: self.keys.newest_id().to_owned(),
            latency,
        })
    }

    /// Makes sure of the store once. Those who come meanwhile wait for the one who does, so this counts towards the
    /// time of whatever needs it.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        self.checked.get_or_try_init(|| self.checked_now()).await?;
        Ok(())
    }

    pub(crate) async fn ready_within(&self) -> Result<(), StoreError> {
        within(self.limits.row, self.ready()).await
    }

    /// An operation on the rows, once the store is ready for it, within the time of one.
    pub(crate) async fn on_rows<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        within(self.limits.row, async {
            self.ready().await?;
            operation.await
        })
        .await
    }

    /// Opens a row's token, if the row is no older than it was `before`.
    fn unseal(
        &self,
        name: &RowName,
        before: Option<u64>,
        row: &RowToken<Sealed>,
    ) -> Result<KeptToken, StoreError> {
        let token = seal::open(&self.keys, name, row)?;
        let message = "the store gave back an older token than one that it gave before";
        let now = Some(row.generation.number());
        self.seen.check(name, before, now, message)?;
        Ok(token)
    }
}

/// Ends an operation that takes too long. One that panics is a failure like any other: a driver may do so over what a
/// server sends, and whoever wants a token can be served without a store.
pub(crate) async fn within<T>(
    timeout: Duration,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    // What was left half done is not used again: a backend gives up the connection of an operation that did not end.
    let operation = AssertUnwindSafe(operation).catch_unwind();
    let message = match tokio::time::timeout(timeout, operation).await {
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(_)) => "the store's driver panicked over what it was sent".to_owned(),
        Err(_) => format!("the store did not answer within {timeout:?}"),
    };
    Err(StoreError::new(StoreErrorKind::Unavailable, message))
}

#[async_trait]
impl<B: Backend> TokenStore for Store<B> {
    async fn load(&self, key: &TokenKey) -> Result<Option<KeptToken>, StoreError> {
        let name = seal::name(&self.keys, key);
        let before = self.seen.newest(&name);
        let row = self.on_rows(self.backend.load(&name)).await?;
        row.map(|row| self.unseal(&name, before, &row)).transpose()
    }

    async fn acquire(
        &self,
        key: &TokenKey,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<KeptToken>, StoreError> {
        let name = seal::name(&self.keys, key);
        let before = self.seen.newest(&name);
        let acquired = self.backend.acquire(&name, ttl, known);
        Ok(match self.on_rows(acquired).await? {
            Acquired::Won(lease) => Acquired::Won(lease),
            // Nobody takes a lease for longer than we do: what a row says beyond that is no reason to wait.
            Acquired::Held { remaining } => Acquired::Held {
                remaining: remaining.min(ttl),
            },
            Acquired::Newer(row) => Acquired::Newer(self.unseal(&name, before, &row)?),
        })
    }

    async fn commit(
        &self,
        key: &TokenKey,
        lease: Lease,
        token: &KeptToken,
    ) -> Result<Commit, StoreError> {
        let name = seal::name(&self.keys, key);
        let expires_at = seal::expires_at(token.expiry());
        let sealed = seal::seal(&self.keys, &name, lease.generation(), expires_at, token)?;
        let committed = self.backend.commit(&name, lease, expires_at, &sealed);
        let committed = self.on_rows(committed).await?;
        if committed == Commit::Done {
            self.seen.note(&name, lease.generation().number());
        }
        Ok(committed)
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        let name = seal::name(&self.keys, key);
        self.on_rows(self.backend.release(&name, lease)).await
    }

    async fn invalidate(&self, key: &TokenKey, generation: Generation) -> Result<(), StoreError> {
        let name = seal::name(&self.keys, key);
        self.on_rows(self.backend.invalidate(&name, generation))
            .await
    }

    async fn purge_expired(&self) -> Result<u64, StoreError> {
        self.purge().await
    }
}

impl<B: fmt::Debug> fmt::Debug for Store<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.backend)
            .field("keys", &self.keys)
            .field("limits", &self.limits)
            .field("overall", &self.overall)
            .finish_non_exhaustive()
    }
}

/// What a store holds, and how quickly it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// The version of its tables or scripts.
    pub schema_version: u32,
    /// All rows.
    pub rows: u64,
    /// Rows with a token that has not ended, by the store's clock.
    pub live_tokens: u64,
    /// Rows with a token that has ended and was not purged yet.
    pub ended_tokens: u64,
    /// Rows with a lease that has not ended.
    pub running_leases: u64,
    /// Tokens by the id of the key that sealed them.
    pub tokens_by_key: BTreeMap<String, u64>,
    /// Rows of orders in its journal.
    pub orders: u64,
    /// Rows of orders with which somebody still has to go on, or of which somebody is still to be told.
    pub open_orders: u64,
    /// Rows of orders by the id of the key that sealed them.
    pub orders_by_key: BTreeMap<String, u64>,
    /// The id of the key with which this process seals.
    pub newest_key: String,
    /// How long one question and its answer took.
    pub latency: Duration,
}

impl StoreStatus {
    /// How many tokens are sealed with another key than the newest.
    #[must_use]
    pub fn tokens_to_rotate(&self) -> u64 {
        self.of_other_keys(&self.tokens_by_key)
    }

    /// How many rows of orders are sealed with another key than the newest. An older key is not taken away before this
    /// and [`tokens_to_rotate`](Self::tokens_to_rotate) are 0: an order whose row cannot be opened is not known any more.
    #[must_use]
    pub fn orders_to_rotate(&self) -> u64 {
        self.of_other_keys(&self.orders_by_key)
    }

    fn of_other_keys(&self, by_key: &BTreeMap<String, u64>) -> u64 {
        let others = by_key.iter().filter(|(key, _)| **key != self.newest_key);
        others.fold(0, |sum, (_, rows)| sum.saturating_add(*rows))
    }
}
