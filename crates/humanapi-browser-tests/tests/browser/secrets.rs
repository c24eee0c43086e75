//! What stays on the server, and what stays between the user's browser and Connect.

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use humanapi_browser_tests::{Browser, Exchange, Remains, Stage};
use humanapi_core::Provisioning;
use humanapi_sandbox::{DemoApp, Sandbox};
use memchr::memmem;
use serde_json::{Value, json};

use crate::{story, within};

/// Everything that a page shows and keeps, in one text.
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

/// Where something that must stay on a server could have come to lie: each place by its name, with all that is there.
#[derive(Default)]
pub(crate) struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    pub(crate) fn put(&mut self, place: &str, all: impl Into<Vec<u8>>) {
        self.0.push((place.to_owned(), all.into()));
    }

    /// What the page, or the frame that was entered, shows and keeps.
    pub(crate) async fn keep_page(&mut self, browser: &Browser, what: &str) {
        let script = format!("return (async () => {{ {STORAGE} }})()");
        let kept = browser.eval(&script).await;
        assert_eq!(kept["cookie"], "", "{what}: scripts see a cookie");
        for kind in ["databases", "caches"] {
            assert_eq!(kept[kind], json!([]), "{what}: {kind}");
        }
        self.put(what, kept.to_string());
    }

    /// The browser's cookies, which it gives, and its console.
    pub(crate) async fn keep_browser(&mut self, browser: &Browser) -> Value {
        let cookies = browser.cdp("Storage.getCookies", json!({})).await;
        self.put("cookies", cookies.to_string());
        self.put("the console", browser.console().await.join("\n"));
        cookies["cookies"].clone()
    }

    pub(crate) fn keep_log_of(&mut self, sandbox: &Sandbox) {
        let log = format!("{:?}", sandbox.control().requests());
        assert!(log.len() > 1_000, "the sandbox keeps no log");
        self.put(SANDBOX_LOG, log);
    }

    /// All that went over the wire, and every file of the browser and its driver.
    pub(crate) fn keep_remains(&mut self, remains: &Remains) {
        for exchange in remains.traffic.exchanges() {
            self.put(&exchange.url, exchange.as_bytes());
        }
        let before = self.0.len();
        read_all(remains.folder(), self);
        assert!(self.0.len() > before + 20, "the browser has kept nothing");
    }

    pub(crate) fn check_free_of(&self, secrets: &[String]) {
        for secret in secrets {
            assert!(secret.len() > 20, "too short to be told from chance");
            for (place, bytes) in &self.0 {
                assert!(!holds(bytes, secret), "a secret of the server in {place}");
            }
        }
    }

    /// The places that hold this.
    pub(crate) fn that_hold(&self, secret: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(_, bytes)| holds(bytes, secret));
        found.map(|(place, _)| &**place).collect()
    }

    pub(crate) fn at(&self, place: &str) -> &[u8] {
        let found = self.0.iter().find(|(name, _)| name == place);
        &found.expect("it was kept").1
    }
}

pub(crate) const SANDBOX_LOG: &str = "the sandbox's log";

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
        let mut places = Places::default();
        let mut opens_connect = Vec::new();

        // A new user, and the same user again.
        let token = clinic.token().await;
        opens_connect.push(token.expose_secret().to_owned());
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        story::connect(browser, "Strider").await;
        story::connect(browser, "Lakeside Family Practice").await;
        places.keep_page(browser, "Connect, new").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        let told = clinic.told_so_much(3).await;
        story::confirm(&stage, &told[2]).await;
        places.keep_page(browser, "the clinic's page").await;
        let token = clinic.token().await;
        opens_connect.push(token.expose_secret().to_owned());
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        places.keep_page(browser, "Connect, returning").await;
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
            .await
            .expect("data of a connected user");
        let hip = clinic.client_of(sandbox, DemoApp::Hip, Provisioning::Hip);
        hip.client_token().await.expect("a client token");
        hip.user("patient-18")
            .connect_token()
            .await
            .expect("a session");
        let hip_app = sandbox.app(DemoApp::Hip).client_id;
        sandbox
            .control()
            .connect_source(&hip_app, "patient-18", "strider")
            .expect("a user and a source");
        hip.user("patient-18")
            .access_token()
            .await
            .expect("an access token");
        browser.goto(&format!("{}/", sandbox.url())).await;
        browser.find("status", "Live").await;
        browser.click("button", "Forward 1 minute").await;
        browser.find("status", "Done: forward 1 minute.").await;
        places.keep_page(browser, "the dashboard").await;

        assert_eq!(places.keep_browser(browser).await, json!([]));
        places.keep_log_of(sandbox);
        let (clinic, stranger) = (clinic.clone(), stranger.origin().to_owned());
        let remains = stage.end().await;

        let exchanges = remains.traffic.exchanges();
        places.keep_remains(&remains);
        let secrets = clinic.secrets();
        assert!(secrets.len() >= 7, "{} secrets", secrets.len());
        places.check_free_of(&secrets);

        // The search would find one: what opens Connect is in the page and in its address.
        for token in &opens_connect {
            assert!(
                exchanges
                    .iter()
                    .any(|exchange| exchange.url.contains(token))
            );
            assert!(places.0.iter().any(|(_, bytes)| holds(bytes, token)));
            // It goes to the clinic and to Connect and nowhere else, and is in no log.
            for exchange in exchanges
                .iter()
                .filter(|exchange| exchange.url.starts_with(&stranger))
            {
                assert!(!holds(&exchange.as_bytes(), token), "{exchange:?}");
            }
            assert!(
                !holds(places.at(SANDBOX_LOG), token),
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
pub(crate) const FOLLOW: &str = r#"
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
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
    let base64 = STANDARD.encode(text);
    // The last letters of base64 depend on what comes next.
    let base64 = &base64[..base64.len() - 4];
    [text.as_bytes(), &wide, base64.as_bytes()]
        .iter()
        .any(|needle| memmem::find(bytes, needle).is_some())
}

/// Every file of a browser's profile and of its driver. One that cannot be read fails: nobody would have searched it.
fn read_all(folder: &Path, places: &mut Places) {
    for entry in std::fs::read_dir(folder).expect("a folder can be listed") {
        let entry = entry.expect("a folder can be listed");
        let (path, kind) = (entry.path(), entry.file_type().expect("it is of some kind"));
        let place = path.display().to_string();
        if kind.is_dir() {
            read_all(&path, places);
        } else if kind.is_symlink() {
            // The browser's locks lead nowhere: what they say is their target. It is not followed,
            // because a file of this folder is read by its own name, and others are not the browser's.
            let target =
                std::fs::read_link(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
            places.put(&place, target.into_os_string().into_encoded_bytes());
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
            places.put(&place, bytes);
        } else {
            // A socket keeps nothing. It is where the browser listens for a second start of itself.
            assert!(
                kind.is_socket(),
                "{place} is of a kind that nobody searches"
            );
        }
    }
}
