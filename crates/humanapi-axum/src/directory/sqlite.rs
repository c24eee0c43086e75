//! What is known of users, in a SQLite file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_core::{ClientUserId, HumanId, UserStatus};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Executor, Sqlite};

use super::{Change, DirectoryError, Sighting, UserDirectory, UserRecord};

/// Keeps what is known of users in a SQLite file on a local disk, readable by its owner alone. The
/// processes of one machine may share it.
///
/// It holds the application's ids for its users, Human API's ids, and statuses; no token.
pub struct SqliteDirectory {
    path: PathBuf,
    pool: SqlitePool,
}

const BUSY_TIMEOUT: Duration = Duration::from_millis(2_500);
const CONNECTIONS: u32 = 4;

// An id may hold any character, NUL too: bytes are compared as they are.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS humanapi_users (
        user_id BLOB PRIMARY KEY,
        status TEXT NOT NULL,
        human_id TEXT,
        former_human_id TEXT
    ) STRICT, WITHOUT ROWID";

const LOAD: &str = "
    SELECT status, human_id, former_human_id FROM humanapi_users WHERE user_id = ?1";

const SAVE: &str = "
    INSERT INTO humanapi_users (user_id, status, human_id, former_human_id)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (user_id) DO UPDATE SET status = excluded.status,
        human_id = excluded.human_id, former_human_id = excluded.former_human_id";

impl SqliteDirectory {
    /// Opens the file, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// When it can be neither opened nor made.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, DirectoryError> {
        let path = path.as_ref();
        let mut open = std::fs::File::options();
        open.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        open.open(path).map_err(|error| {
            let why = error.kind();
            DirectoryError::new(format!("the directory's file cannot be made: {why}"))
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(failed)?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await.map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            pool,
        })
    }
}

impl fmt::Debug for SqliteDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDirectory")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

async fn load<'a>(
    from: impl Executor<'a, Database = Sqlite>,
    user: &ClientUserId,
) -> Result<UserRecord, DirectoryError> {
    let found: Option<(String, Option<String>, Option<String>)> = sqlx::query_as(LOAD)
        .bind(user.as_str().as_bytes())
        .fetch_optional(from)
        .await
        .map_err(failed)?;
    let Some((status, human_id, former_human_id)) = found else {
        return Ok(UserRecord::default());
    };
    // A word of a later version is one that this version knows nothing of.
    let status = status.parse().unwrap_or(UserStatus::Unknown);
    Ok(UserRecord {
        status,
        human_id: human_id.map(HumanId::new),
        former_human_id: former_human_id.map(HumanId::new),
    })
}

#[async_trait]
impl UserDirectory for SqliteDirectory {
    async fn load(&self, user: &ClientUserId) -> Result<UserRecord, DirectoryError> {
        load(&self.pool, user).await
    }

    async fn record(&self, user: &ClientUserId, seen: &Sighting) -> Result<Change, DirectoryError> {
        // Takes the lock before it reads, so that nobody writes in between.
        let mut all = (self.pool.begin_with("BEGIN IMMEDIATE").await).map_err(failed)?;
        let change = load(&mut *all, user).await?.apply(seen);
        if change.is_any() {
            let after = &change.after;
            sqlx::query(SAVE)
                .bind(user.as_str().as_bytes())
                .bind(after.status.name())
                .bind(after.human_id.as_ref().map(HumanId::as_str))
                .bind(after.former_human_id.as_ref().map(HumanId::as_str))
                .execute(&mut *all)
                .await
                .map_err(failed)?;
        }
        all.commit().await.map_err(failed)?;
        Ok(change)
    }
}

/// In words of our own: SQLite's could repeat what was bound.
fn failed(error: sqlx::Error) -> DirectoryError {
    DirectoryError::new(match error {
        sqlx::Error::PoolTimedOut => "the directory's file is busy: try again".to_owned(),
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => format!("the directory's file cannot be used: SQLite says {code}"),
            None => "the directory's file cannot be used".to_owned(),
        },
        sqlx::Error::Io(error) => {
            format!("the directory's file cannot be used: {}", error.kind())
        }
        _ => "the directory's file cannot be used".to_owned(),
    })
}
