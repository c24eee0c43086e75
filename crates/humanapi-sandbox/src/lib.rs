//! An offline Human API over real HTTP, stateful and seeded, for development and tests.
//!
#![doc = include_str!("../README.md")]

mod admin_api;
mod app;
mod apps_api;
mod area;
mod assumption;
mod authorization;
mod body;
mod call;
mod changes;
mod clock;
mod control;
mod control_api;
mod data;
mod edits;
mod exchanges;
mod fault;
mod guard;
mod incoming;
mod offline;
mod openapi;
mod order_control;
mod orders;
mod pages;
mod people;
mod persona;
mod record_change;
mod records;
mod reference;
mod reply;
mod request_log;
mod resource;
mod routes;
mod sandbox;
mod scenario;
mod seed;
mod server;
mod service;
mod source;
mod state;
mod subject;
mod token;
mod token_service;
mod user;
mod user_control;
mod world;

pub use app::{AppCredentials, DemoApp};
pub use assumption::{Assumption, AssumptionSetting, UnknownAssumption};
pub use control::{Control, ControlError};
pub use exchanges::ExchangeCounts;
pub use fault::{Fault, FaultKind, IntermediaryBody, InvalidFault};
pub use offline::{Delayed, Dropped, OfflineSandbox};
pub use order_control::{OrderControl, OrderSnapshot, TaskSnapshot};
pub use orders::{LedgerEntry, OrderState, TaskKind};
pub use people::Oddity;
pub use persona::{Persona, UnknownPersona};
pub use record_change::{InvalidRecordChange, RecordChange};
pub use request_log::LoggedRequest;
pub use sandbox::{Sandbox, SandboxBuilder, StartError};
pub use scenario::{InvalidScenario, Scenario};
pub use source::{Source, SourceKind};
pub use token::TokenKind;
pub use user::{UserSnapshot, UserStatus};
pub use user_control::UserControl;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, even if another thread panicked while it held the lock: a test that fails on one thread
/// must not make every later request of others fail as well.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
