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

use crate::backend::{Backend, RowName, Sealed};
use crate::keys::SealingKeys;
use crate::seal;
use crate::seen::Seen;

/// A token store over any [`Backend`].
///
/// It seals every token before the backend sees it, names rows by keyed hashes, and gives every
/// operation a timeout. `Debug` shows no secret.
pub struct Store<B> {
    backend: B,
    keys: SealingKeys,
    timeout: Duration,
    checked: OnceCell<()>,
    seen: Seen,
}

/// How long an operation may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(3);
/// What goes over all rows may take longer, by this factor.
const PATIENCE: u32 = 5;
/// Rows per purge: a store is not blocked for long.
const PURGE_BATCH: u32 = 1_000;
/// Rows per batch of a rotation.
const ROTATE_BATCH: u32 = 200;
/// Batches of one purge or rotation: millions of rows. What goes on beyond that does not end.
const MOST_BATCHES: u32 = 100_000;

impl<B: Backend> Store<B> {
    /// A store over this backend. Nothing is asked of it yet.
    #[must_use]
    pub fn new(backend: B, keys: SealingKeys) -> Self {
        Self {
            backend,
            keys,
            timeout: TIMEOUT,
            checked: OnceCell::const_new(),
            seen: Seen::default(),
        }
    }

    /// Sets how long an operation may take before it fails as unavailable; 3 seconds unless set.
    ///
    /// Setting up, counting and each batch of purging and rotating may take five times as long.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
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
        within(self.timeout * PATIENCE, init).await
    }

    /// Makes sure that the store can be reached, is set up, and was set up with our naming key.
    ///
    /// Every operation does so before its first use of the store; call this to find out earlier.
    ///
    /// # Errors
    ///
    /// When one of these is not so.
    pub async fn check(&self) -> Result<(), StoreError> {
        within(self.timeout, self.checked_now()).await
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
        match within(self.timeout, self.backend.load(&nobody)).await {
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
        within(self.timeout, self.ready()).await?;
        let survey = within(self.timeout * PATIENCE, self.backend.survey()).await?;
        // The connection is there now, so this is the time of one question and its answer.
        let asked = Instant::now();
        within(self.timeout, self.backend.load(&RowName::new([0; 32]))).await?;
        let latency = asked.elapsed();
        Ok(StoreStatus {
            schema_version: survey.schema_version,
            rows: survey.rows,
            live_tokens: survey.live_tokens,
            ended_tokens: survey.ended_tokens,
            running_leases: survey.running_leases,
            tokens_by_key: survey.tokens_by_key,
            newest_key: self.keys.newest_id().to_owned(),
            latency,
        })
    }

    /// Seals all tokens with the newest key that are sealed with an older one, and tells after each
    /// batch how far it is.
    ///
    /// Nothing newer is overwritten: a token that another process replaced meanwhile stays. Tokens
    /// can be read all the time. Breaking it off or running it twice does no harm.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked. What was done until then stays done.
    pub async fn rotate(
        &self,
        mut progress: impl FnMut(&Rotation) + Send,
    ) -> Result<Rotation, StoreError> {
        within(self.timeout, self.ready()).await?;
        let newest = self.keys.newest_id();
        let mut rotation = Rotation::default();
        let mut from: Option<Vec<u8>> = None;
        for _ in 0..MOST_BATCHES {
            let batch = self
                .backend
                .sealed_otherwise(newest, from.as_deref(), ROTATE_BATCH);
            let batch = within(self.timeout * PATIENCE, batch).await?;
            for (name, row) in &batch.tokens {
                self.rotate_one(name, row, &mut rotation).await?;
            }
            progress(&rotation);
            from = batch.next;
            if from.is_none() {
                return Ok(rotation);
            }
        }
        Err(endless())
    }

    async fn rotate_one(
        &self,
        name: &RowName,
        row: &RowToken<Sealed>,
        rotation: &mut Rotation,
    ) -> Result<(), StoreError> {
        let anew = match seal::reseal(&self.keys, name, row) {
            Ok(anew) => anew,
            Err(error) if error.kind() == StoreErrorKind::Unavailable => return Err(error),
            Err(_) => {
                rotation.unreadable += 1;
                return Ok(());
            }
        };
        let swapped = self.backend.reseal(name, row, &anew);
        if within(self.timeout, swapped).await? {
            rotation.resealed += 1;
        } else {
            rotation.replaced_meanwhile += 1;
        }
        Ok(())
    }

    /// Makes sure of the store once. Those who come meanwhile wait for the one who does, so this counts towards the
    /// time of whatever needs it.
    async fn ready(&self) -> Result<(), StoreError> {
        self.checked.get_or_try_init(|| self.checked_now()).await?;
        Ok(())
    }

    /// An operation on the rows, once the store is ready for it, within the time of one.
    async fn on_rows<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        within(self.timeout, async {
            self.ready().await?;
            operation.await
        })
        .await
    }

    /// Opens a row's token, if the row is no older than it was `before`.
    fn unseal(
        &self,
        name: &RowName,
        before: Option<Generation>,
        row: &RowToken<Sealed>,
    ) -> Result<KeptToken, StoreError> {
        let token = seal::open(&self.keys, name, row)?;
        self.seen.check(name, before, row.generation)?;
        Ok(token)
    }
}

/// Ends an operation that takes too long. One that panics is a failure like any other: a driver may do so over what a
/// server sends, and whoever wants a token can be served without a store.
async fn within<T>(
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

fn endless() -> StoreError {
    let message = "the store gives one batch of rows after the other without an end";
    StoreError::new(StoreErrorKind::Unavailable, message)
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
            self.seen.note(&name, lease.generation());
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
        within(self.timeout, self.ready()).await?;
        let mut purged: u64 = 0;
        for _ in 0..MOST_BATCHES {
            let batch = self.backend.purge(PURGE_BATCH);
            let batch = within(self.timeout * PATIENCE, batch).await?;
            purged = purged.saturating_add(batch);
            if batch < u64::from(PURGE_BATCH) {
                return Ok(purged);
            }
        }
        Err(endless())
    }
}

impl<B: fmt::Debug> fmt::Debug for Store<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.backend)
            .field("keys", &self.keys)
            .field("timeout", &self.timeout)
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
    /// The id of the key with which this process seals.
    pub newest_key: String,
    /// How long one question and its answer took.
    pub latency: Duration,
}

impl StoreStatus {
    /// How many tokens are sealed with another key than the newest.
    #[must_use]
    pub fn tokens_to_rotate(&self) -> u64 {
        let others = self.tokens_by_key.iter();
        others
            .filter(|(key, _)| **key != self.newest_key)
            .fold(0, |sum, (_, tokens)| sum.saturating_add(*tokens))
    }
}

/// How far a change of the sealing key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// Tokens that are now sealed with the newest key.
    pub resealed: u64,
    /// Tokens that another process replaced or dropped while they were being sealed anew. If that
    /// process does not write with the newest key yet, rotate again once it does.
    pub replaced_meanwhile: u64,
    /// Tokens that were left as they are because they cannot be opened: their key is not at hand, or
    /// they were changed.
    pub unreadable: u64,
}
