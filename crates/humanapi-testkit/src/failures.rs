//! Cases of an exchange that fails, and what it has to say of it.
//!
//! One piece: the cases of one suite.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use humanapi_core::SendFailureKind::{CutShort, Lost, NotSent, TimedOut, TooLarge};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use crate::authority::{self, Identity};
use crate::raw::{Act, RawServer};
use crate::script::{Reply, Step};
use crate::server::{Server, Wire, deserted, settle};
use crate::settings::TransportSettings;
use crate::support::{AMPLE, SECRET_PATH, Subject, fail, failure, get, post, send, trusting};

/// Nobody listens.
pub async fn a_refused_connection_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let transport = make(&trusting());
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}{SECRET_PATH}", deserted().await);
        assert_eq!(fail(&transport, post(&url)).await, NotSent);
        let outcome = transport.open(post(&url), AMPLE).await;
        assert_eq!(failure(&transport, outcome), NotSent);
    }
}

/// No such host. The name is too long to be asked for, so that nothing leaves the machine.
pub async fn an_unknown_host_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let transport = make(&trusting());
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{}.invalid{SECRET_PATH}", "x".repeat(64));
        assert_eq!(fail(&transport, post(&url)).await, NotSent);
    }
}

/// Nowhere to send it to.
pub async fn an_address_without_a_host_is_not_sent<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    let transport = make(&trusting());
    assert_eq!(fail(&transport, post(SECRET_PATH)).await, NotSent);
}

/// A certificate that nobody vouches for.
pub async fn an_unknown_authority_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    for wire in [Wire::Http1Tls, Wire::Http2Tls] {
        let server = Server::start_as(Identity::Stranger, wire, |_| Reply::ok("{}")).await;
        let transport = make(&trusting());
        assert_eq!(
            fail(&transport, post(&server.url(SECRET_PATH))).await,
            NotSent
        );
        // Our own authority is as strange to a transport that was not told of it.
        let server_of_ours = Server::start(wire, |_| Reply::ok("{}")).await;
        let transport = make(&TransportSettings::default());
        assert_eq!(
            fail(&transport, post(&server_of_ours.url(SECRET_PATH))).await,
            NotSent
        );
        assert!(server.received().is_empty() && server_of_ours.received().is_empty());
        assert!(server.bytes().is_empty() && server_of_ours.bytes().is_empty());
    }
}

/// A certificate for somebody else.
pub async fn a_wrong_name_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    for wire in [Wire::Http1Tls, Wire::Http2Tls] {
        let server = Server::start_as(Identity::WrongName, wire, |_| Reply::ok("{}")).await;
        let transport = make(&trusting());
        assert_eq!(
            fail(&transport, post(&server.url(SECRET_PATH))).await,
            NotSent
        );
        assert!(server.bytes().is_empty());
    }
}

/// A root certificate that is none: https fails, every time, and plain http does not care.
pub async fn an_unreadable_root_is_not_sent<T: Subject>(make: impl Fn(&TransportSettings) -> T) {
    let plain = Server::start(Wire::Http1, |_| Reply::ok("{}")).await;
    let secure = Server::start(Wire::Http1Tls, |_| Reply::ok("{}")).await;
    let settings = TransportSettings {
        extra_roots: vec![authority::root(), b"no certificate".to_vec()],
        ..trusting()
    };
    let transport = make(&settings);
    for _ in 0..2 {
        assert_eq!(
            fail(&transport, post(&secure.url(SECRET_PATH))).await,
            NotSent
        );
        send(&transport, post(&plain.url("/"))).await;
    }
    assert_eq!(secure.connections(), 0);
}

