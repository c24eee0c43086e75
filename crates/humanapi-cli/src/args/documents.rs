//! What `humanapi data documents` takes.

use std::path::PathBuf;

use humanapi_core::data::{ReportFormat, Route};
use humanapi_export::{Export, Format};
use jiff::Timestamp;

use super::export::{BucketsArgs, ExportArgs, report_format};
use super::how::HowArgs;
use super::kinds::{instant, name};
use super::service::SetupArgs;
use super::whose::{WhichArgs, WhoseArgs};

/// Whose documents, which of them, and where they go.
#[derive(Debug, clap::Args)]
#[command(mut_arg("key_file", |key_file| key_file.help(KEY_FILE)))]
pub(crate) struct DocumentsArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    /// Only these kinds of documents: ccds, which are of care, or reports; both if nothing is said
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        value_parser = with_documents,
        help_heading = "What is asked for"
    )]
    resources: Vec<&'static Route>,
    /// Only what changed since this moment, such as 2026-01-15T09:00:00Z; a day is its beginning in UTC. Reports do not tell
    /// when they changed
    #[arg(long, value_name = "INSTANT", value_parser = instant, help_heading = "What is asked for")]
    since: Option<Timestamp>,
    /// Ask again for what the service refused before
    #[arg(long, help_heading = "What is asked for")]
    retry_refused: bool,
    #[command(flatten)]
    setup: SetupArgs,
    /// The folder to write to, or its address in an object store; the same command again goes on there
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: PathBuf,
    /// What reports are: json, html or pdf; json if nothing is said. Documents of care are XML
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "json",
        hide_default_value = true,
        value_parser = report_format,
        help_heading = "Output"
    )]
    format: ReportFormat,
    #[command(flatten)]
    buckets: BucketsArgs,
    #[command(flatten)]
    how: HowArgs,
}

impl From<DocumentsArgs> for ExportArgs {
    /// The export that it is.
    fn from(args: DocumentsArgs) -> Self {
        let resources = match args.resources.is_empty() {
            true => Export::resources_with_documents().collect(),
            false => args.resources,
        };
        Self {
            whose: args.whose,
            which: WhichArgs::of(resources),
            since: args.since,
            documents: Some(args.format),
            retry_refused: args.retry_refused,
            setup: args.setup,
            out: Some(args.out),
            format: Format::Ndjson,
            values: false,
            deidentify: None,
            buckets: args.buckets,
            how: args.how,
        }
    }
}

fn with_documents(text: &str) -> Result<&'static Route, &'static str> {
    let found = Export::resources_with_documents().find(|route| name(route) == text);
    found.ok_or("it is ccds or reports")
}

const KEY_FILE: &str = "A file with the key that users are put into buckets by, 64 hexadecimal digits; kept in the folder \
                        if nothing is said";

pub(super) const ABOUT: &str = "\
Write the documents of many users to a folder: of care as XML, and reports as JSON, HTML or PDF.

Each document is a file, byte for byte as the service sent it, at a path that tells nothing of the user: \
documents=ccds/bucket=0007/3f9c….xml. _documents.ndjson beside them has a line for each: whose it is, its id, its file, \
its bytes and SHA-256, or why it is missing. What the lists tell of documents, such as their titles and dates, is in \
resource=ccds/bucket=0007/records.ndjson, and _manifest tells what is whole.

A document is in its place once it is whole; one that is cut off is asked for again, and leaves nothing. Whatever ends \
the command, the same command again goes on with the buckets that are not whole. It is the export that `humanapi data \
export --resources ccds,reports --documents FORMAT` is, and goes on with one.

Documents are full of names, and are written because you ask for them, in files that only you can read: mind where they go.";

pub(super) const HELP: &str = "\
Examples:
  humanapi data documents --users users.txt --out documents
  humanapi data documents --user p17 --resources ccds --out p17-documents
  humanapi data documents --users users.txt --resources reports --format pdf --rate 20 --out as-pdf
  jq -c 'select(.missing)' documents/documents=*/bucket=*/_documents.ndjson";
