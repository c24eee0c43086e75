//! Hostile requests for a server of ours, over real connections, and what must not come of them.
//!
//! [`cases`] makes them for the routes of a server; [`Attack::run`] sends each over a connection of its own and looks at
//! what comes back. A case passes if the connection is answered or closed, and if the answer says no secret, leads nowhere
//! else and is no failure of the server's own.
//!
//! One piece: the hostile requests, one after another, and the one reader of what comes back.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A route of the server, and a request for it that is right.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a suite writes them out")]
pub struct Route {
    /// The method that it takes.
    pub method: &'static str,
    /// Its path.
    pub path: &'static str,
    /// The type and the text of a right body, where it takes one.
    pub body: Option<(&'static str, &'static str)>,
}

/// One hostile input: what is sent over one connection, which then says that there is no more.
#[derive(Clone)]
pub struct Case {
    name: String,
    bytes: Vec<u8>,
}

impl Case {
    /// A case under a name.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

/// A listener that nobody may come to. Its address stands in many of the inputs.
#[derive(Debug)]
pub struct Trap {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Trap {
    /// Sets it.
    ///
    /// # Panics
    ///
    /// When loopback is not there.
    pub async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("loopback is there");
        let address = listener.local_addr().expect("a listener has an address");
        let visits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&visits);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, visits }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Counts the panics of this process from now on, of whatever task.
#[must_use]
pub fn count_panics() -> Arc<AtomicUsize> {
    let panics = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&panics);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        count.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    panics
}

/// An attack on one server.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a suite writes it out")]
pub struct Attack<'a> {
    /// Where the server is.
    pub server: SocketAddr,
    /// What no answer may hold.
    pub secrets: &'a [String],
    /// The only places that an answer may send a browser to.
    pub leads_to: &'a [&'a str],
    /// Nobody may come here.
    pub trap: &'a Trap,
}

impl Attack<'_> {
    /// Sends each case, a few at a time, and looks at what comes back.
    pub async fn run(&self, cases: &[Case]) -> Findings {
        let mut findings = Findings::default();
        let mut answers = stream::iter(cases)
            .map(|case| self.check(case))
            .buffer_unordered(8);
        while let Some(outcome) = answers.next().await {
            match outcome {
                Ok(statuses) => {
                    findings.answered += usize::from(!statuses.is_empty());
                    for status in statuses {
                        *findings.statuses.entry(status).or_default() += 1;
                    }
                }
                Err(fault) => findings.faults.push(fault),
            }
        }
        if self.trap.visits.load(Ordering::SeqCst) > 0 {
            findings.faults.push("somebody came to the trap".to_owned());
        }
        findings
    }

    /// The statuses of what was answered, or what is wrong with it.
    async fn check(&self, case: &Case) -> Result<Vec<u16>, String> {
        let Ok(answer) = tokio::time::timeout(PATIENCE, send(self.server, &case.bytes)).await
        else {
            return Err(format!("{case:?}: neither answered nor closed"));
        };
        let text = String::from_utf8_lossy(&answer);
        if let Some(at) = self.secrets.iter().position(|secret| text.contains(secret)) {
            return Err(format!("{case:?}: shows the secret of number {at}"));
        }
        let mut statuses = Vec::new();
        for line in text.lines() {
            let status = line
                .strip_prefix("HTTP/1.1 ")
                .or_else(|| line.strip_prefix("HTTP/1.0 "));
            if let Some(status) = status.and_then(|status| status.get(..3)?.parse().ok()) {
                // The service may be too busy for somebody who asks so much; nothing else is the server's to fail at.
                if status >= 500 && status != 503 {
                    return Err(format!("{case:?}: {line}"));
                }
                statuses.push(status);
            }
            let line = line.to_ascii_lowercase();
            if let Some(place) = line.strip_prefix("location: ")
                && !self.leads_to.contains(&place)
            {
                return Err(format!("{case:?}: leads to {place}"));
            }
        }
        Ok(statuses)
    }
}

