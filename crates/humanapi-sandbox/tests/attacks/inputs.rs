//! The inputs, by family.
//!
//! One piece: the families stand side by side, so that one that is missing is seen.

use crate::{Target, trap};

/// One hostile input.
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) expect: Expect,
}

/// What must come of it, besides no harm.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// An answer that is no failure of the sandbox, or none.
    Anything,
    /// A refusal, or a connection that closes.
    Refusal,
    /// This status first.
    Status(u16),
    /// So many answers.
    Count(usize),
}

use Expect::{Anything, Count, Refusal, Status};

/// `Host` headers that are not for this sandbox.
pub(crate) const HOSTS: &[&str] = &[
    "",
    "Host:\r\n",
    "Host: evil.test\r\n",
    "Host: evil.test:80\r\n",
    "Host: 127.0.0.1@evil.test\r\n",
    "Host: evil.test@127.0.0.1\r\n",
    "Host: 127.0.0.1.evil.test\r\n",
    "Host: localhost.evil.test\r\n",
    "Host: 127.0.0.1, evil.test\r\n",
    "Host: 127.0.0.1\r\nHost: evil.test\r\n",
    "Host: evil.test\r\nHost: 127.0.0.1\r\n",
    "Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n",
    "Host: [::1\r\n",
    "Host: ::1\r\n",
    "Host: [::2]\r\n",
    "Host: 0.0.0.0\r\n",
    "Host: 2130706433\r\n",
    "Host: 0x7f.1\r\n",
    "Host: 127.1\r\n",
    "Host: localhost/\r\n",
    "Host: localhost#evil.test\r\n",
    "Host: http://127.0.0.1\r\n",
    "Host: \u{131}ocalhost\r\n",
    "Host: localhost%00.evil.test\r\n",
];

pub(crate) fn post(target: &Target, path: &str, content_type: &str, body: &str) -> Vec<u8> {
    post_bytes(target, path, content_type, body.as_bytes())
}

