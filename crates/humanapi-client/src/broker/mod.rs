//! Keeping tokens for all callers of a process, and sharing them with others.

mod bucket;
mod builder;
mod busy;
mod cache;
mod event;
mod exchange;
mod flight;
mod request;
mod sync;
mod table;
mod token_broker;

pub use self::builder::TokenBrokerBuilder;
pub use self::event::{BrokerEvent, BrokerListener, EventKey};
pub use self::table::TokenRef;
pub use self::token_broker::TokenBroker;
