//! What `humanapi data` takes.

use clap::Subcommand;
use humanapi_core::data::Route;

use super::kinds::chapter;
pub(crate) use super::kinds::{lists, name};
use super::read::resource;
pub(crate) use super::read::{NarrowArgs, ReadArgs};

/// What to read.
#[derive(Debug, Subcommand)]
pub(crate) enum DataVerb {
    /// Read records of one kind
    #[command(long_about = LIST_ABOUT, after_help = list_help())]
    List(ListArgs),
    /// Read one record by its id
    #[command(after_help = GET_HELP)]
    Get(GetArgs),
    /// Tell on one page what there is about a user: how much, since when, from which sources
    #[command(long_about = SHOW_ABOUT, after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Write the health data of many users to a folder, or one kind of record to standard output
    #[cfg(feature = "export")]
    #[command(long_about = super::export::ABOUT, after_help = super::export::help())]
    Export(Box<super::export::ExportArgs>),
    /// Write the documents of many users to a folder: of care as XML, and reports as JSON, HTML or PDF
    #[cfg(feature = "export")]
    #[command(long_about = super::documents::ABOUT, after_help = super::documents::HELP)]
    Documents(Box<super::documents::DocumentsArgs>),
    /// Tell how good the data of an export or of many users are, as JSON and as a page, and fail below thresholds
    #[cfg(feature = "report")]
    #[command(long_about = super::report::ABOUT, after_help = super::report::HELP)]
    Report(Box<super::report::ReportArgs>),
    /// Draw measured values over time: on this terminal, or as SVG or PNG
    #[cfg(feature = "plot")]
    #[command(long_about = super::plot::ABOUT, after_help = super::plot::HELP)]
    Plot(Box<super::plot::PlotArgs>),
    /// Keep the health data of many users in step in a folder
    #[cfg(feature = "sync")]
    #[command(long_about = super::sync::ABOUT, after_help = super::sync::help())]
    Sync(Box<super::sync::SyncArgs>),
    /// Tell the columns that exports of one kind of record have
    #[cfg(feature = "export")]
    #[command(long_about = super::schema::ABOUT, after_help = super::schema::help())]
    Schema(super::schema::SchemaArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The kind of record, such as activities or test_results
    #[arg(value_name = "RESOURCE", value_parser = resource(), hide_possible_values = true)]
    pub(crate) resource: &'static Route,
    /// Read at most so many records, 20 if nothing is said
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with = "all",
        help_heading = "What is asked for"
    )]
    pub(crate) limit: Option<u64>,
    /// Read all of them, page after page
    #[arg(long, help_heading = "What is asked for")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) narrow: NarrowArgs,
    /// The columns of a table, as the service names the fields, such as name,dateTime; asks for a table
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with_all = ["json", "ndjson"],
        help_heading = "Output"
    )]
    pub(crate) fields: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The kind of record, such as activities or test_results
    #[arg(value_name = "RESOURCE", value_parser = resource(), hide_possible_values = true)]
    pub(crate) resource: &'static Route,
    /// The record's id, as `humanapi data list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

/// How records are printed.
#[derive(Debug, clap::Args)]
pub(crate) struct PrintArgs {
    /// Print JSON, as is done anyway when the output is no terminal; records are as the service sent them
    #[arg(long, conflicts_with_all = ["ndjson", "table"], help_heading = "Output")]
    pub(crate) json: bool,
    /// Print one line of JSON for each record
    #[arg(long, conflicts_with = "table", help_heading = "Output")]
    pub(crate) ndjson: bool,
    /// Print a table, as is done anyway on a terminal
    #[arg(long, help_heading = "Output")]
    pub(crate) table: bool,
}

pub(super) const ABOUT: &str = "\
Read a user's health data: a list, one record, or a page about all of it.

Health data are printed because you ask for them: mind where the output goes. They stand on standard \
output alone; what else there is to say stands on standard error. JSON has each record byte for byte as \
the service sent it, and NDJSON the same on one line.

The client secret comes from --secret-file, from HUMANAPI_CLIENT_SECRET, from where a profile of \
`humanapi config` says it is, or from a hidden prompt; there is no option for it, because other programs \
can read a command line. A call is tried twice within 20 seconds, or within --timeout.";

pub(super) const EXAMPLES: &str = "  export HUMANAPI_CLIENT_ID=… HUMANAPI_CLIENT_SECRET=…
  humanapi data show --user p17
  humanapi data list activities --user p17
  humanapi data list test_results --user p17 --fields name,resultDateTime,status
  humanapi data list heart_rate --user p17 --days 2026-01-01..2026-01-31 --all --ndjson > january
  humanapi data plot blood_glucose --user p17
  humanapi data get activities 5f0000000000000000000a01 --user p17 --json | jq .distance
  humanapi data show --user p17 --base-url http://127.0.0.1:8080    against a sandbox";

const LIST_ABOUT: &str = "\
Read records of one kind.

Without --all it stops after 20 records, or as many as --limit says, and says so where there are more. \
Do not rely on their order.";

fn list_help() -> String {
    format!("{}\n{HELP}", chapter(lists()))
}

const GET_HELP: &str = "\
`humanapi data list --help` names the kinds of records, `humanapi data --help` has examples.";

const SHOW_ABOUT: &str = "\
Tell on one page what there is about a user: how much, since when, from which sources.

Every list is read, up to 10,000 records of each; where there are more, the page says so.";

const SHOW_HELP: &str = HELP;

const HELP: &str = "\
The client secret comes from --secret-file, HUMANAPI_CLIENT_SECRET, a profile or a hidden prompt.
`humanapi data --help` has examples, `humanapi --help` the exit codes.";
