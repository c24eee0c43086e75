//! `orders submit`: the orders of a file, each placed once, whatever happens on the way.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use comfy_table::Table;
use humanapi_client::{Limited, TokioRuntime};
use humanapi_core::http::Uri;
use humanapi_core::limiter::LimiterPolicy;
use humanapi_core::{Host, Hosts};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::admin_api::{AdminApi, journal, policy};
use super::check::{Checked, check};
use super::counts::Counts;
use super::input::Input;
use super::results::Results;
use super::sending::{FIRST, Halted, Sending};
use crate::args::orders::SubmitArgs;
use crate::exit::{Code, Failure};
use crate::output;
use crate::print::print;
use crate::service::{Placing, Service};
use crate::settings::Settings;
use crate::verbose::Told;

/// So many orders at once at most, where nobody says how many.
const AT_ONCE: u32 = 16;

pub(super) async fn run(args: &SubmitArgs) -> Result<(), Failure> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let reads_stdin = args.file.as_os_str() == "-";
    if reads_stdin && args.service.secret_file.as_deref() == Some(Path::new("-")) {
        return Err(Failure::new(
            Code::Usage,
            "standard input cannot hold both the orders and the client secret",
            "put one of them in a file",
        ));
    }
    // All that can be said before anything is read.
    let settings = match args.dry_run {
        true => None,
        false => Some(Settings::find(&args.service, None)?),
    };
    let book = match (args.dry_run, &args.journal.store) {
        (true, None) => None,
        _ => Some(journal(&args.journal).await?),
    };
    let mut input = Input::open(&args.file, today)?;
    let checked = check(&mut input, book.as_ref().map(|book| &*book.orders)).await?;
    if checked.untold > 0 {
        output::warn(&format!(
            "{} orders have no name or no date of birth: should an answer be lost, nobody can tell whether they are there",
            checked.untold
        ));
    }
    let (Some(settings), Some(book)) = (settings, book) else {
        return print(&args.output, &Looked::of(&checked, args), Looked::text);
    };
    let mut results = Results::begin(args.results.as_deref(), &args.file)?;
    confirm(args, &settings, &checked)?;

    let most = args.at_once.unwrap_or(AT_ONCE);
    let first = FIRST.min(most);
    let limits = LimiterPolicy::default().with_first(first).with_most(most);
    let mut limited = None;
    let stack = |stack: Told| {
        let stack = Limited::new(stack, TokioRuntime::new(), limits);
        limited = Some(stack.clone());
        stack
    };
    let placing = Placing {
        tokens: Arc::clone(&book.tokens),
        orders: Arc::clone(&book.orders),
        policy: policy(&args.journal, settings.timeout.value)?,
    };
    let service = Service::placing(&settings, &args.service, placing, stack)?;
    let admin = AdminApi::ready(service).await?;
    let sending = Sending {
        admin,
        book: book.orders,
        limited: limited.expect("the client was built on it"),
        host: authority(&settings.hosts),
        first,
        papers: Sending::room_for_papers(),
        sends_absent: args.send_absent,
        told_every: args.progress.every,
    };
    input.rewind()?;
    let (counts, halted) = sending.all(&mut input, checked, &mut results).await?;
    // All is told that there is to tell, whatever of it fails; then the heaviest of it is the end.
    let written = results.map_or(Ok(()), Results::end);
    let printed = print(&args.output, &counts, table);
    let ended = ended(&counts, halted);
    if let (Err(_), Err(failure)) = (&ended, &written)
        && let Some(line) = failure.in_one_line()
    {
        output::warn(&line);
    }
    ended.and(written).and(printed)
}

/// Host and port of the Admin API, as requests have them.
fn authority(hosts: &Hosts) -> String {
    let base: Option<Uri> = hosts.base(Host::Admin).to_string().parse().ok();
    let authority = base.as_ref().and_then(Uri::authority);
    authority.map_or_else(String::new, ToString::to_string)
}