pub(crate) fn post_bytes(target: &Target, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        target.sandbox.addr(),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Bodies that are right, by the path that takes them.
pub(crate) fn bodies(target: &Target) -> Vec<(&'static str, String)> {
    let id = &target.client_id;
    let user = format!(r#""client_id":"{id}","client_user_id":"someone""#);
    vec![
        ("/v1/connect/token", format!(r#"{{{user},"type":"session","client_user_email":"a@example.test","extra_scopes":["a"]}}"#)),
        ("/v1/admin/token", format!(r#"{{{user},"type":"access","client_secret":"x"}}"#)),
        ("/connect/requests", r#"{"token":"t","physician":"Dr. Test","website":"w","address":"a","healthSystem":"h"}"#.to_owned()),
        ("/connect/sources/strider/sign-in", r#"{"token":"t","username":"demouser","password":"password"}"#.to_owned()),
        ("/tasks/authorization", format!(r#"{{"clientId":"{id}","rq":"t","callback":"https://app.example.test/connected","agrees":"yes","signature":"s"}}"#)),
        ("/tasks/done", format!(r#"{{"clientId":"{id}","rq":"t"}}"#)),
        ("/sandbox/orders/await", format!(r#"{{{user},"state":"completed"}}"#)),
        ("/sandbox/orders/tasks", format!(r#"{{{user},"open":"question"}}"#)),
        ("/sandbox/sources/connect", format!(r#"{{{user},"source":"strider"}}"#)),
        ("/sandbox/users/delete", format!("{{{user}}}")),
        ("/sandbox/users/persona", format!(r#"{{"client_id":"{id}","client_user_id":"victim","persona":"athlete"}}"#)),
        ("/sandbox/records", change(id, r#""change":"insert","resource":"activities","at":1,"fields":{"steps":1},"after_pages":1"#)),
        ("/sandbox/records?update", change(id, r#""change":"update","resource":"activities","id":"x","pages_of":"weight""#)),
        ("/sandbox/records?delete", change(id, r#""change":"delete","resource":"activities","at":7"#)),
        ("/sandbox/records?fill", change(id, r#""change":"fill","resource":"weight","count":1000"#)),
        ("/sandbox/clock/advance", r#"{"seconds":0}"#.to_owned()),
        ("/sandbox/faults", r#"{"kind":"delay","delay_ms":0,"method":"PUT","path":"/nowhere","times":1}"#.to_owned()),
        ("/sandbox/assumptions", r#"{"name":"last-link","value":"multiple"}"#.to_owned()),
        ("/sandbox/tokens/revoke", r#"{"token":"nobody's"}"#.to_owned()),
        ("/sandbox/tokens/kind", r#"{"token":"nobody's"}"#.to_owned()),
    ]
}

/// A change of the victim's records.
fn change(client_id: &str, change: &str) -> String {
    format!(r#"{{"client_id":"{client_id}","client_user_id":"victim","change":{{{change}}}}}"#)
}

pub(crate) fn all(target: &Target) -> Vec<Attack> {
    [
        request_lines(target),
        headers(target),
        framing(target),
        half_said(target),
        paths(target),
        json(target),
        forms(target),
        queries(target),
        applications(target),
        other_sites(target),
        lures(target),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn attack(name: impl Into<String>, bytes: impl Into<Vec<u8>>, expect: Expect) -> Attack {
    Attack {
        name: name.into(),
        pieces: vec![bytes.into()],
        expect,
    }
}

fn request_lines(target: &Target) -> Vec<Attack> {
    let host = format!("Host: {}\r\n\r\n", target.sandbox.addr());
    let lines: &[(&str, Expect)] = &[
        ("", Refusal),
        (" ", Refusal),
        ("GET", Refusal),
        ("GET /", Refusal),
        ("GET / ", Refusal),
        ("GET / HTTP", Refusal),
        ("GET / HTTP/1", Refusal),
        ("GET / HTTP/1.12", Refusal),
        ("GET / HTTP/9.9", Anything),
        ("GET / http/1.1", Refusal),
        (" GET / HTTP/1.1", Refusal),
        ("GET  / HTTP/1.1", Refusal),
        ("GET /  HTTP/1.1", Refusal),
        ("GET\t/\tHTTP/1.1", Refusal),
        ("GET / / HTTP/1.1", Refusal),
        ("GET /\u{7f} HTTP/1.1", Refusal),
        ("GET /\0 HTTP/1.1", Refusal),
        ("GET /é HTTP/1.1", Anything),
        ("GET / HTTP/1.1\0", Refusal),
        ("G\0T / HTTP/1.1", Refusal),
        ("G(T / HTTP/1.1", Refusal),
        ("get /connect HTTP/1.1", Status(405)),
        ("BREW /v1/human HTTP/1.1", Status(405)),
        ("TRACE / HTTP/1.1", Status(405)),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", Anything),
        ("OPTIONS * HTTP/1.1", Anything),
        ("GET * HTTP/1.1", Anything),
        ("GET nowhere HTTP/1.1", Anything),
        ("GET http:// HTTP/1.1", Refusal),
        ("GET http://evil.test/sandbox/apps HTTP/1.1", Status(421)),
        ("GET //evil.test/ HTTP/1.1", Anything),
        ("GET ///////// HTTP/1.1", Status(404)),
        ("GET ? HTTP/1.1", Anything),
        ("GET /? HTTP/1.1", Status(200)),
        ("GET /# HTTP/1.1", Anything),
        ("GET /v1/human#x HTTP/1.1", Anything),
        ("GET / HTTP/2.0", Anything),
        ("PRI * HTTP/2.0\r\n\r\nSM", Anything),
        ("SSH-2.0-OpenSSH_9.6", Refusal),
        ("EHLO evil.test", Refusal),
        ("\u{16}\u{3}\u{1}\0\u{fc}\u{1}\0\0\u{f8}\u{3}\u{3}", Refusal),
    ];
    let mut attacks: Vec<_> = lines
        .iter()
        .map(|(line, expect)| {
            attack(
                format!("request line {line:?}"),
                format!("{line}\r\n{host}"),
                *expect,
            )
        })
        .collect();
    attacks.push(attack("no byte", "", Count(0)));
    attacks.push(attack(
        "every byte",
        (0..=255).collect::<Vec<u8>>(),
        Refusal,
    ));
    attacks.push(attack("zeros", vec![0; 100_000], Refusal));
    attacks.push(attack("line ends alone", "\r\n".repeat(50_000), Refusal));
    attacks.push(attack(
        "a method of 60 KB",
        format!("{} / HTTP/1.1\r\n{host}", "M".repeat(60_000)),
        Refusal,
    ));
    attacks.push(attack(
        "a method of 1 MB",
        format!("{} / HTTP/1.1\r\n{host}", "M".repeat(1_000_000)),
        Refusal,
    ));
    attacks.push(attack(
        "a path of 60 KB",
        format!("GET /{} HTTP/1.1\r\n{host}", "p".repeat(60_000)),
        Status(404),
    ));
    attacks.push(attack(
        "a path of 100 KB",
        format!("GET /{} HTTP/1.1\r\n{host}", "p".repeat(100_000)),
        Refusal,
    ));
    attacks.push(attack(
        "a path of 10 MB",
        format!("GET /{} HTTP/1.1\r\n{host}", "p".repeat(10_000_000)),
        Refusal,
    ));
    attacks
}

fn headers(target: &Target) -> Vec<Attack> {
    let host = format!("Host: {}\r\n", target.sandbox.addr());
    let get = |lines: &str| format!("GET /v1/human HTTP/1.1\r\n{host}{lines}\r\n");
    let mut attacks: Vec<_> = HOSTS
        .iter()
        .map(|host| {
            attack(
                format!("host {host:?}"),
                format!("GET /sandbox/apps HTTP/1.1\r\n{host}\r\n"),
                Refusal,
            )
        })
        .collect();
    for (name, lines, expect) in [
        (
            "a header without a colon",
            "Nothing\r\n".to_owned(),
            Refusal,
        ),
        ("a header without a name", ": x\r\n".to_owned(), Refusal),
        ("a blank before the colon", "X : y\r\n".to_owned(), Refusal),
        ("a folded header", "X: y\r\n z\r\n".to_owned(), Anything),
        ("a zero in a value", "X: \0\r\n".to_owned(), Refusal),
        (
            "a bare return in a value",
            "X: a\rb\r\n".to_owned(),
            Refusal,
        ),
        (
            "a name of 60 KB",
            format!("{}: y\r\n", "x".repeat(60_000)),
            Anything,
        ),
        (
            "a name of 100 KB",
            format!("{}: y\r\n", "x".repeat(100_000)),
            Refusal,
        ),
        (
            "a value of 100 KB",
            format!("X: {}\r\n", "y".repeat(100_000)),
            Anything,
        ),
        (
            "a value of 1 MB",
            format!("X: {}\r\n", "y".repeat(1_000_000)),
            Refusal,
        ),
        (
            "90 headers",
            (0..90).map(|n| format!("X-{n}: y\r\n")).collect(),
            Status(401),
        ),
        (
            "10,000 headers",
            (0..10_000).map(|n| format!("X-{n}: y\r\n")).collect(),
            Refusal,
        ),
        (
            "two authorizations",
            "Authorization: Bearer demo\r\nAuthorization: Bearer x\r\n".to_owned(),
            Status(401),
        ),
        (
            "an authorization of 60 KB",
            format!("Authorization: Bearer {}\r\n", "x".repeat(60_000)),
            Status(401),
        ),
        (
            "an authorization without a token",
            "Authorization: Bearer\r\n".to_owned(),
            Status(401),
        ),
        (
            "an authorization that is no text",
            "Authorization: Bearer \u{fc}\r\n".to_owned(),
            Status(401),
        ),
        (
            "a tag of 60 KB",
            format!(
                "Authorization: Bearer demo\r\nIf-None-Match: {}\r\n",
                "\"a\",".repeat(15_000)
            ),
            Status(200),
        ),
        (
            "an expectation",
            "Expect: 100-continue\r\n".to_owned(),
            Anything,
        ),
        (
            "an unknown expectation",
            "Expect: miracles\r\n".to_owned(),
            Anything,
        ),
        (
            "an upgrade",
            "Connection: Upgrade\r\nUpgrade: websocket\r\n".to_owned(),
            Anything,
        ),
        (
            "an upgrade to HTTP/2",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                .to_owned(),
            Anything,
        ),
        (
            "a connection that is all",
            format!("Connection: {}\r\n", "close, ".repeat(5_000)),
            Anything,
        ),
        (
            "a range",
            "Authorization: Bearer demo\r\nRange: bytes=0-18446744073709551615\r\n".to_owned(),
            Status(200),
        ),
    ] {
        attacks.push(attack(name, get(&lines), expect));
    }
    attacks.push(attack(
        "lines that end in LF",
        get("").replace("\r\n", "\n"),
        Anything,
    ));
    attacks
}

fn framing(target: &Target) -> Vec<Attack> {
    let host = target.sandbox.addr();
    let head = format!(
        "POST /v1/connect/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    );
    let get = format!("GET /v1/human HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut attacks = Vec::new();
    for length in [
        "-1",
        "+2",
        "0x2",
        "2e0",
        "2.0",
        " ",
        "99999999999999999999999",
        "2, 3",
        "2\r\nContent-Length: 3",
        "two",
    ] {
        attacks.push(attack(
            format!("length {length:?}"),
            format!("{head}Content-Length: {length}\r\n\r\n{{}}"),
            Refusal,
        ));
    }
    attacks.push(attack(
        "a length of 16 EB",
        format!("{head}Content-Length: 18446744073709551614\r\n\r\n{{}}"),
        Refusal,
    ));
    attacks.push(attack(
        "a length of 20 MB",
        format!("{head}Content-Length: 20000000\r\n\r\n{{}}"),
        Status(413),
    ));
    for encoding in [
        "xchunked",
        "chunked, chunked",
        "gzip, chunked",
        "chunked, identity",
        "identity",
        "chunked\r\nTransfer-Encoding: identity",
        "\u{b}chunked",
        "chunked\r\nContent-Length: 2",
    ] {
        attacks.push(attack(
            format!("encoding {encoding:?}"),
            format!("{head}Transfer-Encoding: {encoding}\r\n\r\n0\r\n\r\n{get}"),
            Anything,
        ));
    }
    for chunks in [
        "",
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "0x1\r\nx\r\n",
        "ffffffffffffffff\r\nx",
        "fffffffffffffffff\r\nx",
        "1\r\nxy\r\n0\r\n\r\n",
        "1\r\n",
        "1;name=\"a\r\nb\"\r\nx\r\n0\r\n\r\n",
        "1 \r\nx\r\n0\r\n\r\n",
        "0\r\nTrailer: x\r\n\r\n",
        "0\r\nbroken\r\n\r\n",
        "0\n\n",
    ] {
        attacks.push(attack(
            format!("chunks {chunks:?}"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
            Refusal,
        ));
    }
    attacks.push(attack(
        "100,000 chunks of a byte",
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            "1\r\n \r\n".repeat(100_000)
        ),
        Status(400),
    ));
    attacks.push(attack(
        "a chunk extension of 1 MB",
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n1;{}\r\n \r\n0\r\n\r\n",
            "x".repeat(1_000_000)
        ),
        Refusal,
    ));
    attacks.push(attack(
        "trailers of 1 MB",
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n0\r\n{}\r\n",
            "X: y\r\n".repeat(200_000)
        ),
        Refusal,
    ));
    attacks.push(attack(
        "a body of 5 MB",
        [
            format!("{head}Content-Length: 5000000\r\n\r\n").into_bytes(),
            vec![b' '; 5_000_000],
        ]
        .concat(),
        Status(413),
    ));
    attacks.push(attack("100 requests at once", get.repeat(100), Count(100)));
    attacks.push(attack(
        "a request within another's body",
        format!("{head}Content-Length: {}\r\n\r\n{get}", get.len()),
        Count(1),
    ));
    attacks.push(attack(
        "a request behind a shorter body",
        format!("{head}Content-Length: 2\r\n\r\n{{}}{get}"),
        Count(2),
    ));
    attacks.push(attack(
        "rubbish behind a request",
        format!("{get}rubbish\r\n\r\n{get}"),
        Refusal,
    ));
    attacks.push(attack(
        "a body for GET",
        format!("GET /v1/human HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello{get}"),
        Count(2),
    ));
    attacks
}

fn half_said(target: &Target) -> Vec<Attack> {
    let host = target.sandbox.addr();
    let whole = post(target, "/v1/connect/token", "application/json", "{\"a\":1}");
    let mut attacks: Vec<_> = [1, 3, 10, 40, 60, 100]
        .into_iter()
        .map(|length| {
            attack(
                format!("the first {length} bytes"),
                &whole[..length.min(whole.len() - 1)],
                Refusal,
            )
        })
        .collect();
    attacks.push(attack(
        "all but the last byte",
        &whole[..whole.len() - 1],
        Refusal,
    ));
    attacks.push(Attack {
        name: "a byte at a time".to_owned(),
        pieces: whole.iter().map(|byte| vec![*byte]).collect(),
        expect: Status(400),
    });
    attacks.push(attack(
        "events, and gone",
        format!(
            "GET /sandbox/events HTTP/1.0\r\nHost: {host}\r\nSec-Fetch-Site: cross-site\r\n\r\n"
        ),
        Status(403),
    ));
    attacks
}

fn paths(target: &Target) -> Vec<Attack> {
    let host = target.sandbox.addr();
    [
        "/../",
        "/..",
        "/../../etc/passwd",
        "/v1/human/..",
        "/v1/human/../../sandbox/apps",
        "/v1/human/%2e%2e/%2e%2e/sandbox/apps",
        "/v1/human/..%2f..%2fsandbox/apps",
        "//sandbox/apps",
        "/sandbox//apps",
        "/sandbox/./apps",
        "/sandbox/apps/",
        "/sandbox/apps%00",
        "/sandbox/apps;x",
        "/sandbox%2fapps",
        "/sandbox/apps%20",
        "/SANDBOX/APPS",
        "/sandbox\\apps",
        "/./sandbox/apps",
        "/%73andbox/apps",
        "/connect/sources/../../sandbox/apps",
        "/connect/sources/%2e%2e/code",
        "/connect/sources//sign-in",
        "/connect/sources/strider/",
        "/connect/sources/strider/code/x",
        "/v1/human/activities/%00",
        "/v1/human/activities/..",
        "/v1/human/activities/%ff%fe",
        "/v1/human/activities/daily/",
        "/v1/human/activities/daily/9999-99-99",
        "/v1/human/activities/{id}",
        "/v1/human/activities/summaries/2026-02-30",
        "/v1/human/activities/summary/%32026-01-01",
        "/v1/human/weight/readings/daily/-001-01-01",
        "/v1/human/weight/readings/daily/2026-01-01/raw",
        "/v1/human/weight/readings/..",
        "/v1/human/medical/ccds/../raw",
        "/v1/human/medical/ccds/%2e%2e%2fraw/raw",
        "/v1/human/medical/ccds/\u{131}/raw",
        "/v1/human/medical/reports/{id}/raw?format=../../etc/passwd",
        "/v1/human/medical/profile/..",
        "/v1/human/genetic/genotypes",
        "/v1/HUMAN/../../SANDBOX/APPS",
        "/V1/APPS/x/USERS",
        "/{*x}",
        "/%",
        "/%zz",
        "/%u0041",
        "/favicon.ico/",
        "/images/data-source-type-icons/",
        "/.git/config",
        "/v1/connect/token/",
        "/v1/connect/token/..",
    ]
    .into_iter()
    .map(|path| {
        let text =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\n\r\n");
        attack(format!("path {path:?}"), text, Refusal)
    })
    .collect()
}

fn json(target: &Target) -> Vec<Attack> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("a number", "1e999".to_owned()),
        ("a list", "[]".to_owned()),
        ("a deep list", deep.clone()),
        ("a deep object", "{\"a\":".repeat(50_000)),
        ("a deep value", format!("{{\"token\":{deep}}}")),
        (
            "half a surrogate",
            r#"{"token":"\ud83d","name":"\ud83d","kind":"\ud83d"}"#.to_owned(),
        ),
        (
            "a zero",
            r#"{"token":"\u0000","source":"\u0000"}"#.to_owned(),
        ),
        (
            "a long number",
            format!("{{\"seconds\":{}}}", "9".repeat(100_000)),
        ),
        (
            "a negative number",
            r#"{"seconds":-1,"times":-1,"status":-1}"#.to_owned(),
        ),
        (
            "a doubled field",
            r#"{"token":"a","token":"b","kind":"status","kind":"delay"}"#.to_owned(),
        ),
        (
            "100,000 fields",
            format!(
                "{{{}\"z\":1}}",
                (0..100_000)
                    .map(|n| format!("\"{n}\":1,"))
                    .collect::<String>()
            ),
        ),
        (
            "a prototype",
            r#"{"__proto__":{"token":"x"},"constructor":1}"#.to_owned(),
        ),
        ("a byte order mark", "\u{feff}{}".to_owned()),
        ("two objects", "{}{}".to_owned()),
        (
            "a long text",
            format!("{{\"token\":\"{}\",\"name\":\"x\"}}", "x".repeat(900_000)),
        ),
    ];
    let mut attacks = Vec::new();
    for (path, _) in self::bodies(target) {
        for (name, body) in &bodies {
            attacks.push(attack(
                format!("{path} with {name}"),
                post(target, path, "application/json", body),
                Refusal,
            ));
        }
        attacks.push(attack(
            format!("{path} with no UTF-8"),
            post_bytes(target, path, "application/json", b"{\"token\":\"\xff\"}"),
            Refusal,
        ));
    }
    for content_type in [
        "",
        "application",
        "application/json\r\nContent-Type: text/plain",
        "text/json",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
        "\u{fc}",
    ] {
        attacks.push(attack(
            format!("reset as {content_type:?}"),
            post(target, "/sandbox/users/delete", content_type, "{}"),
            Refusal,
        ));
    }
    attacks
}

fn forms(target: &Target) -> Vec<Attack> {
    let form = "application/x-www-form-urlencoded";
    let id = &target.client_id;
    let many: String = (0..100_000).map(|n| format!("f{n}=v&")).collect();
    [
        ("/v1/connect/token", "%", Refusal),
        ("/v1/connect/token", "%zz=%f", Refusal),
        ("/v1/connect/token", "client_id=%ff%fe", Refusal),
        ("/v1/connect/token", "&&&&====&&", Refusal),
        (
            "/v1/connect/token",
            "type[]=id&type[]=session&client_id=x",
            Refusal,
        ),
        ("/v1/connect/token", many.as_str(), Refusal),
        ("/v1/connect/token", "a&".repeat(400_000).as_str(), Refusal),
        (
            "/v1/connect/token",
            "same=x&".repeat(100_000).as_str(),
            Refusal,
        ),
        ("/connect/done", "token=<script>alert(1)</script>", Refusal),
        ("/connect/done", "", Refusal),
        (
            "/connect/done",
            format!("clientId={id}&callback=javascript:alert(1)").as_str(),
            Refusal,
        ),
        (
            "/connect/done",
            format!(
                "clientId={id}&callback=https://app.example.test/connected%0d%0aSet-Cookie:a=b"
            )
            .as_str(),
            Refusal,
        ),
        (
            "/connect/done",
            format!(
                "clientId={id}&callback=https://app.example.test/connected?%0d%0aSet-Cookie:a=b"
            )
            .as_str(),
            Refusal,
        ),
        (
            "/connect/done",
            format!("clientId={id}&callback=https://app.example.test@evil.test/").as_str(),
            Refusal,
        ),
        (
            "/connect/sources/strider/code",
            format!("code={}", "1".repeat(900_000)).as_str(),
            Refusal,
        ),
        ("/connect/sources/nowhere/code", "token=x", Refusal),
        ("/connect/sources/strider", "action=explode", Refusal),
        (
            "/connect/sources/strider/sign-in",
            "token=x&username=\"><script>&password=x",
            Anything,
        ),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, (path, body, expect))| {
        attack(
            format!("form {number} at {path}"),
            post(target, path, form, body),
            expect,
        )
    })
    .collect()
}

fn queries(target: &Target) -> Vec<Attack> {
    let host = target.sandbox.addr();
    let long = "9".repeat(50_000);
    let mut attacks: Vec<_> = [
        "limit=0", "limit=-1", "limit=1e3", "limit=%00", "limit=0x10", "offset=-1", "offset=1.5", "offset=%2B1", "created_since=now",
        "created_since=99999999T999999Z", "updated_before=0000-00-00", "start_date=2026-02-30", "end_date=-1", "limit=%ff", "offset=%F0%9F%98%80",
        "created_since=9999-12-31T23:59:59.999999999%2B23:59", "limit=--5",
    ]
    .into_iter()
    .map(|query| {
        let text = format!("GET /v1/human/activities?{query} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\n\r\n");
        attack(format!("query {query:?}"), text, Anything)
    })
    .collect();
    for query in [
        format!("limit={long}"),
        format!("offset={long}"),
        "&".repeat(50_000),
        "a=b&".repeat(12_000),
        "offset=1&".repeat(6_000),
        "%6f".repeat(15_000),
    ] {
        let text = format!(
            "GET /v1/human/activities?{query} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\n\r\n"
        );
        attacks.push(attack(
            format!("a long query that begins {:?}", &query[..12]),
            text,
            Status(200),
        ));
    }
    for query in [
        "token=%3Cscript%3E",
        "token=%ff",
        "token=",
        "mode=select&token=%00",
        "token=x&show=..%2f..&told=connected-x",
        "pisId=%22%3E",
    ] {
        attacks.push(attack(
            format!("Connect with {query:?}"),
            format!("GET /?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Anything,
        ));
    }
    for query in [
        "",
        "clientId=x",
        "clientId=x&callback=y&token=z",
        "callback=javascript:alert(1)",
        "clientId=%ff&callback=%ff",
    ] {
        attacks.push(attack(
            format!("hosted link with {query:?}"),
            format!("GET /connect?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Status(400),
        ));
    }
    attacks
}

/// The application level, for keys that are none and users that nobody has.
fn applications(target: &Target) -> Vec<Attack> {
    let host = target.sandbox.addr();
    let id = &target.client_id;
    let mut attacks = Vec::new();
    for (at, credentials) in [
        "Basic",
        "Basic ",
        "Basic Og==",
        "Basic OjpB",
        "Basic //8=",
        "Basic %41",
        "Basic QUFB=QUFB",
        "basic\tQTo=",
        "Bearer demo",
        "Negotiate QTo=",
    ]
    .iter()
    .enumerate()
    {
        for path in [
            "users",
            "users/x",
            "users/activities",
            "users/..",
            "users/%ff",
        ] {
            let text = format!(
                "GET /v1/apps/{id}/{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {credentials}\r\n\r\n"
            );
            attacks.push(attack(format!("key {at} for {path}"), text, Refusal));
        }
    }
    let long = format!("Basic {}", "QUFB".repeat(20_000));
    let text = format!(
        "GET /v1/apps/{id}/users HTTP/1.1\r\nHost: {host}\r\nAuthorization: {long}\r\n\r\n"
    );
    attacks.push(attack("a key of 80,000 letters", text, Status(401)));
    for path in [
        "/v1/apps",
        "/v1/apps/",
        "/v1/apps//users",
        "/v1/apps/{client_id}/users",
    ] {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        attacks.push(attack(format!("application at {path:?}"), text, Refusal));
    }
    attacks
}

fn other_sites(target: &Target) -> Vec<Attack> {
    let host = target.sandbox.addr();
    [
        "Origin: https://evil.test",
        "Origin: null",
        "Origin:",
        "Origin: http://127.0.0.1",
        "Origin: http://127.0.0.1:1",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: same-origin",
    ]
    .into_iter()
    .map(|line| line.to_owned())
    .chain([
        format!("Origin: http://{host}\r\nOrigin: https://evil.test"),
        format!("Origin: https://evil.test\r\nOrigin: http://{host}"),
        format!("Origin: https://{host}"),
        format!("Origin: http://{host}.evil.test"),
    ])
    .map(|line| {
        let text = format!(
            "POST /sandbox/reset HTTP/1.1\r\nHost: {host}\r\n{line}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        attack(format!("reset from {line:?}"), text, Status(403))
    })
    .collect()
}

/// The address of somebody who waits for a visit, in every place where a server might go to one.
fn lures(target: &Target) -> Vec<Attack> {
    let (host, trap) = (target.sandbox.addr(), trap());
    let url = format!("http://{trap}/");
    let json = "application/json";
    let mut lures: Vec<Attack> = [
        format!("GET {url} HTTP/1.1\r\nHost: {trap}\r\n\r\n"),
        format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("CONNECT {trap} HTTP/1.1\r\nHost: {trap}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {trap}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {trap}\r\nForwarded: host={trap}\r\nReferer: {url}\r\n\r\n"),
        format!("GET //{trap}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /connect?clientId={}&callback={url} HTTP/1.1\r\nHost: {host}\r\n\r\n", target.client_id),
        format!("GET /v1/human?next={url}&url={url} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\n\r\n"),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, text)| attack(format!("lure {number}"), text, Anything))
    .collect();
    for (path, body) in bodies(target) {
        let body = body.replace("victim", &url).replace("strider", &url);
        let name = format!("a lure in a body at {path}");
        lures.push(attack(name, post(target, path, json, &body), Anything));
    }
    lures
}
