//! [`ReqwestTransport`] sends the requests of the Human API SDK with reqwest.
#![cfg_attr(feature = "rustls", doc = "", doc = include_str!("../README.md"))]

#[cfg(feature = "rustls")]
mod builder;
mod clients;
#[cfg(feature = "rustls")]
mod lazy;
#[cfg(feature = "rustls")]
mod proxy;
mod transport;

pub use humanapi_client as client;
pub use humanapi_core as core;

#[cfg(feature = "rustls")]
pub use builder::Builder;
pub use transport::ReqwestTransport;
