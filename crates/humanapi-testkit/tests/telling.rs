//! What an application is told, against the sandbox over real HTTP: by errors, by logs and by counters.
//!
//! One piece: what errors, logs and counters tell of one event is compared, so all three are read together.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use humanapi_client::{
    Client, Error, ErrorKind, OrderError, StoreError, StoreErrorKind, User, drive_blocking,
};
use humanapi_core::admin::order::IntentKey;
use humanapi_core::admin::{BirthDate, NewOrder};
use humanapi_core::auth::IssueClientToken;
use humanapi_core::flow::Call;
use humanapi_core::http::Method;
use humanapi_core::{
    ApiErrorKind, Body, Credentials, FlowError, Hosts, HumanId, Provisioning, Response,
    RetryPolicy, SendFailure, SendFailureKind, TokenKey,
};
use humanapi_hyper::HyperTransport;
use humanapi_sandbox::{AppCredentials, DemoApp, Fault, Sandbox};
use humanapi_testkit::within;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

const USER: &str = "canary-user";
const SOURCE: &str = "strider";

struct World {
    sandbox: Sandbox,
    app: AppCredentials,
}

impl World {
    fn new() -> Self {
        Everywhere::listen();
        let sandbox = Sandbox::start().unwrap();
        let app = sandbox.app(DemoApp::Connect);
        Self { sandbox, app }
    }

    fn client_of(&self, secret: &str, hosts: Hosts) -> Client {
        let credentials = Credentials::new(self.app.client_id.as_str(), secret).unwrap();
        let retry = RetryPolicy::default()
            .with_base(Duration::from_millis(1))
            .with_max_attempts(2);
        Client::builder(credentials, Provisioning::Connect, HyperTransport::new())
            .hosts(hosts)
            .retry(retry)
            .build()
    }

    fn client(&self) -> Client {
        let hosts = Hosts::single(self.sandbox.url()).unwrap();
        self.client_of(&self.app.client_secret, hosts)
    }

    /// A client that places orders.
    fn insurer_of(&self, secret: Option<&str>, hosts: Hosts) -> Client {
        let app = self.sandbox.app(DemoApp::Hip);
        let secret = secret.unwrap_or(&app.client_secret);
        let credentials = Credentials::new(app.client_id.as_str(), secret).unwrap();
        let retry = RetryPolicy::default().with_max_attempts(1);
        Client::builder(credentials, Provisioning::Hip, HyperTransport::new())
            .hosts(hosts)
            .retry(retry)
            .build()
    }

    fn insurer(&self) -> Client {
        self.insurer_of(None, Hosts::single(self.sandbox.url()).unwrap())
    }

    /// The user opens Connect and connects a source there.
    fn connect(&self) {
        let control = self.sandbox.control();
        control
            .connect_source(&self.app.client_id, USER, SOURCE)
            .unwrap();
    }

    /// How often an access token was asked for.
    fn asked(&self) -> u64 {
        self.sandbox.control().exchanges().access
    }
}

async fn read(user: &User) -> Result<usize, Error> {
    Ok(user.data().activities().await?.items.len())
}

async fn place(client: &Client, user: &str) -> Result<HumanId, OrderError> {
    let born = BirthDate::parse("1980-04-09", "2026-11-29".parse().unwrap()).unwrap();
    let order = NewOrder::new(user).with_name("Testina", "Canary").unwrap();
    let intent = IntentKey::new(user).unwrap();
    let orders = client.orders();
    orders.submit(&intent, &order.with_birth_date(born)).await
}

async fn refused(user: &User) {
    let error = read(user).await.unwrap_err();
    let nothing = ErrorKind::Api(ApiErrorKind::NothingConnected);
    assert_eq!(error.kind(), nothing, "{}", error.report());
}

/// Read, nothing connected, connect, token, read: the last one reads at once, whichever token it was.
async fn check_story<T>(token: impl AsyncFn(&User) -> Result<T, Error>) {
    let world = World::new();
    let user = world.client().user(USER);
    user.session_token().await.unwrap();
    refused(&user).await;
    let asked = world.asked();
    refused(&user).await;
    assert_eq!(world.asked(), asked, "the refusal stands");
    world.connect();
    token(&user).await.unwrap();
    assert!(read(&user).await.unwrap() > 0);
}

