//! A journal in a Redis server, where it is durable enough for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_store::client::{OrderJournal, StoreErrorKind};
use humanapi_store::{RedisStore, SealingKeys};
use humanapi_testkit::journal::{JournalPlace, RawOrder, SealedPlace};
use humanapi_testkit::sealed_journal_conformance;
use humanapi_testkit::servers::RedisServer;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;

use super::{AMPLE, intent, op, operator, two_keys, write};

sealed_journal_conformance!(place);
operator::operator!(place, open);

const TEST: &str = "humanapi-store: orders in Redis";

struct InRedis {
    server: &'static RedisServer,
    url: String,
    keys: SealingKeys,
}

async fn at(url: &str, keys: &SealingKeys) -> RedisStore {
    RedisStore::connect(url, keys.clone()).await.unwrap()
}

async fn open(place: &InRedis, keys: &SealingKeys) -> RedisStore {
    let store = at(&place.url, keys).await.with_timeout(AMPLE);
    store.init().await.unwrap();
    store
}

async fn place() -> Option<InRedis> {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let server = RedisServer::shared_durable(TEST)?;
    let url = server.database_url(NEXT.fetch_add(1, Ordering::Relaxed));
    let keys = two_keys();
    Some(InRedis { server, url, keys })
}

async fn connect(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&patient);
    connection.await.unwrap()
}

async fn tell<T: redis::FromRedisValue>(url: &str, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connect(url).await).await.unwrap()
}

#[async_trait]
impl JournalPlace for InRedis {
    async fn open(&self) -> Arc<dyn OrderJournal> {
        Arc::new(open(self, &self.keys).await)
    }
}

#[async_trait]
impl SealedPlace for InRedis {
    fn other_key(&self) -> &str {
        "spare"
    }

    async fn rows(&self) -> Vec<RawOrder> {
        let mut connection = connect(&self.url).await;
        let mut keys: Vec<String> = connection.keys("humanapi:order:*").await.unwrap();
        keys.sort();
        let mut rows = Vec::new();
        for key in keys {
            let left: i64 = connection.pttl(&key).await.unwrap();
            assert_eq!(left, -1, "no order ends by itself");
            let fields = ["version", "open", "key", "sealed"];
            let (version, open, key_id, sealed): (u64, u8, String, Vec<u8>) =
                connection.hmget(&key, &fields).await.unwrap();
            rows.push(RawOrder {
                row: key.into_bytes(),
                version,
                is_open: open == 1,
                key_id,
                sealed,
            });
        }
        rows
    }

    async fn put(&self, raw: &RawOrder) {
        let fields: [(&str, &[u8]); 4] = [
            ("version", &raw.version.to_string().into_bytes()),
            ("open", if raw.is_open { b"1" } else { b"0" }),
            ("key", raw.key_id.as_bytes()),
            ("sealed", &raw.sealed),
        ];
        let mut connection = connect(&self.url).await;
        let set: redis::RedisResult<()> = connection.hset_multiple(&raw.row, &fields).await;
        set.unwrap();
    }

    async fn drop_row(&self, row: &[u8]) {
        let mut connection = connect(&self.url).await;
        let dropped: u64 = connection.del(row).await.unwrap();
        assert_eq!(dropped, 1);
    }

    async fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        for file in std::fs::read_dir(self.server.data()).unwrap() {
            dump.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        dump
    }
}

