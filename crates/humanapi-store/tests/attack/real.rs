//! Real servers that are paused, killed and full.

use std::time::Duration;

use humanapi_store::client::CursorStore as _;
use humanapi_store::{PostgresCursorStore, PostgresStore, RedisStore};
use humanapi_testkit::servers::{PgBouncerServer, PostgresServer, RedisServer};

use super::{TIMEOUT, attack, attack_cursors, operating};

/// Every operation of many callers at once ends while the server is paused, and all goes on afterwards.
macro_rules! paused {
    ($server:expr, $store:expr) => {{
        let (server, store) = ($server, std::sync::Arc::new($store));
        store.init().await.expect("it is set up");
        operating::goes_over_every_statement(&*store, 1).await;
        server.pause();
        let begun = std::time::Instant::now();
        let callers = (0..60).map(|user| {
            let store = std::sync::Arc::clone(&store);
            async move {
                let key = operating::key(user);
                let loaded = humanapi_store::client::TokenStore::load(&*store, &key).await;
                operating::fails(
                    &store,
                    loaded,
                    humanapi_store::client::StoreErrorKind::Unavailable,
                );
            }
        });
        futures_util::future::join_all(callers).await;
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "nobody waits for the others"
        );
        server.resume();
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_servers_hold_nobody_up() {
    let test = "humanapi-store: paused";
    if let Some(server) = RedisServer::start(test) {
        let keys = operating::two_keys();
        let open = async || {
            let store = RedisStore::connect(&server.url(), keys.clone()).await;
            store.expect("the address is one")
        };
        paused!(&server, open().await);
        operating::goes_over_every_statement(&open().await.with_timeout(operating::AMPLE), 2).await;
        server.pause();
        attack("a paused Redis", open().await.with_timeout(TIMEOUT)).await;
        server.crash();
        attack("a killed Redis", open().await.with_timeout(TIMEOUT)).await;
    }
    if let Some(server) = PostgresServer::start(test) {
        let cursors = |limit| {
            let store = PostgresCursorStore::connect(&server.url());
            store.expect("the address is one").with_timeout(limit)
        };
        let kept = cursors(operating::AMPLE);
        kept.init().await.expect("it is set up");
        assert_eq!(kept.begin([7; 16], 6).await.expect("it is asked"), 7);
        let keys = operating::two_keys();
        let open = async |url: &str| {
            let store = PostgresStore::connect(url, keys.clone()).await;
            store.expect("the address is one")
        };
        paused!(&server, open(&server.url()).await);
        let store = open(&server.url()).await.with_timeout(operating::AMPLE);
        operating::goes_over_every_statement(&store, 2).await;
        if let Some(pooler) = PgBouncerServer::start(test, &server, 2) {
            let url = pooler.database_url("postgres");
            paused!(&pooler, open(&url).await);
            server.pause();
            attack(
                "a pooler before a paused server",
                open(&url).await.with_timeout(TIMEOUT),
            )
            .await;
            server.resume();
            pooler.crash();
            attack("a killed pooler", open(&url).await.with_timeout(TIMEOUT)).await;
        }
        // With a connection that worked, and without one.
        let used = cursors(TIMEOUT);
        used.whole([7; 16]).await.expect("it is asked");
        server.pause();
        attack(
            "a paused PostgreSQL",
            open(&server.url()).await.with_timeout(TIMEOUT),
        )
        .await;
        attack_cursors("a paused PostgreSQL", used).await;
        attack_cursors("a paused PostgreSQL", cursors(TIMEOUT)).await;
        server.resume();
        kept.whole([7; 16]).await.expect("it is asked");
        server.crash();
        attack(
            "a killed PostgreSQL",
            open(&server.url()).await.with_timeout(TIMEOUT),
        )
        .await;
        attack_cursors("a killed PostgreSQL", cursors(TIMEOUT)).await;
    }
}
