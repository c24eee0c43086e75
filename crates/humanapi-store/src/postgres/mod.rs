//! Tokens in a PostgreSQL database that a fleet shares.

#[cfg(feature = "sync")]
pub(crate) mod cursors;
mod errors;
mod journal;

use std::fmt::{self, Write as _};
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, FromRow};

use self::errors::{failed, is_broken, read_only_server};
use crate::backend::{Backend, Limits};
use crate::connections::Connections;
use crate::journal_rows::JournalRows;
use crate::keys::SealingKeys;
use crate::rows::{Batch, KEY_ID, LARGEST_SEALED, Mark, RowName, Sealed, Survey, unreadable};
use crate::seal::millis;
use crate::sql::{self, SurveyColumns, TokenColumns, known, signed, unsigned};
use crate::store::Store;

/// Keeps tokens in a PostgreSQL database, version 14 or later, for a fleet.
///
/// Its clock is the database server's.
pub type PostgresStore = Store<PostgresDatabase>;

impl PostgresStore {
    /// A store in the database of this address, such as `postgres://user@host/database`. It is connected
    /// to with the first operation; [`Store::init`] makes its tables.
    ///
    /// The address may say how far to trust the way there, `?sslmode=verify-full` most of all. What it
    /// does not say is read from the environment and the password file, as by other clients.
    ///
    /// # Errors
    ///
    /// When the address is not one. The message does not repeat it, because it can hold a password.
    pub async fn connect(url: &str, keys: SealingKeys) -> Result<Self, StoreError> {
        Ok(Self::new(PostgresDatabase::new(url)?, keys))
    }
}

/// A PostgreSQL database with rows.
pub struct PostgresDatabase {
    connections: Connections,
    limits: Limits,
}

// Every operation is one message of the simple protocol, with its values written into it, but that which keeps a bucket of
// cursors. It prepares nothing and sets nothing that would outlive it, because a pooler in transaction mode gives the next
// operation another session. What stands in one message is one transaction.

/// Comes before each operation: the server breaks off what we gave up and nothing sooner, and no setting of the database
/// changes what we rely on.
fn session(limit: Duration) -> String {
    // None at all is how the server spells a limit of 0, and it knows none of more than 24 days.
    let limit = limit.as_millis().clamp(1, i32::MAX as u128);
    format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        SET LOCAL statement_timeout = {limit};
        SET LOCAL lock_timeout = 0;
        SET LOCAL bytea_output = 'hex';"
    )
}

const SCHEMA: &str = include_str!("tables.sql");

/// Its version and mark, whether it takes writes, and which privileges are missing.
const CHECK: &str = "
    SELECT schema_version, substring(mark FROM 1 FOR 33), current_setting('transaction_read_only') = 'on',
        concat_ws(', ',
            CASE WHEN NOT has_table_privilege('humanapi_rows', 'SELECT') THEN 'SELECT' END,
            CASE WHEN NOT has_table_privilege('humanapi_rows', 'INSERT') THEN 'INSERT' END,
            CASE WHEN NOT has_table_privilege('humanapi_rows', 'UPDATE') THEN 'UPDATE' END,
            CASE WHEN NOT has_table_privilege('humanapi_rows', 'DELETE') THEN 'DELETE' END)
    FROM humanapi_store LIMIT 1";

type CheckColumns = (i64, Vec<u8>, bool, String);

/// As many keys as anybody has, and far fewer than somebody could write into the table.
const SURVEY: &str = "
    WITH clock AS MATERIALIZED (SELECT humanapi_clock() / 1000 AS now)
    SELECT left(sealed_with, 33), count(*),
        count(*) FILTER (WHERE sealed IS NOT NULL AND expires_at > now),
        count(*) FILTER (WHERE sealed IS NOT NULL AND expires_at <= now),
        count(*) FILTER (WHERE lease_ends > now)
    FROM humanapi_rows, clock GROUP BY 1 LIMIT 1000";

/// The columns of a token's key and of its sealed bytes, for what can be ours alone: the server sends no more of a row
/// that somebody else wrote.
fn sealed() -> String {
    format!(
        "left(sealed_with, {}), CASE WHEN length(sealed) <= {LARGEST_SEALED} THEN sealed END",
        KEY_ID + 1
    )
}

/// Bytes as SQL writes them, whatever the server thinks of backslashes.
fn bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 16);
    text.push_str("decode('");
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push_str("', 'hex')");
    text
}

fn name(name: &RowName) -> String {
    bytes(name.as_bytes())
}

/// A text as SQL writes it, whatever stands in it.
fn text(text: &str) -> String {
    format!("convert_from({}, 'UTF8')", bytes(text.as_bytes()))
}

