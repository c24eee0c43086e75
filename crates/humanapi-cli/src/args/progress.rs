//! How often it is told how far something long is.

use std::time::Duration;

use crate::setting::timeout;

#[derive(Debug, clap::Args)]
pub(crate) struct ProgressArgs {
    /// Where standard error is no terminal, tell there so often how far it is, as a line of JSON; 1m if nothing is said
    #[arg(
        long = "progress-every",
        value_name = "TIME",
        value_parser = timeout,
        help_heading = "How"
    )]
    pub(crate) every: Option<Duration>,
}
