//! The transport of the blocking client: one request in, one answer out, by ureq and on the caller's own thread.

use std::error::Error;
use std::io::{self, Read as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use http::Uri;
use humanapi_client::adapter::{MAX_BODY, ProxySettings, UnreadableProxy};
use humanapi_client::{BodyStream, StreamedResponse, Transport};
use humanapi_core::{Body, Request, Response, SecretBuffer, SendFailure, SendFailureKind};
use ureq::config::{AutoHeaderValue, ConfigBuilder};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::HttpCrateScope;
use ureq::{Agent, AsSendBody, BodyReader, Proxy, ProxyProtocol, Timeout};

/// How long a connection may take to open, as with the other transports.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept, as with the other transports.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How much of a body is read at once.
const PIECE: usize = 64 * 1024;

/// Sends requests with ureq, and blocks the thread that polls it.
pub(super) struct UreqTransport {
    /// Plain http, and whatever goes past the proxy.
    direct: Agent,
    /// All else; nothing where a proxy is asked for in words that mean nothing.
    distant: Option<Agent>,
    proxy: ProxySettings,
    /// How long a body that is read while it arrives may be silent.
    silence: Duration,
    max_body: usize,
}

/// How long one exchange may take.
enum Patience {
    /// In all, the body included.
    Whole(Duration),
    /// Up to the answer's head, and between two pieces of its body.
    Head(Duration, Duration),
}

impl UreqTransport {
    /// Connects to nothing and reads no certificate; `HTTPS_PROXY` and `NO_PROXY` are read.
    pub(super) fn new(silence: Duration) -> Self {
        Self::with_proxy(silence, &ProxySettings::from_environment())
    }

    fn with_proxy(silence: Duration, proxy: &ProxySettings) -> Self {
        let direct = agent(None);
        let distant = match proxy.address() {
            None => Some(direct.clone()),
            Some(address) => (proxy.is_readable())
                .then(|| tunnel(address))
                .flatten()
                .map(|proxy| agent(Some(proxy))),
        };
        Self {
            direct,
            distant,
            proxy: proxy.clone(),
            silence,
            max_body: MAX_BODY,
        }
    }

    fn agent_for(&self, target: &Uri) -> Result<&Agent, SendFailure> {
        let goes_past = |host| self.proxy.goes_past(host);
        if target.scheme_str() != Some("https") || target.host().is_some_and(goes_past) {
            return Ok(&self.direct);
        }
        let distant = self.distant.as_ref();
        distant
            .ok_or_else(|| SendFailure::new(SendFailureKind::NotSent).with_source(UnreadableProxy))
    }

    /// Sends it, and waits for the answer's head, for so long in all.
    ///
    /// Of what leads there, ureq bounds each part by itself, or all of it together with the body, which may take its time.
    /// So it is done by a thread of its own, and not waited for any longer once its time is over. No part of it takes longer
    /// than the whole may, so the thread ends soon after.
    fn head(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<http::Response<ureq::Body>, SendFailure> {
        let agent = self.agent_for(request.uri())?.clone();
        let patience = Patience::Head(timeout, self.silence);
        let (give, take) = sync_channel(1);
        // Whoever waited may have left.
        let send = move || drop(give.send(exchange(&agent, request, &patience)));
        thread::Builder::new()
            .name("humanapi".to_owned())
            .spawn(send)
            .map_err(|error| SendFailure::new(SendFailureKind::NotSent).with_source(error))?;
        take.recv_timeout(timeout).unwrap_or_else(|ended| {
            Err(SendFailure::new(match ended {
                RecvTimeoutError::Timeout => SendFailureKind::TimedOut,
                RecvTimeoutError::Disconnected => SendFailureKind::Lost,
            }))
        })
    }
}

/// Sends it, and waits for the answer's head.
fn exchange(
    agent: &Agent,
    request: Request,
    patience: &Patience,
) -> Result<http::Response<ureq::Body>, SendFailure> {
    let (head, body) = request.map(Body::into_bytes).into_parts();
    let answer = if body.is_empty() {
        let request = agent.configure_request(http::Request::from_parts(head, ()));
        agent.run(within(request, patience).build())
    } else {
        let request = agent.configure_request(http::Request::from_parts(head, &*body));
        agent.run(within(request, patience).build())
    };
    answer.map_err(before_head)
}

#[async_trait]
impl Transport for UreqTransport {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let agent = self.agent_for(request.uri())?;
        let answer = exchange(agent, request, &Patience::Whole(timeout))?;
        let (head, body) = answer.into_parts();
        let too_large = || SendFailure::new(SendFailureKind::TooLarge);
        let announced = body.content_length().unwrap_or_default();
        if announced > self.max_body as u64 {
            return Err(too_large());
        }
        let mut pieces = Pieces::of(body);
        // It may hold a token, or somebody's health, and grows where no length was announced.
        let mut read = SecretBuffer::for_announced(announced);
        while let Some(piece) = pieces.next()? {
            if piece.len() > self.max_body - read.len() {
                return Err(too_large());
            }
            read.push(piece);
        }
        Ok(Response::from_parts(head, read.into()))
    }

    fn keeps_time(&self) -> bool {
        // And nothing else could end it: the thread is in its hands.
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let answer = self.head(request, timeout)?;
        let chunks = |body| {
            stream::unfold(Some(Pieces::of(body)), |pieces| async {
                let mut pieces = pieces?;
                match pieces.next() {
                    Ok(None) => None,
                    Ok(Some(piece)) => {
                        let piece = piece.to_vec().into();
                        Some((Ok(piece), Some(pieces)))
                    }
                    Err(failure) => Some((Err(failure), None)),
                }
            })
            .fuse()
        };
        Ok(answer.map(|body| BodyStream::new(chunks(body))))
    }
}

/// One client of ureq's, with everything off that would change a request or repeat it.
fn agent(proxy: Option<Proxy>) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .allow_non_standard_methods(true)
        .max_idle_age(POOL_IDLE_TIMEOUT)
        .proxy(proxy)
        .tls_config(tls.build())
        .build()
        .into()
}

