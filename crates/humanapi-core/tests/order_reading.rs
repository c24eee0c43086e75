//! What an answer shows of an order, and what reading does, where the user may have been there before.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::{Duration, SystemTime};

use humanapi_core::admin::order::{
    Before, Doubt, Effect, EntryState, Finding, Op, OrderPolicy, Report, Row, Subject, user_of_id,
};
use humanapi_core::admin::{BirthDate, NewOrder, OrderedUser, SubmitOrder};
use humanapi_core::http::StatusCode;
use humanapi_core::{Body, Endpoint as _, Now, Response};

fn order() -> NewOrder {
    let born = BirthDate::parse("1980-04-09", "2026-11-29".parse().unwrap()).unwrap();
    let order = NewOrder::new("case-1").with_name("Testina", "Sandboxer");
    order.unwrap().with_birth_date(born)
}

const USER: &str = r#""humanId":"5c2e","clientUserId":"case-1","firstName":"Testina","lastName":"Sandboxer",
    "dateOfBirth":"1980-04-09T00:00:00.000Z","createdAt":"1970-01-01T00:00:01.000Z""#;

/// The user, with orders of these ids and types.
fn users(orders: &[(&str, &str)]) -> Vec<OrderedUser> {
    let orders = orders.iter().map(|(id, kind)| match *id {
        "" => format!(r#"{{"orderType":"{kind}"}}"#),
        id => format!(r#"{{"orderId":"{id}","orderType":"{kind}"}}"#),
    });
    let orders: Vec<_> = orders.collect();
    let text = format!(r#"[{{{USER},"orders":[{}]}}]"#, orders.join(","));
    serde_json::from_str(&text).unwrap()
}

fn known(ids: &[&str]) -> Before {
    Before::Orders(ids.iter().map(|id| (*id).to_owned()).collect())
}

/// What an answer of this status tells, of this user.
fn report(status: u16, user: &str, before: &Before) -> Report {
    let mut answer = Response::new(Body::from(format!("[{{{user}}}]")));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let submitted = SubmitOrder::new(order()).parse(answer, now);
    Report::of(&Ok(submitted.unwrap()), &Subject::of(&order()), before)
}

#[test]
fn only_a_user_who_was_made_shows_that_an_order_was_placed() {
    let placed = |report| matches!(report, Report::Placed(_));
    assert!(placed(report(201, USER, &Before::Nobody)));
    // An answer need not tell more than who it is.
    assert!(placed(report(201, r#""humanId":"5c2e""#, &Before::Nobody)));
    let not_shown = Report::Unknown(Doubt::NotShown);
    for status in [200, 202] {
        assert_eq!(report(status, USER, &Before::Nobody), not_shown, "{status}");
    }
    for before in [known(&["o-1"]), Before::Untold, Before::NotKnown] {
        assert_eq!(report(201, USER, &before), not_shown, "{before:?}");
    }
    let other = USER.replace("Testina", "Another");
    let doubt = Report::Unknown(Doubt::OtherPerson);
    assert_eq!(report(201, &other, &Before::Nobody), doubt);
}

#[test]
fn what_was_there_before_is_told_by_the_orders_of_the_one_user() {
    let subject = Subject::of(&order());
    let before = |users: &[OrderedUser]| Before::of(users, &subject);
    assert_eq!(before(&[]), Before::Nobody);
    let two = users(&[("o-1", "full"), ("o-2", "full")]);
    assert_eq!(before(&two), known(&["o-1", "o-2"]));
    assert_eq!(before(&users(&[])), Before::Untold);
    assert_eq!(before(&users(&[("", "full")])), Before::Untold);
    let twice = [two.clone(), two].concat();
    assert_eq!(before(&twice), Before::Untold);
    let strangers: Vec<OrderedUser> =
        serde_json::from_str(r#"[{"humanId":"1","clientUserId":"case-2"},{"humanId":"2"}]"#)
            .unwrap();
    assert_eq!(before(&strangers), Before::NotKnown);
    let found = user_of_id(&strangers, "case-1").map(|user| user.is_some());
    assert_eq!(found, Err(Doubt::OtherUsers));
    let found = user_of_id(&strangers[1..], "case-1").map(|user| user.is_some());
    assert_eq!(found, Ok(true));
}

/// What is found so many milliseconds after the order was marked as sent, which it was at 1,000, for 60 seconds.
fn found(order: &NewOrder, before: Before, users: &[OrderedUser], at: u64) -> Finding {
    let (mut row, ttl) = (None, Duration::from_secs(60));
    let subject = Subject::of(order);
    let begun = Row::apply(&mut row, 0, Op::Begin { ttl, subject });
    let Effect::Send(claim) = begun else {
        panic!("{begun:?}")
    };
    let departs = Op::Depart { claim, ttl, before };
    assert_eq!(Row::apply(&mut row, 1_000, departs), Effect::Departed);
    // Whoever reads has another policy than whoever sent.
    let policy = OrderPolicy::default();
    let policy = policy.with_claim_ttl(Duration::from_secs(1)).unwrap();
    Finding::of(users, &row.unwrap().entry(1_000 + at), &policy)
}

#[test]
fn of_a_user_who_was_there_before_only_a_new_order_counts() {
    let typed = order().with_order_type("aps-only").unwrap();
    let doubt = Finding::Undecided;
    let first = [("o-1", "full")];
    let both = [("o-1", "full"), ("o-2", "aps-only")];
    let other = [("o-1", "aps-only"), ("o-2", "full")];
    let cases = [
        (known(&["o-1"]), &first[..], Some(Doubt::NoNewOrder)),
        (known(&["o-1"]), &[], Some(Doubt::NoNewOrder)),
        (
            known(&["o-1"]),
            &[("", "aps-only")],
            Some(Doubt::NoNewOrder),
        ),
        (known(&["o-1"]), &both, None),
        (known(&["o-1"]), &other, Some(Doubt::OtherOrderType)),
        (Before::Untold, &both, Some(Doubt::BeforeUntold)),
        (Before::Nobody, &both, None),
        (Before::Nobody, &first, Some(Doubt::OtherOrderType)),
        (Before::NotKnown, &both, None),
    ];
    for (before, orders, expected) in cases {
        let finding = found(&typed, before.clone(), &users(orders), 2_000);
        match expected {
            Some(expected) => assert_eq!(finding, doubt(expected), "{before:?} {orders:?}"),
            None => assert!(
                matches!(finding, Finding::Exists(_)),
                "{before:?} {orders:?}"
            ),
        }
    }
    // Another one may have placed what is there by then.
    let day = 86_400_000;
    let late = found(&typed, known(&["o-1"]), &users(&both), day);
    assert_eq!(late, doubt(Doubt::SeenTooLate));
}

/// Who was there and is not shown now is no proof that nothing came.
#[test]
fn an_order_is_absent_only_where_nobody_is_known_to_have_been_there() {
    let gone = Finding::Undecided(Doubt::Gone);
    for (before, expected) in [
        (Before::Nobody, Finding::Absent),
        (Before::NotKnown, Finding::Absent),
        (Before::Untold, gone.clone()),
        (known(&["o-1"]), gone),
    ] {
        let finding = found(&order(), before.clone(), &[], 86_400_000);
        assert_eq!(finding, expected, "{before:?}");
    }
}

/// The sender may have been given more time than the reader gives.
#[test]
fn how_late_a_user_can_be_made_is_counted_from_when_the_order_may_have_left() {
    let made = |seconds: i64| {
        let at = jiff::Timestamp::from_second(1 + seconds).unwrap();
        let mut users = users(&[]);
        users[0].created_at = Some(at);
        found(&order(), Before::Nobody, &users, 2_000)
    };
    let longest = 60 + 15 * 60 + 5 * 60;
    assert!(matches!(made(longest), Finding::Exists(_)));
    assert_eq!(made(longest + 1), Finding::Undecided(Doubt::MadeLater));
}

#[test]
fn a_row_of_an_earlier_version_does_not_say_what_was_there_before() {
    let (mut row, ttl) = (None, Duration::from_secs(60));
    let subject = Subject::of(&order());
    let Effect::Send(claim) = Row::apply(&mut row, 0, Op::Begin { ttl, subject }) else {
        panic!("it is new")
    };
    let before = Before::NotKnown;
    Row::apply(&mut row, 1_000, Op::Depart { claim, ttl, before });
    let written = String::from_utf8(row.unwrap().to_bytes().as_bytes().to_vec()).unwrap();
    let earlier = written.replace(r#","before":"NotKnown""#, "");
    assert_ne!(written, earlier);
    let entry = Row::from_bytes(earlier.as_bytes()).unwrap().entry(2_000);
    assert_eq!(
        (entry.state, entry.before),
        (EntryState::Sent, Before::NotKnown)
    );
}

/// Whoever could not read what was there before gives the claim back: nobody waits for it.
#[test]
fn a_claim_under_which_nothing_was_sent_is_given_back() {
    let (mut row, ttl) = (None, Duration::from_secs(60));
    let begin = || Op::Begin {
        ttl,
        subject: Subject::of(&order()),
    };
    let Effect::Send(claim) = Row::apply(&mut row, 0, begin()) else {
        panic!("it is new")
    };
    let report = Report::NoEffect;
    let settle = || Op::Settle {
        claim,
        report: report.clone(),
    };
    let settled = Row::apply(&mut row, 1, settle());
    assert!(matches!(settled, Effect::Stands(entry) if entry.state == EntryState::Written));
    let Effect::Send(_) = Row::apply(&mut row, 2, begin()) else {
        panic!("nobody is at it")
    };
    assert_eq!(Row::apply(&mut row, 3, settle()), Effect::Fenced);
}
