//! Tokens in a PostgreSQL database that a fleet shares.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Postgres};

use crate::backend::{Backend, Batch, Mark, RowName, Sealed, Survey};
use crate::keys::SealingKeys;
use crate::seal::millis;
use crate::sql::{self, NamedColumns, SurveyColumns, TokenColumns, known, signed, unsigned};
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
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(url: &str, keys: SealingKeys) -> Result<Self, StoreError> {
        Ok(Self::new(PostgresDatabase::new(url)?, keys))
    }
}

/// A PostgreSQL database with rows.
pub struct PostgresDatabase {
    pool: PgPool,
}

/// How long to wait for a connection at most. A [`Store`]'s timeout is shorter, unless it was set longer
/// for a server that many processes besiege at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// An operation is one short statement: a few connections serve thousands of them a second.
const CONNECTIONS: u32 = 8;

/// The server breaks off what we gave up, and no setting of the database changes what we rely on.
const SESSION: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '3s';
    SET default_transaction_isolation = 'read committed'";

const SCHEMA: &str = include_str!("postgres.sql");

const CHECK: &str = "SELECT schema_version, mark FROM humanapi_store";

const LOAD: &str = "
    SELECT generation, expires_at, sealed_with, sealed FROM humanapi_rows
    WHERE row_name = $1 AND sealed IS NOT NULL";

const ACQUIRE: &str = "
    SELECT fence, remaining, generation, expires_at, sealed_with, sealed
    FROM humanapi_acquire($1, $2, $3)";

const COMMIT: &str = "
    UPDATE humanapi_rows
    SET lease_ends = 0, generation = fence, expires_at = $3, sealed_with = $4, sealed = $5
    WHERE row_name = $1 AND fence = $2 AND lease_ends > humanapi_clock() / 1000";

const RELEASE: &str = "UPDATE humanapi_rows SET lease_ends = 0 WHERE row_name = $1 AND fence = $2";

const INVALIDATE: &str = "
    UPDATE humanapi_rows
    SET generation = 0, expires_at = 0, sealed_with = '', sealed = NULL,
        lease_ends = CASE fence WHEN $2 THEN 0 ELSE lease_ends END
    WHERE row_name = $1 AND generation <= $2 AND (sealed IS NOT NULL OR fence = $2)";

