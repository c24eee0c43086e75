//! Adds Human API's Connect to an axum app.
//!
#![doc = include_str!("../README.md")]

/// Where log lines of the router stand.
const LOG: &str = "humanapi::connect";

mod answer;
mod connect;
mod directory;
mod launch_cookie;
mod origin;
mod page;
mod problem;
mod routes;
mod setup_error;
mod user;
mod visitors;

pub use humanapi_client as client;
pub use humanapi_core as core;

pub use answer::Confirmed;
pub use connect::{Connect, ConnectBuilder};
#[cfg(feature = "sqlite")]
pub use directory::SqliteDirectory;
pub use directory::{Change, DirectoryError, MemoryDirectory, Sighting, UserDirectory, UserRecord};
pub use page::{ConnectPage, PageError};
pub use problem::Problem;
pub use setup_error::SetupError;
pub use user::{AppUser, SignedIn, SignedInBy, signed_in_by};
