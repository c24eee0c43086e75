//! Where the journals of these tests lie, and the clock that their operations see.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::{OrderJournal, StoreError, Timer};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use humanapi_store::{
    Backend, Batch, JournalRow, JournalRows, JournalSurvey, Mark, Memory, PostgresStore,
    RedisStore, RowName, Sealed, SealingKeys, SqliteStore, Store, Survey,
};
use humanapi_testkit::servers::{PostgresServer, RedisServer};

/// Time enough on any machine.
const AMPLE: Duration = Duration::from_secs(60);

/// A place, set up, with what holds it.
pub(crate) struct Place<B> {
    pub(crate) store: Arc<Store<B>>,
    keys: SealingKeys,
    _server: Box<dyn Send + Sync>,
}

impl<B: Backend + 'static> Place<B> {
    async fn new(store: Store<B>, keys: SealingKeys, server: impl Send + Sync + 'static) -> Self {
        let store = store.with_timeout(AMPLE);
        store.init().await.unwrap();
        Self {
            store: Arc::new(store),
            keys,
            _server: Box::new(server),
        }
    }

    /// A worker's journal at this place, on a clock that is moved by hand.
    pub(crate) fn open(&self, time: Arc<dyn Timer>) -> Arc<dyn OrderJournal> {
        let clocked = Clocked {
            store: Arc::clone(&self.store),
            time,
        };
        Arc::new(Store::new(clocked, self.keys.clone()).with_timeout(AMPLE))
    }
}

pub(crate) fn keys() -> SealingKeys {
    SealingKeys::generate("first").unwrap()
}

pub(crate) async fn memory() -> Place<Memory> {
    let keys = keys();
    Place::new(Store::new(Memory::default(), keys.clone()), keys, ()).await
}

/// In memory where the system has such a folder: what a loss of power takes away is not what is looked for here.
pub(crate) async fn sqlite() -> Place<humanapi_store::SqliteFile> {
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let keys = keys();
    let store = SqliteStore::open(folder.path().join("orders.sqlite"), keys.clone()).await;
    Place::new(store, keys, folder).await
}

pub(crate) async fn postgres(test: &str) -> Option<Place<humanapi_store::PostgresDatabase>> {
    let server = PostgresServer::start_durable(test)?;
    let keys = keys();
    let store = PostgresStore::connect(&server.url(), keys.clone())
        .await
        .unwrap();
    Some(Place::new(store, keys, server).await)
}

pub(crate) async fn redis(test: &str) -> Option<Place<humanapi_store::RedisRows>> {
    let server = RedisServer::start_durable(test)?;
    let keys = keys();
    let store = RedisStore::connect(&server.url(), keys.clone())
        .await
        .unwrap();
    Some(Place::new(store, keys, server).await)
}

/// The rows of a real place, under a clock of the test's.
struct Clocked<B> {
    store: Arc<Store<B>>,
    time: Arc<dyn Timer>,
}

impl<B: Backend> Clocked<B> {
    fn rows(&self) -> &dyn JournalRows {
        self.store.backend().journal().expect("it keeps a journal")
    }
}

#[async_trait]
impl<B: Backend> JournalRows for Clocked<B> {
    async fn check_orders(&self, mark: &Mark) -> Result<(), StoreError> {
        self.rows().check_orders(mark).await
    }

    async fn load_order(&self, name: &RowName) -> Result<(u64, Option<JournalRow>), StoreError> {
        let (_, row) = self.rows().load_order(name).await?;
        let now = self.time.now().wall();
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Ok((now.as_millis() as u64, row))
    }

    async fn keep_order(
        &self,
        name: &RowName,
        read: Option<u64>,
        row: &JournalRow,
    ) -> Result<bool, StoreError> {
        self.rows().keep_order(name, read, row).await
    }

    async fn open_orders(
        &self,
        after: Option<&RowName>,
        limit: u32,
    ) -> Result<Vec<RowName>, StoreError> {
        self.rows().open_orders(after, limit).await
    }

    async fn survey_orders(&self) -> Result<JournalSurvey, StoreError> {
        self.rows().survey_orders().await
    }

    async fn orders_sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        self.rows()
            .orders_sealed_otherwise(key_id, from, limit)
            .await
    }

    async fn reseal_order(
        &self,
        name: &RowName,
        read: &JournalRow,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        self.rows().reseal_order(name, read, anew).await
    }
}

/// A journal asks for nothing else.
#[async_trait]
impl<B: Backend> Backend for Clocked<B> {
    fn journal(&self) -> Option<&dyn JournalRows> {
        Some(self)
    }

    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        self.store.backend().init(mark).await
    }

    /// The place was checked when it was set up.
    async fn check(&self, _: &Mark) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, _: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        unreachable!("no token is asked for")
    }

    async fn acquire(
        &self,
        _: &RowName,
        _: Duration,
        _: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        unreachable!("no token is asked for")
    }

    async fn commit(
        &self,
        _: &RowName,
        _: Lease,
        _: u64,
        _: &Sealed,
    ) -> Result<Commit, StoreError> {
        unreachable!("no token is asked for")
    }

    async fn release(&self, _: &RowName, _: Lease) -> Result<(), StoreError> {
        unreachable!("no token is asked for")
    }

    async fn invalidate(&self, _: &RowName, _: Generation) -> Result<(), StoreError> {
        unreachable!("no token is asked for")
    }

    async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        self.store.backend().purge(limit).await
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        self.store.backend().survey().await
    }

    async fn sealed_otherwise(
        &self,
        _: &str,
        _: Option<&[u8]>,
        _: u32,
    ) -> Result<Batch, StoreError> {
        Ok(Batch::default())
    }

    async fn reseal(
        &self,
        _: &RowName,
        _: &RowToken<Sealed>,
        _: &Sealed,
    ) -> Result<bool, StoreError> {
        unreachable!("no token is asked for")
    }
}
