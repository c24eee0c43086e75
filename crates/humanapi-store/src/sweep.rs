//! What goes over all rows, batch by batch: purging and rotating, and when they end.
//!
//! Each batch has a time limit of its own. That alone ends nothing: a store may give batch after batch, because it is
//! hostile or because others write to it without pause. So there is an end to all of them together, one to batches
//! that bring nothing, and one to those that come again.

use std::fmt;
use std::time::Duration;

use humanapi_client::{StoreError, StoreErrorKind};
use tokio::time::Instant;

use crate::backend::Backend;
use crate::journal_rows::JournalRows;
use crate::rows::RowName;
use crate::seal;
use crate::store::{Store, within};

/// Rows per purge: a store is not blocked for long.
const PURGE_BATCH: u32 = 1_000;
/// Rows per batch of a rotation.
const ROTATE_BATCH: u32 = 200;
/// How many times the limit of one batch may pass without a row.
const IDLE_BATCHES: u32 = 20;

impl<B: Backend> Store<B> {
    /// Seals all tokens and all rows of orders with the newest key that are sealed with an older one, and tells after
    /// each batch how far it is.
    ///
    /// Nothing newer is overwritten: what another process replaced meanwhile stays. All of it can be read all the time.
    /// Breaking it off or running it twice does no harm.
    ///
    /// It ends, whatever the store does: see [`with_overall_timeout`](Self::with_overall_timeout).
    ///
    /// # Errors
    ///
    /// When the store cannot be asked, or it took too long in all. What was done until then stays done, calling it
    /// again goes on with the rest, and the source of the error is [`Unfinished`], which says how far it came.
    pub async fn rotate(
        &self,
        mut progress: impl FnMut(&Rotation) + Send,
    ) -> Result<Rotation, StoreError> {
        self.ready_within().await?;
        let mut rotation = Rotation::default();
        let orders = self.backend.journal().map(Kind::Orders);
        for kind in [Some(Kind::Tokens), orders].into_iter().flatten() {
            if let Err(error) = self.rotate_all(kind, &mut rotation, &mut progress).await {
                return Err(error.with_source(Unfinished::Rotation(rotation)));
            }
        }
        Ok(rotation)
    }

    async fn rotate_all(
        &self,
        kind: Kind<'_>,
        rotation: &mut Rotation,
        progress: &mut (impl FnMut(&Rotation) + Send),
    ) -> Result<(), StoreError> {
        let newest = self.keys.newest_id();
        let mut sweep = self.sweep();
        let mut from: Option<Vec<u8>> = None;
        loop {
            sweep.goes_on()?;
            let from_here = from.as_deref();
            let batch = match kind {
                Kind::Tokens => (self.backend).sealed_otherwise(newest, from_here, ROTATE_BATCH),
                Kind::Orders(rows) => rows.orders_sealed_otherwise(newest, from_here, ROTATE_BATCH),
            };
            let batch = within(self.limits.all_rows, batch).await?;
            if !batch.names.is_empty() {
                sweep.brought_something();
            }
            for name in &batch.names {
                sweep.goes_on()?;
                let resealed = match kind {
                    Kind::Tokens => self.rotate_token(name).await,
                    Kind::Orders(rows) => self.rotate_order(rows, name).await,
                };
                rotation.count(resealed)?;
            }
            progress(rotation);
            from = batch.next;
            match &from {
                Some(next) => sweep.moved_to(next)?,
                None => return Ok(()),
            }
        }
    }

    /// Tells whether what was read was still there.
    async fn rotate_token(&self, name: &RowName) -> Result<bool, StoreError> {
        let row = within(self.limits.row, self.backend.load(name)).await?;
        let old = row.filter(|row| *row.payload.key_id != *self.keys.newest_id());
        let Some(row) = old else { return Ok(false) };
        let anew = seal::reseal(&self.keys, name, &row)?;
        within(self.limits.row, self.backend.reseal(name, &row, &anew)).await
    }

    /// The same.
    async fn rotate_order(
        &self,
        rows: &dyn JournalRows,
        name: &RowName,
    ) -> Result<bool, StoreError> {
        let (_, row) = within(self.limits.row, rows.load_order(name)).await?;
        let old = row.filter(|row| *row.sealed.key_id != *self.keys.newest_id());
        let Some(row) = old else { return Ok(false) };
        let anew = seal::reseal_order(&self.keys, name, &row)?;
        within(self.limits.row, rows.reseal_order(name, &row, &anew)).await
    }

    pub(crate) async fn purge(&self) -> Result<u64, StoreError> {
        self.ready_within().await?;
        let mut purged = 0;
        match self.purge_all(&mut purged).await {
            Ok(()) => Ok(purged),
            Err(error) => Err(error.with_source(Unfinished::Purge { purged })),
        }
    }

