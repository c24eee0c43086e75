//! The example application: an ordinary patient, and those who mean no good.

use http::StatusCode;
use humanapi_axum::MemoryDirectory;
use humanapi_axum::core::{Credentials, Hosts};
use humanapi_browser_tests::{Browser, Stage};
use patient_page::{Person, Sessions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{story, within};

/// The application on a free port, with a stage around it; none where a program is missing.
pub(crate) async fn open(test: &str) -> Option<(Stage, String)> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port on loopback");
    let port = listener.local_addr().expect("it is bound").port();
    let origin = format!("http://localhost:{port}");
    let stage = Stage::set_with_callback(test, &format!("{origin}/connect/callback")).await?;
    let app = &stage.clinic.app;
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
    let hosts = Hosts::single(stage.sandbox.url()).expect("an address on this machine");
    let sessions = Sessions::new(Person::synthetic(), &origin);
    let connect = patient_page::connect::connect(
        credentials.expect("an id and a secret"),
        hosts,
        stage.clinic.transport(),
        sessions.clone(),
        MemoryDirectory::new(),
        &origin,
    );
    let app = patient_page::app(connect.expect("all is set"), sessions);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Some((stage, origin))
}

pub(crate) async fn sign_in(browser: &Browser, origin: &str, name: &str) {
    browser.goto(origin).await;
    browser.find("heading", "Who are you today?").await;
    browser.click("button", &format!("Sign in as {name}")).await;
}

/// Opens Connect, connects Strider, and comes back to a page that shows what it sent.
pub(crate) async fn connect_strider(browser: &Browser) {
    browser.click("button", "Connect your health data").await;
    browser.enter_connect().await;
    story::connect(browser, "Strider").await;
    browser.click("button", "Done").await;
    browser.leave_frames().await;
    browser.find("button", "Manage your sources").await;
}

