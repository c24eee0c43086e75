//! Files that are no store, or were made by somebody who means no good.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use humanapi_store::{SealingKeys, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::{Memory, TIMEOUT, all, attack, operating};

/// What is done to a file before it is used as a store.
#[derive(Clone)]
enum Trick {
    /// The path is this one instead, in the same folder unless it begins elsewhere.
    Path(String),
    /// The whole file is this.
    Bytes(Vec<u8>),
    /// So much of it is cut off.
    Cut(usize),
    /// Bytes from here on are turned over.
    Turn(usize, usize),
    /// A file beside it holds this.
    Beside(&'static str, Vec<u8>),
    /// Somebody ran this in it.
    Sql(&'static str),
    /// It has these permissions.
    Mode(u32),
    /// This program made what is there.
    Made(&'static str),
}

fn tricks() -> Vec<(String, Trick)> {
    let mut tricks = Vec::new();
    let mut add = |name: &str, trick| tricks.push((name.to_owned(), trick));
    for path in [
        "",
        ":memory:",
        "file:x",
        "file::memory:?cache=shared",
        "FILE:x?mode=ro",
        "/",
        ".",
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/proc/self/mem",
        "missing/x",
        "a\0b",
        "x?mode=memory",
        "x#odd",
        "%00",
        "💾",
    ] {
        add(&format!("path {path:?}"), Trick::Path(path.to_owned()));
    }
    add("a long path", Trick::Path("x/".repeat(3_000)));
    add("a long name", Trick::Path("x".repeat(300)));
    add("an empty file", Trick::Bytes(Vec::new()));
    add("one byte", Trick::Bytes(vec![b'S']));
    add("text", Trick::Bytes(b"canary ".repeat(10_000)));
    add("zeros", Trick::Bytes(vec![0; 100_000]));
    add(
        "a header alone",
        Trick::Bytes(b"SQLite format 3\0".to_vec()),
    );
    add(
        "a header and noise",
        Trick::Bytes([b"SQLite format 3\0".to_vec(), vec![0xa5; 20_000]].concat()),
    );
    for cut in [1, 100, 511, 4_096, 8_192, 12_288] {
        add(&format!("{cut} bytes cut off"), Trick::Cut(cut));
    }
    for (from, length) in [
        (16, 2),
        (18, 2),
        (20, 1),
        (24, 4),
        (28, 4),
        (32, 4),
        (36, 4),
        (44, 4),
        (56, 4),
        (100, 8),
        (100, 3_996),
        (4_096, 100),
        (4_096, 4_096),
        (8_192, 8),
        (8_192, 4_096),
        (12_288, 4_096),
    ] {
        add(
            &format!("bytes from {from} turned over"),
            Trick::Turn(from, length),
        );
    }
    for (name, bytes) in [
        ("-wal", vec![0xff; 50_000]),
        ("-wal", b"canary".to_vec()),
        ("-shm", vec![0xff; 40_000]),
        ("-shm", Vec::new()),
        ("-journal", vec![0xff; 5_000]),
        (
            "-journal",
            [
                &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7][..],
                &[0xff; 5_000],
            ]
            .concat(),
        ),
    ] {
        add(
            &format!("a {name} of {} bytes", bytes.len()),
            Trick::Beside(name, bytes),
        );
    }
    let endless = "CREATE VIEW humanapi_rows AS
        WITH RECURSIVE r(row_name, fence, lease_ends, generation, expires_at, sealed_with, sealed) AS (
            SELECT x'00', 1, 2, 3, 4, 'canary', x'00' UNION ALL SELECT x'00', fence + 1, 2, 3, 4, 'canary', x'00' FROM r)
        SELECT * FROM r;";
    for sql in [
        "DROP TABLE humanapi_rows",
        "DROP TABLE humanapi_store",
        "DELETE FROM humanapi_store",
        "UPDATE humanapi_store SET schema_version = 9223372036854775807",
        "UPDATE humanapi_store SET schema_version = -1",
        "UPDATE humanapi_store SET mark = zeroblob(20000000)",
        "UPDATE humanapi_store SET mark = x''",
        "ALTER TABLE humanapi_rows RENAME TO canary",
        "ALTER TABLE humanapi_rows RENAME COLUMN fence TO canary",
        "UPDATE humanapi_rows SET sealed = zeroblob(20000000)",
        "UPDATE humanapi_rows SET sealed = x''",
        "UPDATE humanapi_rows SET sealed_with = printf('%.*c', 5000000, 'k')",
        "UPDATE humanapi_rows SET sealed_with = 'canary' || hex(row_name)",
        "INSERT INTO humanapi_rows (row_name, fence, sealed_with, sealed) VALUES (zeroblob(5000000), 1, 'k', x'00')",
        "UPDATE humanapi_rows SET sealed_with = char(27) || '[2Jcanary'",
        "UPDATE humanapi_rows SET lease_ends = 9000000000000000000",
        "UPDATE humanapi_rows SET lease_ends = -9223372036854775807 - 1",
        "UPDATE humanapi_rows SET fence = 9223372036854775807, lease_ends = 0",
        "UPDATE humanapi_rows SET fence = -9223372036854775807 - 1",
        "UPDATE humanapi_rows SET generation = 9223372036854775807, expires_at = 9223372036854775807",
        "UPDATE humanapi_rows SET generation = -1, expires_at = -1",
        "INSERT INTO humanapi_rows (row_name, fence) VALUES (x'00', 1)",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3000)
            INSERT INTO humanapi_rows (row_name, fence, sealed_with, sealed)
            SELECT CAST(printf('%032d', n) AS BLOB), 1, 'canary' || n, x'00' FROM r",
        "CREATE TRIGGER t BEFORE DELETE ON humanapi_rows BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER t AFTER DELETE ON humanapi_rows BEGIN INSERT INTO humanapi_rows (row_name, fence) VALUES (OLD.row_name, 1); END",
        "CREATE TRIGGER t BEFORE INSERT ON humanapi_rows BEGIN SELECT RAISE(ABORT, 'canary'); END",
        "CREATE TRIGGER t AFTER UPDATE ON humanapi_rows BEGIN DELETE FROM humanapi_rows; END",
        "DROP TABLE humanapi_orders",
        "DELETE FROM humanapi_orders",
        "ALTER TABLE humanapi_orders RENAME COLUMN version TO canary",
        "UPDATE humanapi_orders SET sealed = zeroblob(20000000)",
        "UPDATE humanapi_orders SET sealed = x''",
        "UPDATE humanapi_orders SET sealed = zeroblob(100)",
        "UPDATE humanapi_orders SET sealed_with = printf('%.*c', 5000000, 'k')",
        "UPDATE humanapi_orders SET sealed_with = char(27) || '[2Jcanary'",
        "UPDATE humanapi_orders SET version = 9223372036854775807",
        "UPDATE humanapi_orders SET version = -9223372036854775807 - 1, is_open = -7",
        "UPDATE humanapi_orders SET row_name = zeroblob(5000000)",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3000)
            INSERT INTO humanapi_orders
            SELECT CAST(printf('%032d', n) AS BLOB), 1, 1, 'canary' || n, x'00' FROM r",
        "CREATE TRIGGER t BEFORE UPDATE ON humanapi_orders BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER t AFTER UPDATE ON humanapi_orders BEGIN DELETE FROM humanapi_orders; END",
        "CREATE TRIGGER t BEFORE INSERT ON humanapi_orders BEGIN SELECT RAISE(ABORT, 'canary'); END",
        "PRAGMA user_version = 7; PRAGMA application_id = 7",
        "PRAGMA journal_mode = DELETE",
        "CREATE TABLE canary (one); INSERT INTO canary VALUES (1)",
    ] {
        add(&sql[..sql.len().min(60)], Trick::Sql(sql));
    }
    let endless: &'static str =
        Box::leak(format!("DROP TABLE humanapi_rows; {endless}").into_boxed_str());
    add("rows without an end", Trick::Sql(endless));
    for mode in [0, 0o200, 0o400, 0o444, 0o666, 0o777] {
        add(&format!("mode {mode:o}"), Trick::Mode(mode));
    }
    add("a pipe", Trick::Made("mkfifo"));
    add("a folder", Trick::Made("mkdir"));
    let endless: &'static str = "DROP TABLE humanapi_orders; CREATE VIEW humanapi_orders AS
        WITH RECURSIVE r(row_name, version, is_open, sealed_with, sealed) AS (
            SELECT x'00', 1, 1, 'canary', x'00' UNION ALL SELECT x'00', version + 1, 1, 'canary', x'00' FROM r)
        SELECT * FROM r;";
    add("orders without an end", Trick::Sql(endless));
    tricks
}

