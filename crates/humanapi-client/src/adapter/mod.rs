//! What transports over HTTP stacks have in common, for writers of transports.
//!
//! [`Reading`] makes the SDK's answer of a stack's: whole under a limit, or in chunks. [`Builder`]
//! collects the settings of a transport that makes its own connections, and [`ProxySettings`] are those of the way to
//! them. What needs a type of a stack stays with the transport: connections, and which requests a proxy takes.
//!
//! Two features hold what several stacks have in common though it needs a type of another crate: `hyper`, what a failure of
//! a stack that is made of it says about the request, and `rustls`, whom TLS trusts.

#[cfg(feature = "adapter")]
mod builder;
#[cfg(feature = "hyper")]
pub mod failure;
mod proxy;
#[cfg(feature = "adapter")]
mod reading;
#[cfg(feature = "rustls")]
pub mod tls;

#[cfg(feature = "adapter")]
pub use builder::{Builder, ExtraRoots, FromSettings, Settings};
pub use proxy::{ProxySettings, UnreadableProxy, wants_proxy_login};
#[cfg(feature = "adapter")]
pub use reading::Reading;

/// The largest body, in bytes, that a transport accepts in one piece, unless it is told otherwise: 16 MiB.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