/// The refusal of the next operation.
async fn refused(store: &RedisStore, kind: StoreErrorKind, says: &str) {
    let error = store.apply(&intent("refused"), op()).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

/// Each setting by which an order could be lost is refused with what to set instead, also where it is changed under a
/// journal that was opened before; and once it is right again, the journal goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_could_lose_an_order_is_refused() {
    let Some(server) = RedisServer::start_durable(TEST) else {
        return;
    };
    let url = server.url();
    let keys = two_keys();
    let opened = at(&url, &keys).await.with_timeout(AMPLE);
    opened.init().await.unwrap();
    for (number, (setting, wrong, right)) in [
        ("appendfsync", "everysec", "always"),
        ("appendonly", "no", "yes"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ]
    .into_iter()
    .enumerate()
    {
        write(&opened, number).await;
        let () = tell(&url, &["CONFIG", "SET", setting, wrong]).await;
        let anew = at(&url, &keys).await.with_timeout(AMPLE);
        for store in [&opened, &anew] {
            let says = format!("`{setting} {right}`");
            refused(store, StoreErrorKind::Misconfigured, &says).await;
        }
        anew.check().await.expect("for tokens it will do");
        let () = tell(&url, &["CONFIG", "SET", setting, right]).await;
    }
    write(&opened, "after").await;
    assert_eq!(opened.load(&intent("refused")).await.unwrap(), None);
}

/// What a server has lost is not taken for a journal that is empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_its_data_is_told_as_one_that_was_never_set_up() {
    let Some(server) = RedisServer::start_durable(TEST) else {
        return;
    };
    let url = server.url();
    let keys = two_keys();
    let store = at(&url, &keys).await.with_timeout(AMPLE);
    refused(
        &store,
        StoreErrorKind::NotSetUp,
        "never set up for a journal",
    )
    .await;
    store.init().await.unwrap();
    write(&store, "one").await;
    // As if its power had failed: what was answered is there.
    server.crash();
    server.start_again();
    assert!(store.load(&intent("one")).await.unwrap().is_some());
    let () = tell(&url, &["FLUSHALL"]).await;
    refused(&store, StoreErrorKind::NotSetUp, "lost its data").await;
    let () = tell(&url, &["FLUSHALL"]).await;
    let other = at(&url, &two_keys()).await.with_timeout(AMPLE);
    other.init().await.unwrap();
    let anew = at(&url, &keys).await.with_timeout(AMPLE);
    refused(&anew, StoreErrorKind::Misconfigured, "another naming key").await;
}