/// The request was read, and then nothing came. It may have been acted on, and is not repeated.
pub async fn a_connection_closed_before_the_answer_is_lost<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    for request in [get, post] {
        // On a new connection, and on one that has served before.
        for before in 0..2 {
            let server = Server::start(wire, |received| match received.uri.path() {
                "/before" => Reply::ok("{}"),
                _ => Reply::Break,
            })
            .await;
            let transport = make(&trusting());
            for _ in 0..before {
                send(&transport, get(&server.url("/before"))).await;
            }
            assert_eq!(
                fail(&transport, request(&server.url(SECRET_PATH))).await,
                Lost
            );
            assert_eq!(server.received().len(), before + 1, "one copy arrives");
            let outcome = transport
                .open(request(&server.url(SECRET_PATH)), AMPLE)
                .await;
            assert_eq!(failure(&transport, outcome), Lost);
            assert_eq!(server.received().len(), before + 2, "one copy arrives");
        }
        // The same with a server that closes the socket at once.
        let server = RawServer::start(wire, &[Act::Close]).await;
        let transport = make(&trusting());
        assert_eq!(
            fail(&transport, request(&server.url(SECRET_PATH))).await,
            Lost
        );
        assert_eq!(server.requests(), 1);
    }
}

/// A body that ends before its announced end.
pub async fn a_measured_body_that_breaks_is_cut_short<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let steps = || [Step::chunk("canary of half"), Step::flush(), Step::Break];
    breaks(make, wire, move || {
        Reply::status(200)
            .header("content-length", "1000")
            .steps(steps())
            .into()
    })
    .await;
}

/// A body without an announced end that ends without an end.
pub async fn an_unmeasured_body_that_breaks_is_cut_short<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    breaks(make, wire, || {
        let steps = [Step::chunk("canary of half"), Step::flush(), Step::Break];
        Reply::status(200).steps(steps).into()
    })
    .await;
}

async fn breaks<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) {
    let server = Server::start(wire, move |_| reply()).await;
    let transport = make(&trusting());
    for count in 1..4 {
        assert_eq!(
            fail(&transport, post(&server.url(SECRET_PATH))).await,
            CutShort
        );
        assert_eq!(server.received().len(), count, "one copy arrives");
    }
}

/// A body that ends where its connection does is whole only if TLS says so too.
pub async fn a_body_without_an_end_over_tls_is_cut_short<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    let server = RawServer::start(Wire::Http1Tls, &[Act::AnswerUntilClose]).await;
    let transport = make(&trusting());
    assert_eq!(
        fail(&transport, post(&server.url(SECRET_PATH))).await,
        CutShort
    );
}

/// Sends what never ends, with little patience, and says how it failed.
async fn hangs<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) {
    const PATIENCE: Duration = Duration::from_millis(400);
    let server = Server::start(wire, move |received| match received.uri.path() {
        "/before" => Reply::ok("{}"),
        _ => reply(),
    })
    .await;
    let transport = make(&trusting());
    // The connection is there already, so that the request is what takes the time.
    send(&transport, get(&server.url("/before"))).await;
    let begin = Instant::now();
    let outcome = transport
        .send(post(&server.url(SECRET_PATH)), PATIENCE)
        .await;
    assert_eq!(failure(&transport, outcome), TimedOut);
    assert!(begin.elapsed() >= PATIENCE);
    assert!(begin.elapsed() < PATIENCE * 50);
    assert_eq!(server.received().len(), 2, "one copy arrives");
    send(&transport, get(&server.url("/before"))).await;
}

/// The timeout covers the wait for the head.
pub async fn time_runs_out_before_the_head<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    hangs(make, wire, || Reply::Hang).await;
}

/// The timeout covers the body too.
pub async fn time_runs_out_within_the_body<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    hangs(make, wire, || {
        let steps = [Step::chunk("half"), Step::flush(), Step::Hang];
        Reply::status(200).steps(steps).into()
    })
    .await;
}

/// The timeout covers the way to a connection too.
pub async fn time_runs_out_before_the_connection<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    const PATIENCE: Duration = Duration::from_millis(400);
    // The system takes the connection, and nobody ever answers the TLS handshake.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = silent.local_addr().expect("it is bound");
    let transport = make(&trusting());
    let begin = Instant::now();
    let url = format!("https://{address}{SECRET_PATH}");
    let outcome = transport.send(post(&url), PATIENCE).await;
    assert_eq!(failure(&transport, outcome), TimedOut);
    assert!(begin.elapsed() >= PATIENCE);
    assert!(begin.elapsed() < PATIENCE * 50);
}

