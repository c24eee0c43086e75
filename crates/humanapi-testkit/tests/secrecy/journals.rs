//! The places where orders are written, and all that lies there afterwards for whoever holds the disk.

use std::any::Any;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use humanapi_client::{MemoryOrderJournal, OrderJournal};
use humanapi_store::{Memory, SealingKeys, SqliteStore};
#[cfg(unix)]
use humanapi_store::{PostgresStore, RedisStore};
#[cfg(unix)]
use humanapi_testkit::servers::{PostgresServer, RedisServer};

#[cfg(unix)]
const TEST: &str = "humanapi-testkit: what lies in journals of orders";

/// A journal that nothing was written to yet.
pub(crate) struct Place {
    pub(crate) journal: Arc<dyn OrderJournal>,
    /// What its `Debug` shows.
    pub(crate) shown: Box<dyn Fn() -> String + Send + Sync>,
    lies: Lies,
    _held: Box<dyn Any + Send + Sync>,
}

/// Where it lies, and what is found there whenever something was written.
enum Lies {
    Nowhere,
    InMemory(Memory),
    InFolder(PathBuf, &'static str),
}

impl Place {
    fn new<J: OrderJournal + Debug + 'static>(
        journal: J,
        lies: Lies,
        held: impl Any + Send + Sync,
    ) -> Self {
        let journal = Arc::new(journal);
        let shown = Arc::clone(&journal);
        Self {
            journal,
            shown: Box::new(move || format!("{shown:?} {shown:#?}")),
            lies,
            _held: Box::new(held),
        }
    }

    /// The client's own, which keeps nothing but in the process.
    pub(crate) fn of_client() -> Self {
        Self::new(MemoryOrderJournal::new(), Lies::Nowhere, ())
    }

    /// All others: in memory, in a file, in a database and in Redis, as far as the programs are there.
    pub(crate) async fn that_seal() -> Vec<Self> {
        let keys = || SealingKeys::generate("first").unwrap();
        let memory = Memory::default();
        let store = humanapi_store::Store::new(memory.clone(), keys());
        let mut all = vec![Self::new(store, Lies::InMemory(memory), ())];

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let store = SqliteStore::open(path.join("orders.sqlite"), keys()).await;
        store.init().await.unwrap();
        let lies = Lies::InFolder(path, "humanapi_orders");
        all.push(Self::new(store, lies, folder));

        #[cfg(unix)]
        if let Some(server) = PostgresServer::start_durable(TEST) {
            let store = PostgresStore::connect(&server.url(), keys()).await.unwrap();
            store.init().await.unwrap();
            let lies = Lies::InFolder(server.data(), "humanapi_orders");
            all.push(Self::new(store, lies, server));
        }
        #[cfg(unix)]
        if let Some(server) = RedisServer::start_durable(TEST) {
            let store = RedisStore::connect(&server.url(), keys()).await.unwrap();
            store.init().await.unwrap();
            let lies = Lies::InFolder(server.data(), "humanapi:order:");
            all.push(Self::new(store, lies, server));
        }
        all
    }

    /// Every byte that lies there: tables, what was there before, and logs of what was written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (bytes, sign) = match &self.lies {
            Lies::Nowhere => return Vec::new(),
            Lies::InMemory(memory) => {
                let mut bytes = Vec::new();
                memory.all_orders(|rows| {
                    for (name, row) in rows.iter() {
                        bytes.extend_from_slice(format!("{name:?} {row:?}").as_bytes());
                        bytes.extend_from_slice(name.as_bytes());
                        bytes.extend_from_slice(&row.sealed.bytes);
                    }
                });
                (bytes, "JournalRow")
            }
            Lies::InFolder(folder, sign) => {
                let mut bytes = Vec::new();
                gather(folder, &mut bytes);
                (bytes, *sign)
            }
        };
        let is_there = memchr::memmem::find(&bytes, sign.as_bytes()).is_some();
        assert!(is_there, "{sign} is not where it is looked for");
        bytes
    }
}

fn gather(folder: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            gather(&entry.path(), bytes);
        } else if kind.is_file() {
            // A server may just be done with one.
            bytes.extend(std::fs::read(entry.path()).unwrap_or_default());
        }
    }
}
