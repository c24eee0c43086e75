//! The loop: races, retries and breaking off, in virtual time.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{Timer as _, TokenSource, Transport, drive, drive_blocking};
use humanapi_core::auth::IssueSessionToken;
use humanapi_core::data::ReadProfile;
use humanapi_core::flow::{Authorized, Call, SelfServed};
use humanapi_core::http::{self, Method};
use humanapi_core::{
    Authorization, Bearer, Body, BuildError, ClientUserId, Credentials, CredentialsError, Flow,
    FlowError, Host, Hosts, Provisioning, RawCall, Rejected, Replay, Request, Response,
    RetryPolicy, SendFailure, SendFailureKind, TokenKey,
};

struct NoTokens;

#[async_trait]
impl TokenSource for NoTokens {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        Err(Arc::new(BuildError::NoTokenSource.into()))
    }
}

const SESSION: &str = r#"{"session_token":"st-1","expires_in":3600}"#;

fn credentials() -> Result<Credentials, CredentialsError> {
    Credentials::new("app-1", "hush")
}

fn session(policy: RetryPolicy) -> Call<IssueSessionToken> {
    let credentials = credentials().expect("an id and a secret");
    let user = ClientUserId::new("patient-17").expect("an id");
    Call::new(
        IssueSessionToken::new(credentials, user),
        Hosts::production(),
        policy,
    )
}

fn order(policy: RetryPolicy) -> Call<RawCall> {
    let call = RawCall::new(Method::POST, Host::Admin, "/api/v1/users")
        .with_replay(Replay::OnlyIfNotSent)
        .with_authorization(Authorization::InRequest);
    Call::new(call, Hosts::production(), policy)
}

async fn run<F: Flow>(
    flow: &mut F,
    transport: &ScriptedTransport,
    runtime: &VirtualRuntime,
) -> F::Outcome {
    drive(flow, transport as &dyn Transport, &NoTokens, runtime).await
}

#[tokio::test]
async fn a_transport_that_hangs_is_dropped_when_its_time_is_over() {
    let runtime = VirtualRuntime::new();
    let transport = ScriptedTransport::new([Reply::hang()]);
    let policy = RetryPolicy::none().with_attempt_timeout(Duration::from_secs(7));
    let error = run(&mut session(policy), &transport, &runtime)
        .await
        .unwrap_err();
    let kind = error.send_failure().map(SendFailure::kind);
    assert_eq!(kind, Some(SendFailureKind::TimedOut));
    assert_eq!(runtime.now().monotonic(), Duration::from_secs(7));
}

/// Answers after one wait.
struct Slow {
    keeps_time: bool,
}

#[async_trait]
impl Transport for Slow {
    async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
        tokio::task::yield_now().await;
        Ok(Response::new(Body::from(SESSION)))
    }

    fn keeps_time(&self) -> bool {
        self.keeps_time
    }
}

/// In virtual time any alarm goes off at once, so a slow answer comes only where none is set.
async fn check_alarm(transport: impl Transport, expected: Option<SendFailureKind>) {
    let runtime = VirtualRuntime::new();
    let policy = RetryPolicy::none().with_attempt_timeout(Duration::from_secs(7));
    let outcome = drive(&mut session(policy), &transport, &NoTokens, &runtime).await;
    let failure = outcome.err().map(|error| {
        let failure = error.send_failure().expect("nothing else goes wrong");
        failure.kind()
    });
    assert_eq!(failure, expected);
    let waited = if expected.is_some() { 7 } else { 0 };
    assert_eq!(runtime.now().monotonic(), Duration::from_secs(waited));
}

#[tokio::test]
async fn only_a_transport_that_keeps_no_time_is_raced() {
    let slow = |keeps_time| Slow { keeps_time };
    check_alarm(slow(false), Some(SendFailureKind::TimedOut)).await;
    check_alarm(slow(true), None).await;
}

#[tokio::test]
async fn a_transport_chosen_at_run_time_says_what_the_chosen_one_says() {
    let slow = |keeps_time| -> Box<dyn Transport> { Box::new(Slow { keeps_time }) };
    check_alarm(slow(false), Some(SendFailureKind::TimedOut)).await;
    check_alarm(slow(true), None).await;
}

