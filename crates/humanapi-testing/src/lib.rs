//! For tests of applications on the Human API SDK.
//!
#![doc = include_str!("../README.md")]

mod clock;
mod for_tests;
mod transport;

pub use humanapi_client as client;
pub use humanapi_core as core;
#[doc(no_inline)]
pub use humanapi_sandbox as sandbox;

pub use clock::SandboxClock;
pub use for_tests::{ForTests, OverHttp};
#[cfg(feature = "data")]
pub use humanapi_client::testing::{RecordBuilder, RecordError, record};
pub use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
pub use humanapi_sandbox::{
    Control, ControlError, DemoApp, Fault, OfflineSandbox, Persona, RecordChange, Sandbox,
    Scenario, UserControl,
};
pub use transport::SandboxTransport;
