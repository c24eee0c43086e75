//! What `humanapi orders` takes, and the verbs about what orders lead to.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use humanapi_core::admin::ReportFormat;
use humanapi_core::connect::Callback;
use jiff::Timestamp;

use super::OutputArgs;
use super::kinds::instant;
use super::progress::ProgressArgs;
use super::service::{ServiceArgs, StoreArgs};
use crate::setting::timeout;

/// What to do about orders.
#[derive(Debug, Subcommand)]
pub(crate) enum OrdersVerb {
    /// Place the orders of a file, each once, whatever happens on the way
    #[command(long_about = SUBMIT_ABOUT, after_help = SUBMIT_HELP)]
    Submit(Box<SubmitArgs>),
    /// Tell where a user's orders stand
    #[command(after_help = HELP)]
    Status(Box<UserRefArgs>),
    /// List the users whom records were ordered for
    #[command(long_about = LIST_ABOUT, after_help = HELP)]
    List(Box<ListUsersArgs>),
    /// End a user's order
    #[command(long_about = ABORT_ABOUT, after_help = HELP)]
    Abort(Box<UserRefArgs>),
    /// Have a user's records retrieved again
    #[command(after_help = HELP)]
    Resync(Box<UserRefArgs>),
    /// Find out what became of orders whose outcome is not known, and decide where nobody can tell
    #[command(long_about = RECONCILE_ABOUT, after_help = RECONCILE_HELP)]
    Reconcile(Box<ReconcileArgs>),
    /// Tell each change of a user's orders until all of them are completed or cancelled
    #[command(long_about = WATCH_ABOUT, after_help = HELP)]
    Watch(Box<UserRefArgs>),
    /// List the types of order that your application may place
    #[command(after_help = HELP)]
    Types(Box<AdminArgs>),
}

