//! Stores of cursors: in memory, in a file, in a database. All of them do the same.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use humanapi_store::client::{
    BucketCursors, CursorName, CursorStore, ListsWhole, MemoryCursorStore, StoreErrorKind,
};
use humanapi_store::{PostgresCursorStore, SqliteCursorStore};
use humanapi_testkit::servers::{PgBouncerServer, PostgresServer};
use sqlx::Connection as _;
use tempfile::TempDir;

const SYNC: CursorName = [7; 16];
const OTHER: CursorName = [8; 16];

fn cursors(run: u64, commit: u64, users: &[(u8, &[u8])]) -> BucketCursors {
    let users = users
        .iter()
        .map(|(user, cursors)| ([*user; 16], cursors.to_vec()));
    BucketCursors {
        run,
        // Empty where something of it failed.
        check: if run == 9 { Vec::new() } else { vec![7; 16] },
        commit,
        users: users.collect(),
    }
}

fn whole(resource: &str, users: u64, changes_until: Option<i64>) -> ListsWhole {
    ListsWhole {
        resource: resource.to_owned(),
        users,
        refused: 1,
        failed: 2,
        changes_until,
        deletions_until: None,
    }
}

async fn does_what_is_promised(store: &dyn CursorStore) {
    store.init().await.unwrap();
    store.init().await.unwrap();
    let nothing = store.bucket(SYNC, 0).await.unwrap();
    assert_eq!(nothing, BucketCursors::default());

    // A run is gone on with until it ends, unless something newer was written.
    assert_eq!(store.begin(SYNC, 0).await.unwrap(), 1);
    assert_eq!(store.begin(SYNC, 1).await.unwrap(), 1);
    store.end(SYNC, 1).await.unwrap();
    assert_eq!(store.begin(SYNC, 1).await.unwrap(), 2);
    assert_eq!(store.begin(SYNC, 6).await.unwrap(), 7);
    // The end of another run is none of this one.
    store.end(SYNC, 2).await.unwrap();
    assert_eq!(store.begin(SYNC, 7).await.unwrap(), 7);
    assert_eq!(store.begin(OTHER, 4).await.unwrap(), 5);

    let first = cursors(7, 7, &[(1, b"one"), (2, b"")]);
    let lists = vec![
        whole("activities", 2, Some(1_768_467_600)),
        whole("sleeps", 2, None),
    ];
    store
        .keep(SYNC, 3, first.clone(), lists.clone())
        .await
        .unwrap();
    assert_eq!(store.bucket(SYNC, 3).await.unwrap(), first);
    assert_eq!(
        store.bucket(SYNC, 4).await.unwrap(),
        BucketCursors::default()
    );
    assert_eq!(
        store.bucket(OTHER, 3).await.unwrap(),
        BucketCursors::default()
    );

    // Who is not named stays, and all else is as it was said last.
    let second = cursors(9, 7, &[(2, b"two"), (3, &[0; 4_000])]);
    store
        .keep(SYNC, 3, second, lists[..1].to_vec())
        .await
        .unwrap();
    let kept = store.bucket(SYNC, 3).await.unwrap();
    let expected = cursors(9, 7, &[(1, b"one"), (2, b"two"), (3, &[0; 4_000])]);
    assert_eq!(kept, expected);
    store
        .keep(SYNC, 1, cursors(9, 0, &[]), lists.clone())
        .await
        .unwrap();
    let table = store.whole(SYNC).await.unwrap();
    let named: Vec<(u32, &str)> = table
        .iter()
        .map(|(bucket, lists)| (*bucket, lists.resource.as_str()))
        .collect();
    assert_eq!(named, [(1, "activities"), (1, "sleeps"), (3, "activities")]);
    assert_eq!(table[0].1, lists[0]);
    assert_eq!(table[1].1, lists[1]);
    assert!(store.whole(OTHER).await.unwrap().is_empty());

    // A bucket of any size, twice.
    for run in [10, 11] {
        let many = (0..2_500_u32).map(|user| {
            let mut name = [9; 16];
            name[..4].copy_from_slice(&user.to_be_bytes());
            (name, [&name[..4], &vec![run; user as usize % 90]].concat())
        });
        let many = BucketCursors {
            run: run.into(),
            check: vec![7; 16],
            commit: 7,
            users: many.collect(),
        };
        store.keep(SYNC, 5, many.clone(), Vec::new()).await.unwrap();
        assert_eq!(store.bucket(SYNC, 5).await.unwrap(), many);
    }
}

/// As many users as a bucket may have, some of whom have as much as one can have: what was kept is given back.
async fn gives_back_what_it_keeps(store: &dyn CursorStore) {
    const USERS: u32 = 5_000;
    const LARGEST: usize = 1024 * 1024;
    store.init().await.unwrap();
    store.begin(SYNC, 0).await.unwrap();
    let users = (0..USERS).map(|user| {
        let bytes = match user {
            // One after the other, and at the end of all.
            498 | 499 | 4_999 => LARGEST,
            _ => 2_100,
        };
        let mut name = [9; 16];
        name[..4].copy_from_slice(&user.to_be_bytes());
        (name, vec![user as u8; bytes])
    });
    let kept = BucketCursors {
        run: 7,
        check: vec![7; 16],
        commit: 7,
        users: users.collect(),
    };
    store.keep(SYNC, 5, kept.clone(), Vec::new()).await.unwrap();
    let found = store.bucket(SYNC, 5).await.unwrap();
    assert!(found == kept, "{} users", found.users.len());

    let larger = cursors(8, 8, &[(1, b"one"), (2, &[7; LARGEST + 1])]);
    let refused = store.keep(SYNC, 6, larger, Vec::new()).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Misconfigured);
    let found = store.bucket(SYNC, 6).await.unwrap();
    assert_eq!(found, BucketCursors::default());
}

