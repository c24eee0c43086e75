//! What must not be shown, and what must not turn into what it is not.
//!
//! What must not compile is in the client's `tests/ui`, which builds one project for all of it.

use std::fmt::{Debug, Display};
use std::time::{Duration, SystemTime};

use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::connect::{
    AuthCode, Callback, ConnectReport, DataAttributes, Launch, LaunchUrl, Mode,
};
use humanapi_core::data::medical::{Encounter, TestResult};
use humanapi_core::data::{
    Activity, ListActivities, ListRecords, Location, Profile, ROUTES, ReadHealthSummary,
    ReadProfile, ReadRecord, Record,
};
use humanapi_core::flow::{Authorized, Call, ConnectTokenFlow, SelfServed};
use humanapi_core::http::{Method, StatusCode};
use humanapi_core::{
    AccessToken, Bearer, Body, ClientId, ClientToken, ClientUserId, ConnectToken, Credentials,
    Endpoint as _, Expiry, Flow as _, FlowError, Generation, Host, Hosts, IdToken, Input, Issued,
    Leeway, Now, Provisioning, RawCall, RefreshToken, Response, RetryPolicy, SessionToken, Step,
    TokenKey,
};
use serde::{Deserialize, Serialize};
use static_assertions::assert_not_impl_any;

/// No line, page or file can take in a secret by mistake.
macro_rules! never_written {
    ($($secret:ty),+ $(,)?) => {
        $(assert_not_impl_any!(
            $secret: Serialize, Deserialize<'static>, Display, ToString,
            AsRef<str>, AsRef<[u8]>, std::ops::Deref, Into<String>, std::borrow::Borrow<str>,
            PartialEq, std::hash::Hash, Default,
        );)+
    };
}

never_written!(
    AccessToken,
    ClientToken,
    RefreshToken,
    SessionToken,
    IdToken,
    ConnectToken,
    Credentials,
    Bearer,
    Issued<AccessToken>,
    Issued<SessionToken>,
    LaunchUrl,
    DataAttributes,
    AuthCode,
);

// Health data is not a secret of ours, and is not written by chance either.
assert_not_impl_any!(Record: Serialize, Display);
assert_not_impl_any!(Profile: Serialize, Display);
assert_not_impl_any!(ConnectReport: Serialize, Display);
assert_not_impl_any!(Body: Serialize, Display, PartialEq);

// A server's token never opens Connect.
assert_not_impl_any!(Issued<AccessToken>: Into<ConnectToken>);
assert_not_impl_any!(Issued<ClientToken>: Into<ConnectToken>);
assert_not_impl_any!(Issued<RefreshToken>: Into<ConnectToken>);
assert_not_impl_any!(AccessToken: Into<ConnectToken>, Into<SessionToken>, Into<IdToken>);
assert_not_impl_any!(ClientToken: Into<ConnectToken>, Into<SessionToken>, Into<IdToken>);
assert_not_impl_any!(RefreshToken: Into<ConnectToken>, Into<SessionToken>, Into<IdToken>);
assert_not_impl_any!(Bearer: Into<ConnectToken>, Into<SessionToken>, Into<IdToken>);
assert_not_impl_any!(Credentials: Into<ConnectToken>);
// A token without its end is none that Connect is opened with.
assert_not_impl_any!(SessionToken: Into<ConnectToken>);
assert_not_impl_any!(IdToken: Into<ConnectToken>);
assert_not_impl_any!(ConnectToken: From<String>, From<&'static str>);

// A browser's token never authorizes a call.
assert_not_impl_any!(SessionToken: Into<Bearer>, Into<AccessToken>, Into<ClientToken>);
assert_not_impl_any!(IdToken: Into<Bearer>, Into<AccessToken>, Into<ClientToken>);
assert_not_impl_any!(ConnectToken: Into<Bearer>, Into<AccessToken>, Into<ClientToken>);
assert_not_impl_any!(RefreshToken: Into<Bearer>, Into<AccessToken>, Into<ClientToken>);
assert_not_impl_any!(Bearer: From<String>, From<&'static str>);

const CANARY: &str = "canary-8f3c-Zq";

#[track_caller]
fn check(shown: &dyn Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains("canary"), "{text}");
        // Nor as the list of its bytes, on one line or on many.
        let dense: String = text.split_whitespace().collect();
        assert!(!dense.contains("99,97,110,97,114,121"), "{text}");
        assert!(!text.is_empty());
    }
}

#[test]
#[should_panic(expected = "99, 97, 110")]
fn a_list_of_bytes_is_noticed() {
    check(&CANARY.as_bytes());
}

fn now() -> Now {
    Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH)
}

fn issued<T>(token: T) -> Issued<T> {
    let mut issued = Issued::new(token, Expiry::after(now(), Duration::from_secs(60)));
    issued.refresh_token = Some(RefreshToken::new(CANARY));
    issued
}

