//! Odd addresses: core's reader and both adapters mean the same by each, or nothing is sent.
//!
//! Listeners stand on the ports that a wrong reading would lead to, and https goes through a proxy that notes which host
//! and port it is asked for. What is never refused here may arrive in one place only: the one that the address names.
//!
//! One piece: the addresses are one list, and each reader is held to all of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http::{Method, Uri};
use humanapi_client::{Error, TokenSource, TokioRuntime, Transport, drive};
use humanapi_core::flow::Call;
use humanapi_core::{
    Authorization, BaseUrl, Bearer, Body, BuildError, Endpoint, FlowError, Host, HostError, Hosts,
    Now, RawCall, Rejected, Replay, Request, Response, ResponseError, RetryPolicy, TokenKey,
};
use humanapi_hyper::HyperTransport;
use humanapi_reqwest::ReqwestTransport;
use humanapi_testkit::TransportSettings;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::{ParseError, Url};

/// What stands behind every base. It tells what this process sends from what others do: the ports are everybody's.
static PROBE: LazyLock<String> = LazyLock::new(|| format!("/probe-{}?a=b", std::process::id()));

/// One test at a time, for the same reason.
static TURN: Mutex<()> = Mutex::new(());

/// What came to a listener.
#[derive(Clone, Debug)]
struct Arrival {
    at: SocketAddr,
    /// The request line and the `Host`, or nothing where it is no text.
    head: String,
}

/// Every listener of this test.
struct World {
    port: u16,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    asked: Arc<Mutex<Vec<String>>>,
    hyper: HyperTransport,
    reqwest: ReqwestTransport,
}

impl World {
    async fn new() -> Self {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = target.local_addr().unwrap().port();
        tokio::spawn(listen(target, false, Arc::clone(&arrivals)));
        // The ports of a scheme, and what is left of a port whose last digit is lost. Where one is not to be had,
        // somebody else listens there, or nobody may.
        for port in [port, 80, 443, 8, 808, 8080, port / 10, 1] {
            for ip in [
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ] {
                if let Ok(trap) = TcpListener::bind((ip, port)).await {
                    tokio::spawn(listen(trap, true, Arc::clone(&arrivals)));
                }
            }
        }
        let asked = Arc::new(Mutex::new(Vec::new()));
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = TransportSettings::default();
        settings.proxy = humanapi_testkit::ProxySetting::Through {
            address: format!("http://{}", proxy.local_addr().unwrap()),
            direct: String::new(),
        };
        tokio::spawn(refuse(proxy, Arc::clone(&asked)));
        Self {
            port,
            arrivals,
            asked,
            hyper: settings.build(),
            reqwest: settings.build(),
        }
    }

    /// What came since the last time: to listeners, and to the proxy.
    fn take(&self) -> (Vec<Arrival>, Vec<String>) {
        let arrivals = std::mem::take(&mut *self.arrivals.lock().unwrap());
        (arrivals, std::mem::take(&mut *self.asked.lock().unwrap()))
    }

    /// Sends it by both adapters and looks where it went.
    async fn send<E: Endpoint + Clone>(
        &self,
        endpoint: &E,
        hosts: &Hosts,
        expected: Option<&BaseUrl>,
        text: &str,
    ) {
        self.send_by(
            &self.hyper,
            endpoint,
            hosts,
            expected,
            &format!("hyper: {text}"),
        )
        .await;
        self.send_by(
            &self.reqwest,
            endpoint,
            hosts,
            expected,
            &format!("reqwest: {text}"),
        )
        .await;
    }

