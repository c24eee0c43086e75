//! How connections to a file are opened: what is got again may be lost with the power, and what was ordered may not.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::backend::Limits;

/// One writes at a time; this many read meanwhile, each in a thread of its own.
const CONNECTIONS: u32 = 4;

/// Connects with the first operation.
pub(super) fn pool(options: SqliteConnectOptions, limits: Limits) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(limits.all_rows)
        .test_before_acquire(false)
        .connect_lazy_with(options.busy_timeout(busy(limits.row)))
}

/// How long a writer waits for another: somewhat shorter than its operation may take, so that the error says so.
pub(super) fn busy(limit: Duration) -> Duration {
    /// SQLite counts in milliseconds, and not for longer than 24 days.
    const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

    (limit / 6 * 5).min(LONGEST)
}

/// Of tokens.
pub(super) fn of_tokens(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // Readers and the writer do not wait for each other.
        .journal_mode(SqliteJournalMode::Wal)
        // What a loss of power takes away is got again. The file stays whole.
        .synchronous(SqliteSynchronous::Normal)
        .disable_statement_logging()
}

/// As the tokens are opened, but each commit is on the disk before it is answered. On macOS that takes a setting of its
/// own, without which the disk itself may still hold it back.
pub(super) fn in_journals(path: &Path) -> SqliteConnectOptions {
    of_tokens(path)
        .synchronous(SqliteSynchronous::Full)
        .pragma("fullfsync", "1")
        .pragma("checkpoint_fullfsync", "1")
}
