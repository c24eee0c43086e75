//! Tokens in one file that the processes of one machine share.

#[cfg(feature = "sync")]
pub(crate) mod cursors;
mod journal;
mod opening;
mod place;
mod statements;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqlitePool};
use sqlx::{ConnectOptions as _, Connection as _};

use self::statements::{
    ACQUIRE, CHECK, COMMIT, INVALIDATE, LOAD, LOOK, PURGE, RELEASE, RESEAL, SCHEMA,
    SEALED_OTHERWISE, SURVEY,
};
use crate::backend::{Backend, Limits};
use crate::journal_rows::JournalRows;
use crate::keys::SealingKeys;
use crate::rows::{Batch, Mark, RowName, Sealed, Survey, unreadable};
use crate::seal::millis;
use crate::sql::{self, SurveyColumns, TokenColumns, known, signed, unsigned};
use crate::store::Store;

/// Keeps tokens in a SQLite file, for the processes of one machine.
///
/// The file must lie on a local disk: SQLite's locks do not work over most network file systems. Its
/// clock is the machine's.
pub type SqliteStore = Store<SqliteFile>;

impl SqliteStore {
    /// A store in this file. It is opened with the first operation; [`Store::init`] makes it.
    ///
    /// The path is that of a file on a disk, as the system knows it. `:memory:` and `file:` addresses, which SQLite
    /// takes for something else, are refused, and so is what is no file, such as a pipe. A file that others than its
    /// owner and group may read or write is used, and a warning in the log names it: see
    /// [`SqliteFile::open_to_others`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn open(path: impl AsRef<Path>, keys: SealingKeys) -> Self {
        Self::new(SqliteFile::new(path.as_ref()), keys)
    }
}

/// A SQLite file with rows.
pub struct SqliteFile {
    path: PathBuf,
    pool: SqlitePool,
    /// The same file, and a commit is on the disk before it is answered.
    journal: SqlitePool,
    limits: Limits,
}

/// Instructions of SQLite's machine between two looks at the clock: a few milliseconds.
const LOOK_EVERY: i32 = 100_000;

impl SqliteFile {
    fn new(path: &Path) -> Self {
        let limits = Limits::default();
        Self {
            path: path.to_owned(),
            pool: opening::pool(opening::of_tokens(path), limits),
            journal: opening::pool(opening::in_journals(path), limits),
            limits,
        }
    }

    /// A connection for one operation, which ends in SQLite too: what still runs after this time has nobody who waits
    /// for it.
    async fn connection(
        pool: &SqlitePool,
        limit: Duration,
    ) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut connection = pool.acquire().await.map_err(failed)?;
        let limited = self::limit(&mut connection, limit).await;
        limited.map_err(failed)?;
        Ok(connection)
    }

    /// One for an operation on a row.
    async fn for_row(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Self::connection(&self.pool, self.limits.row).await
    }

    /// One for an operation on all rows.
    async fn for_all_rows(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Self::connection(&self.pool, self.limits.all_rows).await
    }

    /// SQLite tells a file that is not there and one that it cannot open in the same words. One that is there may lie on
    /// a full disk, on which its log cannot be made.
    async fn not_opened(&self, error: StoreError) -> StoreError {
        let path = self.path.clone();
        let is_there = on_thread(move || Ok(path.is_file())).await;
        if error.kind() == StoreErrorKind::NotSetUp
            && error.to_string() == NOT_OPENED
            && is_there.is_ok_and(|is| is)
        {
            let message = "the store's file is there and cannot be opened, or what lies beside it cannot be made";
            return StoreError::new(StoreErrorKind::Unavailable, message);
        }
        error
    }
}

/// Runs what may wait for a disk where it keeps nobody else from running.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let message = "looking at the store's file was broken off";
        Err(StoreError::new(StoreErrorKind::Unavailable, message))
    })
}

/// Lets no statement run beyond this time from now, whatever the file makes of it: a table can be a view that does not
/// end. Each operation sets its own time: SQLite counts on from one short statement to the next before it lets us look,
/// so a look says nothing of how long the present one runs.
async fn limit(connection: &mut SqliteConnection, limit: Duration) -> Result<(), sqlx::Error> {
    // What ran before on this connection is over once there is a handle.
    let mut handle = connection.lock_handle().await?;
    let begun = Instant::now();
    handle.set_progress_handler(LOOK_EVERY, move || begun.elapsed() < limit);
    Ok(())
}

impl fmt::Debug for SqliteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for SqliteFile {
    fn set_limits(&mut self, limits: Limits) {
        if self.limits != limits {
            self.limits = limits;
            self.pool = opening::pool(opening::of_tokens(&self.path), limits);
            self.journal = opening::pool(opening::in_journals(&self.path), limits);
        }
    }

