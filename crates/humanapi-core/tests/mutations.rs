//! Whatever a network brings: many bodies and headers, each a little or very wrong.
//!
//! Bodies are made from good ones by a small mutator whose draws come from a constant, so each run
//! sees the same. No body may make a parser panic, be taken for what it is not, or get into the text
//! of an error.
//!
//! One piece: one mutator, and each parser that it feeds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::{Debug, Display};
use std::time::{Duration, SystemTime};

use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::connect::{ConnectReport, ReportError};
use humanapi_core::data::{Activity, ListActivities, ReadHealthSummary, ReadProfile, Record};
use humanapi_core::http::{HeaderValue, StatusCode};
use humanapi_core::{
    Body, ClientUserId, Credentials, Endpoint, Expiry, Hosts, Issued, Now, Provisioning, Response,
    ResponseError, RetryAfter,
};

/// So many bodies for each parser.
const BODIES: u64 = 100_000;

fn bodies() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runner asks for a longer hunt this way"
    )]
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    if deep { BODIES * 20 } else { BODIES }
}

/// Makes bodies from seeds.
struct Mutator {
    state: u64,
    body: Vec<u8>,
}

/// What good and bad answers are made of.
const PIECES: [&[u8]; 44] = [
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"]",
    b"}",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u00e9",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf0\x9f\xab\x80",
    b"\xef\xbb\xbf",
    b"0",
    b"-0",
    b"-1",
    b"1e999",
    b"1e-999",
    b"1.5",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"99999999999999999999999999999999999999999999",
    b",",
    b":",
    b" ",
    b"\n",
    b"\0",
    b"=",
    b"&",
    b"%",
    b"%ff",
    b"%00",
    b"#",
    b"?",
    b"canary",
    b"\"canary\":",
    b"\"canary\"",
];

impl Mutator {
    const fn new(seed: u64) -> Self {
        Self {
            state: seed,
            body: Vec::new(),
        }
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }

    /// The next body: one of `seeds` with a few changes, or, now and then, mere noise.
    fn body(&mut self, seeds: &[&[u8]]) -> &[u8] {
        self.body.clear();
        if self.below(64) == 0 {
            for _ in 0..self.below(40) {
                let byte = self.next().to_le_bytes()[0];
                self.body.push(byte);
            }
            return &self.body;
        }
        let seed = self.below(seeds.len());
        self.body.extend_from_slice(seeds[seed]);
        for _ in 0..=self.below(4) {
            self.change(seeds);
        }
        &self.body
    }

