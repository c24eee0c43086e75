//! `orders submit`: the orders of a file, each placed once, whatever happens on the way.

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use comfy_table::Table;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use humanapi_client::{Limited, OrderError, TokioRuntime};
use humanapi_core::admin::NewOrder;
use humanapi_core::admin::order::{Decision, EntryState, IntentKey, OrderPolicy, Subject};
use humanapi_core::http::Uri;
use humanapi_core::limiter::LimiterPolicy;
use humanapi_core::{Host, Hosts};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::applicant::{self, Applicant, PAPERS};
use super::check::{Checked, check};
use super::desk::{Book, Desk, journal, journal_failure};
use super::input::{Input, Place};
use super::outcome::{Became, Ended};
use super::progress::{Counts, Progress};
use super::results::{AHEAD, Results};
use crate::args::orders::{JournalArgs, SubmitArgs};
use crate::exit::{Code, Failure};
use crate::output;
use crate::print::print;
use crate::service::{Placing, Service};
use crate::settings::Settings;
use crate::signal::Stop;
use crate::verbose::Told;

/// So many orders at once at most, where nobody says how many, and so many to begin with.
const AT_ONCE: u32 = 16;
const FIRST: u32 = 4;
/// So often an order is tried that surely never left, and the pause before the second time; each is twice as long.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// So many orders in a row that are not placed say that none will be.
const IN_A_ROW: u32 = 20;
/// So many bytes of papers are in memory at once at most, not counting that they are there once more while they are sent.
const PAPERS_AT_ONCE: u64 = 2 * PAPERS;
const KIB: u64 = 1024;

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
    let checked = check(&mut input, book.as_ref().map(|book| &book.orders)).await?;
    if checked.untold > 0 {
        output::warn(&format!(
            "{} orders have no name or no date of birth: should an answer be lost, nobody can tell whether they are there",
            checked.untold
        ));
    }
    let (Some(settings), Some(book)) = (settings, book) else {
        return print(&args.output, &Looked::of(&checked, args), Looked::text);
    };
    let mut results = Results::begin(args.results.as_deref())?;
    confirm(args, &settings, &checked)?;

    let most = args.at_once.unwrap_or(AT_ONCE);
    let limits = LimiterPolicy::default()
        .with_first(FIRST.min(most))
        .with_most(most);
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
    let desk = Desk::ready(service).await?;
    let sending = Sending {
        desk,
        book: book.orders,
        limited: limited.expect("the client was built on it"),
        host: authority(&settings.hosts),
        papers: Semaphore::new(usize::try_from(PAPERS_AT_ONCE / KIB).unwrap_or(usize::MAX)),
        sends_absent: args.send_absent,
    };
    input.rewind()?;
    let (counts, failure) = sending.all(&mut input, checked, &mut results).await?;
    if let Some(results) = results {
        results.end()?;
    }
    print(&args.output, &counts, table)?;
    ended(&counts, failure)
}

/// How patient placing is. A claim that a process took which was killed is over after three calls' time, so that the next
/// run can wait for that.
pub(super) fn policy(args: &JournalArgs, timeout: Duration) -> Result<OrderPolicy, Failure> {
    let claim = timeout.saturating_mul(3);
    let mut policy = OrderPolicy::default()
        .with_claim_ttl(claim)
        .map_err(|error| Failure::new(Code::Usage, error.to_string(), error.remedy()))?
        .with_wait_for_others(claim.saturating_add(timeout));
    if let Some(after) = args.absent_after {
        policy = policy.with_absent_after(Some(after));
    }
    Ok(policy)
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
    let orders = count(new, "billable order");
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
        writeln!(
            stderr,
            "{} sent before and not known to be placed, and looked for.",
            were(checked.open)
        )?;
    }
    write!(
        stderr,
        "This places {orders} at {host}. Type yes to go on: "
    )?;
    stderr.flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
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

/// What one run goes by while it sends.
struct Sending {
    desk: Desk,
    book: Book,
    limited: Limited<Told>,
    /// The host whose limit counts.
    host: String,
    /// The room that papers have, in KiB.
    papers: Semaphore,
    sends_absent: bool,
}

/// One order that ended.
struct Done {
    number: u64,
    place: Place,
    user: String,
    intent: String,
    ended: Ended,
}

