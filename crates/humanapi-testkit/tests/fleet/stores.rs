//! Where a fleet keeps its tokens: a file, or a private server.

use std::sync::Arc;
use std::time::Duration;

use humanapi_client::TokenStore;
use humanapi_store::{PostgresStore, RedisStore, SealingKeys, SqliteStore};
use humanapi_testkit::servers::{PostgresServer, RedisServer};

/// How long a store may take for one answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A store of one test, with its keys.
pub(crate) struct Place {
    server: Server,
    keys: SealingKeys,
}

enum Server {
    Sqlite(tempfile::TempDir),
    Postgres(PostgresServer),
    Redis(RedisServer),
}

impl Place {
    fn new(server: Server) -> Self {
        Self {
            server,
            keys: SealingKeys::generate("first").unwrap(),
        }
    }

    pub(crate) fn keys(&self) -> String {
        use secrecy::ExposeSecret as _;

        self.keys.to_text().expose_secret().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        match &self.server {
            Server::Sqlite(folder) => {
                format!("sqlite:{}", folder.path().join("tokens.db").display())
            }
            Server::Postgres(server) => server.url(),
            Server::Redis(server) => server.url(),
        }
    }

    pub(crate) async fn init(&self) {
        let (url, keys) = (self.url(), self.keys.clone());
        match &self.server {
            Server::Sqlite(_) => sqlite_at(&url, keys).await.init().await.unwrap(),
            Server::Postgres(_) => PostgresStore::connect(&url, keys)
                .await
                .unwrap()
                .init()
                .await
                .unwrap(),
            Server::Redis(_) => RedisStore::connect(&url, keys)
                .await
                .unwrap()
                .init()
                .await
                .unwrap(),
        }
    }

    pub(crate) fn restart(&self) {
        self.stop();
        self.start_again();
    }

    pub(crate) fn stop(&self) {
        match &self.server {
            Server::Sqlite(_) => panic!("a file does not stop"),
            Server::Postgres(server) => server.stop(),
            Server::Redis(server) => server.stop(),
        }
    }

    pub(crate) fn start_again(&self) {
        match &self.server {
            Server::Sqlite(_) => panic!("a file does not start"),
            Server::Postgres(server) => server.start_again(),
            Server::Redis(server) => server.start_again(),
        }
    }
}

pub(crate) fn sqlite(_: &str) -> Option<Place> {
    Some(Place::new(Server::Sqlite(tempfile::tempdir().unwrap())))
}

pub(crate) fn postgres(test: &str) -> Option<Place> {
    PostgresServer::start(test).map(|server| Place::new(Server::Postgres(server)))
}

pub(crate) fn redis(test: &str) -> Option<Place> {
    RedisServer::start(test).map(|server| Place::new(Server::Redis(server)))
}

async fn sqlite_at(url: &str, keys: SealingKeys) -> SqliteStore {
    SqliteStore::open(url.strip_prefix("sqlite:").unwrap(), keys).await
}

/// The store at an address, as a member opens it.
pub(crate) async fn open(url: &str, keys: &str) -> Arc<dyn TokenStore> {
    let keys = SealingKeys::parse(keys).unwrap();
    if url.starts_with("sqlite:") {
        Arc::new(sqlite_at(url, keys).await.with_timeout(PATIENCE))
    } else if url.starts_with("redis:") {
        let store = RedisStore::connect(url, keys).await.unwrap();
        Arc::new(store.with_timeout(PATIENCE))
    } else {
        let store = PostgresStore::connect(url, keys).await.unwrap();
        Arc::new(store.with_timeout(PATIENCE))
    }
}
