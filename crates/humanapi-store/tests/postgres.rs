//! The conformance suite, over a PostgreSQL server of the tests' own.

#[expect(dead_code, reason = "what concerns files stands there too")]
mod operating;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use humanapi_store::client::{StoreErrorKind, TokenStore};
use humanapi_store::core::broker::Acquired;
use humanapi_store::{PostgresStore, SealingKeys};
use humanapi_testkit::servers::{PgBouncerServer, PostgresServer};
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::store_conformance;
use operating::Traffic;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

store_conformance!(place);

operating::operating!(empty, open:
    a_status_counts
    a_rotation_under_load_fails_no_read
    a_rotation_overwrites_nothing_newer
    many_set_up_at_once
    a_token_of_a_mebibyte_is_the_largest
    another_naming_key_is_refused
    a_place_without_tables_says_so
);

async fn open(place: &InDatabase, keys: &SealingKeys) -> PostgresStore {
    let store = PostgresStore::connect(&place.url, keys.clone()).await;
    let store = store.expect("the address is one");
    store.with_timeout(operating::AMPLE)
}

/// A place that nobody set up: a schema of its own, which is made sooner than a database.
async fn empty() -> Option<InDatabase> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let server = PostgresServer::shared("humanapi-store: postgres")?;
    let schema = format!("case_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::raw_sql(create)
        .execute(&mut connect(&server.url()).await)
        .await
        .expect("the name is new");
    let url = format!("{}&options=-csearch_path%3D{schema}", server.url());
    let keys = operating::two_keys();
    Some(InDatabase { server, url, keys })
}

async fn place() -> Option<InDatabase> {
    let place = empty().await?;
    let store = open(&place, &place.keys).await;
    store.init().await.expect("the tables are made");
    Some(place)
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
    fn schema(&self) -> &str {
        let (_, schema) = self.url.rsplit_once("%3D").expect("it has one");
        schema
    }
}

#[async_trait]
impl Place for InDatabase {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(open(self, &self.keys).await)
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

    /// The table's files as they lie on the server's disk, and all rows as text.
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
        let files = "
            SELECT pg_relation_filepath(oid) FROM pg_class
            WHERE relkind IN ('r', 'i', 't') AND (relnamespace = current_schema()::regnamespace
                OR oid IN (SELECT reltoastrelid FROM pg_class WHERE relname = 'humanapi_rows'))";
        let files: Vec<(String,)> = sqlx::query_as(files)
            .fetch_all(&mut connection)
            .await
            .expect("the catalogue is there");
        let mut dump = text.into_bytes();
        let mut pages = 0;
        for (file,) in files {
            let file = std::fs::read(self.server.data().join(file)).expect("it is there");
            pages += file.len() / 8_192;
            dump.extend(file);
        }
        assert!(pages >= 4, "the files are there too");
        dump
    }
}

async fn store(url: &str) -> PostgresStore {
    let store = PostgresStore::connect(url, operating::two_keys()).await;
    store.expect("the address is one")
}

