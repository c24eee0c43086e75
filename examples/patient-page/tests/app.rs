//! The app over real HTTP, before a sandbox: what a browser without JavaScript would send, and what
//! connect.js would.
//!
//! One piece: one app, walked through from page to page by the same few calls.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use humanapi::client::Client;
use humanapi::connect::{Nonce, content_security_policy};
use humanapi::{Credentials, Hosts, HyperTransport, Provisioning};
use humanapi_sandbox::{AppCredentials, DemoApp, Fault, Sandbox};
use patient_page::server::{Limits, serve};
use patient_page::{Person, Sessions};
use reqwest::Method;
use serde_json::{Value, json};

struct World {
    sandbox: Sandbox,
    app: AppCredentials,
    base: String,
    answered: Mutex<String>,
}

impl World {
    async fn new() -> Self {
        Self::of(Person::synthetic()).await
    }

    async fn of(people: Vec<Person>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::builder()
            .callback(format!("{base}/connect/callback"))
            .start()
            .unwrap();
        let app = sandbox.app(DemoApp::Connect);
        let credentials = Credentials::new(&*app.client_id, app.client_secret.clone()).unwrap();
        let hosts = Hosts::single(sandbox.url()).unwrap();
        let sessions = Sessions::new(people, &base);
        let client =
            Client::builder(credentials, Provisioning::Connect, HyperTransport::new()).hosts(hosts);
        let connect = patient_page::connect::connect(client.build(), sessions.clone(), &base);
        let routes = patient_page::app(connect.build().unwrap(), sessions);
        let never = std::future::pending();
        tokio::spawn(serve(listener, routes, Limits::default(), never));
        Self {
            sandbox,
            app,
            base,
            answered: Mutex::default(),
        }
    }

    fn browser(&self) -> Browser<'_> {
        // These tests speak plain http. Built together with the adapters, reqwest wants a provider even so.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        Browser {
            world: self,
            cookies: Mutex::default(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()
                .unwrap(),
        }
    }
}

struct Browser<'a> {
    world: &'a World,
    http: reqwest::Client,
    cookies: Mutex<Vec<(String, String)>>,
}

#[derive(Debug)]
struct Received {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

impl Browser<'_> {
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Received {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.world.base))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let carried: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !carried.is_empty() {
            request = request.header("cookie", carried.join("; "));
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let answer = Received {
            status,
            headers,
            text,
        };
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(
                set.contains("; HttpOnly") && set.contains("; SameSite=Lax"),
                "{set}"
            );
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.retain(|(known, _)| known != name);
            if !set.contains("Max-Age=0") {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        self.world
            .answered
            .lock()
            .unwrap()
            .push_str(&format!("{answer:?}\n"));
        answer
    }

    async fn get(&self, path: &str) -> Received {
        self.send(Method::GET, path, &[], String::new()).await
    }

    async fn form_token(&self, path: &str) -> String {
        let page = self.get(path).await.text;
        let (_, rest) = page
            .split_once("name=\"form\" value=\"")
            .expect("the page has a form");
        rest.split('"').next().unwrap().to_owned()
    }

    async fn sign_in(&self, person: &str) {
        let form = self.form_token("/").await;
        let answer = self
            .send(
                Method::POST,
                "/sign-in",
                &[FORM, OURS],
                format!("form={form}&person={person}"),
            )
            .await;
        assert_eq!((answer.status, answer.header("location")), (303, "/me"));
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let headers = [("content-type", "application/json"), OURS];
        let answer = self
            .send(Method::POST, path, &headers, body.to_string())
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Presses a button of the Connect page, which was opened with this token.
    async fn in_connect(&self, token: &str, source: &str, action: &str) {
        let url = format!("{}/connect/sources/{source}", self.world.sandbox.url());
        let body = json!({ "token": token, "action": action }).to_string();
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        assert!(request.send().await.unwrap().status().is_success());
    }
}

fn reported(event: &str) -> Value {
    json!({ "message": format!("hapi-connect-{event}-source"), "dismissed": false })
}

#[tokio::test]
async fn a_patient_connects_comes_back_and_disconnects() {
    let world = World::new().await;
    let ada = world.browser();
    ada.sign_in("patient-1001").await;
    let page = ada.get("/me").await;
    assert!(
        page.text.contains("<h1>Welcome, Ada Lindqvist</h1>"),
        "{}",
        page.text
    );
    assert!(page.text.contains("Nothing connected yet"));
    assert!(page.text.contains(
        "data-connect-label=\"Connect your health data\">Connect your health data</button>"
    ));

    let first = ada.post("/connect/token", json!({})).await;
    assert_eq!(first["kind"], "session");
    for source in ["strider", "sandbox_clinic"] {
        ada.in_connect(first["token"].as_str().unwrap(), source, "connect")
            .await;
    }
    assert_eq!(
        ada.post("/connect/outcome", reported("connect")).await["next"],
        "read-data"
    );
    let page = ada.get("/me").await.text;
    assert!(
        page.contains("<h1>Welcome back, Ada Lindqvist</h1>"),
        "{page}"
    );
    assert!(
        page.contains("<li>Sandbox Clinic</li><li>Strider</li>"),
        "{page}"
    );
    for shown in [
        "aria-label=\"Latest activities, table\"",
        "aria-label=\"Medications, table\"",
        "<td class=\"start\" role=\"cell\">2024-04-15</td>\
         <td class=\"kind long\" role=\"cell\">ferrous sulfate 325 MG Oral Tablet</td>",
    ] {
        assert!(page.contains(shown), "{shown} is missing in {page}");
    }
    assert!(page.contains("Manage your sources"));

    // Another day, another browser.
    let later = world.browser();
    later.sign_in("patient-1001").await;
    assert!(later.get("/me").await.text.contains("Welcome back"));
    let second = later.post("/connect/token", json!({})).await;
    assert_eq!(second["kind"], "id");
    for source in ["strider", "sandbox_clinic"] {
        later
            .in_connect(second["token"].as_str().unwrap(), source, "disconnect")
            .await;
    }
    later.post("/connect/outcome", reported("disconnect")).await;
    let page = later.get("/me").await.text;
    assert!(page.contains("no source has sent anything"), "{page}");

    // Who has connected nothing sees nothing of it.
    let ben = world.browser();
    ben.sign_in("patient-1002").await;
    assert!(ben.get("/me").await.text.contains("Nothing connected yet"));

    let answered = world.answered.lock().unwrap();
    assert!(!answered.contains(&world.app.client_secret));
    for (at, _) in answered.match_indices("sbx-") {
        let rest = &answered[at..];
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter));
        let kind = world
            .sandbox
            .control()
            .issued_token_kind(&rest[..end.unwrap_or(rest.len())]);
        let kind = format!("{kind:?}");
        assert!(["Some(Session)", "Some(Id)"].contains(&&*kind), "{kind}");
    }
}