/// The proxy of this address, for whatever is sent through it.
fn tunnel(address: &str) -> Option<Proxy> {
    let asked = Proxy::new(address).ok()?;
    if !matches!(asked.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return None;
    }
    let mut proxy = Proxy::builder(asked.protocol())
        .host(asked.host())
        .port(asked.port());
    if let Some(name) = asked.username() {
        proxy = proxy.username(name);
    }
    if let Some(password) = asked.password() {
        proxy = proxy.password(password);
    }
    proxy.build().ok()
}

fn within<B: AsSendBody>(
    request: ConfigBuilder<HttpCrateScope<B>>,
    patience: &Patience,
) -> ConfigBuilder<HttpCrateScope<B>> {
    match *patience {
        Patience::Whole(timeout) => request
            .timeout_global(Some(timeout))
            .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout))),
        Patience::Head(timeout, silence) => request
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout)))
            .timeout_send_request(Some(timeout))
            .timeout_send_body(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(silence)),
    }
}

/// A body, piece by piece.
struct Pieces {
    body: BodyReader<'static>,
    piece: Vec<u8>,
}

impl Pieces {
    fn of(body: ureq::Body) -> Self {
        Self {
            body: body.into_reader(),
            piece: vec![0; PIECE],
        }
    }

    /// The next piece; nothing at the end.
    fn next(&mut self) -> Result<Option<&[u8]>, SendFailure> {
        let read = loop {
            match self.body.read(&mut self.piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(after_head)?,
            }
        };
        Ok((read > 0).then(|| &self.piece[..read]))
    }
}

/// Reads a failure that came before the answer's head.
fn before_head(error: ureq::Error) -> SendFailure {
    use SendFailureKind::{Lost, NotSent, ProxyAuthentication, TimedOut};

    let kind = match &error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::TlsRequired
        | ureq::Error::Tls(_)
        | ureq::Error::Http(_)
        | ureq::Error::BadUri(_)
        | ureq::Error::InvalidProxyUrl => NotSent,
        ureq::Error::ConnectProxyFailed(told) if told.contains("407") => ProxyAuthentication,
        ureq::Error::ConnectProxyFailed(_) => NotSent,
        ureq::Error::Timeout(_) => TimedOut,
        ureq::Error::Rustls(error) if is_of_a_handshake(error) => NotSent,
        ureq::Error::Io(error) if never_left(error) => NotSent,
        _ => Lost,
    };
    caused_by(SendFailure::new(kind), error)
}

/// Reads a failure that came after the answer's head.
fn after_head(error: io::Error) -> SendFailure {
    let error = ureq::Error::from(error);
    let kind = match error {
        ureq::Error::Timeout(_) => SendFailureKind::TimedOut,
        _ => SendFailureKind::CutShort,
    };
    caused_by(SendFailure::new(kind), error)
}

/// Adds ureq's own error, unless it may hold an address or a peer's words.
fn caused_by(failure: SendFailure, error: ureq::Error) -> SendFailure {
    match error {
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => failure.with_source(error),
        _ => failure,
    }
}

