//! What a program that reads health data names: `use humanapi::prelude::*;`.
//!
//! The traits of streams come without their names, so that they meet no others: `next`, `try_next` and `try_collect` read
//! what [`items`](crate::ApiCall::items) and [`pages`](crate::ApiCall::pages) give.

#[cfg(any(feature = "hyper", feature = "reqwest"))]
pub use crate::Client;
#[cfg(feature = "axum")]
pub use crate::axum::{AppUser, Connect, signed_in_by};
pub use crate::{Error, MainError};
pub use futures_util::{StreamExt as _, TryStreamExt as _};
#[cfg(feature = "testing")]
pub use humanapi_testing::{ForTests as _, OverHttp as _};
