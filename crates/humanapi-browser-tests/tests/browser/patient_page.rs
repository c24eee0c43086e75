//! The example application: an ordinary patient, and those who mean no good.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{StatusCode, header};
use humanapi_axum::client::Client;
use humanapi_axum::core::{Credentials, Hosts, Provisioning};
use humanapi_browser_tests::{Browser, Stage};
use patient_page::{Person, Sessions};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::secrets::{FOLLOW, Places, SANDBOX_LOG, holds};
use crate::{story, within};

/// The application on a free port, with a stage around it; none where a program is missing.
pub(crate) async fn open(test: &str) -> Option<(Stage, String)> {
    let log = Arc::new(NamedTempFile::new().expect("there is room for a log"));
    open_with(test, &log).await
}

/// The same, with a file that has the application's log in all detail, and what a server in front of it logs of each
/// request.
async fn open_with(test: &str, log: &Arc<NamedTempFile>) -> Option<(Stage, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let port = listener.local_addr().expect("it is bound").port();
    let origin = format!("http://localhost:{port}");
    let stage = Stage::set_with_callback(test, &format!("{origin}/connect/callback")).await?;
    let app = &stage.clinic.app;
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
    let hosts = Hosts::single(stage.sandbox.url()).expect("an address on this machine");
    let credentials = credentials.expect("an id and a secret");
    let transport = stage.clinic.transport();
    let client = Client::builder(credentials, Provisioning::Connect, transport).hosts(hosts);
    let sessions = Sessions::new(Person::synthetic(), &origin);
    let (served, log) = (origin.clone(), log.clone());
    // On a thread of its own, so that its log is its own. It ends with the process.
    std::thread::spawn(move || {
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(lines);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("there are threads").block_on(async {
            let connect = patient_page::connect::connect(client.build(), sessions.clone(), &served);
            let app = patient_page::app(connect.build().expect("all is set"), sessions);
            let app = app.layer(from_fn_with_state(log, note));
            listener.set_nonblocking(true).expect("it is a socket");
            let listener = tokio::net::TcpListener::from_std(listener);
            axum::serve(listener.expect("it is bound"), app).await
        })
    });
    Some((stage, origin))
}

