//! The command line: verbs, options, and what `--help` teaches.
//!
//! One piece: `humanapi --help` is read from top to bottom and so is this, each verb with its options, what it is about
//! and its examples; the verbs that share options have them in files of their own.

use std::ffi::OsString;
use std::io::Write as _;
#[cfg(feature = "sandbox")]
use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::{CommandFactory as _, Parser, Subcommand};
#[cfg(feature = "sandbox")]
use humanapi_core::connect::{Callback, CallbackError};
#[cfg(feature = "sandbox")]
use humanapi_core::{BaseUrl, HostError};
#[cfg(feature = "sandbox")]
use humanapi_sandbox::Assumption;

#[cfg(feature = "demo")]
use crate::adapter::Adapter;
use crate::exit::{self, Failure};
use crate::output::palette;

#[cfg(feature = "data")]
pub(crate) mod api;
#[cfg(test)]
mod book;
#[cfg(feature = "token")]
pub(crate) mod config;
#[cfg(feature = "data")]
pub(crate) mod data;
#[cfg(feature = "export")]
pub(crate) mod documents;
#[cfg(feature = "export")]
pub(crate) mod export;
#[cfg(feature = "export")]
mod how;
#[cfg(feature = "data")]
mod kinds;
mod mistake;
#[cfg(feature = "orders")]
pub(crate) mod orders;
#[cfg(any(feature = "sandbox", feature = "token"))]
mod output;
#[cfg(feature = "plot")]
pub(crate) mod plot;
#[cfg(any(feature = "export", feature = "orders"))]
pub(crate) mod progress;
#[cfg(feature = "data")]
mod read;
#[cfg(feature = "report")]
pub(crate) mod report;
#[cfg(feature = "sandbox")]
pub(crate) mod sandbox;
#[cfg(feature = "export")]
pub(crate) mod schema;
#[cfg(feature = "token")]
pub(crate) mod service;
#[cfg(feature = "sync")]
pub(crate) mod sync;
#[cfg(feature = "export")]
mod whose;

#[cfg(any(feature = "sandbox", feature = "token"))]
pub(crate) use output::OutputArgs;
#[cfg(feature = "store")]
pub(crate) use service::StoreArgs;
#[cfg(feature = "token")]
pub(crate) use service::{ServiceArgs, SetupArgs, UserArgs};

/// Human API from a terminal: a demo, an offline sandbox, tokens, and health data.
#[derive(Debug, Parser)]
#[command(
    name = "humanapi",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    styles = STYLES,
    max_term_width = 100,
    after_help = after_help(),
)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