fn credentials() -> Credentials {
    Credentials::new("app-1", CANARY).expect("a secret")
}

fn user() -> ClientUserId {
    ClientUserId::new("patient-17").expect("an id")
}

#[test]
fn tokens_and_credentials_hide_themselves() {
    check(&SessionToken::new(CANARY));
    check(&IdToken::new(CANARY));
    check(&AccessToken::new(CANARY));
    check(&ClientToken::new(CANARY));
    check(&RefreshToken::new(CANARY));
    check(&issued(SessionToken::new(CANARY)));
    check(&issued(AccessToken::new(CANARY)));
    check(&issued(ClientToken::new(CANARY)));
    check(&ConnectToken::from(issued(SessionToken::new(CANARY))));
    check(&ConnectToken::from(issued(IdToken::new(CANARY))));
    check(&credentials());
    let access = Bearer::access(&AccessToken::new(CANARY), Generation::new(1)).unwrap();
    check(&access);
    check(access.authorization());
    check(&Bearer::client(&ClientToken::new(CANARY), Generation::new(1)).unwrap());
    check(&Input::Token(Ok(access)));
}

#[test]
fn requests_answers_and_endpoints_hide_their_bodies() {
    let session = IssueSessionToken::new(credentials(), user()).with_email(CANARY);
    let hosts = Hosts::production();
    check(&session);
    check(&session.request(&hosts).unwrap());
    check(&IssueIdToken::new(credentials(), user()));
    check(&IssueAccessToken::new(
        credentials(),
        Provisioning::Hip,
        user(),
    ));
    check(&IssueClientToken::new(credentials()));
    check(&ListActivities::new().with_source(CANARY));
    for route in ROUTES {
        check(&ListRecords::new(route).map(|list| list.with_source(CANARY)));
        check(&ReadRecord::new(route, CANARY));
    }
    let raw = RawCall::new(Method::POST, Host::Data, "/v1")
        .with_json(&[CANARY])
        .unwrap();
    check(&raw);
    check(&raw.request(&hosts).unwrap());
    check(&raw.parse(answer(200, body()), now()).unwrap());
    check(&answer(200, body()));
    check(&Body::from(CANARY));
}

#[test]
fn records_hide_what_they_say_of_a_person() {
    let profile = ReadProfile::new()
        .parse(answer(200, body()), now())
        .unwrap();
    check(&profile);
    check(&*profile);
    check(&(
        profile.odd(),
        profile
            .fields()
            .into_iter()
            .map(|(_, json)| json)
            .collect::<Vec<_>>(),
    ));
    check(&profile.default_time_zone());
    let summary = ReadHealthSummary::new()
        .parse(answer(200, body()), now())
        .unwrap();
    check(&summary);
    check(&(summary.weight(), summary.blood_pressure()));
    check(&(summary.activity_summary(), summary.sleep_summary()));
    check(&summary.odd());
    let page = ListActivities::new()
        .parse(answer(200, format!("[{}]", body())), now())
        .unwrap();
    let series = page.items[0].time_series().unwrap();
    check(&series.iter().map(|(_, series)| series).collect::<Vec<_>>());
    check(&page.items[0].odd());
    check(&page);
    assert_eq!(series.len(), 1);
}

#[test]
fn values_hide_what_was_sent() {
    const SENT: &str = r#"{"distance":5150.61803,"location":{"latitude":5150.61803},
        "resultDateTime":"1931-11-27","components":[{"value":"<5150.61803 canary"}],
        "provider":{"name":"canary","address":{"street":"canary"}}}"#;
    let check = |shown: &dyn Debug| {
        check(shown);
        for text in [format!("{shown:?}"), format!("{shown:#?}")] {
            assert!(!text.contains("5150") && !text.contains("1931"), "{text}");
        }
    };
    let activity = Activity::from_json(SENT).unwrap();
    check(&activity.distance().unwrap());
    check(&activity.field("distance").unwrap());
    let location = Location::from_json(SENT).unwrap();
    check(&location.location().unwrap());
    let result = TestResult::from_json(SENT).unwrap();
    check(&result.result_date_time().unwrap());
    let components = result.components().unwrap();
    check(&(components[0].value().unwrap(), &components));
    let provider = Encounter::from_json(SENT).unwrap().provider().unwrap();
    check(&(provider.name().unwrap(), provider.address().unwrap()));
}

