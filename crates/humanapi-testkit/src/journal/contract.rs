//! The contract of order journals, case by case.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use humanapi_core::HumanId;
use humanapi_core::admin::order::{Doubt, Effect, EntryState, Finding, IntentKey, Op, Report};
use tokio::task::JoinSet;

use super::{
    JournalPlace, LONG, apply, begin, depart, intent, load, may_send, placed, sent, settle, subject,
};

/// However many ask at once, one of them may send, and the others learn how long its claim lasts.
pub async fn one_of_many_may_send(place: impl JournalPlace) {
    let journals = [place.open().await, place.open().await];
    for round in 0..5 {
        let intent = intent(&format!("round-{round}"));
        let mut tasks = JoinSet::new();
        for task in 0..16 {
            let (journal, intent) = (Arc::clone(&journals[task % 2]), intent.clone());
            tasks.spawn(async move { begin(&*journal, &intent, LONG).await });
        }
        let mut winners = 0;
        for effect in tasks.join_all().await {
            match effect {
                Effect::Send(_) => winners += 1,
                Effect::Held { remaining } => {
                    assert!(remaining <= LONG && remaining > Duration::ZERO);
                }
                other => panic!("one is at it, but: {other:?}"),
            }
        }
        assert_eq!(winners, 1);
    }
}

/// The right to send is used up by whoever marks the order as sent, even where it is asked for at once by many.
pub async fn a_departure_happens_once(place: impl JournalPlace) {
    let journals = [place.open().await, place.open().await];
    let intent = intent("once");
    let claim = may_send(begin(&*journals[0], &intent, LONG).await);
    let mut tasks = JoinSet::new();
    for task in 0..12 {
        let (journal, intent) = (Arc::clone(&journals[task % 2]), intent.clone());
        tasks.spawn(async move { depart(&*journal, &intent, claim, LONG).await });
    }
    let effects = tasks.join_all().await;
    let departed = effects.iter().filter(|effect| **effect == Effect::Departed);
    assert_eq!(departed.count(), 1, "{effects:?}");
    assert!(
        effects
            .iter()
            .all(|effect| matches!(effect, Effect::Departed | Effect::Fenced))
    );
}

/// A claim that nobody ends makes room for the next one, and whoever had it does not send any more.
pub async fn a_claim_ends_by_itself(place: impl JournalPlace) {
    let (a, b) = (place.open().await, place.open().await);
    let mut ttl = Duration::from_millis(300);
    let (intent, first, remaining) = loop {
        let intent = intent(&format!("{}", ttl.as_millis()));
        let begun = Instant::now();
        let first = may_send(begin(&*a, &intent, ttl).await);
        match begin(&*b, &intent, LONG).await {
            Effect::Held { remaining } => break (intent, first, remaining),
            // A machine that is so slow gets more time.
            Effect::Send(_) if begun.elapsed() >= ttl => ttl *= 4,
            other => panic!("another is at it, but: {other:?}"),
        }
    };
    place.pass(remaining).await;
    // Clocks that tell waiting and clocks of journals need not agree to the millisecond.
    place.pass(Duration::from_millis(2)).await;
    assert_eq!(depart(&*a, &intent, first, LONG).await, Effect::Fenced);
    let second = may_send(begin(&*b, &intent, LONG).await);
    assert!(second > first);
    assert_eq!(depart(&*a, &intent, first, LONG).await, Effect::Fenced);
    assert_eq!(depart(&*b, &intent, second, LONG).await, Effect::Departed);
}

