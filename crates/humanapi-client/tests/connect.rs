//! Opening Connect and confirming what came of it, over a scripted transport and in virtual time.

use std::sync::Arc;
use std::time::Duration;

use humanapi_client::connect::{
    Confirmation, Connection, LaunchHtml, Launcher, Library, Nonce, Opening,
};
use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
use humanapi_client::{Client, ErrorKind, Timer as _, TokenSource};
use humanapi_core::connect::{
    AllowedCallbacks, CallbackError, FunctionName, Launch, LaunchError, LaunchForm, Mode,
    PageFunctions,
};
use humanapi_core::{
    AccessToken, ApiErrorKind, Bearer, ClientId, ClientToken, ConnectToken, Credentials, Expiry,
    FlowError, Hosts, HumanId, IdToken, Issued, KnownStatus, Leeway, Provisioning, RefreshToken,
    Rejected, SendFailureKind, SessionToken, TokenKey, TokenRefusal, UserEvent, UserStatus,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

// What holds a token is written nowhere by chance, and nothing but a session or id token opens Connect.
assert_not_impl_any!(
    LaunchHtml: serde_core::Serialize, std::fmt::Display, ToString, AsRef<str>, std::ops::Deref,
    Into<String>, PartialEq, std::hash::Hash, Default, From<String>,
);
assert_not_impl_any!(Confirmation: serde_core::Serialize, std::fmt::Display, PartialEq);
assert_not_impl_any!(Launcher: serde_core::Serialize, std::fmt::Display);
assert_not_impl_any!(Issued<AccessToken>: Into<ConnectToken>, Into<LaunchHtml>);
assert_not_impl_any!(AccessToken: Into<ConnectToken>, Into<LaunchHtml>);
assert_not_impl_any!(ClientToken: Into<ConnectToken>, Into<LaunchHtml>);
assert_not_impl_any!(RefreshToken: Into<ConnectToken>, Into<LaunchHtml>);
assert_not_impl_any!(Confirmation: Into<ConnectToken>);
assert_impl_all!(Launcher: Send, Sync, Clone, std::fmt::Debug);
assert_impl_all!(LaunchHtml: Send, Sync, Clone, std::fmt::Debug);
assert_impl_all!(Confirmation: Send, Sync, Clone, std::fmt::Debug);

const NONCE: &str = "mR5c8kqTz0aP1vW3xY7uBg==";

struct Setup {
    client: Client,
    transport: ScriptedTransport,
    runtime: VirtualRuntime,
}

fn setup(answers: impl IntoIterator<Item = Reply>) -> Setup {
    setup_with(Provisioning::Connect, Hosts::production(), answers)
}

fn setup_with(
    provisioning: Provisioning,
    hosts: Hosts,
    answers: impl IntoIterator<Item = Reply>,
) -> Setup {
    let transport = ScriptedTransport::new(answers);
    let runtime = VirtualRuntime::new();
    let credentials = Credentials::new("app-1", "canary-secret").expect("an id and a secret");
    let client = Client::builder(credentials, provisioning, transport.clone())
        .hosts(hosts)
        .build_on(runtime.clone());
    Setup {
        client,
        transport,
        runtime,
    }
}

/// A token that lives an hour from now.
fn session(setup: &Setup, token: &str) -> ConnectToken {
    let expiry = Expiry::after(setup.runtime.now(), Duration::from_secs(3_600));
    Issued::new(SessionToken::new(token), expiry).into()
}

fn nonce() -> Nonce {
    Nonce::parse(NONCE).expect("a nonce")
}

#[test]
fn a_button_carries_its_options_escaped() {
    let setup = setup_with(
        Provisioning::Connect,
        Hosts::single("http://127.0.0.1:9").unwrap(),
        [],
    );
    let token = session(&setup, "a\"b'c<d>&e");
    let launch = Launch::new(&token)
        .with_mode(Mode::Auth)
        .with_preseed()
        .with_segment("\"><script>alert(1)</script>")
        .with_focus_trap(true)
        .with_sentinel_trap(false);
    let html = setup
        .client
        .launcher()
        .button(&launch, "R&D <now>")
        .unwrap();
    assert_eq!(
        html.expose_secret(),
        "<div class=\"hapi__token-container\"><button type=\"button\" \
         data-hapi-token=\"a&quot;b&#39;c&lt;d&gt;&amp;e\" data-hapi-mode=\"auth\" \
         data-hapi-preseed=\"true\" \
         data-hapi-segment=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\" \
         data-hapi-focus-trap=\"true\" data-hapi-use-sentinel-trap=\"false\" \
         data-hapi-base-url=\"http://127.0.0.1:9\">R&amp;D &lt;now&gt;</button></div>"
    );
    assert_eq!(format!("{html:?}"), "LaunchHtml(…)");
}

#[test]
fn a_script_calls_the_widget_or_our_launcher() {
    let setup = setup([]);
    let token = session(&setup, "st-1</script><!--");
    let launch = Launch::new(&token).with_config("c");
    let launcher = setup.client.launcher();
    let functions = PageFunctions::default();
    let script = |library, opening| {
        let html = launcher.open_script(&launch, library, opening, &functions, &nonce());
        html.unwrap().expose_secret().to_owned()
    };
    let options = "{\"token\":\"st-1\\u003c/script\\u003e\\u003c!--\",\"config\":\"c\"}";
    assert_eq!(
        script(Library::Widget, Opening::AtOnce),
        format!("<script nonce=\"{NONCE}\">HumanConnect.open({options});</script>")
    );
    assert_eq!(
        script(
            Library::ConnectJs { src: "/connect.js" },
            Opening::OnClickOf {
                id: "go\"</script>"
            }
        ),
        format!(
            "<script type=\"module\" nonce=\"{NONCE}\">import {{ open }} from \"/connect.js\";\
             document.getElementById(\"go\\u{{22}}\\u{{3c}}/script\\u{{3e}}\")\
             .addEventListener(\"click\",()=>open({options}));</script>"
        )
    );
    let mut functions = PageFunctions::default();
    functions.on_close = Some(FunctionName::parse("clinic.closed").unwrap());
    let html = launcher
        .open_script(
            &launch,
            Library::Widget,
            Opening::AtOnce,
            &functions,
            &nonce(),
        )
        .unwrap();
    assert!(
        html.expose_secret()
            .contains(",\"onClose\":clinic.closed});")
    );
    assert_eq!(html.expose_secret().matches("</script>").count(), 1);
}

#[test]
fn a_phone_gets_a_link_back_to_a_listed_callback_alone() {
    let setup = setup([]);
    let token = session(&setup, "st-1");
    let launch = Launch::new(&token).with_segment("s");
    let launcher = setup.client.launcher();
    assert_eq!(
        launcher.web_view_url(&launch).unwrap().expose_secret(),
        "https://hapi-connect.humanapi.co/?token=st-1&segment=s"
    );
    let back = "exampleapp://done";
    let refused = launcher.hosted_link(&launch, back).map(|_| ());
    let not_allowed = LaunchError::Callback(CallbackError::NotAllowed);
    assert_eq!(refused, Err(not_allowed), "no list, no callback");
    let allowed = AllowedCallbacks::parse([back, "https://app.example.test/done"]).unwrap();
    let launcher = launcher.with_callbacks(allowed);
    assert_eq!(
        launcher.hosted_link(&launch, back).unwrap().expose_secret(),
        "https://hapi-link.humanapi.co/connect?clientId=app-1&token=st-1&callback=exampleapp%3A%2F%2Fdone&segment=s"
    );
    let longer = launcher.hosted_link(&launch, "https://app.example.test/done?to=evil");
    assert_eq!(longer.map(|_| ()), Err(not_allowed));
    assert!(not_allowed.remedy().contains("list"));
}

/// Each form in turn: what is refused, and with which error.
#[track_caller]
fn check_refused(launcher: &Launcher, launch: &Launch<'_>, expected: [Option<LaunchError>; 4]) {
    let functions = PageFunctions::default();
    let got = [
        launcher.button(launch, "x").err(),
        launcher
            .open_script(
                launch,
                Library::Widget,
                Opening::AtOnce,
                &functions,
                &nonce(),
            )
            .err(),
        launcher.web_view_url(launch).err(),
        launcher.hosted_link(launch, "exampleapp://done").err(),
    ];
    assert_eq!(got, expected);
}

#[test]
fn a_token_about_to_end_opens_connect_in_no_form() {
    let setup = setup([]);
    let token = session(&setup, "st-1");
    let launch = Launch::new(&token);
    let callbacks = AllowedCallbacks::parse(["exampleapp://done"]).unwrap();
    let launcher = setup.client.launcher().with_callbacks(callbacks);
    check_refused(&launcher, &launch, [None; 4]);
    // The clock that runs on is the client's, read at each rendering.
    setup.runtime.advance(Duration::from_secs(3_540));
    let ends_soon = LaunchError::EndsTooSoon {
        kind: token.kind(),
        left: Duration::from_secs(60),
    };
    check_refused(&launcher, &launch, [Some(ends_soon); 4]);
    assert!(
        ends_soon.to_string().contains("ask for a new one"),
        "{ends_soon}"
    );
    let margin = Leeway::at_least(Duration::from_secs(10));
    let lenient = launcher.clone().with_margin(margin);
    check_refused(&lenient, &launch, [None; 4]);
    setup.runtime.advance(Duration::from_secs(60));
    assert!(matches!(
        lenient.button(&launch, "x"),
        Err(LaunchError::EndsTooSoon {
            left: Duration::ZERO,
            ..
        })
    ));
}

#[test]
fn an_option_that_a_form_cannot_say_is_refused_there() {
    let setup = setup([]);
    let expiry = Expiry::after(setup.runtime.now(), Duration::from_secs(86_400));
    let token = ConnectToken::from(Issued::new(IdToken::new("id-1"), expiry));
    let callbacks = AllowedCallbacks::parse(["exampleapp://done"]).unwrap();
    let launcher = setup.client.launcher().with_callbacks(callbacks);
    let lost = |option, form| Some(LaunchError::NotSaid { option, form });
    let launch = Launch::new(&token).with_config("c");
    let expected = [
        lost("config", LaunchForm::Button),
        None,
        None,
        lost("config", LaunchForm::HostedLink),
    ];
    check_refused(&launcher, &launch, expected);
    let selecting = Launch::new(&token).with_mode(Mode::Select {
        client_id: ClientId::new("app-1").unwrap(),
        preseeded_sources: vec![],
    });
    let expected = [lost("clientId", LaunchForm::Button), None, None, None];
    check_refused(&launcher, &selecting, expected);
}

#[test]
fn what_opens_connect_hides_its_token() {
    let setup = setup([]);
    let token = session(&setup, "canary-token");
    let launch = Launch::new(&token);
    let launcher = setup.client.launcher();
    let functions = PageFunctions::default();
    let script = launcher
        .open_script(
            &launch,
            Library::Widget,
            Opening::AtOnce,
            &functions,
            &nonce(),
        )
        .unwrap();
    let shown = format!(
        "{launcher:?} {:?} {script:?} {:?} {:?}",
        launcher.button(&launch, "x").unwrap(),
        launcher.web_view_url(&launch).unwrap(),
        nonce(),
    );
    assert!(
        !shown.contains("canary") && !shown.contains("mR5c"),
        "{shown}"
    );
}

const ACCESS: &str = r#"{"access_token":"canary-at","expires_in":86400,"token_type":"Bearer","refresh_token":"canary-rt"}"#;
const ACCESS_WITH_ID: &str = r#"{"access_token":"canary-at","expires_in":86400,"human_id":"7a1d"}"#;

/// A source that must not be asked: confirming is not done from a cache.
struct NeverAsked;

#[async_trait::async_trait]
impl TokenSource for NeverAsked {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        panic!("a confirmation comes from the service");
    }
}

