//! Releases on a scratch clone of this repository.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod guards;
mod plans;
mod scratch;
