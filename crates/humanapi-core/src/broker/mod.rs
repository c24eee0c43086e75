//! Keeping tokens: when one is served, renewed, waited for or given up, and how processes share them.
//!
//! All of it is plain data and time as a value; `humanapi-client` adds waiting, threads and stores.
//!
//! * [`CacheEntry`] decides for one key what becomes of each lookup; [`Life`] is what it knows of a token,
//!   [`BrokerPolicy`] its margins and pauses.
//! * [`SharedExchange`] gets one token through a store that several processes share.
//! * [`Row`] is what such a store keeps for one key, and what each operation does to it.

mod cache_entry;
mod kept;
mod life;
mod policy;
mod row;
mod shared_exchange;

pub use cache_entry::{CacheDecision, CacheEntry, Lookup};
pub use kept::KeptToken;
pub use life::{Fitness, Life};
pub use policy::BrokerPolicy;
pub use row::{Acquired, Commit, Lease, Row, RowToken};
pub use shared_exchange::{Found, Got, SharedExchange, StoreInput, StoreStep};
