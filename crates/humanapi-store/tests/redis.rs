//! The conformance suite, over a Redis server of the tests' own.
//!
//! One piece: each test needs the server that is started here.

#[expect(dead_code, reason = "what concerns files stands there too")]
mod operating;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_store::client::{StoreErrorKind, TokenStore};
use humanapi_store::core::broker::Acquired;
use humanapi_store::{RedisStore, SealingKeys};
use humanapi_testkit::servers::RedisServer;
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::{Switch, store_conformance};
use operating::Traffic;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, RedisResult};

store_conformance!(place);

operating::operating!(place, open:
    a_status_counts
    a_rotation_under_load_fails_no_read
    a_rotation_overwrites_nothing_newer
    many_set_up_at_once
    a_token_of_a_mebibyte_is_the_largest
    another_naming_key_is_refused
);

async fn open(place: &InRedis, keys: &SealingKeys) -> RedisStore {
    let store = RedisStore::connect(&place.url, keys.clone()).await;
    let store = store.expect("the address is one");
    store.with_timeout(operating::AMPLE)
}

async fn place() -> Option<InRedis> {
    // Database 0 is nobody's: a case gets one of its own.
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let server = RedisServer::shared("humanapi-store: redis")?;
    let url = server.database_url(NEXT.fetch_add(1, Ordering::Relaxed));
    Some(InRedis {
        server,
        url,
        keys: operating::two_keys(),
    })
}

struct InRedis {
    server: &'static RedisServer,
    url: String,
    keys: SealingKeys,
}

impl InRedis {
    async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(&*self.url).expect("the address is one");
        // A server that writes much to its disk takes its time.
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&patient);
        connection.await.expect("the server runs")
    }
}

