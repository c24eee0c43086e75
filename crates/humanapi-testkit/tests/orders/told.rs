//! What a caller is told after each fault that the sandbox can plan: the table of the book, row by row.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use humanapi_client::{Client, MemoryOrderJournal, OrderError};
use humanapi_core::admin::order::{IntentKey, OrderPolicy};
use humanapi_core::admin::{BirthDate, NewOrder};
use humanapi_core::{ClientUserId, Credentials, Hosts, HumanId, Provisioning, RetryPolicy};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{Assumption, DemoApp, Fault, FaultKind, IntermediaryBody, Sandbox};

const BOOK: &str = include_str!("../../../../docs/ordering-records.md");

/// Each fault, as the book names it. Where a request takes effect all the same, it does so behind the second name.
fn faults() -> Vec<(&'static str, Fault)> {
    let page = |status| Fault::intermediary(status, IntermediaryBody::Html);
    vec![
        (
            "`drop-before`: no answer, and no effect",
            Fault::drop_before(),
        ),
        (
            "`drop-after`: no answer, after the effect",
            Fault::drop_after(),
        ),
        (
            "`truncated-body`: the answer breaks off",
            Fault::truncated_body(),
        ),
        (
            "`garbage-body`: the answer is no JSON",
            Fault::garbage_body(),
        ),
        (
            "`delay`, beyond the caller's patience",
            Fault::delay(Duration::from_secs(60)),
        ),
        ("`delay`, within it", Fault::delay(Duration::from_millis(1))),
        ("`status` 400, 403, 404 or 422", Fault::status(422)),
        ("`status` 401", Fault::status(401)),
        ("`status` 408", Fault::status(408)),
        ("`status` 409", Fault::status(409)),
        (
            "`status` 409, after the effect",
            Fault::status(409).after_effect(),
        ),
        ("`status` 429", Fault::status(429)),
        ("`status` 500 to 599", Fault::status(503)),
        (
            "`status` 500 to 599, after the effect",
            Fault::status(503).after_effect(),
        ),
        ("`intermediary` of any status", page(403)),
        (
            "`intermediary` of any status, after the effect",
            page(504).after_effect(),
        ),
        ("`intermediary` with 200, such as a sign-in page", page(200)),
    ]
}

/// What the service makes of an order for a user who has one.
const SECOND: [(&str, &str); 3] = [
    (
        "`second-order=once-over`, while the user has an order",
        "once-over",
    ),
    ("`second-order=never`, where the user has had one", "never"),
    (
        "`second-order=always`, while the user has an order",
        "always",
    ),
];

/// What a caller is told, as the book says it.
fn word(told: &Result<HumanId, OrderError>) -> &'static str {
    match told {
        Ok(_) => "`Ok`",
        Err(OrderError::NotPlaced(_)) => "`NotPlaced`",
        Err(OrderError::Absent(_)) => "`Absent`",
        Err(OrderError::Unknown { .. }) => "`Unknown`",
        Err(OrderError::Journal(_)) => "`Journal`",
        Err(_) => "something else",
    }
}

/// A client without patience for what is not there at once, which waits so long for an answer.
fn insurer(sandbox: &Sandbox, wait: Duration) -> Client {
    let app = sandbox.app(DemoApp::Hip);
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
    let policy = OrderPolicy::default().with_read_patience(Duration::ZERO);
    Client::builder(
        credentials.unwrap(),
        Provisioning::Hip,
        HyperTransport::new(),
    )
    .hosts(Hosts::single(sandbox.url()).unwrap())
    .retry(RetryPolicy::default().with_attempt_timeout(wait))
    .order_policy(policy)
    .order_journal(Arc::new(MemoryOrderJournal::new()))
    .build()
}

/// What is told after a fault, at once and by the same submission again, and how many orders were billed by then.
async fn rows(fault: Fault) -> [String; 3] {
    // Far less than a delay that is not waited for, and far more than anything else takes.
    let wait = match fault.kind() {
        FaultKind::Delay(by) if *by > Duration::from_secs(1) => 2,
        _ => 30,
    };
    let sandbox = Sandbox::start().unwrap();
    let client = insurer(&sandbox, Duration::from_secs(wait));
    let fault = fault.on_method(Method::POST).on_path("/api/v1/users");
    sandbox.control().plan_fault(fault).unwrap();
    told_twice(&sandbox, &client).await
}

/// The same of an order for a user who has one.
async fn rows_of_second(value: &'static str) -> [String; 3] {
    let builder = Sandbox::builder().assume(Assumption::SecondOrder, value);
    let sandbox = builder.unwrap().start().unwrap();
    let client = insurer(&sandbox, Duration::from_secs(30));
    let first = IntentKey::new("case-416").unwrap();
    client.orders().submit(&first, &order()).await.unwrap();
    told_twice(&sandbox, &client).await
}

fn order() -> NewOrder {
    let born = BirthDate::parse("1980-04-09", "2026-11-29".parse().unwrap()).unwrap();
    NewOrder::new(ClientUserId::new("policy-417").unwrap())
        .with_name("Testina", "Sandboxer")
        .unwrap()
        .with_birth_date(born)
}

async fn told_twice(sandbox: &Sandbox, client: &Client) -> [String; 3] {
    let (orders, order) = (client.orders(), order());
    let intent = IntentKey::new("case-417").unwrap();
    let billed = || sandbox.control().ledger().len();
    let before = billed();
    let first = orders.submit(&intent, &order).await;
    let at_once = billed();
    let again = orders.submit(&intent, &order).await;
    let sends = if billed() > at_once { "sends it: " } else { "" };
    [
        word(&first).to_owned(),
        format!("{sends}{}", word(&again)),
        (billed() - before).to_string(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_says_what_a_caller_is_told_after_each_fault_of_the_sandbox() {
    let of_faults = faults()
        .into_iter()
        .map(|(name, fault)| (name, tokio::spawn(rows(fault))));
    let of_second = SECOND.map(|(name, value)| (name, tokio::spawn(rows_of_second(value))));
    let all: Vec<_> = of_faults.chain(of_second).collect();
    let (mut missing, count) = (Vec::new(), all.len());
    for (name, ended) in all {
        let [first, again, billed] = ended.await.unwrap();
        assert!(["0", "1"].contains(&&*billed), "{name}: {billed} orders");
        let row = format!("| {name} | {first} | {again} | {billed} |");
        if !BOOK.lines().any(|line| line == row) {
            missing.push(row);
        }
    }
    assert!(
        missing.is_empty(),
        "docs/ordering-records.md lacks:\n{}",
        missing.join("\n")
    );
    let part = BOOK.split("### Each fault, tried").nth(1).unwrap();
    let part = part.split("\n#").next().unwrap();
    let told = part.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(
        told.count(),
        count,
        "the book tells of faults that nobody tried"
    );
}