#[tokio::test]
async fn memory_does_what_is_promised() {
    does_what_is_promised(&MemoryCursorStore::new()).await;
}

#[tokio::test]
async fn a_file_does_what_is_promised_and_another_that_opens_it_finds_all() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cursors.sqlite");
    does_what_is_promised(&SqliteCursorStore::open(&path).await).await;
    let again = SqliteCursorStore::open(&path).await;
    assert_eq!(again.bucket(SYNC, 3).await.unwrap().users.len(), 3);
    gives_back_what_it_keeps(&SqliteCursorStore::open(folder.path().join("more.sqlite")).await)
        .await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// Each page holds few of them, and costs what it holds.
#[tokio::test]
async fn a_bucket_of_large_cursors_is_read_in_the_time_that_its_bytes_take() {
    const USERS: u8 = 250;
    let folder = TempDir::new().unwrap();
    let store = SqliteCursorStore::open(folder.path().join("cursors.sqlite")).await;
    store.init().await.unwrap();
    store.begin(SYNC, 0).await.unwrap();
    let kept = BucketCursors {
        run: 7,
        check: vec![7; 16],
        commit: 7,
        users: (0..USERS)
            .map(|user| ([user; 16], vec![user; 500_000]))
            .collect(),
    };
    store.keep(SYNC, 5, kept.clone(), Vec::new()).await.unwrap();
    let found = tokio::time::timeout(Duration::from_secs(30), store.bucket(SYNC, 5)).await;
    assert!(found.unwrap().unwrap() == kept);
}

#[tokio::test]
async fn a_file_that_nobody_set_up_says_so() {
    let folder = TempDir::new().unwrap();
    let store = SqliteCursorStore::open(folder.path().join("cursors.sqlite")).await;
    let error = store.bucket(SYNC, 0).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotSetUp);
}

#[tokio::test]
async fn a_database_does_what_is_promised() {
    let Some(server) = PostgresServer::shared_durable("humanapi-store: cursors in PostgreSQL")
    else {
        return;
    };
    let url = schema(server).await;
    does_what_is_promised(&PostgresCursorStore::connect(&url).unwrap()).await;
    let again = PostgresCursorStore::connect(&url).unwrap();
    assert_eq!(again.bucket(SYNC, 3).await.unwrap().users.len(), 3);
    let url = schema(server).await;
    gives_back_what_it_keeps(&PostgresCursorStore::connect(&url).unwrap()).await;
}

/// The address of a schema of one's own.
async fn schema(server: &PostgresServer) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let schema = format!("cursors_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = sqlx::postgres::PgConnection::connect(&server.url())
        .await
        .unwrap();
    let make = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::raw_sql(make).execute(&mut connection).await.unwrap();
    format!("{}&options=-csearch_path%3D{schema}", server.url())
}

/// Of two connections, so that what follows meets another session mostly.
#[tokio::test]
async fn a_database_behind_a_pooler_does_what_is_promised() {
    const NAME: &str = "humanapi-store: cursors in PostgreSQL behind PgBouncer";
    let Some(server) = PostgresServer::start(NAME) else {
        return;
    };
    let Some(pooler) = PgBouncerServer::start(NAME, &server, 2) else {
        return;
    };
    does_what_is_promised(&PostgresCursorStore::connect(&pooler.database_url("postgres")).unwrap())
        .await;
    // Several at once, each within its own transaction.
    let store = PostgresCursorStore::connect(&pooler.database_url("postgres")).unwrap();
    let keeps = (10..30_u8).map(|bucket| {
        let kept = cursors(11, 7, &[(bucket, &[bucket; 900]), (0, b"zero")]);
        store.keep(SYNC, bucket.into(), kept, Vec::new())
    });
    for kept in futures_util::future::join_all(keeps).await {
        kept.unwrap();
    }
    for bucket in 10..30_u8 {
        let kept = store.bucket(SYNC, bucket.into()).await.unwrap();
        assert_eq!(kept.users[&[bucket; 16]], [bucket; 900]);
    }
}

/// A million users of 38 lists each have 30 bytes for each list or less.
#[tokio::test]
async fn a_cursor_is_a_few_tens_of_bytes_on_the_disk() {
    const USERS: u32 = 2_000;
    const LISTS: usize = 38;
    // As a sync writes them: see its own test of what one takes.
    const CURSOR: usize = 26;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cursors.sqlite");
    let store = SqliteCursorStore::open(&path).await;
    store.init().await.unwrap();
    store.begin(SYNC, 0).await.unwrap();
    for bucket in 0..4 {
        let users: BTreeMap<CursorName, Vec<u8>> = (0..USERS / 4)
            .map(|user| {
                let mut name = [0; 16];
                // Spread as a keyed hash is.
                let number = (user * 4 + bucket).wrapping_mul(0x9e37_79b9);
                name[..4].copy_from_slice(&number.to_be_bytes());
                (name, vec![7; LISTS * CURSOR])
            })
            .collect();
        let kept = BucketCursors {
            run: 1,
            check: vec![7; 16],
            commit: 1,
            users,
        };
        store.keep(SYNC, bucket, kept, Vec::new()).await.unwrap();
    }
    // What is in the log counts where it lies in the end.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut file = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let all = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut file);
    all.await.unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    let each = bytes as f64 / f64::from(USERS) / LISTS as f64;
    assert!(each < 30.0, "{each:.1} bytes for each user and list");
}