/// Why no further order is begun.
#[derive(Default)]
struct Halt {
    /// What went wrong first, with an order.
    first: Option<Failure>,
    in_a_row: u32,
    /// Why nothing more is begun.
    stopped: Option<Failure>,
}

impl Halt {
    fn note(&mut self, ended: &mut Ended) {
        let Some(failure) = ended.failure.take() else {
            self.in_a_row = 0;
            return;
        };
        let is_ours = matches!(
            failure.code(),
            Some(Code::Credentials | Code::StoreLogin | Code::Machine)
        );
        self.in_a_row = match ended.became {
            Became::Refused | Became::NotPlaced => self.in_a_row + 1,
            _ => 0,
        };
        if is_ours || self.in_a_row >= IN_A_ROW {
            self.stopped.get_or_insert_with(|| again(&failure));
        }
        if self.first.is_none() {
            self.first = Some(failure);
        }
    }
}

/// The same failure once more.
fn again(failure: &Failure) -> Failure {
    match failure {
        Failure::Told {
            code,
            cause,
            remedy,
        } => Failure::new(*code, cause.clone(), remedy.clone()),
        _ => Failure::Said,
    }
}

impl Sending {
    /// Sends all that is still to be sent, so many at once as the service bears. Gives how they ended and why no more were
    /// begun.
    async fn all(
        &self,
        input: &mut Input,
        mut checked: Checked,
        results: &mut Option<Results>,
    ) -> Result<(Counts, Halted), Failure> {
        let mut counts = Counts::of(checked.orders);
        let progress = Progress::begin(checked.orders);
        let mut stop =
            Stop::listen().map_err(|error| Failure::here("cannot listen for Ctrl-C", &error))?;
        let minute = Duration::from_secs(60);
        let mut minutes = interval_at(tokio::time::Instant::now() + minute, minute);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut going = FuturesUnordered::new();
        let mut halt = Halt::default();
        let (mut number, mut oldest, mut is_over, mut asked) = (0_u64, 0_u64, false, false);
        let mut under_way = std::collections::BTreeSet::new();
        loop {
            while !is_over && halt.stopped.is_none() && going.len() < self.room() {
                if number - oldest >= AHEAD {
                    break;
                }
                let Some((place, read)) = input.next()? else {
                    is_over = true;
                    break;
                };
                // What was checked and confirmed is sent, and nothing that came into the file since.
                let applicant = match read {
                    Ok(applicant) if checked.intents.take(&applicant.intent) => applicant,
                    _ => {
                        halt.stopped = Some(changed(place));
                        break;
                    }
                };
                counts.begun();
                under_way.insert(number);
                going.push(self.one(number, place, applicant));
                number += 1;
            }
            if going.is_empty() {
                break;
            }
            tokio::select! {
                Some(done) = going.next() => {
                    let mut done: Done = done;
                    under_way.remove(&done.number);
                    oldest = under_way.first().copied().unwrap_or(number);
                    counts.ended(done.ended.became);
                    if let Some(results) = results {
                        let names = (done.user.as_str(), done.intent.as_str());
                        results.note(done.number, done.place, names, &done.ended)?;
                    }
                    halt.note(&mut done.ended);
                    progress.ended(&counts);
                }
                () = stop.asked() => {
                    if asked {
                        // As after a crash: the journal knows what was sent.
                        break;
                    }
                    asked = true;
                    is_over = true;
                    output::note("no more orders are begun; once more ends it at once");
                }
                _ = minutes.tick() => progress.minute(&counts),
            }
        }
        progress.end();
        // What was dropped in the middle may have been sent.
        for _ in under_way {
            counts.ended(Became::Unknown);
        }
        let halted = Halted {
            first: halt.first,
            stopped: halt.stopped,
            was_asked: asked,
        };
        Ok((counts, halted))
    }

    /// So many orders may be going on now.
    fn room(&self) -> usize {
        let limit = self.limited.limit(&self.host).unwrap_or(FIRST);
        usize::try_from(limit).unwrap_or(1).max(1)
    }

    async fn one(&self, number: u64, place: Place, applicant: Applicant) -> Done {
        let user = applicant.order.client_user_id().as_str().to_owned();
        let intent = applicant.intent.as_str().to_owned();
        let ended = match self.placed(applicant).await {
            Ok(ended) => ended,
            Err(failure) => Ended::failed(Became::NotPlaced, failure),
        };
        Done {
            number,
            place,
            user,
            intent,
            ended,
        }
    }