/// What the command does.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Tell the whole story on an embedded sandbox, step by step
    #[cfg(feature = "demo")]
    #[command(long_about = DEMO_ABOUT, after_help = examples(DEMO_EXAMPLES))]
    Demo(DemoArgs),
    /// Run the sandbox, an offline Human API for development and tests, or act on one that runs
    #[cfg(feature = "sandbox")]
    #[command(
        long_about = SANDBOX_ABOUT,
        after_help = examples(SANDBOX_EXAMPLES),
        args_conflicts_with_subcommands = true,
        disable_help_subcommand = true,
        subcommand_help_heading = "To a sandbox that runs",
    )]
    Sandbox(Box<SandboxArgs>),
    /// Ask the token service for a token
    #[cfg(feature = "token")]
    #[command(long_about = TOKEN_ABOUT, after_help = examples(TOKEN_EXAMPLES), arg_required_else_help = true)]
    Token(TokenArgs),
    /// Read a user's health data: a list, one record, or a page about all of it
    #[cfg(feature = "data")]
    #[command(
        long_about = data::ABOUT,
        after_help = examples(data::EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Data(data::DataVerb),
    /// Order records and follow the orders, each placed once
    #[cfg(feature = "orders")]
    #[command(
        long_about = orders::ABOUT,
        after_help = examples(orders::EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Orders(orders::OrdersVerb),
    /// List who keeps records of a user
    #[cfg(feature = "orders")]
    #[command(after_help = examples(orders::PROVIDERS_EXAMPLES))]
    Providers(Box<orders::UserRefArgs>),
    /// List and read the reports that orders led to
    #[cfg(feature = "orders")]
    #[command(
        after_help = examples(orders::REPORTS_EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Reports(orders::ReportsVerb),
    /// Make an address at which a user does what an order lacks
    #[cfg(feature = "orders")]
    #[command(long_about = orders::LINK_ABOUT, after_help = examples(orders::LINK_EXAMPLES))]
    ConsumerLink(Box<orders::ConsumerLinkArgs>),
    /// Look after who is told by e-mail how a user's order goes on
    #[cfg(feature = "orders")]
    #[command(
        long_about = orders::SUBSCRIPTIONS_ABOUT,
        after_help = examples(orders::SUBSCRIPTIONS_EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Subscriptions(orders::SubscriptionsVerb),
    /// Send calls to the Admin API by hand
    #[cfg(feature = "orders")]
    #[command(
        after_help = examples(orders::ADMIN_EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Admin(orders::AdminVerb),
    /// Look after the store that processes share tokens through
    #[cfg(feature = "store")]
    #[command(
        long_about = STORE_ABOUT,
        after_help = examples(STORE_EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Store(StoreVerb),
    /// Send any call to the service, and print its answer as it came
    #[cfg(feature = "data")]
    #[command(long_about = api::ABOUT, after_help = examples(api::EXAMPLES))]
    Api(Box<api::ApiArgs>),
    /// Keep settings in profiles, and tell which ones count
    #[cfg(feature = "token")]
    #[command(
        long_about = config::ABOUT,
        after_help = examples(config::EXAMPLES),
        arg_required_else_help = true,
        disable_help_subcommand = true,
        subcommand,
    )]
    Config(config::ConfigVerb),
    /// Print what a shell needs to complete this command's words
    #[command(after_help = examples(COMPLETIONS_EXAMPLES))]
    Completions(CompletionsArgs),
    /// Print the manual page, or write the pages of all verbs into a folder
    #[command(after_help = examples(MAN_EXAMPLES))]
    Man(ManArgs),
    /// Print the command reference in Markdown
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Where the pages go, one for each verb
    #[arg(long, value_name = "PATH")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that is to complete
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(feature = "demo")]
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Which HTTP stack sends the requests
    #[arg(long, value_enum, default_value_t, value_name = "STACK")]
    pub(crate) adapter: Adapter,
    /// Be the person yourself: Connect opens in your browser, where there is one
    #[arg(long)]
    pub(crate) browser: bool,
    /// The number from which ids, tokens and health data follow
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) seed: u64,
    /// Where the files go that the story ends with: an empty folder, or one that is not there; a new one among those for
    /// temporary files if nothing is said
    #[cfg(all(feature = "export", feature = "plot"))]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(feature = "sandbox")]
#[derive(Debug, clap::Args)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<sandbox::SandboxVerb>,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) port: u16,
    /// The number from which ids, secrets, tokens and health data follow
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) seed: u64,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// The address to listen on; beyond this machine, control calls need a token that is printed
    #[arg(
        long,
        default_value = "127.0.0.1",
        value_name = "ADDRESS",
        help_heading = "Who reaches it"
    )]
    pub(crate) bind: IpAddr,
    /// A further name that requests may be for, without a port; may be repeated
    #[arg(long, value_name = "NAME", value_parser = host_name, help_heading = "Who reaches it")]
    pub(crate) allow_host: Vec<String>,
    /// Where your app runs: hosted Connect may lead back to any page of it; may be repeated
    #[arg(long, value_name = "URL", value_parser = app_origin, help_heading = "Who reaches it")]
    pub(crate) app_origin: Vec<String>,
    /// One address that hosted Connect may lead back to, a custom scheme's too; may be repeated
    #[arg(long, value_name = "URL", value_parser = callback, help_heading = "Who reaches it")]
    pub(crate) callback: Vec<String>,
    /// Decide what the documentation leaves open; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = assumed, help_heading = "How it begins")]
    pub(crate) assume: Vec<(Assumption, String)>,
    /// Stop the clock at this instant, such as 2026-01-15T09:00:00Z; the control API moves it
    #[arg(long, value_name = "INSTANT", help_heading = "How it begins")]
    pub(crate) frozen_at: Option<jiff::Timestamp>,
    /// A scenario in JSON: users in given states, sources, faults, assumptions, made-up credentials
    #[arg(long, value_name = "FILE", help_heading = "How it begins")]
    pub(crate) state: Option<PathBuf>,
    /// Show the dashboard in your browser, where there is one
    #[arg(long)]
    pub(crate) browser: bool,
}