    async fn purge_all(&self, purged: &mut u64) -> Result<(), StoreError> {
        let mut sweep = self.sweep();
        loop {
            sweep.goes_on()?;
            let batch = within(self.limits.all_rows, self.backend.purge(PURGE_BATCH)).await?;
            if batch > u64::from(PURGE_BATCH) {
                let message = "the store tells of more dropped rows than it was asked to drop";
                return Err(StoreError::new(StoreErrorKind::Unavailable, message));
            }
            *purged += batch;
            if batch < u64::from(PURGE_BATCH) {
                return Ok(());
            }
            sweep.brought_something();
        }
    }

    fn sweep(&self) -> Sweep {
        let now = Instant::now();
        Sweep {
            begun: now,
            overall: self.overall,
            brought: now,
            idle: self.limits.all_rows.saturating_mul(IDLE_BATCHES),
            seen: Vec::new(),
            steps: 0,
        }
    }
}

/// What is sealed anew.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Tokens,
    Orders(&'a dyn JournalRows),
}

/// When a purge or a rotation ends.
struct Sweep {
    begun: Instant,
    overall: Duration,
    /// When a batch brought something.
    brought: Instant,
    idle: Duration,
    /// The place where one of the batches before began. It is kept while the number of batches doubles, so that whoever
    /// goes in a circle of any length comes by it (after R. P. Brent).
    seen: Vec<u8>,
    steps: u64,
}

impl Sweep {
    fn goes_on(&self) -> Result<(), StoreError> {
        let message = if self.begun.elapsed() >= self.overall {
            format!("the work was not done within {:?}", self.overall)
        } else if self.brought.elapsed() >= self.idle {
            format!("the store named no row for {:?}", self.idle)
        } else {
            return Ok(());
        };
        Err(StoreError::new(StoreErrorKind::Unfinished, message))
    }

    fn brought_something(&mut self) {
        self.brought = Instant::now();
    }

    fn moved_to(&mut self, next: &[u8]) -> Result<(), StoreError> {
        if self.steps > 0 && self.seen == next {
            let message = "the store gives the same rows again and again";
            return Err(StoreError::new(StoreErrorKind::Unfinished, message));
        }
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.seen = next.to_vec();
        }
        Ok(())
    }
}

/// Beneath the error of a purge or a rotation that ended before its work was done: how far it came.
///
/// What it did stays done, and the same call goes on with the rest.
///
/// ```
/// use std::error::Error;
/// use humanapi_store::{MemoryStore, Unfinished};
///
/// # async fn story(store: MemoryStore) -> Result<(), Box<dyn Error>> {
/// if let Err(error) = store.rotate(|_| {}).await {
///     match error.source().and_then(|source| source.downcast_ref()) {
///         Some(Unfinished::Rotation(so_far)) => println!("{} are done", so_far.resealed),
///         _ => println!("nothing was begun"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfinished {
    /// A purge, which dropped so many rows.
    #[non_exhaustive]
    Purge {
        /// Rows that went.
        purged: u64,
    },
    /// A rotation.
    Rotation(Rotation),
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Purge { purged } => write!(f, "{purged} rows were dropped before that"),
            Self::Rotation(so_far) => {
                write!(f, "{} rows were sealed anew before that", so_far.resealed)
            }
        }
    }
}

impl std::error::Error for Unfinished {}

/// How far a change of the sealing key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// Tokens and rows of orders that are now sealed with the newest key.
    pub resealed: u64,
    /// Those that another process replaced or dropped while they were being sealed anew. If that
    /// process does not write with the newest key yet, rotate again once it does.
    pub replaced_meanwhile: u64,
    /// Those that were left as they are because they cannot be opened: their key is not at hand, or
    /// they were changed.
    pub unreadable: u64,
}

impl Rotation {
    /// Counts one row, unless the place of all of them failed.
    fn count(&mut self, resealed: Result<bool, StoreError>) -> Result<(), StoreError> {
        let sum = match resealed {
            Ok(true) => &mut self.resealed,
            Ok(false) => &mut self.replaced_meanwhile,
            Err(error) => match error.kind() {
                StoreErrorKind::Tampered | StoreErrorKind::UnknownSealingKey => {
                    &mut self.unreadable
                }
                _ => return Err(error),
            },
        };
        *sum += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use humanapi_client::TokenStore as _;
    use humanapi_core::Generation;
    use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};

    use super::*;
    use crate::keys::SealingKeys;
    use crate::rows::{Batch, Mark, Sealed, Survey};

    /// A place that never comes to an end, and takes a second for each batch, or a little more: timers are coarse.
    #[derive(Default)]
    struct Endless {
        batches: AtomicU64,
        /// The names in each batch of a rotation.
        names: usize,
        /// After so many batches the first comes again. Never, if it is 0.
        circle: u64,
        /// So many more rows than asked for are said to be purged.
        exaggerates: u64,
    }

