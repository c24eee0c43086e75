//! What is sent with a call, for how long and how often, and what a list is narrowed to.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{Client, ErrorKind, Timer as _};
use humanapi_core::auth::IssueSessionToken;
use humanapi_core::data::{Activity, ReadProfile};
use humanapi_core::http::{Method, header};
use humanapi_core::{
    Authorization, BuildError, ClientUserId, Credentials, FlowError, Host, Provisioning, RawCall,
    RetryPolicy, SendFailureKind,
};

const ACCESS: &str = r#"{"access_token":"at-1","expires_in":86400}"#;
const CLIENT: &str = r#"{"client_token":"ct-1","expires_in":86400}"#;
const SESSION: &str = r#"{"session_token":"st-1","expires_in":3600}"#;

struct World {
    client: Client,
    transport: ScriptedTransport,
    runtime: VirtualRuntime,
}

fn credentials() -> Credentials {
    Credentials::new("app-1", "hush").unwrap()
}

fn world(answers: impl IntoIterator<Item = Reply>) -> World {
    let transport = ScriptedTransport::new(answers);
    let runtime = VirtualRuntime::new();
    let client = Client::builder(credentials(), Provisioning::Connect, transport.clone())
        .build_on(runtime.clone());
    World {
        client,
        transport,
        runtime,
    }
}

impl World {
    /// The path and the authorization of each request.
    fn sent(&self) -> Vec<String> {
        let line = |request: humanapi_core::Request| {
            let authorization = request.headers().get(header::AUTHORIZATION);
            let authorization = authorization.map_or("-", |value| value.to_str().unwrap());
            format!(
                "{} {authorization}",
                request.uri().path_and_query().unwrap()
            )
        };
        self.transport.requests().into_iter().map(line).collect()
    }
}

fn raw(authorization: Authorization) -> RawCall {
    RawCall::new(Method::GET, Host::Data, "/v1/x").with_authorization(authorization)
}

#[tokio::test]
async fn what_authorizes_an_endpoint_decides_what_goes_out_with_it() {
    let ok = || Reply::json(200, "{}");
    let (access, client) = (Reply::json(200, ACCESS), Reply::json(200, CLIENT));
    let world = world([ok(), client, ok(), ok(), access, ok(), ok()]);
    let (client, user) = (&world.client, world.client.user("patient-17"));
    client.call(raw(Authorization::InRequest)).await.unwrap();
    client.call(raw(Authorization::ClientToken)).await.unwrap();
    user.call(raw(Authorization::ClientToken)).await.unwrap();
    user.call(raw(Authorization::AccessToken)).await.unwrap();
    user.call(raw(Authorization::InRequest)).await.unwrap();
    let expected = [
        "/v1/x -",
        "/v1/admin/token -",
        "/v1/x Bearer ct-1",
        // The token at hand serves a call that the application makes for a user.
        "/v1/x Bearer ct-1",
        "/v1/connect/token -",
        "/v1/x Bearer at-1",
        "/v1/x -",
    ];
    assert_eq!(world.sent(), expected);
}

