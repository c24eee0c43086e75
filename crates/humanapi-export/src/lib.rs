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
#[cfg(any(feature = "client", feature = "deidentify"))]
mod keyed;
#[cfg(any(feature = "plot", feature = "ucum"))]
mod moment;
#[cfg(any(feature = "plot", feature = "ucum"))]
mod named;
mod ndjson;
#[cfg(feature = "plot")]
mod plot;
#[cfg(feature = "ucum")]
mod quality;
mod row;
mod sink;
#[cfg(feature = "ucum")]
mod values;

pub use columns::{Column, ColumnKind, Columns};
#[cfg(feature = "deidentify")]
pub use deidentify::{
    Dates, Deidentified, Deidentifier, DeidentifyKey, FieldCount, FieldCounts, Ids, Policy,
    PolicyError,
};
pub use error::WriteError;
#[cfg(feature = "client")]
pub use export::{
    BucketKey, Event, Export, ExportError, InvalidShard, Shard, Summary, SyncSummary,
    Synchronization,
};
#[cfg(feature = "cloud")]
pub use export::{CloudError, CloudFolder};
pub use format::{Format, UnknownFormat};
#[cfg(any(feature = "client", feature = "deidentify"))]
pub use keyed::InvalidKey;
#[cfg(feature = "plot")]
pub use plot::{Canvas, Measured, Picture, Plot, PlotError, Theme};
#[cfg(feature = "ucum")]
pub use quality::{
    Breach, CodeSystemUse, DataReport, FieldCompleteness, OddField, Quality, QualityReport,
    Recency, ReportError, Thresholds, UnknownField,
};
pub use row::{Row, User};
pub use sink::Sink;
#[cfg(feature = "ucum")]
pub use values::{Tally, UnitCount, Units, Unread};
