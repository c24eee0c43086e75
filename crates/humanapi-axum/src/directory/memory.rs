//! What is known of users, for as long as the process runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use humanapi_core::ClientUserId;

use super::{Change, DirectoryError, Sighting, UserDirectory, UserRecord};

/// Keeps what is known of users in memory: for tests, and for applications that do not mind one
/// request more for each user after a restart.
#[derive(Default)]
pub struct MemoryDirectory {
    users: Mutex<HashMap<ClientUserId, UserRecord>>,
}

impl MemoryDirectory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientUserId, UserRecord>> {
        // Each change is one insertion, so there is no half of one to be afraid of.
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl UserDirectory for MemoryDirectory {
    async fn load(&self, user: &ClientUserId) -> Result<UserRecord, DirectoryError> {
        Ok(self.lock().get(user).cloned().unwrap_or_default())
    }

    async fn record(&self, user: &ClientUserId, seen: &Sighting) -> Result<Change, DirectoryError> {
        let mut users = self.lock();
        let record = users.entry(user.clone()).or_default();
        let change = record.apply(seen);
        *record = change.after.clone();
        Ok(change)
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDirectory")
            .field("users", &self.lock().len())
            .finish()
    }
}
