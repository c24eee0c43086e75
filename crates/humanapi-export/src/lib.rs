//! Health data from Human API as files.
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "parquet")]
mod arrow;
mod columns;
mod csv;
mod error;
mod format;
mod json;
mod ndjson;
mod row;
mod sink;

pub use columns::{Column, ColumnKind, Columns};
pub use error::WriteError;
pub use format::{Format, UnknownFormat};
pub use row::{Row, User};
pub use sink::Sink;
