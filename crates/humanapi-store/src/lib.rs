//! Token stores of the Human API SDK, for processes that share tokens, and journals of orders.
#![cfg_attr(feature = "sqlite", doc = "", doc = include_str!("../README.md"))]

mod backend;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod bounded;
#[cfg(feature = "postgres")]
mod connections;
#[cfg(all(feature = "sync", any(feature = "postgres", feature = "sqlite")))]
mod cursor_rows;
#[cfg(feature = "admin")]
mod journal;
mod journal_rows;
mod key_file;
mod key_text;
mod keys;
mod memory;
#[cfg(feature = "postgres")]
mod passage;
#[cfg(feature = "postgres")]
mod postgres;
mod rate;
#[cfg(feature = "redis")]
mod redis;
mod rows;
mod seal;
mod seen;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod sweep;

pub use humanapi_client as client;
pub use humanapi_core as core;

#[cfg(feature = "redis")]
pub use self::redis::{RedisRows, RedisStore};
pub use backend::{Backend, Limits};
pub use journal_rows::{JournalRow, JournalRows, JournalSurvey};
pub use key_file::{KeyFile, KeyFileInPlace};
pub use keys::SealingKeys;
pub use memory::{Memory, MemoryStore};
#[cfg(all(feature = "sync", feature = "postgres"))]
pub use postgres::cursors::PostgresCursorStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresDatabase, PostgresStore};
pub use rate::{RateShares, Share, SharedRate};
pub use rows::{Batch, Mark, OtherMark, RowName, Sealed, Survey};
#[cfg(all(feature = "sync", feature = "sqlite"))]
pub use sqlite::cursors::SqliteCursorStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteFile, SqliteStore};
pub use store::{Store, StoreStatus};
pub use sweep::{Rotation, Unfinished};
