//! Rows of a journal of orders in the same file, on the disk before they count.

use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::Sqlite;

use super::statements::{
    ADD_ORDER, CHANGE_ORDER, LOAD_ORDER, OPEN_ORDERS, ORDERS_SEALED_OTHERWISE, RESEAL_ORDER,
    SURVEY_ORDERS,
};
use super::{SqliteFile, failed};
use crate::journal_rows::{JournalRow, JournalRows, JournalSurvey};
use crate::rows::{Batch, Mark, RowName, Sealed};
use crate::sql::{self, OrderColumns, OrderSurveyColumns, signed};

impl SqliteFile {
    async fn for_orders(&self, limit: Duration) -> Result<PoolConnection<Sqlite>, StoreError> {
        Self::connection(&self.journal, limit).await
    }
}

#[async_trait]
impl JournalRows for SqliteFile {
    /// The file is one of ours, which the store has made sure of, and each connection says itself how careful it is.
    async fn check_orders(&self, _: &Mark) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load_order(&self, name: &RowName) -> Result<(u64, Option<JournalRow>), StoreError> {
        let mut connection = self.for_orders(self.limits.row).await?;
        let found: OrderColumns = sqlx::query_as(LOAD_ORDER)
            .bind(&name.as_bytes()[..])
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        sql::order(found)
    }

    async fn keep_order(
        &self,
        name: &RowName,
        read: Option<u64>,
        row: &JournalRow,
    ) -> Result<bool, StoreError> {
        let mut connection = self.for_orders(self.limits.row).await?;
        let keep = match read {
            None => sqlx::query(ADD_ORDER),
            Some(_) => sqlx::query(CHANGE_ORDER),
        };
        let keep = keep
            .bind(&name.as_bytes()[..])
            .bind(signed(row.version))
            .bind(row.is_open)
            .bind(&*row.sealed.key_id)
            .bind(&row.sealed.bytes[..]);
        let keep = match read {
            None => keep,
            Some(read) => keep.bind(signed(read)),
        };
        let done = keep.execute(&mut *connection).await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn open_orders(
        &self,
        after: Option<&RowName>,
        limit: u32,
    ) -> Result<Vec<RowName>, StoreError> {
        let mut connection = self.for_orders(self.limits.all_rows).await?;
        let after = after.map_or(&[][..], |after| after.as_bytes());
        let found = sqlx::query_as(OPEN_ORDERS)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *connection)
            .await;
        sql::names(found.map_err(failed)?)
    }

    async fn survey_orders(&self) -> Result<JournalSurvey, StoreError> {
        let mut connection = self.for_orders(self.limits.all_rows).await?;
        let counted: Vec<OrderSurveyColumns> = sqlx::query_as(SURVEY_ORDERS)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(sql::order_survey(counted))
    }

    async fn orders_sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let mut connection = self.for_orders(self.limits.all_rows).await?;
        let found = sqlx::query_as(ORDERS_SEALED_OTHERWISE)
            .bind(key_id)
            .bind(from.unwrap_or_default())
            .bind(limit)
            .fetch_all(&mut *connection)
            .await;
        sql::batch(found.map_err(failed)?, limit)
    }

    async fn reseal_order(
        &self,
        name: &RowName,
        read: &JournalRow,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let mut connection = self.for_orders(self.limits.row).await?;
        let done = sqlx::query(RESEAL_ORDER)
            .bind(&name.as_bytes()[..])
            .bind(signed(read.version))
            .bind(&*read.sealed.key_id)
            .bind(&read.sealed.bytes[..])
            .bind(&*anew.key_id)
            .bind(&anew.bytes[..])
            .execute(&mut *connection)
            .await;
        Ok(done.map_err(failed)?.rows_affected() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens that a loss of power takes away are got again; orders are not.
    #[tokio::test]
    async fn a_commit_of_the_journal_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(&folder.path().join("orders.sqlite"));
        file.create().await.unwrap();
        for (pool, level) in [(&file.journal, 2), (&file.pool, 1)] {
            let synchronous: (i64,) = sqlx::query_as("PRAGMA synchronous")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(synchronous, (level,));
            let mode: (String,) = sqlx::query_as("PRAGMA journal_mode")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(mode.0, "wal");
        }
    }
}
