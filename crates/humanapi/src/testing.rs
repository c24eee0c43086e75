//! For tests of an application: a whole service as a transport, one clock for both sides, scripted answers, and records of
//! fields.
//!
//! ```
//! use std::time::Duration;
//!
//! use humanapi::testing::{ForTests as _, Sandbox, client_of};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let sandbox = Sandbox::builder().build_offline();
//! sandbox.control().user("patient-17").connected_with("strider")?;
//! let client: humanapi::Client = client_of(&sandbox);
//! client.user("patient-17").data().profile().await?;
//!
//! // Two days later the token has ended; another one is asked for, and nobody has waited.
//! sandbox.clock().advance(Duration::from_secs(2 * 86_400))?;
//! client.user("patient-17").data().profile().await?;
//! assert_eq!(sandbox.control().exchanges().total(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(any(feature = "hyper", feature = "reqwest"))]
use humanapi_core::Hosts;

#[cfg(any(feature = "hyper", feature = "reqwest"))]
use crate::client_of_default_stack::Client;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
use crate::settings::Settings;

#[doc(inline)]
pub use humanapi_testing::*;

/// A client of this sandbox's Connect application, without a socket and on the sandbox's clock.
#[cfg(any(feature = "hyper", feature = "reqwest"))]
#[must_use]
pub fn client_of(sandbox: &impl ForTests) -> Client {
    let settings = Settings::new(sandbox.credentials(), Hosts::production());
    Client::made(settings)
        .transport(sandbox.transport())
        .runtime(sandbox.clock())
}
