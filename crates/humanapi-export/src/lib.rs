//! Health data from Human API as files.
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "parquet")]
mod arrow;
mod cell;
#[cfg(feature = "ucum")]
mod code_systems;
mod columns;
mod csv;
#[cfg(feature = "deidentify")]
mod deidentify;
mod error;
#[cfg(feature = "client")]
mod export;
mod format;
mod json;
#[cfg(feature = "ucum")]
mod named;
mod ndjson;
#[cfg(feature = "ucum")]
mod quality;
mod row;
mod sink;
#[cfg(feature = "ucum")]
mod values;

pub use columns::{Column, ColumnKind, Columns};
#[cfg(feature = "deidentify")]
pub use deidentify::{
    Dates, Deidentified, Deidentifier, DeidentifyKey, FieldCount, Ids, Policy, PolicyError,
};
pub use error::WriteError;
#[cfg(feature = "client")]
pub use export::{
    BucketKey, Event, Export, ExportError, InvalidBucketKey, InvalidShard, Shard, Summary,
};
pub use format::{Format, UnknownFormat};
#[cfg(feature = "ucum")]
pub use quality::{
    Breach, CodeSystemUse, FieldCompleteness, OddField, Quality, QualityReport, Recency,
    Thresholds, UnknownField,
};
pub use row::{Row, User};
pub use sink::Sink;
#[cfg(feature = "ucum")]
pub use values::{Tally, UnitCount, Units, Unread};
