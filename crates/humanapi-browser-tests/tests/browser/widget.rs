//! The vendor's widget, from npm, with the sandbox as Connect.

use humanapi_browser_tests::{Stage, packages};
use humanapi_core::ConnectToken;

use crate::{package, story, within};

const FILE: &str = "build/humanapi-connect-client.js";

#[tokio::test(flavor = "multi_thread")]
async fn its_button_works_with_the_sandbox() {
    within(async {
        let test = "widget::its_button_works_with_the_sandbox";
        let Some(widget) = package(test, packages::WIDGET, FILE).await else {
            return;
        };
        let Some(stage) = Stage::set(test).await else {
            return;
        };
        let widget = widget.as_bytes();
        let page = async |token: &ConnectToken| stage.clinic.widget_page(token, widget);
        story::play(&stage, page, |told| story::check_documented(told, true)).await;
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_open_call_works_with_the_sandbox() {
    within(async {
        let test = "widget::its_open_call_works_with_the_sandbox";
        let Some(widget) = package(test, packages::WIDGET, FILE).await else {
            return;
        };
        let Some(stage) = Stage::set_on_one_site(test).await else {
            return;
        };
        let widget = widget.as_bytes();
        let page = async |token: &ConnectToken| stage.clinic.widget_call_page(token, widget);
        // Callbacks get no `type`.
        story::play(&stage, page, |told| story::check_documented(told, false)).await;
        stage.end().await;
    })
    .await;
}
