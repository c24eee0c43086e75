//! [`HyperTransport`] sends the requests of the Human API SDK with hyper.
#![cfg_attr(feature = "rustls", doc = "", doc = include_str!("../README.md"))]

#[cfg(feature = "rustls")]
mod builder;
#[cfg(feature = "rustls")]
mod connect;
#[cfg(feature = "rustls")]
mod proxy;
#[cfg(feature = "rustls")]
mod tls;
mod transport;

pub use humanapi_client as client;
pub use humanapi_core as core;

#[cfg(feature = "rustls")]
pub use builder::Builder;
#[cfg(feature = "rustls")]
pub use connect::{Connection, Connector};
pub use transport::{HyperTransport, RequestBody};
