//! Canaries through every path at TRACE level, over real HTTP and every transport, then a search for
//! them in every log line, label of a metric, error and `Debug`.
//!
//! The canaries are the client secret, a user's e-mail address, every token that the sandbox issues,
//! health data that it serves, what tells who somebody is, in the answers of every route, and all that an order says of
//! somebody, down to the paper that goes along.
//!
//! One piece: whatever is done is watched by one log, which is searched once at the end.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

#[path = "secrecy/identifiers.rs"]
mod identifiers;
#[path = "secrecy/journals.rs"]
mod journals;
#[path = "secrecy/orders.rs"]
mod orders;
mod rows;
#[path = "secrecy/without_async.rs"]
mod without_async;

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aho_corasick::AhoCorasick;
use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use humanapi_client::{
    Client, Error, MemoryOrderJournal, OrderJournal, StreamedResponse, Transport,
};
use humanapi_core::connect::{Callback, Launch};
use humanapi_core::http::Method;
use humanapi_core::{
    Credentials, Host, Hosts, Provisioning, RawCall, Request, Response, RetryPolicy, SendFailure,
};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;
use humanapi_sandbox::{DemoApp, Fault, Sandbox, Source};
use humanapi_testkit::shown_forms;
use identifiers::{IDENTIFIERS, NUMBER, Reader, Reply, planted};
use journals::Place;
use metrics_util::debugging::{DebuggingRecorder, Snapshotter};
use orders::Orderer;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

const EMAIL: &str = "canary-p17@example.test";

/// All log lines of this process, of every crate in it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// All that this process has counted.
static COUNTED: OnceLock<Snapshotter> = OnceLock::new();

/// The name and the labels of everything that was counted, on a line each.
fn counted() -> String {
    let all = COUNTED.get().unwrap().snapshot().into_vec();
    let keys: Vec<String> = all
        .into_iter()
        .map(|(key, ..)| format!("{key:?}"))
        .collect();
    assert!(keys.iter().any(|key| key.contains("humanapi_calls_total")));
    keys.join("\n")
}

fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        drop(COUNTED.set(recorder.snapshotter()));
        recorder.install().unwrap();
        let log = Log::default();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(log.clone())
            .init();
        log
    })
}

/// Notes every secret that goes by, and everything that is shown.
#[derive(Clone, Default)]
struct Watch {
    canaries: Arc<Mutex<BTreeSet<String>>>,
    shown: Arc<Mutex<String>>,
}

impl Watch {
    fn canary(&self, text: impl Into<String>) {
        let text = text.into();
        assert!(text.len() >= 6, "too short to be told from chance: {text}");
        self.canaries.lock().unwrap().insert(text);
    }

    fn show(&self, text: impl AsRef<str>) {
        let mut shown = self.shown.lock().unwrap();
        writeln!(shown, "{}", text.as_ref()).unwrap();
    }

    fn show_error(&self, error: &Error) {
        self.show(format!("{error} {error:?} {:#?} {}", error, error.report()));
        let mut source = error.source();
        while let Some(cause) = source {
            self.show(format!("{cause} {cause:?}"));
            source = cause.source();
        }
        if let Some(refusal) = error.api_error() {
            self.show(format!("{refusal} {refusal:?}"));
        }
    }

    /// Notes the tokens and the health data of an answer.
    fn learn(&self, response: &Response) {
        match serde_json::from_slice(response.body().as_bytes()) {
            Ok(Value::Object(fields)) => {
                for (name, value) in &fields {
                    if let (true, Some(token)) = (name.ends_with("_token"), value.as_str()) {
                        self.canary(token);
                    }
                }
            }
            Ok(Value::Array(records)) => {
                let names = ["id", "startTime"];
                let values =
                    |record: &Value| names.map(|name| record[name].as_str().map(str::to_owned));
                for value in records.iter().flat_map(values).flatten() {
                    self.canary(value);
                }
            }
            _ => {}
        }
        self.show(format!("{:?}", response.body()));
    }

    /// Looks for every secret in all that was shown, logged and counted; this crate of the stack has logged.
    fn search(&self, stack: &str) {
        // Copied, because a failing check must not hold up whoever else writes.
        let log = log().0.lock().unwrap().clone();
        let log = String::from_utf8_lossy(&log);
        assert!(log.contains(stack), "other crates' logs are on");
        let shown = self.shown.lock().unwrap();
        let canaries = self.canaries.lock().unwrap();
        let canaries = canaries.iter().map(String::as_str).chain([EMAIL]);
        let canaries: Vec<String> = canaries.flat_map(shown_forms).collect();
        // At once, because there are thousands of them and megabytes of text.
        let any = AhoCorasick::new(&canaries).unwrap();
        let counted = counted();
        for (place, text) in [
            ("log", &*log),
            ("label", counted.as_str()),
            ("error or Debug", shown.as_str()),
        ] {
            if let Some(found) = any.find(text) {
                let line = text[..found.start()]
                    .rfind('\n')
                    .map_or(0, |start| start + 1);
                let canary = &canaries[found.pattern()];
                panic!("{canary} in a {place}: {}", &text[line..found.end()]);
            }
        }
    }
}