#[tokio::test]
async fn an_access_token_is_the_proof() {
    let transport = ScriptedTransport::new([Reply::json(200, ACCESS), Reply::json(200, ACCESS)]);
    let credentials = Credentials::new("app-1", "canary-secret").unwrap();
    let client = Client::builder(credentials, Provisioning::Connect, transport.clone())
        .tokens(Arc::new(NeverAsked))
        .build_on(VirtualRuntime::new());
    for _ in 0..2 {
        let known = KnownStatus::asserted(UserStatus::New);
        let user = client.user("patient-17").with_status(known);
        let confirmation = user.confirm_connection().await.unwrap();
        assert_eq!(confirmation.connection, Connection::Connected);
        assert_eq!(
            confirmation.human_id, None,
            "the documented answer tells none"
        );
        assert_eq!(confirmation.human_id_changed, None);
        assert!(confirmation.refusal.is_none());
        let event = confirmation.user_event();
        assert_eq!(UserStatus::Started.after(event), UserStatus::Connected);
        assert!(!format!("{confirmation:?}").contains("canary"));
        let token = confirmation.access_token.unwrap().token;
        assert_eq!(token.expose_secret(), "canary-at");
    }
    let requests = transport.requests();
    assert_eq!(requests.len(), 2, "each is asked afresh");
    let body: serde_json::Value = serde_json::from_slice(requests[0].body().as_bytes()).unwrap();
    assert_eq!(
        (&body["type"], &body["client_user_id"]),
        (&"access".into(), &"patient-17".into())
    );
}

