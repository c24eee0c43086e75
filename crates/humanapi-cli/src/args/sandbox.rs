//! What is done to a sandbox that runs, from another terminal or a script.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

/// What is done to it.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxVerb {
    /// Connect a user's source, and make the user first where there is none
    #[command(after_help = CONNECT_HELP)]
    Connect(ConnectArgs),
    /// Move its clock forward: tokens end, and people's lives go on
    #[command(after_help = ADVANCE_HELP)]
    Advance {
        /// How far, such as 90s, 15m, 2h or 1d
        #[arg(value_name = "DURATION", value_parser = duration)]
        by: Duration,
        #[command(flatten)]
        common: RunningArgs,
    },
    /// List orders, bring one to a state by moving the clock, or do what it waits for
    #[command(after_help = ORDER_HELP)]
    Order(OrderArgs),
    /// Show what orders would have cost: an entry for each one placed
    Ledger {
        #[command(flatten)]
        common: RunningArgs,
    },
    /// Plan a fault, list those to come, or forget them
    #[command(after_help = FAULT_HELP)]
    Fault(FaultArgs),
    /// Start over: no users, no faults, an empty log, the clock as it was
    Reset {
        #[command(flatten)]
        common: RunningArgs,
    },
    /// Show what it was asked, secrets masked
    #[command(after_help = LOGS_HELP)]
    Logs {
        /// Go on with what comes, until Ctrl-C
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        common: RunningArgs,
    },
    /// Show its dashboard in the browser, where there is one
    Open {
        #[command(flatten)]
        common: RunningArgs,
    },
}

/// Which sandbox, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct RunningArgs {
    /// Where the sandbox is reached
    #[arg(
        long,
        env = "HUMANAPI_SANDBOX_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        help_heading = "Where"
    )]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) output: super::output::OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Your own id for the user
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
    /// What is connected, such as strider or "Sandbox Clinic"; /sandbox/sources lists them
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: String,
    /// Whose life the user's records tell
    #[arg(long, value_name = "PERSONA", value_parser = persona)]
    pub(crate) persona: Option<humanapi_sandbox::Persona>,
    /// Whose user it is
    #[arg(long, value_enum, default_value_t, value_name = "APP")]
    pub(crate) app: App,
    #[command(flatten)]
    pub(crate) common: RunningArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// Your own id for the user; without it, all orders are listed
    #[arg(value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Do what the order waits for, as the user would at the Task Manager
    #[arg(long, requires = "user")]
    pub(crate) do_tasks: bool,
    /// Have it wait for this: particulars, authorization, provider or question
    #[arg(
        long,
        value_name = "TASK",
        requires = "user",
        conflicts_with = "do_tasks"
    )]
    pub(crate) open_task: Option<String>,
    /// Move the clock to where it is in this state: in-progress, pended or completed
    #[arg(long, value_name = "STATE", requires = "user")]
    pub(crate) until: Option<String>,
    /// Whose user it is
    #[arg(long, value_enum, default_value_t = App::Hip, value_name = "APP")]
    pub(crate) app: App,
    #[command(flatten)]
    pub(crate) common: RunningArgs,
}

/// The sandbox's applications.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum App {
    /// An ordinary Connect application.
    #[default]
    Connect,
    /// On the Health Intelligence Platform.
    Hip,
    /// The same without the Admin API.
    NoAdmin,
}