/// A transport that watches what goes through it.
struct Watched<T> {
    inner: T,
    watch: Watch,
}

#[async_trait]
impl<T: Transport> Transport for Watched<T> {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        self.watch
            .show(format!("{:?} {:?}", request.headers(), request.body()));
        let outcome = self.inner.send(request, timeout).await;
        match &outcome {
            Ok(response) => self.watch.learn(response),
            Err(failure) => self.watch.show(format!("{failure} {failure:?}")),
        }
        outcome
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.inner.open(request, timeout).await
    }
}

struct Scene {
    watch: Watch,
    sandbox: Sandbox,
    make: fn() -> Box<dyn Transport>,
}

/// What may come instead of an answer.
fn faults() -> [Fault; 11] {
    [
        Fault::status(400),
        Fault::status(401),
        Fault::status(403),
        Fault::status(409),
        Fault::status(429).retry_after("0"),
        Fault::status(500),
        Fault::drop_before(),
        Fault::drop_after(),
        Fault::truncated_body(),
        Fault::garbage_body(),
        Fault::delay(Duration::from_secs(1)),
    ]
}

impl Scene {
    fn client_of(&self, kind: DemoApp, provisioning: Provisioning, base: &str) -> Client {
        let app = self.sandbox.app(kind);
        self.watch.canary(app.client_secret.as_str());
        let credentials = Credentials::new(app.client_id, app.client_secret).unwrap();
        self.client_with(credentials, provisioning, base)
    }

    fn client_with(
        &self,
        credentials: Credentials,
        provisioning: Provisioning,
        base: &str,
    ) -> Client {
        let journal = Arc::new(MemoryOrderJournal::new());
        self.client_writing(credentials, provisioning, base, journal)
    }

    fn client_writing(
        &self,
        credentials: Credentials,
        provisioning: Provisioning,
        base: &str,
        journal: Arc<dyn OrderJournal>,
    ) -> Client {
        let transport = Watched {
            inner: (self.make)(),
            watch: self.watch.clone(),
        };
        let policy = RetryPolicy::default()
            .with_max_attempts(2)
            .with_base(Duration::from_millis(1))
            .with_attempt_timeout(Duration::from_millis(400))
            .with_overall_deadline(Duration::from_secs(10));
        Client::builder(credentials, provisioning, transport)
            .hosts(Hosts::single(base).unwrap())
            .retry(policy)
            .order_policy(orders::policy())
            .order_journal(journal)
            .build()
    }

    async fn success(&self) {
        let client = self.client_of(DemoApp::Connect, Provisioning::Connect, self.sandbox.url());
        let user = client.user("patient-17");
        let call = user.connect_token().email(EMAIL);
        self.watch.show(format!("{call:?}"));
        let grant = call.await.unwrap();
        let hosts = client.hosts();
        let launch = Launch::new(&grant.token);
        let callback = Callback::parse("exampleapp://connected").unwrap();
        let app = self.sandbox.app(DemoApp::Connect);
        let client_id = humanapi_core::ClientId::new(app.client_id.as_str()).unwrap();
        self.watch.show(format!(
            "{client:?} {user:?} {grant:?} {launch:?} {:?} {:?} {:?}",
            launch.iframe_url(hosts),
            launch.hosted_link(hosts, &client_id, &callback),
            launch.data_attributes(hosts),
        ));
        for source in Source::ALL {
            let control = self.sandbox.control();
            control
                .connect_source(&app.client_id, "patient-17", source.id)
                .unwrap();
        }
        let returning = user.connect_token().await.unwrap();
        let access = user.access_token().await.unwrap();
        self.watch.show(format!("{returning:?} {access:?}"));
        let summary = user.data().summary().await.unwrap();
        let profile = user.data().profile().await.unwrap();
        self.watch.canary(profile.email().unwrap().into_owned());
        self.watch.show(format!(
            "{summary:?} {:?} {profile:?} {:?}",
            *summary, *profile
        ));
        let call = user.data().activities().limit(20);
        let activities: Vec<_> = call.items().try_collect().await.unwrap();
        assert!(activities.len() > 20, "more than one page");
        self.watch
            .show(format!("{activities:?} {:?}", *activities[0]));
        let hip = self.client_of(DemoApp::Hip, Provisioning::Hip, self.sandbox.url());
        let client_token = hip.client_token().await.unwrap();
        self.watch.show(format!("{client_token:?}"));
    }

