//! Journals of orders, over any place that keeps their rows.

use async_trait::async_trait;
use humanapi_client::{OrderJournal, StoreError, StoreErrorKind};
use humanapi_core::admin::order::{Effect, Entry, IntentKey, Op, Row};
use zeroize::Zeroizing;

use crate::backend::Backend;
use crate::journal_rows::{JournalRow, JournalRows, LARGEST_ORDER};
use crate::rows::RowName;
use crate::seal::{self, Place};
use crate::store::{Store, within};

/// The form of what is sealed: this byte, the length of the intent's key, the key, and what [`Row::to_bytes`] gives.
const FORM: u8 = 1;
/// Names that are asked for at once.
const BATCH: usize = 200;
/// What rows count up to, wherever they lie.
const LARGEST_VERSION: u64 = (1 << 53) - 1;

/// A row as it was read.
struct Read {
    /// By the place's clock.
    now: u64,
    version: Option<u64>,
    found: Option<(IntentKey, Row)>,
}

/// One place for all applications that share it: an intent's key is one order, whichever of them submits it.
///
/// Rows are sealed and named like tokens, so who holds the place learns how many orders there are, how many of them are
/// open, and when rows change. Intents are listed in the order of those names, which nobody without the keys can tell.
#[async_trait]
impl<B: Backend> OrderJournal for Store<B> {
    async fn apply(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        within(self.limits.row, self.apply_now(intent, op)).await
    }

    async fn load(&self, intent: &IntentKey) -> Result<Option<Entry>, StoreError> {
        within(self.limits.row, async {
            let rows = self.journal_rows().await?;
            let name = seal::order_name(&self.keys, intent.as_str());
            let read = self.read_order(rows, &name).await?;
            Ok(read.found.map(|(_, row)| row.entry(read.now)))
        })
        .await
    }

    async fn open(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        within(self.limits.all_rows, self.open_now(after, limit)).await
    }
}

impl<B: Backend> Store<B> {
    /// The place of the journal, once it is known to be durable and ours.
    async fn journal_rows(&self) -> Result<&dyn JournalRows, StoreError> {
        self.ready().await?;
        let rows = self.backend.journal().ok_or_else(|| {
            let message = "this store keeps tokens and no journal of orders: take one that does";
            StoreError::new(StoreErrorKind::Misconfigured, message)
        })?;
        let mark = seal::mark(&self.keys);
        let check = || rows.check_orders(&mark);
        self.orders.checked.get_or_try_init(check).await?;
        Ok(rows)
    }

    /// Reads the row, does the operation to it, and keeps what comes of it unless somebody kept another meanwhile: then
    /// all of it once more.
    ///
    /// The clock is that of the reading. Where the process sleeps before it keeps the row, a claim or a departure counts
    /// from then on, and so ends earlier than it might.
    async fn apply_now(&self, intent: &IntentKey, op: Op) -> Result<Effect, StoreError> {
        let rows = self.journal_rows().await?;
        let name = seal::order_name(&self.keys, intent.as_str());
        loop {
            let read = self.read_order(rows, &name).await?;
            let before = read.found.map(|(_, row)| row);
            let mut row = before.clone();
            let effect = Row::apply(&mut row, read.now, op.clone());
            let Some(changed) = row.filter(|row| before.as_ref() != Some(row)) else {
                return Ok(effect);
            };
            let version = read.version.unwrap_or(0) + 1;
            let row = self.sealed_order(&name, version, intent, &changed)?;
            if rows.keep_order(&name, read.version, &row).await? {
                self.orders.seen.note(&name, version);
                return Ok(effect);
            }
        }
    }

    async fn open_now(
        &self,
        after: Option<&IntentKey>,
        limit: usize,
    ) -> Result<Vec<(IntentKey, Entry)>, StoreError> {
        let rows = self.journal_rows().await?;
        let mut after = after.map(|intent| seal::order_name(&self.keys, intent.as_str()));
        let mut open = Vec::new();
        while open.len() < limit {
            let wanted = (limit - open.len()).min(BATCH);
            let names = rows.open_orders(after.as_ref(), wanted as u32).await?;
            let is_last = names.len() < wanted;
            for name in names {
                if after >= Some(name) {
                    let message = "the store does not list its open orders in their order";
                    return Err(StoreError::new(StoreErrorKind::Tampered, message));
                }
                after = Some(name);
                let read = self.read_order(rows, &name).await?;
                // Somebody may have gone on with it since it was listed.
                let found = read.found.filter(|(_, row)| row.is_open());
                open.extend(found.map(|(intent, row)| (intent, row.entry(read.now))));
            }
            if is_last {
                break;
            }
        }
        open.truncate(limit);
        Ok(open)
    }

    /// Reads and opens a row. What cannot be read is an error and never no row, and so is one that is older than this
    /// process knows it, or gone.
    async fn read_order(&self, rows: &dyn JournalRows, name: &RowName) -> Result<Read, StoreError> {
        let before = self.orders.seen.newest(name);
        let (now, row) = rows.load_order(name).await?;
        let version = row.as_ref().map(|row| row.version);
        let found = row.map(|row| self.opened_order(name, &row)).transpose()?;
        let message = "the journal gave back an older row of an order than one that it gave before";
        self.orders.seen.check(name, before, version, message)?;
        Ok(Read {
            now,
            version,
            found,
        })
    }

