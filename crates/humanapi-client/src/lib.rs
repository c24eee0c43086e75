//! The Human API client, for any HTTP stack and any async runtime.
//!
//! This crate holds what lies between `humanapi-core`, which does no I/O, and a transport, which
//! does nothing else: the one loop that [drives](drive()) flows, the [`Client`], and the traits
//! [`Transport`] and [`Runtime`]. Applications usually depend on `humanapi`, which brings a
//! transport and re-exports this crate.
//!
//! It never names a type of an HTTP stack, and needs tokio only with its default feature `tokio`.
#![cfg_attr(
    all(feature = "data", feature = "testing", feature = "tokio"),
    doc = "",
    doc = include_str!("../README.md")
)]

#[cfg(feature = "proxy")]
pub mod adapter;
mod broker;
mod client;
pub mod connect;
#[cfg(feature = "data")]
mod cursors;
mod download;
mod drive;
mod driven;
mod error;
#[cfg(feature = "admin")]
mod journal;
mod limited;
mod runtime;
mod store;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod tokens;
mod transport;

pub use humanapi_core as core;

pub use broker::{
    BrokerEvent, BrokerListener, EventKey, TokenBroker, TokenBrokerBuilder, TokenRef,
};
pub use client::call::{ApiCall, CallFuture};
pub use client::connect_token::ConnectTokenCall;
#[cfg(feature = "data")]
pub use client::data::UserData;
#[cfg(feature = "admin")]
pub use client::orders::{AllItems, OrderError, Orders, OrdersChange, WatchOrders};
#[cfg(feature = "data")]
pub use client::pages::{Items, Pages};
#[cfg(feature = "tokio")]
pub use client::saving::Written;
#[cfg(feature = "data")]
pub use client::sync::ChangesPages;
pub use client::user::User;
pub use client::{Client, ClientBuilder};
#[cfg(feature = "data")]
pub use cursors::{BucketCursors, CursorName, CursorStore, ListsWhole, MemoryCursorStore};
pub use download::Download;
#[cfg(feature = "tokio")]
pub use download::SaveError;
pub use drive::{drive, drive_blocking, drive_open};
pub use error::{Error, ErrorKind};
#[cfg(feature = "admin")]
pub use journal::{MemoryOrderJournal, OrderJournal};
pub use limited::Limited;
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use runtime::{Runtime, Spawn, Task, Timer};
pub use store::{StoreError, StoreErrorKind, TokenStore};
pub use tokens::TokenSource;
pub use transport::{BodyStream, StreamedResponse, Transport};