/// What came of an attack.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Findings {
    /// What was wrong, a line each.
    pub faults: Vec<String>,
    /// How many cases were answered; the others were hung up on.
    pub answered: usize,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, usize>,
}

impl Findings {
    /// Whether nothing was wrong, and the server did answer, by each of these statuses among others.
    ///
    /// # Panics
    ///
    /// When it is not so.
    #[track_caller]
    pub fn check(&self, cases: usize, statuses: &[u16]) {
        let faults = &self.faults;
        assert!(
            faults.is_empty(),
            "{} of {cases}: {faults:#?}",
            faults.len()
        );
        // A server that hung up on everybody would pass as well.
        assert!(
            self.answered * 3 > cases * 2,
            "{} of {cases}",
            self.answered
        );
        for status in statuses {
            assert!(
                self.statuses.contains_key(status),
                "{status}: {:?}",
                self.statuses
            );
        }
    }
}

/// Longer than any limit of a server.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends all of it, says that there is no more, and gives what comes until the connection ends.
pub async fn send(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(server).await else {
        return answer;
    };
    let (mut reads, mut writes) = stream.split();
    // A server that has seen enough may close while there is more to send.
    let sending = async {
        if writes.write_all(bytes).await.is_ok() {
            let _ = writes.shutdown().await;
        }
    };
    let reading = async {
        // A reset is an end as well.
        let _ = reads.read_to_end(&mut answer).await;
    };
    tokio::join!(sending, reading);
    answer
}

/// Hostile requests for these routes, sent with the headers of somebody who is signed in and of a page of ours.
#[must_use]
pub fn cases(routes: &[Route], identity: &[(String, String)], trap: &Trap) -> Vec<Case> {
    let writer = Writer::new(identity, trap);
    let mut cases = writer.lines();
    for route in routes {
        cases.extend(writer.heads(route));
        if route.body.is_some() {
            cases.extend(writer.bodies(route));
        }
    }
    cases
}

/// The same requests, each broken at random in many places: so many more.
#[must_use]
pub fn mutated(
    routes: &[Route],
    identity: &[(String, String)],
    trap: &Trap,
    count: usize,
) -> Vec<Case> {
    let writer = Writer::new(identity, trap);
    let seeds: Vec<Vec<u8>> = routes
        .iter()
        .map(|route| {
            let (kind, body) = route.body.unwrap_or_default();
            writer.request(
                route.method,
                route.path,
                &format!("Content-Type: {kind}\r\n"),
                body.as_bytes(),
            )
        })
        .collect();
    // Which places are hit is the same each time, so that a fault can be found again by its number.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap_or_default()
    };
    let one = |number: usize| {
        let mut bytes = seeds[draw(seeds.len())].clone();
        for _ in 0..=draw(6) {
            let at = draw(bytes.len());
            match draw(5) {
                0 => bytes[at] = u8::try_from(draw(256)).unwrap_or_default(),
                1 => bytes.insert(at, u8::try_from(draw(256)).unwrap_or_default()),
                2 => drop(bytes.drain(at..(at + draw(32)).min(bytes.len()))),
                3 => bytes.extend_from_within(at..),
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b'\n');
            }
        }
        Case::new(format!("mutation {number}"), bytes)
    };
    (0..count).map(one).collect()
}

struct Writer {
    identity: String,
    trap: String,
}

impl Writer {
    fn new(identity: &[(String, String)], trap: &Trap) -> Self {
        let headers = identity.iter();
        Self {
            identity: headers
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect(),
            trap: trap.address.to_string(),
        }
    }

