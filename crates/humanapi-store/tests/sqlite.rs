//! The conformance suite, over a SQLite file.

#[expect(dead_code, reason = "what concerns servers stands there too")]
mod operating;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use humanapi_store::client::{StoreErrorKind, TokenStore};
use humanapi_store::core::broker::Acquired;
use humanapi_store::{SealingKeys, SqliteStore};
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::store_conformance;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;

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

async fn open(place: &InFile, keys: &SealingKeys) -> SqliteStore {
    let store = SqliteStore::open(&place.path, keys.clone()).await;
    store.with_timeout(operating::AMPLE)
}

/// A place that nobody set up.
async fn empty() -> Option<InFile> {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("tokens.sqlite");
    let keys = operating::two_keys();
    Some(InFile { folder, path, keys })
}

async fn place() -> Option<InFile> {
    let place = empty().await?;
    let store = open(&place, &place.keys).await;
    store.init().await.expect("the file is made");
    Some(place)
}

struct InFile {
    folder: TempDir,
    path: PathBuf,
    keys: SealingKeys,
}

impl InFile {
    /// As whoever holds the file opens it.
    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path);
        options.connect().await.expect("the file is there")
    }
}

#[async_trait]
impl Place for InFile {
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
            .fetch_all(&mut self.connect().await)
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
        let mut connection = self.connect().await;
        let update = "UPDATE humanapi_rows SET generation = ?2, expires_at = ?3, sealed_with = ?4, sealed = ?5 WHERE row_name = ?1";
        let done = sqlx::query(update)
            .bind(&token.row)
            .bind(token.generation as i64)
            .bind(token.expires_at as i64)
            .bind(&token.key_id)
            .bind(&token.sealed)
            .execute(&mut connection)
            .await
            .expect("the table is there");
        assert_eq!(done.rows_affected(), 1);
        connection.close().await.expect("it closes");
    }

    /// The file with its log and whatever else lies beside it.
    async fn dump(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file?.path());
        let files: Vec<Vec<u8>> = files.map(read).collect::<Result<_, _>>().expect("files");
        assert!(files.len() > 1, "the log is there too");
        files.concat()
    }
}

#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = place().await.expect("SQLite is always there");
    let store = open(&place, &place.keys).await;
    store.check().await.expect("it is set up");
    for file in std::fs::read_dir(place.folder.path()).expect("the folder is there") {
        let file = file.expect("it can be listed");
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let keys = operating::two_keys();

    let nowhere = folder.path().join("missing").join("tokens.sqlite");
    let store = SqliteStore::open(nowhere, keys.clone()).await;
    operating::fails(&store, store.check().await, StoreErrorKind::NotSetUp);
    operating::fails(&store, store.init().await, StoreErrorKind::Misconfigured);

    let other = folder.path().join("other");
    std::fs::write(&other, "canary ".repeat(1_000)).expect("the folder takes a file");
    let store = SqliteStore::open(other, keys).await;
    operating::fails(&store, store.check().await, StoreErrorKind::Misconfigured);
    operating::fails(&store, store.init().await, StoreErrorKind::Misconfigured);
}

/// What SQLite takes for something else than a path is refused, and no file of that name appears.
#[tokio::test]
async fn a_path_that_is_none_of_a_file_is_refused() {
    let keys = operating::two_keys();
    for path in [
        ":memory:",
        "",
        "file::memory:",
        "FILE:odd?mode=memory",
        "file:odd",
    ] {
        let store = SqliteStore::open(path, keys.clone()).await;
        operating::fails(&store, store.check().await, StoreErrorKind::Misconfigured);
        operating::fails(&store, store.init().await, StoreErrorKind::Misconfigured);
        let loaded = store.load(&operating::key("one")).await;
        operating::fails(&store, loaded, StoreErrorKind::Misconfigured);
        assert!(path.is_empty() || !std::path::Path::new(path).exists());
    }
}

/// Opening a pipe waits for whoever holds its other end, which may be nobody.
#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is a program for it").success());
    for path in [pipe, folder.path().to_owned(), "/dev/zero".into()] {
        let store = SqliteStore::open(&path, operating::two_keys()).await;
        operating::fails(&store, store.reach().await, StoreErrorKind::Misconfigured);
        operating::fails(&store, store.init().await, StoreErrorKind::Misconfigured);
        operating::fails(&store, store.check().await, StoreErrorKind::Misconfigured);
    }
}

#[tokio::test]
async fn a_file_that_is_open_to_everybody_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = place().await.expect("SQLite is always there");
    let store = open(&place, &place.keys).await;
    assert_eq!(store.backend().open_to_others(), None);
    for (mode, named) in [(0o666, true), (0o604, true), (0o660, false)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&place.path, mode).expect("it is ours");
        let warning = store.backend().open_to_others();
        let path = place.path.display().to_string();
        assert_eq!(warning.is_some_and(|text| text.contains(&path)), named);
        store.check().await.expect("it can be used");
    }
}

