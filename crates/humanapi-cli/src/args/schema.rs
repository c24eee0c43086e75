//! What `humanapi data schema` takes.

use clap::ValueEnum;
use humanapi_core::data::Route;
use humanapi_export::Export;

use super::kinds::chapter;
use super::whose::resource;

/// Whose columns, and as what.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// The kind of record, such as activities or test_results; without it, all kinds are named, one a line
    #[arg(value_name = "RESOURCE", value_parser = resource)]
    pub(crate) resource: Option<&'static Route>,
    /// As JSON, or as an Arrow stream without a row; JSON if nothing is said
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "json",
        hide_default_value = true,
        requires_if("arrow", "resource"),
        help_heading = "Output"
    )]
    pub(crate) format: SchemaFormat,
    /// With the columns that --values of an export adds
    #[arg(long, requires = "resource", help_heading = "Output")]
    pub(crate) values: bool,
    /// Without the column that --deidentify of an export leaves out: the record as it was sent
    #[arg(long, requires = "resource", help_heading = "Output")]
    pub(crate) deidentified: bool,
}

/// How columns are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    Json,
    #[cfg(feature = "parquet")]
    Arrow,
}

pub(super) const ABOUT: &str = "\
Tell the columns that files of one kind of record have, without asking the service anything.

They are the same whatever the records hold: --values and --deidentified say of which export. With --format arrow, which builds with the feature `parquet` have, it is what \
`humanapi data export --format arrow` writes when there is no record: a program has the schema before it asks for data.";

pub(super) fn help() -> String {
    let kinds = chapter(Export::all_resources());
    format!("{kinds}\nExamples:\n{EXAMPLES}")
}

const EXAMPLES: &str = "  humanapi data schema test_results
  humanapi data schema test_results --values --deidentified
  humanapi data schema heart_rate | jq -r '.[].name'";
