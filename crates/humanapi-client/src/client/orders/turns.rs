//! Orders for one user, one after another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::lock::{Mutex as AsyncMutex, OwnedMutexGuard};
use humanapi_core::ClientUserId;

/// Whose turn it is to order for a user. The service tells no time of an order: of two that are placed at the same moment,
/// each could be taken for the other.
#[derive(Default)]
pub(crate) struct Turns {
    users: Mutex<HashMap<ClientUserId, Weak<AsyncMutex<()>>>>,
}

impl Turns {
    /// Waits for those who came before. The turn ends when what is given is dropped.
    pub(super) async fn take(&self, user: &ClientUserId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
            users.retain(|_, turn| turn.strong_count() > 0);
            let turn = users.get(user).and_then(Weak::upgrade).unwrap_or_default();
            users.insert(user.clone(), Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}