    async fn send_by<E: Endpoint + Clone>(
        &self,
        transport: &impl Transport,
        endpoint: &E,
        hosts: &Hosts,
        expected: Option<&BaseUrl>,
        what: &str,
    ) {
        let policy = RetryPolicy::default().with_max_attempts(1);
        let mut call = Call::new(endpoint.clone(), hosts.clone(), policy);
        let outcome = drive(&mut call, transport, &NoTokens, &TokioRuntime::new()).await;
        let (arrivals, asked) = self.take();
        let Some(base) = expected else {
            assert!(
                arrivals.is_empty() && asked.is_empty(),
                "{what}: {arrivals:?} {asked:?}"
            );
            let refused = matches!(outcome, Err(FlowError::Build(_)));
            assert!(refused, "{what}: it has to be refused before it is sent");
            return;
        };
        let uri: Uri = format!("{}/", base.origin()).parse().unwrap();
        let named = uri.authority().unwrap();
        let port = named
            .port_u16()
            .unwrap_or_else(|| if base.is_https() { 443 } else { 80 });
        let host = named.host();
        let loopback = match host {
            "localhost" => None,
            "[::1]" => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            other => other.parse().ok().map(IpAddr::V4),
        };
        let is_this_machine = host == "localhost" || loopback.is_some_and(|ip| ip.is_loopback());
        if base.is_https() && !is_this_machine {
            let asked: Vec<_> = asked.iter().map(|line| tunnel(line)).collect();
            let there = Some(base.origin());
            if is_unknown_name(base) {
                // A stack may know that it leads nowhere.
                assert!(
                    asked.iter().all(|asked| *asked == there),
                    "{what}: {asked:?}"
                );
            } else {
                assert_eq!(asked, [there], "{what}");
            }
        } else {
            assert!(asked.is_empty(), "{what}: {asked:?}");
        }
        for arrival in &arrivals {
            assert_eq!(arrival.at.port(), port, "{what}: {arrival:?}");
            assert!(
                loopback.is_none_or(|ip| ip == arrival.at.ip()),
                "{what}: {arrival:?}"
            );
        }
        let is_ours =
            port == self.port && matches!(host, "127.0.0.1" | "localhost") && !base.is_https();
        if is_ours {
            let line = format!("GET {}{} HTTP/1.1 host: {named}", base.path(), *PROBE);
            let heads: Vec<_> = arrivals
                .iter()
                .map(|arrival| arrival.head.as_str())
                .collect();
            assert_eq!(heads, [line], "{what}");
            assert!(outcome.is_ok(), "{what}");
        }
    }

    /// Looks at one text in every way in which it can become the address of a request.
    async fn look_at(&self, text: &str) {
        humanapi_testkit::within(self.look_at_it(text)).await;
    }

    async fn look_at_it(&self, text: &str) {
        let call = RawCall::new(Method::GET, Host::Data, PROBE.as_str())
            .with_authorization(Authorization::InRequest);
        let base = Hosts::single(text);
        if let Ok(hosts) = &base {
            let base = hosts.base(Host::Data);
            // A third opinion.
            if !is_unknown_name(base) {
                let url = Url::parse(text).unwrap();
                assert_eq!(url.origin().ascii_serialization(), base.origin(), "{text}");
                assert_eq!(url.path().trim_end_matches('/'), base.path(), "{text}");
                assert!(
                    url.username().is_empty() && url.password().is_none(),
                    "{text}"
                );
            }
            self.send(&call, hosts, Some(base), text).await;
        }
        // An endpoint of somebody's own making may build any address that the type can hold.
        let Ok(uri) = text.parse::<Uri>() else { return };
        let mut parts = uri.into_parts();
        if parts.path_and_query.as_ref().is_none_or(|path| path == "/") {
            let prefix = base
                .as_ref()
                .map_or("", |hosts| hosts.base(Host::Data).path());
            parts.path_and_query = Some(format!("{prefix}{}", *PROBE).parse().unwrap());
        }
        let (Some(scheme), Some(authority)) = (parts.scheme.clone(), parts.authority.clone())
        else {
            return;
        };
        let Ok(uri) = Uri::from_parts(parts) else {
            return;
        };
        let target = BaseUrl::check_target(&uri)
            .and_then(|()| BaseUrl::parse(&format!("{scheme}://{authority}")));
        let endpoint = Given(uri);
        let hosts = Hosts::production();
        match target {
            Ok(base)
                if endpoint
                    .0
                    .path_and_query()
                    .is_some_and(|path| path == PROBE.as_str()) =>
            {
                self.send(&endpoint, &hosts, Some(&base), text).await;
            }
            // Another path: where it goes is looked at above.
            Ok(_) => {}
            Err(_) => self.send(&endpoint, &hosts, None, text).await,
        }
    }
}

/// An operation at an address of anybody's making.
#[derive(Clone)]
struct Given(Uri);

impl Endpoint for Given {
    type Output = ();

    fn name(&self) -> &'static str {
        "given"
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, _: &Hosts) -> Result<Request, BuildError> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = self.0.clone();
        Ok(request)
    }

    fn parse(&self, _: Response, _: Now) -> Result<(), ResponseError> {
        Ok(())
    }
}