    fn sealed_order(
        &self,
        name: &RowName,
        version: u64,
        intent: &IntentKey,
        row: &Row,
    ) -> Result<JournalRow, StoreError> {
        let key = intent.as_str().as_bytes();
        let text = row.to_bytes();
        let text = text.as_bytes();
        let mut plain = Zeroizing::new(Vec::with_capacity(2 + key.len() + text.len()));
        plain.push(FORM);
        plain.push(u8::try_from(key.len()).expect("an intent's key has at most 255 bytes"));
        plain.extend_from_slice(key);
        plain.extend_from_slice(text);
        if plain.len() > LARGEST_ORDER - seal::ADDED {
            let message = "the row of an order is larger than 64 KiB, which no journal keeps";
            return Err(StoreError::new(StoreErrorKind::Misconfigured, message));
        }
        let is_open = row.is_open();
        let place = Place::of_order(name, version, is_open);
        Ok(JournalRow {
            version,
            is_open,
            sealed: seal::seal_bytes(&self.keys, &place, &plain)?,
        })
    }

    fn opened_order(
        &self,
        name: &RowName,
        row: &JournalRow,
    ) -> Result<(IntentKey, Row), StoreError> {
        let place = Place::of_order(name, row.version, row.is_open);
        let plain = seal::open_bytes(&self.keys, &place, &row.sealed)?;
        let unreadable = || place.unknown_form("holds what this version cannot read");
        let Some((&FORM, rest)) = plain.split_first() else {
            return Err(place.unknown_form("has a form that this version does not know"));
        };
        let (&length, rest) = rest.split_first().ok_or_else(unreadable)?;
        let (key, text) = rest
            .split_at_checked(length.into())
            .ok_or_else(unreadable)?;
        let key = std::str::from_utf8(key).map_err(|_| unreadable())?;
        let intent = IntentKey::new(key).map_err(|_| unreadable())?;
        let kept = Row::from_bytes(text).map_err(|_| unreadable())?;
        // None of ours comes near: it would take a change each microsecond for centuries.
        if row.version >= LARGEST_VERSION {
            return Err(unreadable());
        }
        Ok((intent, kept))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use humanapi_core::admin::NewOrder;
    use humanapi_core::admin::order::{Before, Report, Subject};
    use humanapi_core::{ClientUserId, HumanId};

    use super::*;
    use crate::{MemoryStore, SealingKeys};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn intent() -> IntentKey {
        IntentKey::new("case-417").unwrap()
    }

    fn begin() -> Op {
        let order = NewOrder::new(ClientUserId::new("policy-000417").unwrap());
        Op::Begin {
            ttl: HOUR,
            subject: Subject::of(&order),
        }
    }

    async fn begun() -> MemoryStore {
        let store = MemoryStore::in_memory(SealingKeys::generate("1").unwrap());
        let effect = store.apply(&intent(), begin()).await.unwrap();
        assert!(matches!(effect, Effect::Send(_)));
        store
    }

    /// Puts this in place of what the row says, sealed as ever.
    fn write(store: &MemoryStore, change: impl Fn(&mut Vec<u8>)) {
        store.backend.all_orders(|rows| {
            for (name, row) in rows {
                let place = Place::of_order(name, row.version, row.is_open);
                let mut plain = seal::open_bytes(&store.keys, &place, &row.sealed).unwrap();
                change(&mut plain);
                row.sealed = seal::seal_bytes(&store.keys, &place, &plain).unwrap();
            }
        });
    }

    #[tokio::test]
    async fn what_a_later_version_wrote_is_an_error_and_no_new_intent() {
        let changes: [fn(&mut Vec<u8>); 6] = [
            |plain| plain[0] = 2,
            |plain| {
                plain.pop();
                plain.extend_from_slice(br#","of_a_later_version":1}"#);
            },
            |plain| plain.truncate(1),
            |plain| plain[1] = 255,
            |plain| plain[2] = 0xff,
            Vec::clear,
        ];
        for change in changes {
            let store = begun().await;
            write(&store, change);
            let error = store.apply(&intent(), begin()).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Tampered);
            assert!(!format!("{error} {error:?}").contains("417"), "{error}");
            assert!(store.load(&intent()).await.is_err());
            assert!(store.open(None, 10).await.is_err());
        }
        // What changes nothing is read as before: the changes above are what is refused.
        let store = begun().await;
        write(&store, |_| {});
        assert!(store.load(&intent()).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_row_that_would_be_too_large_is_not_kept_and_the_one_before_stays() {
        let store = begun().await;
        let Some(entry) = store.load(&intent()).await.unwrap() else {
            panic!("it was written");
        };
        let store = store.with_timeout(HOUR);
        let effect = store
            .apply(&IntentKey::new("other").unwrap(), begin())
            .await;
        let Ok(Effect::Send(claim)) = effect else {
            panic!("nobody is at it");
        };
        assert_eq!(claim.fence(), entry.version);
        let (ttl, intent, before) = (HOUR, intent(), Before::Nobody);
        store
            .apply(&intent, Op::Depart { claim, ttl, before })
            .await
            .unwrap();
        let report = Report::Placed(HumanId::new("x".repeat(LARGEST_ORDER)));
        let settled = store.apply(&intent, Op::Settle { claim, report }).await;
        assert_eq!(settled.unwrap_err().kind(), StoreErrorKind::Misconfigured);
        let kept = store.load(&intent).await.unwrap().unwrap();
        assert_eq!(kept.state, humanapi_core::admin::order::EntryState::Sent);
    }

    #[test]
    fn names_of_orders_are_keyed() {
        let (one, other) = (
            SealingKeys::generate("1").unwrap(),
            SealingKeys::generate("1").unwrap(),
        );
        let name = seal::order_name(&one, "case-417");
        assert_eq!(
            name,
            seal::order_name(&one.clone().with_new_key("2").unwrap(), "case-417")
        );
        assert_ne!(name, seal::order_name(&other, "case-417"));
        assert_ne!(name, seal::order_name(&one, "case-418"));
    }
}
