//! The conformance suite, over a SQLite file.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use humanapi_store::client::TokenStore;
use humanapi_store::{SealingKeys, SqliteStore};
use humanapi_testkit::store::{Place, RawToken};
use humanapi_testkit::store_conformance;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

store_conformance!(place);

async fn place() -> Option<InFile> {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("tokens.sqlite");
    let keys = keys();
    let store = SqliteStore::open(&path, keys.clone()).await;
    store.init().await.expect("the file is made");
    Some(InFile { folder, path, keys })
}

fn keys() -> SealingKeys {
    SealingKeys::generate("spare")
        .and_then(|keys| keys.with_new_key("first"))
        .expect("the system has random numbers")
}

struct InFile {
    folder: TempDir,
    path: PathBuf,
    keys: SealingKeys,
}

impl InFile {
    /// As whoever holds the file opens it.
    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path);
        options.connect().await.expect("the file is there")
    }
}

#[async_trait]
impl Place for InFile {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(SqliteStore::open(&self.path, self.keys.clone()).await)
    }

    fn other_key(&self) -> &str {
        "spare"
    }

    async fn tokens(&self) -> Vec<RawToken> {
        type Columns = (Vec<u8>, i64, i64, String, Vec<u8>);
        let select = "SELECT row_name, generation, expires_at, sealed_with, sealed FROM humanapi_rows WHERE sealed IS NOT NULL";
        let rows: Vec<Columns> = sqlx::query_as(select)
            .fetch_all(&mut self.connect().await)
            .await
            .expect("the table is there");
        rows.into_iter()
            .map(|(row, generation, expires_at, key_id, sealed)| RawToken {
                row,
                generation: generation as u64,
                expires_at: expires_at as u64,
                key_id,
                sealed,
            })
            .collect()
    }

    async fn put(&self, token: &RawToken) {
        let mut connection = self.connect().await;
        let update = "UPDATE humanapi_rows SET generation = ?2, expires_at = ?3, sealed_with = ?4, sealed = ?5 WHERE row_name = ?1";
        let done = sqlx::query(update)
            .bind(&token.row)
            .bind(token.generation as i64)
            .bind(token.expires_at as i64)
            .bind(&token.key_id)
            .bind(&token.sealed)
            .execute(&mut connection)
            .await
            .expect("the table is there");
        assert_eq!(done.rows_affected(), 1);
        connection.close().await.expect("it closes");
    }

    /// The file with its log and whatever else lies beside it.
    async fn dump(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file?.path());
        let files: Vec<Vec<u8>> = files.map(read).collect::<Result<_, _>>().expect("files");
        assert!(files.len() > 1, "the log is there too");
        files.concat()
    }
}
