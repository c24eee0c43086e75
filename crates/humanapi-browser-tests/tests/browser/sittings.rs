//! What becomes of a sitting: refused, expired, broken off, held twice.

use std::time::Duration;

use humanapi_browser_tests::{Browser, Stage};
use humanapi_core::TokenKind;
use humanapi_core::connect::{ConnectEnd, ConnectOutcome, NextStep};
use humanapi_sandbox::Assumption;
use serde_json::json;

use crate::{pages, story, within};

/// Whatever status the service refuses a second session with, a returning user gets in.
async fn check_returning(test: &str, status: &str) {
    within(async {
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            ..
        } = &stage;
        let control = sandbox.control();
        control
            .set_assumption(Assumption::SessionRefusalStatus, status)
            .expect("a value that it has");
        let token = clinic.token().await;
        assert_eq!(token.kind(), TokenKind::Session);
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        story::connect(browser, "Strider").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        clinic.told_so_much(2).await;

        let refused = clinic.patient().session_token().await;
        let refused = refused.expect_err("one session is all that there is");
        assert_eq!(
            refused
                .api_error()
                .expect("the service refuses")
                .status()
                .as_str(),
            status
        );
        clinic
            .patient()
            .confirm_connection()
            .await
            .expect("the service answers");
        let token = clinic.token().await;
        assert_eq!(token.kind(), TokenKind::Id);
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        browser.find("heading", "Welcome back").await;
        story::disconnect(browser, "Strider").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        let told = clinic.told_so_much(4).await;
        let outcome =
            ConnectOutcome::from_message(told[3].detail.to_string().as_bytes()).expect("a report");
        assert_eq!(outcome.disconnected.len(), 1);
        assert!(outcome.current_connections.is_empty());
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_refused_by_403_comes_back() {
    check_returning("sittings::a_user_refused_by_403_comes_back", "403").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_refused_by_409_comes_back() {
    check_returning("sittings::a_user_refused_by_409_comes_back", "409").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_ends_the_sitting_and_keeps_what_was_done() {
    within(async {
        let test = "sittings::an_expired_token_ends_the_sitting_and_keeps_what_was_done";
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            ..
        } = &stage;
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        story::connect(browser, "Strider").await;
        sandbox
            .control()
            .advance_clock(Duration::from_secs(3_601))
            .expect("it moves");
        browser.click("button", "Connect Pulseband").await;
        browser.find("heading", "Your session has ended").await;
        browser.click("button", "Close").await;
        browser.leave_frames().await;
        let told = clinic.told_so_much(2).await;
        assert_eq!(told[1].detail["status"], "SESSION_TOKEN_EXPIRED");
        let outcome =
            ConnectOutcome::from_message(told[1].detail.to_string().as_bytes()).expect("a report");
        assert_eq!(outcome.end, Some(ConnectEnd::TokenExpired));
        assert_eq!(outcome.next_step(), NextStep::RenewLaunchToken);

        // What was connected before counts, and the next token opens Connect with it.
        assert!(
            clinic
                .patient()
                .confirm_connection()
                .await
                .expect("it answers")
                .is_connected()
        );
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        browser.find("button", "Disconnect Strider").await;
        // The browser says in the console that an answer was 401.
        stage.end_but_for(&["401"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sitting_broken_off_goes_on_in_another_browser() {
    within(async {
        let test = "sittings::a_sitting_broken_off_goes_on_in_another_browser";
        let Some(mut stage) = Stage::set(test).await else {
            return;
        };
        let token = stage.clinic.token().await;
        let page = stage.clinic.launcher_page(&token);
        stage.browser.goto(&page).await;
        stage
            .browser
            .click("button", "Connect your health data")
            .await;
        stage.browser.enter_connect().await;
        story::connect(&stage.browser, "Strider").await;
        // Half signed in, when the battery is empty.
        stage
            .browser
            .click("button", "Connect Lakeside Family Practice")
            .await;
        stage.browser.fill("Username", "demouser").await;
        stage.browser.fill("Password", "password").await;
        stage.browser.click("button", "Sign in").await;
        stage.browser.find("heading", "Enter your code").await;
        stage.another_browser().await;

        let Stage {
            browser, clinic, ..
        } = &stage;
        assert!(
            clinic
                .patient()
                .confirm_connection()
                .await
                .expect("it answers")
                .is_connected()
        );
        browser.goto(&page).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        browser.find("button", "Disconnect Strider").await;
        browser
            .click("button", "Connect Lakeside Family Practice")
            .await;
        browser.fill("One-time code", "123456").await;
        browser.click("button", "Verify").await;
        browser
            .find("status", "Lakeside Family Practice is connected.")
            .await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        let told = clinic.told_so_much(3).await;
        story::confirm(&stage, &told[2]).await;
        assert_eq!(
            told[2].detail["currentConnections"],
            json!([story::strider(), story::lakeside()])
        );
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_show_the_same_connections() {
    within(async {
        let Some(stage) = Stage::set("sittings::two_tabs_show_the_same_connections").await else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            ..
        } = &stage;
        let token = clinic.token().await;
        let page = clinic.launcher_page(&token);
        let open = async || {
            browser.goto(&page).await;
            browser.click("button", "Connect your health data").await;
            browser.enter_connect().await;
        };
        open().await;
        let first = browser.driver().window().await.expect("a window");
        let second = browser
            .driver()
            .new_window(true)
            .await
            .expect("another tab")
            .handle;
        browser
            .driver()
            .switch_to_window(second)
            .await
            .expect("it is there");
        browser.record().await;
        open().await;
        story::connect(browser, "Strider").await;
        // Both tabs have loaded the list again, the first one behind the second. A tab may do so more than once.
        let reloaded = || {
            let asked = browser.traffic().to(sandbox.url());
            let posted = asked
                .iter()
                .rposition(|exchange| exchange.method == http::Method::POST);
            asked.len() - posted.expect("Strider was connected by a post") - 1
        };
        for _ in 0..500 {
            if reloaded() >= 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(reloaded() >= 2, "a tab does not know");
        browser.leave_frames().await;
        browser
            .driver()
            .switch_to_window(first.clone())
            .await
            .expect("it is there");
        browser.enter("#human-api").await;
        browser
            .find("status", "Your connections have changed.")
            .await;
        story::disconnect(browser, "Strider").await;
        assert_eq!(clinic.patient_at(sandbox).sources, []);
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        clinic.told_so_much(3).await;
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_does_everything_once() {
    within(async {
        let Some(stage) = Stage::set("sittings::a_double_click_does_everything_once").await else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            ..
        } = &stage;
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        browser
            .double_click("button", "Connect your health data")
            .await;
        browser.enter_connect().await;
        browser.leave_frames().await;
        // By a script, which an open dialog does not keep from what is behind it.
        let press = "document.querySelector('[data-hapi-token]').click()";
        browser.eval(press).await;
        assert_eq!(
            browser
                .eval("return document.querySelectorAll('iframe, dialog').length")
                .await,
            2
        );
        browser.enter("#human-api").await;
        // What has come under the pointer since the first click is not pressed by the second.
        let second = "const press = new MouseEvent('click', { detail: 2, bubbles: true, cancelable: true }); \
             return document.querySelector('main button[type=submit]').dispatchEvent(press)";
        assert_eq!(browser.eval(second).await, false);
        browser.double_click("button", "Connect Strider").await;
        browser.fill("Username", "demouser").await;
        browser.fill("Password", "password").await;
        browser.double_click("button", "Sign in").await;
        browser.find("status", "Strider is connected.").await;
        browser.double_click("button", "Disconnect Strider").await;
        browser.find("status", "Strider is disconnected.").await;
        browser.double_click("button", "Done").await;
        browser.leave_frames().await;
        let told = clinic.told_so_much(3).await;
        let names: Vec<_> = told.iter().map(|told| &*told.name).collect();
        assert_eq!(names, ["connect", "disconnect", "close"]);
        assert_eq!(
            posts(browser, sandbox.url()),
            [
                "/connect/sources/65a0f3c2d4b1e09876540005/sign-in",
                "/connect/sources/65a0f3c2d4b1e09876540005",
                "/connect/done",
            ]
        );
        stage.end().await;
    })
    .await;
}

/// What the browser has changed at Connect.
fn posts(browser: &Browser, origin: &str) -> Vec<String> {
    let mut asked = browser.traffic().to(origin);
    asked.retain(|exchange| exchange.method == http::Method::POST);
    asked
        .iter()
        .map(|exchange| exchange.url[origin.len()..].to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_a_sitting_goes_to_its_end() {
    within(async {
        let test = "sittings::without_javascript_a_sitting_goes_to_its_end";
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            ..
        } = &stage;
        browser.without_javascript().await;
        let token = clinic.token().await;
        let page = format!("{}/?token={}", sandbox.url(), token.expose_secret());
        browser.goto(&page).await;
        // What only a script could do is not there.
        browser
            .find("button", "Connect Lakeside Family Practice")
            .await;
        assert!(!browser.has("tab", "All").await);
        assert!(!browser.has("field", "Search for a provider").await);
        story::connect(browser, "Lakeside Family Practice").await;
        pages::picture(browser, "connect-without-javascript").await;
        story::connect(browser, "Strider").await;
        story::disconnect(browser, "Strider").await;
        browser.click("button", "Done").await;
        browser.find("heading", "You are done here").await;
        assert!(!browser.has("button", "Done").await);
        pages::picture(browser, "connect-ended-without-javascript").await;

        // Close, on a sitting that has ended.
        sandbox
            .control()
            .advance_clock(Duration::from_secs(3_601))
            .expect("it moves");
        browser.goto(&page).await;
        browser.find("heading", "Your session has ended").await;
        browser.click("button", "Close").await;
        browser.find("heading", "You are done here").await;
        let shown = browser.eval("return document.body.innerText").await;
        let shown = shown.as_str().expect("a text");
        assert!(shown.contains("SESSION_TOKEN_EXPIRED"), "{shown}");

        // Who only looked has missed nothing.
        browser
            .goto(&format!("{}/?mode=select", sandbox.url()))
            .await;
        browser.click("button", "Done").await;
        browser.find("heading", "You are done here").await;
        let shown = browser.eval("return document.body.innerText").await;
        let shown = shown.as_str().expect("a text");
        assert!(!shown.contains("SESSION"), "{shown}");
        stage.end_but_for(&["401"]).await;
    })
    .await;
}