#[tokio::test]
async fn another_human_id_is_told() {
    let check = async |answer: &str, known: Option<&str>, changed: Option<bool>| {
        let setup = setup([Reply::json(200, answer)]);
        let mut asking = setup.client.confirm_connection("patient-17");
        if let Some(known) = known {
            asking = asking.human_id(known);
        }
        let confirmation = asking.await.unwrap();
        assert_eq!(confirmation.human_id_changed, changed, "{answer} {known:?}");
        confirmation.human_id
    };
    let id = Some(HumanId::new("7a1d"));
    assert_eq!(check(ACCESS_WITH_ID, None, None).await, id);
    assert_eq!(check(ACCESS_WITH_ID, Some("7a1d"), Some(false)).await, id);
    assert_eq!(check(ACCESS_WITH_ID, Some("beef"), Some(true)).await, id);
    assert_eq!(check(ACCESS, Some("7a1d"), None).await, None);
}

#[tokio::test]
async fn not_connected_is_an_answer() {
    let nothing = TokenRefusal::NothingConnected;
    for (status, body, because) in [
        (
            403,
            r#"{"errorCode":"ACCESS_TOKEN_GENERATION_NOT_ALLOWED"}"#,
            nothing,
        ),
        (
            404,
            r#"{"errorCode":"UNKNOWN_CLIENT_USER_ID"}"#,
            TokenRefusal::UnknownUser,
        ),
        (
            200,
            r#"{"error":"x","errorCode":"UNKNOWN_CLIENT_USER_ID"}"#,
            TokenRefusal::UnknownUser,
        ),
    ] {
        for provisioning in [Provisioning::Connect, Provisioning::Hip] {
            let setup = setup_with(
                provisioning,
                Hosts::production(),
                [Reply::json(status, body)],
            );
            let user = setup.client.user("patient-17");
            let asking = user.confirm_connection().human_id("7a1d");
            let confirmation = asking.await.unwrap();
            assert_eq!(
                confirmation.connection,
                Connection::NotConnected { because },
                "{body}"
            );
            assert!(!confirmation.is_connected());
            assert!(confirmation.access_token.is_none() && confirmation.human_id.is_none());
            assert_eq!(
                confirmation.human_id_changed, None,
                "nothing to compare with"
            );
            let refusal = confirmation.refusal.as_ref().unwrap();
            assert_eq!(refusal.status().as_u16(), status);
            assert_eq!(confirmation.user_event(), UserEvent::TokenRefused(because));
            assert_eq!(setup.transport.requests().len(), 1, "not asked again");
        }
    }
}

