//! A sandbox, an application before it, and a browser before that: all over real HTTP, time moved by hand.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse as _, Response};
use humanapi_axum::{AppUser, Connect, ConnectBuilder, SignedIn};
use humanapi_client::core::{ClientUserId, Credentials, Hosts, Now, Provisioning, RetryPolicy};
use humanapi_client::{Client, Spawn, Task, Timer, Transport};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{AppCredentials, DemoApp, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

/// Both clocks stand still until they are moved.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<Mutex<Now>>);

impl HandClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Now::new(
            Duration::from_secs(1000),
            SystemTime::now(),
        ))))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.after(by);
    }
}

impl Timer for HandClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Spawn for HandClock {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        tokio::spawn(task);
        None
    }
}

/// Whoever sends this header is signed in; a test's stand-in for a session.
pub(crate) const WHO: &str = "x-test-user";

struct ByHeader;

impl SignedIn for ByHeader {
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
        let who = parts.headers.get(WHO).and_then(|value| value.to_str().ok());
        let user = who.and_then(|who| AppUser::new(who).ok());
        let user = user.map(|user| user.with_email("p@example.test"));
        user.ok_or_else(|| (StatusCode::UNAUTHORIZED, "sign in first").into_response())
    }
}

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) app: AppCredentials,
    pub(crate) connect: Connect,
    pub(crate) clock: HandClock,
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    /// Everything that was answered, heads and bodies.
    pub(crate) answered: Arc<Mutex<String>>,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    // For the whole program: which lines are wanted is remembered for all threads, so a subscriber for one of them
    // could miss some.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every line that was logged by now, at whatever level.
pub(crate) fn logged() -> String {
    String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(set: impl FnOnce(ConnectBuilder) -> ConnectBuilder) -> Self {
        Self::at(None, set).await
    }

    /// `origin` is what browsers see; without one, the address of the test's own listener.
    pub(crate) async fn at(
        origin: Option<&str>,
        set: impl FnOnce(ConnectBuilder) -> ConnectBuilder,
    ) -> Self {
        LazyLock::force(&LOG);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let origin = origin.unwrap_or(&base);
        let callback = format!("{origin}/connect/callback");
        let sandbox = Sandbox::builder().callback(&*callback).start().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        let clock = HandClock::new();
        let client = client(&app, sandbox.url(), &app.client_secret, &clock);
        let connect = Connect::builder(client, ByHeader, origin).callback(callback);
        let connect = set(connect).build().unwrap();
        serve(listener, connect.router());
        Self {
            sandbox,
            app,
            connect,
            clock,
            base,
            http: plain_http(),
            answered: Arc::default(),
        }
    }

    /// The application after a restart, with a directory in memory: nothing is left of what it knew.
    pub(crate) fn restarted(&self) -> Connect {
        let client = client(
            &self.app,
            self.sandbox.url(),
            &self.app.client_secret,
            &self.clock,
        );
        Connect::builder(client, ByHeader, &*self.base)
            .build()
            .unwrap()
    }

    pub(crate) fn browser(&self, user: &'static str) -> Browser<'_> {
        Browser {
            world: self,
            user,
            cookies: Mutex::default(),
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        let by = Duration::from_secs(seconds);
        self.clock.advance(by);
        self.sandbox.control().advance_clock(by).unwrap();
    }

    pub(crate) fn exchanges(&self) -> u64 {
        self.sandbox.control().exchanges().total()
    }

    pub(crate) fn connect_source(&self, user: &str) {
        let control = self.sandbox.control();
        control
            .connect_source(&self.app.client_id, user, "strider")
            .unwrap();
    }

    /// Makes the service know the user, without the router.
    pub(crate) async fn known(&self, user: &str) {
        let call = self.connect.client().user(user).session_token();
        call.await.unwrap();
    }

    pub(crate) async fn status(&self, user: &str) -> &'static str {
        let user = ClientUserId::new(user).unwrap();
        self.connect.record(&user).await.unwrap().status.name()
    }
}

pub(crate) fn client(app: &AppCredentials, url: &str, secret: &str, clock: &HandClock) -> Client {
    let credentials = Credentials::new(&*app.client_id, secret.to_owned()).unwrap();
    client_over(HyperTransport::new(), credentials, url, clock)
}

pub(crate) fn client_over(
    transport: impl Transport + 'static,
    credentials: Credentials,
    url: &str,
    clock: &HandClock,
) -> Client {
    Client::builder(credentials, Provisioning::Connect, transport)
        .hosts(Hosts::single(url).unwrap())
        .retry(RetryPolicy::none())
        .build_on(clock.clone())
}

pub(crate) fn serve(listener: tokio::net::TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

/// Follows nothing, so that a redirect can be looked at.
pub(crate) fn plain_http() -> reqwest::Client {
    // These tests speak plain http. Built together with the adapters, reqwest wants a provider even so.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// One person's browser, with cookies kept by hand.
pub(crate) struct Browser<'a> {
    world: &'a World,
    user: &'static str,
    pub(crate) cookies: Mutex<Option<String>>,
}

#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Received {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let error = &self.json()["error"];
        assert!(
            error["remedy"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{self:?}"
        );
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{self:?}"
        );
        error["code"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn is_neutral(&self) -> bool {
        self.status == 200 && self.text.contains("<h1>You are back</h1>")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser<'_> {
    /// Sends what a page of the application would send.
    pub(crate) async fn post(&self, route: &str, body: Value) -> Received {
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
        ];
        self.send(Method::POST, route, &headers, body.to_string())
            .await
    }

    /// Opens an address, coming from another site.
    pub(crate) async fn visit(&self, path: &str) -> Received {
        let headers = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        self.send(Method::GET, path, &headers, String::new()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Received {
        let url = format!("{}{path}", self.world.base);
        let mut request = self.world.http.request(method, url).body(body);
        if !self.user.is_empty() {
            request = request.header(WHO, self.user);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies.lock().unwrap().clone();
        if let Some(cookies) = cookies {
            request = request.header("cookie", cookies);
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
            let pair = set.split(';').next().unwrap().to_owned();
            let is_gone = set.contains("Max-Age=0");
            *self.cookies.lock().unwrap() = (!is_gone).then_some(pair);
        }
        let mut answered = self.world.answered.lock().unwrap();
        answered.push_str(&format!("{path} {answer:?}\n"));
        answer
    }

    /// Gets a token, as a page does when its button is pressed.
    pub(crate) async fn token(&self) -> Value {
        let answer = self.post("/connect/token", json!({})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Connects a source as the buttons of the Connect page do; gives the message that the page posts.
    pub(crate) async fn connect_with(&self, token: &str) -> Value {
        let url = format!("{}/connect/sources/strider", self.world.sandbox.url());
        let body = json!({ "token": token, "action": "connect" }).to_string();
        let request = self
            .world
            .http
            .post(url)
            .header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let message = &answer["message"];
        if message.is_object() {
            message.clone()
        } else {
            answer
        }
    }

    pub(crate) async fn outcome(&self, report: Value) -> Value {
        let answer = self.post("/connect/outcome", report).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// What a browser says when a source was connected.
pub(crate) fn connected() -> Value {
    let message = json!({ "type": "hapi-connect-connect-source", "status": "CONNECTED_SOURCE",
        "sessionResults": { "connectedSources": [{ "name": "Strider" }] } });
    json!({ "message": message, "dismissed": false })
}

pub(crate) fn closed(status: &str) -> Value {
    let message = json!({ "type": "hapi-connect-close", "status": status,
        "sessionResults": { "connectedSources": [], "disconnectedSources": [] } });
    json!({ "message": message, "dismissed": false })
}
