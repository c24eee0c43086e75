//! The conformance suite, over memory and a clock that is moved by hand.

#[expect(dead_code, reason = "what concerns files and servers stands there too")]
mod operating;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_store::client::TokenStore;
use humanapi_store::core::Generation;
use humanapi_store::{Memory, MemoryStore, SealingKeys, Store};
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::store_conformance;

store_conformance!(place);

operating::operating!(place, open:
    a_status_counts
    a_rotation_under_load_fails_no_read
    a_rotation_overwrites_nothing_newer
    many_set_up_at_once
    a_token_of_a_mebibyte_is_the_largest
);

async fn open(place: &InMemory, keys: &SealingKeys) -> MemoryStore {
    Store::new(place.memory.clone(), keys.clone())
}

async fn place() -> Option<InMemory> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let clock = Arc::new(AtomicU64::new(
        since.expect("it is past 1970").as_millis() as u64
    ));
    let shown = Arc::clone(&clock);
    Some(InMemory {
        memory: Memory::with_clock(move || shown.load(Ordering::Relaxed)),
        clock,
        keys: operating::two_keys(),
    })
}

struct InMemory {
    memory: Memory,
    clock: Arc<AtomicU64>,
    keys: SealingKeys,
}

#[async_trait]
impl Place for InMemory {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(Store::new(self.memory.clone(), self.keys.clone()))
    }

    fn other_key(&self) -> &str {
        "spare"
    }

    async fn pass(&self, time: Duration) {
        let millis = time.as_nanos().div_ceil(1_000_000) as u64;
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    async fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    async fn tokens(&self) -> Vec<RawToken> {
        let mut tokens = Vec::new();
        self.memory.each_row(|name, row| {
            if let Some(token) = row.token_mut() {
                tokens.push(RawToken {
                    row: name.as_bytes().to_vec(),
                    generation: token.generation.number(),
                    expires_at: token.expires_at,
                    key_id: token.payload.key_id.to_string(),
                    sealed: token.payload.bytes.clone(),
                });
            }
        });
        tokens
    }

    async fn put(&self, raw: &RawToken) {
        self.memory.each_row(|name, row| {
            if name.as_bytes()[..] == raw.row
                && let Some(token) = row.token_mut()
            {
                token.generation = Generation::new(raw.generation);
                token.expires_at = raw.expires_at;
                token.payload.key_id = raw.key_id.as_str().into();
                token.payload.bytes.clone_from(&raw.sealed);
            }
        });
    }

    async fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        self.memory.each_row(|name, row| {
            dump.extend_from_slice(name.as_bytes());
            dump.extend_from_slice(format!("{row:?}").as_bytes());
            if let Some(token) = row.load() {
                dump.extend_from_slice(&token.payload.bytes);
            }
        });
        dump
    }
}