/// Reads `NAME=VALUE`.
#[cfg(feature = "sandbox")]
fn assumed(text: &str) -> Result<(Assumption, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("it is written NAME=VALUE, such as id-response=lean")?;
    let assumption: Assumption = name.parse().map_err(|error| format!("{error}"))?;
    if !assumption.values().contains(&value) {
        return Err(format!(
            "{assumption} can be {}",
            assumption.values().join(" or ")
        ));
    }
    Ok((assumption, value.to_owned()))
}

/// Reads an origin: a scheme, a host and perhaps a port, and nothing behind them but a slash.
#[cfg(feature = "sandbox")]
fn app_origin(text: &str) -> Result<String, String> {
    let base = BaseUrl::parse(text).map_err(refused)?;
    if !base.path().is_empty() {
        return Err(
            "it is an origin, such as http://127.0.0.1:3000; --callback takes whole addresses"
                .to_owned(),
        );
    }
    Ok(base.origin())
}

/// Reads what hosted Connect may lead back to: an address, or `…/*` for all below it.
#[cfg(feature = "sandbox")]
fn callback(text: &str) -> Result<String, String> {
    let below = text.strip_suffix("/*").unwrap_or(text);
    match Callback::parse(below) {
        Ok(_) => Ok(text.to_owned()),
        Err(CallbackError::Address(error)) => Err(refused(error)),
        Err(error) => Err(format!("{error}; {}", error.remedy())),
    }
}

/// Reads the name of a host, as it stands before the port in an address.
#[cfg(feature = "sandbox")]
fn host_name(text: &str) -> Result<String, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    if text.contains(['/', ':', '@']) {
        return Err(
            "it is a name alone, such as sandbox.example.test, without scheme, port and path"
                .to_owned(),
        );
    }
    let base = BaseUrl::parse(&format!("https://{text}")).map_err(refused)?;
    Ok(base.origin().split_off("https://".len()))
}

/// Why an address is none, and what to write instead.
#[cfg(feature = "sandbox")]
fn refused(error: HostError) -> String {
    format!("{error}; {}", error.remedy())
}

#[cfg(feature = "token")]
#[derive(Debug, clap::Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) kind: TokenVerb,
}