/// Once it may have left, nobody gets the right to send, whoever asks and however often.
pub async fn what_was_sent_is_read_and_never_sent(place: impl JournalPlace) {
    let (a, b) = (place.open().await, place.open().await);
    let intent = intent("sent");
    let claim = sent(&*a, &intent, Duration::ZERO).await;
    let Effect::Read(reader, entry) = begin(&*b, &intent, LONG).await else {
        panic!("its claim is over, and it may have left");
    };
    assert_eq!(entry.state, EntryState::Unknown(Doubt::Interrupted));
    assert!(entry.left_ago.is_some() && entry.sent_at.is_some());
    assert!(matches!(
        begin(&*a, &intent, LONG).await,
        Effect::Held { .. }
    ));
    let finding = Finding::Undecided(Doubt::NotThereYet);
    let concluded = apply(
        &*b,
        &intent,
        Op::Conclude {
            claim: reader,
            finding,
        },
    )
    .await;
    assert!(matches!(concluded, Effect::Stands(_)));
    assert_eq!(depart(&*a, &intent, claim, LONG).await, Effect::Fenced);
    for journal in [&a, &b] {
        let effect = begin(&**journal, &intent, Duration::ZERO).await;
        assert!(matches!(effect, Effect::Read(..)), "{effect:?}");
    }
}

/// What one did, another finds at once.
pub async fn journals_see_one_another(place: impl JournalPlace) {
    let (a, b) = (place.open().await, place.open().await);
    let intent = intent("seen");
    assert_eq!(load(&*b, &intent).await, None);
    let take = Op::Take { ttl: LONG };
    assert_eq!(apply(&*b, &intent, take).await, Effect::Missing);
    let claim = sent(&*a, &intent, LONG).await;
    let entry = load(&*b, &intent).await.expect("it is written");
    assert_eq!(entry.state, EntryState::Sent);
    assert_eq!(entry.subject, subject("one"));
    settle(&*a, &intent, claim, placed()).await;
    let entry = load(&*place.open().await, &intent)
        .await
        .expect("it is written");
    let human = HumanId::new("canary-human");
    assert_eq!(entry.state, EntryState::Exists(human));
    assert!(!entry.handed_back);
    let version = entry.version;
    let told = apply(&*b, &intent, Op::HandBack { version }).await;
    assert!(matches!(told, Effect::Stands(entry) if entry.handed_back));
}

/// An answer that comes late is worth more than what others concluded meanwhile.
pub async fn what_is_certain_counts_whenever_it_comes(place: impl JournalPlace) {
    let (a, b) = (place.open().await, place.open().await);
    for (name, report, is_placed) in [("yes", placed(), true), ("no", Report::NoEffect, false)] {
        let intent = intent(name);
        let claim = sent(&*a, &intent, Duration::ZERO).await;
        let Effect::Read(reader, _) = begin(&*b, &intent, LONG).await else {
            panic!("its claim is over");
        };
        let settled = settle(&*a, &intent, claim, report).await;
        let Effect::Stands(entry) = settled else {
            panic!("it is certain: {settled:?}");
        };
        assert_eq!(matches!(entry.state, EntryState::Exists(_)), is_placed);
        let finding = Finding::Absent;
        let late = apply(
            &*b,
            &intent,
            Op::Conclude {
                claim: reader,
                finding,
            },
        )
        .await;
        assert_eq!(late, Effect::Fenced);
    }
}

/// Two orders under one key are told apart.
pub async fn another_order_under_the_key_is_told(place: impl JournalPlace) {
    let journal = place.open().await;
    let intent = intent("shared");
    begin(&*journal, &intent, LONG).await;
    let (ttl, subject) = (LONG, subject("other"));
    let other = apply(&*journal, &intent, Op::Begin { ttl, subject }).await;
    assert_eq!(other, Effect::OtherOrder);
}

