//! What `humanapi data report` takes.

use std::path::PathBuf;

use humanapi_core::data::Route;
use humanapi_export::Thresholds;

use super::how::rate;
use super::progress::ProgressArgs;
#[cfg(feature = "store")]
use super::service::StoreArgs;
use super::service::{ServiceArgs, SetupArgs};
use super::whose::resource;

/// Which data, what is told of them, and how good they have to be.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The folder of an export, whose files are ndjson, or parquet or arrow with the records as they were sent
    #[arg(
        value_name = "DIR",
        required_unless_present_any = ["user", "users"],
        conflicts_with_all = ["user", "users"]
    )]
    pub(crate) folder: Option<PathBuf>,
    /// Your own id for a user, whose data are read from the service; may be given several times
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) user: Vec<String>,
    /// A file with a user's id on each line; `-` reads standard input
    #[arg(long, value_name = "PATH", help_heading = "What is asked for")]
    pub(crate) users: Option<PathBuf>,
    /// Only these kinds of records, such as activities,test_results; all if nothing is said
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = resource,
        conflicts_with = "folder",
        help_heading = "What is asked for"
    )]
    pub(crate) resources: Vec<&'static Route>,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
    /// Write a page of HTML too, which needs no other file
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) thresholds: ThresholdArgs,
    /// Begin at most so many requests a second
    #[arg(long, value_name = "NUMBER", value_parser = rate, help_heading = "How")]
    pub(crate) rate: Option<f64>,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    #[cfg(feature = "store")]
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

/// How good the data have to be. Each is a share from 0 to 1.
#[derive(Debug, clap::Args)]
pub(crate) struct ThresholdArgs {
    /// Fail if a field is there less often, such as test_results.components.unit=0.9; may be given several times
    #[arg(
        long,
        value_name = "KIND.FIELD=SHARE",
        value_parser = completeness,
        help_heading = "Fail with code 9"
    )]
    pub(crate) min_complete: Vec<(String, f64)>,
    /// Fail if fewer records of a kind are of the year before they were read
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Fail with code 9")]
    pub(crate) min_recent: Option<f64>,
    /// Fail if more values of a kind have a unit that cannot be read
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Fail with code 9")]
    pub(crate) max_unread_units: Option<f64>,
    /// Fail if more records of a kind hold something that cannot be read as documented
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Fail with code 9")]
    pub(crate) max_odd: Option<f64>,
}

impl ThresholdArgs {
    pub(crate) fn thresholds(&self) -> Thresholds {
        let mut all = Thresholds::default();
        for (path, least) in &self.min_complete {
            all = all.with_completeness(path, *least);
        }
        if let Some(least) = self.min_recent {
            all = all.with_least_recent(least);
        }
        if let Some(most) = self.max_unread_units {
            all = all.with_most_unread_units(most);
        }
        if let Some(most) = self.max_odd {
            all = all.with_most_odd_records(most);
        }
        all
    }
}

fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("it is a share from 0 to 1, such as 0.9")
}

fn completeness(text: &str) -> Result<(String, f64), &'static str> {
    const FORM: &str = "it is written KIND.FIELD=SHARE, such as test_results.components.unit=0.9";
    let (path, least) = text.split_once('=').ok_or(FORM)?;
    let (kind, field) = path.split_once('.').ok_or(FORM)?;
    resource(kind)?;
    if field.is_empty() {
        return Err(FORM);
    }
    Ok((path.to_owned(), share(least)?))
}

pub(super) const ABOUT: &str = "\
Tell how good the data of an export or of many users are.

Of each kind of record: how often each field is there, of which code systems the codes are, how old the records are, which \
units could not be read and why, lists that changed while they were read, fields that are not as documented, and fields \
that no table has. On a terminal it is a table, else JSON; --html writes a page as well, which needs no other file.

It holds counts, and names of fields and code systems: nothing that a record says, and nothing of a user.";

pub(super) const HELP: &str = "\
Examples:
  humanapi data report exported
  humanapi data report lake --html quality.html
  humanapi data report exported --min-recent 0.5 --min-complete test_results.components.unit=0.9
  humanapi data report --users users.txt --resources test_results,vitals --max-unread-units 0.1";
