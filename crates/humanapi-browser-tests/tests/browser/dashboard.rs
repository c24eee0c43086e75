//! The dashboard: it shows what is true, whoever changed it, and nothing that cannot work.

use humanapi_browser_tests::{Browser, Stage};
use humanapi_sandbox::Assumption;

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