/// Whoever goes through the list in small steps finds each intent that somebody has to go on with, once.
pub async fn what_is_open_is_listed_once_each(place: impl JournalPlace) {
    let journal = place.open().await;
    let mut expected = BTreeSet::new();
    for number in 0..23 {
        let intent = intent(&format!("open-{number}"));
        let claim = sent(&*journal, &intent, LONG).await;
        let Effect::Stands(entry) = settle(&*journal, &intent, claim, placed()).await else {
            panic!("it is certain");
        };
        if number % 3 == 0 {
            let version = entry.version;
            apply(&*journal, &intent, Op::HandBack { version }).await;
        } else {
            expected.insert(intent);
        }
    }
    let other = place.open().await;
    let mut found = Vec::new();
    let mut after: Option<IntentKey> = None;
    loop {
        let listed = other.open(after.as_ref(), 4).await;
        let listed = listed.expect("the journal answers");
        assert!(listed.len() <= 4);
        let Some((last, _)) = listed.last() else {
            break;
        };
        after = Some(last.clone());
        found.extend(listed.into_iter().map(|(intent, entry)| {
            assert!(!entry.handed_back);
            intent
        }));
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(other.open(None, 0).await.expect("the journal answers"), []);
}

/// Keys that look alike are others, and whatever may stand in one does no harm.
pub async fn intents_do_not_run_together(place: impl JournalPlace) {
    let journal = place.open().await;
    let keys = [
        "case",
        "Case",
        "cas",
        "case/1",
        "case'; DROP TABLE humanapi_orders; --",
        "caf\u{e9}",
        "cafe\u{301}",
        "{case}",
        "*",
        "%",
        "\u{1f600}",
        "\\",
        "\"",
    ];
    let longest = "k".repeat(255);
    for key in keys.into_iter().chain([&*longest]) {
        let intent = IntentKey::new(key).expect("it is one");
        assert_eq!(load(&*journal, &intent).await, None, "{key}");
        may_send(begin(&*journal, &intent, LONG).await);
        assert!(load(&*journal, &intent).await.is_some(), "{key}");
    }
    let open = journal.open(None, 100).await.expect("the journal answers");
    assert_eq!(open.len(), keys.len() + 1);
}

/// Claims of any length.
pub async fn absurd_numbers_do_no_harm(place: impl JournalPlace) {
    let journal = place.open().await;
    let intent = intent("absurd");
    let claim = may_send(begin(&*journal, &intent, Duration::MAX).await);
    assert!(matches!(
        begin(&*journal, &intent, LONG).await,
        Effect::Held { .. }
    ));
    assert_eq!(
        depart(&*journal, &intent, claim, Duration::MAX).await,
        Effect::Departed
    );
    assert_eq!(
        load(&*journal, &intent)
            .await
            .and_then(|entry| entry.left_ago),
        None
    );
    let version = u64::MAX;
    let told = apply(&*journal, &intent, Op::HandBack { version }).await;
    assert_eq!(told, Effect::Fenced);
    assert!(matches!(
        settle(&*journal, &intent, claim, placed()).await,
        Effect::Stands(_)
    ));
    assert!(
        journal
            .open(None, usize::MAX)
            .await
            .is_ok_and(|open| open.len() == 1)
    );
}

/// Operations whose callers left happened or did not, and the journal goes on.
pub async fn operations_broken_off_do_no_harm(place: impl JournalPlace) {
    let journal = place.open().await;
    for round in 0..20 {
        let intent = intent(&format!("broken-{round}"));
        let mut tasks = JoinSet::new();
        for task in 0..4 {
            let (journal, intent) = (Arc::clone(&journal), intent.clone());
            tasks.spawn(async move {
                let first = begin(&*journal, &intent, LONG);
                // Broken off at another point each time, or not at all.
                let patience = Duration::from_micros(round * 50 + task * 13);
                tokio::time::timeout(patience, first).await.ok()
            });
        }
        let effects = tasks.join_all().await;
        let winners = effects
            .iter()
            .flatten()
            .filter(|effect| matches!(effect, Effect::Send(_)));
        let winners = winners.count();
        assert!(winners <= 1, "{effects:?}");
        let after = begin(&*journal, &intent, LONG).await;
        let is_held = matches!(after, Effect::Held { .. });
        assert!(
            is_held || matches!(after, Effect::Send(_)) && winners == 0,
            "{after:?}"
        );
    }
}