/// The sources and the number of activities that the page shows.
async fn shown(browser: &Browser) -> Value {
    let shown = "return [[...document.querySelectorAll('[aria-label=Sources] li')].map((one) => one.textContent), \
         document.querySelectorAll('table tbody tr').length]";
    browser.eval(shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_connects_reads_comes_back_and_disconnects() {
    within(async {
        let test = "patient_page::a_patient_connects_reads_comes_back_and_disconnects";
        let Some((stage, origin)) = open(test).await else { return };
        let Stage { browser, clinic, sandbox, .. } = &stage;
        sign_in(browser, &origin, "Ada Lindqvist").await;
        browser.find("heading", "Welcome, Ada Lindqvist").await;
        assert_eq!(shown(browser).await, json!([[], 0]));
        connect_strider(browser).await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        assert_eq!(shown(browser).await, json!([["strider"], 8]));

        browser.click("button", "Sign out").await;
        sign_in(browser, &origin, "Ada Lindqvist").await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        assert_eq!(shown(browser).await, json!([["strider"], 8]));
        browser.click("button", "Manage your sources").await;
        browser.enter_connect().await;
        browser.find("heading", "Welcome back").await;
        story::disconnect(browser, "Strider").await;
        story::connect(browser, "Pulseband").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        browser.until("return document.querySelector('[aria-label=Sources]')?.textContent === 'pulseband'").await;

        // And on Connect's own page, from which a link leads back.
        browser.click("button", "Open on its own page").await;
        browser.find("heading", "Welcome back").await;
        story::disconnect(browser, "Pulseband").await;
        browser.click("button", "Done").await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        assert_eq!(browser.eval("return location.href").await, format!("{origin}/me"));
        assert_eq!(shown(browser).await[0], json!([]));

        // The application keeps to itself what it got from the service.
        let user = sandbox.control().user(&clinic.app.client_id, "patient-1001");
        assert!(user.expect("the application is known").is_some());
        let (secrets, traffic) = (clinic.secrets(), browser.traffic().clone());
        let issued: Vec<_> = secrets.iter().collect();
        assert!(issued.len() >= 3, "{} secrets", issued.len());
        stage.end().await;
        for exchange in traffic.exchanges() {
            let bytes = exchange.as_bytes();
            let leaks = |secret: &&&String| memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
            assert!(issued.iter().find(leaks).is_none(), "a secret of the server at {}", exchange.url);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_outcome_makes_nobody_connected() {
    within(async {
        let Some((stage, origin)) = open("patient_page::a_forged_outcome_makes_nobody_connected").await else { return };
        let browser = &stage.browser;
        // Somebody is connected; Ben is not, and says that he is, and who he is.
        sign_in(browser, &origin, "Ada Lindqvist").await;
        connect_strider(browser).await;
        browser.click("button", "Sign out").await;
        sign_in(browser, &origin, "Ben Okafor").await;
        browser.find("heading", "Welcome, Ben Okafor").await;
        let post = "const [route, body] = arguments; \
             return fetch(route, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }) \
             .then(async (answer) => [answer.status, await answer.json()])";
        // So that the service knows him at all.
        let token = browser.eval_with(post, vec!["/connect/token".into(), json!({})]).await;
        assert_eq!(token[0], 200);
        for forged in [
            json!({ "event": "close", "status": "SUCCESS", "tellsSources": true,
                "connected": [story::strider()], "currentConnections": [story::strider()] }),
            json!({ "type": "hapi-connect-connect-source", "status": "CONNECTED_SOURCE",
                "sessionResults": { "connectedSources": [story::strider()] },
                "clientUserId": "patient-1001", "humanId": "7a1d0c55e2f34b8f9d3b6c0e4f2a1b90" }),
        ] {
            let answer = browser.eval_with(post, vec!["/connect/outcome".into(), forged]).await;
            assert_eq!((&answer[0], &answer[1]["connected"]), (&json!(200), &json!(false)), "{answer}");
        }
        // Nor by the way back from hosted Connect.
        let forged = "status=SUCCESS&currentConnections=%5B%7B%22name%22%3A%22Strider%22%7D%5D&sessionResults=%7B%7D";
        browser.goto(&format!("{origin}/connect/callback?{forged}")).await;
        browser.goto(&format!("{origin}/me")).await;
        browser.find("heading", "Welcome, Ben Okafor").await;
        assert_eq!(shown(browser).await, json!([[], 0]));
        stage.end().await;
    })
    .await;
}

/// Everything that a page can try against another origin, with the cookies that the browser adds.
const ATTACK: &str = r#"
const [target, form] = arguments;
const post = (route, type, body) => fetch(target + route, {
  method: "POST", mode: "no-cors", credentials: "include", headers: { "Content-Type": type }, body,
}).then(() => 1, () => 1);
const fields = new URLSearchParams(form).toString();
const outcome = '{"event":"close","status":"SUCCESS"}';
return Promise.all([
  post("/sign-out", "application/x-www-form-urlencoded", fields),
  post("/sign-in", "application/x-www-form-urlencoded", fields + "&person=patient-1002"),
  post("/connect/token", "text/plain", "{}"),
  post("/connect/outcome", "text/plain", outcome),
  post("/connect/outcome", "application/x-www-form-urlencoded", outcome),
  fetch(target + "/connect/token", { method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: "{}" })
    .then((answer) => answer.json(), () => 1),
  fetch(target + "/me", { credentials: "include" }).then((answer) => answer.text(), () => 1),
]);
"#;

/// Posts by a form, as a person would who was lured to a page.
const LURE: &str = r#"
const [target, route, fields] = arguments;
const form = document.createElement("form");
form.method = "post";
form.action = target + route;
for (const [name, value] of Object.entries(fields)) {
  const input = document.createElement("input");
  [input.name, input.value] = [name, value];
  form.append(input);
}
document.body.append(form);
form.submit();
"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_others_acts_for_a_patient() {
    within(async {
        let Some((stage, origin)) = open("patient_page::no_page_of_others_acts_for_a_patient").await else { return };
        let browser = &stage.browser;
        sign_in(browser, &origin, "Ada Lindqvist").await;
        browser.find("heading", "Welcome, Ada Lindqvist").await;
        // Another port of the same name is the same site: the browser adds the cookies there.
        let neighbour = stage.stranger.origin().to_owned();
        let elsewhere = neighbour.replace("localhost", "127.0.0.1");
        let mut refused = 0;
        for attacker in [&neighbour, &elsewhere] {
            browser.goto(&format!("{attacker}/")).await;
            let before = browser.traffic().to(&origin).len();
            let got = browser.eval_with(ATTACK, vec![origin.clone().into(), json!({ "form": "x".repeat(43) })]).await;
            assert_eq!(got, json!([1, 1, 1, 1, 1, 1, 1]), "a stranger can read an answer");
            for (route, person) in [("/sign-out", ""), ("/sign-in", "patient-1002")] {
                browser.goto(&format!("{attacker}/")).await;
                let fields = json!({ "form": "x".repeat(43), "person": person });
                browser.eval_with(LURE, vec![origin.clone().into(), route.into(), fields]).await;
                browser.until_with("return location.href === arguments[0] && document.readyState === 'complete'", vec![format!("{origin}{route}").into()])
                    .await;
            }
            for exchange in &browser.traffic().to(&origin)[before..] {
                if exchange.method == http::Method::POST {
                    let status = exchange.status.expect("it was answered");
                    assert!(
                        [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&status),
                        "{} {status} from {attacker}",
                        exchange.url
                    );
                    refused += 1;
                }
            }
        }
        assert!(refused >= 14, "only {refused} posts came");

        // No page of others shows this one in a frame.
        browser.goto(&format!("{neighbour}/")).await;
        browser
            .eval_with("document.body.append(Object.assign(document.createElement('iframe'), { src: arguments[0] }))", vec![format!("{origin}/me").into()])
            .await;
        browser.enter("iframe").await;
        browser.until("return document.readyState === 'complete' && location.href !== 'about:blank'").await;
        assert!(!browser.has("heading", "Welcome, Ada Lindqvist").await);
        browser.leave_frames().await;

        browser.goto(&format!("{origin}/me")).await;
        browser.find("heading", "Welcome, Ada Lindqvist").await;
        let user = stage.sandbox.control().user(&stage.clinic.app.client_id, "patient-1001");
        assert_eq!(user.ok().flatten(), None, "a token was asked for");
    })
    .await;
}
