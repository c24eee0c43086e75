//! Up to where the lists of many users were read, in one file.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{BucketCursors, CursorName, CursorStore, ListsWhole, StoreError};
use sqlx::{AssertSqlSafe, Connection as _};

use super::{SqliteFile, failed, limit};
use crate::backend::{Backend as _, Limits};
use crate::cursor_rows::{self, BucketColumns, LARGEST_BUCKET, Users, WholeColumns};
use crate::sql::{signed, unsigned};
use crate::store::within;

/// Keeps the cursors of syncs in a SQLite file, for one machine.
///
/// The file must lie on a local disk. It holds no id, no record and no secret, and nothing in it is sealed; only its owner
/// may read it all the same.
#[derive(Debug)]
pub struct SqliteCursorStore {
    file: SqliteFile,
    /// The most bytes of the cursors of a bucket.
    most: u64,
}

// A user's cursors are one row, so that the key is there once for all of their lists. It has a row id: a page of an index
// takes rows of a quarter of it, and a user's cursors would each spill over into a page of their own.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS humanapi_syncs (
        sync INTEGER PRIMARY KEY,
        name BLOB NOT NULL UNIQUE,
        run INTEGER NOT NULL,
        is_running INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS humanapi_sync_buckets (
        sync INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        run INTEGER NOT NULL,
        read_check BLOB NOT NULL,
        commit_run INTEGER NOT NULL,
        PRIMARY KEY (sync, bucket)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS humanapi_sync_cursors (
        sync INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        user_name BLOB NOT NULL,
        cursors BLOB NOT NULL,
        PRIMARY KEY (sync, bucket, user_name)
    ) STRICT;
    -- Moments are seconds since 1970.
    CREATE TABLE IF NOT EXISTS humanapi_sync_whole (
        sync INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        resource TEXT NOT NULL,
        users INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        changes_until INTEGER,
        deletions_until INTEGER,
        PRIMARY KEY (sync, bucket, resource)
    ) STRICT, WITHOUT ROWID;
";

const BEGIN: &str = "
    INSERT INTO humanapi_syncs (name, run, is_running) VALUES (?1, ?2 + 1, 1)
    ON CONFLICT (name) DO UPDATE SET
        run = CASE WHEN is_running AND run >= ?2 THEN run ELSE max(run, ?2) + 1 END,
        is_running = 1
    RETURNING run";

const END: &str = "UPDATE humanapi_syncs SET is_running = 0 WHERE name = ?1 AND run = ?2";

const BUCKET: &str = "
    SELECT run, read_check, commit_run FROM humanapi_sync_buckets
    WHERE sync = (SELECT sync FROM humanapi_syncs WHERE name = ?1) AND bucket = ?2";

const KEEP_BUCKET: &str =
    "INSERT OR REPLACE INTO humanapi_sync_buckets VALUES (?1, ?2, ?3, ?4, ?5)";
const KEEP_CURSORS: &str = "INSERT OR REPLACE INTO humanapi_sync_cursors VALUES (?1, ?2, ?3, ?4)";
const FORGET_WHOLE: &str = "DELETE FROM humanapi_sync_whole WHERE sync = ?1 AND bucket = ?2";
const KEEP_WHOLE: &str = "INSERT INTO humanapi_sync_whole VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const WHOLE: &str = "
    SELECT bucket, resource, users, refused, failed, changes_until, deletions_until
    FROM humanapi_sync_whole WHERE sync = (SELECT sync FROM humanapi_syncs WHERE name = ?1)
    ORDER BY bucket, resource";

impl SqliteCursorStore {
    /// Cursors in this file, which [`init`](CursorStore::init) makes.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn open(path: impl AsRef<Path>) -> Self {
        Self {
            file: SqliteFile::new(path.as_ref()),
            most: LARGEST_BUCKET,
        }
    }

    /// Sets how long a run may take to begin or to end before that fails as unavailable; 3 seconds unless set.
    ///
    /// Setting up, reading the table of what is whole, and each page of a bucket may take five times as long, and all of a
    /// bucket a hundred times. SQLite is told the same times.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.file.set_limits(Limits::new(timeout));
        self
    }
}

#[async_trait]
impl CursorStore for SqliteCursorStore {
    async fn init(&self) -> Result<(), StoreError> {
        within(self.file.limits.all_rows, async {
            self.file.create().await?;
            self.file.warn();
            let mut connection = self.file.for_all_rows().await?;
            let mut all = connection
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map_err(failed)?;
            let made = sqlx::raw_sql(SCHEMA).execute(&mut *all).await;
            made.map_err(failed)?;
            all.commit().await.map_err(failed)
        })
        .await
    }

    async fn begin(&self, sync: CursorName, newest: u64) -> Result<u64, StoreError> {
        within(self.file.limits.row, async {
            let mut connection = self.file.for_row().await?;
            let begun: (i64,) = sqlx::query_as(BEGIN)
                .bind(&sync[..])
                .bind(signed(newest))
                .fetch_one(&mut *connection)
                .await
                .map_err(failed)?;
            Ok(unsigned(begun.0))
        })
        .await
    }

