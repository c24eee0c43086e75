//! The whole story without a mouse.

use humanapi_browser_tests::{Browser, Key, NAMES, Stage};
use serde_json::json;

use crate::{patient_page, story, within};

/// The name of what has the focus, in the page or within its frames, and whether it can be seen to have it.
async fn focused(browser: &Browser) -> (String, bool) {
    const ACTIVE: &str = r#"
        const active = document.activeElement;
        if (active?.matches("iframe")) return null;
        const box = active.getBoundingClientRect();
        const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const shown = getComputedStyle(active).outlineStyle !== "none" && (at === active || active.contains(at));
        return [nameOf(active), shown];
    "#;
    let script = format!("{NAMES}{ACTIVE}");
    browser.leave_frames().await;
    // A page that is being left has nothing that could have the focus.
    let active = browser.driver().execute(&script, Vec::new()).await;
    let mut active = active.unwrap_or_else(|_| json!(["", false]));
    if active.is_null() {
        // It may close at this very moment.
        if !browser.try_to_enter("#human-api").await {
            return (String::new(), false);
        }
        active = browser
            .driver()
            .execute(&script, Vec::new())
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
pub(crate) async fn tab_to(browser: &Browser, name: &str) {
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

/// Waits until what has this name, or a name that begins so, has the focus.
async fn until_focused(browser: &Browser, name: &str) {
    for _ in 0..300 {
        if focused(browser).await.0.starts_with(name) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!(
        "{name} does not get the focus, {:?} has it",
        focused(browser).await
    );
}

/// Connects a source in the open Connect.
async fn connect(browser: &Browser, source: &str) {
    tab_to(browser, &format!("Connect {source}")).await;
    browser.key(Key::Enter).await;
    until_focused(browser, &format!("Sign in to {source}")).await;
    tab_to(browser, "Username").await;
    browser.keys("demouser".chars()).await;
    tab_to(browser, "Password").await;
    browser.keys("password".chars()).await;
    browser.key(Key::Enter).await;
    if source == "Lakeside Family Practice" {
        until_focused(browser, "Enter your code").await;
        tab_to(browser, "One-time code").await;
        browser.keys("123456".chars()).await;
        browser.key(Key::Enter).await;
    }
    in_connect(browser, "status", &format!("{source} is connected.")).await;
}

async fn disconnect(browser: &Browser, source: &str) {
    tab_to(browser, &format!("Disconnect {source}")).await;
    browser.key(Key::Enter).await;
    in_connect(browser, "status", &format!("{source} is disconnected.")).await;
    until_focused(browser, "Your connections").await;
}

/// Opens Connect by a button of the page.
async fn open_connect(browser: &Browser, button: &str) {
    tab_to(browser, button).await;
    browser.key(Key::Enter).await;
    browser.enter_connect().await;
    browser.leave_frames().await;
    until_focused(browser, "Close").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_signs_in_connects_comes_back_and_disconnects() {
    within(async {
        let test = "keyboard::a_patient_signs_in_connects_comes_back_and_disconnects";
        let Some((stage, origin)) = patient_page::open(test).await else {
            return;
        };
        let browser = &stage.browser;
        browser.goto(&origin).await;
        tab_to(browser, "Sign in as Ada Lindqvist").await;
        browser.key(Key::Enter).await;
        browser.find("heading", "Welcome, Ada Lindqvist").await;
        open_connect(browser, "Connect your health data").await;
        connect(browser, "Strider").await;
        connect(browser, "Lakeside Family Practice").await;
        tab_to(browser, "Done").await;
        browser.key(Key::Enter).await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;

        // Another day.
        tab_to(browser, "Sign out").await;
        browser.key(Key::Enter).await;
        browser.find("heading", "Who are you today?").await;
        tab_to(browser, "Sign in as Ada Lindqvist").await;
        browser.key(Key::Enter).await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        open_connect(browser, "Manage your sources").await;
        in_connect(browser, "heading", "Welcome back").await;
        disconnect(browser, "Strider").await;
        tab_to(browser, "Done").await;
        browser.key(Key::Enter).await;
        browser
            .until("return document.querySelector('[aria-label=Sources]')?.textContent === 'Lakeside Family Practice'")
            .await;

        // And on Connect's own page, from which a link leads back.
        tab_to(browser, "Open on its own page").await;
        browser.key(Key::Enter).await;
        browser.find("heading", "Welcome back").await;
        tab_to(browser, "Disconnect Lakeside Family Practice").await;
        browser.key(Key::Enter).await;
        let gone = "Lakeside Family Practice is disconnected.";
        browser.find("status", gone).await;
        tab_to(browser, "Done").await;
        browser.key(Key::Enter).await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        let app = &stage.clinic.app.client_id;
        let user = stage.sandbox.control().find_user(app, "patient-1001");
        let user = user.expect("the application is known").expect("she began");
        assert_eq!(user.sources, []);
        stage.end().await;
    })
    .await;
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
        open_connect(browser, "Connect your health data").await;
        for source in ["Strider", "Lakeside Family Practice"] {
            connect(browser, source).await;
        }
        disconnect(browser, "Strider").await;
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

        // The same user, who is known now.
        story::confirm(&stage, &told[3]).await;
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        open_connect(browser, "Connect your health data").await;
        in_connect(browser, "heading", "Welcome back").await;
        disconnect(browser, "Lakeside Family Practice").await;
        tab_to(browser, "Done").await;
        browser.key(Key::Enter).await;
        until_focused(browser, "Connect your health data").await;
        let told = clinic.told_so_much(6).await;
        assert_eq!(told[5].detail["currentConnections"], json!([]));

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
        let told = clinic.told_so_much(7).await;
        assert_eq!(
            (&*told[6].name, &told[6].detail["dismissed"]),
            ("close", &json!(true))
        );
        stage.end().await;
    })
    .await;
}