struct NoTokens;

#[async_trait::async_trait]
impl TokenSource for NoTokens {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        unreachable!("no call here needs a token")
    }
}

/// The origin to which a tunnel is asked for.
fn tunnel(line: &str) -> Option<String> {
    let target = line.strip_prefix("CONNECT ")?.strip_suffix(" HTTP/1.1")?;
    let base = BaseUrl::parse(&format!("https://{target}")).ok()?;
    Some(base.origin())
}

/// Notes what comes and answers it.
async fn listen(listener: TcpListener, is_shared: bool, arrivals: Arc<Mutex<Vec<Arrival>>>) {
    let at = listener.local_addr().unwrap();
    while let Ok((mut stream, _)) = listener.accept().await {
        let head = head_of(&mut stream).await;
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default().to_owned();
        let host = lines
            .filter(|line| line.to_ascii_lowercase().starts_with("host:"))
            .map(str::to_ascii_lowercase)
            .collect::<Vec<_>>()
            .join(" ");
        let head = format!("{line} {host}");
        // TLS says nothing of its sender, so it counts at the one port that is this process's own.
        if !head.contains(&*PROBE) && (is_shared || !head.trim().is_empty()) {
            continue;
        }
        arrivals.lock().unwrap().push(Arrival { at, head });
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    }
}

/// Notes which tunnel is asked for and opens none.
async fn refuse(listener: TcpListener, asked: Arc<Mutex<Vec<String>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let head = head_of(&mut stream).await;
        let line = head.lines().next().unwrap_or_default().to_owned();
        asked.lock().unwrap().push(line);
        let _ = stream
            .write_all(b"HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n")
            .await;
        let _ = stream.shutdown().await;
    }
}

/// The head of a request; nothing where it is something else, such as TLS.
async fn head_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) if bytes[0] == 0x16 => return String::new(),
            Ok(_) => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Texts with one odd thing or several: `<P>` stands for the port of the listener that is meant.
fn odd() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![
        6 => Just("http"), 3 => Just("https"), 1 => Just("HTTP"), 1 => Just("hTTpS"),
        1 => prop::sample::select(vec!["ftp", "ws", "", "http:http", "file", "javascript"]),
    ];
    let separator = prop_oneof![
        9 => Just("://"),
        1 => prop::sample::select(vec![":", ":/", ":///", "//", ":\\\\", ":/\\", "://\t"]),
    ];
    let user = prop_oneof![
        9 => Just(""),
        1 => prop::sample::select(vec!["u@", "u:p@", "@", "127.0.0.1:<P>@", "127.0.0.1:<P>/@", "localhost\\@"]),
    ];
    let host = prop::sample::select(vec![
        "127.0.0.1",
        "127.0.0.1",
        "127.0.0.1",
        "localhost",
        "LocalHost",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.0.0.01",
        "127.0.0.1.",
        "localhost.",
        "127.0.0.256",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::1%25lo]",
        "[::1%lo]",
        "[::1]evil.example",
        "[::1",
        "::1",
        "a.example.test",
        "A.Example.TEST",
        "a.example.test.",
        "xn--bcher-kva.test",
        "b\u{fc}cher.test",
        "\u{ff11}27.0.0.1",
        "127\u{3002}0.0.1",
        "a_b.test",
        "-a.test",
        "a%2etest",
        "127.0.0.%31",
        "a..test",
        ".",
        "",
        "*",
        "192.0.2.7",
        "[2001:DB8::7]",
        "a.test,b.test",
        "a\u{ad}.test",
    ]);
    let port = prop_oneof![
        4 => Just(":<P>"),
        3 => Just(""),
        4 => prop::sample::select(vec![
            ":", ":0<P>", ":+<P>", ":-<P>", ":<P>+", ":65536", ":-1", ":8o80", ":99999999999", ":<W>", ":0", ":80", ":443", ":<P>:<P>",
            ":<P> ", ":<P>\t", "<P>", ":\u{661}", ":<P>@evil.example", ":0x50", ":808.0", ":80,80", ":18446744073709551696",
        ]),
    ];
    let tail = prop_oneof![
        5 => Just(""), 3 => Just("/"), 2 => Just("/gate/way"),
        4 => prop::sample::select(vec![
            "//", "//evil.example", "/..", "/a/../b", "/./a", "/%2e%2e/a", "/a%2", "/a\\b", "\\evil.example", "?a=b", "#f",
            "/a?b#c", "/a#@evil.example", ";a", "/a b", "/a\r\nHost: evil.example", "/\u{e9}", "/a\"b", "/it's", "/{a}", "/a|b",
            "/@evil.example", "/a:b", "/%E2%82%AC",
        ]),
    ];
    let mutation = prop_oneof![
        3 => Just(None),
        1 => (any::<prop::sample::Index>(), prop::sample::select("/\\@:#?[].%-+ \t\r\n\0aP019\u{a0}\u{ff0f}".chars().collect::<Vec<_>>()), any::<bool>())
            .prop_map(Some),
    ];
    (scheme, separator, user, host, port, tail, mutation).prop_map(
        |(scheme, separator, user, host, port, tail, mutation)| {
            let mut text = format!("{scheme}{separator}{user}{host}{port}{tail}");
            if let Some((at, letter, insert)) = mutation {
                let mut letters: Vec<char> = text.chars().collect();
                let at = at.index(letters.len().max(1));
                if insert || letters.is_empty() {
                    letters.insert(at.min(letters.len()), letter);
                } else {
                    letters[at] = letter;
                }
                text = letters.into_iter().collect();
            }
            text
        },
    )
}

