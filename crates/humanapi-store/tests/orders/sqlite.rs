//! A journal in a file.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use humanapi_store::client::{OrderJournal, StoreErrorKind};
use humanapi_store::{SealingKeys, SqliteStore};
use humanapi_testkit::journal::{JournalPlace, RawOrder, SealedPlace};
use humanapi_testkit::sealed_journal_conformance;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::{AMPLE, intent, op, operator, two_keys, write};

sealed_journal_conformance!(place);
operator::operator!(place, open);

struct InFile {
    folder: TempDir,
    path: PathBuf,
    keys: SealingKeys,
}

async fn open(place: &InFile, keys: &SealingKeys) -> SqliteStore {
    let store = SqliteStore::open(&place.path, keys.clone()).await;
    let store = store.with_timeout(AMPLE);
    store.init().await.unwrap();
    store
}

async fn place() -> Option<InFile> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.sqlite");
    let keys = two_keys();
    Some(InFile { folder, path, keys })
}

impl InFile {
    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path);
        options.connect().await.unwrap()
    }
}

#[async_trait]
impl JournalPlace for InFile {
    async fn open(&self) -> Arc<dyn OrderJournal> {
        Arc::new(open(self, &self.keys).await)
    }
}

#[async_trait]
impl SealedPlace for InFile {
    fn other_key(&self) -> &str {
        "spare"
    }

    async fn rows(&self) -> Vec<RawOrder> {
        type Columns = (Vec<u8>, i64, bool, String, Vec<u8>);
        let select = "SELECT row_name, version, is_open, sealed_with, sealed FROM humanapi_orders";
        let rows: Vec<Columns> = sqlx::query_as(select)
            .fetch_all(&mut self.connect().await)
            .await
            .unwrap();
        rows.into_iter()
            .map(|(row, version, is_open, key_id, sealed)| RawOrder {
                row,
                version: version as u64,
                is_open,
                key_id,
                sealed,
            })
            .collect()
    }

    async fn put(&self, raw: &RawOrder) {
        let mut connection = self.connect().await;
        let update = "UPDATE humanapi_orders SET version = ?2, is_open = ?3, sealed_with = ?4, sealed = ?5 WHERE row_name = ?1";
        let done = sqlx::query(update)
            .bind(&raw.row)
            .bind(raw.version as i64)
            .bind(raw.is_open)
            .bind(&raw.key_id)
            .bind(&raw.sealed)
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1);
        connection.close().await.unwrap();
    }

    async fn drop_row(&self, row: &[u8]) {
        let mut connection = self.connect().await;
        let delete = sqlx::query("DELETE FROM humanapi_orders WHERE row_name = ?1").bind(row);
        assert_eq!(
            delete
                .execute(&mut connection)
                .await
                .unwrap()
                .rows_affected(),
            1
        );
        connection.close().await.unwrap();
    }

    async fn dump(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.collect::<Vec<_>>().concat()
    }
}

/// Nor is one whose journal was taken away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_set_up_is_no_empty_journal() {
    let place = place().await.unwrap();
    let store = SqliteStore::open(&place.path, place.keys.clone()).await;
    let error = store.apply(&intent("one"), op()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotSetUp);
    let store = open(&place, &place.keys).await;
    write(&store, "one").await;
    let mut connection = place.connect().await;
    let drop = sqlx::raw_sql("DROP TABLE humanapi_orders");
    drop.execute(&mut connection).await.unwrap();
    let error = store.apply(&intent("two"), op()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotSetUp);
}
