//! The newest generation or version that this process has seen in each row.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use humanapi_client::{StoreError, StoreErrorKind};

use crate::rows::RowName;

/// Tells when a row was put back as it was before. Sealing cannot: an older row is as genuine as ever.
///
/// It remembers about a hundred thousand rows, and forgets them all when there are more.
#[derive(Default)]
pub(crate) struct Seen {
    newest: Mutex<HashMap<RowName, u64>>,
}

const ROOM: usize = 100_000;

impl Seen {
    /// What the row had at least, at the latest. Ask before the store is asked: an answer that was
    /// overtaken by a newer one is no fraud.
    pub(crate) fn newest(&self, name: &RowName) -> Option<u64> {
        self.lock().get(name).copied()
    }

    /// Holds what the store answered against what it had `before`. The message is that of the error.
    pub(crate) fn check(
        &self,
        name: &RowName,
        before: Option<u64>,
        now: Option<u64>,
        message: &str,
    ) -> Result<(), StoreError> {
        if before > now {
            return Err(StoreError::new(StoreErrorKind::RolledBack, message));
        }
        if let Some(now) = now {
            self.note(name, now);
        }
        Ok(())
    }

    pub(crate) fn note(&self, name: &RowName, number: u64) {
        let mut newest = self.lock();
        if newest.len() >= ROOM && !newest.contains_key(name) {
            newest.clear();
        }
        let seen = newest.entry(*name).or_insert(number);
        *seen = number.max(*seen);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RowName, u64>> {
        // Nothing is left half done under it.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