/// Which token.
#[cfg(feature = "token")]
#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Opens Connect for a user who has connected nothing yet; lives 1 hour
    #[command(after_help = KIND_HELP)]
    Session {
        #[command(flatten)]
        user: UserArgs,
        #[command(flatten)]
        email: EmailArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Opens Connect for a returning user; lives 24 hours
    #[command(after_help = KIND_HELP)]
    Id {
        #[command(flatten)]
        user: UserArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Reads one user's health data, from a server; lives 24 hours
    #[command(after_help = KIND_HELP)]
    Access {
        #[command(flatten)]
        user: UserArgs,
        #[command(flatten)]
        setup: SetupArgs,
        #[cfg(feature = "store")]
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Administers your application on the Health Intelligence Platform; lives 24 hours
    #[command(after_help = KIND_HELP)]
    Client {
        #[cfg(feature = "store")]
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Opens Connect: a session or an id token, whichever is right for the user
    #[command(after_help = KIND_HELP)]
    Connect {
        #[command(flatten)]
        user: UserArgs,
        /// What you know of the user; it chooses which kind is asked for first
        #[arg(
            long,
            value_enum,
            default_value_t,
            value_name = "STATUS",
            help_heading = "What is asked for"
        )]
        status: Status,
        #[command(flatten)]
        email: EmailArgs,
        #[cfg(feature = "store")]
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
}

/// Which store, with which keys.
#[cfg(feature = "store")]
#[derive(Debug, clap::Args)]
pub(crate) struct StorePlace {
    /// sqlite:PATH, postgres or redis, whose address comes from HUMANAPI_STORE_URL
    #[arg(long, value_name = "STORE")]
    pub(crate) store: String,
    /// The file of the store's keys; HUMANAPI_STORE_KEYS may hold them instead
    #[arg(long = "store-keys", value_name = "PATH")]
    pub(crate) keys: Option<PathBuf>,
}

/// What to do with a store.
#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum StoreVerb {
    /// Set a store up; harmless where that was done before
    Init {
        #[command(flatten)]
        place: StorePlace,
        /// Make new keys first, in the file that --store-keys names
        #[arg(long, requires = "keys")]
        new_keys: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Count what a store holds
    Status {
        #[command(flatten)]
        place: StorePlace,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Drop what has ended
    Purge {
        #[command(flatten)]
        place: StorePlace,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Change the sealing key, in three steps: --add, --promote, and neither
    #[command(long_about = ROTATE_ABOUT)]
    RotateKey(RotateArgs),
}

#[cfg(feature = "store")]
#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) place: StorePlace,
    /// First step: add a new key of this name to the file of keys, for reading
    #[arg(long, value_name = "ID", conflicts_with = "promote")]
    pub(crate) add: Option<String>,
    /// Second step: have the key of this name write
    #[arg(long, value_name = "ID")]
    pub(crate) promote: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[cfg(feature = "token")]
#[derive(Debug, clap::Args)]
pub(crate) struct EmailArgs {
    /// The user's e-mail address, which goes out with a session
    #[arg(long, value_name = "ADDRESS", help_heading = "What is asked for")]
    pub(crate) email: Option<String>,
}

#[cfg(feature = "token")]
#[derive(Debug, clap::Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// Show the token in clear
    #[arg(long, help_heading = "Output")]
    pub(crate) reveal: bool,
    /// Print one line of JSON, as is done anyway when the output is no terminal
    #[arg(long, conflicts_with = "table", help_heading = "Output")]
    pub(crate) json: bool,
    /// Print a table, as is done anyway on a terminal
    #[arg(long, help_heading = "Output")]
    pub(crate) table: bool,
}

/// What is known of a user.
#[cfg(feature = "token")]
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Status {
    /// Nothing is known.
    #[default]
    Unknown,
    /// No session was ever started.
    New,
    /// A session was started, nothing was connected.
    Started,
    /// Has connected a source at some time.
    Connected,
    /// Was deleted.
    Deleted,
}

#[cfg(feature = "token")]
impl From<Status> for humanapi_core::UserStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Unknown => Self::Unknown,
            Status::New => Self::New,
            Status::Started => Self::Started,
            Status::Connected => Self::Connected,
            Status::Deleted => Self::Deleted,
        }
    }
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Verb, Failure> {
    let words: Vec<OsString> = std::env::args_os().collect();
    if wants_json(&words) {
        exit::tell_as_json();
    }
    mistake::refuse_secret_arguments(&words)?;
    match Line::try_parse_from(&words) {
        Ok(line) => Ok(line.verb),
        Err(error) => Err(mistake::mistake(&error, &words, Line::command())),
    }
}

/// Whether failures are to be told as JSON, those of the command line itself too: where results are. The words behind
/// `config set` are another command's.
fn wants_json(words: &[OsString]) -> bool {
    let is_set = matches!(words, [_, config, set, ..] if config == "config" && set == "set");
    let mut options = words.iter().skip(1).take_while(|word| *word != "--");
    !is_set && options.any(|word| word == "--json" || word == "--ndjson")
}

/// The command line as it is taken.
pub(crate) fn command() -> clap::Command {
    Line::command()
}

/// Prints the completions of the verbs that this command was built with.
pub(crate) fn complete(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Line::command(), "humanapi", &mut script);
    std::io::stdout().write_all(&script).map_err(Failure::from)
}