/// Asks whether to place them, and says how many billable orders that are.
fn confirm(args: &SubmitArgs, settings: &Settings, checked: &Checked) -> Result<(), Failure> {
    let new = checked.billable(args.send_absent);
    if args.yes || new == 0 {
        return Ok(());
    }
    let host = settings.hosts.base(Host::Admin).to_string();
    let mut orders = count(new, "billable order");
    if checked.may_be_fewer(args.send_absent) {
        orders = format!("up to {orders}");
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::new(
            Code::Usage,
            format!("this would place {orders} at {host}, and there is nobody to ask"),
            "look at it with --dry-run, then add --yes; nothing was sent",
        ));
    }
    let mut stderr = anstream::stderr();
    if checked.placed > 0 {
        writeln!(stderr, "{} placed before.", were(checked.placed))?;
    }
    if checked.open > 0 {
        let then = match args.send_absent {
            true => ", and sent again if they are not there",
            false => "",
        };
        writeln!(
            stderr,
            "{} sent before and not known to be placed, and looked for{then}.",
            were(checked.open)
        )?;
    }
    write!(
        stderr,
        "This places {orders} at {host}. Type yes to go on: "
    )?;
    stderr.flush()?;
    let mut answer = String::new();
    // Whatever is longer is no yes.
    let read = io::stdin().lock().take(64).read_line(&mut answer);
    if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Failure::new(
        Code::Usage,
        "it was not confirmed; nothing was sent",
        "run the same again and type yes, or add --yes",
    ))
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn were(number: u64) -> String {
    let verb = if number == 1 { "was" } else { "were" };
    format!("{number} {verb}")
}

/// What the end means for whoever started it.
fn ended(counts: &Counts, halted: Halted) -> Result<(), Failure> {
    let undecided = counts.undecided();
    if undecided > 0 {
        // What is not known weighs more than why no more were begun.
        if let Some(line) = halted.stopped.as_ref().and_then(Failure::in_one_line) {
            output::warn(&format!("{}: {line}", left(counts)));
        }
        return Err(Failure::new(
            Code::Undecided,
            format!(
                "{undecided} of {} orders may be placed, and it is not known whether they are",
                counts.orders
            ),
            "run the same again later, which looks for them and sends none of them again; --results says which they are",
        ));
    }
    if let Some(failure) = halted.stopped {
        return Err(after_sending(counts, failure).about(&left(counts)));
    }
    if let Some(failure) = halted.first {
        let not_there = counts.not_there();
        let what = format!(
            "{not_there} of {} orders are not placed; the first",
            counts.orders
        );
        return Err(after_sending(counts, failure).about(&what));
    }
    if halted.was_asked && counts.not_tried > 0 {
        return Err(Failure::new(
            Code::Stopped,
            format!(
                "it was stopped, and {} orders were not begun",
                counts.not_tried
            ),
            "run the same again: what was placed is not sent again",
        ));
    }
    Ok(())
}

/// What is wrong with the input ends with a code that says that nothing was sent. Once orders were begun it ends with another.
fn after_sending(counts: &Counts, failure: Failure) -> Failure {
    let has_begun = counts.not_tried < counts.orders;
    match has_begun && failure.code() == Some(Code::Usage) {
        true => failure.with_code(Code::Machine),
        false => failure,
    }
}

fn left(counts: &Counts) -> String {
    format!("no more orders are begun, {} are left", counts.not_tried)
}

fn table(counts: &Counts) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    for (what, number) in [
        ("orders in the file", counts.orders),
        ("placed", counts.placed),
        ("placed before", counts.already),
        ("refused", counts.refused),
        ("not placed", counts.not_placed + counts.other_order),
        ("sent and not there", counts.absent),
        ("not known", counts.unknown + counts.in_progress),
        ("not begun", counts.not_tried),
    ] {
        if number > 0 {
            table.add_row([what.to_owned(), number.to_string()]);
        }
    }
    table
}

/// What `--dry-run` tells.
#[derive(serde::Serialize)]
struct Looked {
    orders: u64,
    /// Billable orders that would be placed, at most.
    new: u64,
    #[serde(skip)]
    may_be_fewer: bool,
    placed: u64,
    open: u64,
    absent: u64,
}

impl Looked {
    const fn of(checked: &Checked, args: &SubmitArgs) -> Self {
        Self {
            orders: checked.orders,
            new: checked.billable(args.send_absent),
            may_be_fewer: checked.may_be_fewer(args.send_absent),
            placed: checked.placed,
            open: checked.open,
            absent: checked.absent,
        }
    }

    fn text(&self) -> String {
        let up_to = if self.may_be_fewer { "up to " } else { "" };
        let mut text = format!(
            "{} checked. This would place {up_to}{}; nothing was sent.",
            count(self.orders, "order"),
            count(self.new, "billable order")
        );
        for (number, what) in [
            (self.placed, "placed before"),
            (self.open, "sent before and not known to be placed"),
            (self.absent, "sent before and not there"),
        ] {
            if number > 0 {
                text.push_str(&format!("\n{} {what}.", were(number)));
            }
        }
        text
    }
}