impl PostgresDatabase {
    fn new(url: &str) -> Result<Self, StoreError> {
        let misconfigured = || {
            let message = "the address of the PostgreSQL store is not `postgres://…`";
            StoreError::new(StoreErrorKind::Misconfigured, message)
        };
        // The parser takes any scheme for its own.
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(misconfigured());
        }
        let options = PgConnectOptions::from_str(url).map_err(|_| misconfigured())?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("humanapi-store"),
        };
        let options = options
            .disable_statement_logging()
            // Poolers refuse this one unless they are told to ignore it, and we read no such number.
            .extra_float_digits(None);
        Ok(Self {
            connections: Connections::new(options),
            limits: Limits::default(),
        })
    }

    /// Runs a statement on one row, and tells how many it changed.
    async fn execute(&self, statement: &str) -> Result<u64, StoreError> {
        self.execute_within(self.limits.row, statement).await
    }

    /// Runs a statement, and tells how many rows it changed.
    async fn execute_within(&self, limit: Duration, statement: &str) -> Result<u64, StoreError> {
        let mut taken = self.connections.tested().await.map_err(failed)?;
        let done = sqlx::raw_sql(message(limit, statement)).execute(taken.connection());
        let done = done.await.map_err(failed)?;
        taken.keep();
        Ok(done.rows_affected())
    }

    /// Runs a statement that changes nothing and reads its rows: one round trip. Only where the connection turns out to be
    /// broken, another with one that is not.
    async fn read<T>(&self, statement: &str) -> Result<Vec<T>, StoreError>
    where
        T: for<'row> FromRow<'row, PgRow>,
    {
        let limit = self.limits.row;
        let mut taken = self.connections.any().await.map_err(failed)?;
        let mut found = fetch(taken.connection(), limit, statement).await;
        if found.as_ref().is_err_and(is_broken) {
            drop(taken);
            taken = self.connections.tested().await.map_err(failed)?;
            found = fetch(taken.connection(), limit, statement).await;
        }
        let found = found.map_err(failed)?;
        taken.keep();
        Ok(found)
    }

    /// Runs a statement and reads its rows.
    async fn fetch<T>(&self, limit: Duration, statement: &str) -> Result<Vec<T>, StoreError>
    where
        T: for<'row> FromRow<'row, PgRow>,
    {
        let mut taken = self.connections.tested().await.map_err(failed)?;
        let rows = fetch(taken.connection(), limit, statement).await;
        let rows = rows.map_err(failed)?;
        taken.keep();
        Ok(rows)
    }
}

/// A statement with what comes before each.
fn message(limit: Duration, statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{}\n{statement}", session(limit)))
}

async fn fetch<T>(
    connection: &mut PgConnection,
    limit: Duration,
    statement: &str,
) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'row> FromRow<'row, PgRow>,
{
    let rows = sqlx::raw_sql(message(limit, statement))
        .fetch_all(connection)
        .await?;
    rows.iter().map(T::from_row).collect()
}

/// Whether what was set up there is ours, and can be used.
fn check(found: Vec<CheckColumns>, mark: &Mark) -> Result<(), StoreError> {
    let (version, kept, read_only, missing) =
        found.into_iter().next().ok_or_else(sql::not_set_up)?;
    sql::check(Some((version, kept)), mark)?;
    if read_only {
        return Err(read_only_server());
    }
    privileges("humanapi_rows", &missing)
}