    fn request(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: app.example.test\r\n{}{headers}Content-Length: {length}\r\n\r\n",
            self.identity
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    /// What is no request, or one for no route.
    fn lines(&self) -> Vec<Case> {
        let trap = &self.trap;
        let long = "a".repeat(70_000);
        let mut cases: Vec<Case> = [
            ("nothing", String::new()),
            ("an empty line", "\r\n".to_owned()),
            ("many empty lines", "\r\n".repeat(10_000)),
            ("one letter", "G".to_owned()),
            ("no version", "GET /\r\n\r\n".to_owned()),
            ("an old version", "GET / HTTP/0.9\r\n\r\n".to_owned()),
            ("version 1.0", "GET / HTTP/1.0\r\n\r\n".to_owned()),
            ("a later version", "GET / HTTP/3.0\r\nHost: x\r\n\r\n".to_owned()),
            ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
            ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
            ("two hosts", format!("GET / HTTP/1.1\r\nHost: a\r\nHost: {trap}\r\n\r\n")),
            ("a host elsewhere", format!("GET / HTTP/1.1\r\nHost: {trap}\r\n\r\n")),
            ("a host with a path", "GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n".to_owned()),
            ("a bare line feed", "GET / HTTP/1.1\nHost: x\n\n".to_owned()),
            ("a bare carriage return", "GET / HTTP/1.1\rHost: x\r\r".to_owned()),
            ("a space before a colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_owned()),
            ("a header without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n".to_owned()),
            ("a header without a name", "GET / HTTP/1.1\r\n: x\r\n\r\n".to_owned()),
            ("a folded header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n".to_owned()),
            ("a header of 70,000 letters", format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n")),
            ("a name of 70,000 letters", format!("GET / HTTP/1.1\r\nHost: x\r\n{long}: a\r\n\r\n")),
            ("1,000 headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(1_000))),
            ("a head of a megabyte", format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", format!("A: {long}\r\n").repeat(15))),
            ("a target of 70,000 letters", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("a query of 70,000 letters", format!("GET /?{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("no target", "GET  HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("a target without a slash", "GET x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("a target elsewhere", format!("GET http://{trap}/ HTTP/1.1\r\nHost: {trap}\r\n\r\n")),
            ("a target elsewhere by https", format!("GET https://{trap}/ HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("a target with a user", format!("GET http://user@{trap}/ HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("two slashes", format!("GET //{trap}/ HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("a backslash", format!("GET /\\{trap}/ HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("a tunnel", format!("CONNECT {trap} HTTP/1.1\r\nHost: {trap}\r\n\r\n")),
            ("a trace", "TRACE / HTTP/1.1\r\nHost: x\r\nCookie: canary-cookie\r\n\r\n".to_owned()),
            ("a star", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("an unknown method", "HACK / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("a method in small letters", "get / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("a method of 70,000 letters", format!("{long} / HTTP/1.1\r\nHost: x\r\n\r\n")),
            ("a way up", "GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("an escaped way up", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("a way up, escaped twice", "GET /%252e%252e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("an escaped null", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("escapes that are none", "GET /%zz%2 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("a line break in a target", "GET /a%0d%0aSet-Cookie:%20x=y HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("script in a target", "GET /<script>alert(1)</script> HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("100 requests at once", "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100)),
            ("an upgrade", "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n".to_owned()),
            ("an upgrade to HTTP/2", "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n".to_owned()),
        ]
        .into_iter()
        .map(|(name, text)| Case::new(name, text))
        .collect();
        cases.push(Case::new(
            "a greeting of TLS",
            *b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ));
        cases.push(Case::new("all bytes", (0..=255).collect::<Vec<u8>>()));
        cases.push(Case::new("nulls", vec![0; 100_000]));
        cases.push(Case::new(
            "a null in a header",
            *b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
        ));
        cases.push(Case::new(
            "no UTF-8 in a target",
            *b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        ));
        cases.push(Case::new(
            "no UTF-8 in a header",
            *b"GET / HTTP/1.1\r\nHost: x\r\nCookie: \xff=\xfe\r\n\r\n",
        ));
        cases
    }

    /// A right request with one thing wrong about its head.
    fn heads(&self, route: &Route) -> Vec<Case> {
        let trap = &self.trap;
        let long = "a".repeat(60_000);
        let (kind, body) = route.body.unwrap_or(("application/json", "{}"));
        let typed = format!("Content-Type: {kind}\r\n");
        let case = |name: &str, bytes: Vec<u8>| {
            Case::new(format!("{} {}: {name}", route.method, route.path), bytes)
        };
        let mut cases = Vec::new();
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let bytes = self.request(method, route.path, &typed, body.as_bytes());
            cases.push(case(&format!("by {method}"), bytes));
        }
        for (name, headers) in [
            ("another origin", format!("Origin: http://{trap}\r\n")),
            ("no origin", "Origin: null\r\n".to_owned()),
            (
                "two origins",
                format!("Origin: http://a\r\nOrigin: http://{trap}\r\n"),
            ),
            ("another site", "Sec-Fetch-Site: cross-site\r\n".to_owned()),
            (
                "two sites",
                "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n".to_owned(),
            ),
            ("two types", "Content-Type: text/plain\r\n".to_owned()),
            (
                "forwarded",
                format!(
                    "X-Forwarded-Host: {trap}\r\nX-Forwarded-Proto: https\r\nForwarded: host={trap}\r\n"
                ),
            ),
            (
                "another address",
                format!("X-Original-URL: /\r\nX-Rewrite-URL: http://{trap}/\r\n"),
            ),
            (
                "another method",
                "X-HTTP-Method-Override: DELETE\r\n".to_owned(),
            ),
            (
                "a cookie of 60,000 letters",
                format!("Cookie: a={long}\r\n"),
            ),
            (
                "20,000 cookies",
                format!("Cookie: {}\r\n", "a=;".repeat(20_000)),
            ),
            (
                "cookies of Connect",
                format!(
                    "Cookie: {}\r\n",
                    "humanapi-launch=a.b.c.d.e; ".repeat(2_000)
                ),
            ),
            (
                "odd cookies",
                "Cookie: =; ;;; a; =b; \"; a=\"b\r\n".to_owned(),
            ),
            (
                "what it has already",
                format!("If-None-Match: {}\r\n", "\"a\",".repeat(12_000)),
            ),
            (
                "a range",
                "Range: bytes=0-18446744073709551615,-1\r\n".to_owned(),
            ),
            (
                "a language",
                format!("Accept-Language: {}\r\n", "a;q=0.1,".repeat(5_000)),
            ),
            ("an expectation", "Expect: 100-continue\r\n".to_owned()),
            ("an odd expectation", "Expect: the worst\r\n".to_owned()),
            (
                "a token",
                "Authorization: Bearer canary-token\r\n".to_owned(),
            ),
            (
                "a frame",
                "Sec-Fetch-Dest: iframe\r\nSec-Fetch-Mode: navigate\r\n".to_owned(),
            ),
            ("compressed", "Content-Encoding: gzip\r\n".to_owned()),
        ] {
            let bytes = self.request(
                route.method,
                route.path,
                &format!("{typed}{headers}"),
                body.as_bytes(),
            );
            cases.push(case(name, bytes));
        }
        for (name, query) in [
            (
                "a place to go",
                format!(
                    "?next=http://{trap}/&return_to=//{trap}&url=http://{trap}/&callback=http://{trap}/"
                ),
            ),
            (
                "another user",
                "?user=ben&client_user_id=ben&userId=ben&email=ben@example.test".to_owned(),
            ),
            (
                "script",
                "?status=%3Cscript%3Ealert(1)%3C/script%3E&sessionResults=%5B%5D".to_owned(),
            ),
            ("a long query", format!("?status=SUCCESS&a={long}")),
            ("20,000 parameters", format!("?{}", "a&".repeat(20_000))),
            (
                "a report of 1,000 sources",
                format!(
                    "?sessionResults.connected=%5B{}%5D",
                    "%7B%22id%22:1%7D,".repeat(1_000)
                ),
            ),
            (
                "deep JSON",
                format!("?sessionResults={}", "%5B".repeat(10_000)),
            ),
            (
                "escapes that are none",
                "?a=%&b=%2&c=%zz&%=&=&&=".to_owned(),
            ),
            ("no UTF-8", "?status=%ff%fe&%ff=%fe".to_owned()),
        ] {
            let target = format!("{}{query}", route.path);
            cases.push(case(
                name,
                self.request(route.method, &target, &typed, body.as_bytes()),
            ));
        }
        for tail in [
            "/", "/..", "/%2e%2e", "//", ";a=b", ".php", "%00", "/..;/", "%20",
        ] {
            let target = format!("{}{tail}", route.path);
            cases.push(case(
                &format!("with {tail}"),
                self.request(route.method, &target, &typed, body.as_bytes()),
            ));
        }
        cases
    }

    /// A right request with one thing wrong about its body, or about how that is sent.
    fn bodies(&self, route: &Route) -> Vec<Case> {
        let (kind, right) = route.body.unwrap_or_default();
        let typed = format!("Content-Type: {kind}\r\n");
        let case = |name: &str, bytes: Vec<u8>| {
            Case::new(format!("{} {}: {name}", route.method, route.path), bytes)
        };
        let trap = &self.trap;
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        let objects = r#"{"a":"#.repeat(10_000);
        let numbers = "1".repeat(60_000);
        let mut cases: Vec<Case> = [
            ("nothing", Vec::new()),
            ("null", b"null".to_vec()),
            ("a number", b"7".to_vec()),
            ("a number of 60,000 digits", numbers.clone().into_bytes()),
            ("1e999999", b"[1e999999,-1e999999,1e-999999]".to_vec()),
            ("a list", b"[]".to_vec()),
            ("a text", b"\"close\"".to_vec()),
            ("half an object", b"{\"type\":".to_vec()),
            ("lists within lists", deep.into_bytes()),
            ("objects within objects", objects.into_bytes()),
            ("half an emoji", br#"{"type":"close","a":"\ud83d"}"#.to_vec()),
            ("no UTF-8", b"{\"type\":\"\xff\xfe\"}".to_vec()),
            ("a byte order mark", b"\xef\xbb\xbf{\"type\":\"close\"}".to_vec()),
            ("UTF-16", "{\"type\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("nulls", vec![0; 1_000]),
            ("64 KiB", format!(r#"{{"type":"close","a":"{}"}}"#, "x".repeat(65_536 - 23)).into_bytes()),
            ("64 KiB and one", format!(r#"{{"type":"close","a":"{}"}}"#, "x".repeat(65_536 - 22)).into_bytes()),
            ("a megabyte", vec![b' '; 1_000_000]),
            ("one name many times", format!("{{{}\"type\":\"close\"}}", "\"type\":1,".repeat(6_000)).into_bytes()),
            ("names of prototypes", br#"{"__proto__":{"connected":true},"constructor":{"prototype":{}},"type":"close"}"#.to_vec()),
            ("a type of another kind", br#"{"type":{"a":1},"status":[],"sessionResults":7}"#.to_vec()),
            ("10,000 sources", format!(r#"{{"type":"close","sessionResults":{{"connected":[{}]}}}}"#, vec![r#"{}"#; 20_000].join(",")).into_bytes()),
            ("sources of another kind", br#"{"type":"close","sessionResults":{"connected":[null,1,"a",[],{"name":7,"id":{}}]}}"#.to_vec()),
            ("script in a name", br#"{"type":"connect-source","sessionResults":{"connected":[{"name":"<script>alert(1)</script>","id":"\"><img>"}]}}"#.to_vec()),
            ("a message in a message", br#"{"message":{"message":{"message":"close","dismissed":true},"dismissed":true},"dismissed":false}"#.to_vec()),
            ("a text in a text in a text", br#""\"\\\"close\\\"\"""#.to_vec()),
            ("another user", br#"{"user":"ben","client_user_id":"ben","clientUserId":"ben","email":"ben@example.test","type":"connect-source"}"#.to_vec()),
            ("a place to go", format!(r#"{{"type":"close","url":"http://{trap}/","returnTo":"//{trap}","baseURL":"http://{trap}","callback":"http://{trap}/"}}"#).into_bytes()),
            ("a form", b"person=patient-1002&form=x".to_vec()),
            ("fields twice", b"person=a&person=b&form=c&form=d".to_vec()),
            ("fields that are none", b"%ff=%fe&&&=&a=%zz&person[]=x&form[a]=b".to_vec()),
            ("a file", b"--x\r\nContent-Disposition: form-data; name=\"person\"; filename=\"../../x\"\r\n\r\ny\r\n--x--".to_vec()),
            ("XML", format!("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"http://{trap}/\">]><a>&b;</a>").into_bytes()),
        ]
        .into_iter()
        .map(|(name, body)| case(name, self.request(route.method, route.path, &typed, &body)))
        .collect();
        for other in [
            "",
            "text/plain",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "*/*",
            "application/json\t;",
            "\u{e9}/\u{e9}",
        ] {
            let header = format!("Content-Type: {other}\r\n");
            cases.push(case(
                &format!("as {other:?}"),
                self.request(route.method, route.path, &header, right.as_bytes()),
            ));
        }
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: app.example.test\r\n{}{typed}",
            route.method, route.path, self.identity
        );
        for (name, rest) in [
            ("no length", format!("\r\n{right}")),
            (
                "a negative length",
                format!("Content-Length: -1\r\n\r\n{right}"),
            ),
            (
                "a length with a sign",
                format!("Content-Length: +2\r\n\r\n{right}"),
            ),
            (
                "a length that is none",
                format!("Content-Length: two\r\n\r\n{right}"),
            ),
            (
                "a length beyond numbers",
                format!("Content-Length: 99999999999999999999999\r\n\r\n{right}"),
            ),
            (
                "a length of exabytes",
                format!("Content-Length: 9000000000000000000\r\n\r\n{right}"),
            ),
            (
                "two lengths",
                format!("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{right}"),
            ),
            (
                "a length too large",
                format!("Content-Length: {}\r\n\r\n{right}", right.len() + 1),
            ),
            (
                "a length too small",
                format!("Content-Length: 1\r\n\r\n{right}"),
            ),
            (
                "length and chunks",
                format!(
                    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: {trap}\r\n\r\n"
                ),
            ),
            (
                "chunks twice",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned(),
            ),
            (
                "another transfer",
                "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned(),
            ),
            (
                "chunks that are not last",
                "Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned(),
            ),
            (
                "a chunk too large",
                "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n".to_owned(),
            ),
            (
                "a chunk beyond numbers",
                "Transfer-Encoding: chunked\r\n\r\n11111111111111111111\r\n{}\r\n".to_owned(),
            ),
            (
                "a negative chunk",
                "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n".to_owned(),
            ),
            (
                "a chunk that is none",
                "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n".to_owned(),
            ),
            (
                "a chunk without its end",
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}".to_owned(),
            ),
            (
                "a long extension",
                format!(
                    "Transfer-Encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n",
                    "a".repeat(50_000)
                ),
            ),
            (
                "20,000 chunks",
                format!(
                    "Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
                    "1\r\n \r\n".repeat(20_000)
                ),
            ),
            (
                "trailers",
                format!(
                    "Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{}\r\n",
                    "A: b\r\n".repeat(1_000)
                ),
            ),
            (
                "a request behind it",
                format!(
                    "Content-Length: {}\r\n\r\n{right}GET / HTTP/1.1\r\nHost: {trap}\r\n\r\n",
                    right.len()
                ),
            ),
        ] {
            cases.push(case(name, format!("{head}{rest}").into_bytes()));
        }
        cases
    }
}
