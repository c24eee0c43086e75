//! The Admin API: orders for records, their reports, and who is told of them, for an application's client token.

mod actions;
mod caller;
mod consumer_link;
mod create;
mod form;
mod order_types;
mod reports;
mod subscriptions;
mod users;

pub(crate) use actions::act;
pub(crate) use caller::Caller;
pub(crate) use consumer_link::consumer_link;
pub(crate) use create::create_user;
pub(crate) use order_types::order_types;
pub(crate) use reports::{report, reports};
pub(crate) use subscriptions::{subscribe, subscription, subscriptions, unsubscribe};
pub(crate) use users::{providers, user, users};
