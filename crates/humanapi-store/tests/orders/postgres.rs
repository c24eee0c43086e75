//! A journal in a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_store::client::{OrderJournal, StoreErrorKind};
use humanapi_store::{PostgresStore, SealingKeys};
use humanapi_testkit::journal::{JournalPlace, RawOrder, SealedPlace};
use humanapi_testkit::sealed_journal_conformance;
use humanapi_testkit::servers::{PgBouncerServer, PostgresServer};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::{AMPLE, intent, op, operator, two_keys, write};

sealed_journal_conformance!(place);
operator::operator!(place, open);

const TEST: &str = "humanapi-store: orders in PostgreSQL";

struct InDatabase {
    server: &'static PostgresServer,
    url: String,
    keys: SealingKeys,
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn run(url: &str, statement: String) {
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    statement.execute(&mut connect(url).await).await.unwrap();
}

async fn at(url: &str, keys: &SealingKeys) -> PostgresStore {
    PostgresStore::connect(url, keys.clone()).await.unwrap()
}

async fn open(place: &InDatabase, keys: &SealingKeys) -> PostgresStore {
    let store = at(&place.url, keys).await.with_timeout(AMPLE);
    store.init().await.unwrap();
    store
}

/// A schema of its own, which is made sooner than a database.
async fn place() -> Option<InDatabase> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let server = PostgresServer::shared_durable(TEST)?;
    let schema = format!("orders_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    run(&server.url(), format!("CREATE SCHEMA {schema}")).await;
    let url = format!("{}&options=-csearch_path%3D{schema}", server.url());
    let keys = two_keys();
    Some(InDatabase { server, url, keys })
}

#[async_trait]
impl JournalPlace for InDatabase {
    async fn open(&self) -> Arc<dyn OrderJournal> {
        Arc::new(open(self, &self.keys).await)
    }
}

#[async_trait]
impl SealedPlace for InDatabase {
    fn other_key(&self) -> &str {
        "spare"
    }

    async fn rows(&self) -> Vec<RawOrder> {
        type Columns = (Vec<u8>, i64, bool, String, Vec<u8>);
        let select = "SELECT row_name, version, is_open, sealed_with, sealed FROM humanapi_orders";
        let rows: Vec<Columns> = sqlx::query_as(select)
            .fetch_all(&mut connect(&self.url).await)
            .await
            .unwrap();
        rows.into_iter()
            .map(|(row, version, is_open, key_id, sealed)| RawOrder {
                row,
                version: version as u64,
                is_open,
                key_id,
                sealed,
            })
            .collect()
    }

