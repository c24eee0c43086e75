//! Everything that can go wrong, one type a concern.

mod send;

pub use send::{SendFailure, SendFailureKind};