    async fn placed(&self, applicant: Applicant) -> Result<Ended, Failure> {
        let Applicant {
            intent,
            order,
            papers,
            ..
        } = applicant;
        let known = self.book.load(&intent).await;
        if let Some(entry) = known.map_err(|error| journal_failure(&error))?
            && entry.handed_back
            && entry.subject == Subject::of(&order)
            && let EntryState::Exists(human_id) = entry.state
        {
            return Ok(Ended::there(Became::Already, human_id));
        }
        let (order, _room) = self.with_papers(order, papers).await?;
        let mut outcome = self.submitted(&intent, &order).await;
        if let (Err(OrderError::Absent(entry)), true) = (&outcome, self.sends_absent) {
            let orders = self.desk.orders();
            outcome = match orders.decide(&intent, entry, Decision::SendAgain).await {
                Ok(_) => self.submitted(&intent, &order).await,
                Err(error) => Err(error),
            };
        }
        Ok(Ended::of(&self.desk, outcome))
    }

    /// The order with its papers, and the room that they take: the next order with papers waits for it.
    async fn with_papers(
        &self,
        order: NewOrder,
        papers: Vec<PathBuf>,
    ) -> Result<(NewOrder, Option<tokio::sync::SemaphorePermit<'_>>), Failure> {
        if papers.is_empty() {
            return Ok((order, None));
        }
        let wrong = |wrong: &dyn Display| {
            Failure::new(
                Code::Machine,
                wrong.to_string(),
                "the file was there when the orders were checked: put it back, then run the same again",
            )
        };
        let bytes = applicant::looked_at(&papers).map_err(|error| wrong(&error))?;
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        let room = self.papers.acquire_many(kib).await;
        let read = move || applicant::with_papers(order, &papers);
        let order = tokio::task::spawn_blocking(read).await;
        let order = order.map_err(|error| Failure::here("cannot read a file", &error))?;
        Ok((order.map_err(|error| wrong(&error))?, room.ok()))
    }

    /// Submits it, and again where it surely never left and the reason may pass.
    async fn submitted(
        &self,
        intent: &IntentKey,
        order: &NewOrder,
    ) -> Result<humanapi_core::HumanId, OrderError> {
        let orders = self.desk.orders();
        let (mut tried, mut pause) = (1, PAUSE);
        loop {
            let outcome = orders.submit(intent, order).await;
            let may_pass = match &outcome {
                Err(OrderError::NotPlaced(Some(error))) => error.is_transient(),
                _ => false,
            };
            if !may_pass || tried >= TRIES {
                return outcome;
            }
            sleep(pause).await;
            (tried, pause) = (tried + 1, pause * 2);
        }
    }
}

/// Why a run ended as it did.
struct Halted {
    first: Option<Failure>,
    stopped: Option<Failure>,
    was_asked: bool,
}

fn changed(place: Place) -> Failure {
    Failure::new(
        Code::Usage,
        format!(
            "the file changed while it was read, at {place}: nothing is sent that was not checked"
        ),
        "run the same again when nobody writes to it: what was placed is not sent again",
    )
}

/// What the end means for whoever started it.
fn ended(counts: &Counts, halted: Halted) -> Result<(), Failure> {
    let undecided = counts.undecided();
    if undecided > 0 {
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
        let not_tried = counts.not_tried;
        return Err(failure.about(&format_args!(
            "no more orders are begun, {not_tried} are left"
        )));
    }
    if let Some(failure) = halted.first {
        let not_there = counts.not_there();
        let what = format!(
            "{not_there} of {} orders are not placed; the first",
            counts.orders
        );
        return Err(failure.about(&what));
    }
    if halted.was_asked && counts.not_tried > 0 {
        return Err(Failure::new(
            Code::Machine,
            format!(
                "it was stopped, and {} orders were not begun",
                counts.not_tried
            ),
            "run the same again: what was placed is not sent again",
        ));
    }
    Ok(())
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
    /// Billable orders that would be placed.
    new: u64,
    placed: u64,
    open: u64,
    absent: u64,
}

impl Looked {
    const fn of(checked: &Checked, args: &SubmitArgs) -> Self {
        Self {
            orders: checked.orders,
            new: checked.billable(args.send_absent),
            placed: checked.placed,
            open: checked.open,
            absent: checked.absent,
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} checked. This would place {}; nothing was sent.",
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