#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    for url in [
        "canary",
        "",
        "canary://canary-password@host",
        "postgres://u:canary@host:canary/",
    ] {
        let error = PostgresStore::connect(url, operating::two_keys()).await;
        let error = error.expect_err("it is no address");
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        operating::shows_nothing(&error);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_used_says_why() {
    let Some(server) = PostgresServer::shared("humanapi-store: postgres") else {
        return;
    };
    let right = server.url();
    let misconfigured = StoreErrorKind::Misconfigured;

    let refused = StoreErrorKind::AuthenticationFailed;

    let wrong_password = store(&right.replace("canary-password", "canary-wrong")).await;
    operating::fails(&wrong_password, wrong_password.check().await, refused);
    let wrong_user = store(&right.replace("humanapi:", "canary-user:")).await;
    operating::fails(&wrong_user, wrong_user.init().await, refused);
    let no_database = store(&server.database_url("canary-database")).await;
    operating::fails(&no_database, no_database.check().await, misconfigured);

    let port = operating::closed_port().await;
    let closed = format!("postgres://canary-user:canary-password@127.0.0.1:{port}/canary");
    operating::is_unavailable(&store(&closed).await).await;
    let port = operating::silent_server().await;
    let silent = format!("postgres://canary-user:canary-password@127.0.0.1:{port}/canary");
    operating::is_unavailable(&store(&silent).await).await;
    let nowhere = "postgres://canary-user:canary-password@canary-host.invalid/canary";
    operating::is_unavailable(&store(nowhere).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_survived() {
    let Some(server) = PostgresServer::start("humanapi-store: postgres restart") else {
        return;
    };
    let store = store(&server.url()).await.with_timeout(operating::AMPLE);
    store.init().await.expect("the tables are made");
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
async fn counted(place: &InDatabase, keys: &SealingKeys) -> (PostgresStore, Arc<Traffic>) {
    let (port, traffic) = operating::counting(place.server.port()).await;
    let server = place.server.port().to_string();
    let url = place.url.replace(&server, &port.to_string());
    let store = PostgresStore::connect(&url, keys.clone()).await;
    let store = store.expect("the address is one");
    (store.with_timeout(operating::AMPLE), traffic)
}

/// What somebody else wrote into the table stays on the server.
#[tokio::test]
async fn giant_rows_are_not_fetched() {
    let Some(place) = place().await else { return };
    let (older, traffic) = counted(&place, &place.keys).await;
    let newer = place.keys.clone().with_new_key("newest");
    let newer = newer.expect("there are random numbers");
    let (newer, traffic_of_newer) = counted(&place, &newer).await;
    for what in operating::OF_A_ROW {
        let grow = async || {
            let bytes = operating::GIANT;
            let grow = match what {
                "sealed" => {
                    format!("UPDATE humanapi_rows SET sealed = repeat('k', {bytes})::bytea")
                }
                _ => format!("UPDATE humanapi_rows SET sealed_with = repeat('k', {bytes})"),
            };
            let grown = sqlx::raw_sql(AssertSqlSafe(grow))
                .execute(&mut connect(&place.url).await)
                .await;
            assert_eq!(grown.expect("the table is there").rows_affected(), 1);
        };
        operating::a_giant_row_is_refused(&older, &newer, grow).await;
        for traffic in [&traffic, &traffic_of_newer] {
            let answered = traffic.answered.load(Ordering::Relaxed);
            assert!(answered < 1024 * 1024, "{what}: {answered} bytes came");
        }
        let gone = sqlx::raw_sql("DELETE FROM humanapi_rows")
            .execute(&mut connect(&place.url).await)
            .await;
        gone.expect("the table is there");
    }
}

/// The server waits for as long as the caller said, and no longer.
#[tokio::test]
async fn the_server_keeps_the_timeout_that_the_caller_set() {
    let Some(place) = place().await else { return };
    let key = operating::key("one");
    let mut locked = connect(&place.url).await;
    let run = async |connection: &mut PgConnection, text: &'static str| {
        let done = sqlx::raw_sql(text).execute(connection).await;
        done.expect("it may do that");
    };
    let patient = open(&place, &place.keys).await;
    patient.check().await.expect("it is set up");
    let hasty = PostgresStore::connect(&place.url, place.keys.clone()).await;
    let hasty = hasty.expect("the address is one");
    let hasty = hasty.with_timeout(Duration::from_millis(500));
    run(
        &mut locked,
        "BEGIN; LOCK TABLE humanapi_rows IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let begun = Instant::now();
    let waiting = {
        let key = key.clone();
        tokio::spawn(async move { patient.acquire(&key, operating::AMPLE, None).await })
    };
    let acquired = hasty.acquire(&key, operating::AMPLE, None).await;
    operating::fails(&hasty, acquired, StoreErrorKind::Unavailable);
    // The server stops what nobody waits for any more.
    let waits =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'humanapi_rows'::regclass";
    let mut other = connect(&place.url).await;
    loop {
        let waiting: i64 = sqlx::query_scalar(waits)
            .fetch_one(&mut other)
            .await
            .expect("the catalogue is there");
        if waiting == 1 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_millis(2_700), "{waiting}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(3_500).saturating_sub(begun.elapsed())).await;
    assert!(!waiting.is_finished(), "it was given a minute");
    run(&mut locked, "COMMIT").await;
    let acquired = waiting.await.expect("it does not panic");
    assert!(matches!(acquired, Ok(Acquired::Won(_))), "{acquired:?}");
}

/// A row whose numbers are ahead of the clock, which may have been set back, is kept: a fresh one would begin lower.
#[tokio::test]
async fn a_row_ahead_of_the_clock_is_not_purged() {
    let Some(place) = place().await else { return };
    let store = open(&place, &place.keys).await;
    operating::a_row_ahead_of_the_clock_stays(&store, async || {
        let ahead = "UPDATE humanapi_rows SET fence = fence + 3600000000, lease_ends = 0";
        let done = sqlx::raw_sql(ahead)
            .execute(&mut connect(&place.url).await)
            .await;
        assert_eq!(done.expect("the table is there").rows_affected(), 1);
    })
    .await;
}

/// What is missing, or why nothing can be written, is said in words before the first token is lost over it.
#[tokio::test]
async fn a_check_says_which_privilege_is_missing_and_what_is_read_only() {
    let Some(place) = place().await else { return };
    let mut admin = connect(&place.url).await;
    let user = format!("canary_{}", place.schema());
    let grant = format!(
        "CREATE ROLE {user} LOGIN PASSWORD 'canary-password';
        GRANT USAGE ON SCHEMA {schema} TO {user};
        GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};
        GRANT INSERT ON {schema}.humanapi_rows TO {user}",
        schema = place.schema()
    );
    let done = sqlx::raw_sql(AssertSqlSafe(grant))
        .execute(&mut admin)
        .await;
    done.expect("it may do that");
    let url = place.url.replace("humanapi:", &format!("{user}:"));
    let store = PostgresStore::connect(&url, place.keys.clone()).await;
    let store = store.expect("the address is one");
    let error = store.check().await.expect_err("it may not write");
    assert!(error.to_string().ends_with(": UPDATE, DELETE"), "{error}");
    operating::fails(&store, Err::<(), _>(error), StoreErrorKind::Misconfigured);

    let url = format!("{}%20-cdefault_transaction_read_only%3Don", place.url);
    let store = PostgresStore::connect(&url, place.keys.clone()).await;
    let store = store.expect("the address is one");
    operating::fails(&store, store.check().await, StoreErrorKind::ReadOnly);
}

/// A pool of 3 connections that change hands with every transaction, and 60 users of 12 processes at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_works() {
    let test = "humanapi-store: pooler";
    let Some(server) = PostgresServer::start(test) else {
        return;
    };
    let Some(pooler) = PgBouncerServer::start(test, &server, 3) else {
        return;
    };
    let keys = operating::two_keys();
    let url = pooler.database_url("postgres");
    let open = async || {
        let store = PostgresStore::connect(&url, keys.clone()).await;
        let store = store.expect("the address is one");
        Arc::new(store.with_timeout(operating::AMPLE))
    };
    open().await.init().await.expect("the tables are made");
    let mut users = tokio::task::JoinSet::new();
    for process in 0..12 {
        let store = open().await;
        for user in 0..5 {
            let store = Arc::clone(&store);
            users.spawn(async move {
                operating::goes_over_every_statement(&*store, process * 5 + user).await;
            });
        }
    }
    users.join_all().await;
    let store = open().await;
    let status = store.status().await.expect("the store answers");
    assert_eq!(status.running_leases, 0);
    // Nothing of ours stays in the sessions that others share.
    let plain: PgConnectOptions = url.parse().expect("the address is one");
    let one = plain.extra_float_digits(None).connect().await;
    let timeout = sqlx::raw_sql("SELECT current_setting('statement_timeout')")
        .fetch_one(&mut one.expect("it runs"))
        .await
        .expect("it answers");
    assert_eq!(timeout.get::<String, _>(0), "0");

    let wrong = url.replace("canary-password", "canary-wrong");
    let wrong = self::store(&wrong).await;
    operating::fails(
        &wrong,
        wrong.check().await,
        StoreErrorKind::AuthenticationFailed,
    );
    let options = self::store(&format!("{url}&options=-csearch_path%3Dcanary")).await;
    operating::fails(
        &options,
        options.check().await,
        StoreErrorKind::Misconfigured,
    );
}