#[tokio::test]
async fn a_token_that_shows_a_connected_source_ends_a_refusal_at_once() {
    within(async {
        check_story(async |user| user.connect_token().await).await;
        check_story(async |user| user.id_token().await).await;
        check_story(async |user| user.access_token().await).await;
        check_story(async |user| user.confirm_connection().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_no_refusal_of_an_access_token() {
    within(async {
        let world = World::new();
        let user = world.client().user(USER);
        user.session_token().await.unwrap();
        refused(&user).await;
        let asked = world.asked();
        user.session_token().await.unwrap();
        refused(&user).await;
        assert_eq!(world.asked(), asked);
    })
    .await;
}

/// A port of this machine that nobody listens on.
fn nobody() -> Hosts {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    drop(taken);
    Hosts::single(&url).unwrap()
}

#[tokio::test]
async fn each_cause_has_a_sentence_of_its_own_and_a_report_with_all_of_it() {
    within(async {
        let world = World::new();
        let here = || Hosts::single(world.sandbox.url()).unwrap();
        let call = async |client: Client| read(&client.user(USER)).await.map(drop);
        let nothing = world.client().user(USER);
        nothing.session_token().await.unwrap();
        let told = [
            (
                "wrong secret",
                call(world.client_of("canary-wrong", here()))
                    .await
                    .unwrap_err(),
            ),
            (
                "nobody",
                call(world.client_of(&world.app.client_secret, nobody()))
                    .await
                    .unwrap_err(),
            ),
            ("nothing connected", call(world.client()).await.unwrap_err()),
            ("unknown", {
                let user = world.client().user("canary-unknown");
                user.id_token().await.map(drop).unwrap_err()
            }),
            ("asserted", {
                let status = humanapi_core::KnownStatus::asserted(humanapi_core::UserStatus::New);
                read(&nothing.clone().with_status(status))
                    .await
                    .unwrap_err()
            }),
            ("no id", read(&world.client().user("")).await.unwrap_err()),
        ];
        let sentences: BTreeSet<String> = told.iter().map(|(_, error)| error.to_string()).collect();
        assert_eq!(sentences.len(), told.len(), "{sentences:#?}");
        for (name, error) in &told {
            let (sentence, report) = (error.to_string(), error.report().to_string());
            assert!(!sentence.contains('\n'), "{name}: {sentence}");
            assert!(!report.contains("canary"), "{name}: {report}");
            let lines: Vec<&str> = report.lines().collect();
            assert_eq!(lines[0], sentence, "{name}");
            let help = format!("help: {}", error.remedy());
            assert!(lines.contains(&help.as_str()), "{name}: {report}");
            let id = error.request_id().map(|id| format!("request id: {id}"));
            assert_eq!(
                id.as_deref().unwrap_or(&help),
                *lines.last().unwrap(),
                "{name}"
            );
            // What is said once is not said again.
            let causes = lines
                .iter()
                .filter_map(|line| line.strip_prefix("caused by: "));
            for cause in causes {
                assert!(!sentence.contains(cause), "{name}: {report}");
            }
        }
        let sentence = |name| {
            let found = told.iter().find(|(of, _)| *of == name);
            found.unwrap().1.to_string()
        };
        assert!(sentence("wrong secret").contains("INVALID_CLIENT_ID_OR_SECRET"));
        assert!(sentence("nobody").contains("no connection to the host"));
        assert!(sentence("nothing connected").contains("ACCESS_TOKEN_GENERATION_NOT_ALLOWED"));
        assert!(sentence("unknown").contains("UNKNOWN_CLIENT_USER_ID"));
        let report = told[1].1.report().to_string();
        assert!(report.contains("\ncaused by: "), "{report}");
        let refused = told[1].1.flow_error();
        assert!(matches!(refused, FlowError::Token(_)), "{refused:?}");
        assert_eq!(
            told[1].1.kind(),
            ErrorKind::Network(SendFailureKind::NotSent)
        );
    })
    .await;
}

#[tokio::test]
async fn each_cause_for_which_an_order_is_not_placed_has_a_sentence_of_its_own() {
    within(async {
        let world = World::new();
        let here = || Hosts::single(world.sandbox.url()).unwrap();
        let control = world.sandbox.control();
        let wrong = world.insurer_of(Some("canary-wrong"), here());
        let alone = world.insurer_of(None, nobody());
        let refused = {
            let fault = Fault::status(422).on_method(Method::POST);
            control.plan_fault(fault.on_path("/api/v1/users")).unwrap();
            place(&world.insurer(), "canary-1").await
        };
        let away = StoreError::new(StoreErrorKind::Unavailable, "the server is away");
        let told = [
            ("wrong secret", place(&wrong, "canary-2").await.unwrap_err()),
            ("nobody", place(&alone, "canary-3").await.unwrap_err()),
            ("refused", refused.unwrap_err()),
            ("journal", OrderError::Journal(Some(away))),
            ("no journal", OrderError::Journal(None)),
            ("no user", OrderError::NoUser),
            ("changed", OrderError::Changed),
        ];
        let sentences: BTreeSet<String> = told.iter().map(|(_, error)| error.to_string()).collect();
        assert_eq!(sentences.len(), told.len(), "{sentences:#?}");
        for (name, error) in &told {
            let (sentence, report) = (error.to_string(), error.report().to_string());
            assert!(!report.contains("canary"), "{name}: {report}");
            let lines: Vec<&str> = report.lines().collect();
            assert_eq!(lines[0], sentence, "{name}");
            let help = format!("help: {}", error.remedy());
            assert!(lines.contains(&help.as_str()), "{name}: {report}");
            let causes = lines
                .iter()
                .filter_map(|line| line.strip_prefix("caused by: "));
            for cause in causes {
                assert!(!sentence.contains(cause), "{name}: {report}");
            }
        }
        let report = |at: usize| told[at].1.report().to_string();
        assert!(report(0).contains("INVALID_CLIENT_ID_OR_SECRET"));
        assert!(
            report(1).contains("no connection to the host") && report(1).contains("\ncaused by: ")
        );
        assert!(report(2).contains("422") && report(2).contains("\nrequest id: "));
        assert!(report(3).contains("the server is away"));
    })
    .await;
}

/// The page that lists what is logged and counted.
const PAGE: &str = include_str!("../../../docs/errors-and-logs.md");

/// The rows of the table with this heading cell, each cell without its code marks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let mut lines = PAGE.lines().skip_while(|line| !line.starts_with(heading));
    assert!(
        lines.next().is_some(),
        "the page has a table that begins with {heading}"
    );
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().replace('`', "");
    rows.map(|row| row.split('|').skip(1).map(cell).collect())
        .collect()
}

fn words(cell: &str) -> BTreeSet<String> {
    cell.split(", ")
        .filter(|word| *word != "–")
        .map(str::to_owned)
        .collect()
}

/// A log line, or the beginning of a span, as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    target: String,
    level: String,
    message: String,
    fields: BTreeSet<String>,
}

#[derive(Default)]
struct Found {
    message: String,
    fields: BTreeSet<String>,
}

impl tracing::field::Visit for Found {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => drop(self.fields.insert(name.to_owned())),
        }
    }
}

