//! Hostile requests to the router, over real connections: nothing panics, hangs, shows a secret, fails as a server does
//! or goes anywhere but to the service.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse as _, Response};
use humanapi_axum::{AppUser, Connect, SignedIn};
use humanapi_client::core::{
    self, BaseUrl, Credentials, Hosts, Provisioning, Request, RetryPolicy, SendFailure,
};
use humanapi_client::{Client, StreamedResponse, Transport};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{DemoApp, Sandbox};
use humanapi_testkit::attack::{Attack, Route, Trap, cases, count_panics, mutated, send};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

const REPORT: &str =
    r#"{"message":{"type":"hapi-connect-close","status":"SUCCESS"},"dismissed":false}"#;
const ROUTES: [Route; 5] = [
    // First, while the launch that is carried is among the newest.
    Route {
        method: "GET",
        path: "/connect/callback",
        body: None,
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
        path: "/connect/page.js",
        body: None,
    },
    Route {
        method: "GET",
        path: "/connect.js",
        body: None,
    },
];

/// Whoever sends this header is signed in; a test's stand-in for a session.
struct ByHeader;

impl SignedIn for ByHeader {
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
        let who = parts
            .headers
            .get("x-test-user")
            .and_then(|value| value.to_str().ok());
        let user = who.and_then(|who| AppUser::new(who).ok());
        let user = user.map(|user| user.with_email("canary@example.test"));
        user.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
    }
}

/// Notes every request that does not go to the service.
struct Watched {
    inner: HyperTransport,
    service: BaseUrl,
    elsewhere: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn note(&self, request: &Request) {
        if !self.service.is_origin_of(request.uri()) {
            let to = request.uri().to_string();
            self.elsewhere.lock().unwrap().push(to);
        }
    }
}

#[async_trait]
impl Transport for Watched {
    async fn send(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<core::Response, SendFailure> {
        self.note(&request);
        self.inner.send(request, timeout).await
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.note(&request);
        self.inner.open(request, timeout).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_of_hostile_requests() {
    let panics = count_panics();
    let trap = Trap::set().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let origin = format!("http://{server}");
    let callback = format!("{origin}/connect/callback");
    let sandbox = Sandbox::builder().callback(&*callback).start().unwrap();
    let app = sandbox.app(DemoApp::Connect);
    let elsewhere = Arc::new(Mutex::new(Vec::new()));
    let transport = Watched {
        inner: HyperTransport::new(),
        service: BaseUrl::parse(sandbox.url()).unwrap(),
        elsewhere: Arc::clone(&elsewhere),
    };
    let credentials = Credentials::new(&*app.client_id, app.client_secret.clone()).unwrap();
    let client = Client::builder(credentials, Provisioning::Connect, transport)
        .hosts(Hosts::single(sandbox.url()).unwrap())
        .retry(RetryPolicy::none())
        .build();
    let connect = Connect::builder(client, ByHeader, &*origin)
        .callback(callback)
        .return_to("/me")
        .build()
        .unwrap();
    let router = connect.router::<()>();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                // The attacker says that there is no more, and wants to hear what comes of it.
                .half_close(true)
                .serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(router.clone()),
                );
            tokio::spawn(connection);
        }
    });
    // Somebody is connected, so that there is an access token to show.
    let control = sandbox.control();
    let ann = connect.client().user("ann");
    ann.session_token().await.unwrap();
    control
        .connect_source(&app.client_id, "ann", "strider")
        .unwrap();
    let access = ann.access_token().await.unwrap();

    let secrets = [
        app.client_secret.clone(),
        access.token.expose_secret().to_owned(),
        "canary@example.test".to_owned(),
    ];
    let attack = Attack {
        server,
        secrets: &secrets,
        leads_to: &["/me"],
        trap: &trap,
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    // A launch of hers, so that one of the returns is a right one.
    let launch = "POST /connect/token HTTP/1.1\r\nHost: x\r\nx-test-user: ann\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let answer = send(server, launch.as_bytes()).await;
    let answer = String::from_utf8(answer).unwrap();
    let (_, cookie) = answer.split_once("humanapi-launch=").unwrap();
    let cookie = format!("humanapi-launch={}", cookie.split(';').next().unwrap());
    let signed_in = [
        header("x-test-user", "ann"),
        header("sec-fetch-site", "same-origin"),
        header("cookie", &cookie),
    ];
    let mut all = cases(&ROUTES, &signed_in, &trap);
    assert!(all.len() >= 150, "{} inputs", all.len());
    all.extend(cases(&ROUTES[1..3], &signed_in[1..2], &trap));
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    all.extend(mutated(
        &ROUTES,
        &signed_in,
        &trap,
        if deep { 20_000 } else { 300 },
    ));

    let findings = attack.run(&all).await;
    findings.check(
        all.len(),
        &[200, 303, 400, 401, 403, 404, 405, 413, 414, 415, 431],
    );
    assert_eq!(panics.load(Ordering::SeqCst), 0);
    assert!(elsewhere.lock().unwrap().is_empty(), "{elsewhere:?}");
    // It is still there for who means well.
    let well = send(server, launch.replace(": ann", ": zoe").as_bytes()).await;
    assert!(
        well.starts_with(b"HTTP/1.1 200 OK"),
        "{}",
        String::from_utf8_lossy(&well)
    );
    // Nobody was told to be somebody else.
    let users = control.users(&app.client_id).unwrap();
    let strangers: Vec<_> = users
        .iter()
        .filter(|user| user.client_user_id == "ben")
        .collect();
    assert!(strangers.is_empty());
}
