//! Random histories of operations from several clients, against the pure row.
//!
//! Claims last an hour or no time at all, so what must happen does not depend on how fast a journal is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use humanapi_client::OrderJournal;
use humanapi_core::HumanId;
use humanapi_core::admin::order::{
    Before, Claim, Decision, Doubt, Effect, Entry, EntryState, Finding, IntentKey, Op, Report, Row,
};
use proptest::prelude::*;

use super::{JournalPlace, LONG, apply, load, subject};

/// As many as the history has below.
const CLIENTS: usize = 2;
const INTENTS: usize = 2;
/// What the row's clock shows all the time.
const NOW: u64 = 1_000_000;

/// One operation of one client on one intent.
#[derive(Clone, Debug)]
struct Operation {
    client: usize,
    intent: usize,
    does: Does,
}

#[derive(Clone, Debug)]
enum Does {
    Load,
    Begin {
        long: bool,
        other: bool,
    },
    Take {
        long: bool,
    },
    /// With the newest claim but so many.
    Depart {
        claim: usize,
        long: bool,
    },
    Settle {
        claim: usize,
        report: Report,
    },
    Conclude {
        claim: usize,
        finding: Finding,
    },
    Decide {
        stale: bool,
        decision: Decision,
    },
    HandBack {
        stale: bool,
    },
}

/// For any history, the journal answers as the row does.
pub async fn random_histories_go_as_the_row_says(place: impl JournalPlace) {
    let clients = [place.open().await, place.open().await];
    let histories = prop::collection::vec(operation(), 1..50);
    let number = AtomicU64::new(0);
    crate::histories::run(32, &histories, async |history| {
        // Rows never go, so each history has intents of its own.
        let number = number.fetch_add(1, Ordering::Relaxed);
        run(&clients, number, &history).await;
    });
}

fn operation() -> impl Strategy<Value = Operation> {
    let long = || prop::bool::weighted(0.6);
    let claim = || prop_oneof![6 => Just(0), 2 => 1_usize..4];
    let human = || HumanId::new("canary-human");
    let report = prop_oneof![
        Just(Report::Placed(human())),
        Just(Report::NoEffect),
        Just(Report::Unknown(Doubt::NoAnswer)),
    ];
    let finding = prop_oneof![
        Just(Finding::Exists(human())),
        Just(Finding::Absent),
        Just(Finding::Undecided(Doubt::NotThereYet)),
    ];
    let decision = prop_oneof![
        Just(Decision::SendAgain),
        Just(Decision::Exists(HumanId::new("canary-decided"))),
    ];
    let stale = || prop::bool::weighted(0.2);
    let does = prop_oneof![
        2 => Just(Does::Load),
        6 => (long(), prop::bool::weighted(0.1)).prop_map(|(long, other)| Does::Begin { long, other }),
        2 => long().prop_map(|long| Does::Take { long }),
        6 => (claim(), long()).prop_map(|(claim, long)| Does::Depart { claim, long }),
        4 => (claim(), report).prop_map(|(claim, report)| Does::Settle { claim, report }),
        4 => (claim(), finding).prop_map(|(claim, finding)| Does::Conclude { claim, finding }),
        2 => (stale(), decision).prop_map(|(stale, decision)| Does::Decide { stale, decision }),
        2 => stale().prop_map(|stale| Does::HandBack { stale }),
    ];
    let who = (0..CLIENTS, 0..INTENTS, does);
    who.prop_map(|(client, intent, does)| Operation {
        client,
        intent,
        does,
    })
}

/// What is known of one intent.
#[derive(Default)]
struct Known {
    row: Option<Row>,
    claims: Vec<Claim>,
}

async fn run(clients: &[Arc<dyn OrderJournal>; CLIENTS], number: u64, history: &[Operation]) {
    let mut known: [Known; INTENTS] = Default::default();
    for Operation {
        client,
        intent,
        does,
    } in history
    {
        let (journal, known) = (&*clients[*client], &mut known[*intent]);
        let intent = IntentKey::new(format!("history-{number}-{intent}")).expect("it is one");
        let Some(op) = op(does, known) else {
            let expected = known.row.as_ref().map(|row| plain(&row.entry(NOW)));
            let told = load(journal, &intent).await;
            assert_eq!(told.as_ref().map(plain), expected);
            continue;
        };
        let told = apply(journal, &intent, op.clone()).await;
        let expected = Row::apply(&mut known.row, NOW, op);
        assert_eq!(shown(&told), shown(&expected));
        if let Effect::Send(claim) | Effect::Read(claim, _) = expected {
            known.claims.push(claim);
        }
    }
}

/// Nothing where it is only looked at, or where there is no claim yet.
fn op(does: &Does, known: &Known) -> Option<Op> {
    let ttl = |long: bool| if long { LONG } else { Duration::ZERO };
    let claim = |back: usize| known.claims.iter().rev().nth(back).copied();
    let version = |stale: bool| {
        let entry = known.row.as_ref().map(|row| row.entry(NOW).version);
        entry.unwrap_or(7).saturating_sub(u64::from(stale))
    };
    Some(match does {
        Does::Load => return None,
        Does::Begin { long, other } => Op::Begin {
            ttl: ttl(*long),
            subject: subject(if *other { "other" } else { "one" }),
        },
        Does::Take { long } => Op::Take { ttl: ttl(*long) },
        Does::Depart { claim: back, long } => Op::Depart {
            claim: claim(*back)?,
            ttl: ttl(*long),
            before: Before::Orders(vec!["order-1".to_owned()]),
        },
        Does::Settle {
            claim: back,
            report,
        } => Op::Settle {
            claim: claim(*back)?,
            report: report.clone(),
        },
        Does::Conclude {
            claim: back,
            finding,
        } => Op::Conclude {
            claim: claim(*back)?,
            finding: finding.clone(),
        },
        Does::Decide { stale, decision } => Op::Decide {
            version: version(*stale),
            decision: decision.clone(),
        },
        Does::HandBack { stale } => Op::HandBack {
            version: version(*stale),
        },
    })
}

/// All that does not depend on the clock.
type Plain = (EntryState, String, Option<String>, bool, bool, u64);

fn plain(entry: &Entry) -> Plain {
    let subject = &entry.subject;
    (
        entry.state.clone(),
        subject.client_user_id().to_owned(),
        subject.order_type().map(str::to_owned),
        entry.sent_at.is_some(),
        entry.handed_back,
        entry.version,
    )
}

fn shown(effect: &Effect) -> (&'static str, Option<Claim>, Option<Plain>) {
    match effect {
        Effect::Send(claim) => ("send", Some(*claim), None),
        Effect::Read(claim, entry) => ("read", Some(*claim), Some(plain(entry))),
        Effect::Departed => ("departed", None, None),
        Effect::Held { .. } => ("held", None, None),
        Effect::Stands(entry) => ("stands", None, Some(plain(entry))),
        Effect::Missing => ("missing", None, None),
        Effect::OtherOrder => ("other order", None, None),
        Effect::Fenced => ("fenced", None, None),
    }
}
