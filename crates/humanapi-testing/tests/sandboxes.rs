//! The sandbox in the places of a transport and of a clock.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _, poll};
use humanapi_hyper::HyperTransport;
use humanapi_testing::client::{Client, ErrorKind, Timer as _, Transport as _};
use humanapi_testing::core::{
    Credentials, Host, Provisioning, Request, RetryPolicy, SendFailureKind, TokenKind,
};
use humanapi_testing::{
    DemoApp, Fault, ForTests as _, OfflineSandbox, OverHttp as _, Sandbox, Scenario,
};

const DAY: Duration = Duration::from_secs(86_400);

fn offline() -> OfflineSandbox {
    Sandbox::builder().build_offline()
}

async fn activities(client: &Client) -> Result<usize, humanapi_testing::client::Error> {
    let items = client.user("p17").data().activities().items();
    Ok(items.try_collect::<Vec<_>>().await?.len())
}

fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap()
}

#[tokio::test]
async fn a_user_in_a_state_is_read_without_a_socket() {
    let sandbox = offline();
    let client = sandbox.client();
    // Nobody knows this user yet.
    let error = activities(&client).await.unwrap_err();
    assert!(error.api_error().is_some(), "{error}");
    let user = sandbox.control().user("p17").connected_with("strider");
    user.unwrap();
    // What was refused counts for a while; the clock is moved past that.
    sandbox.clock().advance(DAY).unwrap();
    assert!(activities(&client).await.unwrap() > 10);
    // Whatever the host, it was this sandbox that was asked.
    assert!(client.hosts().base(Host::Data).is_https());
    assert!(!sandbox.control().requests().is_empty());
}

#[tokio::test]
async fn one_line_makes_a_client_of_ones_own() {
    let sandbox = offline();
    let client = Client::new(
        sandbox.credentials(),
        Provisioning::Connect,
        sandbox.transport(),
    );
    let grant = client.user("p17").connect_token().await.unwrap();
    assert_eq!(grant.token.kind(), TokenKind::Session);
}

#[tokio::test]
async fn each_application_gets_its_tokens_where_it_has_to() {
    for app in DemoApp::ALL {
        let sandbox = offline();
        let user = sandbox.control().user("p17").app(*app);
        user.connected_with("strider").unwrap();
        assert!(activities(&sandbox.client_of(*app)).await.unwrap() > 10);
        let asked = &sandbox.control().requests()[0].path;
        let admin = *app != DemoApp::Connect;
        assert_eq!(asked == "/v1/admin/token", admin, "{app:?} {asked}");
    }
}

#[tokio::test]
async fn the_clock_is_moved_for_both_sides_at_once() {
    let sandbox = offline();
    let client = sandbox.client();
    sandbox
        .control()
        .user("p17")
        .connected_with("strider")
        .unwrap();
    let count = activities(&client).await.unwrap();
    assert_eq!(activities(&client).await.unwrap(), count);
    assert_eq!(
        sandbox.control().exchanges().total(),
        1,
        "the token is kept"
    );
    let (before, origin) = (client.now(), sandbox.control().now());
    sandbox.clock().advance(30 * DAY).unwrap();
    assert_eq!(since(before.wall(), client.now().wall()), 30 * DAY);
    assert_eq!(client.now().monotonic() - before.monotonic(), 30 * DAY);
    assert_eq!(since(origin, sandbox.control().now()), 30 * DAY);
    assert!(activities(&client).await.unwrap() > count, "life went on");
    assert_eq!(
        sandbox.control().exchanges().total(),
        2,
        "the token had ended"
    );
    // Nothing was answered by 401: the client saw the same end as the sandbox.
    let requests = sandbox.control().requests();
    assert!(
        requests.iter().all(|request| request.status == Some(200)),
        "{requests:?}"
    );
}

#[tokio::test]
async fn who_waits_to_try_again_waits_in_no_time() {
    let sandbox = offline();
    let client = sandbox.client();
    sandbox
        .control()
        .user("p17")
        .connected_with("strider")
        .unwrap();
    let fault = Fault::status(503).retry_after("7").on_path("/v1/human");
    sandbox.control().plan_fault(fault).unwrap();
    let before = sandbox.control().now();
    assert!(activities(&client).await.is_ok());
    let waited = since(before, sandbox.control().now());
    assert!((7..30).contains(&waited.as_secs()), "{waited:?}");
}

/// What a client without patience makes of one planned fault.
async fn after(fault: Fault) -> ErrorKind {
    let sandbox = offline();
    sandbox
        .control()
        .user("p17")
        .connected_with("strider")
        .unwrap();
    let client = Client::builder(
        sandbox.credentials(),
        Provisioning::Connect,
        sandbox.transport(),
    )
    .retry(RetryPolicy::default().with_max_attempts(1))
    .build_on(sandbox.clock());
    sandbox
        .control()
        .plan_fault(fault.on_path("/v1/human"))
        .unwrap();
    activities(&client).await.unwrap_err().kind()
}