const STYLES: Styles = Styles::styled()
    .header(palette::TITLE)
    .usage(palette::TITLE)
    .literal(palette::NAME)
    .error(palette::BAD)
    .valid(palette::GOOD);

fn after_help() -> String {
    let title = palette::TITLE;
    format!(
        "{}

{title}Environment:{title:#}
{ENVIRONMENT}

{title}Exit codes:{title:#}
{}",
        examples(EXAMPLES),
        exit::TABLE
    )
}

fn examples(text: &str) -> String {
    let title = palette::TITLE;
    format!("{title}Examples:{title:#}\n{text}")
}

const EXAMPLES: &str =
    "  humanapi demo                         the whole story in a second, offline
  humanapi sandbox --port 8080          a Human API of your own to develop against
  humanapi token connect --user p17     the token that opens Connect for user p17
  humanapi data show --user p17         what there is about user p17, on one page
  humanapi api GET /v1/human --user p17  any call, its answer as it came
  humanapi config show                  what counts, and where it was said";

const ENVIRONMENT: &str =
    "  HUMANAPI_CLIENT_ID      your application's id, from the developer portal
  HUMANAPI_CLIENT_SECRET  its secret; there is no option for it, nor for HUMANAPI_APP_KEY
  HUMANAPI_BASE_URL       where to ask instead of the production hosts, such as a sandbox
  HUMANAPI_AUTH_URL, HUMANAPI_ADMIN_URL, HUMANAPI_DATA_URL    the same of one host
  HUMANAPI_PROVISIONING   how the application was set up: connect or hip
  HUMANAPI_TIMEOUT        how long one call may take, such as 30s or 2m
  HUMANAPI_PROFILE        the profile to take settings from; HUMANAPI_CONFIG is the file of profiles
  HUMANAPI_SANDBOX_URL    where the sandbox runs; HUMANAPI_SANDBOX_TOKEN is its control token
  HUMANAPI_STORE_URL      the address of a store's server; HUMANAPI_STORE_KEYS are a store's keys
  HTTPS_PROXY, NO_PROXY   the way through a proxy, and what goes past it
  NO_COLOR                no colours, on a terminal too";

const COMPLETIONS_EXAMPLES: &str =
    "  humanapi completions bash > ~/.local/share/bash-completion/completions/humanapi
  humanapi completions fish > ~/.config/fish/completions/humanapi.fish
  source <(humanapi completions zsh)";

const MAN_EXAMPLES: &str = "  humanapi man | man -l -
  humanapi man --folder ~/.local/share/man/man1";

#[cfg(feature = "demo")]
const DEMO_ABOUT: &str = "\
Tell the whole story on an embedded sandbox, step by step.

A new user opens Connect and connects a source, comes back, and a server reads the health data and writes \
them to files, a picture among them. \
Everything goes through the SDK over real HTTP, to a sandbox inside this program: no account, no \
network, no certificates. Each request and answer is shown with secrets and tokens masked. All \
health data is synthetic.";

#[cfg(feature = "demo")]
const DEMO_EXAMPLES: &str = "  humanapi demo
  humanapi demo --adapter hyper    the same story over the other HTTP stack
  humanapi demo --browser          click through Connect yourself
  humanapi demo --out story        with the files of its end in a folder of your own
  humanapi demo | less             no colours when piped, nor with NO_COLOR=1";

#[cfg(feature = "sandbox")]
const SANDBOX_ABOUT: &str = "\
Run the sandbox: an offline Human API for development and tests.

It speaks HTTP on this machine alone unless told otherwise, keeps users, sources and tokens in \
memory, and shows a dashboard at its root. Everything in it is made up, so its secrets are printed \
in clear. It runs until Ctrl-C and then exits with 0.

With a verb, it acts on a sandbox that runs: the one at --url, at HUMANAPI_SANDBOX_URL, or on port \
8080 of this machine. One that listens beyond its machine wants HUMANAPI_SANDBOX_TOKEN as well, the \
control token that it printed.";

#[cfg(feature = "sandbox")]
const SANDBOX_EXAMPLES: &str = "  humanapi sandbox                 on a free port
  humanapi sandbox --port 8080
  humanapi sandbox --json          one line for scripts: url, seed, apps
  humanapi sandbox --app-origin http://127.0.0.1:3000      for your app on another port
  humanapi sandbox --state story.json --frozen-at 2026-01-15T09:00:00Z
  humanapi sandbox --assume session-refusal-status=409
  humanapi sandbox connect --user p17 --source strider     to the one on port 8080
  humanapi sandbox advance 2h
  humanapi sandbox logs --follow";

#[cfg(feature = "token")]
const TOKEN_ABOUT: &str = "\
Ask the token service for a token.

The client secret comes from --secret-file, from HUMANAPI_CLIENT_SECRET, from where a profile of \
`humanapi config` says it is, or from a hidden prompt; \
there is no option for it, because other programs can read a command line. The token is masked \
unless --reveal is given. A call is tried twice within 20 seconds, or within --timeout.";

#[cfg(feature = "token")]
const TOKEN_EXAMPLES: &str = "  export HUMANAPI_CLIENT_ID=… HUMANAPI_CLIENT_SECRET=…
  humanapi token connect --user p17 --email p17@example.test
  humanapi token access --user p17 --reveal --json | jq -r .token
  humanapi token client --secret-file ~/.humanapi-secret
  humanapi token session --user p18 --base-url http://127.0.0.1:8080    against a sandbox";

#[cfg(feature = "store")]
const STORE_ABOUT: &str = "\
Look after the store that several processes share tokens through.

Tokens lie in it sealed, and rows are named by keyed hashes: who has the store alone learns nothing. \
The keys come from the file that --store-keys names, or from HUMANAPI_STORE_KEYS; the address of a \
server, which often holds a password, from HUMANAPI_STORE_URL and from nowhere else.";

#[cfg(feature = "store")]
const STORE_EXAMPLES: &str =
    "  humanapi store init --store sqlite:tokens.db --store-keys keys.txt --new-keys
  humanapi store status --store sqlite:tokens.db --store-keys keys.txt
  humanapi token access --user p17 --store sqlite:tokens.db --store-keys keys.txt
  HUMANAPI_STORE_URL=postgres://… humanapi store purge --store postgres --store-keys keys.txt";

#[cfg(feature = "store")]
const ROTATE_ABOUT: &str = "\
Change the sealing key, in three steps.

No process may meet a token that it cannot open, so a new key is known everywhere before it is used:

  1. `rotate-key --add ID` adds a key that reads. Give the file to all processes.
  2. `rotate-key --promote ID` has it write. Give the file to all processes.
  3. `rotate-key` seals anew what older keys sealed. Then the old key may go.

Tokens can be read all the time, and the last step may be run as often as you like.";

#[cfg(feature = "token")]
const KIND_HELP: &str = "\
The client secret comes from --secret-file, HUMANAPI_CLIENT_SECRET, a profile or a hidden prompt.
`humanapi token --help` has examples, `humanapi --help` the exit codes.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn every_shell_completes_every_verb_and_every_kind_of_record() {
        use clap::ValueEnum as _;

        for shell in clap_complete::Shell::value_variants() {
            let mut command = Line::command();
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "humanapi", &mut script);
            let script = String::from_utf8(script).unwrap();
            let mut verbs = Vec::new();
            collect(&command, &mut Vec::new(), &mut verbs);
            for word in verbs
                .iter()
                .flat_map(|(verb, options)| verb.iter().chain(options))
            {
                assert!(script.contains(word.as_str()), "{shell}: {word}");
            }
            // Others are not told the values of arguments.
            #[cfg(feature = "data")]
            if matches!(
                shell,
                clap_complete::Shell::Bash | clap_complete::Shell::Zsh
            ) {
                for kind in data::lists().map(data::name) {
                    assert!(script.contains(kind), "{shell}: {kind}");
                }
            }
        }
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn an_origin_has_a_scheme_a_host_and_perhaps_a_port() {
        for (text, origin) in [
            ("http://127.0.0.1:3000", Ok("http://127.0.0.1:3000")),
            ("http://127.0.0.1:3000/", Ok("http://127.0.0.1:3000")),
            (
                "https://App.example.test:443",
                Ok("https://app.example.test"),
            ),
            ("http://[::1]:3000", Ok("http://[::1]:3000")),
            ("127.0.0.1:3000", Err("absolute URL")),
            ("ftp://127.0.0.1", Err("neither http nor https")),
            ("http://127.0.0.1:3000/back", Err("it is an origin")),
            ("http://127.0.0.1:3000/?a", Err("query or a fragment")),
            ("http://127.0.0.1:3000/#a", Err("query or a fragment")),
            ("http://me@127.0.0.1:3000", Err("user information")),
            ("http://127.0.0.1:65536", Err("from 1 to 65535")),
            ("http://127.0.0.1:", Err("from 1 to 65535")),
            ("http://127.1:3000", Err("unusual spelling")),
            ("http://[::1]evil.example", Err("unusual spelling")),
            ("http://app.example.test", Err("for this machine alone")),
            ("exampleapp://connected", Err("neither http nor https")),
            ("", Err("absolute URL")),
        ] {
            reads(app_origin(text), origin, text);
        }
    }

    #[cfg(feature = "sandbox")]
    #[track_caller]
    fn reads(read: Result<String, String>, wanted: Result<&str, &str>, text: &str) {
        match (&read, wanted) {
            (Ok(read), Ok(wanted)) => assert_eq!(read, wanted, "{text}"),
            (Err(reason), Err(wanted)) => assert!(reason.contains(wanted), "{text}: {reason}"),
            _ => panic!("{text}: {read:?}"),
        }
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_callback_is_an_address_or_all_below_one() {
        for (text, wanted) in [
            ("myapp://back", Ok("myapp://back")),
            (
                "https://app.example.test/back?a#b",
                Ok("https://app.example.test/back?a#b"),
            ),
            ("http://127.0.0.1:3000/*", Ok("http://127.0.0.1:3000/*")),
            (
                "http://127.0.0.1:3000/app/*",
                Ok("http://127.0.0.1:3000/app/*"),
            ),
            ("http://127.0.0.1:65536/back", Err("from 1 to 65535")),
            ("https://app.example.test*", Err("names no host")),
            (
                "http://app.example.test/back",
                Err("for this machine alone"),
            ),
            ("javascript:alert(1)", Err("would not open an app")),
            ("/back", Err("is no URL")),
            ("", Err("is no URL")),
        ] {
            reads(callback(text), wanted, text);
        }
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_host_is_a_name_alone() {
        for (text, wanted) in [
            ("Sandbox.example.test", Ok("sandbox.example.test")),
            ("192.0.2.1", Ok("192.0.2.1")),
            ("::1", Ok("::1")),
            ("sandbox.example.test:8080", Err("a name alone")),
            ("http://sandbox.example.test", Err("a name alone")),
            ("sandbox.example.test/", Err("a name alone")),
            ("127.1", Err("unusual spelling")),
            ("sandbox..test", Err("names no host")),
            ("*", Err("names no host")),
            ("", Err("absolute URL")),
        ] {
            reads(host_name(text), wanted, text);
        }
    }

    /// All places where something can stand, with a word that must not come back.
    #[test]
    fn nothing_that_was_typed_is_repeated() {
        let mut line = Line::command();
        line.build();
        let mut verbs = Vec::new();
        collect(&line, &mut vec!["humanapi".to_owned()], &mut verbs);
        assert!(verbs.len() > 4, "{verbs:?}");
        let mut seen = 0;
        for (verb, options) in &verbs {
            let mut tails: Vec<Vec<String>> = [
                &["canary"][..],
                &["--canary"],
                &["--canary=canary"],
                &["-canary"],
                &["--", "canary"],
                &["--client-id", "canary"],
                &["--client-id:canary"],
                &["--user", "canary", "canary"],
                &["--json=canary"],
                &["--port=canary", "--seed=canary"],
                &["--port", "99999canary"],
                &["--help=canary"],
                &["--hel", "canary"],
            ]
            .iter()
            .map(|tail| tail.iter().map(|word| (*word).to_owned()).collect())
            .collect();
            for option in options {
                tails.push(vec![format!("--{option}=canary"), "canary".to_owned()]);
                tails.push(vec![
                    format!("--{option}"),
                    "canary".to_owned(),
                    "--canary".to_owned(),
                ]);
                tails.push(vec![format!("--{option}:canary")]);
                tails.push(vec![
                    format!("--{option}=canary"),
                    format!("--{option}=canary"),
                ]);
            }
            for tail in tails {
                let words = verb.iter().chain(&tail).map(OsString::from);
                let words: Vec<OsString> = words.collect();
                if let Err(error) = Line::try_parse_from(&words) {
                    let told = format!("{:?}", mistake::mistake(&error, &words, Line::command()));
                    assert!(!told.contains("canary"), "{words:?}: {told}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "{seen}");
    }

    fn collect(
        command: &clap::Command,
        path: &mut Vec<String>,
        verbs: &mut Vec<(Vec<String>, Vec<String>)>,
    ) {
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        let options = options.filter(|option| !["help", "version"].contains(option));
        verbs.push((path.clone(), options.map(str::to_owned).collect()));
        for verb in command.get_subcommands() {
            path.push(verb.get_name().to_owned());
            collect(verb, path, verbs);
            path.pop();
        }
    }

    #[test]
    fn failures_are_json_where_results_are() {
        for (line, wanted) in [
            ("humanapi token client --json", true),
            ("humanapi data list weight --ndjson", true),
            ("humanapi lost --json", true),
            ("humanapi token client", false),
            ("humanapi token client -- --json", false),
            ("humanapi config set secret_command show --json", false),
            ("humanapi config show --json", true),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(wants_json(&words), wanted, "{line}");
        }
    }

    #[test]
    fn a_mistake_is_told_by_its_place_and_by_our_own_words() {
        #[track_caller]
        fn check(line: &str, cause: &str, remedy: &str) {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let error = Line::try_parse_from(&words).unwrap_err();
            let Failure::Told {
                cause: told,
                remedy: help,
                ..
            } = mistake::mistake(&error, &words, Line::command())
            else {
                panic!("{error:?}");
            };
            assert_eq!((told.as_str(), &*help), (cause, remedy), "{line}");
        }
        let shown = "`humanapi --help` and `humanapi VERB --help` show what there is";
        check("humanapi lost", "argument 1 is not known here", shown);
        check("humanapi completions", "<SHELL> is missing", shown);
        check(
            "humanapi completions fsh",
            "'<SHELL>' cannot have this value",
            "did you mean fish?",
        );
        check(
            "humanapi completions fish --vers",
            "argument 3 is not known here",
            shown,
        );
        check(
            "humanapi completions fish zsh",
            "argument 3 is not known here",
            shown,
        );
    }
}
