//! Keeping tokens: when one is served, renewed, waited for or given up, and how processes share them.
//!
//! All of it is plain data and time as a value; `humanapi-client` adds waiting, threads and stores.
//!
//! * [`Row`] is what a shared store keeps for one key, and what each operation does to it.

mod kept;
mod row;

pub use kept::KeptToken;
pub use row::{Acquired, Commit, Lease, Row, RowToken};