/// Where the Admin API is, who asks it, and how it is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct AdminArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// One user, by the one id or the other.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Who {
    /// Your own id for the user
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) user: Option<String>,
    /// Human API's id for the user
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) human_id: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UserRefArgs {
    #[command(flatten)]
    pub(crate) who: Who,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListUsersArgs {
    /// Read at most so many users, 20 if nothing is said
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
    pub(crate) admin: AdminArgs,
}

/// Where it is written which orders were sent.
#[derive(Debug, clap::Args)]
pub(crate) struct JournalArgs {
    /// Where it is written which orders were sent, and where tokens are kept: sqlite:PATH, postgres or
    /// redis, whose address comes from HUMANAPI_STORE_URL; `humanapi store init` sets it up
    #[arg(
        long,
        value_name = "STORE",
        help_heading = "How orders are placed once"
    )]
    pub(crate) store: Option<String>,
    /// The file of the store's keys; HUMANAPI_STORE_KEYS may hold them instead
    #[arg(
        long,
        value_name = "PATH",
        requires = "store",
        help_heading = "How orders are placed once"
    )]
    pub(crate) store_keys: Option<PathBuf>,
    /// After so long an order that may have left and is not found counts as not there; 15m if nothing
    /// is said, and it has to be longer than the service takes to show what it has
    #[arg(
        long,
        value_name = "TIME",
        value_parser = timeout,
        help_heading = "How orders are placed once"
    )]
    pub(crate) absent_after: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SubmitArgs {
    /// The file of orders, CSV or JSON; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Check every order and say how many there are; send nothing, and ask for no secret
    #[arg(long, conflicts_with_all = ["yes", "results"], help_heading = "How orders are placed once")]
    pub(crate) dry_run: bool,
    /// Place them without asking, as scripts have to
    #[arg(long, help_heading = "How orders are placed once")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Send an order once more that was sent and, after --absent-after, is known not to be there
    #[arg(long, help_heading = "How orders are placed once")]
    pub(crate) send_absent: bool,
    /// So many orders at once at most, 16 if nothing is said; it begins with few and goes by what the
    /// service bears
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..=64),
        help_heading = "How orders are placed once"
    )]
    pub(crate) at_once: Option<u32>,
    /// Write what became of each order into this file, as CSV, whole or not at all
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) results: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReconcileArgs {
    /// The key of one order; without it all that are open
    #[arg(value_name = "INTENT")]
    pub(crate) intent: Option<String>,
    /// It is not there: `orders submit` may send once more what was sent at this time, which `orders reconcile INTENT`
    /// shows. You have looked, in the vendor's portal
    #[arg(
        long,
        value_name = "SENT_AT",
        value_parser = instant,
        requires = "intent",
        conflicts_with = "exists",
        help_heading = "What you decide"
    )]
    pub(crate) send_again: Option<Timestamp>,
    /// It is there, for the user of this id of Human API's
    #[arg(
        long,
        value_name = "HUMAN_ID",
        requires = "intent",
        help_heading = "What you decide"
    )]
    pub(crate) exists: Option<String>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What to do about reports.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportsVerb {
    /// List the reports that there are of a user
    #[command(after_help = REPORTS_HELP)]
    List(Box<ListReportsArgs>),
    /// Read one report, as it arrives
    #[command(long_about = GET_REPORT_ABOUT, after_help = REPORTS_HELP)]
    Get(Box<GetReportArgs>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListReportsArgs {
    #[command(flatten)]
    pub(crate) who: Who,
    /// Only those that the order of this id had made
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) order: Option<String>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetReportArgs {
    /// The report's id, as `humanapi reports list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// In which form it is, pdf, json or html: what is none is an error then; the file's name tells it too
    #[arg(long, value_name = "FORM", value_parser = format, help_heading = "What is asked for")]
    pub(crate) format: Option<ReportFormat>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// Write it into this file, whole or not at all
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
}

fn format(text: &str) -> Result<ReportFormat, &'static str> {
    let mut known = ReportFormat::ALL.into_iter();
    known
        .find(|format| format.name() == text)
        .ok_or("it is pdf, json or html")
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConsumerLinkArgs {
    #[command(flatten)]
    pub(crate) who: Who,
    /// Where it leads back to; the vendor must have put it on your application's list
    #[arg(long, value_name = "URL", value_parser = callback, help_heading = "What is asked for")]
    pub(crate) callback: Option<Callback>,
    /// Show the address in clear: whoever has it is let in as the user
    #[arg(long, help_heading = "Output")]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

fn callback(text: &str) -> Result<Callback, String> {
    Callback::parse(text).map_err(|error| format!("{error}; {}", error.remedy()))
}

/// What to do about subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionsVerb {
    /// List the subscriptions of one address to one user's order
    #[command(after_help = SUBSCRIPTIONS_HELP)]
    List(Box<SubscriberArgs>),
    /// Have somebody told by e-mail how a user's order goes on
    #[command(after_help = SUBSCRIPTIONS_HELP)]
    Add(Box<SubscribeArgs>),
    /// Tell of one subscription
    #[command(after_help = SUBSCRIPTIONS_HELP)]
    Get(Box<SubscriptionArgs>),
    /// End one subscription
    #[command(after_help = SUBSCRIPTIONS_HELP)]
    Remove(Box<SubscriptionArgs>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Subscriber {
    /// Your own id for the user
    #[arg(long, value_name = "ID", help_heading = "What is asked for")]
    pub(crate) user: String,
    /// Where mails go
    #[arg(long, value_name = "ADDRESS", help_heading = "What is asked for")]
    pub(crate) email: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SubscriberArgs {
    #[command(flatten)]
    pub(crate) subscriber: Subscriber,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SubscribeArgs {
    #[command(flatten)]
    pub(crate) subscriber: Subscriber,
    /// The subscriber's first name
    #[arg(
        long,
        value_name = "NAME",
        requires = "last_name",
        help_heading = "What is asked for"
    )]
    pub(crate) first_name: Option<String>,
    /// The subscriber's last name
    #[arg(
        long,
        value_name = "NAME",
        requires = "first_name",
        help_heading = "What is asked for"
    )]
    pub(crate) last_name: Option<String>,
    /// The subscriber's office
    #[arg(long, value_name = "NAME", help_heading = "What is asked for")]
    pub(crate) office: Option<String>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SubscriptionArgs {
    /// The subscription's id, as `humanapi subscriptions list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// What to do with the Admin API by hand.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminVerb {
    /// Send any call to the Admin API: `humanapi api`, for paths below /api alone
    #[command(after_help = CALL_HELP)]
    Call(Box<super::api::ApiArgs>),
}

pub(super) const ABOUT: &str = "\
Order records on the Health Intelligence Platform, and follow the orders.

An order costs money and touches a patient, and the service has no key by which it would know one again. \
So each is written into the journal of a store before it is sent, and never sent twice by itself; `submit --help` says \
how. Names, dates of birth and numbers of social security are taken from files alone and are never printed.

The client secret comes from --secret-file, from HUMANAPI_CLIENT_SECRET, from where a profile of \
`humanapi config` says it is, or from a hidden prompt.";

pub(super) const EXAMPLES: &str = "  humanapi orders types
  humanapi orders submit applicants.csv --dry-run
  humanapi orders submit applicants.csv --store sqlite:orders.db --store-keys keys.txt --results done.csv
  humanapi orders status --user policy-000417
  humanapi orders watch --user policy-000417
  humanapi orders reconcile --store sqlite:orders.db --store-keys keys.txt
  humanapi orders abort --user policy-000417";

const SUBMIT_ABOUT: &str = "\
Place the orders of a file, each once, whatever happens on the way.

Every order is checked before the first is sent. Then it is said how many billable orders that are, and \
asked whether to place them. Each is written into the journal before it is sent: run the same file again \
after a crash, and what was placed is not sent again, and what may have been is looked for. An order whose \
outcome nobody can tell is never sent again by itself; the command then ends with code 8.

A CSV has a first line of names, and of each of these as many columns as you need. They are the service's \
own, with a dot before what lies within and a number for each of several: clientUserId, clientUserEmail, \
firstName, middleName, lastName, gender, dateOfBirth, ssn, phone, autoInvite, orderType, address.street1, \
address.street2, address.city, address.state, address.zip, suggestedSources.0, conditions.0, \
clientData.NAME, providers.0.name (and organizationName, clientProviderId, phone, fax, mrn, npi, and \
address.street1 and so on), and attachments.0.path, a PDF or TIFF of the user's authorization, from the \
file's folder on. An empty cell is none. All of it is text, so a ZIP code keeps its zeros. JSON is one such \
order or an array of them.

Two lines are one order where their intent is the same: the column intent, or else clientUserId and \
orderType together. It is made of those and not of the line's number or of all that stands in the line, so \
that a file that was sorted, or corrected after some orders were placed, orders nothing twice. A second \
order of the same type for the same user needs an intent of its own.";

const SUBMIT_HELP: &str = "\
Examples:
  humanapi orders submit applicants.csv --dry-run
  humanapi orders submit applicants.csv --store sqlite:orders.db --store-keys keys.txt
  humanapi orders submit applicants.csv --store sqlite:orders.db --store-keys keys.txt --yes --results done.csv
  humanapi store init --store sqlite:orders.db --store-keys keys.txt --new-keys    once, before the first

`humanapi --help` has the exit codes.";

const LIST_ABOUT: &str = "\
List the users whom records were ordered for.

Without --all it stops after 20 users, or as many as --limit says, and says so where there are more. \
Piped, each user is one line of JSON. Names and dates of birth are not printed.";

const ABORT_ABOUT: &str = "\
End a user's order.

It becomes Cancelled, and nobody is told of it any more. One that is completed or cancelled cannot be ended.";

const WATCH_ABOUT: &str = "\
Tell each change of a user's orders until all of them are completed or cancelled.

The service is asked after 30 seconds, then less and less often, up to once in 15 minutes. A user who has no \
order yet is waited for; Ctrl-C ends it.";

const RECONCILE_ABOUT: &str = "\
Find out what became of orders whose outcome is not known, and decide where nobody can tell.

What the service has is read, and nothing is sent. Where that does not tell, look in the vendor's portal, and \
decide with --send-again or --exists about the one order whose intent you name.";

const RECONCILE_HELP: &str = "\
Examples:
  humanapi orders reconcile --store sqlite:orders.db --store-keys keys.txt
  humanapi orders reconcile policy-000417/full --store sqlite:orders.db --store-keys keys.txt --send-again 2026-01-15T09:00:00.417Z

`humanapi --help` has the exit codes.";

const HELP: &str = "\
The client secret comes from --secret-file, HUMANAPI_CLIENT_SECRET, a profile or a hidden prompt.
`humanapi orders --help` has examples, `humanapi --help` the exit codes.";

pub(super) const PROVIDERS_EXAMPLES: &str = "  humanapi providers --user policy-000417
  humanapi providers --human-id 7a1d0c55e2f34b8f9d3b6c0e4f2a1b90 --json | jq -r '.[].name'";

pub(super) const REPORTS_EXAMPLES: &str = "  humanapi reports list --user policy-000417
  humanapi reports get rep-1 --output rep-1.pdf";

const REPORTS_HELP: &str = "\
The client secret comes from --secret-file, HUMANAPI_CLIENT_SECRET, a profile or a hidden prompt.
`humanapi reports --help` has examples, `humanapi --help` the exit codes.";

const GET_REPORT_ABOUT: &str = "\
Read one report, as it arrives.

It goes into the file that --output names, whole or not at all, or to standard output, which has to be no \
terminal where the report is a PDF.";

pub(super) const LINK_ABOUT: &str = "\
Make an address at which a user does what an order lacks.

It opens the Task Manager as the user, for 8 hours, to whoever has it. So it is masked unless --reveal is given.";

pub(super) const LINK_EXAMPLES: &str = "  humanapi consumer-link --user policy-000417
  humanapi consumer-link --user policy-000417 --reveal --json | jq -r .url";

pub(super) const SUBSCRIPTIONS_ABOUT: &str = "\
Look after who is told by e-mail how a user's order goes on.

A subscription is a person, such as an insurance producer, and no webhook.";

pub(super) const SUBSCRIPTIONS_EXAMPLES: &str =
    "  humanapi subscriptions add --user policy-000417 --email producer-9@example.test
  humanapi subscriptions list --user policy-000417 --email producer-9@example.test
  humanapi subscriptions remove 65a0f3c2d4b1e09876543bbb";

const SUBSCRIPTIONS_HELP: &str = "\
The client secret comes from --secret-file, HUMANAPI_CLIENT_SECRET, a profile or a hidden prompt.
`humanapi subscriptions --help` has examples, `humanapi --help` the exit codes.";

pub(super) const ADMIN_EXAMPLES: &str = "  humanapi admin call GET /api/v1/users --query offset=0
  humanapi admin call POST /api/v1/users/actions --field clientUserId=p17 --field action=abort";

const CALL_HELP: &str = "\
`humanapi api --help` says all of it.";
