//! Our launcher, `connect.js`, under the policy that the SDK suggests.

use humanapi_browser_tests::{Browser, Stage, Told};
use humanapi_core::ConnectToken;
use humanapi_sandbox::Assumption;
use serde_json::{Value, json};

use crate::{story, within};

#[tokio::test(flavor = "multi_thread")]
async fn its_button_works_with_the_sandbox() {
    within(async {
        let Some(stage) = Stage::set("launcher::its_button_works_with_the_sandbox").await else {
            return;
        };
        let page = async |token: &ConnectToken| stage.clinic.launcher_page(token);
        story::play(&stage, page, check_normal).await;
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_open_call_works_with_the_sandbox() {
    within(async {
        let Some(stage) =
            Stage::set_on_one_site("launcher::its_open_call_works_with_the_sandbox").await
        else {
            return;
        };
        let page = async |token: &ConnectToken| stage.clinic.launcher_call_page(token);
        story::play(&stage, page, check_normal).await;
        stage.end().await;
    })
    .await;
}

/// A text that is an event's name tells of no source, and is heard all the same.
#[tokio::test(flavor = "multi_thread")]
async fn it_hears_each_form_of_message() {
    within(async {
        let Some(stage) = Stage::set("launcher::it_hears_each_form_of_message").await else {
            return;
        };
        let Stage {
            browser,
            clinic,
            sandbox,
            ..
        } = &stage;
        let mut heard = 0;
        for (form, source, tells_sources) in [
            ("json-text", "Strider", true),
            ("event-name", "Pulseband", false),
        ] {
            let control = sandbox.control();
            control
                .set_assumption(Assumption::ConnectMessage, form)
                .expect("a value that it has");
            let token = clinic.token().await;
            browser.goto(&clinic.launcher_page(&token)).await;
            browser.click("button", "Connect your health data").await;
            browser.enter_connect().await;
            story::connect(browser, source).await;
            browser.click("button", "Done").await;
            browser.leave_frames().await;
            heard += 2;
            let told = clinic.told_so_much(heard).await;
            for (told, event) in told[heard - 2..].iter().zip(["connect", "close"]) {
                let detail = &told.detail;
                assert_eq!(
                    (&*told.name, &detail["event"]),
                    (event, &json!(event)),
                    "{form}"
                );
                assert_eq!(detail["tellsSources"], tells_sources, "{form}");
                assert!(detail["message"].is_string(), "{form}");
                assert_eq!(detail["connected"] != json!([]), tells_sources, "{form}");
            }
        }
        stage.end().await;
    })
    .await;
}

/// The events of the story in the normal form that the launcher documents.
fn check_normal(told: &[Told]) {
    let form = |event: &str, status: &str, lists: [&[Value]; 3]| {
        let detail = json!({
            "event": event, "status": status, "tellsSources": true, "dismissed": false,
            "connected": lists[0], "disconnected": lists[1], "requested": [],
            "currentConnections": lists[2], "requestedProviders": [],
        });
        (event.to_owned(), detail)
    };
    let (strider, lakeside) = ([story::strider()], [story::lakeside()]);
    let both = [strider[0].clone(), lakeside[0].clone()];
    let expected = [
        form("connect", "CONNECTED_SOURCE", [&strider, &[], &strider]),
        form("connect", "CONNECTED_SOURCE", [&both, &[], &both]),
        form(
            "disconnect",
            "DISCONNECTED_SOURCE",
            [&lakeside, &strider, &lakeside],
        ),
        form("close", "SUCCESS", [&lakeside, &strider, &lakeside]),
    ];
    let told: Vec<_> = told
        .iter()
        .map(|told| {
            let mut detail = told.detail.clone();
            let message = detail
                .as_object_mut()
                .and_then(|fields| fields.remove("message"));
            // As Connect sent it.
            let kind = message
                .as_ref()
                .and_then(|message| message["type"].as_str());
            assert!(
                kind.is_some_and(|kind| kind.starts_with("hapi-connect-")),
                "{message:?}"
            );
            (told.name.clone(), detail)
        })
        .collect();
    assert_eq!(told, expected);
}

/// Counts what reaches the page, and checks that nothing comes of it.
struct Attack<'a> {
    browser: &'a Browser,
    windows: usize,
    arrived: u64,
}

impl Attack<'_> {
    /// Posts messages by a script of one frame; the script gives their number.
    async fn post(&mut self, frame: Option<&str>, script: &str) -> u64 {
        let browser = self.browser;
        if let Some(frame) = frame {
            browser.enter(frame).await;
        }
        let count = browser
            .eval(script)
            .await
            .as_u64()
            .expect("the script counts");
        browser.leave_frames().await;
        self.check(script, count).await;
        count
    }

    async fn check(&mut self, what: &str, count: u64) {
        let browser = self.browser;
        self.arrived += count;
        browser
            .until_with(
                "return seen.messages >= arguments[0]",
                vec![self.arrived.into()],
            )
            .await;
        let seen = browser
            .eval("return [seen.messages, seen.events, seen.errors, !!document.querySelector('dialog[open] #human-api')]")
            .await;
        assert_eq!(seen, json!([self.arrived, [], [], true]), "{what}");
        let windows = browser.driver().windows().await.expect("the browser tells");
        assert_eq!(windows.len(), self.windows, "{what}");
    }
}

/// What the real Connect would say, in all forms, and what would open another page.
fn claims(stranger: &str) -> String {
    let forms = include_str!("../../../humanapi-client/connect-js/test/forms.json");
    format!(
        "const claims = [...{forms}.map((form) => form.data), 'close', 'hapi-connect-close', \
         {{ type: 'hapi-connect-error', message: 'Sign in here' }}, \
         {{ type: 'hapi-connect-open-url', url: '{stranger}/' }}, {{ type: 'hapi-open-url', url: '{stranger}/' }}];"
    )
}

/// Messages that mean nothing, whoever sends them.
const JUNK: &str = r#"
const cyclic = { type: "hapi-connect-" };
cyclic.self = cyclic;
const close = (more) => ({ type: "hapi-connect-close", ...more });
const text = (more) => `{"type":"hapi-connect-close",${more}}`;
const junk = [
  null, undefined, 0, -1, NaN, Infinity, true, false, 1n,
  "", " ", "hapi-connect-", "hapi-connect-closed", "close-source", "connect", "disconnect", "close\u0000",
  "toString", "__proto__", "constructor", "hasOwnProperty", "[object Object]",
  "{", "{}", "[]", "null", "\"close\"", "[\"close\"]", "{\"type\":null}", "{\"type\":[\"close\"]}", text("\"x\":"),
  text('"__proto__":{"status":"SUCCESS"}'), text('"deep":[{"__proto__":null}]'),
  text(`"x":"${"x".repeat(66000)}"`), text(`"x":"${"\u00e4".repeat(33000)}"`),
  {}, [], ["close"], [close()], { type: null }, { type: 0 }, { type: true }, { type: ["close"] }, { type: {} },
  { type: close() }, { type: "" }, { type: "__proto__" }, { type: "constructor" }, { type: "hapi-connect-toString" },
  { type: "hapi-connect-hapi-connect-close" }, { TYPE: "close" }, { event: "close" }, { data: close() },
  JSON.parse(text('"__proto__":{"status":"SUCCESS"}')),
  close({ x: "x".repeat(66000) }), close({ x: 1n }), close({ x: { ...cyclic } }), cyclic,
  new Map([["type", "close"]]), new Set(["close"]), new Date(), /close/, new Error("close"),
  new ArrayBuffer(8), new Uint8Array([99, 108, 111, 115, 101]), new Blob(["close"]), Object.assign([], close()),
];
for (const one of junk) parent.postMessage(one, "*");
return junk.length;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn it_listens_to_nobody_but_connect() {
    within(async {
        let Some(stage) = Stage::set("launcher::it_listens_to_nobody_but_connect").await else { return };
        let Stage { browser, clinic, stranger, sandbox, .. } = &stage;
        let token = clinic.token().await;
        let page = clinic.unguarded_page(
            &token,
            &format!(
                "<iframe id=\"stranger\" src=\"{0}/\"></iframe>\
                 <iframe id=\"boxed\" sandbox=\"allow-scripts\" srcdoc=\"<p>boxed</p>\"></iframe>\
                 <iframe id=\"second\" src=\"{1}/?mode=select\"></iframe>",
                stranger.origin(),
                sandbox.url(),
            ),
        );
        // The page's opener is a stranger too.
        let opener = format!(
            "<!doctype html><title>Opener</title><button>Open the clinic</button>\
             <script>document.querySelector('button').onclick = () => globalThis.clinic = open('{page}');</script>"
        );
        browser.goto(&stranger.page("/opener", &[], opener)).await;
        let opener = browser.driver().window().await.expect("a window");
        browser.click("button", "Open the clinic").await;
        let windows = browser.driver().windows().await.expect("two windows");
        let opened = windows.iter().find(|window| **window != opener).expect("another window");
        browser.driver().switch_to_window(opened.clone()).await.expect("it is there");
        browser.record().await;
        browser.goto(&page).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        browser.leave_frames().await;
        browser.until("return !!opener").await;

        let claims = claims(stranger.origin());
        let to = |target: &str| {
            format!("{claims} for (const claim of claims) {target}.postMessage(claim, '*'); return claims.length;")
        };
        let mut attack = Attack { browser, windows: windows.len(), arrived: 0 };
        let mut sent = 0;
        for frame in ["#stranger", "#boxed", "#second"] {
            sent += attack.post(Some(frame), &to("parent")).await;
        }
        sent += attack.post(None, &to("window")).await;
        // Made up by a script of the page itself: of Connect's origin, but from no window or another.
        for source in ["null", "document.getElementById('second').contentWindow"] {
            let origin = sandbox.url();
            let script = format!(
                "{claims} for (const data of claims) dispatchEvent(new MessageEvent('message', \
                 {{ data, origin: '{origin}', source: {source} }})); return claims.length;"
            );
            sent += attack.post(None, &script).await;
        }
        browser.driver().switch_to_window(opener).await.expect("it is there");
        let count = browser.eval(&to("clinic")).await.as_u64().expect("the script counts");
        browser.driver().switch_to_window(opened.clone()).await.expect("it is there");
        attack.check("from the opener", count).await;
        sent += count;
        // From the right window, but nothing that means something.
        sent += attack.post(Some("#human-api"), JUNK).await;
        // From the right window, when somebody else is in it.
        browser
            .eval_with("document.getElementById('human-api').src = arguments[0]", vec![format!("{}/", stranger.origin()).into()])
            .await;
        browser.enter("#human-api").await;
        browser.until("return document.title === 'Elsewhere'").await;
        browser.leave_frames().await;
        sent += attack.post(Some("#human-api"), &to("parent")).await;
        assert!(sent >= 150, "only {sent} messages were sent");
        assert_eq!(clinic.told(), [], "the page's own listeners");

        // And when Connect is back, it is heard.
        browser.eval_with("document.getElementById('human-api').src = arguments[0]", vec![connect_url(sandbox.url(), &token).into()]).await;
        browser.enter("#human-api").await;
        browser.until("return document.title.startsWith('Connect')").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        browser.until("return seen.events.length === 1 && seen.events[0].name === 'close'").await;
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_no_address_that_is_not_safe() {
    within(async {
        let Some(stage) = Stage::set("launcher::it_opens_no_address_that_is_not_safe").await else { return };
        let Stage { browser, clinic, stranger, .. } = &stage;
        let token = clinic.token().await;
        browser.goto(&clinic.launcher_page(&token)).await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        let sent = browser
            .eval(
                r#"const urls = ["javascript:parent.hit=1", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd",
                     "blob:https://a.test/1", "http://elsewhere.test/", "ftp://a.test", "https://user:word@a.test/",
                     "http://user@127.0.0.1/", "http://127.0.0.1.elsewhere.test/", "http://localhost.elsewhere.test/",
                     "//a.test", "/relative", "", " ", null, 7, {}, "https://", "chrome://version"];
                   for (const url of urls) parent.postMessage({ type: "hapi-connect-open-url", url }, "*");
                   return urls.length"#,
            )
            .await;
        browser.leave_frames().await;
        browser.until_with("return seen.events.length === arguments[0]", vec![sent]).await;
        let odd = "return seen.events.filter(({ name, detail }) => name !== 'error' || detail.code !== 'url-refused')";
        assert_eq!(browser.eval(odd).await, json!([]));
        let windows = async || browser.driver().windows().await.expect("the browser tells").len();
        assert_eq!(windows().await, 1);

        // One that is safe opens in a window that knows nothing of this one.
        browser.enter("#human-api").await;
        let open = "parent.postMessage({ type: 'hapi-connect-open-url', url: arguments[0] }, '*')";
        browser.eval_with(open, vec![format!("{}/", stranger.origin()).into()]).await;
        browser.leave_frames().await;
        for _ in 0..200 {
            if windows().await == 2 && !browser.traffic().to(stranger.origin()).is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(windows().await, 2);
        let asked = browser.traffic().to(stranger.origin());
        assert_eq!(asked[0].header(&http::header::REFERER), None);
        let this = browser.driver().window().await.expect("a window");
        let all = browser.driver().windows().await.expect("two windows");
        let other = all.into_iter().find(|window| *window != this).expect("another window");
        browser.driver().switch_to_window(other).await.expect("it is there");
        assert_eq!(browser.until("return document.title === 'Elsewhere' && [opener]").await, json!([null]));
        browser.driver().switch_to_window(this).await.expect("it is there");
        stage.end().await;
    })
    .await;
}

fn connect_url(base: &str, token: &ConnectToken) -> String {
    format!("{base}/?token={}", token.expose_secret())
}
