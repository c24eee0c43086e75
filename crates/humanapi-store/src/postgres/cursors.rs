//! Up to where the lists of many users were read, in a database.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{BucketCursors, CursorName, CursorStore, ListsWhole, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::errors::failed;
use super::{PostgresDatabase, bytes, session, text};
use crate::backend::{Backend as _, Limits};
use crate::cursor_rows::{self, BucketColumns, LARGEST_BUCKET, Users, WholeColumns};
use crate::rows::unreadable;
use crate::sql::{signed, unsigned};
use crate::store::within;

/// Keeps the cursors of syncs in a PostgreSQL database, version 14 or later, which outlives the machine that reads.
///
/// It holds no id, no record and no secret, and nothing in it is sealed.
pub struct PostgresCursorStore {
    database: PostgresDatabase,
    /// The most bytes of the cursors of a bucket.
    most: u64,
}

const SCHEMA: &str = "
    SELECT pg_advisory_xact_lock(hashtext('humanapi_store'));
    CREATE TABLE IF NOT EXISTS humanapi_syncs (
        sync bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name bytea NOT NULL UNIQUE,
        run bigint NOT NULL,
        is_running boolean NOT NULL
    );
    CREATE TABLE IF NOT EXISTS humanapi_sync_buckets (
        sync bigint NOT NULL,
        bucket bigint NOT NULL,
        run bigint NOT NULL,
        read_check bytea NOT NULL,
        commit_run bigint NOT NULL,
        PRIMARY KEY (sync, bucket)
    );
    CREATE TABLE IF NOT EXISTS humanapi_sync_cursors (
        sync bigint NOT NULL,
        bucket bigint NOT NULL,
        user_name bytea NOT NULL,
        cursors bytea NOT NULL,
        PRIMARY KEY (sync, bucket, user_name)
    );
    -- Moments are seconds since 1970.
    CREATE TABLE IF NOT EXISTS humanapi_sync_whole (
        sync bigint NOT NULL,
        bucket bigint NOT NULL,
        resource text NOT NULL,
        users bigint NOT NULL,
        refused bigint NOT NULL,
        failed bigint NOT NULL,
        changes_until bigint,
        deletions_until bigint,
        PRIMARY KEY (sync, bucket, resource)
    );";

// Prepared without a name and used at once, within a transaction: a pooler in transaction mode keeps that together.
const KEEP_CURSORS: &str = "
    INSERT INTO humanapi_sync_cursors (sync, bucket, user_name, cursors)
    SELECT s.sync, $2, v.user_name, v.cursors
    FROM humanapi_syncs AS s, unnest($3::bytea[], $4::bytea[]) AS v (user_name, cursors)
    WHERE s.name = $1
    ON CONFLICT (sync, bucket, user_name) DO UPDATE SET cursors = excluded.cursors";

impl PostgresCursorStore {
    /// Cursors in the database of this address, such as `postgres://user@host/database`, in tables that
    /// [`init`](CursorStore::init) makes. It is connected to with the first operation.
    ///
    /// # Errors
    ///
    /// When the address is not one. The message does not repeat it, because it can hold a password.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let store = Self {
            database: PostgresDatabase::new(url)?,
            most: LARGEST_BUCKET,
        };
        Ok(store.limited(Limits::default()))
    }

    /// Sets how long a run may take to begin or to end before that fails as unavailable; 3 seconds unless set.
    ///
    /// Setting up, reading the table of what is whole, and each page of a bucket may take five times as long, and all of a
    /// bucket a hundred times. The server is told the same times.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.limited(Limits::new(timeout))
    }

    fn limited(mut self, limits: Limits) -> Self {
        self.database.set_limits(limits);
        self
    }

    async fn run(&self, limit: Duration, statement: &str) -> Result<(), StoreError> {
        let done = within(limit, self.database.execute_within(limit, statement));
        done.await.map(drop)
    }

    async fn rows<T>(&self, limit: Duration, statement: &str) -> Result<Vec<T>, StoreError>
    where
        T: for<'row> FromRow<'row, PgRow>,
    {
        within(limit, self.database.fetch(limit, statement)).await
    }
}

impl fmt::Debug for PostgresCursorStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresCursorStore(…)")
    }
}

/// The number of a sync, as SQL finds it.
fn number(sync: CursorName) -> String {
    format!(
        "(SELECT sync FROM humanapi_syncs WHERE name = {})",
        bytes(&sync)
    )
}

fn moment(moment: Option<i64>) -> String {
    moment.map_or_else(|| "NULL".to_owned(), |moment| moment.to_string())
}