#[tokio::test]
async fn a_wait_that_the_service_asks_for_is_kept() {
    let runtime = VirtualRuntime::new();
    let mut busy = Response::new(Body::empty());
    *busy.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
    busy.headers_mut()
        .insert("retry-after", http::HeaderValue::from_static("42"));
    let transport = ScriptedTransport::new([Reply::response(busy), Reply::json(200, SESSION)]);
    let issued = run(&mut session(RetryPolicy::default()), &transport, &runtime)
        .await
        .unwrap();
    assert_eq!(issued.token.expose_secret(), "st-1");
    let waited = runtime.now().monotonic();
    let asked = Duration::from_secs(42);
    assert!(
        waited >= asked && waited <= asked + Duration::from_millis(200),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_wait_counts_from_when_the_attempt_ended() {
    let runtime = VirtualRuntime::new();
    let transport = ScriptedTransport::new([Reply::hang(), Reply::json(200, SESSION)]);
    let policy = RetryPolicy::default().with_attempt_timeout(Duration::from_secs(30));
    let outcome = run(&mut session(policy), &transport, &runtime).await;
    assert!(outcome.is_ok());
    let took = runtime.now().monotonic();
    assert!(took >= Duration::from_secs(30), "{took:?}");
    assert!(took <= Duration::from_millis(30_200), "{took:?}");
}

#[tokio::test]
async fn an_order_whose_fate_is_unknown_is_sent_once() {
    for answer in [
        Reply::hang(),
        Reply::failure(SendFailureKind::Lost),
        Reply::failure(SendFailureKind::CutShort),
        Reply::json(503, "{}"),
    ] {
        let transport = ScriptedTransport::new([answer, Reply::json(200, "[]")]);
        let outcome = run(
            &mut order(RetryPolicy::default()),
            &transport,
            &VirtualRuntime::new(),
        )
        .await;
        assert!(outcome.is_err());
        assert_eq!(transport.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_order_that_never_left_is_sent_again() {
    let transport = ScriptedTransport::new([
        Reply::failure(SendFailureKind::NotSent),
        Reply::json(201, "[]"),
    ]);
    let answer = run(
        &mut order(RetryPolicy::default()),
        &transport,
        &VirtualRuntime::new(),
    )
    .await
    .unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(transport.requests().len(), 2);
}

/// A timer whose sleeps never end, so that `drive` stays where it is.
struct Frozen(VirtualRuntime);

impl humanapi_client::Timer for Frozen {
    fn now(&self) -> humanapi_core::Now {
        self.0.now()
    }

    fn sleep(&self, _: Duration) -> humanapi_client::Task<'static> {
        Box::pin(std::future::pending())
    }
}

/// Polls `drive` once, with a request out, and drops it.
fn break_off<F: Flow>(flow: &mut F, runtime: &VirtualRuntime) {
    let transport = ScriptedTransport::new([Reply::hang()]);
    let timer = Frozen(runtime.clone());
    let mut driving = pin!(drive(flow, &transport, &NoTokens, &timer));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(driving.as_mut().poll(&mut context), Poll::Pending));
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test]
async fn dropping_the_loop_leaves_a_flow_that_another_loop_finishes() {
    let runtime = VirtualRuntime::new();
    let mut flow = session(RetryPolicy::default());
    break_off(&mut flow, &runtime);
    let transport = ScriptedTransport::new([Reply::json(200, SESSION)]);
    let issued = run(&mut flow, &transport, &runtime).await.unwrap();
    assert_eq!(issued.token.expose_secret(), "st-1");
    assert_eq!(flow.attempts(), 2);
    assert!(
        runtime.now().monotonic() >= Duration::from_secs(30),
        "its own time was over first"
    );
}

#[tokio::test]
async fn dropping_the_loop_never_sends_an_order_again() {
    let runtime = VirtualRuntime::new();
    let mut flow = order(RetryPolicy::default());
    break_off(&mut flow, &runtime);
    let transport = ScriptedTransport::new([Reply::json(201, "[]")]);
    let error = run(&mut flow, &transport, &runtime).await.unwrap_err();
    assert!(error.send_failure().is_some(), "{error:?}");
    assert!(transport.requests().is_empty());
}

#[test]
fn a_blocking_closure_serves_a_flow_that_fetches_its_own_token() {
    let credentials = credentials().unwrap();
    let user = ClientUserId::new("patient-17").unwrap();
    let key = TokenKey::access(credentials.client_id().clone(), user);
    let (hosts, policy) = (Hosts::production(), RetryPolicy::none());
    let call = Authorized::new(ReadProfile::new(), key, hosts.clone(), policy.clone());
    let mut flow = SelfServed::new(call, credentials, Provisioning::Connect, hosts, policy);
    let mut paths = Vec::new();
    let profile = drive_blocking(&mut flow, |request, _| {
        paths.push(request.uri().path().to_owned());
        Ok(Response::new(match paths.len() {
            1 => Body::from(r#"{"access_token":"at-1"}"#),
            _ => Body::from(r#"{"humanId":"7a1d"}"#),
        }))
    })
    .unwrap();
    assert_eq!(profile.human_id().as_deref(), Some("7a1d"));
    assert_eq!(paths, ["/v1/connect/token", "/v1/human/profile"]);
}

#[test]
fn a_blocking_flow_that_needs_a_token_says_how_to_get_one() {
    let credentials = credentials().unwrap();
    let key = TokenKey::client(credentials.client_id().clone());
    let call = RawCall::new(Method::GET, Host::Admin, "/api/v1/order-types");
    let mut flow = Authorized::new(call, key, Hosts::production(), RetryPolicy::none());
    let error = drive_blocking(&mut flow, |_, _| panic!("nothing is sent")).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("SelfServed"), "{told}");
}

/// A source that gives one token and then none, for ever.
struct Hangs {
    gives: std::sync::atomic::AtomicU64,
}

#[async_trait]
impl TokenSource for Hangs {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        let order = std::sync::atomic::Ordering::SeqCst;
        if self
            .gives
            .fetch_update(order, order, |left| left.checked_sub(1))
            .is_err()
        {
            std::future::pending().await
        }
        let token = humanapi_core::AccessToken::new("at-1");
        Ok(Bearer::access(&token, humanapi_core::Generation::new(1)).expect("it fits a header"))
    }
}

#[tokio::test]
async fn a_source_of_tokens_that_hangs_ends_a_call_at_its_deadline() {
    for gives in [0_u32, 1] {
        let runtime = VirtualRuntime::new();
        let user = ClientUserId::new("patient-17").unwrap();
        let key = TokenKey::access(credentials().unwrap().client_id().clone(), user);
        let policy = RetryPolicy::default().with_overall_deadline(Duration::from_secs(9));
        let mut flow = Authorized::new(ReadProfile::new(), key, Hosts::production(), policy);
        let transport =
            ScriptedTransport::new([Reply::json(401, r#"{"message":"no","statusCode":401}"#)]);
        let source = Hangs {
            gives: u64::from(gives).into(),
        };
        let error = drive(&mut flow, &transport, &source, &runtime)
            .await
            .unwrap_err();
        let FlowError::OutOfTime { attempts, last } = &error else {
            panic!("{error:?}");
        };
        // The refusal that made another token necessary is told.
        assert_eq!((*attempts, last.is_some()), (gives, gives == 1));
        assert_eq!(runtime.now().monotonic(), Duration::from_secs(9));
    }
}

#[tokio::test]
async fn a_flow_that_fetches_its_own_token_does_so_within_its_own_time() {
    let credentials = credentials().unwrap();
    let user = ClientUserId::new("patient-17").unwrap();
    let key = TokenKey::access(credentials.client_id().clone(), user);
    let hosts = Hosts::production();
    let short = RetryPolicy::none().with_overall_deadline(Duration::from_secs(4));
    let call = Authorized::new(ReadProfile::new(), key, hosts.clone(), short);
    let long = RetryPolicy::default();
    let mut flow = SelfServed::new(call, credentials, Provisioning::Connect, hosts, long);
    let runtime = VirtualRuntime::new();
    let transport = ScriptedTransport::new((0..9).map(|_| Reply::hang()));
    let error = run(&mut flow, &transport, &runtime).await.unwrap_err();
    assert!(matches!(error, FlowError::OutOfTime { .. }), "{error:?}");
    assert_eq!(runtime.now().monotonic(), Duration::from_secs(4));
}
