//! How fast a verb reads that reads the data of many users, and what it tells meanwhile.

use super::progress::ProgressArgs;
use super::service::ServiceArgs;
#[cfg(feature = "store")]
use super::service::StoreArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct HowArgs {
    /// Begin at most so many requests a second
    #[arg(long, value_name = "NUMBER", value_parser = rate, help_heading = "How")]
    pub(crate) rate: Option<f64>,
    /// Begin at most so many requests a second together with all who share the store, each given the same number
    #[cfg(feature = "store")]
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = rate,
        requires = "store",
        conflicts_with = "rate",
        help_heading = "How"
    )]
    pub(crate) shared_rate: Option<f64>,
    /// Read so many lists at once; 16 if nothing is said
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "How")]
    pub(crate) at_once: Option<u16>,
    /// Tell what would be read and written, and ask the service nothing
    #[arg(long, help_heading = "How")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    #[cfg(feature = "store")]
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

pub(super) fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate| (0.001..=100_000.0).contains(rate));
    rate.ok_or("it is a number of requests, such as 50 or 0.5")
}