#[tokio::test]
async fn a_call_for_a_users_data_without_a_user_is_refused_and_says_how_to_make_it() {
    let world = world([]);
    let error = world.client.call(ReadProfile::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(matches!(
        error.flow_error(),
        FlowError::Build(BuildError::WrongAuthorization {
            wants: Authorization::AccessToken,
            given: None,
            ..
        })
    ));
    assert!(
        error.remedy().contains("client.user(id).call(..)"),
        "{}",
        error.remedy()
    );
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn a_call_has_a_timeout_of_its_own() {
    let hang = || (0..9).map(|_| Reply::hang());
    let timeout = Duration::from_secs(3);
    let elapsed = |world: &World| world.runtime.now().monotonic();

    let by_user = world(std::iter::once(Reply::json(200, ACCESS)).chain(hang()));
    let call = by_user.client.user("patient-17").data().profile();
    let error = call.timeout(timeout).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(elapsed(&by_user), timeout);

    let plain = world(hang());
    let call = plain.client.user("patient-17").session_token();
    // The order in which both are set does not matter.
    let call = call.timeout(timeout).retry(RetryPolicy::default());
    assert!(call.await.unwrap_err().is_timeout());
    assert_eq!(elapsed(&plain), timeout);

    let asking = world(hang());
    let call = asking.client.confirm_connection("patient-17");
    assert!(call.timeout(timeout).await.unwrap_err().is_timeout());
    assert_eq!(elapsed(&asking), timeout);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_connect_token_waits_no_longer_than_asked_for() {
    let transport = ScriptedTransport::new((0..9).map(|_| Reply::hang()));
    let client = Client::new(credentials(), Provisioning::Connect, transport);
    let begin = tokio::time::Instant::now();
    let timeout = Duration::from_secs(3);
    let call = client.user("patient-17").connect_token();
    assert!(call.timeout(timeout).await.unwrap_err().is_timeout());
    assert_eq!(begin.elapsed(), timeout);
}

#[tokio::test]
async fn a_call_is_tried_by_a_policy_of_its_own() {
    let world = world((0..9).map(|_| Reply::failure(SendFailureKind::NotSent)));
    let user = world.client.user("patient-17");
    let attempts = async |policy: Option<RetryPolicy>| {
        let call = user.session_token();
        let call = match policy {
            Some(policy) => call.retry(policy),
            None => call,
        };
        call.await.unwrap_err();
        world.sent().len()
    };
    assert_eq!(attempts(Some(RetryPolicy::none())).await, 1);
    assert_eq!(
        attempts(Some(RetryPolicy::default().with_max_attempts(3))).await,
        3
    );
    assert_eq!(attempts(None).await, 4, "the client's own");
}

#[tokio::test]
async fn calls_by_the_same_policy_of_their_own_do_not_come_back_together() {
    let policy = RetryPolicy::default().with_max_attempts(2);
    let mut waits = Vec::new();
    let world = world((0..16).map(|_| Reply::failure(SendFailureKind::NotSent)));
    for _ in 0..8 {
        let before = world.runtime.now().monotonic();
        let call = world.client.user("patient-17").session_token();
        call.retry(policy.clone()).await.unwrap_err();
        waits.push(world.runtime.now().monotonic() - before);
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() >= 7, "{waits:?}");
}

#[tokio::test]
async fn the_filters_of_a_call_are_those_of_its_list() {
    let world = world([
        Reply::json(200, ACCESS),
        Reply::json(200, "[]"),
        Reply::json(200, r#"{"id":"a-1"}"#),
    ]);
    let data = world.client.user("patient-17").data();
    let moment = "2026-01-02T03:04:05Z".parse().unwrap();
    let day = "2026-01-02".parse().unwrap();
    data.activities()
        .limit(200)
        .offset(7)
        .created_since(moment)
        .created_before(moment)
        .updated_since(moment)
        .updated_before(moment)
        .source("strider")
        .days(day, day)
        .time_series()
        .await
        .unwrap();
    data.by_id::<Activity>("a-1").await.unwrap();
    let sent = world.sent();
    let stamp = "20260102T030405Z";
    assert_eq!(
        sent[1],
        format!(
            "/v1/human/activities?limit=200&offset=7&created_since={stamp}&created_before={stamp}\
             &updated_since={stamp}&updated_before={stamp}&source=strider\
             &start_date=2026-01-02&end_date=2026-01-02&time_series=true Bearer at-1"
        )
    );
    assert_eq!(sent[2], "/v1/human/activities/a-1 Bearer at-1");
}

#[tokio::test]
async fn a_token_request_of_ones_own_making_is_a_call_like_any_other() {
    let world = world([Reply::json(200, SESSION)]);
    let user = ClientUserId::new("patient-17").unwrap();
    let issued = world
        .client
        .call(IssueSessionToken::new(credentials(), user))
        .await
        .unwrap();
    assert_eq!(issued.token.expose_secret(), "st-1");
    assert_eq!(world.sent(), ["/v1/connect/token -"]);
}