fn never_left(error: &io::Error) -> bool {
    let of_tls = error
        .get_ref()
        .and_then(|inner| (inner as &(dyn Error + 'static)).downcast_ref());
    of_tls.is_some_and(is_of_a_handshake)
        || matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
        )
}

/// Whether TLS failed before anything could be sent through it.
fn is_of_a_handshake(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType
            | rustls::Error::PeerIncompatible(_)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use humanapi_testkit::{TransportSettings, own_client};
    use tokio::sync::mpsc;
    use tokio::task::spawn_blocking;

    use super::*;

    // What the suites' servers need is the very thread that a blocking transport would hold.
    struct OffThread(Arc<UreqTransport>);

    impl std::fmt::Debug for OffThread {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("OffThread")
        }
    }

    #[async_trait]
    impl Transport for OffThread {
        async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
            let transport = Arc::clone(&self.0);
            let sent = move || pollster::block_on(transport.send(request, timeout));
            spawn_blocking(sent).await.unwrap()
        }

        fn keeps_time(&self) -> bool {
            self.0.keeps_time()
        }

        async fn open(
            &self,
            request: Request,
            timeout: Duration,
        ) -> Result<StreamedResponse, SendFailure> {
            let transport = Arc::clone(&self.0);
            let open = move || pollster::block_on(transport.open(request, timeout));
            let answer = spawn_blocking(open).await.unwrap()?;
            Ok(answer.map(|mut body| {
                let (give, take) = mpsc::channel(1);
                spawn_blocking(move || {
                    while let Some(piece) = pollster::block_on(body.next()) {
                        if give.blocking_send(piece).is_err() {
                            break;
                        }
                    }
                });
                let pieces =
                    stream::unfold(take, |mut take| async { Some((take.recv().await?, take)) });
                BodyStream::new(pieces.fuse())
            }))
        }
    }

    fn transport(settings: &TransportSettings) -> OffThread {
        let no_proxy = ProxySettings::none();
        let mut transport = UreqTransport::with_proxy(Duration::from_secs(2), &no_proxy);
        if let Some(bytes) = settings.max_body {
            transport.max_body = bytes;
        }
        OffThread(Arc::new(transport))
    }

    own_client!(transport);

    #[test]
    fn a_refused_connection_is_not_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let request = Request::new(Body::empty());
        let (mut head, body) = request.into_parts();
        head.uri = format!("http://{address}/").parse().unwrap();
        let request = Request::from_parts(head, body);
        let transport = UreqTransport::with_proxy(Duration::from_secs(2), &ProxySettings::none());
        let failure = pollster::block_on(transport.send(request, Duration::from_secs(5)));
        assert_eq!(failure.unwrap_err().kind(), SendFailureKind::NotSent);
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_not_gone_around() {
        let check = |address: &str, direct: &str, target: &'static str, goes: bool| {
            let proxy = ProxySettings::new(address, direct);
            let transport = UreqTransport::with_proxy(Duration::ZERO, &proxy);
            let target = Uri::from_static(target);
            assert_eq!(
                transport.agent_for(&target).is_ok(),
                goes,
                "{address} {target}"
            );
        };
        check("", "", "https://host.example.test/", true);
        check(
            "http://proxy.example.test:3128",
            "",
            "https://host.example.test/",
            true,
        );
        check(
            "http://proxy.example.test:x",
            "",
            "https://host.example.test/",
            false,
        );
        check(
            "http://proxy.example.test:x",
            "",
            "http://127.0.0.1:1/",
            true,
        );
        check(
            "http://proxy.example.test:x",
            "",
            "https://127.0.0.1:1/",
            true,
        );
        check("http://proxy.example.test:x", "", "https://[::1]:1/", true);
        let some = "10.0.0.0/8, example.test";
        for (target, goes) in [
            ("https://10.1.2.3/", true),
            ("https://11.1.2.3/", false),
            ("https://deep.example.test/", true),
            ("https://example.other.test/", false),
        ] {
            check("http://proxy.example.test:x", some, target, goes);
        }
    }

    /// Each part of the way alone would be in time.
    #[test]
    fn the_way_to_an_opened_answers_head_takes_no_longer_than_it_may() {
        const TIMEOUT: Duration = Duration::from_millis(500);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // More is sent than fits between here and there, so sending waits for this.
            thread::sleep(TIMEOUT * 3 / 4);
            let mut read = vec![0; BODY];
            stream.read_exact(&mut read).unwrap();
            thread::sleep(TIMEOUT * 3 / 4);
            // Whoever asked has gone.
            let _ =
                io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        const BODY: usize = 32 * 1024 * 1024;
        let mut request = Request::new(Body::from(vec![b'x'; BODY]));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = format!("http://{address}/").parse().unwrap();
        let transport = UreqTransport::with_proxy(TIMEOUT, &ProxySettings::none());
        let failure = pollster::block_on(transport.open(request, TIMEOUT)).map(drop);
        assert_eq!(failure.unwrap_err().kind(), SendFailureKind::TimedOut);
    }
}