#[async_trait]
impl Place for InRedis {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(open(self, &self.keys).await)
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
        let set: RedisResult<()> = connection.hset_multiple(&token.row, &fields).await;
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

async fn store(url: &str) -> RedisStore {
    let store = RedisStore::connect(url, operating::two_keys()).await;
    store.expect("the address is one")
}

#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    for url in [
        "canary",
        "",
        "canary://canary-password@host",
        "redis://:canary@host:canary/",
    ] {
        let error = RedisStore::connect(url, operating::two_keys()).await;
        let error = error.expect_err("it is no address");
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        operating::shows_nothing(&error);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_used_says_why() {
    let Some(server) = RedisServer::shared("humanapi-store: redis") else {
        return;
    };
    let right = server.url();
    let refused = StoreErrorKind::AuthenticationFailed;

    let wrong_password = store(&right.replace("canary-password", "canary-wrong")).await;
    operating::fails(&wrong_password, wrong_password.check().await, refused);
    let no_password = store(&right.replace(":canary-password@", "")).await;
    operating::fails(&no_password, no_password.check().await, refused);

    let port = operating::closed_port().await;
    let closed = format!("redis://canary-user:canary-password@127.0.0.1:{port}/0");
    operating::is_unavailable(&store(&closed).await).await;
    let port = operating::silent_server().await;
    let silent = format!("redis://canary-user:canary-password@127.0.0.1:{port}/0");
    operating::is_unavailable(&store(&silent).await).await;
    let nowhere = "redis://canary-user:canary-password@canary-host.invalid/0";
    operating::is_unavailable(&store(nowhere).await).await;
    // TLS to one who does not speak it: a provider is there, or this would panic.
    let secure = format!(
        "rediss://canary-user:canary-password@127.0.0.1:{}/0",
        server.port()
    );
    operating::is_unavailable(&store(&secure).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_survived() {
    let Some(server) = RedisServer::start("humanapi-store: redis restart") else {
        return;
    };
    let store = store(&server.url()).await.with_timeout(operating::AMPLE);
    operating::goes_on_after(&store, || server.stop(), || server.start_again()).await;
    operating::goes_on_after(&store, || server.crash(), || server.start_again()).await;
    operating::notices_no_restart(&store, || server.restart()).await;
}

#[tokio::test]
async fn a_hit_is_one_round_trip() {
    let Some(place) = place().await else { return };
    let (store, traffic) = counted(&place, &place.keys).await;
    operating::a_hit_is_one_round_trip(&store, &traffic).await;
}

/// A store whose traffic is counted.
async fn counted(place: &InRedis, keys: &SealingKeys) -> (RedisStore, Arc<Traffic>) {
    let (port, traffic) = operating::counting(place.server.port()).await;
    let server = place.server.port().to_string();
    let url = place.url.replace(&server, &port.to_string());
    let store = RedisStore::connect(&url, keys.clone()).await;
    let store = store.expect("the address is one");
    (store.with_timeout(operating::AMPLE), traffic)
}

/// What somebody else wrote, into a row or under a name that only looks like ours, stays on the server.
#[tokio::test]
async fn giant_rows_are_not_fetched() {
    let Some(place) = place().await else { return };
    let (older, traffic) = counted(&place, &place.keys).await;
    let newer = place.keys.clone().with_new_key("newest");
    let newer = newer.expect("there are random numbers");
    let (newer, traffic_of_newer) = counted(&place, &newer).await;
    let mut connection = place.connect().await;
    let giant = vec![b'k'; operating::GIANT];
    let looks_like_ours = [b"humanapi:row:{".as_slice(), &giant, b"}"].concat();
    let set: RedisResult<()> = connection.set(looks_like_ours, "canary").await;
    set.expect("it may do that");
    for what in operating::OF_A_ROW {
        let grow = async || {
            let mut connection = place.connect().await;
            let pattern = format!("humanapi:row:{{{}}}", "?".repeat(64));
            let rows: Vec<String> = connection.keys(pattern).await.expect("keys");
            let grown: RedisResult<()> = connection.hset(&rows[0], what, &giant[..]).await;
            grown.expect("a hash");
        };
        operating::a_giant_row_is_refused(&older, &newer, grow).await;
        for traffic in [&traffic, &traffic_of_newer] {
            let answered = traffic.answered.load(Ordering::Relaxed);
            assert!(answered < 1024 * 1024, "{what}: {answered} bytes came");
        }
        // What is spent goes by itself.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A number that is none is a row that cannot be read, too.
    let key = operating::key("one");
    let acquired = older.acquire(&key, operating::AMPLE, None).await;
    assert!(matches!(acquired, Ok(Acquired::Won(_))), "{acquired:?}");
    let rows: Vec<String> = connection.keys("humanapi:row:{????*").await.expect("keys");
    for row in rows.iter().filter(|row| row.len() < 100) {
        let grown: RedisResult<()> = connection.hset(row, "lease", &giant[..]).await;
        grown.expect("a hash");
    }
    let acquired = older.acquire(&key, operating::AMPLE, None).await;
    operating::fails(&older, acquired, StoreErrorKind::Tampered);
}

/// Some callers give up while the server says nothing. The others get their own tokens over the same connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_costs_others_nothing() {
    let Some(server) = RedisServer::start("humanapi-store: redis given up") else {
        return;
    };
    let switch = Switch::to(server.port()).await;
    let url = server
        .url()
        .replace(&server.port().to_string(), &switch.port().to_string());
    let store = Arc::new(store(&url).await.with_timeout(operating::AMPLE));
    store.check().await.expect("it sets itself up");
    let users = 0..40;
    for user in users.clone() {
        operating::keep(
            &*store,
            &operating::key(user),
            &user.to_string(),
            operating::HOUR,
        )
        .await;
    }
    let before = switch.taken();
    server.pause();
    let asking: Vec<_> = users
        .map(|user| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { operating::text(&*store, &operating::key(user)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for given_up in asking.iter().skip(1).step_by(3) {
        given_up.abort();
    }
    server.resume();
    for (user, asked) in asking.into_iter().enumerate() {
        match asked.await {
            Ok(text) => assert_eq!(text, user.to_string()),
            Err(error) => assert!(error.is_cancelled() && user % 3 == 1, "{error}"),
        }
    }
    for user in 0..40 {
        let text = operating::text(&*store, &operating::key(user)).await;
        assert_eq!(text, user.to_string());
    }
    assert_eq!(switch.taken(), before, "the connection is the same");
}

/// Whoever waited for long in vain leaves the connection: its server may be gone, and there may be another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_says_nothing_for_long_is_given_up() {
    let test = "humanapi-store: redis silent";
    let (Some(old), Some(new)) = (RedisServer::start(test), RedisServer::start(test)) else {
        return;
    };
    let switch = Switch::to(old.port()).await;
    let url = old
        .url()
        .replace(&old.port().to_string(), &switch.port().to_string());
    let store = store(&url).await.with_timeout(Duration::from_secs(2));
    store.check().await.expect("it sets itself up");
    old.pause();
    switch.lead_to(new.port());
    // Each gives up sooner than it would be taken for long; all of them together waited longer.
    let key = operating::key("one");
    for _ in 0..4 {
        let asked = tokio::time::timeout(Duration::from_millis(400), store.load(&key)).await;
        if asked.is_ok() {
            break;
        }
    }
    let loaded = tokio::time::timeout(Duration::from_millis(400), store.load(&key)).await;
    let loaded = loaded.expect("it is another connection");
    assert!(loaded.expect("the new server answers").is_none());
    old.resume();
}

/// A server that lost everything serves on, and the row's next fence is above those it gave out before.
#[tokio::test]
async fn a_server_that_lost_everything_gives_no_fence_twice() {
    let Some(place) = place().await else { return };
    let store = open(&place, &place.keys).await;
    let key = operating::key("one");
    let long = Duration::from_secs(3_600);
    let Ok(Acquired::Won(before)) = store.acquire(&key, long, None).await else {
        panic!("nobody else asks");
    };
    let flushed: RedisResult<()> = place.connect().await.flushdb().await;
    flushed.expect("it may do that");
    let Ok(Acquired::Won(after)) = store.acquire(&key, long, None).await else {
        panic!("nobody has it now");
    };
    assert!(after > before);
    store.release(&key, before).await.expect("it answers");
    let held = store.acquire(&key, long, None).await;
    assert!(matches!(held, Ok(Acquired::Held { .. })), "{held:?}");
}

/// A row whose numbers are ahead of the clock, which may have been set back, is kept: a fresh one would begin lower.
#[tokio::test]
async fn a_row_ahead_of_the_clock_is_not_purged() {
    let Some(place) = place().await else { return };
    let store = open(&place, &place.keys).await;
    operating::a_row_ahead_of_the_clock_stays(&store, async || {
        let mut connection = place.connect().await;
        let keys: Vec<String> = connection.keys("humanapi:row:*").await.expect("keys");
        let [key] = &keys[..] else {
            panic!("there is one row, but: {keys:?}");
        };
        let ahead: RedisResult<u64> = connection.hincr(key, "fence", 3_600_000_000_u64).await;
        ahead.expect("it is a whole number");
        // As the lease's end does.
        let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
        let soon = now.expect("it is past 1970").as_millis() as i64 + 20;
        let ends: RedisResult<()> = connection.hset(key, "lease", soon).await;
        ends.expect("a hash");
    })
    .await;
}

async fn say(server: &RedisServer, words: &[&str]) {
    let client = redis::Client::open(server.url()).expect("the address is one");
    let connection = client.get_multiplexed_async_connection().await;
    let (name, rest) = words.split_first().expect("there is a command");
    let done: RedisResult<redis::Value> = redis::cmd(name)
        .arg(rest)
        .query_async(&mut connection.expect("it runs"))
        .await;
    done.expect("it may do that");
}

/// Two servers, of which one becomes the other's replica. New connections lead to the new one, and open ones stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_costs_no_operation() {
    let test = "humanapi-store: redis failover";
    let (Some(old), Some(new)) = (RedisServer::start(test), RedisServer::start(test)) else {
        return;
    };
    let switch = Switch::to(old.port()).await;
    let url = |port: u16| {
        old.url()
            .replace(&old.port().to_string(), &port.to_string())
    };
    let store = store(&url(switch.port())).await;
    let store = store.with_timeout(operating::AMPLE);
    operating::goes_over_every_statement(&store, 1).await;
    let before = switch.taken();

    say(&old, &["CONFIG", "SET", "masterauth", "canary-password"]).await;
    let port = new.port().to_string();
    say(&old, &["REPLICAOF", "127.0.0.1", &port]).await;
    // Nobody moved the address yet: it is said in words what is wrong.
    operating::fails(&store, store.check().await, StoreErrorKind::ReadOnly);
    let acquired = store
        .acquire(&operating::key("two"), operating::AMPLE, None)
        .await;
    operating::fails(&store, acquired, StoreErrorKind::ReadOnly);

    switch.lead_to(new.port());
    operating::goes_over_every_statement(&store, 2).await;
    store.check().await.expect("the new one takes writes");
    assert!(switch.taken() > before);
}

/// A connection that was left open to a server that became a replica is given up by the first operation that hears so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_connection_to_a_replica_is_given_up() {
    let test = "humanapi-store: redis replica";
    let (Some(old), Some(new)) = (RedisServer::start(test), RedisServer::start(test)) else {
        return;
    };
    let switch = Switch::to(old.port()).await;
    let url = old
        .url()
        .replace(&old.port().to_string(), &switch.port().to_string());
    let store = store(&url).await.with_timeout(operating::AMPLE);
    operating::goes_over_every_statement(&store, 1).await;
    switch.lead_to(new.port());
    let port = new.port().to_string();
    say(&old, &["CONFIG", "SET", "masterauth", "canary-password"]).await;
    say(&old, &["REPLICAOF", "127.0.0.1", &port]).await;
    let before = switch.taken();
    operating::goes_over_every_statement(&store, 3).await;
    assert_eq!(switch.taken() - before, 1, "one new connection is enough");
}

/// What a user may not do is named, and nothing speaks of tampering.
#[tokio::test]
async fn a_missing_permission_is_named() {
    let Some(server) = RedisServer::start("humanapi-store: redis permissions") else {
        return;
    };
    let url = server.url().replace("://:", "://canary-user:");
    let all = [
        "ping",
        "set",
        "getrange",
        "pexpire",
        "hget",
        "hstrlen",
        "hset",
        "hdel",
        "pexpireat",
        "time",
        "evalsha",
        "script|load",
    ];
    let client = redis::Client::open(server.url()).expect("the address is one");
    let root = client.get_multiplexed_async_connection().await;
    let mut root = root.expect("it runs");
    let keys = operating::two_keys();
    let store = async || {
        let store = RedisStore::connect(&url, keys.clone()).await;
        let store = store.expect("the address is one");
        store.with_timeout(operating::AMPLE)
    };
    for missing in all {
        let mut user = vec![
            "ACL",
            "SETUSER",
            "canary-user",
            "reset",
            "on",
            ">canary-password",
        ];
        let may: Vec<String> = all
            .iter()
            .filter(|name| **name != missing)
            .map(|name| format!("+{name}"))
            .collect();
        user.extend(["~humanapi:*"]);
        user.extend(may.iter().map(String::as_str));
        say(&server, &user).await;
        say(&server, &["SCRIPT", "FLUSH"]).await;
        let store = store().await;
        let error = store.check().await.expect_err(missing);
        let named = format!("permission to run {}", missing.to_uppercase());
        assert!(error.to_string().contains(&named), "{missing}: {error}");
        let marked: RedisResult<bool> = root.exists("humanapi:mark").await;
        assert_eq!(marked, Ok(false), "{missing}: nothing was marked");
        operating::fails(&store, Err::<(), _>(error), StoreErrorKind::Misconfigured);
    }
    // No transaction is needed, and nothing else.
    let mut user = vec![
        "ACL",
        "SETUSER",
        "canary-user",
        "reset",
        "on",
        ">canary-password",
    ];
    let may: Vec<String> = all.iter().map(|name| format!("+{name}")).collect();
    user.push("~humanapi:*");
    user.extend(may.iter().map(String::as_str));
    say(&server, &user).await;
    let able = store().await;
    able.check().await.expect("it may do all it needs");
    operating::goes_over_every_statement(&able, 1).await;

    let other_keys = ["ACL", "SETUSER", "canary-user", "resetkeys", "~others:*"];
    say(&server, &other_keys).await;
    let error = store().await.check().await;
    let error = error.expect_err("it may not use our keys");
    assert!(error.to_string().contains("`humanapi:`"), "{error}");
    operating::fails(&able, Err::<(), _>(error), StoreErrorKind::Misconfigured);
}

/// Keys that another application uses, a full server and one that is no ordinary server are told as what they are.
#[tokio::test]
async fn a_strange_server_is_told_as_what_it_is() {
    let Some(server) = RedisServer::start("humanapi-store: redis strange") else {
        return;
    };
    let store = store(&server.url()).await;
    say(&server, &["LPUSH", "humanapi:mark", "canary"]).await;
    operating::fails(&store, store.check().await, StoreErrorKind::Misconfigured);
    say(&server, &["DEL", "humanapi:mark"]).await;
    store.check().await.expect("it sets itself up");

    let key = operating::key("one");
    let acquired = store.acquire(&key, operating::AMPLE, None).await;
    assert!(matches!(acquired, Ok(Acquired::Won(_))));
    let client = redis::Client::open(server.url()).expect("the address is one");
    let connection = client.get_multiplexed_async_connection().await;
    let mut connection = connection.expect("it runs");
    let rows: Vec<String> = connection.keys("humanapi:row:*").await.expect("keys");
    // A lease that ends in the year 9999 is no reason to wait for longer than anybody's lease.
    say(&server, &["HSET", &rows[0], "lease", "253402300799000"]).await;
    let short = Duration::from_secs(7);
    let acquired = store.acquire(&key, short, None).await;
    let bounded = matches!(acquired, Ok(Acquired::Held { remaining }) if remaining == short);
    assert!(bounded, "{acquired:?}");
    say(&server, &["DEL", &rows[0]]).await;
    say(&server, &["SET", &rows[0], "canary"]).await;
    operating::fails(
        &store,
        store.load(&key).await,
        StoreErrorKind::Misconfigured,
    );
    let acquired = store.acquire(&key, operating::AMPLE, None).await;
    operating::fails(&store, acquired, StoreErrorKind::Misconfigured);
    say(&server, &["DEL", &rows[0]]).await;

    say(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let full = store.check().await.expect_err("it has no room");
    assert!(full.to_string().contains("memory"), "{full}");
    let acquired = store.acquire(&key, operating::AMPLE, None).await;
    operating::fails(&store, acquired, StoreErrorKind::Unavailable);
    say(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    store.check().await.expect("it has room again");
}

#[tokio::test]
async fn tls_that_trusts_anybody_is_refused() {
    let url = "rediss://:canary-password@canary-host.invalid/0#insecure";
    let error = RedisStore::connect(url, operating::two_keys()).await;
    let error = error.expect_err("it is refused");
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    operating::shows_nothing(&error);
}