    fn journal(&self) -> Option<&dyn JournalRows> {
        Some(self)
    }

    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        self.create().await?;
        self.warn();
        // Not from the pool: it may hold connections to a file that was taken away.
        // Each who sets up waits for others who do, and for the disk, which may be busy.
        let all_rows = self.limits.all_rows;
        let options = opening::of_tokens(&self.path).busy_timeout(opening::busy(all_rows));
        let mut connection = options.connect().await.map_err(failed)?;
        limit(&mut connection, all_rows).await.map_err(failed)?;
        // One process sets up at a time, and others find it done.
        let mut all = connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        sqlx::raw_sql(SCHEMA)
            .execute(&mut *all)
            .await
            .map_err(failed)?;
        let insert = "INSERT INTO humanapi_store VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING";
        sqlx::query(insert)
            .bind(sql::SCHEMA_VERSION)
            .bind(&mark.as_bytes()[..])
            .execute(&mut *all)
            .await
            .map_err(failed)?;
        let found = sqlx::query_as(CHECK).fetch_optional(&mut *all).await;
        sql::check(found.map_err(failed)?, mark)?;
        all.commit().await.map_err(failed)?;
        connection.close().await.map_err(failed)
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        self.look().await?;
        self.warn();
        let found = async {
            let mut connection = self.for_row().await?;
            let found = sqlx::query_as(CHECK).fetch_optional(&mut *connection);
            found.await.map_err(failed)
        };
        match found.await {
            Ok(found) => sql::check(found, mark),
            Err(error) => Err(self.not_opened(error).await),
        }
    }

    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        if self.pool.size() == 0 {
            // The first look at the file, where nobody checked it before.
            self.look().await?;
        }
        let mut connection = self.for_row().await?;
        let found: Option<TokenColumns> = sqlx::query_as(LOAD)
            .bind(&name.as_bytes()[..])
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
        found.map(sql::token).transpose()
    }

    async fn acquire(
        &self,
        name: &RowName,
        ttl: Duration,
        newest: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        let name = &name.as_bytes()[..];
        let mut connection = self.for_row().await?;
        loop {
            // Looking takes no lock, so those who only learn that they have to wait do not wait here.
            type Look = (i64, bool, i64, i64, String, Option<Vec<u8>>, bool);
            let seen: Option<Look> = sqlx::query_as(LOOK)
                .bind(name)
                .bind(known(newest))
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed)?;
            if let Some((remaining, newer, generation, expires_at, key_id, sealed, kept)) = seen {
                if newer && kept {
                    let sealed = sealed.ok_or_else(unreadable)?;
                    let columns = (generation, expires_at, key_id, sealed);
                    return Ok(Acquired::Newer(sql::token(columns)?));
                }
                if remaining > 0 {
                    let remaining = Duration::from_millis(unsigned(remaining));
                    return Ok(Acquired::Held { remaining });
                }
            }
            // All rows, not the first alone: the statement is then over and its change is kept.
            let won: Vec<(i64,)> = sqlx::query_as(ACQUIRE)
                .bind(name)
                .bind(known(newest))
                .bind(signed(millis(ttl)))
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?;
            if let Some((fence,)) = won.first() {
                return Ok(Acquired::Won(Lease::new(unsigned(*fence))));
            }
        }
    }

    async fn commit(
        &self,
        name: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError> {
        let mut connection = self.for_row().await?;
        let done = sqlx::query(COMMIT)
            .bind(&name.as_bytes()[..])
            .bind(signed(lease.fence()))
            .bind(signed(expires_at))
            .bind(&*sealed.key_id)
            .bind(&sealed.bytes[..])
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(match done.rows_affected() {
            0 => Commit::Fenced,
            _ => Commit::Done,
        })
    }

    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError> {
        let mut connection = self.for_row().await?;
        let done = sqlx::query(RELEASE)
            .bind(&name.as_bytes()[..])
            .bind(signed(lease.fence()))
            .execute(&mut *connection)
            .await;
        done.map(drop).map_err(failed)
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        let mut connection = self.for_row().await?;
        let done = sqlx::query(INVALIDATE)
            .bind(&name.as_bytes()[..])
            .bind(signed(generation.number()))
            .execute(&mut *connection)
            .await;
        done.map(drop).map_err(failed)
    }

    async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        let mut connection = self.for_all_rows().await?;
        let done = sqlx::query(PURGE)
            .bind(limit)
            .execute(&mut *connection)
            .await;
        Ok(done.map_err(failed)?.rows_affected())
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let mut connection = self.for_all_rows().await?;
        let counted: Vec<SurveyColumns> = sqlx::query_as(SURVEY)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(sql::survey(counted))
    }

    async fn sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let mut connection = self.for_all_rows().await?;
        let found: Vec<(Vec<u8>,)> = sqlx::query_as(SEALED_OTHERWISE)
            .bind(key_id)
            .bind(from.unwrap_or_default())
            .bind(limit)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        sql::batch(found, limit)
    }

    async fn reseal(
        &self,
        name: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut connection = self.for_row().await?;
        let done = sqlx::query(RESEAL)
            .bind(&name.as_bytes()[..])
            .bind(signed(read.generation.number()))
            .bind(&*read.payload.key_id)
            .bind(&read.payload.bytes[..])
            .bind(&*anew.key_id)
            .bind(&anew.bytes[..])
            .execute(&mut *connection)
            .await;
        Ok(done.map_err(failed)?.rows_affected() > 0)
    }
}