#[tokio::test]
async fn planned_faults_look_as_over_an_http_stack() {
    let network = |kind| ErrorKind::Network(kind);
    assert_eq!(
        after(Fault::drop_before()).await,
        network(SendFailureKind::Lost)
    );
    assert_eq!(
        after(Fault::drop_after()).await,
        network(SendFailureKind::Lost)
    );
    assert_eq!(
        after(Fault::truncated_body()).await,
        network(SendFailureKind::CutShort)
    );
    assert_eq!(
        after(Fault::delay(DAY)).await,
        network(SendFailureKind::TimedOut)
    );
}

#[tokio::test]
async fn a_delay_passes_on_the_clock_and_is_no_failure_by_itself() {
    let sandbox = offline();
    sandbox
        .control()
        .user("p17")
        .connected_with("strider")
        .unwrap();
    let client = sandbox.client();
    let delay = Duration::from_secs(3);
    sandbox.control().plan_fault(Fault::delay(delay)).unwrap();
    let before = client.now();
    assert!(activities(&client).await.is_ok());
    assert_eq!(client.now().monotonic() - before.monotonic(), delay);
}

#[tokio::test]
async fn an_answer_that_is_read_while_it_arrives_breaks_off_as_one() {
    let sandbox = offline();
    sandbox
        .control()
        .plan_fault(Fault::truncated_body())
        .unwrap();
    let mut request = Request::new("".into());
    *request.uri_mut() = "https://api.example.test/v1/human".parse().unwrap();
    let opened = sandbox.transport().open(request, DAY).await.unwrap();
    let pieces: Vec<_> = opened.into_body().collect().await;
    assert_eq!(pieces.len(), 2);
    assert!(!pieces[0].as_ref().unwrap().is_empty());
    let kind = pieces[1].as_ref().unwrap_err().kind();
    assert_eq!(kind, SendFailureKind::CutShort);
}

#[tokio::test]
async fn an_alarm_passes_no_time_and_rings_when_it_has_passed() {
    let sandbox = offline();
    let clock = sandbox.clock();
    let before = clock.now();
    // Behind a pointer it is no sleep either.
    let mut alarm = std::sync::Arc::new(&clock).alarm(DAY);
    assert!(poll!(&mut alarm).is_pending());
    assert_eq!(clock.now(), before);
    sandbox.control().advance_clock(DAY).unwrap();
    assert!(poll!(&mut alarm).is_ready());
    // A sleep that nobody waits for passes none either; one shorter than the sandbox can show does.
    drop(clock.sleep(DAY));
    assert_eq!(clock.now().monotonic(), DAY);
    clock.sleep(Duration::from_micros(1)).await;
    assert_eq!(clock.now().monotonic(), DAY + Duration::from_micros(1));
}

#[tokio::test]
async fn a_reset_sets_the_calendar_back_and_never_what_has_passed() {
    let sandbox = offline();
    let clock = sandbox.clock();
    let start = clock.now();
    clock.advance(DAY).unwrap();
    let passed = clock.now();
    sandbox.control().reset();
    assert_eq!(clock.now().wall(), start.wall());
    assert_eq!(clock.now().monotonic(), passed.monotonic());
    clock.advance(DAY).unwrap();
    assert_eq!(clock.now().monotonic(), 2 * DAY);
    // The last day of the year 9999 ends every calendar here; waiting ends all the same.
    let end = clock.now().monotonic() + Duration::from_secs(1 << 38);
    clock.sleep(Duration::from_secs(1 << 38)).await;
    assert_eq!(clock.now().monotonic(), end);
}

#[tokio::test]
async fn a_running_sandbox_is_reached_both_ways() {
    let sandbox = Sandbox::start().unwrap();
    sandbox
        .control()
        .user("p17")
        .connected_with("strider")
        .unwrap();
    let near = activities(&sandbox.client()).await.unwrap();
    let over = sandbox.client_over(HyperTransport::new()).unwrap();
    assert_eq!(activities(&over).await.unwrap(), near);
    assert_eq!(over.hosts().base(Host::Data).origin(), sandbox.url());
    // Both ways lead to one clock.
    let fault = Fault::status(503).retry_after("3600").on_path("/v1/human");
    sandbox.control().plan_fault(fault).unwrap();
    let before = over.now().wall();
    let slow = over.user("p17").data().profile().timeout(DAY);
    slow.await.unwrap();
    assert!(since(before, sandbox.control().now()) >= Duration::from_secs(3600));
}

#[test]
fn credentials_of_a_scenario_are_the_sandboxs_own() {
    let own = br#"{"apps": {"connect": {"client_id": "my-app", "client_secret": "made-up"}}}"#;
    let scenario = Scenario::from_json(own).unwrap();
    let sandbox = Sandbox::builder().scenario(scenario).build_offline();
    let credentials: Credentials = sandbox.credentials();
    assert_eq!(credentials.client_id().as_str(), "my-app");
    assert_eq!(credentials.expose_client_secret(), "made-up");
}