// What stands in one message is one transaction, and what is kept of a bucket is one of several messages.
#[async_trait]
impl CursorStore for PostgresCursorStore {
    async fn init(&self) -> Result<(), StoreError> {
        self.run(self.database.limits.all_rows, SCHEMA).await
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        let (name, newest) = (bytes(&sync), signed(newest));
        let begin = format!(
            "INSERT INTO humanapi_syncs AS s (name, run, is_running) VALUES ({name}, {newest} + 1, true)
            ON CONFLICT (name) DO UPDATE SET
                run = CASE WHEN s.is_running AND s.run >= {newest} THEN s.run ELSE greatest(s.run, {newest}) + 1 END,
                is_running = true
            RETURNING run"
        );
        let begun: Vec<(i64,)> = self.rows(self.database.limits.row, &begin).await?;
        let (run,) = begun.into_iter().next().ok_or_else(unreadable)?;
        Ok(unsigned(run))
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        let limits = self.database.limits;
        let (number, limit) = (number(sync), limits.all_rows);
        within(cursor_rows::whole_bucket(limits), async {
            let read = format!(
                "SELECT run, read_check, commit_run FROM humanapi_sync_buckets WHERE sync = {number} AND bucket = {bucket}"
            );
            let read: Vec<BucketColumns> = self.rows(limit, &read).await?;
            let (mut users, bucket) = (Users::default(), bucket.to_string());
            while let Some(after) = users.after() {
                // Each by itself, so that what the server may send is counted anew.
                let page = cursor_rows::page(&number, &bucket, &bytes(after));
                let page = self.rows(limit, &page).await?;
                users.take(page)?;
            }
            Ok(users.of(read.into_iter().next()))
        })
        .await
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        let parts = cursor_rows::parts(&kept)?;
        let own = number(sync);
        let limits = self.database.limits;
        let limit = limits.all_rows;
        let (run, commit) = (signed(kept.run), signed(kept.commit));
        let begin = format!(
            "BEGIN;
            {}
            INSERT INTO humanapi_sync_buckets VALUES ({own}, {bucket}, {run}, {}, {commit})
            ON CONFLICT (sync, bucket) DO UPDATE SET
                run = excluded.run, read_check = excluded.read_check, commit_run = excluded.commit_run;",
            session(limit),
            bytes(&kept.check)
        );
        let sum = cursor_rows::sum(&own, &bucket.to_string());
        let mut end =
            format!("DELETE FROM humanapi_sync_whole WHERE sync = {own} AND bucket = {bucket};");
        for lists in &lists {
            let [users, refused, failed] = cursor_rows::counts(lists);
            // Writing to a string does not fail.
            let _ = write!(
                end,
                "INSERT INTO humanapi_sync_whole
                VALUES ({own}, {bucket}, {}, {users}, {refused}, {failed}, {}, {});",
                text(&lists.resource),
                moment(lists.changes_until),
                moment(lists.deletions_until)
            );
        }
        end.push_str("COMMIT");
        within(cursor_rows::whole_bucket(limits), async {
            // Unless all of it is done, the connection goes, and the server takes back what was.
            let mut taken = within(limit, async {
                let mut taken = self.database.connections.tested().await.map_err(failed)?;
                let begun = sqlx::raw_sql(AssertSqlSafe(begin)).execute(taken.connection());
                begun.await.map_err(failed)?;
                Ok(taken)
            })
            .await?;
            for part in parts {
                let (names, cursors): (Vec<&[u8]>, Vec<&[u8]>) = part
                    .into_iter()
                    .map(|(name, cursors)| (&name[..], &cursors[..]))
                    .unzip();
                let kept = sqlx::query(KEEP_CURSORS)
                    .persistent(false)
                    .bind(&sync[..])
                    .bind(i64::from(bucket))
                    .bind(names)
                    .bind(cursors)
                    .execute(taken.connection());
                within(limit, async { kept.await.map_err(failed) }).await?;
            }
            within(limit, async {
                let sum = sqlx::raw_sql(AssertSqlSafe(sum)).fetch_one(taken.connection());
                let (sum,) = <(i64,)>::from_row(&sum.await.map_err(failed)?).map_err(failed)?;
                cursor_rows::fits(sum, self.most)?;
                let ended = sqlx::raw_sql(AssertSqlSafe(end)).execute(taken.connection());
                ended.await.map_err(failed)?;
                Ok(())
            })
            .await?;
            taken.keep();
            Ok(())
        })
        .await
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        let end = format!(
            "UPDATE humanapi_syncs SET is_running = false WHERE name = {} AND run = {}",
            bytes(&sync),
            signed(run)
        );
        self.run(self.database.limits.row, &end).await
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        let select = format!(
            "SELECT bucket, resource, users, refused, failed, changes_until, deletions_until
            FROM humanapi_sync_whole WHERE sync = {} ORDER BY bucket, resource",
            number(sync)
        );
        let rows: Vec<WholeColumns> = self.rows(self.database.limits.all_rows, &select).await?;
        Ok(cursor_rows::whole(rows))
    }
}
