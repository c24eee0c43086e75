//! Rows of a journal of orders in the same database, on its disk before they count.

use async_trait::async_trait;
use humanapi_client::{StoreError, StoreErrorKind};

use super::errors::read_only_server;
use super::{PostgresDatabase, bytes, name, privileges, sealed, text};
use crate::journal_rows::{JournalRow, JournalRows, JournalSurvey};
use crate::rows::{Batch, Mark, RowName, Sealed, unreadable};
use crate::sql::{self, OrderSurveyColumns, signed};

/// Whether the server takes writes and puts them onto its disk, which privileges are missing, and whether it has
/// standbys that no commit waits for.
const CHECK: &str = "
    SELECT current_setting('transaction_read_only') = 'on', current_setting('fsync') = 'on',
        concat_ws(', ',
            CASE WHEN NOT has_table_privilege('humanapi_orders', 'SELECT') THEN 'SELECT' END,
            CASE WHEN NOT has_table_privilege('humanapi_orders', 'INSERT') THEN 'INSERT' END,
            CASE WHEN NOT has_table_privilege('humanapi_orders', 'UPDATE') THEN 'UPDATE' END),
        current_setting('synchronous_standby_names') = ''
            AND EXISTS (SELECT 1 FROM pg_stat_replication)";

/// What the clock shows, unless the server does not wait for its disk; and the columns of a row.
type Columns = (
    Option<i64>,
    Option<i64>,
    Option<bool>,
    Option<String>,
    Option<Vec<u8>>,
);

const SURVEY: &str = "
    SELECT left(sealed_with, 33), count(*), count(*) FILTER (WHERE is_open)
    FROM humanapi_orders GROUP BY 1 LIMIT 1000";

/// Whatever the database, the user or the address say: a commit waits for the disk, and for that of the standbys where
/// the server has synchronous ones.
const DURABLE: &str = "SET LOCAL synchronous_commit = 'on';";

fn not_durable() -> StoreError {
    let message = "the PostgreSQL server does not wait for its disk, and could lose an order that was sent: set `fsync = on` for a journal of orders";
    StoreError::new(StoreErrorKind::Misconfigured, message)
}

#[async_trait]
impl JournalRows for PostgresDatabase {
    async fn check_orders(&self, _: &Mark) -> Result<(), StoreError> {
        let found: Vec<(bool, bool, String, bool)> = self.fetch(self.limits.row, CHECK).await?;
        let (read_only, durable, missing, forgetful) =
            found.into_iter().next().ok_or_else(unreadable)?;
        if read_only {
            return Err(read_only_server());
        }
        if !durable {
            return Err(not_durable());
        }
        if forgetful {
            tracing::warn!(target: "humanapi::store", "no commit of the PostgreSQL server waits for a standby: after a failover an order that was sent may be missing from the journal, and be placed twice");
        }
        privileges("humanapi_orders", &missing)
    }

    async fn load_order(&self, row: &RowName) -> Result<(u64, Option<JournalRow>), StoreError> {
        let load = format!(
            "SELECT CASE WHEN current_setting('fsync') = 'on' THEN humanapi_clock() / 1000 END, version, is_open, {}
            FROM (SELECT 1) AS one LEFT JOIN humanapi_orders ON row_name = {}",
            sealed(),
            name(row)
        );
        let found: Vec<Columns> = self.read(&load).await?;
        let (now, version, is_open, key_id, sealed) =
            found.into_iter().next().ok_or_else(unreadable)?;
        // The server may have been started again with other settings.
        let now = now.ok_or_else(not_durable)?;
        sql::order((now, version, is_open, key_id, sealed))
    }

    async fn keep_order(
        &self,
        row: &RowName,
        read: Option<u64>,
        kept: &JournalRow,
    ) -> Result<bool, StoreError> {
        let (version, is_open) = (signed(kept.version), kept.is_open);
        let key_id = text(&kept.sealed.key_id);
        let (row, sealed) = (name(row), bytes(&kept.sealed.bytes));
        let keep = match read {
            None => format!(
                "INSERT INTO humanapi_orders (row_name, version, is_open, sealed_with, sealed)
                VALUES ({row}, {version}, {is_open}, {key_id}, {sealed}) ON CONFLICT DO NOTHING"
            ),
            Some(read) => format!(
                "UPDATE humanapi_orders
                SET version = {version}, is_open = {is_open}, sealed_with = {key_id}, sealed = {sealed}
                WHERE row_name = {row} AND version = {}",
                signed(read)
            ),
        };
        let changed = self.execute(&format!("{DURABLE}\n{keep}")).await?;
        Ok(changed > 0)
    }

    async fn open_orders(
        &self,
        after: Option<&RowName>,
        limit: u32,
    ) -> Result<Vec<RowName>, StoreError> {
        let after = after.map_or(&[][..], |after| after.as_bytes());
        let select = format!(
            "SELECT row_name FROM humanapi_orders
            WHERE is_open AND row_name > {} AND length(row_name) = 32
            ORDER BY row_name LIMIT {limit}",
            bytes(after)
        );
        sql::names(self.fetch(self.limits.all_rows, &select).await?)
    }

    async fn survey_orders(&self) -> Result<JournalSurvey, StoreError> {
        let counted: Vec<OrderSurveyColumns> = self.fetch(self.limits.all_rows, SURVEY).await?;
        Ok(sql::order_survey(counted))
    }

    async fn orders_sealed_otherwise(
        &self,
        key_id: &str,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        let select = format!(
            "SELECT row_name FROM humanapi_orders
            WHERE row_name > {} AND length(row_name) = 32 AND sealed_with <> {}
            ORDER BY row_name LIMIT {limit}",
            bytes(from.unwrap_or_default()),
            text(key_id)
        );
        sql::batch(self.fetch(self.limits.all_rows, &select).await?, limit)
    }

    async fn reseal_order(
        &self,
        row: &RowName,
        read: &JournalRow,
        anew: &Sealed,
    ) -> Result<bool, StoreError> {
        let reseal = format!(
            "{DURABLE}
            UPDATE humanapi_orders SET sealed_with = {}, sealed = {}
            WHERE row_name = {} AND version = {} AND sealed_with = {} AND sealed = {}",
            text(&anew.key_id),
            bytes(&anew.bytes),
            name(row),
            signed(read.version),
            text(&read.sealed.key_id),
            bytes(&read.sealed.bytes)
        );
        Ok(self.execute(&reseal).await? > 0)
    }
}