impl App {
    /// Its name in the control API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hip => "hip",
            Self::NoAdmin => "no-admin",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct FaultArgs {
    /// What goes wrong; without it, the faults to come are listed
    #[arg(value_enum, value_name = "KIND", conflicts_with = "clear")]
    pub(crate) kind: Option<Kind>,
    /// The status of the answer, for status and intermediary
    #[arg(long, value_name = "STATUS", requires = "kind", help_heading = "How")]
    pub(crate) status: Option<u16>,
    /// What Retry-After says: seconds or an HTTP date
    #[arg(long, value_name = "TEXT", requires = "kind", help_heading = "How")]
    pub(crate) retry_after: Option<String>,
    /// The errorCode in the answer
    #[arg(long, value_name = "CODE", requires = "kind", help_heading = "How")]
    pub(crate) error_code: Option<String>,
    /// What an intermediary says: html, empty, text or json
    #[arg(long, value_name = "BODY", requires = "kind", help_heading = "How")]
    pub(crate) body: Option<String>,
    /// Let the request take effect all the same, for status and intermediary
    #[arg(long, requires = "kind", help_heading = "How")]
    pub(crate) after_effect: bool,
    /// How long the answer waits, such as 500ms or 3s
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "kind", help_heading = "How")]
    pub(crate) delay: Option<Duration>,
    /// Which requests: those of this method
    #[arg(
        long,
        value_name = "METHOD",
        requires = "kind",
        help_heading = "Which requests"
    )]
    pub(crate) method: Option<String>,
    /// Which requests: those whose path begins so
    #[arg(
        long,
        value_name = "PATH",
        requires = "kind",
        help_heading = "Which requests"
    )]
    pub(crate) path: Option<String>,
    /// How many requests are hit; 1 unless said otherwise
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "kind",
        help_heading = "Which requests"
    )]
    pub(crate) times: Option<u32>,
    /// Forget the faults that are planned
    #[arg(long)]
    pub(crate) clear: bool,
    #[command(flatten)]
    pub(crate) common: RunningArgs,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// The service answers with --status, and does nothing
    Status,
    /// Something in between answers with --status and --body
    Intermediary,
    /// The answer waits for --delay
    Delay,
    /// The connection closes, and nothing was done
    DropBefore,
    /// The connection closes after it was done
    DropAfter,
    /// The answer breaks off half-way
    TruncatedBody,
    /// The answer is no JSON
    GarbageBody,
}

impl Kind {
    /// Its name in the control API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Intermediary => "intermediary",
            Self::Delay => "delay",
            Self::DropBefore => "drop-before",
            Self::DropAfter => "drop-after",
            Self::TruncatedBody => "truncated-body",
            Self::GarbageBody => "garbage-body",
        }
    }
}

/// Reads a length of time as people write it. A day has 24 hours.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "it is a length of time, such as 500ms, 90s, 15m, 2h or 1d".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    let length = span.to_duration(relative).map_err(|_| wrong())?;
    Duration::try_from(length).map_err(|_| "time goes forward alone".to_owned())
}

/// Reads a persona.
fn persona(text: &str) -> Result<humanapi_sandbox::Persona, String> {
    text.parse().map_err(|_| {
        let names: Vec<_> = humanapi_sandbox::Persona::ALL
            .iter()
            .map(|persona| persona.name())
            .collect();
        format!("it can be {}", names.join(", "))
    })
}

const CONNECT_HELP: &str = "\
Examples:
  humanapi sandbox connect --user p17 --source strider
  humanapi sandbox connect --user p17 --source \"Sandbox Clinic\" --persona chronic";

const ADVANCE_HELP: &str = "\
Examples:
  humanapi sandbox advance 2h
  humanapi sandbox advance 1d --url http://127.0.0.1:49152";

const ORDER_HELP: &str = "\
Examples:
  humanapi sandbox order
  humanapi sandbox order policy-000417 --until pended
  humanapi sandbox order policy-000417 --do-tasks --until completed";

const FAULT_HELP: &str = "\
Examples:
  humanapi sandbox fault status --status 503 --retry-after 2 --path /v1/human --times 3
  humanapi sandbox fault delay --delay 3s
  humanapi sandbox fault
  humanapi sandbox fault --clear";

const LOGS_HELP: &str = "\
Examples:
  humanapi sandbox logs --follow
  humanapi sandbox logs | jq .path";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_read_as_people_write_it() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("90s", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("-1h", None),
            ("1", None),
            ("tomorrow", None),
            ("1 month", None),
            ("", None),
        ] {
            let read = duration(text).ok();
            assert_eq!(read, millis.map(Duration::from_millis), "{text}");
        }
    }
}