const NOT_OPENED: &str = "the store's file is not there, or may not be opened";

fn failed(error: sqlx::Error) -> StoreError {
    sql::error(&error, |error| {
        let code: Option<u32> = error.code().and_then(|code| code.parse().ok());
        // The low byte is the kind of error, the rest its details.
        let (kind, message) = match code.map(|code| code & 0xff) {
            Some(1) if error.message().starts_with("no such table") => return sql::not_set_up(),
            Some(14) => (StoreErrorKind::NotSetUp, NOT_OPENED),
            Some(5 | 6) => (
                StoreErrorKind::Unavailable,
                "another process is writing to the store's file and does not end",
            ),
            Some(3 | 8 | 23) => (
                StoreErrorKind::ReadOnly,
                "this process may not write to the store's file",
            ),
            Some(26) => (
                StoreErrorKind::Misconfigured,
                "the store's file is no SQLite file",
            ),
            Some(11) => (
                StoreErrorKind::Unavailable,
                "the store's file is damaged: move it away and set the store up again",
            ),
            Some(9) => (
                StoreErrorKind::Unavailable,
                "a statement on the store's file did not end",
            ),
            Some(10) => (
                StoreErrorKind::Unavailable,
                "the disk of the store's file failed, or has no room for what lies beside the file",
            ),
            Some(13) => (StoreErrorKind::Unavailable, "the store's disk is full"),
            Some(code) => {
                let message = format!("SQLite failed with code {code}");
                return StoreError::new(StoreErrorKind::Unavailable, message);
            }
            None => (StoreErrorKind::Unavailable, "SQLite failed"),
        };
        StoreError::new(kind, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far longer than a short statement takes, even on a busy machine.
    const SHORT: Duration = Duration::from_millis(700);

    /// A store that is set up, and its file for operations on all rows that are short.
    async fn limited(folder: &tempfile::TempDir) -> (SqliteStore, SqliteFile) {
        let path = folder.path().join("tokens.sqlite");
        let keys = SealingKeys::generate("first").unwrap();
        let store = SqliteStore::open(&path, keys).await;
        let store = store.with_timeout(Duration::from_secs(60));
        store.init().await.unwrap();
        let mut file = SqliteFile::new(&path);
        let mut limits = Limits::new(Duration::from_secs(60));
        limits.all_rows = SHORT;
        file.set_limits(limits);
        (store, file)
    }

    /// Over so many rows that SQLite lets us look many times a second.
    #[tokio::test]
    async fn steady_use_is_not_taken_for_a_statement_without_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let (_, file) = limited(&folder).await;
        let many = "INSERT INTO humanapi_rows (row_name, fence)
            WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 500)
            SELECT CAST(n AS BLOB), 1 FROM r";
        sqlx::raw_sql(many).execute(&file.pool).await.unwrap();
        let begun = Instant::now();
        while begun.elapsed() < 3 * SHORT {
            let counted = file.survey().await.expect("each statement is short");
            assert_eq!(counted.rows, 500);
        }
    }

    #[tokio::test]
    async fn a_statement_without_an_end_is_ended_and_the_next_one_runs() {
        let folder = tempfile::tempdir().unwrap();
        let (store, file) = limited(&folder).await;
        let rows = "humanapi_rows (row_name, lease_ends, expires_at, sealed_with, sealed)";
        let endless = format!(
            "ALTER TABLE humanapi_rows RENAME TO kept;
            CREATE VIEW {rows} AS
                WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
                SELECT x'00', 1, 1, '', NULL FROM r;"
        );
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(endless)).execute(&file.pool);
        done.await.unwrap();
        let error = file.survey().await.unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
        store.check().await.unwrap();
    }
}
