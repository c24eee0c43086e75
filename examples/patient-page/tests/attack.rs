//! Hostile requests to the app as it is served, over real connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::atomic::Ordering;

use humanapi::client::Client;
use humanapi::{Credentials, Hosts, HyperTransport, Provisioning, RetryPolicy};
use humanapi_sandbox::{DemoApp, Sandbox};
use humanapi_testkit::attack::{Attack, Route, Trap, cases, count_panics, mutated, send};
use patient_page::server::{Limits, serve};
use patient_page::{Person, Sessions};
use tokio::net::TcpListener;

const FORM: &str = "application/x-www-form-urlencoded";
const REPORT: &str = r#"{"message":"hapi-connect-close","dismissed":true}"#;
const ROUTES: [Route; 8] = [
    Route {
        method: "GET",
        path: "/",
        body: None,
    },
    Route {
        method: "GET",
        path: "/me",
        body: None,
    },
    Route {
        method: "GET",
        path: "/style.css",
        body: None,
    },
    Route {
        method: "POST",
        path: "/sign-in",
        body: Some((FORM, "form=x&person=patient-1001")),
    },
    Route {
        method: "POST",
        path: "/sign-out",
        body: Some((FORM, "form=x")),
    },
    Route {
        method: "POST",
        path: "/connect/token",
        body: Some(("application/json", "{}")),
    },
    Route {
        method: "POST",
        path: "/connect/outcome",
        body: Some(("application/json", REPORT)),
    },
    Route {
        method: "GET",
        path: "/connect/callback",
        body: None,
    },
];

/// The value of a cookie that an answer sets.
fn cookie(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("{name}=")).unwrap();
    rest.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_of_hostile_requests() {
    let panics = count_panics();
    let trap = Trap::set().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let origin = format!("http://{server}");
    let sandbox = Sandbox::builder()
        .callback(format!("{origin}/connect/callback"))
        .start()
        .unwrap();
    let app = sandbox.app(DemoApp::Connect);
    let credentials = Credentials::new(&*app.client_id, app.client_secret.clone()).unwrap();
    let sessions = Sessions::new(Person::synthetic(), &origin);
    let client = Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
        .hosts(Hosts::single(sandbox.url()).unwrap())
        .retry(RetryPolicy::none())
        .build();
    let connect = patient_page::connect::connect(client, sessions.clone(), &origin);
    let routes = patient_page::app(connect.build().unwrap(), sessions);
    let never = std::future::pending();
    tokio::spawn(serve(listener, routes, Limits::default(), never));

    // Ada signs in.
    let ask = async |request: String| {
        let answer = send(server, request.as_bytes()).await;
        String::from_utf8(answer).unwrap()
    };
    let first = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()).await;
    let form = cookie(&first, "patient-page-form");
    let sign_in = async |form: &str| {
        let body = format!("form={form}&person=patient-1001");
        let length = body.len();
        ask(format!("POST /sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nCookie: patient-page-form={form}\r\nContent-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n{body}")).await
    };
    let session = cookie(&sign_in(&form).await, "patient-page-session");
    let control = sandbox.control();

    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let cookies = format!("patient-page-session={session}; patient-page-form={form}");
    let signed_in = [
        header("Cookie", &cookies),
        header("Sec-Fetch-Site", "same-origin"),
    ];
    let mut all = cases(&ROUTES, &signed_in, &trap);
    assert!(all.len() >= 150, "{} inputs", all.len());
    all.extend(cases(&ROUTES, &[], &trap));
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    all.extend(mutated(
        &ROUTES,
        &signed_in,
        &trap,
        if deep { 20_000 } else { 300 },
    ));
    // What only the server knows, and another person's page.
    let secrets = [
        app.client_secret.clone(),
        "canary-token".to_owned(),
        "ben@example.test".to_owned(),
    ];
    let attack = Attack {
        server,
        secrets: &secrets,
        leads_to: &["/", "/me"],
        trap: &trap,
    };
    let findings = attack.run(&all).await;
    findings.check(
        all.len(),
        &[200, 303, 400, 401, 403, 404, 405, 413, 415, 422],
    );
    assert_eq!(panics.load(Ordering::SeqCst), 0);
    assert!(sign_in(&form).await.starts_with("HTTP/1.1 303 "));
    let users = control.users(&app.client_id).unwrap();
    assert!(
        users
            .iter()
            .all(|user| user.client_user_id == "patient-1001")
    );
}