/// An error if privileges on this table are missing.
fn privileges(table: &str, missing: &str) -> Result<(), StoreError> {
    // Of the words that the statements know, whatever the server says.
    let known = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let missing: Vec<&str> = known
        .into_iter()
        .filter(|known| missing.split(", ").any(|missing| missing == *known))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the user of the PostgreSQL store lacks privileges on the table {table}: {}",
        missing.join(", ")
    );
    Err(StoreError::new(StoreErrorKind::Misconfigured, message))
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDatabase").finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for PostgresDatabase {
    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.connections.set_silence(limits.silence());
    }

    fn journal(&self) -> Option<&dyn JournalRows> {
        Some(self)
    }

    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        let mut taken = self.connections.tested().await.map_err(failed)?;
        // One process sets up at a time, and others find it done. The lock ends with the transaction, and unless that
        // is kept at the end, the connection goes and nothing was changed.
        let all = format!(
            "BEGIN;
            {}
            SELECT pg_advisory_xact_lock(hashtext('humanapi_store'));
            {SCHEMA};
            INSERT INTO humanapi_store (schema_version, mark) VALUES ({}, {}) ON CONFLICT DO NOTHING;",
            session(self.limits.all_rows),
            sql::SCHEMA_VERSION,
            bytes(mark.as_bytes())
        );
        sqlx::raw_sql(AssertSqlSafe(all))
            .execute(taken.connection())
            .await
            .map_err(failed)?;
        let found = sqlx::raw_sql(CHECK).fetch_all(taken.connection()).await;
        let found: Result<Vec<CheckColumns>, _> =
            found.and_then(|rows| rows.iter().map(FromRow::from_row).collect());
        check(found.map_err(failed)?, mark)?;
        sqlx::raw_sql("COMMIT")
            .execute(taken.connection())
            .await
            .map_err(failed)?;
        taken.keep();
        Ok(())
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        check(self.fetch(self.limits.row, CHECK).await?, mark)
    }

    async fn load(&self, row: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        let load = format!(
            "SELECT generation, expires_at, {} FROM humanapi_rows
            WHERE row_name = {} AND sealed IS NOT NULL",
            sealed(),
            name(row)
        );
        let found: Vec<TokenColumns> = self.read(&load).await?;
        found.into_iter().next().map(sql::token).transpose()
    }

    async fn acquire(
        &self,
        row: &RowName,
        ttl: Duration,
        newest: Option<Generation>,
    ) -> Result<Acquired<RowToken<Sealed>>, StoreError> {
        type Columns = (
            Option<i64>,
            Option<i64>,
            Option<i64>,
            Option<i64>,
            Option<String>,
            Option<Vec<u8>>,
        );
        let acquire = format!(
            "SELECT fence, remaining, generation, expires_at, {}
            FROM humanapi_acquire({}, {}, {})",
            sealed(),
            name(row),
            known(newest),
            signed(millis(ttl))
        );
        let answer: Vec<Columns> = self.fetch(self.limits.row, &acquire).await?;
        match answer.into_iter().next().unwrap_or_default() {
            (Some(fence), ..) => Ok(Acquired::Won(Lease::new(unsigned(fence)))),
            (_, Some(remaining), ..) => Ok(Acquired::Held {
                remaining: Duration::from_millis(unsigned(remaining)),
            }),
            (.., Some(generation), Some(expires_at), Some(key_id), Some(sealed)) => {
                let columns = (generation, expires_at, key_id, sealed);
                Ok(Acquired::Newer(sql::token(columns)?))
            }
            (_, _, Some(_), ..) => Err(unreadable()),
            _ => Err(sql::not_set_up()),
        }
    }

    async fn commit(
        &self,
        row: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError> {
        let commit = format!(
            "UPDATE humanapi_rows
            SET lease_ends = 0, generation = fence, expires_at = {}, sealed_with = {}, sealed = {}
            WHERE row_name = {} AND fence = {} AND lease_ends > humanapi_clock() / 1000",
            signed(expires_at),
            text(&sealed.key_id),
            bytes(&sealed.bytes),
            name(row),
            signed(lease.fence())
        );
        Ok(match self.execute(&commit).await? {
            0 => Commit::Fenced,
            _ => Commit::Done,
        })
    }

    async fn release(&self, row: &RowName, lease: Lease) -> Result<(), StoreError> {
        let release = format!(
            "UPDATE humanapi_rows SET lease_ends = 0 WHERE row_name = {} AND fence = {}",
            name(row),
            signed(lease.fence())
        );
        self.execute(&release).await.map(drop)
    }

    async fn invalidate(&self, row: &RowName, generation: Generation) -> Result<(), StoreError> {
        let generation = signed(generation.number());
        let invalidate = format!(
            "UPDATE humanapi_rows
            SET generation = 0, expires_at = 0, sealed_with = '', sealed = NULL,
                lease_ends = CASE WHEN fence <= {generation} THEN 0 ELSE lease_ends END
            WHERE row_name = {} AND generation <= {generation}
                AND (sealed IS NOT NULL OR fence <= {generation})",
            name(row)
        );
        self.execute(&invalidate).await.map(drop)
    }

    async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        // A row that somebody else has locked is in use. One that changed since the statement began is looked at again
        // before it is locked.
        let purge = format!(
            "WITH spent AS (
                SELECT row_name FROM humanapi_rows
                WHERE expires_at <= (SELECT humanapi_clock() / 1000)
                    AND lease_ends <= (SELECT humanapi_clock() / 1000)
                    AND fence < (SELECT humanapi_clock())
                LIMIT {limit} FOR UPDATE SKIP LOCKED
            )
            DELETE FROM humanapi_rows USING spent WHERE humanapi_rows.row_name = spent.row_name"
        );
        self.execute_within(self.limits.all_rows, &purge).await
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let counted: Vec<SurveyColumns> = self.fetch(self.limits.all_rows, SURVEY).await?;
        Ok(sql::survey(counted))
    }

    async fn sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let select = format!(
            "SELECT row_name FROM humanapi_rows
            WHERE row_name > {} AND length(row_name) = 32
                AND sealed IS NOT NULL AND sealed_with <> {}
            ORDER BY row_name LIMIT {limit}",
            bytes(from.unwrap_or_default()),
            text(key_id)
        );
        let found: Vec<(Vec<u8>,)> = self.fetch(self.limits.all_rows, &select).await?;
        sql::batch(found, limit)
    }

    async fn reseal(
        &self,
        row: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let reseal = format!(
            "UPDATE humanapi_rows SET sealed_with = {}, sealed = {}
            WHERE row_name = {} AND generation = {} AND sealed_with = {} AND sealed = {}",
            text(&anew.key_id),
            bytes(&anew.bytes),
            name(row),
            signed(read.generation.number()),
            text(&read.payload.key_id),
            bytes(&read.payload.bytes)
        );
        Ok(self.execute(&reseal).await? > 0)
    }
}