#[tokio::test]
async fn every_other_failure_is_an_error() {
    let check = async |answers: Vec<Reply>, kind: ErrorKind| {
        let setup = setup(answers);
        let error = setup
            .client
            .confirm_connection("patient-17")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!format!("{error:?} {error}").contains("canary"));
    };
    let api = |status, body: &str, kind| (vec![Reply::json(status, body)], ErrorKind::Api(kind));
    let foreign = |status, body: &str| {
        let answers = (0..9).map(|_| Reply::json(status, body)).collect();
        (answers, ErrorKind::Intermediary)
    };
    for (answers, kind) in [
        api(
            401,
            r#"{"errorCode":"INVALID_CLIENT_ID_OR_SECRET"}"#,
            ApiErrorKind::InvalidCredentials,
        ),
        api(
            403,
            r#"{"errorCode":"NOT_AUTHORIZED"}"#,
            ApiErrorKind::NotAuthorized,
        ),
        api(400, r#"{"errorCode":"X"}"#, ApiErrorKind::InvalidRequest),
        api(
            403,
            r#"{"statusCode":403,"error":"Forbidden","message":"canary"}"#,
            ApiErrorKind::Other,
        ),
        api(403, r#"{"errorCode":"WAF-17"}"#, ApiErrorKind::Other),
        api(
            404,
            r#"{"x-humanapi-request-id":"0a"}"#,
            ApiErrorKind::Other,
        ),
        api(
            400,
            r#"{"errorCode":"INVALID_TOKEN_TYPE"}"#,
            ApiErrorKind::InvalidTokenType,
        ),
        foreign(302, ""),
        (vec![Reply::json(200, "{}")], ErrorKind::Unreadable),
        (
            vec![Reply::json(200, "<html>canary")],
            ErrorKind::Unreadable,
        ),
    ] {
        check(answers, kind).await;
    }
    let failing = |body: &str| (0..9).map(|_| Reply::json(503, body)).collect();
    let failure = ErrorKind::Api(ApiErrorKind::ServiceFailure);
    check(failing(r#"{"errorCode":"X"}"#), failure).await;
    for status in [401, 403, 404, 409, 503] {
        for body in ["", "<html>canary", "canary", r#"{"message":"canary"}"#] {
            let (answers, kind) = foreign(status, body);
            check(answers, kind).await;
        }
    }
    check(vec![], ErrorKind::Network(SendFailureKind::NotSent)).await;
    let empty = setup([]);
    let error = empty.client.confirm_connection("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_failure_on_the_way_is_tried_again() {
    let setup = setup([
        Reply::json(503, "{}"),
        Reply::failure(SendFailureKind::NotSent),
        Reply::json(200, ACCESS),
    ]);
    let confirmation = setup.client.confirm_connection("patient-17").await.unwrap();
    assert!(confirmation.is_connected());
    assert_eq!(setup.transport.requests().len(), 3);
}
