//! Every form in which the service was seen, said or feared to refuse.
//!
//! One piece: the forms of a refusal stand side by side, so that one that is missing is seen.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, SystemTime};

use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::data::{ListActivities, ReadHealthSummary, ReadProfile};
use humanapi_core::http::{HeaderValue, Method, StatusCode};
use humanapi_core::{
    ApiError, ApiErrorKind as Kind, Body, ClientUserId, Credentials, Endpoint, ErrorCode, Host,
    IntermediaryError, Now, Provisioning, RawCall, Response, ResponseError, RetryAfter, TokenKind,
    TokenRefusal,
};

/// What was asked for when the service refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Session,
    Id,
    Access,
    HipAccess,
    Client,
    Summary,
    Profile,
    Activities,
    Raw,
}

const TOKENS: [Asked; 5] = [
    Asked::Session,
    Asked::Id,
    Asked::Access,
    Asked::HipAccess,
    Asked::Client,
];
const CALLS: [Asked; 4] = [
    Asked::Summary,
    Asked::Profile,
    Asked::Activities,
    Asked::Raw,
];

fn all() -> impl Iterator<Item = Asked> {
    TOKENS.into_iter().chain(CALLS)
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        response.headers_mut().append(*name, value);
    }
    response
}

fn try_refusal(asked: Asked, response: Response) -> Result<(), ResponseError> {
    fn parse<E: Endpoint>(endpoint: &E, response: Response) -> Result<(), ResponseError> {
        let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
        endpoint.parse(response, now).map(|_| ())
    }
    let app = Credentials::new("app-1", SECRET).unwrap();
    let user = ClientUserId::new("patient-17").unwrap();
    match asked {
        Asked::Session => parse(&IssueSessionToken::new(app, user), response),
        Asked::Id => parse(&IssueIdToken::new(app, user), response),
        Asked::Access => parse(
            &IssueAccessToken::new(app, Provisioning::Connect, user),
            response,
        ),
        Asked::HipAccess => parse(
            &IssueAccessToken::new(app, Provisioning::Hip, user),
            response,
        ),
        Asked::Client => parse(&IssueClientToken::new(app), response),
        Asked::Summary => parse(&ReadHealthSummary::new(), response),
        Asked::Profile => parse(&ReadProfile::new(), response),
        Asked::Activities => parse(&ListActivities::new(), response),
        Asked::Raw => parse(&RawCall::new(Method::GET, Host::Admin, "/x"), response),
    }
}

#[track_caller]
fn refusal(asked: Asked, response: Response) -> ApiError {
    match try_refusal(asked, response) {
        Err(ResponseError::Api(error)) => error,
        other => panic!("{asked:?}: {other:?}"),
    }
}

/// Checks what a body of this status means, and that no word of it is shown.
#[track_caller]
fn check(asked: Asked, status: u16, body: impl Into<Vec<u8>>, kind: Kind) -> ApiError {
    let body = body.into();
    let error = refusal(asked, answer(status, &[], body.clone()));
    let text = String::from_utf8_lossy(&body);
    let text: String = text.chars().take(200).collect();
    assert_eq!(error.kind(), kind, "{asked:?} {status} {text}");
    assert_eq!(error.status().as_u16(), status);
    assert_eq!(error.body(), &body[..body.len().min(8 * 1024)]);
    check_shown(&error);
    error
}

/// Checks that a body of this status is not taken for the service's, whatever was asked for.
#[track_caller]
fn check_unmarked(
    asked: Asked,
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<Vec<u8>>,
) -> IntermediaryError {
    let body = body.into();
    let error = match try_refusal(asked, answer(status, headers, body.clone())) {
        Err(ResponseError::Intermediary(error)) => error,
        other => panic!("{asked:?} {status}: {other:?}"),
    };
    assert_eq!(error.status().as_u16(), status);
    assert_eq!(error.body(), &body[..body.len().min(8 * 1024)]);
    let hopeless = (300..400).contains(&status) || status == 407;
    assert_eq!(error.is_transient(), !hopeless, "{status}");
    let response = ResponseError::from(error.clone());
    assert_eq!(response.is_transient(), error.is_transient());
    for text in [
        error.to_string(),
        format!("{error:?}"),
        format!("{response}"),
        format!("{response:?}"),
    ] {
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains(&status.to_string()), "{text}");
        assert!(text.len() < 300, "{text}");
    }
    assert!(error.to_string().contains("something in between answered"));
    check_remedy(error.remedy());
    assert_eq!(response.remedy(), error.remedy());
    error
}

