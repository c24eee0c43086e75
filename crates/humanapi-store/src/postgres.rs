//! Tokens in a PostgreSQL database that a fleet shares.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};
use humanapi_core::Generation;
use humanapi_core::broker::{Acquired, Commit, Lease, RowToken};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{ConnectOptions as _, Connection as _, FromRow, Postgres};

use crate::backend::{Backend, Batch, Mark, RowName, Sealed, Survey};
use crate::connections::Connections;
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
    pub async fn connect(url: &str, keys: SealingKeys) -> Result<Self, StoreError> {
        Ok(Self::new(PostgresDatabase::new(url)?, keys))
    }
}

/// A PostgreSQL database with rows.
pub struct PostgresDatabase {
    connections: Connections,
}

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
        let options = options.disable_statement_logging();
        Ok(Self {
            connections: Connections::new(options, SESSION),
        })
    }

    async fn execute(&self, query: Query<'_, Postgres, PgArguments>) -> Result<u64, StoreError> {
        let mut taken = self.connections.tested().await.map_err(failed)?;
        let done = query.execute(taken.connection()).await.map_err(failed)?;
        taken.keep();
        Ok(done.rows_affected())
    }

    async fn fetch<T>(
        &self,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'row> FromRow<'row, PgRow> + Send + Unpin,
    {
        let mut taken = self.connections.tested().await.map_err(failed)?;
        let rows = query.fetch_all(taken.connection()).await;
        let rows = rows.map_err(failed)?;
        taken.keep();
        Ok(rows)
    }

    async fn load_from(
        connection: &mut PgConnection,
        name: &RowName,
    ) -> Result<Option<TokenColumns>, sqlx::Error> {
        sqlx::query_as(LOAD)
            .bind(&name.as_bytes()[..])
            .fetch_optional(connection)
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
        let mut taken = self.connections.tested().await.map_err(failed)?;
        let mut all = taken.connection().begin().await.map_err(failed)?;
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
        all.commit().await.map_err(failed)?;
        taken.keep();
        Ok(())
    }

    async fn check(&self, mark: &Mark) -> Result<(), StoreError> {
        let found = self.fetch(sqlx::query_as(CHECK)).await?;
        sql::check(found.into_iter().next(), mark)
    }

    /// One round trip. Only where the connection turns out to be broken, another with one that is not.
    async fn load(&self, name: &RowName) -> Result<Option<RowToken<Sealed>>, StoreError> {
        let mut taken = self.connections.any().await.map_err(failed)?;
        let mut found = Self::load_from(taken.connection(), name).await;
        if found.as_ref().is_err_and(is_broken) {
            drop(taken);
            taken = self.connections.tested().await.map_err(failed)?;
            found = Self::load_from(taken.connection(), name).await;
        }
        let found = found.map_err(failed)?;
        taken.keep();
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
        let question = sqlx::query_as(ACQUIRE)
            .bind(&name.as_bytes()[..])
            .bind(known(newest))
            .bind(signed(millis(ttl)));
        let answer: Option<Columns> = self.fetch(question).await?.into_iter().next();
        match answer.unwrap_or_default() {
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
        let update = sqlx::query(COMMIT)
            .bind(&name.as_bytes()[..])
            .bind(signed(lease.fence()))
            .bind(signed(expires_at))
            .bind(&*sealed.key_id)
            .bind(&sealed.bytes[..]);
        Ok(match self.execute(update).await? {
            0 => Commit::Fenced,
            _ => Commit::Done,
        })
    }

    async fn release(&self, name: &RowName, lease: Lease) -> Result<(), StoreError> {
        let update = sqlx::query(RELEASE)
            .bind(&name.as_bytes()[..])
            .bind(signed(lease.fence()));
        self.execute(update).await.map(drop)
    }

    async fn invalidate(&self, name: &RowName, generation: Generation) -> Result<(), StoreError> {
        let update = sqlx::query(INVALIDATE)
            .bind(&name.as_bytes()[..])
            .bind(signed(generation.number()));
        self.execute(update).await.map(drop)
    }

    async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        let update = sqlx::query(PURGE).bind(i64::from(limit));
        self.execute(update).await
    }

    async fn survey(&self) -> Result<Survey, StoreError> {
        let counted: Vec<SurveyColumns> = self.fetch(sqlx::query_as(SURVEY)).await?;
        Ok(sql::survey(counted))
    }

    async fn sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let question = sqlx::query_as(SEALED_OTHERWISE)
            .bind(key_id)
            .bind(from.unwrap_or_default())
            .bind(i64::from(limit));
        let found: Vec<NamedColumns> = self.fetch(question).await?;
        sql::batch(found, limit)
    }

    async fn reseal(
        &self,
        name: &RowName,
        read: &RowToken<Sealed>,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let update = sqlx::query(RESEAL)
            .bind(&name.as_bytes()[..])
            .bind(signed(read.generation.number()))
            .bind(&*read.payload.key_id)
            .bind(&read.payload.bytes[..])
            .bind(&*anew.key_id)
            .bind(&anew.bytes[..]);
        Ok(self.execute(update).await? > 0)
    }
}

/// Whether another connection may do better.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        // The server ends, or is about to: the class of an operator's doing.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        _ => false,
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
