//! Sans-IO core.

mod body;
mod endpoint;
mod error;
mod now;

pub use body::Body;
pub use endpoint::{Request, Response};
pub use error::{SendFailure, SendFailureKind};
pub use http;
pub use now::Now;