/// An answer that says that it is too large is not read.
pub async fn an_announced_size_over_the_limit_is_too_large<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| match received.uri.path() {
        "/fits" => Reply::ok(vec![b'x'; LIMIT]),
        // Nothing of the body ever comes: the announcement has to do.
        "/announced" => Reply::status(200)
            .header("content-length", (LIMIT + 1).to_string())
            .steps([Step::flush(), Step::Hang])
            .into(),
        _ => Reply::ok(vec![b'x'; LIMIT + 1]),
    })
    .await;
    let transport = make(&limited());
    for _ in 0..2 {
        let answer = send(&transport, get(&server.url("/fits"))).await;
        assert_eq!(answer.body().len(), LIMIT);
        assert_eq!(
            fail(&transport, get(&server.url("/announced"))).await,
            TooLarge
        );
        assert_eq!(
            fail(&transport, get(&server.url(SECRET_PATH))).await,
            TooLarge
        );
    }
    assert_eq!(server.received().len(), 6);
    // Without a setting the limit is 16 MiB.
    let server = Server::start(wire, |_| {
        let length = 16 * 1024 * 1024 + 1;
        let steps = [Step::flush(), Step::Hang];
        Reply::status(200)
            .header("content-length", length.to_string())
            .steps(steps)
            .into()
    })
    .await;
    let transport = make(&trusting());
    assert_eq!(fail(&transport, get(&server.url("/"))).await, TooLarge);
}

/// An answer that grows too large without having said so is given up.
pub async fn an_unannounced_size_over_the_limit_is_too_large<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| {
        let (first, rest) = match received.uri.path() {
            "/one-piece" => (LIMIT + 1, 0),
            "/last-byte" => (LIMIT, 1),
            "/endless" => (1, LIMIT),
            _ => (1, LIMIT - 1),
        };
        let mut steps = vec![Step::chunk(vec![b'x'; first])];
        for _ in 0..rest {
            steps.extend([Step::chunk("x"), Step::Flush(1)]);
        }
        if received.uri.path() == "/endless" {
            steps.push(Step::Hang);
        }
        Reply::status(200).steps(steps).into()
    })
    .await;
    let transport = make(&limited());
    for path in ["/one-piece", "/last-byte", "/endless"] {
        assert_eq!(
            fail(&transport, get(&server.url(path))).await,
            TooLarge,
            "{path}"
        );
        let answer = send(&transport, get(&server.url("/fits"))).await;
        assert_eq!(answer.body().len(), LIMIT);
    }
}

const LIMIT: usize = 1000;

fn limited() -> TransportSettings {
    TransportSettings {
        max_body: Some(LIMIT),
        ..trusting()
    }
}

/// A server may close a connection that nobody uses. That costs a request that must not be repeated neither a failure
/// nor a second copy.
pub async fn an_idle_connection_that_closed_costs_nothing<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    const ROUNDS: usize = 50;
    let mut server = RawServer::start(wire, &[Act::AnswerAndClose]).await;
    let transport = make(&trusting());
    for round in 0..ROUNDS {
        let answer = send(&transport, post(&server.url(SECRET_PATH))).await;
        assert_eq!(answer.body().as_bytes(), b"ok");
        assert_eq!(server.requests(), round + 1, "one copy arrives");
        // The server has closed, and the close has reached this side; the transport has not necessarily looked.
        server.closed().await;
        settle().await;
    }
}

/// The same where the request is on its way to the connection while the connection finds out that it was closed. Over
/// HTTP/2 the server's farewell may meet the request, which is then told as not sent.
pub async fn a_connection_that_closes_under_a_request_costs_nothing<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    const ROUNDS: usize = 50;
    let apart = Apart::start(wire).await;
    let transport = make(&trusting());
    let mut copies = 0;
    for _ in 0..ROUNDS {
        let outcome = transport.send(post(&apart.url), AMPLE).await;
        if wire == Wire::Http2Tls && outcome.is_err() {
            assert_eq!(failure(&transport, outcome), NotSent);
            continue;
        }
        let answer = outcome.expect("a whole answer comes back");
        assert_eq!(answer.body().as_bytes(), b"ok");
        copies += 1;
        assert_eq!(
            apart.requests.load(Ordering::SeqCst),
            copies,
            "one copy arrives"
        );
        apart.meet_the_close().await;
    }
    assert!(copies > ROUNDS / 3);
}

