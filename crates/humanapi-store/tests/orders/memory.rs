//! The journals of one process: the client's own, and a store's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_store::client::testing::VirtualRuntime;
use humanapi_store::client::{MemoryOrderJournal, OrderJournal};
use humanapi_store::{JournalRow, Memory, RowName, Sealed, SealingKeys, Store};
use humanapi_testkit::journal::{JournalPlace, RawOrder, SealedPlace};
use humanapi_testkit::sealed_journal_conformance;

use super::{operator, two_keys};

mod of_the_client {
    use super::client_place;

    humanapi_testkit::journal_conformance!(client_place);
}

mod of_a_store {
    use super::*;

    sealed_journal_conformance!(place);
    operator::operator!(place, open);
}

struct OfClient {
    journal: Arc<MemoryOrderJournal>,
    runtime: VirtualRuntime,
}

async fn client_place() -> Option<OfClient> {
    let runtime = VirtualRuntime::new();
    let journal = Arc::new(MemoryOrderJournal::on(Arc::new(runtime.clone())));
    Some(OfClient { journal, runtime })
}

#[async_trait]
impl JournalPlace for OfClient {
    async fn open(&self) -> Arc<dyn OrderJournal> {
        Arc::<MemoryOrderJournal>::clone(&self.journal)
    }

    async fn pass(&self, time: Duration) {
        self.runtime.advance(time);
    }
}

struct InMemory {
    memory: Memory,
    clock: Arc<AtomicU64>,
    keys: SealingKeys,
}

async fn place() -> Option<InMemory> {
    let clock = Arc::new(AtomicU64::new(1_768_467_600_000));
    let shown = Arc::clone(&clock);
    Some(InMemory {
        memory: Memory::with_clock(move || shown.load(Ordering::Relaxed)),
        clock,
        keys: two_keys(),
    })
}

async fn open(place: &InMemory, keys: &SealingKeys) -> Store<Memory> {
    Store::new(place.memory.clone(), keys.clone())
}

impl InMemory {
    fn all(&self) -> BTreeMap<RowName, JournalRow> {
        let mut all = BTreeMap::new();
        self.memory.all_orders(|rows| all.clone_from(rows));
        all
    }
}

fn name(row: &[u8]) -> RowName {
    RowName::new(row.try_into().unwrap())
}

#[async_trait]
impl JournalPlace for InMemory {
    async fn open(&self) -> Arc<dyn OrderJournal> {
        Arc::new(open(self, &self.keys).await)
    }

    async fn pass(&self, time: Duration) {
        let millis = time.as_nanos().div_ceil(1_000_000) as u64;
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }
}

#[async_trait]
impl SealedPlace for InMemory {
    fn other_key(&self) -> &str {
        "spare"
    }

    async fn rows(&self) -> Vec<RawOrder> {
        let raw = |(name, row): (RowName, JournalRow)| RawOrder {
            row: name.as_bytes().to_vec(),
            version: row.version,
            is_open: row.is_open,
            key_id: row.sealed.key_id.to_string(),
            sealed: row.sealed.bytes,
        };
        self.all().into_iter().map(raw).collect()
    }

    async fn put(&self, raw: &RawOrder) {
        let row = JournalRow {
            version: raw.version,
            is_open: raw.is_open,
            sealed: Sealed {
                key_id: raw.key_id.as_str().into(),
                bytes: raw.sealed.clone(),
            },
        };
        self.memory.all_orders(|rows| {
            rows.insert(name(&raw.row), row);
        });
    }

    async fn drop_row(&self, row: &[u8]) {
        self.memory.all_orders(|rows| {
            rows.remove(&name(row));
        });
    }

    async fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        for (name, row) in self.all() {
            dump.extend_from_slice(name.as_bytes());
            dump.extend_from_slice(format!("{row:?}").as_bytes());
            dump.extend_from_slice(&row.sealed.bytes);
        }
        dump
    }
}