/// Puts the real port in: `<P>`, and `<W>`, which is the same modulo 65536.
fn with_port(text: &str, port: u16) -> String {
    text.replace("<W>", &(u32::from(port) + 65_536).to_string())
        .replace("<P>", &port.to_string())
}

#[test]
fn an_address_leads_where_it_says_over_both_adapters_or_is_refused() {
    let deep = std::env::var_os("HUMANAPI_DEEP").is_some_and(|value| value == "1");
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(Config {
        cases: if deep { 100_000 } else { 4_000 },
        failure_persistence: None,
        ..Config::default()
    });
    let looked = runner.run(&odd(), |text| {
        let text = with_port(&text, world.port);
        runtime.block_on(world.look_at(&text));
        Ok(())
    });
    looked.unwrap();
}

#[test]
fn plain_addresses_are_taken_and_reached() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    for plain in [
        "http://127.0.0.1:<P>",
        "http://127.0.0.1:<P>/",
        "http://127.0.0.1:<P>/gate/way",
        "http://localhost:<P>",
        "HTTP://LOCALHOST:<P>/x/",
        "https://a.example.test",
        "https://A.example.test:8443/health",
        "https://192.0.2.7",
        "https://[2001:db8::7]:8443",
        "https://xn--bcher-kva.test",
        "https://my_gateway",
    ] {
        let plain = with_port(plain, world.port);
        let hosts = Hosts::single(&plain).unwrap_or_else(|error| panic!("{plain}: {error}"));
        assert!(!hosts.base(Host::Data).to_string().is_empty());
        runtime.block_on(world.look_at(&plain));
    }
}

#[test]
fn what_is_no_port_is_refused_before_anything_is_sent() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    for port in [
        "65536",
        "-1",
        "8o80",
        "99999999999",
        "<W>",
        "",
        "0",
        "+<P>",
        "0<P>",
    ] {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let text = with_port(&format!("http://{host}:{port}"), world.port);
            assert_eq!(Hosts::single(&text).err(), Some(HostError::Port), "{text}");
            runtime.block_on(world.look_at(&text));
        }
    }
    let text = with_port("http://[::1]evil.example:<P>", world.port);
    assert_eq!(Hosts::single(&text).err(), Some(HostError::IpAddress));
    runtime.block_on(world.look_at(&text));
}

#[test]
fn an_error_of_an_address_says_what_to_do() {
    let error = Error::from(FlowError::from(BuildError::from(HostError::Port)));
    assert!(error.to_string().contains("65535"), "{error}");
    assert_eq!(error.remedy(), HostError::Port.remedy());
}

/// Whether the host is in `xn--` form and stands for no name: that is told by Unicode's tables, which the SDK has not.
fn is_unknown_name(base: &BaseUrl) -> bool {
    let origin = base.origin();
    origin.contains("xn--") && matches!(Url::parse(&origin), Err(ParseError::IdnaError))
}
