//! The router over real HTTP, before a sandbox.

mod callback;
mod posts;
mod secrets;
mod settings;
mod story;
mod support;
