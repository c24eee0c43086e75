//! What `humanapi data export` takes.

use std::path::PathBuf;

use humanapi_core::data::ReportFormat;
use humanapi_export::{Export, Format, Shard};
use jiff::Timestamp;

use super::how::HowArgs;
use super::kinds::{chapter, instant};
use super::service::SetupArgs;
use super::whose::{WhichArgs, WhoseArgs};

/// Whose data, which of them, and what they become.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) whose: WhoseArgs,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Only what changed since this moment, such as 2026-01-15T09:00:00Z; a day is its beginning in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant, help_heading = "What is asked for")]
    pub(crate) since: Option<Timestamp>,
    /// Documents too: of care in XML, and reports as json, html or pdf
    #[arg(
        long,
        value_name = "FORMAT",
        value_parser = report_format,
        requires = "out",
        help_heading = "What is asked for"
    )]
    pub(crate) documents: Option<ReportFormat>,
    /// Ask again for what the service refused before
    #[arg(long, requires = "out", help_heading = "What is asked for")]
    pub(crate) retry_refused: bool,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
    /// The folder to write to, or its address in an object store, see below; the same command again goes on there. Without it,
    /// one kind of record goes to standard output
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// What the files are, see below; ndjson if nothing is said
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "ndjson",
        hide_default_value = true,
        value_parser = |text: &str| text.parse::<Format>(),
        help_heading = "Output"
    )]
    pub(crate) format: Format,
    /// Add columns with each value in the unit of its kind, to formats that have columns, see below
    #[arg(long, help_heading = "Output")]
    pub(crate) values: bool,
    /// Take out what tells whose the data are: by `safe-harbor`, or by a file with a policy of your own; needs --key-file
    #[arg(
        long,
        value_name = "POLICY",
        requires = "key_file",
        conflicts_with = "documents",
        help_heading = "Output"
    )]
    pub(crate) deidentify: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) buckets: BucketsArgs,
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

/// Into which buckets users are put, and which of those are taken.
#[derive(Debug, clap::Args)]
pub(crate) struct BucketsArgs {
    /// Put users into so many buckets, 1 to 1000; 16 if nothing is said
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..=1000),
        help_heading = "Output"
    )]
    pub(crate) buckets: Option<u32>,
    /// A file with the key that users are put into buckets by, and codes are made by in the place of ids: 64 hexadecimal
    /// digits; without --deidentify, one is kept in the folder if nothing is said
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(crate) key_file: Option<PathBuf>,
    /// Take a share of the buckets, such as 1/4, while others take the other shares; needs --key-file
    #[arg(long, value_name = "I/N", requires = "key_file", help_heading = "How")]
    pub(crate) shard: Option<Shard>,
}

pub(super) fn report_format(text: &str) -> Result<ReportFormat, &'static str> {
    let found = ReportFormat::ALL
        .into_iter()
        .find(|format| format.name() == text);
    found.ok_or("it is json, html or pdf")
}

pub(super) const ABOUT: &str = "\
Write the health data of many users to a folder, or one kind of record to standard output.

Each user's records of a kind are read until all of them are there, many users at once and no faster than the service \
bears. In the folder, users are in buckets by a keyed hash, and each bucket has one file for each kind of record: \
resource=activities/bucket=0007/records.parquet. A file is in its place once it is whole. Whatever ends the command, the \
same command again goes on with the buckets that are not whole.

What the service refuses, such as a user who has connected nothing, is told at the end and listed in the folder's \
manifests, and is not asked for again but with --retry-refused.

With --deidentify, nothing stays but what the policy lets stay, field by field, with codes in the place of ids. What \
that is, and what it is not, stands in the book, under De-identification.

Health data are written because you ask for them, in files that only you can read: mind where they go.";

pub(super) fn help() -> String {
    let kinds = chapter(Export::all_resources());
    format!("{FORMATS}\n\n{kinds}\nExamples:\n{EXAMPLES}")
}

const FORMATS: &str = "\
Formats:
  ndjson           each record as it was sent, one a line
  ndjson-envelope  the same, with whose it is
  csv              columns
  parquet, arrow   columns with types, where this command has the feature `parquet`

Object stores:
  s3://bucket/folder       S3 and what speaks as it does, by AWS_REGION, AWS_ACCESS_KEY_ID …
  gs://bucket/folder       Google Cloud Storage, by GOOGLE_SERVICE_ACCOUNT …
  az://container/folder    Azure, by AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY …

Features that are not in every build: `parquet`; `values` for --values; `deidentify` for --deidentify; `cloud` for \
object stores.
`humanapi data export` without one of them says so before it asks for anything.";

const EXAMPLES: &str = "  humanapi data export --users users.txt --out exported
  humanapi data export --users users.txt --out lake --format parquet --rate 50
  humanapi data export --users users.txt --out valued --format parquet --values
  humanapi data export --users users.txt --out safe --deidentify safe-harbor --key-file key
  humanapi data export --users users.txt --out s3://example-bucket/exported --key-file key
  humanapi data export --user p17 --resources vitals,test_results --format csv --out p17
  humanapi data export --users - --resources heart_rate < users.txt | gzip > heart_rate.ndjson.gz";