    /// Tries everything against a service in trouble; all of it may fail.
    async fn try_all(&self, client: &Client) -> usize {
        let user = client.user("patient-17");
        let raw = RawCall::new(Method::POST, Host::Admin, "/nowhere?secret=x");
        let outcomes = [
            user.connect_token().email(EMAIL).await.map(drop),
            user.session_token().await.map(drop),
            user.id_token().await.map(drop),
            user.access_token().await.map(drop),
            client.client_token().await.map(drop),
            user.data().profile().await.map(drop),
            user.data().activities().await.map(drop),
            client.call(raw).await.map(drop),
        ];
        let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        errors.map(|error| self.watch.show_error(error)).count()
    }

    async fn failures(&self) {
        let sandbox = &self.sandbox;
        let client = self.client_of(DemoApp::Connect, Provisioning::Connect, sandbox.url());
        for fault in faults() {
            for path in ["/v1/connect/token", "/v1/human"] {
                sandbox.control().clear_faults();
                let fault = fault.clone().on_path(path).times(1_000);
                sandbox.control().plan_fault(fault).unwrap();
                assert!(self.try_all(&client).await > 0);
            }
        }
        sandbox.control().clear_faults();

        let app = sandbox.app(DemoApp::Connect);
        self.watch.canary("canary-wrong-secret");
        let wrong = Credentials::new(app.client_id, "canary-wrong-secret").unwrap();
        let client = self.client_with(wrong, Provisioning::Connect, sandbox.url());
        assert_eq!(self.try_all(&client).await, 8);

        // A port that was free a moment ago refuses connections.
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", nobody.local_addr().unwrap());
        drop(nobody);
        let client = self.client_of(DemoApp::Connect, Provisioning::Connect, &address);
        assert_eq!(self.try_all(&client).await, 8);
    }

    /// A service that says back everything it was told, in every place where an error may be read.
    async fn echoes(&self) {
        for (status, head) in [
            (200, ""),
            (302, "location: /?"),
            (400, ""),
            (403, "retry-after: "),
        ] {
            let base = echo_server(status, head);
            let client = self.client_of(DemoApp::Hip, Provisioning::Hip, &base);
            assert_eq!(self.try_all(&client).await, 8);
        }
    }

    /// Answers that identify somebody, from every route.
    async fn identifiers(&self) {
        for identifier in IDENTIFIERS.into_iter().chain([NUMBER]) {
            self.watch.canary(identifier);
        }
        self.watch.canary("canary-of-the-app");
        for answer in Reply::ALL {
            let base = planted(answer);
            let client = self.client_of(DemoApp::Connect, Provisioning::Connect, &base);
            let user = client.user("patient-17");
            let mut reader = Reader {
                watch: &self.watch,
                client,
                user,
                outcomes: (0, 0),
            };
            reader.read_everything().await;
            let (good, bad) = reader.outcomes;
            match answer {
                Reply::Good => assert_eq!(bad, 0, "{answer:?}: {good} came"),
                Reply::Odd => assert!(good > 90, "{answer:?}: {good} came, {bad} did not"),
                _ => assert!(bad > 80, "{answer:?}: {good} came, {bad} did not"),
            }
        }
    }

    /// Orders that say everything of somebody, at a service that answers in every way.
    async fn orders(&self) {
        for canary in orders::CANARIES {
            self.watch.canary(canary);
        }
        let app = self.sandbox.app(DemoApp::Hip);
        self.watch.canary(app.client_secret.as_str());
        let others = [Reply::Refusal(409), Reply::Refusal(429)];
        let mut bases: Vec<(Option<Reply>, Arc<AtomicUsize>, String)> = (Reply::ALL.into_iter())
            .chain(others)
            .map(|answer| {
                let orders = Arc::new(AtomicUsize::new(0));
                let base = orders::service(answer, Arc::clone(&orders));
                (Some(answer), orders, base)
            })
            .collect();
        // A service that says back what it was told, and none at all.
        for (status, head) in [(200, ""), (400, ""), (500, "retry-after: ")] {
            bases.push((None, Arc::default(), echo_server(status, head)));
        }
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        bases.push((
            None,
            Arc::default(),
            format!("http://{}", nobody.local_addr().unwrap()),
        ));
        drop(nobody);
        for (answer, orders, base) in bases {
            let (good, bad) = self.order(&base, &Place::of_client()).await;
            let sent = orders.load(Ordering::Relaxed);
            match answer {
                Some(Reply::Good) => assert!(good >= 16 && sent == 1, "{good}, {bad}, {sent}"),
                Some(Reply::Refusal(_) | Reply::Page(_) | Reply::Broken) => {
                    assert!(bad >= 5 && sent > 0, "{answer:?}: {good}, {bad}, {sent}");
                }
                _ => assert!(good + bad == 17, "{answer:?}: {good}, {bad}"),
            }
        }
    }