/// Where there are replicas, each of them has what is told as kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_confirm_what_is_kept() {
    let (Some(server), Some(replica)) = (
        RedisServer::start_durable(TEST),
        RedisServer::start_durable(TEST),
    ) else {
        return;
    };
    let url = server.url();
    let keys = two_keys();
    let store = at(&url, &keys).await.with_timeout(AMPLE);
    store.init().await.unwrap();
    follow(&replica, &server).await;
    refused(
        &store,
        StoreErrorKind::Misconfigured,
        "`min-replicas-to-write 1`",
    )
    .await;
    let () = tell(&url, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let () = tell(&url, &["CONFIG", "SET", "min-replicas-max-lag", "0"]).await;
    let says = "`min-replicas-max-lag 10`";
    refused(&store, StoreErrorKind::Misconfigured, says).await;
    let () = tell(&url, &["CONFIG", "SET", "min-replicas-max-lag", "10"]).await;
    write(&store, "one").await;
    let there: Vec<String> = tell(&replica.url(), &["KEYS", "humanapi:order:*"]).await;
    assert_eq!(there.len(), 1);
    // To ask the replica for a journal is to ask the wrong one.
    let wrong = at(&replica.url(), &keys).await.with_timeout(AMPLE);
    let error = wrong.apply(&intent("two"), op()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error}");

    replica.pause();
    let hasty = at(&url, &keys).await.with_timeout(Duration::from_secs(2));
    let error = hasty.apply(&intent("three"), op()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    replica.resume();
}

/// Makes one server the replica of another, and waits until it is.
async fn follow(replica: &RedisServer, server: &RedisServer) {
    let words = ["CONFIG", "SET", "masterauth", "canary-password"];
    let () = tell(&replica.url(), &words).await;
    let port = server.port().to_string();
    let () = tell(&replica.url(), &["REPLICAOF", "127.0.0.1", &port]).await;
    let follows = async {
        loop {
            let told: String = tell(&server.url(), &["INFO", "replication"]).await;
            if told.contains("connected_slaves:1") && told.contains("state=online") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    humanapi_testkit::within(follows).await;
}

/// A server that became a replica keeps its connections. What it says of an order may be over, so the journal leaves it
/// for the one that the address leads to now, whether the operation changes something or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_goes_on_at_the_server_that_took_the_place_of_another() {
    let (Some(first), Some(second)) = (
        RedisServer::start_durable(TEST),
        RedisServer::start_durable(TEST),
    ) else {
        return;
    };
    // The address that both are reached by, one after the other.
    let leads_to = Arc::new(AtomicU16::new(first.port()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = Arc::clone(&leads_to);
    let forwards = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let far = ("127.0.0.1", to.load(Ordering::Relaxed));
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(far).await.unwrap();
                // It ends when either side does.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let own = format!(":{}", first.port());
    let url = first.url().replace(&own, &format!(":{port}"));
    let keys = two_keys();
    let store = at(&url, &keys).await.with_timeout(AMPLE);
    store.init().await.unwrap();
    write(&store, "one").await;
    let reader = at(&url, &keys).await.with_timeout(AMPLE);
    assert!(reader.load(&intent("one")).await.unwrap().is_some());

    follow(&second, &first).await;
    let () = tell(&second.url(), &["REPLICAOF", "NO", "ONE"]).await;
    let () = tell(
        &second.url(),
        &["CONFIG", "SET", "min-replicas-to-write", "1"],
    )
    .await;
    leads_to.store(second.port(), Ordering::Relaxed);
    follow(&first, &second).await;
    write(&store, "two").await;
    let names: Vec<String> = tell(&second.url(), &["KEYS", "humanapi:order:*"]).await;
    assert_eq!(names.len(), 2);
    // As if the one that was replaced did not hear of the new one's orders.
    let () = tell(&first.url(), &["CONFIG", "SET", "replica-read-only", "no"]).await;
    for name in names {
        let _: u64 = tell(&first.url(), &["DEL", &name]).await;
    }
    let found = reader.load(&intent("two")).await.unwrap();
    assert!(found.is_some(), "the one that was replaced was asked");
    forwards.abort();
}

/// The permission that is missing is named, before an order is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named() {
    let Some(server) = RedisServer::start_durable(TEST) else {
        return;
    };
    let url = server.url();
    let keys = two_keys();
    at(&url, &keys)
        .await
        .with_timeout(AMPLE)
        .init()
        .await
        .unwrap();
    let limited = url.replace("//:", "//limited:");
    let all = [
        "+ping",
        "+set",
        "+getrange",
        "+pexpire",
        "+hget",
        "+hstrlen",
        "+hset",
        "+hdel",
        "+pexpireat",
        "+time",
        "+evalsha",
        "+script|load",
        "+config|get",
        "+info",
        "+wait",
        "+zadd",
        "+zrem",
        "+zrangebylex",
    ];
    for missing in ["+config|get", "+info", "+zadd", "+zrem", "+zrangebylex"] {
        let user = [
            "ACL",
            "SETUSER",
            "limited",
            "reset",
            "on",
            ">canary-password",
            "~humanapi:*",
        ];
        let given = all.into_iter().filter(|given| *given != missing);
        let words: Vec<&str> = user.into_iter().chain(given).collect();
        let () = tell(&url, &words).await;
        let store = at(&limited, &keys).await.with_timeout(AMPLE);
        let named = missing.trim_start_matches('+').to_ascii_uppercase();
        let named = named.split('|').next().unwrap();
        refused(&store, StoreErrorKind::Misconfigured, named).await;
    }
    let user = ["ACL", "SETUSER", "limited"];
    let words: Vec<&str> = user.into_iter().chain(all).collect();
    let () = tell(&url, &words).await;
    write(&at(&limited, &keys).await.with_timeout(AMPLE), "one").await;
}