    #[async_trait]
    impl Backend for Endless {
        async fn init(&self, _: &Mark) -> Result<(), StoreError> {
            Ok(())
        }

        async fn check(&self, _: &Mark) -> Result<(), StoreError> {
            Ok(())
        }

        /// A row that nobody can read.
        async fn load(&self, _: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
            Err(crate::rows::unreadable())
        }

        async fn acquire(
            &self,
            _: &RowName,
            _: Duration,
            _: Option<Generation>,
        ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
            unreachable!("nobody asks for a lease")
        }

        async fn commit(
            &self,
            _: &RowName,
            _: Lease,
            _: u64,
            _: &Sealed,
        ) -> Result<Commit, StoreError> {
            unreachable!("nobody has a lease")
        }

        async fn release(&self, _: &RowName, _: Lease) -> Result<(), StoreError> {
            Ok(())
        }

        async fn invalidate(&self, _: &RowName, _: Generation) -> Result<(), StoreError> {
            Ok(())
        }

        async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(u64::from(limit) + self.exaggerates)
        }

        async fn survey(&self) -> Result<Survey, StoreError> {
            Ok(Survey::default())
        }

        async fn sealed_otherwise(
            &self,
            _: &str,
            _: Option<&[u8]>,
            _: u32,
        ) -> Result<Batch, StoreError> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let batch = self.batches.fetch_add(1, Ordering::Relaxed);
            let next = batch.checked_rem(self.circle).unwrap_or(batch);
            Ok(Batch {
                names: vec![RowName::new([7; 32]); self.names],
                next: Some(next.to_string().into_bytes()),
            })
        }

        async fn reseal(
            &self,
            _: &RowName,
            _: &RowToken<Sealed>,
            _: &Sealed,
        ) -> Result<bool, StoreError> {
            Ok(true)
        }
    }

    fn store(place: Endless) -> Store<Endless> {
        Store::new(place, SealingKeys::generate("first").unwrap())
    }

    #[track_caller]
    fn check(error: &StoreError, says: &str) -> Unfinished {
        assert_eq!(error.kind(), StoreErrorKind::Unfinished);
        assert!(error.to_string().contains(says), "{error}");
        *error.source().unwrap().downcast_ref().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_purge_without_an_end_is_ended_and_says_how_far_it_came() {
        let hour = Duration::from_secs(3_600);
        let begun = Instant::now();
        let error = store(Endless::default()).purge_expired().await.unwrap_err();
        let so_far = check(&error, "within 3600s");
        let expected = 3_590_000..=3_600_000;
        assert!(matches!(so_far, Unfinished::Purge { purged } if expected.contains(&purged)));
        assert!(begun.elapsed() >= hour && begun.elapsed() < hour + Duration::from_secs(15));
        let short = store(Endless::default()).with_overall_timeout(Duration::from_secs(7));
        let error = short.purge_expired().await.unwrap_err();
        assert_eq!(
            check(&error, "within 7s"),
            Unfinished::Purge { purged: 7_000 }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_exaggerates_is_not_believed() {
        let place = Endless {
            exaggerates: 1,
            ..Endless::default()
        };
        let error = store(place).purge_expired().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let so_far = error.source().unwrap().downcast_ref::<Unfinished>();
        assert_eq!(so_far, Some(&Unfinished::Purge { purged: 0 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_without_an_end_is_ended_and_says_how_far_it_came() {
        let place = Endless {
            names: 2,
            ..Endless::default()
        };
        let error = store(place).rotate(|_| {}).await.unwrap_err();
        let Unfinished::Rotation(so_far) = check(&error, "within 3600s") else {
            panic!("{error}: it was a rotation");
        };
        assert!((7_180..=7_200).contains(&so_far.unreadable), "{so_far:?}");
        assert_eq!((so_far.resealed, so_far.replaced_meanwhile), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_that_finds_nothing_is_ended_earlier() {
        let begun = Instant::now();
        let error = store(Endless::default()).rotate(|_| {}).await.unwrap_err();
        check(&error, "named no row for 300s");
        assert!(begun.elapsed() < Duration::from_secs(320));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_in_a_circle_is_ended_after_a_few_rounds() {
        for circle in [1, 2, 3, 40, 64, 65] {
            let place = Endless {
                names: 1,
                circle,
                ..Endless::default()
            };
            let store = store(place);
            let error = store.rotate(|_| {}).await.unwrap_err();
            check(&error, "the same rows again");
            let batches = store.backend.batches.load(Ordering::Relaxed);
            assert!(batches <= 4 * circle, "{batches} for a circle of {circle}");
        }
    }
}
