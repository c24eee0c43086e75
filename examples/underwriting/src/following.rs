//! Orders whose states are followed, so that a page can tell them as they change.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use humanapi::HumanId;
use humanapi::admin::OrderState;
use humanapi::client::Orders;
use humanapi::prelude::*;
use jiff::Timestamp;
use lru::LruCache;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::application::Policy;
use crate::case::Seen;

/// So many cases are followed at once; beyond that, the one that nobody has looked at for longest is left.
const MOST: NonZeroUsize = NonZeroUsize::new(1000).expect("it is more than none");

type History = watch::Sender<Vec<Seen>>;

/// The cases that somebody has looked at.
pub(crate) struct Following(Mutex<LruCache<Policy, Followed>>);

impl Default for Following {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

struct Followed {
    history: Arc<History>,
    task: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Following {
    /// Takes note of how an order stands now, follows it from here on, and gives all that was seen of it.
    pub(crate) fn note(
        &self,
        policy: &Policy,
        orders: &Orders,
        human_id: &HumanId,
        state: Option<OrderState>,
    ) -> Vec<Seen> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let history = match all.get(policy) {
            Some(followed) => Arc::clone(&followed.history),
            None => Arc::default(),
        };
        if let Some(state) = state {
            add(&history, state);
        }
        let seen = history.borrow().clone();
        let is_over = seen.last().is_some_and(|seen| seen.state.is_terminal());
        let is_followed = all.get(policy).is_some_and(|one| !one.task.is_finished());
        if !is_followed && !is_over {
            let task = tokio::spawn(follow(
                orders.clone(),
                human_id.clone(),
                Arc::clone(&history),
            ));
            all.put(policy.clone(), Followed { history, task });
        }
        seen
    }

    /// Waits until more states were seen than so many. Of a case that nobody has looked at there is nothing to wait for.
    pub(crate) async fn more(&self, policy: &Policy, seen: usize) {
        let history = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(policy).map(|one| one.history.subscribe())
        };
        if let Some(mut history) = history {
            // It errs where the case is not followed any more: then there is nothing to wait for, either.
            let _ = history.wait_for(|states| states.len() > seen).await;
        }
    }
}

/// Adds each state that the order comes to, until it is over. A failure that may pass is waited out by the stream itself.
async fn follow(orders: Orders, human_id: HumanId, history: Arc<History>) {
    let mut changes = orders.watch(human_id);
    while let Some(change) = changes.next().await {
        let state = change
            .ok()
            .and_then(|user| user.orders.last()?.state.clone());
        if let Some(state) = state {
            add(&history, state);
        }
    }
}

/// Adds a state, unless it is the one that was seen last.
fn add(history: &History, state: OrderState) {
    history.send_if_modified(|seen| {
        let is_new = seen.last().is_none_or(|last| last.state != state);
        if is_new {
            let at = Timestamp::now();
            seen.push(Seen { state, at });
        }
        is_new
    });
}
