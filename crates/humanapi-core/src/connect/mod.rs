//! Connect from the server's side: opening it with a token, and reading what it reports.

mod launch;
mod report;

pub use launch::{Callback, CallbackError, DataAttributes, Launch, LaunchUrl, Mode};
pub use report::{
    AuthCode, ConnectEvent, ConnectReport, ConnectStatus, ConnectedSource, Location,
    MAX_REPORT_SIZE, ProviderRequest, ReportError,
};
