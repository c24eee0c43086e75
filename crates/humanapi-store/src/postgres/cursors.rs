//! Up to where the lists of many users were read, in a database.

use std::fmt;
use std::fmt::Write as _;

use async_trait::async_trait;
use humanapi_client::{BucketCursors, CursorName, CursorStore, ListsWhole, StoreError};
use sqlx::AssertSqlSafe;

use super::errors::failed;
use super::{PostgresDatabase, bytes, session, text};
use crate::cursor_rows::{self, BucketColumns, UserColumns, WholeColumns};
use crate::rows::unreadable;
use crate::sql::{signed, unsigned};

/// Keeps the cursors of syncs in a PostgreSQL database, version 14 or later, which outlives the machine that reads.
///
/// It holds no id, no record and no secret, and nothing in it is sealed.
pub struct PostgresCursorStore(PostgresDatabase);

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

/// So many users' cursors go to the server at once: about a megabyte.
const BATCH: usize = 1_000;

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
        Ok(Self(PostgresDatabase::new(url)?))
    }

    async fn run(&self, statement: &str) -> Result<(), StoreError> {
        let limit = self.0.limits.all_rows;
        self.0.execute_within(limit, statement).await.map(drop)
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
        self.run(SCHEMA).await
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
        let begun: Vec<(i64,)> = self.0.fetch(self.0.limits.row, &begin).await?;
        let (run,) = begun.into_iter().next().ok_or_else(unreadable)?;
        Ok(unsigned(run))
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        let (number, limit) = (number(sync), self.0.limits.all_rows);
        let read = format!(
            "SELECT run, read_check, commit_run FROM humanapi_sync_buckets WHERE sync = {number} AND bucket = {bucket}"
        );
        let read: Vec<BucketColumns> = self.0.fetch(limit, &read).await?;
        let users = format!(
            "SELECT user_name, cursors FROM humanapi_sync_cursors WHERE sync = {number} AND bucket = {bucket}"
        );
        let users: Vec<UserColumns> = self.0.fetch(limit, &users).await?;
        cursor_rows::bucket(read.into_iter().next(), users)
    }

    async fn keep(
        &self,
        sync: CursorName,
        bucket: u32,
        kept: BucketCursors,
        lists: Vec<ListsWhole>,
    ) -> Result<(), StoreError> {
        let own = number(sync);
        let limit = self.0.limits.all_rows;
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
        // Unless all of it is done, the connection goes, and the server takes back what was.
        let mut taken = self.0.connections.tested().await.map_err(failed)?;
        let connection = taken.connection();
        let begun = sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection);
        begun.await.map_err(failed)?;
        let users: Vec<(&CursorName, &Vec<u8>)> = kept.users.iter().collect();
        for batch in users.chunks(BATCH) {
            let names: Vec<&[u8]> = batch.iter().map(|(name, _)| &name[..]).collect();
            let cursors: Vec<&[u8]> = batch.iter().map(|(_, cursors)| &cursors[..]).collect();
            let kept = sqlx::query(KEEP_CURSORS)
                .persistent(false)
                .bind(&sync[..])
                .bind(i64::from(bucket))
                .bind(names)
                .bind(cursors)
                .execute(&mut *connection);
            kept.await.map_err(failed)?;
        }
        let ended = sqlx::raw_sql(AssertSqlSafe(end)).execute(&mut *connection);
        ended.await.map_err(failed)?;
        taken.keep();
        Ok(())
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        self.run(&format!(
            "UPDATE humanapi_syncs SET is_running = false WHERE name = {} AND run = {}",
            bytes(&sync),
            signed(run)
        ))
        .await
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        let select = format!(
            "SELECT bucket, resource, users, refused, failed, changes_until, deletions_until
            FROM humanapi_sync_whole WHERE sync = {} ORDER BY bucket, resource",
            number(sync)
        );
        let rows: Vec<WholeColumns> = self.0.fetch(self.0.limits.all_rows, &select).await?;
        Ok(cursor_rows::whole(rows))
    }
}