    async fn put(&self, raw: &RawOrder) {
        let update = "UPDATE humanapi_orders SET version = $2, is_open = $3, sealed_with = $4, sealed = $5 WHERE row_name = $1";
        let done = sqlx::query(update)
            .bind(&raw.row)
            .bind(raw.version as i64)
            .bind(raw.is_open)
            .bind(&raw.key_id)
            .bind(&raw.sealed)
            .execute(&mut connect(&self.url).await)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    async fn drop_row(&self, row: &[u8]) {
        let delete = sqlx::query("DELETE FROM humanapi_orders WHERE row_name = $1").bind(row);
        let done = delete.execute(&mut connect(&self.url).await).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    /// The tables' files as they lie on the server's disk, and all rows as text.
    async fn dump(&self) -> Vec<u8> {
        let mut connection = connect(&self.url).await;
        sqlx::raw_sql("CHECKPOINT")
            .execute(&mut connection)
            .await
            .unwrap();
        let text = "SELECT coalesce(string_agg(r::text, E'\\n'), '') FROM humanapi_orders AS r";
        let (text,): (String,) = sqlx::query_as(text)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let files = "SELECT pg_relation_filepath(oid) FROM pg_class
            WHERE relkind IN ('r', 'i') AND relnamespace = current_schema()::regnamespace";
        let files: Vec<(String,)> = sqlx::query_as(files)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let mut dump = text.into_bytes();
        for (file,) in files {
            dump.extend(std::fs::read(self.server.data().join(file)).unwrap());
        }
        dump
    }
}

/// A server that does not wait for its disk would forget an order with the next loss of power.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_fsync_is_refused() {
    let Some(server) = PostgresServer::shared(TEST) else {
        return;
    };
    let store = at(&server.url(), &two_keys()).await.with_timeout(AMPLE);
    store.init().await.unwrap();
    store.check().await.expect("for tokens it will do");
    let error = store.apply(&intent("one"), op()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("fsync = on"), "{error}");
}

/// Whatever the address says: with a synchronous standby that does not answer, nothing is told as kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_waits_for_standbys_whatever_the_session_says() {
    let Some(server) = PostgresServer::start_durable(TEST) else {
        return;
    };
    for level in ["off", "local", "remote_write"] {
        let url = format!("{}&options=-csynchronous_commit%3D{level}", server.url());
        let store = at(&url, &two_keys()).await.with_timeout(AMPLE);
        let keys = two_keys();
        run(
            &server.url(),
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned(),
        )
        .await;
        drop(store);
        let store = at(&url, &keys).await.with_timeout(AMPLE);
        store.init().await.unwrap();
        write(&store, "one").await;
        run(
            &server.url(),
            "ALTER SYSTEM SET synchronous_standby_names = 'nobody'".to_owned(),
        )
        .await;
        run(&server.url(), "SELECT pg_reload_conf()".to_owned()).await;
        let hasty = at(&url, &keys).await.with_timeout(Duration::from_secs(1));
        let mut waited = false;
        for number in 0..100 {
            // The server takes its new setting a moment later.
            let written = hasty.apply(&intent(number), op()).await;
            if let Err(error) = written {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
                waited = true;
                break;
            }
        }
        assert!(waited, "{level}: what no standby has is told as kept");
        let mut local = connect(&url).await;
        if level != "remote_write" {
            let plain = "CREATE TABLE plain (one int)";
            sqlx::raw_sql(plain).execute(&mut local).await.unwrap();
        }
        sqlx::raw_sql("SET synchronous_commit = local")
            .execute(&mut local)
            .await
            .unwrap();
        let reset = "ALTER SYSTEM RESET synchronous_standby_names";
        sqlx::raw_sql(reset).execute(&mut local).await.unwrap();
        run(&server.url(), "SELECT pg_reload_conf()".to_owned()).await;
    }
}

/// A pooler in transaction mode gives each operation another session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_behind_a_pooler() {
    let Some(server) = PostgresServer::shared_durable(TEST) else {
        return;
    };
    run(&server.url(), "CREATE DATABASE pooled".to_owned()).await;
    let Some(pooler) = PgBouncerServer::start(TEST, server, 2) else {
        return;
    };
    let url = pooler.database_url("pooled");
    let store = at(&url, &two_keys()).await.with_timeout(AMPLE);
    store.init().await.unwrap();
    for number in 0..20 {
        write(&store, number).await;
    }
    assert_eq!(store.open(None, 100).await.unwrap().len(), 20);
}

/// Whoever may not change the table is told which privilege is missing, before an order is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_privilege_is_named() {
    let Some(place) = place().await else { return };
    open(&place, &place.keys).await;
    let (_, schema) = place.url.rsplit_once("%3D").unwrap();
    let user = format!("user_of_{schema}");
    run(
        &place.server.url(),
        format!(
            "CREATE ROLE {user} LOGIN PASSWORD 'canary-password';
            GRANT USAGE ON SCHEMA {schema} TO {user};
            GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};
            GRANT INSERT, UPDATE, DELETE ON {schema}.humanapi_rows TO {user};
            GRANT INSERT ON {schema}.humanapi_orders TO {user}"
        ),
    )
    .await;
    let url = place.url.replace("//humanapi:", &format!("//{user}:"));
    let store = at(&url, &place.keys).await.with_timeout(AMPLE);
    let error = store.apply(&intent("one"), op()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(
        error.to_string().ends_with("humanapi_orders: UPDATE"),
        "{error}"
    );
    run(
        &place.server.url(),
        format!("GRANT UPDATE ON {schema}.humanapi_orders TO {user}"),
    )
    .await;
    write(&store, "one").await;
}