async fn play(path: &Path, trick: Trick) -> std::path::PathBuf {
    let bytes = std::fs::read(path).expect("it is there");
    let write = |bytes: Vec<u8>| std::fs::write(path, bytes).expect("it is ours");
    match trick {
        Trick::Path(other) => {
            let name = Path::new(&other);
            let is_elsewhere = other.is_empty() || other.contains(':') || other.contains('\0');
            if is_elsewhere || name.is_absolute() {
                return name.to_owned();
            }
            return path.with_file_name(name);
        }
        Trick::Bytes(bytes) => write(bytes),
        Trick::Cut(cut) => write(bytes[..bytes.len().saturating_sub(cut)].to_vec()),
        Trick::Turn(from, length) => {
            let mut bytes = bytes;
            bytes
                .iter_mut()
                .skip(from)
                .take(length)
                .for_each(|byte| *byte = !*byte);
            write(bytes);
        }
        Trick::Beside(name, bytes) => {
            let beside = format!("{}{name}", path.display());
            std::fs::write(beside, bytes).expect("the folder takes a file");
        }
        Trick::Sql(sql) => {
            let options = SqliteConnectOptions::new().filename(path);
            let mut connection = options.connect().await.expect("it is a store");
            let done = sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await;
            done.expect(sql);
            connection.close().await.expect("it closes");
        }
        Trick::Mode(mode) => {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, mode).expect("it is ours");
        }
        Trick::Made(program) => {
            std::fs::remove_file(path).expect("it is ours");
            let made = std::process::Command::new(program).arg(path).status();
            assert!(made.expect("there is a program for it").success());
        }
    }
    path.to_owned()
}

