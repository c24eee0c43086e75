//! The sandbox as its callers see it: through requests and responses, with a socket and without.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails where it stands, as the test itself would"
)]

mod admin_api;
mod apps;
mod changes;
mod control;
mod data_api;
mod days;
mod documented;
mod events;
mod faults;
mod histories;
mod odd;
mod pages;
mod routes;
mod socket;
mod support;
mod switches;
mod tasks;
mod token_service;
mod user_control;
mod vendor;
