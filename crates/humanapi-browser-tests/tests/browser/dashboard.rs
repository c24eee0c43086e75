//! The dashboard: it shows what is true, whoever changed it, and nothing that cannot work.

use humanapi_browser_tests::{Browser, Key, Stage};
use humanapi_sandbox::{Assumption, Fault, IntermediaryBody};

use crate::keyboard::tab_to;
use crate::{pages, within};

/// Waits until the list shows this value of *id-response*.
async fn shows(browser: &Browser, value: &str) {
    let shown = "return document.querySelector('[data-assumption=id-response]').value === arguments[0] \
         && document.getElementById('live-changed').textContent.includes('id-response') === (arguments[0] !== 'full')";
    browser.until_with(shown, vec![value.into()]).await;
}

/// Chooses a value of *id-response*, as a person does: the focus stays on the list.
async fn choose(browser: &Browser, value: &str) {
    let list = browser.find("field", "id-response").await;
    list.select_by_value(value).await.expect("it has the value");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assumption_shows_what_is_in_force_whoever_changed_it() {
    within(async {
        let test = "dashboard::an_assumption_shows_what_is_in_force_whoever_changed_it";
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        let elsewhere = |value: &str| {
            let control = sandbox.control();
            control
                .set_assumption(Assumption::IdResponse, value)
                .expect("a value that it has");
        };
        browser.goto(&format!("{}/", sandbox.url())).await;
        browser.find("status", "Live").await;
        elsewhere("lean");
        shows(browser, "lean").await;
        sandbox.control().reset();
        shows(browser, "full").await;
        // Chosen here, then changed elsewhere while the list still has the focus.
        choose(browser, "lean").await;
        browser.find("status", "id-response is now lean.").await;
        shows(browser, "lean").await;
        elsewhere("full");
        shows(browser, "full").await;
        choose(browser, "lean").await;
        shows(browser, "lean").await;
        browser
            .eval("document.querySelector('details').open = true")
            .await;
        browser.click("button", "Reset the sandbox").await;
        shows(browser, "full").await;
        stage.end().await;
    })
    .await;
}

/// Plans a fault by keyboard alone: chooses in each list by typing what its option begins with.
async fn plan(browser: &Browser, choices: &[(&str, &str)]) {
    for (field, option) in choices {
        let list = browser.find("field", field).await;
        let focus = vec![serde_json::to_value(&list).expect("an element has an id")];
        browser.eval_with("arguments[0].focus()", focus).await;
        browser.keys(option.chars()).await;
    }
    tab_to(browser, "Plan fault").await;
    browser.key(Key::Enter).await;
    browser.find("status", "Done: plan fault.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_come_before_the_effect_after_it_and_in_the_middle_of_the_answer() {
    within(async {
        let test =
            "dashboard::faults_come_before_the_effect_after_it_and_in_the_middle_of_the_answer";
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        browser.goto(&format!("{}/", sandbox.url())).await;
        browser.find("status", "Live").await;
        let planned = |expected: Fault, shown: &'static str| async move {
            assert_eq!(sandbox.control().faults(), [expected]);
            let said =
                "return document.querySelector('.planned')?.innerText.includes(arguments[0])";
            browser.until_with(said, vec![shown.into()]).await;
            browser.click("button", "Clear faults").await;
            browser.find("status", "Done: clear faults.").await;
        };
        plan(browser, &[]).await;
        planned(Fault::status(503), "status 503 · any").await;
        let after = ("The request", "takes");
        plan(browser, &[after]).await;
        planned(
            Fault::status(503).after_effect(),
            "status 503, after the effect · any",
        )
        .await;
        plan(browser, &[("Kind", "intermediary")]).await;
        let between = Fault::intermediary(503, IntermediaryBody::Html);
        planned(between.after_effect(), "body html, after the effect").await;
        for (kind, fault) in [
            ("drop-before", Fault::drop_before()),
            ("drop-after", Fault::drop_after()),
            ("truncated-body", Fault::truncated_body()),
            ("garbage-body", Fault::garbage_body()),
        ] {
            plan(browser, &[("Kind", kind)]).await;
            planned(fault, kind).await;
        }
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_it_can_be_read_and_shows_no_control() {
    within(async {
        let test = "dashboard::without_javascript_it_can_be_read_and_shows_no_control";
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let Stage {
            browser, sandbox, ..
        } = &stage;
        sandbox
            .control()
            .set_assumption(Assumption::IdResponse, "lean")
            .expect("a value that it has");
        browser.without_javascript().await;
        browser.goto(&format!("{}/", sandbox.url())).await;
        let there = browser
            .eval(
                "return [...document.querySelectorAll('button, input, select, summary')] \
                 .filter((one) => one.checkVisibility()).map((one) => one.outerHTML)",
            )
            .await;
        assert_eq!(there, serde_json::json!([]));
        let shown = browser.eval("return document.body.innerText").await;
        let shown = shown.as_str().expect("a text");
        for part in [
            "Without JavaScript this page can be read",
            "id-response",
            "lean",
            "Strider",
        ] {
            assert!(shown.contains(part), "{part} is missing in {shown}");
        }
        pages::picture(browser, "dashboard-without-javascript").await;
        stage.end().await;
    })
    .await;
}
