//! Connect from the server's side: opening it with a token, and reading what it reports.

mod callback;
mod launch;
mod outcome;
mod report;

pub use callback::{AllowedCallbacks, Callback, CallbackError};
pub use launch::{
    DataAttributes, FunctionName, LAUNCH_MARGIN, Launch, LaunchError, LaunchForm, LaunchUrl, Mode,
    NotAFunctionName, OpenOptions, PageFunctions,
};
pub use outcome::{ConnectEnd, ConnectOutcome, NextStep};
pub use report::{
    AuthCode, ConnectEvent, ConnectReport, ConnectStatus, ConnectedSource, Location,
    MAX_REPORT_SIZE, ProviderRequest, ReportError,
};