/// Records what this thread logs.
#[derive(Clone, Default)]
struct Recording {
    lines: Arc<Mutex<Vec<Line>>>,
    spans: Arc<Mutex<BTreeSet<Line>>>,
}

impl Recording {
    fn line(of: &tracing::Metadata<'_>, message: String, fields: BTreeSet<String>) -> Line {
        Line {
            target: of.target().to_owned(),
            level: of.level().to_string().to_lowercase(),
            message,
            fields,
        }
    }

    fn count(&self, target: &str, level: &str, message: &str) -> usize {
        let lines = self.lines.lock().unwrap();
        let is_it = |line: &&Line| {
            (
                line.target.as_str(),
                line.level.as_str(),
                line.message.as_str(),
            ) == (target, level, message)
        };
        lines.iter().filter(is_it).count()
    }
}

thread_local! {
    static HERE: RefCell<Option<Recording>> = const { RefCell::new(None) };
}

/// Listens to all threads, and records what is logged on one that records.
///
/// A subscriber for one thread alone would miss lines: what another thread writes first is then off for all of them.
struct Everywhere;

impl Everywhere {
    fn listen() {
        use tracing_subscriber::layer::SubscriberExt as _;

        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::registry().with(Self);
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Everywhere {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        HERE.with_borrow(|here| {
            let Some(recording) = here else { return };
            let mut found = Found::default();
            event.record(&mut found);
            let line = Recording::line(event.metadata(), found.message, found.fields);
            recording.lines.lock().unwrap().push(line);
        });
    }

    fn on_new_span(
        &self,
        span: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        HERE.with_borrow(|here| {
            let Some(recording) = here else { return };
            let of = span.metadata();
            let fields = of.fields().iter().map(|field| field.name().to_owned());
            let line = Recording::line(of, of.name().to_owned(), fields.collect());
            recording.spans.lock().unwrap().insert(line);
        });
    }
}

/// What a user meets who has no luck: each kind of trouble once.
async fn troubles(world: &World) {
    let control = world.sandbox.control();
    let client = world.client();
    let user = client.user(USER);
    let fault = |times| Fault::status(503).times(times);
    // An exchange that succeeds at its second attempt, and one that gives up.
    control
        .plan_fault(fault(1).on_path("/v1/connect/token"))
        .unwrap();
    user.connect_token().await.unwrap();
    control
        .plan_fault(fault(2).on_path("/v1/connect/token"))
        .unwrap();
    let given_up = read(&client.user("canary-other")).await.unwrap_err();
    assert!(given_up.is_transient(), "{}", given_up.report());
    // A call that is refused, and one that is served.
    refused(&user).await;
    world.connect();
    user.access_token().await.unwrap();
    read(&user).await.unwrap();
    read(&user).await.unwrap();
    // A token that is revoked is renewed.
    let broker = client.broker().unwrap();
    let key = TokenKey::access(broker.client_id().clone(), USER);
    let token = broker.token(&key).await.unwrap();
    control.revoke_token(token.expose_secret()).unwrap();
    read(&user).await.unwrap();
    // A call that gives up.
    control.plan_fault(fault(2).on_path("/v1/human")).unwrap();
    read(&user).await.unwrap_err();
    control.clear_faults();
    // An order that is placed, and one that is refused.
    place(&world.insurer(), "case-1").await.unwrap();
    control
        .plan_fault(Fault::status(422).on_method(Method::POST))
        .unwrap();
    place(&world.insurer(), "case-2").await.unwrap_err();
    control.clear_faults();
}

#[tokio::test]
async fn the_page_lists_each_log_line_and_span() {
    within(async {
        let world = World::new();
        let recording = Recording::default();
        HERE.set(Some(recording.clone()));
        troubles(&world).await;
        let nowhere = world.client_of(&world.app.client_secret, nobody());
        nowhere.user(USER).session_token().await.unwrap_err();
        HERE.set(None);

        let listed: Vec<Line> = rows("| Target | Level | Message")
            .into_iter()
            .map(|row| Line {
                target: row[0].clone(),
                level: row[1].clone(),
                message: row[2].clone(),
                fields: words(&row[3]),
            })
            .collect();
        let told = recording.lines.lock().unwrap().clone();
        let ours = |line: &&Line| line.target.starts_with("humanapi");
        for line in told.iter().filter(ours) {
            let row = listed.iter().find(|row| {
                (&row.target, &row.level, &row.message)
                    == (&line.target, &line.level, &line.message)
            });
            let row = row.unwrap_or_else(|| panic!("the page lacks {line:?}"));
            assert!(
                line.fields.is_subset(&row.fields),
                "{line:?} has more than {row:?}"
            );
        }
        let spans: BTreeSet<_> = rows("| Span | Level")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone(), words(&row[2])))
            .collect();
        let begun = recording.spans.lock().unwrap().clone();
        let begun: BTreeSet<_> = begun
            .into_iter()
            .filter(|span| span.target.starts_with("humanapi"))
            .map(|span| (span.message, span.level, span.fields))
            .collect();
        assert_eq!(begun, spans);

        // A retry that waits: one of the exchange that succeeds, one of the exchange and one of the call that give up, and
        // one where nobody listens.
        assert_eq!(recording.count("humanapi::call", "warn", "trying again"), 4);
        assert_eq!(recording.count("humanapi::token", "warn", "gave up"), 1);
        assert_eq!(recording.count("humanapi::call", "warn", "gave up"), 2);
        assert_eq!(recording.count("humanapi::token", "info", "renewed"), 1);

        // What no story here brings about stands in the sources as the page has it.
        let written = written();
        for row in &listed {
            let place = (row.target.clone(), row.level.clone(), row.message.clone());
            assert!(written.contains(&place), "no source writes {row:?}");
        }
        for (target, level, message) in &written {
            let row = listed
                .iter()
                .find(|row| (&row.target, &row.level, &row.message) == (target, level, message));
            assert!(row.is_some(), "the page lacks {target} {level} {message}");
        }
    })
    .await;
}