#[test]
fn what_opens_connect_and_what_it_reports_hide_themselves() {
    let token = ConnectToken::from(issued(IdToken::new(CANARY)));
    let launch = Launch::new(&token).with_mode(Mode::Auth);
    let hosts = Hosts::production();
    check(&launch);
    check(&launch.iframe_url(&hosts));
    check(&launch.data_attributes(&hosts));
    let callback = Callback::parse("exampleapp://done").unwrap();
    let client_id = ClientId::new("app-1").unwrap();
    check(&launch.hosted_link(&hosts, &client_id, &callback));
    let source = format!(r#"[{{"name":"{CANARY}","id":"{CANARY}"}}]"#);
    let provider = format!(r#"[{{"address":"{CANARY}","physician":"{CANARY}"}}]"#);
    let report = format!(
        r#"{{"type":"{CANARY}","status":"{CANARY}","authCode":{{"code":"{CANARY}"}},"other":"{CANARY}",
            "sessionResults":{{"connectedSources":{source},"requestedSources":{provider}}},
            "currentConnections":{source},"requestedProviders":{provider}}}"#
    );
    let report = ConnectReport::from_json(report.as_bytes()).unwrap();
    assert_eq!(report.connected[0].name, CANARY);
    check(&report);
    check(&(&report.connected, &report.requested, &report.auth_code));
}

#[test]
fn flows_steps_and_errors_hide_all_of_it() {
    let hosts = Hosts::production();
    let policy = RetryPolicy::default();
    let kept = ConnectToken::from(issued(SessionToken::new(CANARY)));
    let mut connect = ConnectTokenFlow::new(credentials(), user(), hosts.clone(), policy.clone())
        .with_email(CANARY)
        .with_reusable(kept, Leeway::default());
    check(&connect);
    let step = connect.poll(now());
    check(&step);
    check(&connect);
    let Step::Send { id, .. } = step else {
        panic!("a session is asked for");
    };
    let response = answer(
        200,
        format!(r#"{{"session_token":"{CANARY}","human_id":"7a"}}"#),
    );
    let input = Input::Response { id, response };
    check(&input);
    connect.handle(input, now());
    check(&connect);
    check(&connect.poll(now()));

    let key = TokenKey::access(credentials().client_id().clone(), user());
    let inner = Authorized::new(ReadProfile::new(), key, hosts.clone(), policy.clone());
    let mut flow = SelfServed::new(
        inner,
        credentials(),
        Provisioning::Connect,
        hosts.clone(),
        policy.clone(),
    );
    let Step::Send { id, .. } = flow.poll(now()) else {
        panic!("a token is asked for");
    };
    let response = answer(200, format!(r#"{{"access_token":"{CANARY}"}}"#));
    flow.handle(Input::Response { id, response }, now());
    check(&flow);
    let step = flow.poll(now());
    check(&step);
    check(&flow);
    let Step::Send { id, request, .. } = step else {
        panic!("the call is made");
    };
    assert_eq!(
        request.headers()["authorization"],
        format!("Bearer {CANARY}")
    );
    let response = answer(403, body());
    flow.handle(Input::Response { id, response }, now());
    let Step::Done(Err(error)) = flow.poll(now()) else {
        panic!("the call is refused");
    };
    check(&error);
    check_error(&error);

    // A token that no header can hold.
    let mut call = Call::new(
        IssueAccessToken::new(credentials(), Provisioning::Connect, user()),
        hosts,
        policy,
    );
    check(&call);
    let Step::Send { id, .. } = call.poll(now()) else {
        panic!("a token is asked for");
    };
    let response = answer(200, format!(r#"{{"access_token":"{CANARY}\n"}}"#));
    call.handle(Input::Response { id, response }, now());
    let Step::Done(Ok(issued)) = call.poll(now()) else {
        panic!("a token is issued");
    };
    let error = Bearer::access(&issued.token, Generation::new(1)).unwrap_err();
    check(&error);
    check_error(&FlowError::from(error));
}

#[track_caller]
fn check_error(error: &FlowError) {
    let mut link: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = link {
        assert!(!error.to_string().contains("canary"), "{error}");
        link = error.source();
    }
    assert!(!error.remedy().contains("canary"));
}

fn answer(status: u16, body: String) -> Response {
    let mut response = Response::new(Body::from(body.into_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// Everything that a record, or a refusal, could tell, with the canary in each place.
fn body() -> String {
    let value = format!(
        r#"{{"id":"{CANARY}","source":"{CANARY}","unit":"{CANARY}","date":"{CANARY}","value":1}}"#
    );
    format!(
        r#"{{"id":"{CANARY}","email":"{CANARY}","gender":"{CANARY}","{CANARY}":"{CANARY}",
            "message":"{CANARY}","error":"{CANARY}","errorCode":"{CANARY}",
            "x-humanapi-request-id":"{CANARY}","validation":{{"source":"{CANARY}"}},
            "defaultTimeZone":{{"name":"{CANARY}"}},"weight":{value},"bloodPressure":{value},
            "activitySummary":{value},"sleepSummary":{value},
            "timeSeries":{{"{CANARY}":{{"type":"{CANARY}","values":["{CANARY}"]}}}}}}"#
    )
}