    async fn bucket(&self, sync: CursorName, bucket: u32) -> Result<BucketCursors, StoreError> {
        let limits = self.file.limits;
        within(cursor_rows::whole_bucket(limits), async {
            let read: Option<BucketColumns> = within(limits.all_rows, async {
                let mut connection = self.file.for_all_rows().await?;
                let read = sqlx::query_as(BUCKET).bind(&sync[..]).bind(bucket);
                read.fetch_optional(&mut *connection).await.map_err(failed)
            })
            .await?;
            let number = "(SELECT sync FROM humanapi_syncs WHERE name = ?1)";
            let statement = cursor_rows::page(number, "?2", "?3");
            let mut users = Users::default();
            while let Some(after) = users.after() {
                let page = within(limits.all_rows, async {
                    let mut connection = self.file.for_all_rows().await?;
                    let page = sqlx::query_as(AssertSqlSafe(statement.as_str()))
                        .bind(&sync[..])
                        .bind(bucket)
                        .bind(after);
                    page.fetch_all(&mut *connection).await.map_err(failed)
                })
                .await?;
                users.take(page)?;
            }
            Ok(users.of(read))
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
        let limits = self.file.limits;
        within(cursor_rows::whole_bucket(limits), async {
            let mut connection = self.file.for_all_rows().await?;
            let mut all = connection
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map_err(failed)?;
            let own: (i64,) = sqlx::query_as("SELECT sync FROM humanapi_syncs WHERE name = ?1")
                .bind(&sync[..])
                .fetch_one(&mut *all)
                .await
                .map_err(failed)?;
            let own = own.0;
            let bucket_row = sqlx::query(KEEP_BUCKET)
                .bind(own)
                .bind(bucket)
                .bind(signed(kept.run))
                .bind(&kept.check[..])
                .bind(signed(kept.commit));
            bucket_row.execute(&mut *all).await.map_err(failed)?;
            for part in parts {
                within(limits.all_rows, async {
                    limit(&mut all, limits.all_rows).await.map_err(failed)?;
                    for (user, cursors) in part {
                        let row = sqlx::query(KEEP_CURSORS)
                            .bind(own)
                            .bind(bucket)
                            .bind(&user[..])
                            .bind(&cursors[..]);
                        row.execute(&mut *all).await.map_err(failed)?;
                    }
                    Ok(())
                })
                .await?;
            }
            limit(&mut all, limits.all_rows).await.map_err(failed)?;
            let sum: (i64,) = sqlx::query_as(AssertSqlSafe(cursor_rows::sum("?1", "?2")))
                .bind(own)
                .bind(bucket)
                .fetch_one(&mut *all)
                .await
                .map_err(failed)?;
            cursor_rows::fits(sum.0, self.most)?;
            let forget = sqlx::query(FORGET_WHOLE).bind(own).bind(bucket);
            forget.execute(&mut *all).await.map_err(failed)?;
            for lists in &lists {
                let [users, refused, failed_lists] = cursor_rows::counts(lists);
                let row = sqlx::query(KEEP_WHOLE)
                    .bind(own)
                    .bind(bucket)
                    .bind(&*lists.resource)
                    .bind(users)
                    .bind(refused)
                    .bind(failed_lists)
                    .bind(lists.changes_until)
                    .bind(lists.deletions_until);
                row.execute(&mut *all).await.map_err(failed)?;
            }
            all.commit().await.map_err(failed)
        })
        .await
    }

    async fn end(&self, sync: CursorName, run: u64) -> Result<(), StoreError> {
        within(self.file.limits.row, async {
            let mut connection = self.file.for_row().await?;
            let ended = sqlx::query(END).bind(&sync[..]).bind(signed(run));
            ended.execute(&mut *connection).await.map_err(failed)?;
            Ok(())
        })
        .await
    }

    async fn whole(&self, sync: CursorName) -> Result<Vec<(u32, ListsWhole)>, StoreError> {
        within(self.file.limits.all_rows, async {
            let mut connection = self.file.for_all_rows().await?;
            let rows: Vec<WholeColumns> = sqlx::query_as(WHOLE)
                .bind(&sync[..])
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?;
            Ok(cursor_rows::whole(rows))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use humanapi_client::StoreErrorKind;

    use super::*;

    #[tokio::test]
    async fn a_bucket_does_not_grow_beyond_what_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteCursorStore::open(folder.path().join("cursors.sqlite")).await;
        store.most = 1024 * 1024 + 200;
        store.init().await.unwrap();
        let sync = [7; 16];
        store.begin(sync, 0).await.unwrap();
        let half = |user: u8| BucketCursors {
            users: [([user; 16], vec![7; 512 * 1024])].into(),
            ..BucketCursors::default()
        };
        for user in [1, 2, 1] {
            store.keep(sync, 3, half(user), Vec::new()).await.unwrap();
        }
        let error = store.keep(sync, 3, half(4), Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(error.to_string().contains("1 MiB"), "{error}");
        // Nothing of it was kept, and another bucket has room.
        assert_eq!(store.bucket(sync, 3).await.unwrap().users.len(), 2);
        store.keep(sync, 4, half(4), Vec::new()).await.unwrap();
    }
}