/// Target, level and message of each log line that the crates' sources write.
fn written() -> BTreeSet<(String, String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    // The command's lines go to its own screen.
    for name in [
        "core", "client", "hyper", "reqwest", "store", "axum", "sandbox", "testing", "export",
    ] {
        let mut folders = vec![crates.join(format!("humanapi-{name}/src"))];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let source = fs::read_to_string(&path).unwrap();
                    found.extend(lines_of(&source, &path));
                }
            }
        }
    }
    found
}

fn lines_of(source: &str, path: &Path) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for level in ["trace", "debug", "info", "warn", "error"] {
        for call in source.split(&format!("tracing::{level}!(")).skip(1) {
            let end = call
                .find("\")")
                .unwrap_or_else(|| panic!("{path:?}: a line without a message"));
            let call = &call[..end];
            let message = call.rsplit('"').next().unwrap();
            let target = call.trim_start().strip_prefix("target: ");
            let target = target.unwrap_or_else(|| panic!("{path:?}: {message} has no target"));
            let target = target.split(',').next().unwrap();
            let target = match target {
                "CALL" => "humanapi::call",
                "TOKEN" => "humanapi::token",
                "DOWNLOAD" => "humanapi::download",
                "LOG" => "humanapi::connect",
                literal => literal.trim_matches('"'),
            };
            found.push((target.to_owned(), level.to_owned(), message.to_owned()));
        }
    }
    found
}