/// What most servers log of a request: its first line, where it comes from, the browser, and the answer's status.
async fn note(State(log): State<Arc<NamedTempFile>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let from = request.headers().get(header::REFERER).cloned();
    let agent = request.headers().get(header::USER_AGENT).cloned();
    let answer = next.run(request).await;
    let status = answer.status();
    writeln!(&*log, "{line} {status} {from:?} {agent:?}").expect("the log takes one line more");
    answer
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
        assert_eq!(shown(browser).await, json!([["Strider"], 8]));

        browser.click("button", "Sign out").await;
        sign_in(browser, &origin, "Ada Lindqvist").await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        assert_eq!(shown(browser).await, json!([["Strider"], 8]));
        browser.click("button", "Manage your sources").await;
        browser.enter_connect().await;
        browser.find("heading", "Welcome back").await;
        story::disconnect(browser, "Strider").await;
        story::connect(browser, "Pulseband").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        browser.until("return document.querySelector('[aria-label=Sources]')?.textContent === 'Pulseband'").await;

        // And on Connect's own page, from which a link leads back.
        browser.click("button", "Open on its own page").await;
        browser.find("heading", "Welcome back").await;
        story::disconnect(browser, "Pulseband").await;
        browser.click("button", "Done").await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        assert_eq!(browser.eval("return location.href").await, format!("{origin}/me"));
        assert_eq!(shown(browser).await[0], json!([]));

        let user = sandbox.control().find_user(&clinic.app.client_id, "patient-1001");
        assert!(user.expect("the application is known").is_some());
        stage.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_keeps_to_itself_what_the_service_gave_it() {
    within(async {
        let test = "patient_page::the_application_keeps_to_itself_what_the_service_gave_it";
        let log = Arc::new(NamedTempFile::new().expect("there is room for a log"));
        let Some((stage, origin)) = open_with(test, &log).await else {
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
        sign_in(browser, &origin, "Ada Lindqvist").await;
        browser.find("heading", "Welcome, Ada Lindqvist").await;
        places.keep_page(browser, "the page of a new patient").await;
        browser.click("button", "Connect your health data").await;
        browser.enter_connect().await;
        story::connect(browser, "Strider").await;
        places.keep_page(browser, "Connect within the page").await;
        browser.click("button", "Done").await;
        browser.leave_frames().await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        places
            .keep_page(browser, "the page of a returning patient")
            .await;
        browser.click("button", "Open on its own page").await;
        browser.find("heading", "Welcome back").await;
        places.keep_page(browser, "Connect on its own page").await;
        story::disconnect(browser, "Strider").await;
        browser.click("button", "Done").await;
        browser.find("heading", "Welcome back, Ada Lindqvist").await;
        // On to somebody else's site, who is told nothing of where the patient comes from.
        browser
            .eval_with(FOLLOW, vec![format!("{}/", stranger.origin()).into()])
            .await;
        browser.until("return document.title === 'Elsewhere'").await;

        let cookies = places.keep_browser(browser).await;
        let cookies = cookies.as_array().expect("a list");
        assert!(
            cookies
                .iter()
                .any(|one| one["name"] == "patient-page-session"),
            "{cookies:#?}"
        );
        assert!(
            cookies.iter().all(|one| one["httpOnly"] == true),
            "{cookies:#?}"
        );
        places.keep_log_of(sandbox);
        let kept = std::fs::read(log.path()).expect("the log can be read");
        places.put(APP_LOG, kept);
        let (clinic, stranger) = (clinic.clone(), stranger.origin().to_owned());
        let remains = stage.end().await;
        places.keep_remains(&remains);
        let secrets = clinic.secrets();
        assert!(secrets.len() >= 3, "{} secrets", secrets.len());
        places.check_free_of(&secrets);

        // What opens Connect goes to the browser and from there to Connect, and into no log.
        let exchanges = remains.traffic.exchanges();
        let mut launches: Vec<String> = Vec::new();
        for exchange in exchanges
            .iter()
            .filter(|one| one.url == format!("{origin}/connect/token"))
        {
            let answer: Value = serde_json::from_slice(&exchange.answer).expect("it is JSON");
            launches.push(answer["token"].as_str().expect("a token").to_owned());
        }
        assert_eq!(launches.len(), 2);
        for token in &launches {
            for exchange in &exchanges {
                let from = exchange.header(&header::REFERER).unwrap_or_default();
                assert!(!from.contains(token.as_str()), "{exchange:?}");
                let to_stranger = exchange.url.starts_with(&stranger);
                assert!(!to_stranger || from.is_empty(), "{exchange:?}");
            }
            for log in [APP_LOG, SANDBOX_LOG] {
                assert!(
                    !holds(places.at(log), token),
                    "what opens Connect is in {log}"
                );
            }
        }
        // The log is one: it has the requests, and what the client says of its own.
        for known in [
            "POST /connect/token 200",
            "GET /connect/callback?",
            "humanapi::",
        ] {
            assert!(
                holds(places.at(APP_LOG), known),
                "{known} is not in {APP_LOG}"
            );
        }
    })
    .await;
}

const APP_LOG: &str = "the application's log";

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
        // He has not gone out, so he does not come back: the page says nothing, and nobody is asked.
        let forged = "status=SUCCESS&currentConnections=%5B%7B%22name%22%3A%22Strider%22%7D%5D&sessionResults=%7B%7D";
        let way_back = format!("{origin}/connect/callback?{forged}");
        let asked = || stage.sandbox.control().exchanges().total();
        let before = asked();
        browser.goto(&way_back).await;
        browser.find("heading", "You are back").await;
        assert_eq!(browser.eval("return location.href").await, way_back);
        assert_eq!(asked(), before);
        browser.goto(&format!("{origin}/me")).await;
        // So that the service knows him at all.
        let token = browser.eval_with(post, vec!["/connect/token".into(), json!({})]).await;
        assert_eq!(token[0], 200);
        for forged in [
            json!({ "message": { "type": "hapi-connect-close", "status": "SUCCESS",
                "sessionResults": { "connectedSources": [story::strider()] } }, "dismissed": false }),
            json!({ "type": "hapi-connect-connect-source", "status": "CONNECTED_SOURCE",
                "sessionResults": { "connectedSources": [story::strider()] },
                "clientUserId": "patient-1001", "humanId": "7a1d0c55e2f34b8f9d3b6c0e4f2a1b90" }),
        ] {
            let answer = browser.eval_with(post, vec!["/connect/outcome".into(), forged]).await;
            assert_eq!((&answer[0], &answer[1]["connected"]), (&json!(200), &json!(false)), "{answer}");
        }
        // Nor by the way back from hosted Connect, now that he could have gone there.
        browser.goto(&way_back).await;
        assert_eq!(browser.eval("return location.href").await, format!("{origin}/me"));
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
const outcome = '{"type":"hapi-connect-close","status":"SUCCESS"}';
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
        let user = stage.sandbox.control().find_user(&stage.clinic.app.client_id, "patient-1001");
        assert_eq!(user.ok().flatten(), None, "a token was asked for");
    })
    .await;
}