/// A store with a token in it, as others left it: the last of them takes the log away. A log that is shortened while
/// somebody has it open ends that process, and no library can help it; whoever may do that owns the file.
async fn left(path: &Path, keys: &SealingKeys) {
    let store = SqliteStore::open(path, keys.clone()).await;
    let store = store.with_timeout(operating::AMPLE);
    store.init().await.expect("the file is made");
    for user in ["canary-user", "canary-other"] {
        operating::goes_over_every_statement_of(&store, &operating::key(user)).await;
    }
    super::attack_journal("before it is attacked", &store).await;
    drop(store);
    let log = format!("{}-wal", path.display());
    while Path::new(&log).exists() {
        // Of several that close at once none may have been the last.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let options = SqliteConnectOptions::new().filename(path);
        let mut last = options.connect().await.expect("it is a store");
        let read = sqlx::raw_sql("SELECT count(*) FROM humanapi_rows").execute(&mut last);
        read.await.expect("it is a store");
        last.close().await.expect("it closes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_may_be_anything() {
    all("a file", Memory::Process, tricks(), async |name, trick| {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let path = folder.path().join("tokens.sqlite");
        let keys = operating::two_keys();
        left(&path, &keys).await;
        let path = play(&path, trick).await;
        let before = std::fs::read_dir(".").expect("it can be listed").count();
        let keys = keys.with_new_key("newest");
        let keys = keys.expect("the system has random numbers");
        let store = SqliteStore::open(path, keys).await;
        attack(&name, store.with_timeout(TIMEOUT)).await;
        let after = std::fs::read_dir(".").expect("it can be listed").count();
        assert_eq!(before, after, "{name}: a file appeared");
    })
    .await;
}
