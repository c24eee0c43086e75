//! The conformance suite, over a PostgreSQL server of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use humanapi_store::client::TokenStore;
use humanapi_store::{PostgresStore, SealingKeys};
use humanapi_testkit::servers::PostgresServer;
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::store_conformance;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

store_conformance!(place);

async fn place() -> Option<InDatabase> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let server = PostgresServer::shared("humanapi-store: postgres")?;
    let database = format!("case_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut all = connect(&server.url()).await;
    let create = format!("CREATE DATABASE {database}");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut all)
        .await
        .expect("the name is new");
    let url = server.database_url(&database);
    let place = InDatabase {
        server,
        url,
        keys: keys(),
    };
    place
        .store()
        .await
        .init()
        .await
        .expect("the tables are made");
    Some(place)
}

fn keys() -> SealingKeys {
    SealingKeys::generate("spare")
        .and_then(|keys| keys.with_new_key("first"))
        .expect("the system has random numbers")
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the server runs")
}

struct InDatabase {
    server: &'static PostgresServer,
    url: String,
    keys: SealingKeys,
}

impl InDatabase {
    async fn store(&self) -> PostgresStore {
        let store = PostgresStore::connect(&self.url, self.keys.clone()).await;
        store.expect("the address is one")
    }
}

#[async_trait]
impl Place for InDatabase {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(self.store().await)
    }

    fn other_key(&self) -> &str {
        "spare"
    }

    async fn tokens(&self) -> Vec<RawToken> {
        type Columns = (Vec<u8>, i64, i64, String, Vec<u8>);
        let select = "SELECT row_name, generation, expires_at, sealed_with, sealed FROM humanapi_rows WHERE sealed IS NOT NULL";
        let rows: Vec<Columns> = sqlx::query_as(select)
            .fetch_all(&mut connect(&self.url).await)
            .await
            .expect("the table is there");
        rows.into_iter()
            .map(|(row, generation, expires_at, key_id, sealed)| RawToken {
                row,
                generation: generation as u64,
                expires_at: expires_at as u64,
                key_id,
                sealed,
            })
            .collect()
    }

    async fn put(&self, token: &RawToken) {
        let update = "UPDATE humanapi_rows SET generation = $2, expires_at = $3, sealed_with = $4, sealed = $5 WHERE row_name = $1";
        let done = sqlx::query(update)
            .bind(&token.row)
            .bind(token.generation as i64)
            .bind(token.expires_at as i64)
            .bind(&token.key_id)
            .bind(&token.sealed)
            .execute(&mut connect(&self.url).await)
            .await
            .expect("the table is there");
        assert_eq!(done.rows_affected(), 1);
    }

    /// The database's files as they lie on the server's disk, and all rows as text.
    async fn dump(&self) -> Vec<u8> {
        let mut connection = connect(&self.url).await;
        sqlx::raw_sql("CHECKPOINT")
            .execute(&mut connection)
            .await
            .expect("it may do that");
        let text = "SELECT coalesce(string_agg(r::text, E'\\n'), '') FROM humanapi_rows AS r";
        let (text,): (String,) = sqlx::query_as(text)
            .fetch_one(&mut connection)
            .await
            .expect("the table is there");
        let number = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()";
        let (number,): (i64,) = sqlx::query_as(number)
            .fetch_one(&mut connection)
            .await
            .expect("it is there");
        let folder = self.server.data().join("base").join(number.to_string());
        let mut dump = text.into_bytes();
        for file in std::fs::read_dir(folder).expect("a database is a folder") {
            let file = file.expect("it can be listed").path();
            dump.extend(std::fs::read(file).unwrap_or_default());
        }
        assert!(dump.len() > 1_000_000, "the files are there too");
        dump
    }
}
