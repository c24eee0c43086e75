//! What stays on the server, and what stays between the user's browser and Connect.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use humanapi_browser_tests::{Exchange, Stage};
use humanapi_core::Provisioning;
use humanapi_sandbox::DemoApp;
use memchr::memmem;

use crate::{story, within};

/// Everything that a page can keep, in one text.
const STORAGE: &str = r#"
const kept = { ...localStorage, ...sessionStorage, cookie: document.cookie, name: window.name };
kept.html = document.documentElement.outerHTML;
kept.history = JSON.stringify(history.state);
kept.caches = await caches.keys();
kept.databases = [];
for (const { name } of await indexedDB.databases()) {
  kept.databases.push(name);
}
return kept;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_server_reaches_a_browser() {
    within(async {
        let Some(stage) =
            Stage::set_on_one_site("secrets::nothing_of_the_server_reaches_a_browser").await
        else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            stranger,
            ..
        } = &stage;
        let mut places: Vec<(String, Vec<u8>)> = Vec::new();
        let mut opens_connect = Vec::new();
        let mut keep = async |what: &str| {
            let script = format!("return (async () => {{ {STORAGE} }})()");
            let kept = browser.eval(&script).await;
            assert_eq!(kept["cookie"], "", "{what}");
            assert!(
                kept["databases"].as_array().is_some_and(Vec::is_empty),
                "{what}"
            );
            assert!(
                kept["caches"].as_array().is_some_and(Vec::is_empty),
                "{what}"
            );
            places.push((what.to_owned(), kept.to_string().into_bytes()));
        };

        // A new user, and the same user again.
        let token = clinic.token().await;
        opens_connect.push(token.expose_secret().to_owned());
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        story::connect(browser, "Strider").await;
        story::connect(browser, "Lakeside Family Practice").await;
        keep("Connect, new").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        let told = clinic.told_so_much(3).await;
        story::confirm(&stage, &told[2]).await;
        keep("the clinic's page").await;
        let token = clinic.token().await;
        opens_connect.push(token.expose_secret().to_owned());
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        keep("Connect, returning").await;
        browser.leave_frames().await;
        // From the clinic's page to somebody else's, and from Connect's.
        browser
            .eval_with(FOLLOW, vec![format!("{}/", stranger.origin()).into()])
            .await;
        until_asked(&stage, 1).await;
        browser
            .goto(&format!(
                "{}/?token={}",
                sandbox.url(),
                token.expose_secret()
            ))
            .await;
        browser
            .eval_with(FOLLOW, vec![format!("{}/", stranger.origin()).into()])
            .await;
        until_asked(&stage, 2).await;

        // The server does all that it ever does, and the dashboard looks on.
        clinic
            .patient()
            .data()
            .profile()
            .send()
            .await
            .expect("data of a connected user");
        let hip = clinic.client_of(sandbox, DemoApp::Hip, Provisioning::Hip);
        hip.client_token().send().await.expect("a client token");
        hip.user("patient-18")
            .connect_token()
            .send()
            .await
            .expect("a session");
        let hip_app = sandbox.app(DemoApp::Hip).client_id;
        sandbox
            .control()
            .connect_source(&hip_app, "patient-18", "strider")
            .expect("a user and a source");
        hip.user("patient-18")
            .access_token()
            .send()
            .await
            .expect("an access token");
        browser.goto(&format!("{}/", sandbox.url())).await;
        browser.find("status", "Live").await;
        browser.click("button", "Forward 1 minute").await;
        browser.find("status", "Done: forward 1 minute.").await;
        keep("the dashboard").await;

        let cookies = browser
            .cdp("Storage.getCookies", serde_json::json!({}))
            .await;
        assert_eq!(cookies["cookies"], serde_json::json!([]));
        places.push((
            "the console".to_owned(),
            browser.console().await.join("\n").into_bytes(),
        ));
        places.push((
            "the sandbox's log".to_owned(),
            format!("{:?}", sandbox.control().requests()).into_bytes(),
        ));
        let (clinic, stranger) = (clinic.clone(), stranger.origin().to_owned());
        let remains = stage.end().await;

        let exchanges = remains.traffic.exchanges();
        for exchange in &exchanges {
            places.push((exchange.url.clone(), exchange.as_bytes()));
        }
        read_all(remains.folder(), &mut places);
        let secrets = clinic.secrets();
        assert!(secrets.len() >= 7, "{} secrets", secrets.len());
        for secret in &secrets {
            assert!(secret.len() > 20, "too short to be told from chance");
            for (place, bytes) in &places {
                assert!(!holds(bytes, secret), "a secret of the server in {place}");
            }
        }

        // The search would find one: what opens Connect is in the page and in its address.
        for token in &opens_connect {
            assert!(
                exchanges
                    .iter()
                    .any(|exchange| exchange.url.contains(token))
            );
            assert!(places.iter().any(|(_, bytes)| holds(bytes, token)));
            // It goes to the clinic and to Connect and nowhere else, and is in no log.
            for exchange in exchanges
                .iter()
                .filter(|exchange| exchange.url.starts_with(&stranger))
            {
                assert!(!holds(&exchange.as_bytes(), token), "{exchange:?}");
            }
            let log = &places
                .iter()
                .find(|(place, _)| place == "the sandbox's log")
                .expect("it was kept")
                .1;
            assert!(
                log.len() > 1_000 && !holds(log, token),
                "in the sandbox's log"
            );
            assert!(
                exchanges
                    .iter()
                    .all(|exchange| !referer(exchange).contains(token))
            );
        }
        let asked: Vec<_> = exchanges
            .iter()
            .filter(|exchange| exchange.url.starts_with(&stranger))
            .collect();
        assert!(
            asked.len() >= 2 && asked.iter().all(|exchange| referer(exchange).is_empty()),
            "{asked:#?}"
        );
    })
    .await;
}

/// Follows a link that is put into the page.
const FOLLOW: &str = r#"
const link = document.createElement("a");
link.href = arguments[0];
document.body.append(link);
link.click();
"#;

fn referer(exchange: &Exchange) -> &str {
    exchange.header(&header::REFERER).unwrap_or_default()
}

async fn until_asked(stage: &Stage, count: usize) {
    for _ in 0..500 {
        if stage.browser.traffic().to(stage.stranger.origin()).len() >= count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the link was not followed");
}

/// Whether a text is there as it is, with two bytes for each letter, or in base64.
fn holds(bytes: &[u8], text: &str) -> bool {
    let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
    let base64 = STANDARD.encode(text);
    // The last letters of base64 depend on what comes next.
    let base64 = &base64[..base64.len() - 4];
    [text.as_bytes(), &wide, base64.as_bytes()]
        .iter()
        .any(|needle| memmem::find(bytes, needle).is_some())
}

/// Every file of the browser's profile and of its driver.
fn read_all(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, places);
        } else if let Ok(bytes) = std::fs::read(&path) {
            places.push((path.display().to_string(), bytes));
        }
    }
}