    /// Does all that there is about orders at one service, written at this place. How many calls gave an answer, and how
    /// many an error.
    async fn order(&self, base: &str, place: &Place) -> (usize, usize) {
        let app = self.sandbox.app(DemoApp::Hip);
        let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str());
        let client = self.client_writing(
            credentials.unwrap(),
            Provisioning::Hip,
            base,
            Arc::clone(&place.journal),
        );
        let mut orderer = Orderer {
            watch: &self.watch,
            client,
            place,
            outcomes: (0, 0),
        };
        orderer.do_everything().await;
        orderer.outcomes
    }

    /// Orders that are placed, that nobody knows of and that cannot be placed, at each place that outlives a process: and
    /// then nothing of them lies there.
    async fn journals(&self) {
        for canary in orders::CANARIES {
            self.watch.canary(canary);
        }
        let any = AhoCorasick::new(orders::CANARIES).unwrap();
        for place in Place::that_seal().await {
            for answer in [Reply::Broken, Reply::Odd, Reply::Good] {
                let base = orders::service(answer, Arc::default());
                self.order(&base, &place).await;
                let bytes = place.bytes();
                if let Some(found) = any.find(&bytes) {
                    let canary = orders::CANARIES[found.pattern()];
                    panic!("{canary} lies in {}", (place.shown)());
                }
            }
        }
    }
}

/// Answers each request with that request's own body, as message, code, id and header.
fn echo_server(status: u16, header: &'static str) -> String {
    serve(move |request| {
        let body = request
            .split_once("\r\n\r\n")
            .map_or(request, |(_, body)| body);
        let word = body.replace(['\r', '\n'], " ");
        let json = serde_json::json!({
            "message": word, "error": word, "errorCode": word, "error_description": word,
            "x-humanapi-request-id": word,
            "validation": { "source": word, "keys": [word] },
        })
        .to_string();
        let echoed = if header.is_empty() {
            "x-echo: "
        } else {
            header
        };
        format!(
            "HTTP/1.1 {status} X\r\n{echoed}{word}\r\nx-humanapi-request-id: {word}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{json}",
            json.len()
        )
    })
}

/// Answers each connection's one request by a function.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the process; each connection ends after one answer.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            let request = loop {
                let count = stream.read(&mut buffer).unwrap_or_default();
                request.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    if count == 0 {
                        break text;
                    }
                    continue;
                };
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if count == 0 || body.len() >= length.unwrap_or(0) {
                    break text;
                }
            };
            if !request.is_empty() {
                let _ = stream.write_all(answer(&request).as_bytes());
            }
        }
    });
    base
}

async fn run(make: fn() -> Box<dyn Transport>) {
    log();
    let scene = Scene {
        watch: Watch::default(),
        sandbox: Sandbox::start().unwrap(),
        make,
    };
    scene.success().await;
    scene.failures().await;
    scene.echoes().await;
    scene.identifiers().await;
    scene.orders().await;
    let canaries = scene.watch.canaries.lock().unwrap().len();
    assert!(canaries > 100, "{canaries} canaries");
    assert!(
        logged("humanapi.call{call=\"connect_token\"}"),
        "logs are on"
    );
    scene.watch.search("hyper_util");
}

/// Whether this stands in the log.
fn logged(text: &str) -> bool {
    let log = log().0.lock().unwrap();
    memchr::memmem::find(&log, text.as_bytes()).is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_order_lies_where_orders_are_written() {
    log();
    let scene = Scene {
        watch: Watch::default(),
        sandbox: Sandbox::start().unwrap(),
        make: || Box::new(HyperTransport::new()),
    };
    scene.journals().await;
    assert!(logged("orders.submit"), "logs are on");
    scene.watch.search("hyper_util");
}

#[tokio::test]
async fn nothing_secret_is_shown_over_hyper() {
    run(|| Box::new(HyperTransport::new())).await;
}

#[tokio::test]
async fn nothing_secret_is_shown_over_reqwest() {
    run(|| Box::new(ReqwestTransport::new())).await;
}
