//! The newest generation that this process has seen in each row.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;

use crate::backend::RowName;

/// Tells when a row was put back as it was before. Sealing cannot: an older row is as genuine as ever.
///
/// It remembers about a hundred thousand rows, and forgets them all when there are more.
#[derive(Default)]
pub(crate) struct Seen {
    newest: Mutex<HashMap<RowName, Generation>>,
}

const ROOM: usize = 100_000;

impl Seen {
    /// What the row had at least, at the latest. Ask before the store is asked: an answer that was
    /// overtaken by a newer one is no fraud.
    pub(crate) fn newest(&self, name: &RowName) -> Option<Generation> {
        self.lock().get(name).copied()
    }

    /// Holds what the store answered against what it had `before`.
    pub(crate) fn check(
        &self,
        name: &RowName,
        before: Option<Generation>,
        now: Generation,
    ) -> Result<(), StoreError> {
        if before > Some(now) {
            let message = "the store gave back an older token than one that it gave before";
            return Err(StoreError::new(StoreErrorKind::RolledBack, message));
        }
        self.note(name, now);
        Ok(())
    }

    pub(crate) fn note(&self, name: &RowName, generation: Generation) {
        let mut newest = self.lock();
        if newest.len() >= ROOM && !newest.contains_key(name) {
            newest.clear();
        }
        let seen = newest.entry(*name).or_insert(generation);
        *seen = generation.max(*seen);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RowName, Generation>> {
        // Nothing is left half done under it.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
