//! What a user does in Connect, and what must be true then.

use humanapi_browser_tests::{Browser, Stage, Told};
use humanapi_client::connect::Confirmation;
use humanapi_core::connect::{ConnectOutcome, NextStep};
use humanapi_core::{ConnectToken, TokenKind};
use serde_json::{Value, json};

/// As the page around it sees these two sources.
pub(crate) fn strider() -> Value {
    json!({ "name": "Strider", "id": "65a0f3c2d4b1e09876540005" })
}

pub(crate) fn lakeside() -> Value {
    json!({ "name": "Lakeside Family Practice", "id": "65a0f3c2d4b1e09876540007" })
}

/// Signs in to a source, with a one-time code where it asks for one.
pub(crate) async fn connect(browser: &Browser, source: &str) {
    browser.click("button", &format!("Connect {source}")).await;
    browser
        .find("heading", &format!("Sign in to {source}"))
        .await;
    browser.fill("Username", "demouser").await;
    browser.fill("Password", "password").await;
    browser.click("button", "Sign in").await;
    if source == "Lakeside Family Practice" {
        browser.find("heading", "Enter your code").await;
        browser.fill("One-time code", "123456").await;
        browser.click("button", "Verify").await;
    }
    browser
        .find("status", &format!("{source} is connected."))
        .await;
}

pub(crate) async fn disconnect(browser: &Browser, source: &str) {
    browser
        .click("button", &format!("Disconnect {source}"))
        .await;
    browser
        .find("status", &format!("{source} is disconnected."))
        .await;
}

/// Opens Connect from the clinic's page, connects two sources, disconnects one, and leaves.
pub(crate) async fn two_and_one_back(browser: &Browser) {
    browser.click("button", "Connect your health data").await;
    browser.enter_connect().await;
    browser.find("heading", "Connect your health data").await;
    connect(browser, "Strider").await;
    connect(browser, "Lakeside Family Practice").await;
    disconnect(browser, "Strider").await;
    browser.click("button", "Done").await;
    browser.leave_frames().await;
    browser
        .until("return !document.getElementById('human-api')")
        .await;
}

/// The events of that story, each with what the vendor documents.
pub(crate) fn check_documented(told: &[Told], named: bool) {
    let form = |name: &str, event: &str, status: &str, lists: [&[Value]; 3]| {
        let mut detail = json!({
            "status": status,
            "sessionResults": {
                "connectedSources": lists[0], "disconnectedSources": lists[1], "requestedSources": [],
            },
            "currentConnections": lists[2],
            "requestedProviders": [],
        });
        if named {
            detail["type"] = event.into();
        }
        (name.to_owned(), detail)
    };
    let (strider, lakeside) = ([strider()], [lakeside()]);
    let both = [strider[0].clone(), lakeside[0].clone()];
    let connected = "hapi-connect-connect-source";
    let disconnected = "hapi-connect-disconnect-source";
    let expected = [
        form(
            "connect",
            connected,
            "CONNECTED_SOURCE",
            [&strider, &[], &strider],
        ),
        form(
            "connect",
            connected,
            "CONNECTED_SOURCE",
            [&both, &[], &both],
        ),
        form(
            "disconnect",
            disconnected,
            "DISCONNECTED_SOURCE",
            [&lakeside, &strider, &lakeside],
        ),
        form(
            "close",
            "hapi-connect-close",
            "SUCCESS",
            [&lakeside, &strider, &lakeside],
        ),
    ];
    let told: Vec<_> = told
        .iter()
        .map(|told| (told.name.clone(), told.detail.clone()))
        .collect();
    assert_eq!(told, expected);
}

/// What the server does with what it was told last, and what the service says.
pub(crate) async fn confirm(stage: &Stage, closed: &Told) -> Confirmation {
    let mut report = closed.detail.clone();
    // The widget's callbacks get no name of the event, so whoever posts puts it back.
    if report.get("type").or_else(|| report.get("event")).is_none() {
        report["type"] = closed.name.as_str().into();
    }
    let body = report.to_string();
    let outcome = ConnectOutcome::from_message(body.as_bytes());
    assert_eq!(
        outcome.expect("a report").next_step(),
        NextStep::AskForAccessToken
    );
    let confirmed = stage.clinic.patient().confirm_connection().await;
    let confirmed = confirmed.expect("the service answers");
    assert!(confirmed.is_connected() && confirmed.access_token.is_some());
    confirmed
}

/// All of it, with pages that open Connect in one way: a new user connects two sources, disconnects one and leaves; the
/// page is told as documented; the server asks, and gets an access token; the user comes back.
pub(crate) async fn play(
    stage: &Stage,
    page: impl AsyncFn(&ConnectToken) -> String,
    check: impl FnOnce(&[Told]),
) {
    let token = stage.clinic.token().await;
    assert_eq!(token.kind(), TokenKind::Session);
    stage.browser.goto(&page(&token).await).await;
    two_and_one_back(&stage.browser).await;
    let told = stage.clinic.told_so_much(4).await;
    check(&told);
    confirm(stage, &told[3]).await;
    come_back(stage, page).await;
    let told = stage.clinic.told_so_much(5).await;
    assert_eq!(told[4].name, "close");
    assert_eq!(told[4].detail["currentConnections"], json!([lakeside()]));
}

/// A user who has connected gets no second session, but an id token, which opens Connect again.
pub(crate) async fn come_back(stage: &Stage, page: impl AsyncFn(&ConnectToken) -> String) {
    let refused = stage.clinic.patient().session_token().await;
    let refused = refused.expect_err("one session is all that there is");
    let refusal = refused.api_error().expect("the service refuses");
    assert_eq!(refusal.status().as_u16(), 403);
    let token = stage.clinic.token().await;
    assert_eq!(token.kind(), TokenKind::Id);
    let browser = &stage.browser;
    browser.goto(&page(&token).await).await;
    browser.click("button", "Connect your health data").await;
    browser.enter_connect().await;
    browser.find("heading", "Welcome back").await;
    browser
        .find("button", "Disconnect Lakeside Family Practice")
        .await;
    browser.click("button", "Done").await;
    browser.leave_frames().await;
    browser
        .until("return !document.getElementById('human-api')")
        .await;
}
