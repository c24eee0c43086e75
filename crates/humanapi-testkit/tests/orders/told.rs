//! What a caller is told after each fault that the sandbox can plan: the table of the book, row by row.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use humanapi_client::{Client, MemoryOrderJournal, OrderError};
use humanapi_core::admin::order::{IntentKey, OrderPolicy};
use humanapi_core::admin::{BirthDate, NewOrder};
use humanapi_core::{ClientUserId, Credentials, Hosts, HumanId, Provisioning, RetryPolicy};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{DemoApp, Fault, FaultKind, IntermediaryBody, Sandbox};

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
    let sandbox = Sandbox::start().unwrap();
    // Far less than a delay that is not waited for, and far more than anything else takes.
    let wait = match fault.kind() {
        FaultKind::Delay(by) if *by > Duration::from_secs(1) => 2,
        _ => 30,
    };
    let orders = insurer(&sandbox, Duration::from_secs(wait)).orders();
    let born = BirthDate::parse("1980-04-09", "2026-11-29".parse().unwrap()).unwrap();
    let order = NewOrder::new(ClientUserId::new("policy-417").unwrap())
        .with_name("Testina", "Sandboxer")
        .unwrap()
        .with_birth_date(born);
    let intent = IntentKey::new("case-417").unwrap();
    let path = "/api/v1/users";
    let fault = fault.on_method(Method::POST).on_path(path);
    sandbox.control().plan_fault(fault).unwrap();
    let first = orders.submit(&intent, &order).await;
    let at_once = sandbox.control().ledger().len();
    let again = orders.submit(&intent, &order).await;
    let billed = sandbox.control().ledger().len();
    let sends = if billed > at_once { "sends it: " } else { "" };
    [
        word(&first).to_owned(),
        format!("{sends}{}", word(&again)),
        billed.to_string(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_says_what_a_caller_is_told_after_each_fault_of_the_sandbox() {
    let faults = faults();
    let ended = faults
        .iter()
        .map(|(_, fault)| tokio::spawn(rows(fault.clone())));
    let ended: Vec<_> = ended.collect();
    let mut missing = Vec::new();
    for ((name, _), ended) in faults.iter().zip(ended) {
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
        faults.len(),
        "the book tells of faults that nobody tried"
    );
}
