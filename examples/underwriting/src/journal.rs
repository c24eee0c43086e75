//! The journal as the desk has it: that an order is not there is told to a person, and not to this program, which asks no
//! more then.

use std::fmt;
use std::sync::Arc;

use humanapi::StoreError;
use humanapi::admin::order::{Effect, Entry, EntryState, IntentKey, Op};
use humanapi::async_trait::async_trait;
use humanapi::client::OrderJournal;

/// Keeps an order that is not there among those that are open until a person has acted.
///
/// The SDK hands an outcome back to whoever asked for it, and does not list it again. Here a timer asks, and forgets what it
/// is told, so only an order that is there is handed back to the program. For any other it is as if the program had ended
/// just before: the entry stays, and is still listed at the desk.
///
/// Of what stays, the timer goes on with what is not known. An order that was looked for and is not there it leaves to the
/// person: each look is a claim, and costs the service an answer, for ever.
pub struct DeskJournal(Arc<dyn OrderJournal>);

impl fmt::Debug for DeskJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskJournal").finish_non_exhaustive()
    }
}

impl DeskJournal {
    /// A desk's, which keeps in this one what there is to keep.
    #[must_use]
    pub fn over(journal: Arc<dyn OrderJournal>) -> Self {
        Self(journal)
    }

    /// The first of the entries behind this one that somebody has to act on or to be told of, in the journal's order; none
    /// only where there are no more.
    pub(crate) async fn listed(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        self.0.open(after, limit).await
    }

    /// Notes that a person was told of this entry; says whether it was still that one.
    pub(crate) async fn tell(&self, intent: &IntentKey, version: u64) -> Result<bool, StoreError> {
        let effect = self.0.apply(intent, Op::HandBack { version }).await?;
        Ok(matches!(effect, Effect::Stands(_)))
    }
}

#[async_trait]
impl OrderJournal for DeskJournal {
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        let Op::HandBack { version } = op else {
            return self.0.apply(intent, op).await;
        };
        Ok(match self.0.load(intent).await? {
            None => Effect::Missing,
            Some(entry) if entry.version != version => Effect::Fenced,
            Some(entry) if matches!(entry.state, EntryState::Exists(_)) => {
                self.0.apply(intent, op).await?
            }
            Some(entry) => Effect::Stands(entry),
        })
    }

    async fn load(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError> {
        self.0.load(intent).await
    }

    async fn open(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        let mut after = after.cloned();
        loop {
            let mut found = self.0.open(after.as_ref(), limit).await?;
            let last = found.last().map(|(intent, _)| intent.clone());
            found.retain(|(_, entry)| entry.state != EntryState::Absent);
            // None would say that there are no more.
            if last.is_none() || !found.is_empty() {
                return Ok(found);
            }
            after = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use humanapi::admin::NewOrder;
    use humanapi::admin::order::{Before, Finding, Subject};
    use humanapi::client::MemoryOrderJournal;
    use humanapi::client::testing::VirtualRuntime;

    use super::*;

    #[tokio::test]
    async fn what_is_not_there_is_passed_over_and_hides_nothing_behind_it() {
        let (clock, ttl) = (VirtualRuntime::new(), Duration::from_secs(1));
        let kept = Arc::new(MemoryOrderJournal::on(Arc::new(clock.clone())));
        let journal = DeskJournal::over(kept);
        let all = ["1", "2", "3", "4", "5"].map(|key| IntentKey::new(key).unwrap());
        for intent in &all {
            let subject = Subject::of(&NewOrder::new("somebody"));
            let begun = journal.apply(intent, Op::Begin { ttl, subject });
            let Effect::Send(claim) = begun.await.unwrap() else {
                panic!("it is new");
            };
            let before = Before::Nobody;
            let departed = journal.apply(intent, Op::Depart { claim, ttl, before });
            assert_eq!(departed.await.unwrap(), Effect::Departed);
        }
        clock.advance(ttl);
        for intent in &all[..4] {
            let Effect::Read(claim, _) = journal.apply(intent, Op::Take { ttl }).await.unwrap()
            else {
                panic!("nobody is at it");
            };
            let finding = Finding::Absent;
            let concluded = journal.apply(intent, Op::Conclude { claim, finding });
            assert!(matches!(concluded.await.unwrap(), Effect::Stands(_)));
        }
        let keys = |found: Vec<(IntentKey, Entry)>| -> Vec<_> {
            found.into_iter().map(|(intent, _)| intent).collect()
        };
        for limit in 1..6 {
            let open = journal.open(None, limit).await.unwrap();
            assert_eq!(keys(open), all[4..]);
            assert_eq!(journal.open(Some(&all[4]), limit).await.unwrap(), []);
        }
        assert_eq!(keys(journal.listed(None, 9).await.unwrap()), all);
    }
}
