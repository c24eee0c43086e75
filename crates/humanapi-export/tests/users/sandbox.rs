//! People in a sandbox, what it would tell of them if nothing went wrong, and a network on which much does.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use humanapi_testing::client::{Client, StreamedResponse, Transport};
use humanapi_testing::core::data::{Operation, ROUTES};
use humanapi_testing::core::{Provisioning, Request, Response, SendFailure, SendFailureKind};
use humanapi_testing::{
    DemoApp, Fault, ForTests as _, OfflineSandbox, Sandbox, SandboxTransport, Scenario,
};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;

/// The records of each resource and user, as they were sent and in their order.
pub(crate) type Lines = BTreeMap<(String, String), Vec<String>>;

/// A line of an export.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, rename = "_user")]
    pub(crate) user: Cow<'a, str>,
    #[serde(borrow, rename = "_resource")]
    pub(crate) resource: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) record: &'a RawValue,
}

/// One more, who has connected nothing yet and is in no list.
pub(crate) const NEW: &str = "user-new-canary";

/// So many users: most of them with little, a few of each other kind.
pub(crate) fn scenario(count: usize) -> (Scenario, Vec<String>) {
    let users: Vec<String> = (0..count)
        .map(|number| format!("user-{number:03}-canary"))
        .collect();
    let persona = |number: usize| match number % 50 {
        1 => r#""persona": "chronic", "sources": ["sandbox_clinic", "starfleet_pharmacy"]"#,
        2 => r#""persona": "odd", "sources": ["sandbox_clinic", "strider"]"#,
        3 | 23 => r#""persona": "empty", "sources": ["strider"]"#,
        _ => r#""persona": "child", "sources": ["sandbox_clinic"]"#,
    };
    let mut people: Vec<String> = users
        .iter()
        .enumerate()
        .map(|(number, id)| format!(r#"{{"client_user_id": "{id}", {}}}"#, persona(number)))
        .collect();
    people.push(format!(
        r#"{{"client_user_id": "{NEW}", "status": "started"}}"#
    ));
    let scenario = format!(r#"{{"users": [{}]}}"#, people.join(","));
    let scenario = Scenario::from_json(scenario.as_bytes()).expect("the scenario is right");
    (scenario, users)
}

/// A sandbox with so many users.
pub(crate) fn people(count: usize) -> (OfflineSandbox, Vec<String>) {
    let (scenario, users) = scenario(count);
    let sandbox = Sandbox::builder()
        .seed(7)
        .scenario(scenario)
        .build_offline();
    (sandbox, users)
}

/// A client of the sandbox over this network.
pub(crate) fn connect(sandbox: &OfflineSandbox, network: impl Transport + 'static) -> Client {
    Client::builder(sandbox.credentials(), Provisioning::Connect, network).build_on(sandbox.clock())
}

/// A network on which each so many requests come to nothing, each time in another way.
pub(crate) struct Troubled {
    inner: SandboxTransport,
    sandbox: OfflineSandbox,
    every: usize,
    sent: AtomicUsize,
}

impl Troubled {
    pub(crate) fn every(every: usize, sandbox: &OfflineSandbox) -> Self {
        Self {
            inner: sandbox.transport(),
            sandbox: sandbox.clone(),
            every,
            sent: AtomicUsize::new(0),
        }
    }

    fn trouble(&self) {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if !sent.is_multiple_of(self.every) {
            return;
        }
        let fault = match sent / self.every % 7 {
            0 => Fault::drop_before(),
            1 => Fault::drop_after(),
            2 => Fault::truncated_body(),
            3 => Fault::status(500),
            4 => Fault::status(429).retry_after("1"),
            5 => Fault::garbage_body(),
            _ => Fault::delay(Duration::from_secs(120)),
        };
        self.sandbox
            .control()
            .plan_fault(fault)
            .expect("the fault is right");
    }
}

#[async_trait]
impl Transport for Troubled {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        self.trouble();
        self.inner.send(request, timeout).await
    }

    fn keeps_time(&self) -> bool {
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.trouble();
        self.inner.open(request, timeout).await
    }
}

/// A network that answers for no list before so many requests for lists are out at once.
#[derive(Clone)]
pub(crate) struct Together {
    inner: SandboxTransport,
    /// How many came so far, without those that met nobody.
    came: watch::Sender<usize>,
    wanted: usize,
}

impl Together {
    pub(crate) fn of(wanted: usize, sandbox: &OfflineSandbox) -> Self {
        Self {
            inner: sandbox.transport(),
            came: watch::Sender::new(0),
            wanted,
        }
    }

    /// Whether that many were out.
    pub(crate) fn met(&self) -> bool {
        *self.came.borrow() >= self.wanted
    }
}

#[async_trait]
impl Transport for Together {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        if request.uri().path().starts_with("/v1/human") {
            self.came.send_modify(|came| *came += 1);
            let mut came = self.came.subscribe();
            let met = came.wait_for(|came| *came >= self.wanted);
            // Whoever asks for fewer would wait for ever.
            if tokio::time::timeout(Duration::from_secs(60), met)
                .await
                .is_err()
            {
                self.came.send_modify(|came| *came -= 1);
                return Err(SendFailure::new(SendFailureKind::Lost));
            }
        }
        self.inner.send(request, timeout).await
    }
}

fn asked(sandbox: &OfflineSandbox, request: http::Request<Bytes>) -> (u16, Bytes) {
    let answer = sandbox
        .answer(request)
        .expect("nothing is planned to go wrong");
    (answer.status().as_u16(), answer.into_body())
}

fn token(sandbox: &OfflineSandbox, user: &str) -> String {
    let app = sandbox.app(DemoApp::Connect);
    let body = serde_json::json!({
        "client_id": app.client_id,
        "client_secret": app.client_secret.as_str(),
        "client_user_id": user,
        "type": "access",
    });
    let request =
        http::Request::post("/v1/connect/token").header("content-type", "application/json");
    let request = request
        .body(body.to_string().into())
        .expect("it is a request");
    let (_, answer) = asked(sandbox, request);
    let answer: Value = serde_json::from_slice(&answer).expect("a token answer is JSON");
    answer["access_token"]
        .as_str()
        .expect("there is a token")
        .to_owned()
}

fn got(sandbox: &OfflineSandbox, token: &str, path: &str) -> (u16, Bytes) {
    let request = http::Request::get(path).header("authorization", format!("Bearer {token}"));
    asked(
        sandbox,
        request.body(Bytes::new()).expect("it is a request"),
    )
}

/// One list of a user, page by page.
pub(crate) fn lists(sandbox: &OfflineSandbox, user: &str, resource: &str) -> Vec<String> {
    let name = format!("data.{resource}");
    let route = ROUTES.iter().find(|route| {
        matches!(route.operation, Operation::List | Operation::Single) && route.name == name
    });
    let route = route.expect("there is such a resource");
    list(
        sandbox,
        &token(sandbox, user),
        route.path,
        route.operation == Operation::List,
        route.on_pages,
    )
}

fn list(
    sandbox: &OfflineSandbox,
    token: &str,
    path: &str,
    is_list: bool,
    on_pages: bool,
) -> Vec<String> {
    if !is_list {
        let (status, body) = got(sandbox, token, path);
        return match (status, &*body) {
            (404, _) | (200, b"{}") => Vec::new(),
            (200, body) => vec![String::from_utf8(body.to_vec()).expect("JSON is UTF-8")],
            (status, _) => panic!("{path}: {status}"),
        };
    }
    let mut all = Vec::new();
    loop {
        let (status, body) = got(
            sandbox,
            token,
            &format!("{path}?limit=500&offset={}", all.len()),
        );
        assert_eq!(status, 200, "{path}");
        let page: Vec<&RawValue> = serde_json::from_slice(&body).expect("a list is JSON");
        let count = page.len();
        all.extend(page.into_iter().map(|record| record.get().to_owned()));
        if count == 0 || !on_pages {
            return all;
        }
    }
}

/// All that the sandbox has of these users, asked for one after another, with no fault and without the SDK's client.
pub(crate) fn truth(sandbox: &OfflineSandbox, users: &[String]) -> Lines {
    let routes = ROUTES
        .iter()
        .filter(|route| matches!(route.operation, Operation::List | Operation::Single));
    let routes: Vec<_> = routes.collect();
    let mut all = Lines::new();
    for user in users {
        let token = token(sandbox, user);
        for route in &routes {
            let resource = route.name.trim_start_matches("data.");
            let is_list = route.operation == Operation::List;
            let records = list(sandbox, &token, route.path, is_list, route.on_pages);
            if !records.is_empty() {
                all.insert((resource.to_owned(), user.clone()), records);
            }
        }
    }
    all
}

/// The bytes of documents, by the kind, the user and the id.
pub(crate) type Documents = BTreeMap<(String, String, String), Bytes>;

/// All documents of these users, asked for in the same way.
pub(crate) fn documents(sandbox: &OfflineSandbox, users: &[String]) -> Documents {
    let mut all = Documents::new();
    for user in users {
        let token = token(sandbox, user);
        for (resource, query) in [("ccds", ""), ("reports", "?format=json")] {
            for record in lists(sandbox, user, resource) {
                let record: Value = serde_json::from_str(&record).expect("a record is JSON");
                let Some(id) = record["id"].as_str() else {
                    continue;
                };
                let path = format!("/v1/human/medical/{resource}/{id}/raw{query}");
                let (status, body) = got(sandbox, &token, &path);
                if status == 200 {
                    all.insert((resource.to_owned(), user.clone(), id.to_owned()), body);
                }
            }
        }
    }
    all
}
