//! The client, over a scripted transport and in virtual time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{Client, ErrorKind, Runtime, Timer as _, TokenSource, TokenStore, Transport};
use humanapi_core::http::{HeaderValue, Method, header};
use humanapi_core::{
    ApiErrorKind, Body, BuildError, ClientUserId, ConnectToken, Credentials, Drift, EmptyUserId,
    Expiry, FlowError, Host, Hosts, Issued, KnownStatus, Leeway, Provisioning, RawCall, Refusal,
    Request, SendFailureKind, SessionToken, TokenKey, TokenKind, UserStatus,
};

const SESSION: &str = r#"{"session_token":"canary-st","expires_in":3600,"human_id":"7a1d"}"#;
const ID: &str = r#"{"id_token":"canary-id","id_token_expires_in":86400}"#;
const ACCESS: &str = r#"{"access_token":"canary-at","expires_in":86400,"token_type":"Bearer","refresh_token":"canary-rt"}"#;

fn client(
    provisioning: Provisioning,
    answers: impl IntoIterator<Item = Reply>,
) -> (Client, ScriptedTransport, VirtualRuntime) {
    let transport = ScriptedTransport::new(answers);
    let runtime = VirtualRuntime::new();
    let credentials = Credentials::new("app-1", "canary-secret").expect("an id and a secret");
    let client =
        Client::builder(credentials, provisioning, transport.clone()).build_on(runtime.clone());
    (client, transport, runtime)
}

/// What was sent, in a line each: method, address, type of token asked for, authorization.
fn sent(transport: &ScriptedTransport) -> Vec<String> {
    let line = |request: Request| {
        let body: serde_json::Value =
            serde_json::from_slice(request.body().as_bytes()).unwrap_or_default();
        let authorization = request.headers().get(header::AUTHORIZATION);
        format!(
            "{} {} {} {}",
            request.method(),
            request.uri(),
            body["type"].as_str().unwrap_or("-"),
            authorization.map_or("-", |value| value.to_str().unwrap_or("?")),
        )
    };
    transport.requests().into_iter().map(line).collect()
}

const CONNECT: &str = "POST https://auth.humanapi.co/v1/connect/token";