#[tokio::test]
async fn a_page_is_strict_and_holds_no_token() {
    let world = World::new().await;
    let ada = world.browser();
    for path in ["/", "/nope", "/me"] {
        let page = ada.get(path).await;
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'"),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
    }
    ada.sign_in("patient-1001").await;
    ada.post("/connect/token", json!({})).await;
    let page = ada.get("/me").await;
    let policy = page.header("content-security-policy");
    assert_eq!(
        page.headers
            .get_all("content-security-policy")
            .iter()
            .count(),
        1
    );
    assert!(
        policy.contains("script-src 'nonce-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(
        !page.text.contains("sbx-"),
        "the token is asked for when the button is pressed"
    );
    assert!(!page.text.contains("style=") && !page.text.contains("onclick"));
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let world = World::new().await;
    let ada = world.browser();
    let form = ada.form_token("/").await;
    let good = format!("form={form}&person=patient-1001");
    let site = ("sec-fetch-site", "cross-site");
    let evil = ("origin", "https://evil.example");
    for (headers, body) in [
        (&[FORM, site][..], good.clone()),
        (&[FORM, evil], good.clone()),
        (&[FORM, OURS], "form=&person=patient-1001".to_owned()),
        (
            &[FORM, OURS],
            format!("form={}&person=patient-1001", "A".repeat(43)),
        ),
    ] {
        let answer = ada.send(Method::POST, "/sign-in", headers, body).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let answer = world
        .browser()
        .send(Method::POST, "/sign-in", &[FORM, OURS], good)
        .await;
    assert_eq!(answer.status, 403, "another browser's form");
    assert_eq!(ada.get("/me").await.header("location"), "/");

    ada.sign_in("patient-1001").await;
    let answer = ada
        .send(
            Method::POST,
            "/sign-out",
            &[FORM, site],
            format!("form={form}"),
        )
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(ada.get("/me").await.status, 200);
    let answer = ada
        .send(
            Method::POST,
            "/sign-out",
            &[FORM, OURS],
            format!("form={form}"),
        )
        .await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    assert_eq!(ada.get("/me").await.header("location"), "/");
}

#[tokio::test]
async fn what_says_twice_where_it_comes_from_is_refused() {
    let world = World::new().await;
    let ada = world.browser();
    let form = ada.form_token("/").await;
    let good = format!("form={form}&person=patient-1001");
    let ours = ("origin", &*world.base);
    let evil = ("origin", "https://evil.example");
    let site = ("sec-fetch-site", "cross-site");
    for twice in [
        [OURS, OURS],
        [OURS, site],
        [site, OURS],
        [ours, ours],
        [ours, evil],
        [evil, ours],
    ] {
        for beside in [OURS, ours] {
            let headers = [FORM, twice[0], twice[1], beside];
            let answer = ada
                .send(Method::POST, "/sign-in", &headers, good.clone())
                .await;
            assert_eq!(answer.status, 403, "{headers:?}");
        }
    }
    let answer = ada
        .send(Method::POST, "/sign-in", &[FORM, OURS, ours], good)
        .await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn who_signs_in_as_another_person_leaves_no_session_behind() {
    let world = World::new().await;
    let browser = world.browser();
    browser.sign_in("patient-1001").await;
    let as_ada = browser.cookies.lock().unwrap().clone();
    // The first page leads on whoever is signed in, so the form is that of the next page.
    let form = browser.form_token("/me").await;
    let body = format!("form={form}&person=patient-1002");
    let answer = browser
        .send(Method::POST, "/sign-in", &[FORM, OURS], body)
        .await;
    assert_eq!(answer.status, 303);
    assert!(browser.get("/me").await.text.contains("Ben Okafor"));
    *browser.cookies.lock().unwrap() = as_ada;
    assert_eq!(browser.get("/me").await.header("location"), "/");
}

#[tokio::test]
async fn a_session_that_ended_opens_nothing() {
    let world = World::new().await;
    let ada = world.browser();
    ada.sign_in("patient-1001").await;
    let cookies = ada.cookies.lock().unwrap().clone();
    let form = ada.form_token("/me").await;
    ada.send(
        Method::POST,
        "/sign-out",
        &[FORM, OURS],
        format!("form={form}"),
    )
    .await;
    *ada.cookies.lock().unwrap() = cookies;
    let asked = || world.sandbox.control().exchanges().total();
    let before = asked();
    let headers = [("content-type", "application/json"), OURS];
    let answer = ada
        .send(Method::POST, "/connect/token", &headers, "{}".to_owned())
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(asked(), before);
}

#[tokio::test]
async fn hostile_names_are_text() {
    let hostile = "<script>alert(1)</script>\"'&";
    let world = World::of(vec![Person::new("p<1>", hostile, "x@example.test")]).await;
    let page = world.browser().get("/").await.text;
    assert!(!page.contains("<script>alert"), "{page}");
    let one = world.browser();
    one.sign_in("p%3C1%3E").await;
    let page = one.get("/me").await.text;
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(
        page.contains("Welcome, &lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    let sources = json!({ "connectedSources": [{ "name": hostile, "id": hostile }] });
    let lie = json!({ "type": "hapi-connect-connect-source", "sessionResults": sources });
    one.post("/connect/outcome", lie).await;
    let query = "?status=%3Cscript%3Ealert(1)%3C/script%3E";
    assert!(
        !one.get(&format!("/connect/callback{query}"))
            .await
            .text
            .contains("alert")
    );
    assert!(!one.get("/me").await.text.contains("<script>alert"));
}

#[tokio::test]
async fn a_service_that_fails_is_told_with_a_remedy() {
    let world = World::new().await;
    let ada = world.browser();
    ada.sign_in("patient-1001").await;
    let token = ada.post("/connect/token", json!({})).await;
    ada.in_connect(token["token"].as_str().unwrap(), "strider", "connect")
        .await;
    ada.post("/connect/outcome", reported("connect")).await;
    let fault = Fault::status(404).on_path("/v1/human").times(10);
    world.sandbox.control().plan_fault(fault).unwrap();
    let page = ada.get("/me").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("role=\"alert\"") && page.text.contains("What to do: "),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn a_patient_who_was_deleted_elsewhere_is_a_new_one() {
    let world = World::new().await;
    let ada = world.browser();
    ada.sign_in("patient-1001").await;
    let token = ada.post("/connect/token", json!({})).await;
    ada.in_connect(token["token"].as_str().unwrap(), "strider", "connect")
        .await;
    ada.post("/connect/outcome", reported("connect")).await;
    let control = world.sandbox.control();
    control
        .delete_user(&world.app.client_id, "patient-1001")
        .unwrap();
    let again = ada.post("/connect/token", json!({})).await;
    assert_eq!(
        (&again["kind"], &again["humanIdChanged"]),
        (&json!("session"), &json!(true))
    );
    let page = ada.get("/me").await.text;
    assert!(
        page.contains("Nothing connected yet") && page.contains("You started over"),
        "{page}"
    );
}

/// What is there because of Connect: all of connect.rs, and every other line that names it, the SDK, or the
/// headers of a page that opens it. Not counted are what the app would have without: pages and sign-in, and the
/// command line; nor which data it reads once it may.
#[test]
fn the_integration_has_at_most_40_lines() {
    fn code(text: &str) -> impl Iterator<Item = &str> {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with("//"))
    }
    let names_it = |line: &&str| {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let is_of_it = |word: &str| {
            word.eq_ignore_ascii_case("connect")
                || word.starts_with("humanapi")
                || ["Client", "client", "HyperTransport", "SqliteDirectory"].contains(&word)
        };
        words.any(is_of_it) || line.contains("page.headers")
    };
    let mut lines: Vec<&str> = code(include_str!("../src/connect.rs")).collect();
    lines.extend(code(include_str!("../src/lib.rs")).filter(names_it));
    lines.extend(code(include_str!("../src/main.rs")).filter(names_it));
    let shown = lines.join("\n");
    assert!(lines.len() <= 40, "{} lines:\n{shown}", lines.len());
    // It counts what it should.
    for known in [
        ".merge(connect.router())",
        "page.headers",
        "connect.page(",
        "Client::builder",
        ".directory(",
    ] {
        assert!(shown.contains(known), "{known} is not among\n{shown}");
    }
    // What is not counted does nothing of it.
    for (name, other) in [
        ("pages.rs", include_str!("../src/pages.rs")),
        ("records.rs", include_str!("../src/records.rs")),
        ("session.rs", include_str!("../src/session.rs")),
        ("args.rs", include_str!("../src/args.rs")),
    ] {
        for word in [
            "SignedIn",
            "Connect::",
            "Client::",
            "Provisioning",
            "Directory",
            ".router(",
            ".page(",
            ".confirm(",
            ".record(",
            ".data()",
            "fetch(",
        ] {
            // One demo app of the sandbox has that name.
            let does = code(other).any(|line| line.replace("DemoApp::Connect", "").contains(word));
            // Which data is read, and no more than that, is in a file of its own.
            let does = does && !(name == "records.rs" && word == ".data()");
            assert!(!does, "{name} has {word}");
        }
    }
}

#[test]
fn the_chapter_shows_the_code_as_it_is() {
    let chapter = include_str!("../../../docs/adding-connect.md");
    let sources = [
        include_str!("../src/connect.rs"),
        include_str!("../src/lib.rs"),
        include_str!("../src/main.rs"),
        include_str!("../src/pages.rs"),
        include_str!("../src/records.rs"),
    ];
    let mut pieces = chapter.split("```rust\n");
    pieces.next();
    let mut shown = 0;
    for piece in pieces {
        let (snippet, _) = piece.split_once("```").expect("a snippet ends");
        let is_there = sources.iter().any(|source| source.contains(snippet));
        assert!(is_there, "the app has no such lines:\n{snippet}");
        shown += 1;
    }
    assert!(shown >= 8, "{shown} snippets");
}

#[test]
fn the_chapters_policy_for_the_widget_differs_in_what_it_says() {
    let chapter = include_str!("../../../docs/adding-connect.md");
    let (_, block) = chapter.split_once("```text\n").expect("a policy");
    let (block, _) = block.split_once("```").expect("a policy ends");
    let nonce = Nonce::parse("mR5c8kqTz0aP1vW3xY7uBg==").unwrap();
    let block = block.replace('…', nonce.as_str());
    let strict = content_security_policy(&Hosts::production(), &nonce);
    let directives = |policy: &str| -> BTreeMap<String, String> {
        let directives = policy
            .split(';')
            .filter_map(|one| one.trim().split_once(' '));
        directives
            .map(|(name, values)| (name.to_owned(), values.to_owned()))
            .collect()
    };
    let (loose, strict) = (directives(&block), directives(&strict));
    assert!(loose.keys().eq(strict.keys()), "{loose:#?} {strict:#?}");
    let differs = loose
        .iter()
        .filter(|(name, values)| strict[*name] != **values);
    let differs: Vec<_> = differs.map(|(name, _)| name.as_str()).collect();
    assert_eq!(differs, ["img-src", "script-src", "style-src"]);
}
