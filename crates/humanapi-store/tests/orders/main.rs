//! Journals of orders: the conformance suite over each place, and what an operator does with them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod memory;
mod operator;
mod postgres;
mod redis;
mod sqlite;

use humanapi_store::SealingKeys;
use humanapi_store::client::OrderJournal;
use humanapi_store::core::ClientUserId;
use humanapi_store::core::admin::NewOrder;
use humanapi_store::core::admin::order::{Effect, IntentKey, Op, Subject};
use std::time::Duration;

/// Time enough on any machine for all that is meant to succeed.
const AMPLE: Duration = Duration::from_secs(60);

/// Keys of which one seals and another is at hand.
fn two_keys() -> SealingKeys {
    let keys = SealingKeys::generate("spare").unwrap();
    keys.with_new_key("first").unwrap()
}

fn intent(name: impl ToString) -> IntentKey {
    IntentKey::new(name.to_string()).unwrap()
}

fn op() -> Op {
    let order = NewOrder::new(ClientUserId::new("canary-user").unwrap());
    Op::Begin {
        ttl: Duration::from_secs(3_600),
        subject: Subject::of(&order),
    }
}

/// Writes an intent, as whoever is the first to submit it does.
async fn write(journal: &impl OrderJournal, name: impl ToString) {
    let effect = journal.apply(&intent(name), op()).await.unwrap();
    assert!(matches!(effect, Effect::Send(_)), "{effect:?}");
}
