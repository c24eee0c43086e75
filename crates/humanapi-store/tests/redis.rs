//! The conformance suite, over a Redis server of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use humanapi_store::client::TokenStore;
use humanapi_store::{RedisStore, SealingKeys};
use humanapi_testkit::servers::RedisServer;
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::store_conformance;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;

store_conformance!(place);

async fn place() -> Option<InRedis> {
    // Database 0 is nobody's: a case gets one of its own.
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let server = RedisServer::shared("humanapi-store: redis")?;
    let url = server.database_url(NEXT.fetch_add(1, Ordering::Relaxed));
    Some(InRedis {
        server,
        url,
        keys: keys(),
    })
}

fn keys() -> SealingKeys {
    SealingKeys::generate("spare")
        .and_then(|keys| keys.with_new_key("first"))
        .expect("the system has random numbers")
}

struct InRedis {
    server: &'static RedisServer,
    url: String,
    keys: SealingKeys,
}

impl InRedis {
    async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(&*self.url).expect("the address is one");
        let connection = client.get_multiplexed_async_connection().await;
        connection.expect("the server runs")
    }
}

#[async_trait]
impl Place for InRedis {
    async fn open(&self) -> Arc<dyn TokenStore> {
        let store = RedisStore::connect(&self.url, self.keys.clone()).await;
        Arc::new(store.expect("the address is one"))
    }

    fn other_key(&self) -> &str {
        "spare"
    }

    async fn tokens(&self) -> Vec<RawToken> {
        type Fields = (Option<u64>, Option<u64>, Option<String>, Option<Vec<u8>>);
        let mut connection = self.connect().await;
        let keys: Vec<String> = connection.keys("humanapi:row:*").await.expect("keys");
        let mut tokens = Vec::new();
        for key in keys {
            let left: i64 = connection.pttl(&key).await.expect("it is there");
            assert!(left > 0, "every key ends by itself");
            let fields = ["generation", "expires", "key", "sealed"];
            let fields: Fields = connection.hmget(&key, &fields).await.expect("a hash");
            if let (Some(generation), Some(expires_at), Some(key_id), Some(sealed)) = fields {
                tokens.push(RawToken {
                    row: key.into_bytes(),
                    generation,
                    expires_at,
                    key_id,
                    sealed,
                });
            }
        }
        tokens
    }

    async fn put(&self, token: &RawToken) {
        let fields: [(&str, &[u8]); 4] = [
            ("generation", &token.generation.to_string().into_bytes()),
            ("expires", &token.expires_at.to_string().into_bytes()),
            ("key", token.key_id.as_bytes()),
            ("sealed", &token.sealed),
        ];
        let mut connection = self.connect().await;
        let set: redis::RedisResult<()> = connection.hset_multiple(&token.row, &fields).await;
        set.expect("a hash");
    }

    /// What the server wrote to its disk: every change to every key, one after the other.
    async fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        for file in std::fs::read_dir(self.server.data()).expect("the folder is there") {
            let file = file.expect("it can be listed").path();
            dump.extend(std::fs::read(file).expect("it can be read"));
        }
        dump
    }
}
