//! Stack-neutral client.

mod transport;

pub use transport::{BodyStream, StreamedResponse, Transport};
