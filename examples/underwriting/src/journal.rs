//! The journal as the desk has it: that an order is not there is told to a person, and not to this program.

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
/// just before: the entry stays, and whoever goes through what is open comes by it again.
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
        self.0.open(after, limit).await
    }
}