// A row that somebody else has locked is in use. One that changed since the statement began is looked
// at again before it is locked.
const PURGE: &str = "
    WITH spent AS (
        SELECT row_name FROM humanapi_rows
        WHERE expires_at <= (SELECT humanapi_clock() / 1000)
            AND lease_ends <= (SELECT humanapi_clock() / 1000)
            AND fence < (SELECT humanapi_clock())
        LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM humanapi_rows USING spent WHERE humanapi_rows.row_name = spent.row_name";

const SURVEY: &str = "
    WITH clock AS MATERIALIZED (SELECT humanapi_clock() / 1000 AS now)
    SELECT sealed_with, count(*),
        count(*) FILTER (WHERE sealed IS NOT NULL AND expires_at > now),
        count(*) FILTER (WHERE sealed IS NOT NULL AND expires_at <= now),
        count(*) FILTER (WHERE lease_ends > now)
    FROM humanapi_rows, clock GROUP BY sealed_with";

const SEALED_OTHERWISE: &str = "
    SELECT row_name, generation, expires_at, sealed_with, sealed FROM humanapi_rows
    WHERE row_name > $2 AND sealed IS NOT NULL AND sealed_with <> $1
    ORDER BY row_name LIMIT $3";

const RESEAL: &str = "
    UPDATE humanapi_rows SET sealed_with = $5, sealed = $6
    WHERE row_name = $1 AND generation = $2 AND sealed_with = $3 AND sealed = $4";

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
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT_TIMEOUT)
            // That would be a round trip for each operation.
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SESSION).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options.disable_statement_logging());
        Ok(Self { pool })
    }

    /// A connection that worked a moment ago: one that lay in the pool may be to a server that has
    /// been started again since.
    async fn connection(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        loop {
            let mut connection = self.pool.acquire().await.map_err(failed)?;
            match connection.ping().await {
                Ok(()) => return Ok(connection),
                Err(_) => drop(connection.detach()),
            }
        }
    }

    async fn load_from(
        connection: &mut PoolConnection<Postgres>,
        name: &RowName,
    ) -> Result<Option<TokenColumns>, sqlx::Error> {
        sqlx::query_as(LOAD)
            .bind(&name.as_bytes()[..])
            .fetch_optional(&mut **connection)
            .await
    }
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDatabase").finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for PostgresDatabase {
    async fn init(&self, mark: &Mark) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let mut all = connection.begin().await.map_err(failed)?;
        // One process sets up at a time, and others find it done. The lock ends with the transaction.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('humanapi_store'))")
            .execute(&mut *all)
            .await
            .map_err(failed)?;
        sqlx::raw_sql(SCHEMA)
            .execute(&mut *all)
            .await
            .map_err(failed)?;
        let insert = "INSERT INTO humanapi_store (schema_version, mark) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        sqlx::query(insert)
            .bind(sql::SCHEMA_VERSION)
            .bind(&mark.as_bytes()[..])
            .execute(&mut *all)
            .await
            .map_err(failed)?;
        let found = sqlx::query_as(CHECK).fetch_optional(&mut *all).await;
        sql::check(found.map_err(failed)?, mark)?;
        all.commit().await.map_err(failed)
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let found = sqlx::query_as(CHECK).fetch_optional(&mut *connection).await;
        sql::check(found.map_err(failed)?, mark)
    }

    /// One round trip. Only where the connection turns out to be broken, another with one that is not.
    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let found = match Self::load_from(&mut connection, name).await {
            Ok(found) => found,
            Err(error) => {
                let error = failed(error);
                if error.kind() != StoreErrorKind::Unavailable {
                    return Err(error);
                }
                drop(connection.detach());
                let mut connection = self.connection().await?;
                let found = Self::load_from(&mut connection, name).await;
                found.map_err(failed)?
            }
        };
        Ok(found.map(sql::token))
    }

    async fn acquire(
        &self,
        name: &RowName,
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
        let mut connection = self.connection().await?;
        let answer: Columns = sqlx::query_as(ACQUIRE)
            .bind(&name.as_bytes()[..])
            .bind(known(newest))
            .bind(signed(millis(ttl)))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        match answer {
            (Some(fence), ..) => Ok(Acquired::Won(Lease::new(unsigned(fence)))),
            (_, Some(remaining), ..) => Ok(Acquired::Held {
                remaining: Duration::from_millis(unsigned(remaining)),
            }),
            (.., Some(generation), Some(expires_at), Some(key_id), Some(sealed)) => {
                let columns = (generation, expires_at, key_id, sealed);
                Ok(Acquired::Newer(sql::token(columns)))
            }
            _ => Err(sql::not_set_up()),
        }
    }

    async fn commit(
        &self,
        name: &RowName,
        lease: Lease,
        expires_at: u64,
        sealed: &Sealed,
    ) -> Result<Commit, StoreError> {
        let mut connection = self.connection().await?;
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
        let mut connection = self.connection().await?;
        let done = sqlx::query(RELEASE)
            .bind(&name.as_bytes()[..])
            .bind(signed(lease.fence()))
            .execute(&mut *connection)
            .await;
        done.map(drop).map_err(failed)
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let done = sqlx::query(INVALIDATE)
            .bind(&name.as_bytes()[..])
            .bind(signed(generation.number()))
            .execute(&mut *connection)
            .await;
        done.map(drop).map_err(failed)
    }

    async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        let done = sqlx::query(PURGE)
            .bind(i64::from(limit))
            .execute(&mut *connection)
            .await;
        Ok(done.map_err(failed)?.rows_affected())
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let mut connection = self.connection().await?;
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
        let mut connection = self.connection().await?;
        let found: Vec<NamedColumns> = sqlx::query_as(SEALED_OTHERWISE)
            .bind(key_id)
            .bind(from.unwrap_or_default())
            .bind(i64::from(limit))
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
        let mut connection = self.connection().await?;
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

fn failed(error: sqlx::Error) -> StoreError {
    sql::error(&error, |error| {
        let code = error.code().unwrap_or_default();
        // SQLSTATE: two characters of class, three of detail.
        let (kind, message) = match &*code {
            // No such table, function, column or schema.
            "42P01" | "42883" | "42703" | "3F000" => return sql::not_set_up(),
            "3D000" => (
                StoreErrorKind::Misconfigured,
                "the PostgreSQL server has no such database",
            ),
            "42501" => (
                StoreErrorKind::Misconfigured,
                "the user of the PostgreSQL store lacks a privilege that it needs",
            ),
            code if code.starts_with("28") => (
                StoreErrorKind::Misconfigured,
                "the PostgreSQL server refused the user name or password",
            ),
            code => {
                let message = format!("the PostgreSQL server failed with code {code}");
                return StoreError::new(StoreErrorKind::Unavailable, message);
            }
        };
        StoreError::new(kind, message)
    })
}
