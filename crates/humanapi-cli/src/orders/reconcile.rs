//! `orders reconcile`: what became of orders whose outcome is not known, and what somebody decides of one.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use humanapi_client::OrderError;
use humanapi_core::admin::order::{Decision, Entry, EntryState, IntentKey};
use humanapi_core::{ClientUserId, HumanId};
use jiff::Timestamp;
use serde::Serialize;

use super::admin_api::{AdminApi, journal, journal_failure, policy};
use super::outcome::{Ended, sent_at};
use crate::args::orders::ReconcileArgs;
use crate::exit::{Code, Failure};
use crate::output;
use crate::print::print;
use crate::service::{Placing, Service};
use crate::settings::Settings;
use crate::verbose::Told;

/// What became of one intent.
#[derive(Serialize)]
struct Line<'a> {
    intent: &'a str,
    result: &'static str,
    human_id: Option<&'a str>,
    reason: Option<&'a str>,
    /// What a decision to send it again has to name.
    sent_at: Option<Timestamp>,
}

pub(super) async fn run(args: &ReconcileArgs) -> Result<(), Failure> {
    let intent = args.intent.as_deref().map(IntentKey::new).transpose();
    let intent = intent.map_err(|error| {
        Failure::new(
            Code::Usage,
            error.to_string(),
            "give it as the results of `humanapi orders submit` show it",
        )
    })?;
    let settings = Settings::find(&args.service, None)?;
    let book = journal(&args.journal).await?;
    let placing = Placing {
        tokens: book.tokens,
        orders: Arc::clone(&book.orders),
        policy: policy(&args.journal, settings.timeout.value)?,
    };
    let service = Service::placing(&settings, &args.service, placing, |stack: Told| stack)?;
    let admin = AdminApi::ready(service).await?;
    let Some(intent) = intent else {
        return all(args, &admin).await;
    };
    let decision = match (&args.exists, args.send_again) {
        (Some(id), _) => Some(Decided::Exists(HumanId::new(id.as_str()))),
        (None, Some(sent_at)) => Some(Decided::SendAgain(sent_at)),
        (None, None) => None,
    };
    if let Some(decision) = decision {
        return decide(args, &admin, &intent, decision).await;
    }
    let found = admin.orders().reconcile(&intent).await;
    if matches!(found, Err(OrderError::NoSuchIntent)) {
        return Err(no_such_intent());
    }
    let ended = Ended::of(&admin, found);
    tell(args, &intent, &ended)?;
    ended.into_failure().map_or(Ok(()), Err)
}

fn no_such_intent() -> Failure {
    Failure::new(
        Code::Usage,
        "there is no such intent in the journal",
        "check it, and that this is the store that the order was submitted with",
    )
}

/// What somebody decided.
enum Decided {
    /// To send again what was sent at this time. Of two who saw the same, one has it sent.
    SendAgain(Timestamp),
    Exists(HumanId),
}

fn nothing_to_decide() -> Failure {
    Failure::new(
        Code::Usage,
        "nothing is to be decided of this order: it is placed, was never sent, or another process is at it",
        "look how it stands with `humanapi orders reconcile INTENT`",
    )
}

/// Only a user of the order's own id can be the one whom it is placed for.
async fn is_orders(admin: &AdminApi, entry: &Entry, human_id: &HumanId) -> Result<(), Failure> {
    let own = ClientUserId::new(entry.subject.client_user_id());
    let own = own.map_err(|error| Failure::here("the journal names no user", &error))?;
    let is_it = admin.orders().is_user(human_id, own).await;
    if is_it.map_err(|error| admin.failure(&error))? {
        return Ok(());
    }
    Err(Failure::new(
        Code::Usage,
        "--exists names another user than the order's",
        "give the id that `humanapi orders status --user ID` or the vendor's portal shows for the order's user; nothing was decided",
    ))
}

async fn decide(
    args: &ReconcileArgs,
    admin: &AdminApi,
    intent: &IntentKey,
    decided: Decided,
) -> Result<(), Failure> {
    let orders = admin.orders();
    let entry = orders.entry(intent).await;
    let entry = entry.map_err(|error| journal_failure(&error))?;
    let entry = entry.ok_or_else(no_such_intent)?;
    if !matches!(entry.state, EntryState::Unknown(_) | EntryState::Absent) {
        return Err(nothing_to_decide());
    }
    let decision = match decided {
        Decided::SendAgain(seen) if sent_at(&entry) == Some(seen) => Decision::SendAgain,
        Decided::SendAgain(_) => {
            return Err(Failure::new(
                Code::Usage,
                "it was not sent at the time that --send-again names: somebody may have had it sent again since",
                "look how it stands with `humanapi orders reconcile INTENT`, look in the vendor's portal, and decide on that",
            ));
        }
        Decided::Exists(human_id) => {
            is_orders(admin, &entry, &human_id).await?;
            Decision::Exists(human_id)
        }
    };
    let decided = orders.decide(intent, &entry, decision).await;
    match decided {
        Ok(entry) => {
            let (result, human_id) = match &entry.state {
                EntryState::Exists(id) => ("placed", Some(id.as_str())),
                _ => ("send_again", None),
            };
            let line = Line {
                intent: intent.as_str(),
                result,
                human_id,
                reason: None,
                sent_at: None,
            };
            write(args, &line)
        }
        Err(OrderError::Changed) => Err(nothing_to_decide()),
        Err(error) => Ended::of(admin, Err(error))
            .into_failure()
            .map_or(Ok(()), Err),
    }
}

/// All that are open, one after another.
async fn all(args: &ReconcileArgs, admin: &AdminApi) -> Result<(), Failure> {
    let orders = admin.orders();
    let mut open = pin!(orders.reconcile_open());
    let (mut seen, mut undecided) = (0_u64, 0_u64);
    let mut failed = None;
    while let Some(found) = open.next().await {
        let (intent, found) = match found {
            Ok(found) => found,
            Err(error) => {
                failed = Some(journal_failure(&error));
                break;
            }
        };
        let ended = Ended::of(admin, found);
        // One that surely never left is told as that: the next `orders submit` sends it.
        tell(args, &intent, &ended)?;
        seen += 1;
        undecided += u64::from(ended.became.is_undecided());
    }
    if undecided > 0 {
        // What is not known weighs more than why the list broke off.
        if let Some(line) = failed.as_ref().and_then(Failure::in_one_line) {
            output::warn(&line);
        }
        return Err(Failure::new(
            Code::Undecided,
            format!(
                "{undecided} of {seen} open orders may be placed, and it is not known whether they are"
            ),
            "run the same again later; if they stay so, look in the vendor's portal, and decide with --exists or --send-again",
        ));
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    if seen == 0 {
        output::note("no order is open");
    }
    Ok(())
}

fn tell(args: &ReconcileArgs, intent: &IntentKey, ended: &Ended) -> Result<(), Failure> {
    let line = Line {
        intent: intent.as_str(),
        result: ended.became.word(),
        human_id: ended.human_id.as_ref().map(HumanId::as_str),
        reason: ended.failure.as_ref().and_then(Failure::cause),
        sent_at: ended.sent_at,
    };
    write(args, &line)
}

/// A line for each order, as it is found.
fn write(args: &ReconcileArgs, line: &Line<'_>) -> Result<(), Failure> {
    print(&args.output, line, |line| {
        let more = line.human_id.or(line.reason).unwrap_or_default();
        let sent = line.sent_at.map(|at| format!("  sent {at}"));
        let sent = sent.unwrap_or_default();
        let text = format!("{}  {}{sent}  {more}", line.intent, line.result);
        output::plain(text.trim_end()).into_owned()
    })
}
