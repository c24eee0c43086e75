//! Requests as the bytes that go out, and answers as the bytes that come in.
//!
//! Each request is a file in `golden/`, reviewed like code. Values are made up; shapes are the
//! documented ones.
//!
//! One piece: requests and answers of one wire, each a case of a few lines over the same few readers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::{Duration, SystemTime};

use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::data::{ListActivities, ReadHealthSummary, ReadProfile, Record};
use humanapi_core::http::{HeaderValue, Method, StatusCode};
use humanapi_core::{
    ApiErrorKind, Body, BuildError, ClientUserId, ConnectToken, Credentials, Endpoint, Expiry,
    Host, HostError, Hosts, Issued, Leeway, Now, Provisioning, RawCall, Replay, Response,
    ResponseError, TokenKind, UrlPath,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

mod requests;
use requests::check_request;

fn credentials() -> Credentials {
    Credentials::new("0123456789abcdef", "made-up-secret").unwrap()
}

fn user(id: &str) -> ClientUserId {
    ClientUserId::new(id).unwrap()
}

#[test]
fn session_requests_are_as_documented() {
    let session = |id: &str| IssueSessionToken::new(credentials(), user(id));
    check_request("session", &session("patient-17"));
    check_request(
        "session_with_email",
        &session("patient-17").with_email("p17@example.test"),
    );
    check_request(
        "session_with_scopes",
        &session("patient-17").with_extra_scopes(["first", "a \"second\" one"]),
    );
    check_request(
        "session_without_scopes",
        &session("patient-17").with_extra_scopes(Vec::<String>::new()),
    );
    check_request(
        "session_of_an_odd_user",
        &session("Ünï-✓ \"q\" \\ / \u{1}\u{7f}\u{2028}🫀 e\u{301}\n")
            .with_email("ü\"@example.test"),
    );
}

#[test]
fn id_access_and_client_requests_are_as_documented() {
    check_request("id", &IssueIdToken::new(credentials(), user("patient-17")));
    check_request(
        "id_with_scopes",
        &IssueIdToken::new(credentials(), user("patient-17")).with_extra_scopes(["first"]),
    );
    for (name, provisioning) in [
        ("access_connect", Provisioning::Connect),
        ("access_hip", Provisioning::Hip),
    ] {
        let access = IssueAccessToken::new(credentials(), provisioning, user("patient-17"));
        check_request(name, &access);
    }
    check_request("client", &IssueClientToken::new(credentials()));
    let odd = Credentials::new("app\"1", "s\\e\"c\u{1}rét").unwrap();
    check_request("client_of_odd_credentials", &IssueClientToken::new(odd));
}

#[test]
fn data_requests_are_as_documented() {
    check_request("summary", &ReadHealthSummary::new());
    check_request("profile", &ReadProfile::new());
    check_request("activities", &ListActivities::new());
    check_request("activities_with_everything", &everything());
    check_request(
        "activities_of_odd_values",
        &ListActivities::new()
            .with_limit(500)
            .with_offset(u64::MAX / 2)
            .with_source("a b&c=d#é+/?%")
            .with_updated_since("1969-12-31T23:59:59.999Z".parse().unwrap()),
    );
}

fn everything() -> ListActivities {
    ListActivities::new()
        .with_limit(20)
        .with_offset(40)
        .with_created_since("2026-01-02T03:04:05Z".parse().unwrap())
        .with_created_before("2026-02-03T04:05:06.789Z".parse().unwrap())
        .with_updated_since("2026-03-04T07:06:07+02:00".parse().unwrap())
        .with_updated_before("2026-04-05T06:07:08Z".parse().unwrap())
        .with_source("fitbit")
        .with_days("2026-01-01".parse().unwrap(), "2026-01-31".parse().unwrap())
        .with_time_series()
}

#[test]
fn raw_requests_are_what_the_caller_wrote() {
    let get = RawCall::new(Method::GET, Host::Data, "/v1/human/sources?limit=5");
    check_request("raw_get", &get);
    let post = RawCall::new(Method::POST, Host::Admin, "/api/v1/users/actions")
        .with_json(&serde_json::json!({"clientUserId": "policy-417", "action": "abort"}))
        .unwrap();
    check_request("raw_post", &post);
    let activities = UrlPath::new("/v1/human/activities");
    let path = activities.clone().with_segment("65a0/../x?y#z").unwrap();
    let by_id = RawCall::new(Method::GET, Host::Data, path);
    let request = by_id.request(&Hosts::production()).unwrap();
    assert_eq!(
        request.uri(),
        "https://api.humanapi.co/v1/human/activities/65a0%2F..%2Fx%3Fy%23z"
    );
    for id in ["", ".", "..", "%2e%2E"] {
        assert!(activities.clone().with_segment(id).is_err(), "{id}");
    }
    for odd in [
        "v1/human",
        "/v1/human#fragment",
        "/v1/human?a=b#c",
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1\\human",
        "/v1/hu man",
        "/v1/human?a='b'",
    ] {
        let call = RawCall::new(Method::GET, Host::Data, odd);
        let refused = call.request(&Hosts::production()).map(|_| ());
        assert_eq!(refused, Err(BuildError::Path), "{odd}");
    }
    let replays = [
        (Method::GET, Replay::Safe),
        (Method::HEAD, Replay::Safe),
        (Method::OPTIONS, Replay::Safe),
        (Method::PUT, Replay::Safe),
        (Method::DELETE, Replay::Safe),
        (Method::POST, Replay::OnlyIfNotSent),
        (Method::PATCH, Replay::OnlyIfNotSent),
    ];
    for (method, replay) in replays {
        let call = RawCall::new(method.clone(), Host::Data, "/x");
        assert_eq!(call.replay(), replay, "{method}");
    }
}

#[test]
fn what_cannot_go_out_is_not_built() {
    let hosts = Hosts::production();
    for path in [
        "",
        "v1/human",
        "https://other.example.test/",
        "//a b",
        "/a b",
        "/\u{e9}\n",
    ] {
        let call = RawCall::new(Method::GET, Host::Data, path);
        assert_eq!(
            call.request(&hosts).unwrap_err(),
            BuildError::Path,
            "{path}"
        );
    }
    for limit in [0, 501, u32::MAX] {
        let error = ListActivities::new().with_limit(limit).request(&hosts);
        assert!(matches!(
            error,
            Err(BuildError::OutOfRange { name: "limit", .. })
        ));
    }
    let error = ListActivities::new()
        .with_offset(u64::MAX / 2 + 1)
        .request(&hosts);
    assert!(matches!(
        error,
        Err(BuildError::OutOfRange { name: "offset", .. })
    ));
    let days = ListActivities::new()
        .with_days("2026-02-01".parse().unwrap(), "2026-01-31".parse().unwrap());
    assert!(days.request(&hosts).is_err());
    assert_eq!(
        Hosts::single("http://api.example.test").map(|_| ()),
        Err(HostError::PlainHttp)
    );
}

// Answers.

fn answer(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Response {
    let mut response = Response::new(Body::from(body.to_vec()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        response.headers_mut().append(*name, value);
    }
    response
}

fn sent_at() -> Now {
    Now::new(
        Duration::from_secs(700),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    )
}

/// A token as read from an answer.
#[derive(Clone, Debug, PartialEq)]
struct Read {
    token: String,
    expiry: Expiry,
    human_id: Option<String>,
    refresh_token: Option<String>,
}

fn read<T>(issued: Issued<T>, token: impl Fn(&T) -> &str) -> Read {
    Read {
        token: token(&issued.token).to_owned(),
        expiry: issued.expiry,
        human_id: issued.human_id.map(|id| id.as_str().to_owned()),
        refresh_token: issued
            .refresh_token
            .map(|token| token.expose_secret().to_owned()),
    }
}

fn issue(kind: TokenKind, body: impl AsRef<[u8]>) -> Result<Read, ResponseError> {
    let response = answer(200, &[], body.as_ref());
    let user = user("patient-17");
    match kind {
        TokenKind::Session => IssueSessionToken::new(credentials(), user)
            .parse(response, sent_at())
            .map(|issued| read(issued, |token| token.expose_secret())),
        TokenKind::Id => IssueIdToken::new(credentials(), user)
            .parse(response, sent_at())
            .map(|issued| read(issued, |token| token.expose_secret())),
        TokenKind::Access => {
            let hip = IssueAccessToken::new(credentials(), Provisioning::Hip, user.clone());
            let connect = IssueAccessToken::new(credentials(), Provisioning::Connect, user);
            let read = |parsed: Result<Issued<_>, _>| {
                parsed.map(|issued| read(issued, humanapi_core::AccessToken::expose_secret))
            };
            let by_hip = read(hip.parse(answer(200, &[], body.as_ref()), sent_at()));
            let by_connect = read(connect.parse(response, sent_at()));
            assert_eq!(by_hip.as_ref().ok(), by_connect.as_ref().ok());
            by_connect
        }
        TokenKind::Client => IssueClientToken::new(credentials())
            .parse(response, sent_at())
            .map(|issued| read(issued, |token| token.expose_secret())),
    }
}

/// Checks a token's life by both clocks.
#[track_caller]
fn check_life(read: &Read, lifetime: Duration) {
    let leeway = Leeway::default().with_skew(Duration::ZERO);
    let expiry = read.expiry;
    let last = lifetime.saturating_sub(Duration::from_millis(1));
    if !lifetime.is_zero() {
        assert!(expiry.leaves(sent_at().after(last), leeway), "{expiry:?}");
    }
    assert!(!expiry.leaves(sent_at().after(lifetime), leeway));
    let now = sent_at();
    let by_wall = Now::new(now.monotonic(), now.wall() + lifetime);
    assert!(!expiry.leaves(by_wall, leeway), "the wall clock says so");
    let by_monotonic = Now::new(now.monotonic() + lifetime, now.wall());
    assert!(!expiry.leaves(by_monotonic, leeway), "the other says so");
    let set_back = Now::new(
        now.monotonic() + lifetime,
        now.wall() - Duration::from_secs(99_999),
    );
    assert!(!expiry.leaves(set_back, leeway), "it is not undone");
}

#[track_caller]
fn check(
    kind: TokenKind,
    body: &str,
    token: &str,
    seconds: u64,
    human_id: Option<&str>,
    refresh_token: Option<&str>,
) {
    let read = issue(kind, body).unwrap_or_else(|error| panic!("{body}: {error}"));
    assert_eq!(read.token, token, "{body}");
    assert_eq!(read.human_id.as_deref(), human_id, "{body}");
    assert_eq!(read.refresh_token.as_deref(), refresh_token, "{body}");
    check_life(&read, Duration::from_secs(seconds));
}

const HUMAN: &str = "7a1d0c55e2f34b8f9d3b6c0e4f2a1b90";

#[test]
fn the_documented_answers_are_read() {
    check(
        TokenKind::Session,
        r#"{ "expires_in": 3600, "human_id": "7a1d0c55e2f34b8f9d3b6c0e4f2a1b90", "session_token": "made-sess-Vd3kq0" }"#,
        "made-sess-Vd3kq0",
        3_600,
        Some(HUMAN),
        None,
    );
    check(
        TokenKind::Id,
        r#"{ "id_token": "made-id-9sK2", "id_token_expires_in": 86400, "expires_in": 86400,
             "id_refresh_token": "made-idr-Qm7Z", "human_id": "7a1d0c55e2f34b8f9d3b6c0e4f2a1b90" }"#,
        "made-id-9sK2",
        86_400,
        Some(HUMAN),
        Some("made-idr-Qm7Z"),
    );
    check(
        TokenKind::Access,
        r#"{ "access_token": "made-at-1Fh4", "expires_in": 86400, "token_type": "Bearer",
             "refresh_token": "atrt-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }"#,
        "made-at-1Fh4",
        86_400,
        None,
        Some("atrt-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    );
    check(
        TokenKind::Client,
        r#"{ "expires_in": 86400, "client_token": "e30.e30.bWFkZQ" }"#,
        "e30.e30.bWFkZQ",
        86_400,
        None,
        None,
    );
}

/// The field that holds a token of this kind.
fn field(kind: TokenKind) -> String {
    format!("{kind}_token")
}

#[test]
fn a_lean_answer_has_the_documented_life() {
    for (kind, seconds) in [
        (TokenKind::Session, 3_600),
        (TokenKind::Id, 86_400),
        (TokenKind::Access, 86_400),
        (TokenKind::Client, 86_400),
    ] {
        let body = format!(r#"{{"{}":"t"}}"#, field(kind));
        check(kind, &body, "t", seconds, None, None);
        for nothing in [
            "null", "\"\"", "\"soon\"", "true", "[]", "{}", "[3600]", "\"NaN\"",
        ] {
            let body = format!(r#"{{"{}":"t","expires_in":{nothing}}}"#, field(kind));
            check(kind, &body, "t", seconds, None, None);
        }
    }
}

#[test]
fn a_lifetime_is_read_however_it_is_written() {
    const LONGEST: u64 = 10 * 366 * 86_400;
    let forms = [
        ("60", 60),
        ("\"60\"", 60),
        ("\" 60 \"", 60),
        ("60.0", 60),
        ("6e1", 60),
        ("\"60.0\"", 60),
        ("0", 0),
        ("-0", 0),
        ("-1", 0),
        ("-1.5", 0),
        ("\"-60\"", 0),
        ("-9223372036854775808", 0),
        ("-99999999999999999999999", 0),
        ("9223372036854775807", LONGEST),
        ("18446744073709551615", LONGEST),
        ("99999999999999999999999999", LONGEST),
        ("1e300", LONGEST),
        ("1e999", LONGEST),
        ("\"1e999\"", LONGEST),
        ("\"inf\"", LONGEST),
        ("\"-inf\"", 0),
    ];
    for kind in TokenKind::ALL {
        for (text, seconds) in forms {
            let body = format!(r#"{{"expires_in":{text},"{}":"t"}}"#, field(kind));
            check(kind, &body, "t", seconds, None, None);
        }
    }
    let read = issue(
        TokenKind::Client,
        r#"{"client_token":"t","expires_in":1.5}"#,
    )
    .unwrap();
    check_life(&read, Duration::from_millis(1_500));
}

#[test]
fn an_id_token_lives_by_its_own_field_first() {
    let check = |rest: &str, seconds| {
        let body = format!(r#"{{"id_token":"t"{rest}}}"#);
        check(TokenKind::Id, &body, "t", seconds, None, None);
    };
    check(r#","id_token_expires_in":60"#, 60);
    check(r#","expires_in":70"#, 70);
    check(r#","id_token_expires_in":60,"expires_in":70"#, 60);
    check(r#","expires_in":70,"id_token_expires_in":60"#, 60);
    check(r#","expires_in":70,"id_token_expires_in":null"#, 70);
    check(r#","expires_in":70,"id_token_expires_in":"soon""#, 70);
    check(r#","id_token_expires_in":0,"expires_in":70"#, 0);
    // It is no lifetime of another kind.
    for kind in [TokenKind::Session, TokenKind::Access, TokenKind::Client] {
        let body = format!(r#"{{"{}":"t","id_token_expires_in":60}}"#, field(kind));
        let read = issue(kind, body).unwrap();
        check_life(&read, kind.default_lifetime());
    }
}

#[test]
fn fields_beyond_the_token_are_all_optional() {
    let id = TokenKind::Id;
    let check = |kind, body: &str, human_id, refresh| {
        let read = issue(kind, body).unwrap();
        assert_eq!(read.human_id.as_deref(), human_id, "{body}");
        assert_eq!(read.refresh_token.as_deref(), refresh, "{body}");
    };
    check(
        id,
        r#"{"id_token":"t","refresh_token":"r"}"#,
        None,
        Some("r"),
    );
    check(
        id,
        r#"{"id_token":"t","refresh_token":"r","id_refresh_token":"i"}"#,
        None,
        Some("i"),
    );
    for nothing in ["null", "\"\"", "7", "[]", "{}", "false"] {
        let body = format!(
            r#"{{"id_token":"t","human_id":{nothing},"id_refresh_token":{nothing},"token_type":{nothing},"scope":{nothing}}}"#
        );
        check(id, &body, None, None);
    }
    let access = TokenKind::Access;
    check(
        access,
        r#"{"access_token":"t","human_id":"h","id_refresh_token":"i"}"#,
        Some("h"),
        None,
    );
    let extra = r#"{"a":{"b":[1,{"c":null}]},"session_token":"t","z":[[[]]],"expires_at":"2026"}"#;
    check(TokenKind::Session, extra, None, None);
    // An error beside a token is none: the token is there.
    let both = r#"{"error":null,"session_token":"t","errorCode":"NOT_AUTHORIZED"}"#;
    check(TokenKind::Session, both, None, None);
}

#[test]
fn no_field_spoils_the_answer_around_it() {
    for kind in TokenKind::ALL {
        let token = field(kind);
        for odd in [
            r#""human_id":"half an emoji \ud83d""#,
            r#""human_id":"a\x""#,
            r#""refresh_token":nonsense"#,
            r#""scope":[1 2]"#,
            r#""\ud83d":1"#,
            r#""later":1e999"#,
        ] {
            let body = format!(r#"{{{odd},"{token}":"t","expires_in":60}}"#);
            check(kind, &body, "t", 60, None, None);
        }
        // A token that cannot be read is none.
        for odd in [&br#""\ud83d""#[..], b"t", b"NaN", b"\"canary\xff\""] {
            let body = [b"{\"", token.as_bytes(), b"\":", odd, b"}"].concat();
            let missing = issue(kind, body).map(drop).unwrap_err();
            assert!(matches!(missing, ResponseError::MissingToken { .. }));
        }
    }
}

#[test]
fn the_last_of_several_equal_names_counts_and_null_is_no_value() {
    let token = |body: &str| issue(TokenKind::Session, body).unwrap().token;
    assert_eq!(token(r#"{"session_token":"a","session_token":"b"}"#), "b");
    assert_eq!(token(r#"{"session_token":"a","session_token":null}"#), "a");
    assert_eq!(token(r#"{"session_token":7,"session_token":"b"}"#), "b");
    let body = r#"{"session_token":"t","expires_in":60,"expires_in":30}"#;
    check_life(
        &issue(TokenKind::Session, body).unwrap(),
        Duration::from_secs(30),
    );
}

/// Fields as they may be written, known and unknown, in any order and any number.
fn fields() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let names = &[
        "session_token",
        "id_token",
        "access_token",
        "client_token",
        "refresh_token",
        "id_refresh_token",
        "human_id",
        "expires_in",
        "id_token_expires_in",
        "token_type",
        "Session_Token",
        "access_token ",
        r"expires_in\u0000",
        r"\u0061ccess_token",
        r"expires\u005fin",
    ];
    let values = &[
        r#""t""#,
        r#""""#,
        r#""a\\""#,
        r#""\"}""#,
        r#""a\u002fb""#,
        r#""\ud83e\udec0,""#,
        "\"\u{1fac0}\"",
        "60",
        r#""60""#,
        "1.5",
        "-1",
        "6e1",
        "true",
        "null",
        r#"["}",{"a":"]"}]"#,
        r#"{"access_token":"x","expires_in":7}"#,
        "[]",
        "{}",
        "18446744073709551615",
    ];
    vec((select(&names[..]), select(&values[..])), 0..12)
}

proptest! {
    /// However it is spaced, and wherever it breaks off.
    #[test]
    fn an_answer_is_read_as_another_reader_of_json_reads_it(
        fields in fields(),
        blank in select(&["", " ", "\r\n\t"][..]),
    ) {
        let written = fields
            .iter()
            .map(|(name, value)| format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}"));
        let body = format!("{blank}{{{blank}{}}}{blank}", written.collect::<Vec<_>>().join(","));
        prop_assert!(serde_json::from_str::<Value>(&body).is_ok(), "{body}");
        // The last of a name that is of the right type.
        let all = |wanted: &str| -> Vec<Value> {
            let read = |json: &str| serde_json::from_str::<Value>(json).unwrap();
            let is_it = |name: &str| read(&format!("\"{name}\"")) == wanted;
            let named = fields.iter().rev().filter(|(name, _)| is_it(name));
            named.map(|(_, value)| read(value)).collect()
        };
        let text = |wanted: &str| {
            let values = all(wanted);
            values.iter().find_map(|value| value.as_str().map(str::to_owned))
        };
        let seconds = |wanted: &str| {
            all(wanted).iter().find_map(|value| match value {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            })
        };
        for kind in TokenKind::ALL {
            let (refresh, life) = match kind {
                TokenKind::Id => (
                    text("id_refresh_token").or_else(|| text("refresh_token")),
                    seconds("id_token_expires_in").or_else(|| seconds("expires_in")),
                ),
                TokenKind::Access => (text("refresh_token"), seconds("expires_in")),
                TokenKind::Session | TokenKind::Client => (None, seconds("expires_in")),
            };
            let human_id = text("human_id").filter(|_| kind != TokenKind::Client);
            let some = |text: Option<String>| text.filter(|text| !text.is_empty());
            match (issue(kind, &body), some(text(&field(kind)))) {
                (Ok(read), Some(token)) => {
                    prop_assert_eq!(&read.token, &token, "{}", &body);
                    prop_assert_eq!(&read.human_id, &some(human_id), "{}", &body);
                    prop_assert_eq!(&read.refresh_token, &some(refresh), "{}", &body);
                    let longest = 10.0 * 366.0 * 86_400.0;
                    let life = life.map(|life: f64| Duration::from_secs_f64(life.clamp(0.0, longest)));
                    check_life(&read, life.unwrap_or_else(|| kind.default_lifetime()));
                }
                (Err(ResponseError::MissingToken { .. }), None) => {}
                (other, _) => prop_assert!(false, "{body}: {:?}", other.map(drop)),
            }
            for end in (0..body.trim_end().len()).filter(|end| body.is_char_boundary(*end)) {
                let broken = issue(kind, &body[..end]);
                prop_assert!(matches!(broken, Err(ResponseError::Decode(_))), "{}", &body[..end]);
            }
        }
    }
}

#[test]
fn a_token_is_unescaped_and_otherwise_left_alone() {
    for (written, token) in [
        (r"a\u002fb", "a/b"),
        (r"a\/b\\c", r"a/b\c"),
        (r#"\"quoted\""#, "\"quoted\""),
        (r"\ud83e\udec0", "🫀"),
        ("🫀", "🫀"),
        (" spaced ", " spaced "),
        ("Bearer x", "Bearer x"),
        (r"a\nb", "a\nb"),
    ] {
        for kind in TokenKind::ALL {
            let body = format!(r#"{{"{}":"{written}"}}"#, field(kind));
            assert_eq!(issue(kind, body).unwrap().token, token);
        }
    }
    let long = "t".repeat(100_000);
    let body = format!(r#"{{"client_token":"{long}"}}"#);
    assert_eq!(issue(TokenKind::Client, body).unwrap().token, long);
}

#[test]
fn a_success_without_the_token_is_no_success() {
    for kind in TokenKind::ALL {
        for other in TokenKind::ALL.into_iter().filter(|other| *other != kind) {
            let body = format!(r#"{{"{}":"t","expires_in":60}}"#, field(other));
            check_missing(kind, &body);
        }
        for nothing in ["null", "\"\"", "7", "true", "[\"t\"]", "{\"a\":\"t\"}"] {
            check_missing(kind, &format!(r#"{{"{}":{nothing}}}"#, field(kind)));
        }
        check_missing(kind, "{}");
        check_missing(kind, r#"{"token":"t","Session_Token":"t"}"#);
        let refused = issue(kind, r#"{"error":"invalid","message":"m"}"#).unwrap_err();
        let foreign = matches!(refused, ResponseError::Intermediary(_));
        assert!(foreign, "it bears no marks of the service: {refused:?}");
        let refused = issue(kind, r#"{"errorCode":"UNKNOWN_CLIENT_USER_ID"}"#).unwrap_err();
        let ResponseError::Api(error) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.kind(), ApiErrorKind::UnknownUser);
        assert_eq!(error.asked_for(), Some(kind));
    }
}

#[track_caller]
fn check_missing(kind: TokenKind, body: &str) {
    let id = r#","x-humanapi-request-id":"0a-1b"}"#;
    let with_id = body.strip_suffix('}').unwrap().to_owned() + id;
    let with_id = with_id.replacen("{,", "{", 1);
    for (body, id) in [(body, None), (&with_id, Some("0a-1b"))] {
        match issue(kind, body) {
            Err(ResponseError::MissingToken {
                kind: missing,
                request_id,
            }) => {
                assert_eq!(missing, kind, "{body}");
                assert_eq!(request_id.as_deref(), id, "{body}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn a_success_that_cannot_be_read_says_so_and_nothing_more() {
    let cases: [(&[u8], &str); 14] = [
        (b"", "it ends too early"),
        (b" ", "it ends too early"),
        (b"<!doctype html><p>canary", "it is not JSON"),
        (b"canary", "it is not JSON"),
        (b"[{\"session_token\":\"canary\"}]", "it is of another type"),
        (b"\"canary\"", "it is of another type"),
        (b"null", "it is of another type"),
        (b"7", "it is of another type"),
        (b"{\"session_token\":\"canary", "it ends too early"),
        (b"{\"session_token\":\"canary\"", "it ends too early"),
        (b"{\"session_token\":\"canary\"}}", "it is not JSON"),
        (b"{\"session_token\":\"canary\"} 7", "it is not JSON"),
        (b"{\"session_token\" \"canary\"}", "it is not JSON"),
        (b"{\"session_token\":}", "it is not JSON"),
    ];
    for kind in TokenKind::ALL {
        for (body, reason) in cases {
            let Err(ResponseError::Decode(error)) = issue(kind, body) else {
                panic!("{}", String::from_utf8_lossy(body));
            };
            assert_eq!((error.path.as_str(), error.reason), (".", reason));
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}

#[test]
fn a_connect_token_carries_what_the_answer_told() {
    let issued = IssueIdToken::new(credentials(), user("patient-17"))
        .parse(
            answer(
                200,
                &[],
                br#"{"id_token":"t","human_id":"h","expires_in":60}"#,
            ),
            sent_at(),
        )
        .unwrap();
    let expiry = issued.expiry;
    let token = ConnectToken::from(issued);
    assert_eq!(token.kind(), TokenKind::Id);
    assert_eq!(token.expose_secret(), "t");
    assert_eq!(token.expiry(), expiry);
    assert_eq!(token.human_id().map(|id| id.as_str()), Some("h"));
}

// Data.

const SUMMARY: &str = r#"{"userId":"5f00000000000000000000a1","humanId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","email":"robin@example.test","gender":"female","createdAt":"2021-01-02T03:04:05.006Z","bloodGlucose":{},"bloodOxygen":{"id":"5f0000000000000000000c01","timestamp":"2021-06-01T07:30:00.000Z","source":"withings","value":97,"unit":"SpO2"},"bloodPressure":{},"bmi":{},"bodyFat":{},"height":{},"heartRate":{},"weight":{"id":"5f0000000000000000000c02","timestamp":"2021-06-01T07:31:00.000Z","source":"withings","value":70.5,"unit":"kg"},"activitySummary":{},"sleepSummary":{}}"#;
const PROFILE: &str = r#"{"userId":"5f00000000000000000000a1","createdAt":"2021-01-02T03:04:05.006Z","email":"robin@example.test","defaultTimeZone":{"name":"UTC"},"humanId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}"#;
const ACTIVITY: &str = r#"{"id":"5f0000000000000000000e01","userId":"5f00000000000000000000a1","startTime":"2021-06-01T12:00:00.000Z","endTime":"2021-06-01T12:30:05.000Z","tzOffset":"+02:00","type":"walking","source":"strava","duration":1805,"distance":2410.7,"steps":3120,"calories":140,"sourceData":{"manual":false},"timeSeries":{"quality":{"type":"indexed","intervalInMillis":60000,"values":[1,1,2,3]}},"createdAt":"2021-06-01T13:00:00.000Z","updatedAt":"2021-06-01T13:00:00.000Z","humanId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}"#;

#[test]
fn the_documented_summary_is_read_and_kept() {
    let read = |body: &str| {
        ReadHealthSummary::new()
            .parse(answer(200, &[], body.as_bytes()), sent_at())
            .unwrap()
    };
    let summary = read(SUMMARY);
    assert_eq!(summary.raw(), SUMMARY.as_bytes());
    assert_eq!(summary.gender().as_deref(), Some("female"));
    let oxygen = summary.blood_oxygen().unwrap();
    assert_eq!(oxygen.value().map(f64::from), Some(97.0));
    assert_eq!(oxygen.unit().as_deref(), Some("SpO2"));
    assert_eq!(summary.weight().unwrap().value().unwrap().as_str(), "70.5");
    assert!(summary.blood_glucose().is_none() && summary.activity_summary().is_none());
    assert_eq!(summary.odd(), []);
    // A list of summaries, as answers of 2013 had, is read by its first.
    let old = read(
        r#"{"activitySummary":[{"date":"","steps":"12"},{"steps":13}],"sleepSummary":[],"weight":null,"height":7,"later":{"a":1.10}}"#,
    );
    let day = old.activity_summary().unwrap();
    assert_eq!(day.steps().map(f64::from), Some(12.0));
    assert!(day.date().is_none());
    assert!(old.sleep_summary().is_none() && old.weight().is_none() && old.height().is_none());
    assert_eq!(old.field("height").unwrap().raw(), b"7");
    assert_eq!(old.field("later").unwrap().raw(), br#"{"a":1.10}"#);
    assert_eq!(odd(&old), ["height"]);
    assert!(read("{}").human_id().is_none());
}

#[test]
fn the_documented_profile_is_read_and_kept() {
    let profile = ReadProfile::new()
        .parse(answer(200, &[], PROFILE.as_bytes()), sent_at())
        .unwrap();
    assert_eq!(profile.raw(), PROFILE.as_bytes());
    assert_eq!(profile.email().as_deref(), Some("robin@example.test"));
    let zone = profile.default_time_zone().unwrap();
    assert_eq!(zone.name().as_deref(), Some("UTC"));
    assert!(profile.updated_at().is_none());
}

#[test]
fn the_documented_activities_are_read_and_kept() {
    let body = format!("[\n{ACTIVITY} , {{}},{{\"duration\":\"1.5\",\"type\":7,\"tzOffset\":2}}]");
    let page = list(&ListActivities::new(), &[], &body);
    assert_eq!(page.items.len(), 3);
    let first = &page.items[0];
    let moment = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap());
    assert_eq!(first.raw(), ACTIVITY.as_bytes());
    assert_eq!(first.id().as_deref(), Some("5f0000000000000000000e01"));
    assert_eq!(first.user_id().as_deref(), Some("5f00000000000000000000a1"));
    assert_eq!(
        first.human_id().as_deref(),
        Some("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
    );
    assert_eq!(first.start_time(), moment("2021-06-01T12:00:00Z"));
    assert_eq!(first.end_time(), moment("2021-06-01T12:30:05Z"));
    assert_eq!(
        first.tz_offset().map(|offset| offset.seconds()),
        Some(7_200)
    );
    assert_eq!(first.time_zone(), None);
    assert_eq!(first.kind().as_deref(), Some("walking"));
    assert_eq!(first.source().as_deref(), Some("strava"));
    assert_eq!(first.duration().map(f64::from), Some(1805.0));
    assert_eq!(first.distance().map(f64::from), Some(2410.7));
    assert_eq!(first.steps().map(f64::from), Some(3120.0));
    assert_eq!(first.calories().map(f64::from), Some(140.0));
    assert_eq!(first.source_data().unwrap().raw(), br#"{"manual":false}"#);
    let series = first.time_series().unwrap();
    assert_eq!(series.len(), 1);
    let (name, quality) = &series[0];
    assert_eq!(name, "quality");
    assert_eq!(quality.kind().as_deref(), Some("indexed"));
    assert_eq!(quality.interval_millis().map(f64::from), Some(60_000.0));
    assert_eq!(quality.values().unwrap()[2].read::<u8>().unwrap(), 2);
    assert_eq!(first.created_at(), moment("2021-06-01T13:00:00Z"));
    assert_eq!(first.updated_at(), first.created_at());
    assert_eq!(first.odd(), []);
    assert_eq!(page.items[1].raw(), b"{}");
    assert_eq!(page.items[2].duration().map(f64::from), Some(1.5));
    assert_eq!(page.items[2].kind().as_deref(), Some("7"));
    assert_eq!(odd(&page.items[2]), ["tzOffset"]);
}

/// The paths of what could not be read.
fn odd(record: &Record) -> Vec<String> {
    record.odd().into_iter().map(|odd| odd.path).collect()
}

#[test]
fn an_odd_record_spoils_none_of_its_page() {
    // Half an emoji.
    let halves = r#"[{"id":"a1","steps":3,"name":"run \ud83d"},{"id":"a2","type":"run \ud83c"},{"id":"a3"}]"#;
    let page = list(&ListActivities::new(), &[], halves);
    let ids: Vec<_> = page.items.iter().map(|one| one.id().unwrap()).collect();
    assert_eq!(ids, ["a1", "a2", "a3"]);
    assert_eq!(
        page.items[0].field("steps").unwrap().read::<u8>().unwrap(),
        3
    );
    assert_eq!(
        page.items[0].field("name").unwrap().raw(),
        br#""run \ud83d""#
    );
    assert_eq!(
        (page.items[1].kind(), odd(&page.items[1])),
        (None, vec!["type".to_owned()])
    );
    // What is no record.
    let page = list(
        &ListActivities::new(),
        &[],
        r#"[{"id":"a1"},null,{"id":"a3"},[{}],"x"]"#,
    );
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.items[1].index(), 2);
    let told: Vec<_> = page
        .odd
        .iter()
        .map(|odd| (odd.index(), odd.raw()))
        .collect();
    assert_eq!(told, [(1, &b"null"[..]), (3, b"[{}]"), (4, b"\"x\"")]);
    // Numbers that no float holds, a field twice, and names with halves.
    let odd_ones =
        r#"[{"steps":1e999,"distance":2,"distance":3},{"\ud83d":1,"id":"b"},{"id":[],"id":"c"}]"#;
    let page = list(&ListActivities::new(), &[], odd_ones);
    assert_eq!(odd(&page.items[0]), ["steps", "distance"]);
    assert!(page.items[0].steps().is_none());
    assert_eq!(page.items[0].distance().map(f64::from), Some(3.0));
    assert_eq!(page.items[0].field("distance").unwrap().raw(), b"3");
    assert_eq!(page.items[1].id().as_deref(), Some("b"));
    assert_eq!(page.items[1].fields()[0].0, r"\ud83d");
    assert_eq!(page.items[2].id().as_deref(), Some("c"));
    // What is not JSON within one record, and what is not UTF-8.
    let mut broken = br#"[{"id":"a","steps":NaN},{"id":"b" "c"},{"id":"d","type":""#.to_vec();
    broken.extend_from_slice(b"caf\xe9\"},{\"id\":\"e\"}]");
    let response = answer(200, &[], &broken);
    let page = ListActivities::new().parse(response, sent_at()).unwrap();
    assert_eq!(page.items.len(), 3);
    assert_eq!(odd(&page.items[0]), ["steps", "."]);
    assert_eq!(
        (page.odd[0].index(), page.odd[0].raw()),
        (1, &br#"{"id":"b" "c"}"#[..])
    );
    assert_eq!(odd(&page.items[1]), ["type", "."]);
    assert!(page.items[1].raw().contains(&0xe9));
    assert_eq!(page.items[2].id().as_deref(), Some("e"));
    assert_eq!(page.items[2].odd(), []);
}

#[test]
fn a_byte_order_mark_before_records_is_skipped() {
    let page = list(&ListActivities::new(), &[], "\u{feff}[{\"id\":\"a\"}]");
    assert_eq!(page.items[0].raw(), br#"{"id":"a"}"#);
}

fn list(
    call: &ListActivities,
    headers: &[(&'static str, &str)],
    body: &str,
) -> <ListActivities as Endpoint>::Output {
    call.parse(answer(200, headers, body.as_bytes()), sent_at())
        .unwrap()
}

/// The URL of the next page, by a page's headers and how many records it has.
#[track_caller]
fn check_next(
    call: &ListActivities,
    headers: &[(&'static str, &str)],
    received: usize,
    next: Option<&str>,
) {
    let body = format!("[{}]", vec!["{}"; received].join(","));
    let page = list(call, headers, &body);
    let uri = page.next.map(|next| {
        let request = next.request(&Hosts::production()).unwrap();
        request.uri().to_string()
    });
    let next = next.map(|query| format!("https://api.humanapi.co/v1/human/activities{query}"));
    assert_eq!(uri, next, "{headers:?} {received}");
}

#[test]
fn a_pages_headers_lead_to_the_next() {
    let middle = "<https://api.humanapi.co/v1/human/activities?limit=20&offset=40>; rel=\"next\",<https://api.humanapi.co/v1/human/activities?limit=20&offset=0>; rel=\"prev\",<https://api.humanapi.co/v1/human/activities?limit=20&offset=60>; rel=\"last\",<https://api.humanapi.co/v1/human/activities?limit=20&offset=0>; rel=\"first\"";
    let last = "<https://api.humanapi.co/v1/human/activities?limit=20&offset=40>; rel=\"prev\",<https://api.humanapi.co/v1/human/activities?limit=20&offset=0>; rel=\"first\"";
    let call = ListActivities::new().with_limit(20).with_offset(20);
    let next = Some("?limit=20&offset=40");
    check_next(
        &call,
        &[("link", middle), ("x-total-count", "65")],
        20,
        next,
    );
    check_next(&call, &[("link", middle)], 20, next);
    check_next(&call, &[("link", last), ("x-total-count", "40")], 20, None);
    // A total that says more is followed where no link leads on.
    check_next(&call, &[("link", last), ("x-total-count", "65")], 20, next);
    check_next(&call, &[("link", middle), ("x-total-count", "65")], 0, None);
    check_next(&call, &[("x-total-count", "40")], 20, None);
    check_next(
        &call,
        &[("x-total-count", "65")],
        7,
        Some("?limit=20&offset=27"),
    );
    check_next(&call, &[], 20, next);
    // A page that is not full may come from a server that gives fewer than asked for.
    check_next(&call, &[], 19, Some("?limit=20&offset=39"));
    check_next(&call, &[], 0, None);
    check_next(&call, &[("x-total-count", "-1")], 20, next);
    // The default page has 50.
    check_next(&ListActivities::new(), &[], 50, Some("?limit=50&offset=50"));
    check_next(&ListActivities::new(), &[("x-total-count", "49")], 49, None);
    // A link to another host leads to ours, and its other parameters lead nowhere.
    let foreign = "<https://evil.example.test/?offset=40&limit=7&access_token=x>; rel=\"next\"";
    check_next(&call, &[("link", foreign)], 20, next);
    let back = "<https://api.humanapi.co/?offset=20>; rel=\"next\"";
    check_next(&call, &[("link", back)], 20, next);
    // Every other parameter goes along.
    let page = list(
        &everything(),
        &[],
        &format!("[{}]", vec!["{}"; 20].join(",")),
    );
    assert_eq!(page.next, Some(everything().with_offset(60)));
    assert_eq!(page.total, None);
}

#[test]
fn data_that_cannot_be_read_says_where_and_not_what() {
    let check = |result: Result<(), ResponseError>, path: &str, reason: &str| {
        let Err(ResponseError::Decode(error)) = result else {
            panic!("{result:?}");
        };
        assert_eq!((error.path.as_str(), error.reason), (path, reason));
        assert!(!format!("{error} {error:?}").contains("canary"));
    };
    let profile = |body: &[u8]| {
        let response = answer(200, &[], body);
        ReadProfile::new().parse(response, sent_at()).map(|_| ())
    };
    let summary = |body: &[u8]| {
        let response = answer(200, &[], body);
        ReadHealthSummary::new()
            .parse(response, sent_at())
            .map(|_| ())
    };
    let activities = |body: &[u8]| {
        let response = answer(200, &[], body);
        ListActivities::new().parse(response, sent_at()).map(|_| ())
    };
    for read in [&profile as &dyn Fn(&[u8]) -> _, &summary] {
        check(read(b""), ".", "it ends too early");
        check(read(b"<html>canary"), ".", "it is not JSON");
        check(read(b"[]"), ".", "it is of another type");
        check(read(b"null"), ".", "it is of another type");
        check(read(b"\"canary\""), ".", "it is of another type");
        check(
            read(b"{\"canary\":{\"canary\":tru"),
            ".",
            "it ends too early",
        );
        check(read(b"{\"canary\":{\"canary\"]"), ".", "it is not JSON");
        check(read(b"{\"canary\":\"\"} canary"), ".", "it is not JSON");
        check(read(b"{\"canary\" 1}"), ".", "it is not JSON");
        check(read(b"{\"canary\":}"), ".", "it is not JSON");
        check(read(b"{canary:1}"), ".", "it is not JSON");
        check(read(b"{\"canary\":\"\\"), ".", "it ends too early");
    }
    for list in ["[]", "[\"canary\"]", "[{\"userId\":\"canary\"}]"] {
        check(profile(list.as_bytes()), ".", "it is of another type");
    }
    check(activities(b"{}"), ".", "it is of another type");
    check(
        activities(b"[{\"canary\":1},{\"canary\""),
        "[1]",
        "it ends too early",
    );
    check(activities(b"[{}"), "[1]", "it ends too early");
    check(
        activities(b"[{},{\"canary\":[}]}]"),
        "[1]",
        "it is not JSON",
    );
    check(activities(b"[{} {}]"), "[1]", "it is not JSON");
    check(activities(b"[{},]"), "[1]", "it is not JSON");
    check(activities(b"[]]"), ".", "it is not JSON");
    check(activities(b"[\0{\0}\0]\0"), "[1]", "it is not JSON");
}

#[test]
fn a_raw_answers_json_names_fields_and_no_data() {
    use std::collections::BTreeMap;
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "it is never read with success")]
    struct Site {
        beds: BTreeMap<String, Vec<u8>>,
    }
    let check = |body: &str, path: &str| {
        let response = answer(200, &[], body.as_bytes());
        let call = RawCall::new(Method::GET, Host::Data, "/x");
        let raw = call.parse(response, sent_at()).unwrap();
        let error = raw.json::<Vec<Site>>().unwrap_err();
        assert_eq!(error.path, path);
        assert!(!error.to_string().contains("canary"), "{error}");
    };
    check(r#"[{"beds":{}},{"beds":7}]"#, "[1].beds");
    check(
        r#"[{"beds":{"canary p17@example.test":[1,"canary"]}}]"#,
        "[0].beds.…[1]",
    );
    check(r#"[{"beds":{"canary":[1,"#, "[0]");
    check(r#"[{"canary":!"#, "[0]");
    check("", ".");
}
