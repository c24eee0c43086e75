//! The vendor's widget, from npm, with the sandbox as Connect.

use humanapi_browser_tests::{Stage, packages};

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
        let token = stage.clinic.token().await;
        stage
            .browser
            .goto(&stage.clinic.widget_page(&token, widget))
            .await;
        story::two_and_one_back(&stage.browser).await;
        let told = stage.clinic.told_so_much(4).await;
        story::check_documented(&told, true);
        story::confirm(&stage, &told[3]).await;
        story::come_back(&stage, async |token| {
            stage.clinic.widget_page(token, widget)
        })
        .await;
        stage.clinic.told_so_much(5).await;
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
        let token = stage.clinic.token().await;
        stage
            .browser
            .goto(&stage.clinic.widget_call_page(&token, widget))
            .await;
        story::two_and_one_back(&stage.browser).await;
        let told = stage.clinic.told_so_much(4).await;
        // Callbacks get no `type`, so the server has to put the event's name back.
        story::check_documented(&told, false);
        stage.end().await;
    })
    .await;
}
