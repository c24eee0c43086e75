//! The router over real HTTP, before a sandbox.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod between;
mod callback;
mod posts;
mod secrets;
mod settings;
mod story;
mod support;