/// A server in a thread of its own, so that this one can stand still meanwhile.
struct Apart {
    url: String,
    requests: Arc<AtomicUsize>,
    /// One for each connection that was closed.
    closed: mpsc::Receiver<()>,
    /// A byte for each connection that was closed, written after the close.
    bytes: Mutex<TcpStream>,
}

impl Apart {
    async fn start(wire: Wire) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback is there");
        let address = listener.local_addr().expect("a listener has an address");
        let (tell_server, server) = oneshot::channel();
        let (tell_closed, closed) = mpsc::channel();
        // Ends with its runtime's work: when nobody listens to it any more.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime can be made")
                .block_on(async move {
                    let mut server = RawServer::start(wire, &[Act::AnswerAndClose]).await;
                    let mut bytes = TcpStream::connect(address).await.expect("we listen");
                    let _ = bytes.write_all(b"!").await;
                    let _ = tell_server.send((server.url(SECRET_PATH), server.counter()));
                    loop {
                        server.closed().await;
                        if bytes.write_all(b"!").await.is_err() || tell_closed.send(()).is_err() {
                            return;
                        }
                    }
                });
        });
        let (bytes, _) = listener.accept().await.expect("the server connects");
        let (url, requests) = server.await.expect("the server starts");
        let apart = Self {
            url,
            requests,
            closed,
            bytes: Mutex::new(bytes),
        };
        // The runtime tries the first read of a socket at once.
        apart.read_byte().await;
        apart
    }

    /// Comes back when the runtime has learned of the close, and before it has told the connection.
    ///
    /// The thread stands still until both the close and the byte are there. The runtime learns of them at once, and
    /// this very future is what it runs first.
    async fn meet_the_close(&self) {
        let closed = self.closed.recv_timeout(AMPLE);
        closed.expect("the server closes what it has answered");
        self.read_byte().await;
    }

    async fn read_byte(&self) {
        // Room for more than the byte: after a full read the runtime would take it that there is more, and the next
        // byte would be had without asking the system what else has happened.
        let mut room = [0; 16];
        let byte = self.bytes.lock().await.read(&mut room).await;
        assert_eq!(byte.expect("the server writes a byte after each close"), 1);
    }
}

/// A server that is about to stop turns a request away. It is told as not sent, or sent anew.
pub async fn a_request_turned_away_is_not_processed_twice<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    turned_away(make, &[Act::TurnAway, Act::AnswerAndClose]).await;
}

/// A server refuses a stream before it looked at it. It is told as not sent, or sent anew.
pub async fn a_refused_stream_is_not_processed_twice<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    turned_away(make, &[Act::Refuse, Act::AnswerAndClose]).await;
}

async fn turned_away<T: Subject>(make: impl Fn(&TransportSettings) -> T, plan: &[Act]) {
    let server = RawServer::start(Wire::Http2Tls, plan).await;
    let transport = make(&trusting());
    let outcome = transport.send(post(&server.url(SECRET_PATH)), AMPLE).await;
    let processed = server.requests() - 1;
    if outcome.is_ok() {
        assert_eq!(processed, 1);
    } else {
        assert_eq!(failure(&transport, outcome), NotSent);
        assert_eq!(processed, 0);
    }
    let answer = send(&transport, post(&server.url(SECRET_PATH))).await;
    assert_eq!(answer.body().as_bytes(), b"ok");
    assert_eq!(server.requests(), processed + 2);
}

/// A server that is about to stop finishes what it took.
pub async fn a_request_taken_before_the_end_completes<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    let server = RawServer::start(Wire::Http2Tls, &[Act::LastAndAnswer]).await;
    let transport = make(&trusting());
    for count in 1..4 {
        let answer = send(&transport, post(&server.url(SECRET_PATH))).await;
        assert_eq!(answer.body().as_bytes(), b"ok");
        assert_eq!(server.requests(), count);
    }
}

/// A server that took a request and then went away may have acted on it.
pub async fn a_request_taken_and_dropped_is_lost<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
) {
    let server = RawServer::start(Wire::Http2Tls, &[Act::LastAndClose]).await;
    let transport = make(&trusting());
    assert_eq!(fail(&transport, post(&server.url(SECRET_PATH))).await, Lost);
    assert_eq!(server.requests(), 1);
}