#[tokio::test]
async fn a_returning_user_gets_an_id_token() {
    let (client, transport, _) = client(
        Provisioning::Connect,
        [
            Reply::json(403, r#"{"errorCode":"OF_NO_MEANING"}"#),
            Reply::json(200, ID),
        ],
    );
    let call = client.user("patient-17").connect_token();
    let grant = call.email("p17@example.test").await.unwrap();
    assert_eq!(grant.token.kind(), TokenKind::Id);
    assert_eq!(grant.status, UserStatus::Connected);
    assert_eq!(
        sent(&transport),
        [format!("{CONNECT} session -"), format!("{CONNECT} id -")]
    );
}

#[tokio::test]
async fn a_session_token_that_is_still_valid_is_reused() {
    let (client, transport, runtime) = client(
        Provisioning::Connect,
        [Reply::json(200, SESSION), Reply::json(200, SESSION)],
    );
    let user = client.user("patient-17");
    let first = user.connect_token().await.unwrap();
    assert_eq!(first.status, UserStatus::Started);
    let user = user.with_status(KnownStatus::remembered(first.status));
    let leeway = Leeway::at_least(Duration::from_secs(600));
    let again = || user.connect_token().reuse(first.token.clone(), leeway);
    runtime.advance(Duration::from_secs(2_900));
    assert!(again().await.unwrap().reused);
    runtime.advance(Duration::from_secs(100));
    let renewed = again().await.unwrap();
    assert!(!renewed.reused);
    assert_eq!(renewed.token.human_id(), first.token.human_id());
    assert_eq!(sent(&transport).len(), 2);
}

#[tokio::test]
async fn reading_data_gets_a_token_and_renews_it_once_when_it_is_refused() {
    let (client, transport, _) = client(
        Provisioning::Connect,
        [
            Reply::json(200, ACCESS),
            Reply::json(401, "{}"),
            Reply::json(200, &ACCESS.replace("canary-at", "canary-at-2")),
            Reply::json(200, r#"{"humanId":"7a1d"}"#),
        ],
    );
    let profile = client.user("patient-17").data().profile().await.unwrap();
    assert_eq!(profile.human_id().as_deref(), Some("7a1d"));
    let read = "GET https://api.humanapi.co/v1/human/profile -";
    assert_eq!(
        sent(&transport),
        [
            format!("{CONNECT} access -"),
            format!("{read} Bearer canary-at"),
            format!("{CONNECT} access -"),
            format!("{read} Bearer canary-at-2"),
        ]
    );
}

#[tokio::test]
async fn a_second_refusal_of_the_token_is_final() {
    let (client, transport, _) = client(
        Provisioning::Connect,
        [
            Reply::json(200, ACCESS),
            Reply::json(401, "{}"),
            Reply::json(200, ACCESS),
            Reply::json(
                401,
                r#"{"x-humanapi-request-id":"00000000-0000-4000-8000-000000000001"}"#,
            ),
        ],
    );
    let call = client.user("patient-17").data().summary();
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api(ApiErrorKind::InvalidToken));
    assert_eq!(
        error.request_id(),
        Some("00000000-0000-4000-8000-000000000001")
    );
    assert_eq!(sent(&transport).len(), 4);
}

#[tokio::test]
async fn an_application_on_hip_asks_the_admin_address() {
    let (client, transport, _) = client(
        Provisioning::Hip,
        [
            Reply::json(200, ACCESS),
            Reply::json(200, "{}"),
            Reply::json(200, r#"{"client_token":"canary-ct","expires_in":86400}"#),
            Reply::json(200, "[]"),
        ],
    );
    client.user("policy-1").data().profile().await.unwrap();
    let order_types = RawCall::new(Method::GET, Host::Admin, "/api/v1/order-types");
    client.call(order_types).await.unwrap();
    let admin = "POST https://auth.humanapi.co/v1/admin/token";
    assert_eq!(
        sent(&transport),
        [
            format!("{admin} access -"),
            "GET https://api.humanapi.co/v1/human/profile - Bearer canary-at".to_owned(),
            format!("{admin} client -"),
            "GET https://admin.humanapi.co/api/v1/order-types - Bearer canary-ct".to_owned(),
        ]
    );
}

/// A page that begins at `offset`, of records that are named by their index.
fn page(offset: usize, count: usize, next: Option<usize>) -> Reply {
    let records: Vec<String> = (offset..offset + count)
        .map(|index| format!(r#"{{"id":"{index}"}}"#))
        .collect();
    let body = format!("[{}]", records.join(","));
    let mut response = humanapi_core::Response::new(Body::from(body.into_bytes()));
    if let Some(next) = next {
        let link = format!("<https://elsewhere.example.test/x?offset={next}>; rel=\"next\"");
        let link = HeaderValue::from_str(&link).expect("a header");
        response.headers_mut().insert(header::LINK, link);
    } else {
        let total = HeaderValue::from(offset + count);
        response.headers_mut().insert("x-total-count", total);
    }
    Reply::response(response)
}

#[tokio::test]
async fn items_of_all_pages_come_in_order_and_a_link_never_leads_elsewhere() {
    let answers = [
        Reply::json(200, ACCESS),
        page(0, 3, Some(3)),
        page(2, 3, Some(5)),
        page(4, 2, None),
    ];
    let (client, transport, _) = client(Provisioning::Connect, answers);
    let ids: Vec<String> = client
        .user("patient-17")
        .data()
        .activities()
        .limit(3)
        .items()
        .map_ok(|activity| activity.id().unwrap_or_default().into_owned())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5"]);
    let reads: Vec<String> = sent(&transport)
        .into_iter()
        .filter(|line| line.starts_with("GET"))
        .collect();
    let read = "GET https://api.humanapi.co/v1/human/activities?limit=3";
    assert_eq!(
        reads,
        ["", "&offset=2", "&offset=4"].map(|tail| format!("{read}{tail} - Bearer canary-at"))
    );
}

#[tokio::test]
async fn items_of_a_list_that_drifted_end_with_an_error_after_all_of_them() {
    let mut last = humanapi_core::Response::new(Body::from(r#"[{"id":"1"},{"id":"2"}]"#));
    let total = HeaderValue::from(9);
    last.headers_mut().insert("x-total-count", total);
    let answers = [
        Reply::json(200, ACCESS),
        page(0, 2, Some(2)),
        Reply::response(last),
        Reply::json(200, r#"[{"id":"2"}]"#),
        Reply::json(200, "[]"),
    ];
    let (client, _, _) = client(Provisioning::Connect, answers);
    let call = client.user("patient-17").data().activities().limit(2);
    let items = call.items();
    let items: Vec<_> = items.collect().await;
    assert_eq!(items.len(), 4);
    assert!(items[..3].iter().all(Result::is_ok));
    let error = items[3].as_ref().unwrap_err();
    let (total, counted) = (9, 3);
    let drift = Drift::TotalDisagrees { total, counted };
    assert_eq!(error.kind(), ErrorKind::Drifted(drift));
    assert!(!error.remedy().is_empty());
}

#[tokio::test]
async fn what_is_no_record_is_told_after_all_items() {
    let answers = [
        Reply::json(200, ACCESS),
        Reply::json(200, r#"[{"id":"0"},null,{"id":"2"}]"#),
        Reply::json(200, "[]"),
    ];
    let (client, _, _) = client(Provisioning::Connect, answers);
    let items = client.user("patient-17").data().activities().items();
    let items: Vec<_> = items.collect().await;
    let ids = items[..2].iter().map(|item| item.as_ref().unwrap().id());
    assert!(ids.eq([Some("0".into()), Some("2".into())]));
    let error = items[2].as_ref().unwrap_err();
    let drift = Drift::NoRecord { places: 1 };
    assert_eq!(error.kind(), ErrorKind::Drifted(drift));
}

#[tokio::test]
async fn a_stream_of_pages_ends_with_its_first_error() {
    let answers = [
        Reply::json(200, ACCESS),
        page(0, 2, Some(2)),
        Reply::json(
            404,
            r#"{"code":404,"error":"Not Found","message":"Not Found"}"#,
        ),
    ];
    let (client, _, _) = client(Provisioning::Connect, answers);
    let pages = client.user("patient-17").data().activities().pages();
    let pages: Vec<_> = pages.collect().await;
    assert_eq!(pages.len(), 2);
    let error = pages[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api(ApiErrorKind::NotFound));
}

#[tokio::test]
async fn an_asserted_status_refuses_without_asking() {
    let (client, transport, _) = client(Provisioning::Connect, []);
    let user = client
        .user("patient-17")
        .with_status(KnownStatus::asserted(UserStatus::New));
    let error = user.data().summary().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused(Refusal::NotStarted));
    assert!(error.remedy().contains("start a session"));
    assert!(transport.requests().is_empty());
}

#[tokio::test]
async fn an_empty_user_id_is_refused_by_every_call_before_anything_is_sent() {
    let (client, transport, _) = client(Provisioning::Connect, []);
    let user = client.user(String::new());
    let token = ConnectToken::from(Issued::new(
        SessionToken::new("canary-st"),
        Expiry::after(client.now(), Duration::from_secs(3_600)),
    ));
    let started = (user.clone()).with_status(KnownStatus::remembered(UserStatus::Started));
    let reuse = started.connect_token().reuse(token, Leeway::default());
    let broker = client.broker().unwrap();
    let key = TokenKey::access(broker.client_id().clone(), "");
    let flow = |error: Arc<FlowError>| humanapi_client::Error::from(error);
    let errors = [
        user.connect_token().await.unwrap_err(),
        reuse.await.unwrap_err(),
        user.session_token().await.unwrap_err(),
        user.id_token().await.unwrap_err(),
        user.access_token().await.unwrap_err(),
        user.confirm_connection().await.unwrap_err(),
        user.data().profile().await.unwrap_err(),
        (user.data().activities().pages().next().await)
            .unwrap()
            .unwrap_err(),
        flow(broker.token(&key).await.unwrap_err()),
        flow((broker.connect_token("", KnownStatus::default(), None).await).unwrap_err()),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let mut inner = error.flow_error();
        while let FlowError::Token(below) = inner {
            inner = below;
        }
        assert!(
            matches!(
                inner,
                FlowError::Build(BuildError::UserId(EmptyUserId { .. }))
            ),
            "{error:?}"
        );
    }
    assert!(broker.try_token(&key).is_none());
    broker.forget("").await.unwrap();
    assert!(transport.requests().is_empty());
}

#[tokio::test]
async fn a_user_is_named_by_any_form_of_text() {
    let (client, _, _) = client(Provisioning::Connect, []);
    let owned = "patient-17".to_owned();
    let id = ClientUserId::from(&owned);
    let users = [
        client.user("patient-17"),
        client.user(&owned),
        client.user(owned.as_str()),
        client.user(owned.clone()),
        client.user(&id),
        client.user(id.clone()),
    ];
    let shown = users.map(|user| format!("{user:?}"));
    assert!(shown.iter().all(|user| *user == shown[0]));
    let broker = client.broker().unwrap();
    broker.forget(&owned).await.unwrap();
    broker.forget_here(owned);
    broker.forget(id).await.unwrap();
}

/// What points to one is one, chosen at run time or not.
#[tokio::test]
async fn what_is_shared_or_boxed_serves_as_well() {
    fn transport<T: Transport + ?Sized>() {}
    fn runtime<T: Runtime + ?Sized>() {}
    fn store<T: TokenStore + ?Sized>() {}
    fn source<T: TokenSource + ?Sized>() {}
    transport::<&dyn Transport>();
    transport::<Box<dyn Transport>>();
    runtime::<&dyn Runtime>();
    runtime::<Box<dyn Runtime>>();
    store::<&dyn TokenStore>();
    store::<Box<dyn TokenStore>>();
    store::<Arc<dyn TokenStore>>();
    source::<&dyn TokenSource>();
    source::<Box<dyn TokenSource>>();
    source::<Arc<dyn TokenSource>>();

    let answers = [Reply::json(200, SESSION)];
    let scripted: Arc<dyn Transport> = Arc::new(ScriptedTransport::new(answers));
    let time: Arc<dyn Runtime> = Arc::new(VirtualRuntime::new());
    let credentials = Credentials::new("app-1", "canary-secret").unwrap();
    let client = Client::builder(credentials, Provisioning::Connect, Arc::clone(&scripted))
        .build_on(Arc::clone(&time));
    let grant = client.user("patient-17").connect_token().await.unwrap();
    assert_eq!(grant.status, UserStatus::Started);
    assert_eq!(client.now(), time.now());
}

#[tokio::test]
async fn every_failure_has_a_kind_a_remedy_and_no_secret() {
    use SendFailureKind::{CutShort, Lost, NotSent, ProxyAuthentication, TimedOut, TooLarge};

    let canary = r#"{"message":"canary-secret canary-st","error":"canary-id","x-humanapi-request-id":"canary"}"#;
    let mut cases = vec![
        (Reply::json(200, "<html>canary-st"), ErrorKind::Unreadable),
        (Reply::json(200, "{}"), ErrorKind::Unreadable),
        (Reply::json(403, "<html>canary-st"), ErrorKind::Intermediary),
        (Reply::json(302, ""), ErrorKind::Intermediary),
        (Reply::json(503, "{}"), ErrorKind::Intermediary),
    ];
    for (status, kind) in [
        (400, ApiErrorKind::InvalidRequest),
        (401, ApiErrorKind::InvalidCredentials),
        (404, ApiErrorKind::NotFound),
        (429, ApiErrorKind::Throttled),
        (500, ApiErrorKind::ServiceFailure),
        (418, ApiErrorKind::Other),
    ] {
        cases.push((Reply::json(status, canary), ErrorKind::Api(kind)));
    }
    for kind in [
        NotSent,
        ProxyAuthentication,
        TimedOut,
        Lost,
        CutShort,
        TooLarge,
    ] {
        cases.push((Reply::failure(kind), ErrorKind::Network(kind)));
    }
    for (answer, kind) in cases {
        let transport = ScriptedTransport::new([answer]);
        let credentials = Credentials::new("app-1", "canary-secret").unwrap();
        let client = Client::builder(credentials, Provisioning::Connect, transport)
            .retry(humanapi_core::RetryPolicy::none())
            .build_on(VirtualRuntime::new());
        let error = client.user("patient-17").session_token().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!error.remedy().is_empty());
        assert_eq!(
            error.is_timeout(),
            kind == ErrorKind::Network(TimedOut),
            "{kind:?}"
        );
        let shown = format!("{error} {error:?} {client:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn hosts_can_be_replaced() {
    let transport = ScriptedTransport::new([Reply::json(200, SESSION)]);
    let credentials = Credentials::new("app-1", "hush").unwrap();
    let client = Client::builder(credentials, Provisioning::Connect, transport.clone())
        .hosts(Hosts::single("http://127.0.0.1:9").unwrap())
        .build_on(VirtualRuntime::new());
    client.user("patient-17").session_token().await.unwrap();
    assert_eq!(
        sent(&transport),
        ["POST http://127.0.0.1:9/v1/connect/token session -"]
    );
}