    fn change(&mut self, seeds: &[&[u8]]) {
        let length = self.body.len();
        let at = self.below(length);
        match self.below(10) {
            0 if length > 0 => self.body[at] ^= 1 << self.below(8),
            1 if length > 0 => self.body[at] = self.next().to_le_bytes()[0],
            2 => self.body.truncate(at),
            3 => {
                let end = (at + self.below(12)).min(length);
                self.body.drain(at..end);
            }
            // A part again, somewhere else.
            4 => {
                let end = (at + self.below(40)).min(length);
                let part = self.body[at..end].to_vec();
                let to = self.below(length);
                self.body.splice(to..to, part);
            }
            // A part of another seed.
            5 => {
                let other = seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                let end = (from + self.below(40)).min(other.len());
                self.body.splice(at..at, other[from..end].iter().copied());
            }
            6 if self.below(50) == 0 => {
                let deep = [b"[".as_slice(), b"{\"a\":"][self.below(2)];
                let part = deep.repeat(100 + self.below(100));
                self.body.splice(at..at, part);
            }
            // A value in the place of another.
            7 => {
                let from = self.body[at..].iter().position(|byte| *byte == b':');
                let from = from.map_or(at, |colon| at + colon + 1);
                let rest = &self.body[from..];
                let end = rest.iter().position(|byte| b",}]".contains(byte));
                let end = from + end.unwrap_or(rest.len());
                let piece = PIECES[self.below(PIECES.len())];
                self.body.splice(from..end, piece.iter().copied());
            }
            _ => {
                let piece = PIECES[self.below(PIECES.len())];
                self.body.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// Feeds a parser, and checks that both outcomes were met.
fn check(seed: u64, seeds: &[&[u8]], mut parse: impl FnMut(&[u8], u64) -> bool) {
    let mut mutator = Mutator::new(seed);
    let count = bodies();
    let mut good = 0;
    for number in 0..count {
        if parse(mutator.body(seeds), number) {
            good += 1;
        }
    }
    assert!(good > count / 200, "{good} of {count} were readable");
    assert!(
        count - good > count / 200,
        "{good} of {count} were readable"
    );
}

fn answer(status: u16, body: &[u8]) -> Response {
    let mut response = Response::new(Body::from(body.to_vec()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn sent_at() -> Now {
    Now::new(
        Duration::from_secs(700),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    )
}

#[track_caller]
fn check_text(error: &(impl Display + Debug), body: &[u8]) {
    let text = format!("{error}\n{error:?}");
    assert!(
        !text.contains("canary") && text.len() < 600,
        "{text}\n{}",
        String::from_utf8_lossy(body)
    );
}

fn credentials() -> Credentials {
    Credentials::new("app-1", "hush").unwrap()
}

fn user() -> ClientUserId {
    ClientUserId::new("patient-17").unwrap()
}

const TOKENS: [&[u8]; 8] = [
    br#"{"expires_in":3600,"human_id":"7a1d0c55","session_token":"canary"}"#,
    br#"{"id_token":"canary","id_token_expires_in":86400,"expires_in":86400,"id_refresh_token":"canary-r"}"#,
    br#"{"access_token":"canary","expires_in":86400,"token_type":"Bearer","refresh_token":"atrt-canary"}"#,
    br#"{"expires_in":"86400","client_token":"canary.e30.x"}"#,
    br#"{"session_token":"a","id_token":"b","access_token":"c","client_token":"d"}"#,
    br#"{"error":"canary","session_token":null,"id_token":"","access_token":7,"client_token":[]}"#,
    br#"{"errorCode":"NOT_AUTHORIZED","message":"canary","x-humanapi-request-id":"0a-1b"}"#,
    br#"{"human_id":null,"expires_in":-1.5e2,"client_token":"t","access_token":"t","id_token":"t","session_token":"t"}"#,
];

fn check_tokens<E, T>(seed: u64, endpoint: &E, token: impl Fn(&T) -> &str)
where
    E: Endpoint<Output = Issued<T>>,
{
    const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);
    let longest = Expiry::after(sent_at(), LONGEST).wall();
    check(seed, &TOKENS, |body, number| {
        let status = if number % 8 == 0 { 201 } else { 200 };
        match endpoint.parse(answer(status, body), sent_at()) {
            Ok(issued) => {
                assert!(!token(&issued.token).is_empty());
                assert!(issued.human_id.is_none_or(|id| !id.as_str().is_empty()));
                let refresh = issued.refresh_token;
                assert!(refresh.is_none_or(|token| !token.expose_secret().is_empty()));
                assert!((sent_at().wall()..=longest).contains(&issued.expiry.wall()));
                true
            }
            Err(error) => {
                check_text(&error, body);
                // What something in between says with a success may pass.
                let foreign = matches!(error, ResponseError::Intermediary(_));
                assert_eq!(error.is_transient(), foreign);
                false
            }
        }
    });
}

#[test]
fn session_tokens() {
    let endpoint = IssueSessionToken::new(credentials(), user());
    check_tokens(1, &endpoint, |token| token.expose_secret());
}

#[test]
fn id_tokens() {
    let endpoint = IssueIdToken::new(credentials(), user());
    check_tokens(2, &endpoint, |token| token.expose_secret());
}

#[test]
fn access_tokens() {
    let endpoint = IssueAccessToken::new(credentials(), Provisioning::Hip, user());
    check_tokens(3, &endpoint, |token| token.expose_secret());
}

#[test]
fn client_tokens() {
    let endpoint = IssueClientToken::new(credentials());
    check_tokens(4, &endpoint, |token| token.expose_secret());
}

#[test]
fn refusals() {
    let seeds: [&[u8]; 8] = [
        br#"{"statusCode":403,"error":"Forbidden","message":"canary","errorCode":"NOT_AUTHORIZED","x-humanapi-request-id":"0a-1b"}"#,
        br#"{"code":401,"error":"Unauthorized","message":"canary","x-humanapi-request-id":"canary"}"#,
        br#"{"statusCode":400,"error":"Bad Request","message":"canary","validation":{"source":"canary","keys":["canary","b"]}}"#,
        br#"{"error":{"code":"INVALID_CLIENT_ID","message":"canary"}}"#,
        br#"{"code":"canary","error_description":"canary"}"#,
        br#"{"error_code":"UNKNOWN_CLIENT_USER_ID"}"#,
        b"<html>canary</html>",
        br#"{"error":"CLIENT_TOKEN_GENERATION_NOT_ALLOWED"}"#,
    ];
    let statuses = [302, 400, 401, 403, 404, 409, 418, 429, 500, 503];
    let session = IssueSessionToken::new(credentials(), user());
    let list = ListActivities::new();
    check(5, &seeds, |body, number| {
        let status = statuses[usize::try_from(number % 10).unwrap()];
        let error = if number % 3 == 0 {
            list.parse(answer(status, body), sent_at()).map(|_| ())
        } else {
            session.parse(answer(status, body), sent_at()).map(|_| ())
        };
        let error = match error {
            Err(ResponseError::Api(error)) => error,
            Err(ResponseError::Intermediary(error)) => {
                check_text(&error, body);
                assert_eq!(error.status().as_u16(), status);
                assert!(body.starts_with(error.body()));
                return false;
            }
            _ => panic!("status {status} is a refusal"),
        };
        check_text(&error, body);
        assert_eq!(error.status().as_u16(), status);
        assert!(body.starts_with(error.body()));
        assert!(!error.remedy().is_empty());
        assert!(error.code().is_none_or(|code| !code.as_str().is_empty()));
        error.code().is_some()
    });
}

/// What a record keeps is what came, and nothing else.
fn check_record(record: &Record, body: &[u8]) {
    let at = record.raw();
    assert!(!at.is_empty());
    assert!(
        at == body || body.windows(at.len()).any(|part| part == at),
        "{at:?}"
    );
    let odd = record.odd();
    assert!(!format!("{record:?} {odd:?}").contains("canary"));
    for (name, json) in record.fields() {
        assert!(at.windows(json.raw().len()).any(|part| part == json.raw()));
        if !odd.iter().any(|odd| odd.path == ".") {
            assert!(record.field(&name).is_some(), "{name}");
        }
    }
}

/// Asks for every field, whatever was sent.
fn read_all(one: &Activity) {
    let texts = [
        one.id(),
        one.user_id(),
        one.human_id(),
        one.kind(),
        one.source(),
        one.time_zone(),
    ];
    let moments = [
        one.start_time(),
        one.end_time(),
        one.created_at(),
        one.updated_at(),
    ];
    let numbers = [one.duration(), one.distance(), one.steps(), one.calories()];
    assert!(
        numbers
            .iter()
            .flatten()
            .all(|number| number.to_f64().is_finite())
    );
    let series = one.time_series().unwrap_or_default();
    let series = series
        .iter()
        .map(|(_, series)| (series.kind(), series.values()));
    std::hint::black_box((
        &texts,
        moments,
        one.tz_offset(),
        one.source_data(),
        series.count(),
    ));
}

#[test]
fn summaries() {
    let seeds: [&[u8]; 4] = [
        br#"{"humanId":"0f1e","email":"canary","createdAt":"2021-01-02T03:04:05.006Z","bloodGlucose":{},"bloodOxygen":{"value":97,"unit":"canary"}}"#,
        br#"{"bloodPressure":{"systolic":"120","diastolic":80.5,"heartRate":null},"activitySummary":[{"date":"","steps":12}]}"#,
        br#"{"sleepSummary":{"timeAsleep":400,"updatedAt":"2021-01-02T03:04:05+02:00"},"weight":{"timestamp":"canary"},"canary":{"canary":[1.10]}}"#,
        b" {} ",
    ];
    check(6, &seeds, |body, _| {
        match ReadHealthSummary::new().parse(answer(200, body), sent_at()) {
            Ok(record) => {
                let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
                assert_eq!(record.raw(), text.trim_ascii());
                check_record(&record, body);
                assert!(record.raw().starts_with(b"{"));
                true
            }
            Err(error) => {
                check_text(&error, body);
                false
            }
        }
    });
}

#[test]
fn profiles() {
    let seeds: [&[u8]; 3] = [
        br#"{"userId":"5f00","createdAt":"2021-01-02T03:04:05.006Z","email":"canary","defaultTimeZone":{"name":"UTC"},"humanId":"0f1e"}"#,
        br#"{"userId":7,"defaultTimeZone":[{"name":"canary","offset":-60}],"updatedAt":"-009999-01-01T00:00:00Z","canary":"canary"}"#,
        br#"{"defaultTimeZone":{"id":"x"},"createdAt":"9999-12-31T23:59:60Z"}"#,
    ];
    check(7, &seeds, |body, _| {
        match ReadProfile::new().parse(answer(200, body), sent_at()) {
            Ok(record) => {
                let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
                assert_eq!(record.raw(), text.trim_ascii());
                check_record(&record, body);
                assert!(record.raw().starts_with(b"{"));
                true
            }
            Err(error) => {
                check_text(&error, body);
                false
            }
        }
    });
}

#[test]
fn pages_of_activities() {
    let seeds: [&[u8]; 4] = [
        br#"[{"id":"5f01","startTime":"2021-06-01T12:00:00.000Z","tzOffset":"+02:00","type":"canary","duration":1805,"sourceData":{"canary":false}}]"#,
        br#"[{"timeSeries":{"canary":{"type":"indexed","intervalInMillis":60000,"values":[1,"canary"]}}},{"tzOffset":"-99:99"}]"#,
        br#"[{},{"steps":"3120"},{"calories":140.25,"type":7}]"#,
        b"[]",
    ];
    let call = ListActivities::new().with_limit(2).with_offset(6);
    check(8, &seeds, |body, _| {
        match call.parse(answer(200, body), sent_at()) {
            Ok(page) => {
                for item in &page.items {
                    check_record(item, body);
                    assert!(item.raw().starts_with(b"{"));
                    read_all(item);
                }
                for odd in &page.odd {
                    check_record(odd, body);
                }
                assert_eq!(
                    page.next.is_none(),
                    page.items.is_empty() && page.odd.is_empty()
                );
                true
            }
            Err(error) => {
                check_text(&error, body);
                false
            }
        }
    });
}

const REPORTS: [&[u8]; 4] = [
    br#"{"type":"hapi-connect-close","status":"SUCCESS","sessionResults":{"connectedSources":[{"name":"canary","id":"a1"}]},"currentConnections":[{"name":"canary"}]}"#,
    br#"{"authCode":{"code":"canary","expiresAt":1500000000000},"sessionResults":{"connected":[],"disconnected":[{"id":"b"}]},"connections":[7]}"#,
    br#""{\"type\":\"close\",\"requestedProviders\":[{\"location\":{\"latitude\":0.5,\"longitude\":-1}}]}""#,
    b"hapi-connect-canary",
];

fn check_report(report: Result<ConnectReport, ReportError>, input: &[u8]) -> bool {
    match report {
        Ok(report) => {
            let text = format!("{report:?}{:?}{:?}", report.connected, report.auth_code);
            assert!(!text.contains("canary"), "{text}");
            true
        }
        Err(error) => {
            check_text(&error, input);
            assert_eq!(error, ReportError::NotAReport);
            false
        }
    }
}

#[test]
fn reports_of_connect() {
    check(9, &REPORTS, |body, _| {
        check_report(ConnectReport::from_json(body), body)
    });
}

#[test]
fn callbacks_of_connect() {
    let seeds: [&[u8]; 4] = [
        b"exampleapp://done?status=SUCCESS&sessionResults.connectedSources=%5B%7B%22name%22%3A%22canary%22%7D%5D",
        b"?sessionResults[disconnectedSources]=[{\"id\":\"b2\"}]&currentConnections=%5B%5D&x=canary",
        b"https://a.example.test/#status=canary&sessionResults=%7B%22connected%22%3A%5B%7B%22name%22%3A%22a+b%22%7D%5D%7D",
        b"authCode.code=canary&type=hapi-connect-close&a.b.c[d]=%ff%00%",
    ];
    check(10, &seeds, |body, _| {
        let text = String::from_utf8_lossy(body);
        check_report(ConnectReport::from_callback(&text), body)
    });
}

#[test]
fn retry_after_headers() {
    let seeds: [&[u8]; 8] = [
        b"120",
        b" 7 ",
        b"-1",
        b"99999999999999999999999",
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"Fri, 31 Dec 9999 23:59:59 GMT",
    ];
    let odd_clocks = [
        sent_at(),
        Now::new(Duration::MAX, SystemTime::UNIX_EPOCH),
        Now::new(
            Duration::ZERO,
            SystemTime::UNIX_EPOCH + Duration::from_secs(u32::MAX.into()),
        ),
    ];
    let endpoint = IssueClientToken::new(credentials());
    check(11, &seeds, |value, _| {
        let text = String::from_utf8_lossy(value);
        let parsed = RetryAfter::parse(&text);
        for now in odd_clocks {
            let wait = parsed.map(|asked| asked.wait(now));
            if let Some(RetryAfter::Delay(delay)) = parsed {
                assert_eq!(wait, Some(delay));
            }
        }
        let digits = text.trim();
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            assert!(matches!(parsed, Some(RetryAfter::Delay(_))), "{text:?}");
        }
        if let Ok(header) = HeaderValue::from_bytes(value) {
            let mut response = answer(503, b"");
            response.headers_mut().insert("retry-after", header.clone());
            let asked = endpoint
                .parse(response, sent_at())
                .unwrap_err()
                .retry_after();
            assert_eq!(asked, header.to_str().ok().and_then(RetryAfter::parse));
        }
        parsed.is_some()
    });
}

#[test]
fn link_headers() {
    let seeds: [&[u8]; 4] = [
        b"<https://api.example.test/v1/human/activities?limit=20&offset=40>; rel=\"next\",<https://api.example.test/?offset=0>; rel=\"prev\"",
        b"https://evil.example.test/?&offset=60; rel=next",
        b"</?offset=18446744073709551615>;REL=\"prev Next\"; title=\"canary, ;=\"",
        b"<https://api.example.test/?offset=20>; rel=\"next\"",
    ];
    let call = ListActivities::new().with_limit(2).with_offset(20);
    let hosts = Hosts::production();
    check(12, &seeds, |value, number| {
        // What no header can hold never comes in one.
        let value: Vec<u8> = value
            .iter()
            .map(|byte| {
                if *byte < 32 || *byte == 127 {
                    b'~'
                } else {
                    *byte
                }
            })
            .collect();
        let mut response = answer(200, b"[{},{}]");
        let headers = response.headers_mut();
        headers.append("link", HeaderValue::from_bytes(&value).unwrap());
        headers.insert("x-total-count", HeaderValue::from(22));
        if number % 4 == 0 {
            headers.insert("x-total-count", HeaderValue::from_bytes(&value).unwrap());
        }
        let page = call.parse(response, sent_at()).unwrap();
        let Some(next) = page.next else {
            return false;
        };
        let request = next.request(&hosts).unwrap();
        let uri = request.uri();
        assert_eq!(uri.host(), Some("api.humanapi.co"));
        assert_eq!(uri.query(), Some("limit=2&offset=22"), "{uri}");
        true
    });
}
