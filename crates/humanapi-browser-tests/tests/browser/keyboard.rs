//! The whole story without a mouse.

use humanapi_browser_tests::{Browser, Key, Stage};
use serde_json::json;

use crate::within;

/// The name of what has the focus, in the page or within its frames, and whether it can be seen to have it.
async fn focused(browser: &Browser) -> (String, bool) {
    const ACTIVE: &str = r#"
        const active = document.activeElement;
        if (active?.matches("iframe")) return null;
        const text = (element) => element?.textContent.trim().replace(/\s+/g, " ");
        const name = active.getAttribute("aria-label") ?? text(active.labels?.[0] ?? active);
        const box = active.getBoundingClientRect();
        const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const shown = getComputedStyle(active).outlineStyle !== "none" && (at === active || active.contains(at));
        return [name, shown];
    "#;
    browser.leave_frames().await;
    let mut active = browser.eval(ACTIVE).await;
    if active.is_null() {
        // It may close at this very moment.
        if !browser.try_to_enter("#human-api").await {
            return (String::new(), false);
        }
        active = browser
            .driver()
            .execute(ACTIVE, Vec::new())
            .await
            .unwrap_or_default();
        browser.leave_frames().await;
    }
    (
        active[0].as_str().unwrap_or_default().to_owned(),
        active[1] == true,
    )
}

/// Presses Tab until what has this name has the focus, which must show.
async fn tab_to(browser: &Browser, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..60 {
        browser.key(Key::Tab).await;
        let (focused, shows) = focused(browser).await;
        if focused == name {
            assert!(shows, "{name} has the focus and does not show it");
            return;
        }
        passed.push(focused);
    }
    panic!("{name} cannot be reached: {passed:#?}");
}

/// Waits for something in the frame, and leaves it again.
async fn in_connect(browser: &Browser, role: &str, name: &str) {
    browser.enter("#human-api").await;
    browser.find(role, name).await;
    browser.leave_frames().await;
}

async fn until_focused(browser: &Browser, name: &str) {
    for _ in 0..300 {
        if focused(browser).await.0 == name {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!(
        "{name} does not get the focus, {:?} has it",
        focused(browser).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_enter_and_escape_are_enough() {
    within(async {
        let Some(stage) = Stage::set("keyboard::tab_enter_and_escape_are_enough").await else {
            return;
        };
        let Stage {
            browser, clinic, ..
        } = &stage;
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        tab_to(browser, "Connect your health data").await;
        browser.key(Key::Enter).await;
        browser.enter_connect().await;
        browser.leave_frames().await;
        until_focused(browser, "Close").await;

        for source in ["Strider", "Lakeside Family Practice"] {
            tab_to(browser, &format!("Connect {source}")).await;
            browser.key(Key::Enter).await;
            until_focused(browser, &format!("Sign in to {source}")).await;
            tab_to(browser, "Username").await;
            browser.keys("demouser".chars()).await;
            tab_to(browser, "Password").await;
            browser.keys("password".chars()).await;
            browser.key(Key::Enter).await;
            if source != "Strider" {
                until_focused(browser, "Enter your code").await;
                tab_to(browser, "One-time code").await;
                browser.keys("123456".chars()).await;
                browser.key(Key::Enter).await;
            }
            in_connect(browser, "status", &format!("{source} is connected.")).await;
        }
        tab_to(browser, "Disconnect Strider").await;
        browser.key(Key::Enter).await;
        in_connect(browser, "status", "Strider is disconnected.").await;
        until_focused(browser, "Your connections").await;
        tab_to(browser, "Done").await;
        browser.key(Key::Enter).await;
        until_focused(browser, "Connect your health data").await;
        let told = clinic.told_so_much(4).await;
        assert_eq!(told[3].detail["dismissed"], false);
        assert_eq!(
            browser
                .eval("return document.querySelectorAll('dialog').length")
                .await,
            0
        );

        // Round and round within the dialog, and out by Escape.
        browser.key(Key::Enter).await;
        browser.enter_connect().await;
        browser.leave_frames().await;
        until_focused(browser, "Close").await;
        for _ in 0..40 {
            browser.key(Key::Tab).await;
            // Between two processes of the browser, the focus is nowhere for a moment.
            browser
                .until("return !!document.activeElement.closest('dialog')")
                .await;
        }
        tab_to(browser, "Close").await;
        browser.key(Key::Escape).await;
        until_focused(browser, "Connect your health data").await;
        let told = clinic.told_so_much(5).await;
        assert_eq!(
            (&*told[4].name, &told[4].detail["dismissed"]),
            ("close", &json!(true))
        );
        stage.end().await;
    })
    .await;
}