/// The envelopes of the service's errors, without a code.
fn envelopes(status: u16) -> [String; 2] {
    ["statusCode", "code"]
        .map(|number| format!(r#"{{"{number}":{status},"error":"A Reason","message":"canary"}}"#))
}

/// What something in between writes: pages, plain text, nothing, and JSON of other forms.
const UNMARKED: [&str; 20] = [
    "",
    "<html>canary: enable JavaScript</html>",
    "canary: access denied",
    "null",
    "[]",
    "7",
    "{}",
    "\"NOT_AUTHORIZED\"",
    r#"{"message":"canary"}"#,
    r#"{"error":"Forbidden","message":"canary"}"#,
    r#"{"error":"not a code: NOT_AUTHORIZED canary"}"#,
    r#"{"error":{"message":"canary"}}"#,
    r#"{"error":true,"success":false}"#,
    r#"{"code":403}"#,
    r#"{"code":403.5,"statusCode":"403","status":403}"#,
    r#"{"status":"error","name":"canary","error":"canary"}"#,
    r#"{"statusCode":777,"error":"canary","message":"canary"}"#,
    r#"{"timestamp":"t","status":403,"error":"Forbidden","message":"canary","path":"/"}"#,
    r#"{"statusCode":403,"error":"Forbidden","message":"canary","path":"/"}"#,
    r#"{"errorCode":"WAF-17","timestamp":"canary"}"#,
];

/// No message, body, odd code or secret is in what a log would hold.
#[track_caller]
fn check_shown(error: &ApiError) {
    let response = ResponseError::from(error.clone());
    let shown = [
        format!("{error}"),
        format!("{error:?}"),
        format!("{error:#?}"),
        format!("{response}"),
        format!("{response:?}"),
    ];
    for text in shown {
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains(SECRET), "{text}");
        assert!(
            text.contains(&error.status().as_u16().to_string()),
            "{text}"
        );
        assert!(text.len() < 400, "{text}");
    }
    assert!(error.source().is_none());
    check_remedy(error.remedy());
}

/// One sentence, written as error messages are.
#[track_caller]
fn check_remedy(remedy: &str) {
    assert!(remedy.len() > 15, "{remedy:?}");
    assert!(remedy.starts_with(|first: char| first.is_lowercase()));
    assert!(!remedy.ends_with(['.', ';', ' ']) && !remedy.contains(['\n', '.']));
}

const SECRET: &str = "hush-canary";

const STATUSES: [u16; 8] = [400, 401, 403, 404, 409, 418, 429, 500];

/// The documented codes with their meanings, written out a second time.
const CODES: [(&str, ErrorCode, Kind); 7] = [
    (
        "INVALID_TOKEN_TYPE",
        ErrorCode::InvalidTokenType,
        Kind::InvalidTokenType,
    ),
    (
        "INVALID_CLIENT_ID",
        ErrorCode::InvalidClientId,
        Kind::InvalidClientId,
    ),
    (
        "INVALID_CLIENT_ID_OR_SECRET",
        ErrorCode::InvalidClientIdOrSecret,
        Kind::InvalidCredentials,
    ),
    (
        "UNKNOWN_CLIENT_USER_ID",
        ErrorCode::UnknownClientUserId,
        Kind::UnknownUser,
    ),
    (
        "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
        ErrorCode::AccessTokenGenerationNotAllowed,
        Kind::NothingConnected,
    ),
    (
        "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
        ErrorCode::ClientTokenGenerationNotAllowed,
        Kind::AdminApiDisabled,
    ),
    (
        "NOT_AUTHORIZED",
        ErrorCode::NotAuthorized,
        Kind::NotAuthorized,
    ),
];

/// The places where a code may stand, around `§`.
const PLACES: [&str; 6] = [
    r#"{"errorCode":"§"}"#,
    r#"{"error_code":"§"}"#,
    r#"{"code":"§"}"#,
    r#"{"error":"§"}"#,
    r#"{"error":{"code":"§"}}"#,
    r#"{"error":{"errorCode":"§"}}"#,
];

/// The meaning of a status without a known code, by what was asked for, written out by hand.
fn by_status(asked: Asked, status: u16) -> Kind {
    let row: [Kind; 8] = match asked {
        //             400, 401, 403, 404, 409, 418, 429, 500
        Asked::Session => [
            Kind::InvalidRequest,
            Kind::InvalidCredentials,
            Kind::AlreadyConnected,
            Kind::NotFound,
            Kind::AlreadyConnected,
            Kind::Other,
            Kind::Throttled,
            Kind::ServiceFailure,
        ],
        Asked::Id => [
            Kind::InvalidRequest,
            Kind::InvalidCredentials,
            Kind::Other,
            Kind::Other,
            Kind::Conflict,
            Kind::Other,
            Kind::Throttled,
            Kind::ServiceFailure,
        ],
        Asked::Access | Asked::HipAccess => [
            Kind::InvalidRequest,
            Kind::InvalidCredentials,
            Kind::Other,
            Kind::Other,
            Kind::Conflict,
            Kind::Other,
            Kind::Throttled,
            Kind::ServiceFailure,
        ],
        Asked::Client => [
            Kind::InvalidRequest,
            Kind::InvalidCredentials,
            Kind::AdminApiDisabled,
            Kind::NotFound,
            Kind::Conflict,
            Kind::Other,
            Kind::Throttled,
            Kind::ServiceFailure,
        ],
        Asked::Summary | Asked::Profile | Asked::Activities | Asked::Raw => [
            Kind::InvalidRequest,
            Kind::InvalidToken,
            Kind::NotAuthorized,
            Kind::NotFound,
            Kind::Conflict,
            Kind::Other,
            Kind::Throttled,
            Kind::ServiceFailure,
        ],
    };
    row[STATUSES.iter().position(|known| *known == status).unwrap()]
}

/// What a documented code means. A session is refused with 403 once a source was connected, whatever
/// code comes with it, unless that speaks of the credentials.
fn by_code(asked: Asked, status: u16, kind: Kind) -> Kind {
    let credentials = [
        Kind::InvalidTokenType,
        Kind::InvalidClientId,
        Kind::InvalidCredentials,
    ];
    if asked == Asked::Session && status == 403 && !credentials.contains(&kind) {
        return Kind::AlreadyConnected;
    }
    kind
}

#[test]
fn a_documented_code_decides_wherever_it_stands_and_whatever_the_status_is() {
    let mut cases = 0;
    for (text, code, kind) in CODES {
        for place in PLACES {
            let body = place.replace('§', text);
            let among = body.replacen(
                '{',
                r#"{"message":"canary m","detail":["canary",{"code":"canary"}],"#,
                1,
            );
            for asked in all() {
                for status in STATUSES {
                    for body in [&body, &among] {
                        let kind = by_code(asked, status, kind);
                        let error = check(asked, status, body.as_str(), kind);
                        assert_eq!(error.code(), Some(&code));
                        assert!(error.to_string().ends_with(&format!("({text})")));
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 7 * 6 * 9 * 8 * 2);
}

#[test]
fn a_documented_code_tells_of_the_user_where_it_can() {
    for asked in all() {
        for (text, _, kind) in CODES {
            let error = check(asked, 400, format!(r#"{{"errorCode":"{text}"}}"#), kind);
            let refusal = match text {
                "UNKNOWN_CLIENT_USER_ID" => Some(TokenRefusal::UnknownUser),
                "ACCESS_TOKEN_GENERATION_NOT_ALLOWED" => Some(TokenRefusal::NothingConnected),
                _ => None,
            };
            assert_eq!(error.token_refusal(), refusal, "{text}");
            assert!(!error.is_transient());
        }
    }
    for body in envelopes(403) {
        let error = check(Asked::Session, 403, body, Kind::AlreadyConnected);
        assert_eq!(error.token_refusal(), Some(TokenRefusal::AlreadyConnected));
    }
}

#[test]
fn an_access_or_id_refusal_without_a_documented_code_tells_nothing_of_the_user() {
    for asked in [Asked::Id, Asked::Access, Asked::HipAccess] {
        for status in 400..=599 {
            for body in [
                format!(r#"{{"statusCode":{status},"message":"canary","error":"Forbidden"}}"#),
                r#"{"code":"ACCESS_DENIED","message":"canary"}"#.to_owned(),
                r#"{"errorCode":"WAF-17"}"#.to_owned(),
                r#"{"error":"access_denied","error_code":"1020"}"#.to_owned(),
                r#"{"x-humanapi-request-id":"0a-1b"}"#.to_owned(),
            ] {
                let error = refusal(asked, answer(status, &[], body.as_str()));
                assert_eq!(error.token_refusal(), None, "{asked:?} {status} {body}");
            }
        }
    }
}

#[test]
fn the_first_code_in_the_documented_order_counts() {
    let order = ["errorCode", "error_code", "code", "error"];
    for (index, first) in order.iter().enumerate() {
        for second in &order[index + 1..] {
            for (one, other) in [(first, second), (second, first)] {
                let code = |key| {
                    if key == first {
                        "NOT_AUTHORIZED"
                    } else {
                        "INVALID_CLIENT_ID"
                    }
                };
                let body = format!(r#"{{"{one}":"{}","{other}":"{}"}}"#, code(one), code(other));
                check(Asked::Access, 400, body, Kind::NotAuthorized);
            }
        }
    }
    let nested = r#"{"error":{"code":"NOT_AUTHORIZED","errorCode":"INVALID_CLIENT_ID"}}"#;
    check(Asked::Access, 400, nested, Kind::NotAuthorized);
    let outer = r#"{"error":{"code":"INVALID_CLIENT_ID"},"code":"NOT_AUTHORIZED"}"#;
    check(Asked::Access, 400, outer, Kind::NotAuthorized);
}

#[test]
fn a_code_that_is_none_does_not_hide_the_one_that_is() {
    for nothing in ["null", "\"\"", "403", "[]", "{}", "true"] {
        let body = format!(r#"{{"errorCode":{nothing},"code":"NOT_AUTHORIZED"}}"#);
        check(Asked::Client, 400, body, Kind::NotAuthorized);
        let body = format!(r#"{{"errorCode":{nothing},"x-humanapi-request-id":"0a"}}"#);
        let error = check(Asked::Client, 429, body, Kind::Throttled);
        assert_eq!(error.code(), None, "{nothing}");
        assert!(!error.to_string().contains("()"), "{error}");
    }
}

#[test]
fn an_unknown_code_is_kept_and_the_status_decides() {
    let long = "A".repeat(65);
    let odd = [
        "SESSION_TOKEN_GENERATION_NOT_ALLOWED",
        "not_authorized",
        "NOT_AUTHORIZED ",
        "canary: p17@example.test",
        "canary\\u0000\\\"",
        "🫀",
        &long,
    ];
    for asked in all() {
        for status in STATUSES {
            for code in odd {
                for place in ["errorCode", "error_code", "code"] {
                    let body = format!(r#"{{"{place}":"{code}"}}"#);
                    if place == "code" && !code.starts_with("SESSION") {
                        // Gateways have codes of their own under this name.
                        check_unmarked(asked, status, &[], body);
                        continue;
                    }
                    let kind = by_status(asked, status);
                    let error = check(asked, status, body, kind);
                    let sent: String = serde_json::from_str(&format!("\"{code}\"")).unwrap();
                    assert_eq!(error.code(), Some(&ErrorCode::Other(sent.into())));
                    assert!(!error.code().unwrap().is_documented());
                    let shown = code.starts_with("SESSION");
                    assert_eq!(error.to_string().contains(code), shown, "{error}");
                }
            }
        }
    }
}

#[test]
fn without_a_code_the_status_decides_by_what_was_asked_for() {
    for asked in all() {
        for status in STATUSES {
            let kind = by_status(asked, status);
            let mut bodies = envelopes(status).to_vec();
            bodies.push(r#"{"x-humanapi-request-id":"0a-1b"}"#.to_owned());
            for body in bodies {
                let error = check(asked, status, body, kind);
                assert_eq!(error.code(), None);
                let transient = matches!(status, 429 | 500);
                assert_eq!(error.is_transient(), transient);
            }
        }
    }
}

#[test]
fn other_statuses_have_their_meanings_too() {
    for asked in all() {
        for (status, kind, transient) in [
            (302, Kind::Other, false),
            (405, Kind::InvalidRequest, false),
            (408, Kind::Other, true),
            (410, Kind::Other, false),
            (413, Kind::InvalidRequest, false),
            (415, Kind::InvalidRequest, false),
            (422, Kind::InvalidRequest, false),
            (501, Kind::ServiceFailure, true),
            (502, Kind::ServiceFailure, true),
            (503, Kind::ServiceFailure, true),
            (504, Kind::ServiceFailure, true),
            (599, Kind::ServiceFailure, true),
            (600, Kind::Other, false),
            (999, Kind::Other, false),
            (100, Kind::Other, false),
        ] {
            for body in envelopes(status) {
                let error = check(asked, status, body, kind);
                assert_eq!(error.is_transient(), transient, "{status}");
            }
        }
    }
}

#[test]
fn an_answer_without_the_marks_of_the_service_is_told_as_one_of_something_in_between() {
    let declared = [
        (None, "a body of no known type"),
        (Some("text/html; charset=utf-8; x=canary"), "text/html"),
        (Some("application/json"), "application/json"),
        (Some("canary"), "a body of no known type"),
    ];
    for asked in all() {
        for status in (100..=999).filter(|status| !(200..=299).contains(status)) {
            let body = UNMARKED[usize::from(status) % UNMARKED.len()];
            check_unmarked(asked, status, &[], body);
        }
        for status in [301, 401, 403, 404, 407, 409, 429, 500, 503] {
            for body in UNMARKED {
                for (content_type, shown) in declared {
                    let header = content_type.map(|value| ("content-type", value));
                    let error = check_unmarked(asked, status, header.as_slice(), body);
                    let shown = if body.is_empty() {
                        "an empty body"
                    } else {
                        shown
                    };
                    let text = format!(
                        "something in between answered, and not Human API: status {status}, {shown}"
                    );
                    assert_eq!(error.to_string(), text);
                }
            }
        }
    }
}

#[test]
fn a_proxy_that_wants_a_password_is_told_as_such() {
    for asked in all() {
        let headers = [("proxy-authenticate", "Basic realm=\"canary\"")];
        let error = check_unmarked(asked, 407, &headers, "canary");
        assert!(error.remedy().contains("proxy's user name and password"));
    }
}

#[test]
fn a_compressed_answer_is_named_as_such() {
    let gzip = [
        ("content-encoding", "gzip"),
        ("content-type", "application/json"),
    ];
    // What a compressed body says cannot be read, so it bears no marks either.
    let body = b"\x1f\x8b\x08canary";
    for asked in all() {
        let error = check_unmarked(asked, 403, &gzip, body);
        assert_eq!(error.content_coding(), Some("gzip"));
        assert!(error.to_string().ends_with("compressed (gzip)"), "{error}");
        if asked == Asked::Raw {
            try_refusal(asked, answer(200, &gzip, body)).unwrap();
            continue;
        }
        for coding in ["gzip", "br", "canary", "identity, zstd"] {
            let headers = [("content-encoding", coding)];
            let error = try_refusal(asked, answer(200, &headers, body)).unwrap_err();
            assert!(
                matches!(error, ResponseError::Compressed { .. }),
                "{error:?}"
            );
            assert!(error.to_string().contains("compressed"), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"));
            assert!(!error.is_transient());
            check_remedy(error.remedy());
        }
    }
    let headers = [("content-encoding", "identity")];
    try_refusal(Asked::Activities, answer(200, &headers, "[]")).unwrap();
    let raw = RawCall::new(Method::GET, Host::Admin, "/x");
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let raw = raw.parse(answer(200, &gzip, body), now).unwrap();
    let error = raw.json::<serde_json::Value>().unwrap_err();
    assert!(error.to_string().contains("compressed"), "{error}");
}

#[test]
fn a_sign_in_page_that_comes_with_a_success_is_told_as_one_of_something_in_between() {
    let html = [("content-type", "text/html")];
    for asked in all().filter(|asked| *asked != Asked::Raw) {
        check_unmarked(asked, 200, &html, "<html>canary</html>");
        check_unmarked(asked, 200, &html, "");
    }
    // JSON that a server declares as something else is read all the same.
    try_refusal(Asked::Activities, answer(200, &html, "[]")).unwrap();
    try_refusal(Asked::Profile, answer(200, &html, r#"{"humanId":"7a1d"}"#)).unwrap();
}

#[test]
fn a_byte_order_mark_before_json_is_skipped() {
    let marked = |text: &str| format!("\u{feff}{text}");
    let tokens = r#"{"session_token":"t","id_token":"t","access_token":"t","client_token":"t"}"#;
    for asked in TOKENS {
        try_refusal(asked, answer(200, &[], marked(tokens))).unwrap();
    }
    let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let list = ListActivities::new();
    let page = list.parse(answer(200, &[], marked(r#"[{"id":"a1"}]"#)), now);
    assert_eq!(page.unwrap().items[0].raw(), br#"{"id":"a1"}"#);
    let profile = ReadProfile::new().parse(answer(200, &[], marked(r#"{"humanId":"7a"}"#)), now);
    assert_eq!(profile.unwrap().raw(), br#"{"humanId":"7a"}"#);
    let summary = ReadHealthSummary::new().parse(answer(200, &[], marked("{}")), now);
    assert_eq!(summary.unwrap().raw(), b"{}");
    let raw =
        RawCall::new(Method::GET, Host::Admin, "/x").parse(answer(200, &[], marked("[7]")), now);
    let raw = raw.unwrap();
    assert_eq!(raw.json::<Vec<u8>>().unwrap(), [7]);
    assert_eq!(raw.into_bytes(), marked("[7]"), "as it came");
    for asked in all() {
        let body = marked(r#"{"errorCode":"INVALID_CLIENT_ID"}"#);
        check(asked, 403, body, Kind::InvalidClientId);
    }
}

#[test]
fn both_envelopes_of_the_admin_api_are_read() {
    let general = r#"{"code":409,"error":"Conflict","message":"canary can’t be aborted",
        "x-humanapi-request-id":"9e0b7c1a-4f33-4d39-8a55-0b2e5d6f7a81"}"#;
    let error = check(Asked::Raw, 409, general, Kind::Conflict);
    assert_eq!(error.message(), Some("canary can’t be aborted"));
    assert_eq!(
        error.request_id(),
        Some("9e0b7c1a-4f33-4d39-8a55-0b2e5d6f7a81")
    );
    assert!(format!("{error:?}").contains("9e0b7c1a-4f33-4d39-8a55-0b2e5d6f7a81"));
    assert_eq!(error.validation(), None);
    assert_eq!(error.asked_for(), None);

    let validation = r#"{"statusCode":400,"error":"Bad Request",
        "message":"\"ssn\" with value \"canary\" fails to match the required pattern",
        "validation":{"source":"payload","keys":["ssn","address.zip",7,null]},
        "x-humanapi-request-id":"b1c6b9f2-0d1a-4a4e-8b35-2f2a77f0a901"}"#;
    let error = check(Asked::Client, 400, validation, Kind::InvalidRequest);
    let found = error.validation().unwrap();
    assert_eq!(found.source.as_deref(), Some("payload"));
    assert_eq!(found.keys, ["ssn", "address.zip"]);
    assert_eq!(error.asked_for(), Some(TokenKind::Client));

    let both = r#"{"statusCode":401,"code":401,"error":"Unauthorized","message":"m"}"#;
    check(Asked::Profile, 401, both, Kind::InvalidToken);
    let odd = r#"{"validation":{"source":7,"keys":"ssn"},"errorCode":"X"}"#;
    let error = check(Asked::Session, 400, odd, Kind::InvalidRequest);
    assert_eq!(
        error.validation().map(|found| found.keys.len()),
        Some(0),
        "there was a validation, and nothing readable in it"
    );
    for none in ["null", "[]", "\"payload\""] {
        let body = format!(r#"{{"validation":{none},"errorCode":"X"}}"#);
        let error = check(Asked::Session, 400, body, Kind::InvalidRequest);
        assert_eq!(error.validation(), None);
    }
}

#[test]
fn fields_that_were_found_wrong_are_named_if_they_are_ours() {
    let shown = |keys: &str| {
        let body = format!(
            r#"{{"statusCode":400,"error":"Bad Request","message":"canary","validation":{{"source":"payload","keys":{keys}}}}}"#
        );
        let error = check(Asked::Session, 400, body, Kind::InvalidRequest);
        (error.to_string(), error.remedy())
    };
    let refused = "the service refused a session token with status 400";
    let (message, remedy) = shown(r#"["client_user_email","type"]"#);
    assert_eq!(
        message,
        format!("{refused} because of `type`, `client_user_email`")
    );
    assert!(remedy.contains("the fields that the message names"));
    // What is none of the names that were sent may be what was sent under them.
    for unknown in [
        r#"["canary"]"#,
        r#"["type ","TYPE","client_id.canary"]"#,
        "[]",
        "[7]",
    ] {
        let (message, remedy) = shown(unknown);
        assert_eq!(message, refused);
        assert!(!remedy.contains("names"), "{remedy}");
    }
    let many = format!("[{}]", vec![r#""limit""#; 10_000].join(","));
    assert_eq!(shown(&many).0, format!("{refused} because of `limit`"));
}

/// Every field of a body and every parameter of a query that the golden requests hold.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "core reads no file, and this test reads core's own"
)]
fn every_name_that_is_sent_can_be_named() {
    let mut names = BTreeSet::new();
    for file in std::fs::read_dir("tests/golden").unwrap() {
        let path = file.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("raw_")
        {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines() {
            if line.starts_with('{') {
                let body: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(line).unwrap();
                names.extend(body.into_iter().map(|(name, _)| name));
            }
            if let Some((_, query)) = line.split_once('?') {
                let query = query.split_whitespace().next().unwrap();
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                names.extend(pairs.map(|(name, _)| name.to_owned()));
            }
        }
    }
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let body = format!(
            r#"{{"statusCode":400,"error":"Bad Request","message":"canary","validation":{{"keys":["{name}"]}}}}"#
        );
        let error = check(Asked::Session, 400, body, Kind::InvalidRequest);
        assert!(error.to_string().ends_with(&format!("`{name}`")), "{error}");
    }
}

#[test]
fn the_message_is_found_in_each_of_its_places() {
    let message = |fields: &str| {
        let body = format!(r#"{{"x-humanapi-request-id":"0a",{fields}}}"#);
        let error = check(Asked::Session, 400, body, Kind::InvalidRequest);
        error.message().map(str::to_owned)
    };
    let cases = [
        (r#""message":"canary""#, Some("canary")),
        (r#""error_description":"canary""#, Some("canary")),
        (r#""error":"canary""#, Some("canary")),
        (r#""error":{"message":"canary"}"#, Some("canary")),
        (
            r#""error":"Bad Request","message":"canary""#,
            Some("canary"),
        ),
        (
            r#""message":7,"error_description":"canary""#,
            Some("canary"),
        ),
        (r#""message":null"#, None),
    ];
    for (body, expected) in cases {
        assert_eq!(message(body).as_deref(), expected, "{body}");
    }
}

#[test]
fn the_request_id_is_found_in_body_and_header() {
    let check = |headers: &[(&'static str, &str)], body: &str, id: Option<&str>, shown: bool| {
        let error = refusal(Asked::Access, answer(500, headers, body));
        assert_eq!(error.request_id(), id, "{headers:?} {body}");
        check_shown(&error);
        let text = format!("{error:?}");
        assert_eq!(id.is_some_and(|id| text.contains(id)), shown, "{text}");
    };
    let header = [("x-humanapi-request-id", "0a-1b")];
    let coded = r#"{"errorCode":"X"}"#;
    let body = r#"{"x-humanapi-request-id":"2c-3d"}"#;
    check(&header, coded, Some("0a-1b"), true);
    check(&[], body, Some("2c-3d"), true);
    check(&header, body, Some("2c-3d"), true);
    check(
        &header,
        r#"{"errorCode":"X","x-humanapi-request-id":7}"#,
        Some("0a-1b"),
        true,
    );
    check(&[], coded, None, false);
    let odd = [("x-humanapi-request-id", "canary")];
    check(&odd, coded, Some("canary"), false);
    check(&[("x-humanapi-request-id", "\u{e9}")], coded, None, false);
    let long = "0".repeat(65);
    let too_long = [("x-humanapi-request-id", long.as_str())];
    check(&too_long, coded, Some(&long), false);
    // A header alone is no mark, but it is told for the vendor's support.
    for body in ["", "<html>", "{}"] {
        let error = check_unmarked(Asked::Access, 500, &header, body);
        assert_eq!(error.request_id(), Some("0a-1b"));
        assert!(format!("{error:?}").contains("0a-1b"));
        check_unmarked(Asked::Access, 500, &odd, body);
    }
}

#[test]
fn a_body_of_any_bytes_gives_a_typed_error() {
    let deep = format!(
        r#"{{"errorCode":"NOT_AUTHORIZED","a":{}{}}}"#,
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let filled = |size: usize| {
        let filler = "canary".repeat(size / 6);
        format!(r#"{{"errorCode":"NOT_AUTHORIZED","message":"{filler}"}}"#)
    };
    for asked in all() {
        for bytes in [
            &b""[..],
            b"\xff\xfe\x00",
            b"{\"errorCode\":\"NOT_AUTHORIZED\"",
            b"{\"errorCode\":\"NOT_AUTHORIZED\xff\"}",
            b"\xef\xbb{\"errorCode\":\"NOT_AUTHORIZED\"}",
            b"<!doctype html><title>canary</title>",
            b"error=NOT_AUTHORIZED",
            b"{\"errorCode\":\"NOT_AUTHORIZED\"} trailing",
        ] {
            check_unmarked(asked, 403, &[], bytes);
        }
        let refused = by_code(asked, 403, Kind::NotAuthorized);
        check_unmarked(asked, 403, &[], deep.as_str());
        check(asked, 403, filled(70 * 1024), refused);
        check(asked, 403, filled(200 * 1024), refused);
        // So much is no refusal of the service's, and not worth reading.
        check_unmarked(asked, 403, &[], filled(300 * 1024));
        check_unmarked(asked, 403, &[], vec![b' '; 1024 * 1024]);
    }
}

#[test]
fn retry_after_is_read_in_both_its_forms() {
    let check = |value: &str, asks: Option<RetryAfter>| {
        for asked in all() {
            for status in [429, 503, 403] {
                let headers = [("retry-after", value)];
                let error = refusal(asked, answer(status, &headers, r#"{"errorCode":"X"}"#));
                assert_eq!(error.retry_after(), asks, "{value:?}");
                assert_eq!(ResponseError::from(error).retry_after(), asks);
                let error = check_unmarked(asked, status, &headers, "");
                assert_eq!(error.retry_after(), asks, "{value:?}");
                assert_eq!(ResponseError::from(error).retry_after(), asks);
            }
        }
    };
    let seconds = |count| Some(RetryAfter::Delay(Duration::from_secs(count)));
    check("0", seconds(0));
    check("120", seconds(120));
    check("  7 ", seconds(7));
    check("00060", seconds(60));
    check("99999999999999999999999999", seconds(u64::MAX));
    for odd in [
        "", " ", "-1", "+1", "1.5", "1e3", "soon", "1 2", "٣", "\u{e9}",
    ] {
        check(odd, None);
    }
    let moment = RetryAfter::At(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
    check("Sun, 06 Nov 1994 08:49:37 GMT", Some(moment));
    check("Sunday, 06-Nov-94 08:49:37 GMT", Some(moment));
    check("Sun Nov  6 08:49:37 1994", Some(moment));
    check("Sun, 06 Nov 1994 08:49:37 PST", None);
    check("Sun, 06 Nov 1994", None);
    assert_eq!(
        check_unmarked(Asked::Session, 503, &[], "").retry_after(),
        None
    );
}

#[test]
fn each_remedy_is_one_sentence_and_says_what_this_error_needs() {
    let remedy = |asked, status, code: &str| {
        let error = refusal(
            asked,
            answer(status, &[], format!(r#"{{"errorCode":"{code}"}}"#)),
        );
        check_remedy(error.remedy());
        error.remedy()
    };
    // For what was asked for, the codes with different meanings have different remedies.
    for asked in [Asked::Session, Asked::Id, Asked::Client, Asked::Profile] {
        let remedies: BTreeSet<&str> = CODES
            .iter()
            .map(|(code, _, _)| remedy(asked, 400, code))
            .collect();
        assert_eq!(remedies.len(), CODES.len(), "{asked:?}");
    }
    // Each status that means something else says something else.
    for asked in all() {
        let kinds: BTreeSet<String> = STATUSES
            .iter()
            .map(|status| format!("{:?}", by_status(asked, *status)))
            .collect();
        let remedies: BTreeSet<&str> = STATUSES
            .iter()
            .map(|status| remedy(asked, *status, "OF_NO_MEANING"))
            .collect();
        assert_eq!(remedies.len(), kinds.len(), "{asked:?}");
    }
    // A refusal that smells of the wrong provisioning names the other one.
    for code in ["NOT_AUTHORIZED", "INVALID_TOKEN_TYPE"] {
        assert!(remedy(Asked::Access, 403, code).contains("Provisioning::Hip"));
        assert!(remedy(Asked::HipAccess, 403, code).contains("Provisioning::Connect"));
        for asked in [Asked::Session, Asked::Id, Asked::Client, Asked::Raw] {
            assert!(!remedy(asked, 403, code).contains("Provisioning::"));
        }
    }
    let disabled = "CLIENT_TOKEN_GENERATION_NOT_ALLOWED";
    assert!(remedy(Asked::HipAccess, 403, disabled).contains("Provisioning::Connect"));
    assert!(!remedy(Asked::Client, 403, disabled).contains("Provisioning::"));
    // The user is what stands in the way: the remedy leads to Connect.
    assert!(remedy(Asked::Session, 409, "X").contains("id token"));
    assert!(remedy(Asked::Id, 404, "UNKNOWN_CLIENT_USER_ID").contains("session"));
    let nothing = "ACCESS_TOKEN_GENERATION_NOT_ALLOWED";
    assert!(remedy(Asked::Access, 403, nothing).contains("connect a source"));
    // Without a documented code, it may not be the user at all.
    assert!(remedy(Asked::Id, 404, "X").contains("in between"));
    assert!(remedy(Asked::Access, 403, "X").contains("in between"));
}

#[test]
fn a_success_that_speaks_of_an_error_is_a_refusal() {
    for asked in all().filter(|asked| *asked != Asked::Raw) {
        for (text, code, kind) in CODES {
            for place in PLACES {
                let code_alone = place.replace('§', text);
                let among = code_alone.replacen('{', r#"{"message":"canary","#, 1);
                for body in [code_alone, among] {
                    let error = check(asked, 200, body, kind);
                    assert_eq!(error.code(), Some(&code));
                }
            }
        }
        for body in [
            r#"{"errorCode":"OF_NO_MEANING"}"#,
            r#"{"statusCode":403,"error":"Forbidden","message":"canary"}"#,
            r#"{"error":"canary","x-humanapi-request-id":"0a"}"#,
        ] {
            let error = check(asked, 200, body, Kind::Other);
            assert!(!error.is_transient());
        }
        for body in [
            r#"{"error":"canary"}"#,
            r#"{"error":true}"#,
            r#"{"error":{"message":"canary"}}"#,
            r#"{"statusCode":500,"message":"canary"}"#,
            r#"{"status":403}"#,
            r#"{"message":"canary"}"#,
            r#"{"success":false,"message":"canary"}"#,
        ] {
            check_unmarked(asked, 200, &[], body);
        }
    }
}

#[test]
fn a_record_with_a_field_of_an_errors_name_is_still_a_record() {
    for body in [
        r#"{"humanId":"7a1d","error":"a word","code":"NOT_AUTHORIZED"}"#,
        r#"{"userId":"7a1d","error":{"message":"m"}}"#,
        r#"{"error":null,"errorCode":""}"#,
        r#"{"error":false}"#,
        r#"{"humanId":"7a1d","message":"a word","status":500}"#,
        r#"{"status":"active","message":"","statusCode":200}"#,
        "{}",
    ] {
        try_refusal(Asked::Profile, answer(200, &[], body)).unwrap();
        try_refusal(Asked::Summary, answer(200, &[], body)).unwrap();
    }
}
