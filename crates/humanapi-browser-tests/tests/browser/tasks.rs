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
        wait(sandbox, "policy-7");
        browser.without_javascript().await;
        browser
            .goto(&link(sandbox, "policy-7", Some(&back)).await)
            .await;
        browser.find("heading", "Your tasks").await;

        // What is missing is marked, and has the focus.
        tab_to(browser, "Sign").await;
        browser.key(Key::Enter).await;
        browser
            .find("alert", "Please look at what is marked.")
            .await;
        browser.find("heading", "Your tasks").await;
        tab_to(browser, "Your full name, in place of a signature").await;
        browser.keys("Testina Sandboxer".chars()).await;
        tab_to(
            browser,
            "I allow those who keep my records to hand them out",
        )
        .await;
        browser.keys([' ']).await;
        tab_to(browser, "Sign").await;
        browser.key(Key::Enter).await;
        browser
            .find("status", "Done: Allow your records to be handed out.")
            .await;

        tab_to(browser, "Your answer").await;
        browser.keys("In March, for a cough".chars()).await;
        browser.key(Key::Enter).await;
        browser.find("heading", "All is done").await;
        tab_to(browser, "Done").await;
        browser.key(Key::Enter).await;
        let report = led_back(browser).await;
        assert!(report.status == TaskStatus::Success);
        let order = report.order.expect("an order");
        assert_eq!(order.client_user_id.as_deref(), Some("policy-7"));
        assert_eq!(order.all_tasks_resolved, Some(true));
        assert_eq!(order.state, Some(OrderState::InProgress));
        let order = sandbox.control().order("policy-7").snapshots().remove(0);
        assert_eq!(order.state, State::InProgress);
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
        browser.click("button", "Go back").await;
        assert!(led_back(browser).await.status == TaskStatus::NoTasks);

        wait(sandbox, "late");
        let late = link(sandbox, "late", Some(&back)).await;
        let eight_hours = std::time::Duration::from_secs(8 * 3600);
        control
            .advance_clock(eight_hours)
            .expect("far from the end");
        browser.goto(&late).await;
        browser.find("heading", "This link has ended").await;
        browser.click("button", "Go back").await;
        assert!(led_back(browser).await.status == TaskStatus::Forbidden);
        stage.end_but_for(&["401"]).await;
    })
    .await;
}