/// A writer that does not end is waited for, but not for ever; readers do not wait.
#[tokio::test]
async fn a_writer_that_does_not_end_is_told() {
    let place = place().await.expect("SQLite is always there");
    let store = SqliteStore::open(&place.path, place.keys.clone()).await;
    store.check().await.expect("it is set up");
    let mut other = place.connect().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await;
    let lock = lock.expect("nobody else writes");
    let begun = std::time::Instant::now();
    let key = operating::key("one");
    assert!(
        store
            .load(&key)
            .await
            .expect("readers do not wait")
            .is_none()
    );
    let acquired = store
        .acquire(&key, std::time::Duration::from_secs(1), None)
        .await;
    operating::fails(&store, acquired, StoreErrorKind::Unavailable);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    // Whoever set less time waits for less, and is told as well.
    let hasty = SqliteStore::open(&place.path, place.keys.clone()).await;
    let hasty = hasty.with_timeout(std::time::Duration::from_millis(600));
    let begun = std::time::Instant::now();
    hasty.check().await.expect("it is set up");
    let acquired = hasty.acquire(&key, operating::AMPLE, None).await;
    let error = acquired.expect_err("another writes");
    assert!(error.to_string().contains("another process"), "{error}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    // Whoever set more waits for more.
    let patient = open(&place, &place.keys).await;
    let waiting = tokio::spawn(async move { patient.acquire(&key, operating::AMPLE, None).await });
    tokio::time::sleep(std::time::Duration::from_millis(3_300)).await;
    assert!(!waiting.is_finished());
    lock.rollback().await.expect("it ends");
    let acquired = waiting.await.expect("it does not panic");
    assert!(matches!(acquired, Ok(Acquired::Won(_))), "{acquired:?}");
}

/// What somebody else wrote into the file takes no memory of this process.
#[tokio::test]
async fn giant_rows_are_not_read() {
    let place = place().await.expect("SQLite is always there");
    let older = open(&place, &place.keys).await;
    let newer = place.keys.clone().with_new_key("newest");
    let newer = open(&place, &newer.expect("there are random numbers")).await;
    for what in operating::OF_A_ROW {
        let before = std::cell::Cell::new(None);
        let grow = async || {
            let bytes = operating::GIANT;
            let grow = match what {
                "sealed" => format!("UPDATE humanapi_rows SET sealed = zeroblob({bytes})"),
                _ => format!("UPDATE humanapi_rows SET sealed_with = printf('%.*c', {bytes}, 'k')"),
            };
            let mut other = place.connect().await;
            let grown = sqlx::raw_sql(AssertSqlSafe(grow)).execute(&mut other);
            assert_eq!(grown.await.expect("the table is there").rows_affected(), 1);
            other.close().await.expect("it closes");
            let forgot = operating::forget_peak_memory();
            before.set(forgot.then(operating::peak_memory));
        };
        operating::a_giant_row_is_refused(&older, &newer, grow).await;
        let Some(before) = before.get() else {
            humanapi_testkit::skip(
                "humanapi-store: memory of giant rows",
                "/proc/self/clear_refs",
            );
            continue;
        };
        let grown = operating::peak_memory().saturating_sub(before);
        assert!(
            grown < operating::GIANT as u64 / 2,
            "{what}: {grown} bytes more"
        );
        let gone = sqlx::raw_sql("DELETE FROM humanapi_rows")
            .execute(&mut place.connect().await)
            .await;
        gone.expect("the table is there");
    }
}

/// Of many who set up at once each waits for the others: for one who reads the new file, which stands in the way of its
/// log, and for one who writes to it longer than others would wait.
#[tokio::test]
async fn setting_up_waits_for_others_who_do() {
    for (lock, held) in [
        ("BEGIN; SELECT * FROM others", 300),
        ("BEGIN EXCLUSIVE", 3_500),
    ] {
        let place = empty().await.expect("SQLite is always there");
        let options = SqliteConnectOptions::new().filename(&place.path);
        let other = options.create_if_missing(true).connect().await;
        let mut other = other.expect("the folder takes a file");
        let run = async |other: &mut SqliteConnection, text: &'static str| {
            let done = sqlx::raw_sql(text).execute(other).await;
            done.expect("nobody stands in the way");
        };
        run(&mut other, "CREATE TABLE others (one INTEGER)").await;
        run(&mut other, lock).await;
        let store = open(&place, &place.keys).await;
        let setting_up = tokio::spawn(async move { store.init().await });
        tokio::time::sleep(std::time::Duration::from_millis(held)).await;
        assert!(!setting_up.is_finished(), "{lock}");
        run(&mut other, "COMMIT").await;
        let done = setting_up.await.expect("it does not panic");
        done.expect(lock);
    }
}

/// A row whose numbers are ahead of the clock, which may have been set back, is kept: a fresh one would begin lower.
#[tokio::test]
async fn a_row_ahead_of_the_clock_is_not_purged() {
    let Some(place) = place().await else { return };
    let store = open(&place, &place.keys).await;
    operating::a_row_ahead_of_the_clock_stays(&store, async || {
        let ahead = "UPDATE humanapi_rows SET fence = fence + 3600000000, lease_ends = 0";
        let done = sqlx::raw_sql(ahead)
            .execute(&mut place.connect().await)
            .await;
        assert_eq!(done.expect("the table is there").rows_affected(), 1);
    })
    .await;
}
