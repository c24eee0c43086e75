//! The Rust SDK for Human API, the health-data service: the crate that an application adds.
//!
#![cfg_attr(all(feature = "blocking", feature = "data", feature = "hyper"), doc = include_str!("../README.md"))]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod client_of_default_stack;
#[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
mod environment;
mod main_error;
pub mod prelude;
#[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
mod settings;
#[cfg(feature = "testing")]
pub mod testing;

pub use humanapi_client as client;
pub use humanapi_core as core;

pub use async_trait;
pub use http;
#[cfg(any(feature = "admin", feature = "data"))]
pub use jiff;
pub use secrecy;

#[doc(inline)]
pub use humanapi_client::*;
#[doc(inline)]
pub use humanapi_core::*;

#[cfg(any(feature = "hyper", feature = "reqwest"))]
pub use client_of_default_stack::Client;
#[cfg(any(feature = "hyper", feature = "reqwest", feature = "blocking"))]
pub use environment::EnvironmentError;
#[cfg(feature = "axum")]
#[doc(inline)]
pub use humanapi_axum as axum;
#[cfg(feature = "export")]
#[doc(inline)]
pub use humanapi_export as export;
#[cfg(feature = "hyper")]
#[doc(inline)]
pub use humanapi_hyper::HyperTransport;
#[cfg(feature = "reqwest")]
#[doc(inline)]
pub use humanapi_reqwest::ReqwestTransport;
#[cfg(any(
    feature = "store-sqlite",
    feature = "store-postgres",
    feature = "store-redis"
))]
#[doc(inline)]
pub use humanapi_store as store;
pub use main_error::MainError;

// A feature changes nothing: without a stack this name would be the client crate's type, which is made in another way.
#[cfg(not(any(feature = "hyper", feature = "reqwest")))]
#[expect(
    hidden_glob_reexports,
    unused_imports,
    reason = "it takes the name from the glob above"
)]
use humanapi_client::Client;

/// How Connect is opened in a page, what it reports, and how the service confirms it.
pub mod connect {
    #[doc(inline)]
    pub use humanapi_client::connect::*;
    #[doc(inline)]
    pub use humanapi_core::connect::*;
}
