//! The Task Manager: a user does what an order lacks, by keyboard alone and without a script, and is led back with what
//! became of the order.

use humanapi_browser_tests::{Browser, Key, Site, Stage};
use humanapi_client::Client;
use humanapi_core::admin::order::IntentKey;
use humanapi_core::admin::{NewOrder, OrderState, TaskReport, TaskStatus};
use humanapi_core::connect::Callback;
use humanapi_core::{ClientUserId, Credentials, Hosts, Provisioning};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{DemoApp, OrderState as State, Sandbox, TaskKind};

use crate::keyboard::tab_to;
use crate::within;

/// The fields of the task that allows records to be handed out.
pub(crate) const SIGNATURE: &str = "Your full name, in place of a signature";
pub(crate) const AGREES: &str = "I allow those who keep my records to hand them out";

/// Presses what has this name, by keyboard alone.
async fn press(browser: &Browser, name: &str) {
    tab_to(browser, name).await;
    browser.key(Key::Enter).await;
}

/// The insurer that orders records.
fn insurer(sandbox: &Sandbox) -> Client {
    let app = sandbox.app(DemoApp::Hip);
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
    let credentials = credentials.expect("the sandbox's own");
    Client::builder(credentials, Provisioning::Hip, HyperTransport::new())
        .hosts(Hosts::single(sandbox.url()).expect("an address on loopback"))
        .build()
}

fn id(user: &str) -> ClientUserId {
    ClientUserId::new(user).expect("it is not empty")
}

/// Places an order of which nothing is known but the user's id, and which needs most.
pub(crate) async fn order_least(sandbox: &Sandbox, user: &str) {
    let intent = IntentKey::new(user).expect("it is not empty");
    let order = NewOrder::new(id(user)).with_order_type("aps-only");
    let order = order.expect("a type that there is");
    let placed = insurer(sandbox).orders().submit(&intent, &order).await;
    placed.expect("the sandbox takes it");
}

/// A consumer link for a user, with an address to lead back to.
pub(crate) async fn link(sandbox: &Sandbox, user: &str, callback: Option<&str>) -> String {
    let link = insurer(sandbox).orders().consumer_link(id(user)).await;
    let link = link.expect("the user was ordered for");
    let url = match callback {
        Some(callback) => {
            let callback = Callback::parse(callback).expect("an address to lead back to");
            link.url_with_callback(&callback)
        }
        None => link.url,
    };
    url.expose_secret().to_owned()
}

/// Has an order wait for an authorization and an answer.
fn wait(sandbox: &Sandbox, user: &str) {
    let order = sandbox.control().order(user);
    order.placed(State::Pended).expect("there is room");
    order
        .open_task(TaskKind::Question)
        .expect("it waits already");
}

/// What the page that the user was led back to was told.
async fn led_back(browser: &Browser) -> TaskReport {
    browser.find("heading", "Back at the insurer").await;
    let address = browser.eval("return location.href").await;
    let address = address.as_str().expect("an address");
    TaskReport::from_callback(address).expect("it is the Task Manager's")
}

async fn stage(test: &str) -> Option<(Stage, String)> {
    let insurer = Site::start("localhost").await;
    let back = insurer.page(
        "/back",
        &[],
        "<!doctype html><title>Back</title><h1>Back at the insurer</h1>",
    );
    let stage = Stage::set_with_callback(test, &back).await?;
    Some((stage, back))
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_done_by_keyboard_alone_and_without_a_script() {
    within(async {
        let test = "tasks::they_are_done_by_keyboard_alone_and_without_a_script";
        let Some((stage, back)) = stage(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        let order = sandbox.control().order("policy-7");
        order_least(sandbox, "policy-7").await;
        browser.without_javascript().await;
        browser
            .goto(&link(sandbox, "policy-7", Some(&back)).await)
            .await;
        // Whoever comes before somebody has looked can look again, as often as it takes.
        let not_yet = "Your order is being looked at";
        browser.find("heading", not_yet).await;
        press(browser, "Look again").await;
        browser.find("heading", not_yet).await;
        order.wait_for(State::Pended).expect("it lacks everything");
        press(browser, "Look again").await;
        browser.find("heading", "Your tasks").await;

        // What is missing is marked, and has the focus.
        press(browser, "Sign").await;
        browser
            .find("alert", "Please look at what is marked.")
            .await;
        browser.find("heading", "Your tasks").await;
        tab_to(browser, SIGNATURE).await;
        browser.keys("Testina Sandboxer".chars()).await;
        tab_to(browser, AGREES).await;
        browser.keys([' ']).await;
        press(browser, "Sign").await;
        browser
            .find("status", "Done: Allow your records to be handed out.")
            .await;

        for (field, typed) in [
            ("First name", "Testina"),
            ("Last name", "Sandboxer"),
            // Month, day and year, one after another.
            ("Date of birth", "04091980"),
            ("Gender", "f"),
            ("Street and number", "1 Fixture Way"),
            ("City", "Testville"),
            ("State", "OR"),
            ("ZIP code", "97000"),
            ("Social Security number", "900-12-3456"),
        ] {
            tab_to(browser, field).await;
            browser.keys(typed.chars()).await;
        }
        press(browser, "Send").await;
        browser.find("status", "Done: Tell who you are.").await;
        for (field, typed) in [
            ("Doctor or practice", "Clinic Zero"),
            ("City", "Testville"),
            ("State", "OR"),
        ] {
            tab_to(browser, field).await;
            browser.keys(typed.chars()).await;
        }
        browser.key(Key::Enter).await;
        browser.find("heading", "All is done").await;

        // Those who retrieve the records ask back.
        order
            .open_task(TaskKind::Question)
            .expect("it is in progress");
        browser.driver().refresh().await.expect("the page loads");
        browser.find("heading", "Your tasks").await;
        tab_to(browser, "Your answer").await;
        browser.keys("In March, for a cough".chars()).await;
        browser.key(Key::Enter).await;
        browser.find("heading", "All is done").await;
        press(browser, "Done").await;
        let report = led_back(browser).await;
        assert!(report.status == TaskStatus::Success);
        let told = report.order.expect("an order");
        assert_eq!(told.client_user_id.as_deref(), Some("policy-7"));
        assert_eq!(told.all_tasks_resolved, Some(true));
        assert_eq!(told.state, Some(OrderState::InProgress));
        assert_eq!(order.snapshots()[0].state, State::InProgress);
        stage.end_but_for(&["422"]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_has_ended_leads_back_with_the_reason() {
    within(async {
        let test = "tasks::a_link_that_has_ended_leads_back_with_the_reason";
        let Some((stage, back)) = stage(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        let control = sandbox.control();
        control
            .order("none")
            .placed(State::Created)
            .expect("there is room");
        browser
            .goto(&link(sandbox, "none", Some(&back)).await)
            .await;
        browser.find("heading", "There is nothing to do").await;
        press(browser, "Go back").await;
        assert!(led_back(browser).await.status == TaskStatus::NoTasks);

        wait(sandbox, "late");
        let late = link(sandbox, "late", Some(&back)).await;
        let eight_hours = std::time::Duration::from_secs(8 * 3600);
        control
            .advance_clock(eight_hours)
            .expect("far from the end");
        browser.goto(&late).await;
        browser.find("heading", "This link has ended").await;
        press(browser, "Go back").await;
        assert!(led_back(browser).await.status == TaskStatus::Forbidden);
        stage.end_but_for(&["401"]).await;
    })
    .await;
}
