//! Whose data a verb reads that reads those of many users, and which of them.

use std::path::PathBuf;

use humanapi_core::data::Route;
use humanapi_export::Export;

use super::kinds::name;

#[derive(Debug, clap::Args)]
pub(crate) struct WhoseArgs {
    /// Your own id for a user; may be given several times
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "users",
        help_heading = "What is asked for"
    )]
    pub(crate) user: Vec<String>,
    /// A file with a user's id on each line; `-` reads standard input
    #[arg(long, value_name = "PATH", help_heading = "What is asked for")]
    pub(crate) users: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhichArgs {
    /// Only these kinds of records, such as activities,test_results; all if nothing is said
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = resource,
        help_heading = "What is asked for"
    )]
    resources: Vec<&'static Route>,
}

impl WhichArgs {
    /// These kinds of records, or all where there is none.
    pub(super) const fn of(resources: Vec<&'static Route>) -> Self {
        Self { resources }
    }

    /// The kinds of records that were named, or all.
    pub(crate) fn resources(&self) -> Vec<&'static Route> {
        match self.resources.is_empty() {
            true => Export::all_resources().collect(),
            false => self.resources.clone(),
        }
    }
}

pub(super) fn resource(text: &str) -> Result<&'static Route, &'static str> {
    let found = Export::all_resources().find(|route| name(route) == text);
    found.ok_or("there is no such kind of record; `humanapi data export --help` names them")
}