#[tokio::test]
async fn the_page_lists_each_counter_and_no_label_has_a_secret() {
    within(async {
        let world = World::new();
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let guard = metrics::set_default_local_recorder(&recorder);
        troubles(&world).await;
        drop(guard);

        let mut counted = BTreeSet::new();
        let mut count = std::collections::BTreeMap::new();
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let (kind, key) = key.into_parts();
            let labels: BTreeSet<String> =
                key.labels().map(|label| label.key().to_owned()).collect();
            let kind = format!("{kind:?}").to_lowercase();
            let values: Vec<&str> = key.labels().map(metrics::Label::value).collect();
            for value in &values {
                let is_a_word = value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
                assert!(is_a_word && !value.contains("canary"), "{value}");
            }
            if let DebugValue::Counter(times) = value {
                count.insert(format!("{} {}", key.name(), values.join(" ")), times);
            }
            counted.insert((key.name().to_owned(), kind, labels));
        }
        let listed: BTreeSet<_> = rows("| Name | Kind")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone(), words(&row[2])))
            .collect();
        assert_eq!(counted, listed);
        let of = |key: &str| count.get(key).copied().unwrap_or_default();
        assert_eq!(
            of("humanapi_calls_total data.activities ok"),
            3,
            "{count:#?}"
        );
        assert_eq!(
            of("humanapi_calls_total data.activities nothing_connected"),
            1
        );
        assert_eq!(of("humanapi_retries_total 503"), 3);
        assert_eq!(of("humanapi_exchanges_total read_data service_failure"), 1);
        assert!(of("humanapi_token_events_total hit read_data") >= 2);
    })
    .await;
}

#[test]
fn a_flow_that_is_driven_blocking_tells_once_that_it_gave_up() {
    Everywhere::listen();
    let recording = Recording::default();
    HERE.set(Some(recording.clone()));
    let retry = RetryPolicy::default()
        .with_base(Duration::from_millis(1))
        .with_max_attempts(2);
    let run = |answer: fn() -> Result<Response, SendFailure>| {
        let credentials = Credentials::new("my-app", "canary").unwrap();
        let endpoint = IssueClientToken::new(credentials);
        let mut call = Call::new(endpoint, Hosts::production(), retry.clone());
        drive_blocking(&mut call, |_, _| answer()).unwrap_err();
        recording.count("humanapi::call", "warn", "gave up")
    };
    assert_eq!(run(|| Ok(answer(503))), 1);
    assert_eq!(run(|| Ok(answer(401))), 1);
    assert_eq!(run(|| Err(SendFailure::new(SendFailureKind::Lost))), 2);
    HERE.set(None);
}

fn answer(status: u16) -> Response {
    let body = r#"{"statusCode":0,"errorCode":"INVALID_CLIENT_ID_OR_SECRET"}"#;
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status.try_into().unwrap();
    answer
}
