//! Cases of an answer that is read while it arrives.

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join;
use humanapi_client::{
    Download, Error, ErrorKind, TokenSource, TokioRuntime, Transport, drive_open,
};
use humanapi_core::SendFailureKind::{CutShort, Lost, TimedOut};
use humanapi_core::flow::Call;
use humanapi_core::http::Method;
use humanapi_core::rules::Authorization;
use humanapi_core::{
    Bearer, BuildError, FlowError, Host, Hosts, RawCall, Rejected, Replay, RetryPolicy,
    SendFailureKind, TokenKey,
};
use tokio::time::Instant;

use crate::raw::{Act, Body, RawServer};
use crate::script::{Reply, Step};
use crate::server::{Server, Wire};
use crate::settings::TransportSettings;
use crate::support::{
    AMPLE, SECRET_PATH, Subject, failure, free_of_secrets, get, post, send, trusting,
};

/// Opens an answer as an application does.
async fn download(
    transport: &impl Transport,
    server: &str,
    path: &str,
    policy: RetryPolicy,
) -> Result<Download, FlowError> {
    let endpoint = RawCall::new(Method::POST, Host::Data, path)
        .with_replay(Replay::Safe)
        .with_authorization(Authorization::InRequest)
        .streamed();
    let hosts = Hosts::single(server).expect("loopback is an address");
    let mut call = Call::new(endpoint, hosts, policy);
    let timer = Arc::new(TokioRuntime::new());
    drive_open(&mut call, transport, &NoTokens, timer).await
}

struct NoTokens;

#[async_trait]
impl TokenSource for NoTokens {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        Err(Arc::new(BuildError::NoTokenSource.into()))
    }
}

/// One attempt, with ample time.
fn once() -> RetryPolicy {
    RetryPolicy::none()
        .with_attempt_timeout(AMPLE)
        .with_chunk_timeout(AMPLE)
}

/// Reads to the end: how much came, and how it failed.
async fn read(transport: &impl Subject, mut body: Download) -> (u64, Option<SendFailureKind>) {
    let mut size = 0;
    let mut failed = None;
    while let Some(chunk) = body.next().await {
        assert!(failed.is_none(), "nothing follows an error");
        match chunk {
            Ok(chunk) => size += chunk.len() as u64,
            Err(error) => failed = Some(kind(transport, &error)),
        }
    }
    assert!(body.next().await.is_none(), "the end stays the end");
    (size, failed)
}

/// The kind of a failure in whose texts no secret stands.
fn kind(transport: &impl Subject, error: &Error) -> SendFailureKind {
    free_of_secrets(transport, error);
    match error.kind() {
        ErrorKind::Network(kind) => kind,
        other => panic!("{other:?}"),
    }
}

/// A stream hands out what is there.
pub async fn chunks_arrive_before_the_end<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let (gate, open) = Step::gate();
    let steps = Mutex::new(Some([Step::chunk("first"), gate, Step::chunk("second")]));
    let server = Server::start(wire, move |_| {
        let steps = steps.lock().expect("no holder panics").take();
        let steps = steps.expect("there is one request");
        Reply::status(200)
            .header("x-head", "here")
            .steps(steps)
            .into()
    })
    .await;
    let transport = make(&trusting());
    let answer = transport.open(get(&server.url("/")), AMPLE).await;
    let mut answer = answer.expect("a head comes back");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-head"], "here");
    let body = answer.body_mut();
    assert_eq!(body.next().await.expect("a chunk").expect("whole"), "first");
    open.send(()).expect("the server waits at the gate");
    assert_eq!(
        body.next().await.expect("a chunk").expect("whole"),
        "second"
    );
    assert!(body.next().await.is_none());
    assert!(body.next().await.is_none(), "the end stays the end");
}

/// The limit is for what is held in memory.
pub async fn a_stream_may_exceed_the_limit<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    const SIZE: usize = 300_000;
    let server = Server::start(wire, |received| match received.uri.path() {
        "/measured" => Reply::ok(vec![b'x'; SIZE]),
        _ => Reply::status(200)
            .steps([Step::chunk(vec![b'x'; SIZE])])
            .into(),
    })
    .await;
    let settings = TransportSettings {
        max_body: Some(1000),
        ..trusting()
    };
    let transport = make(&settings);
    for path in ["/measured", "/unmeasured"] {
        let answer = transport.open(get(&server.url(path)), AMPLE).await;
        let mut body = answer.expect("a head comes back").into_body();
        let mut size = 0;
        while let Some(chunk) = body.next().await {
            size += chunk.expect("nothing breaks").len();
        }
        assert_eq!(size, SIZE);
    }
}

/// The time of a stream is for each wait, not for their sum.
pub async fn a_stream_may_take_longer_than_one_wait<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    const WAIT: Duration = Duration::from_millis(1500);
    let mut steps = vec![Step::chunk("0")];
    let mut gates = Vec::new();
    for number in 1..4 {
        let (gate, open) = Step::gate();
        steps.extend([gate, Step::chunk(number.to_string())]);
        gates.push(open);
    }
    let steps = Mutex::new(Some(steps));
    let server = Server::start(wire, move |_| {
        let steps = steps.lock().expect("no holder panics").take();
        Reply::status(200)
            .steps(steps.expect("there is one request"))
            .into()
    })
    .await;
    let transport = make(&trusting());
    let policy = once().with_chunk_timeout(WAIT);
    let answer = download(&transport, &server.url(""), "/", policy).await;
    let mut body = answer.expect("a head comes back");
    assert_eq!(body.next().await.expect("a chunk").expect("whole"), "0");
    let begin = Instant::now();
    for (number, gate) in gates.into_iter().enumerate() {
        // The server is slow on purpose, and the reader waits meanwhile: that is what this case is about.
        let next = body.next();
        let slow = async {
            tokio::time::sleep(WAIT * 2 / 5).await;
            gate.send(()).expect("the server waits at the gate");
        };
        let (chunk, ()) = join(next, slow).await;
        assert_eq!(
            chunk.expect("a chunk").expect("whole"),
            (number + 1).to_string()
        );
    }
    assert!(begin.elapsed() > WAIT);
    assert!(body.next().await.is_none());
}

/// A stream that falls silent.
pub async fn a_silent_stream_times_out<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    const PATIENCE: Duration = Duration::from_secs(1);
    let server = Server::start(wire, |_| {
        let steps = [Step::chunk("half"), Step::flush(), Step::Hang];
        Reply::status(200).steps(steps).into()
    })
    .await;
    let transport = make(&trusting());
    let policy = once().with_chunk_timeout(PATIENCE);
    let answer = download(&transport, &server.url(""), SECRET_PATH, policy).await;
    let mut body = answer.expect("a head comes back");
    assert_eq!(body.next().await.expect("a chunk").expect("whole"), "half");
    let begin = Instant::now();
    let error = body.next().await.expect("an end that is no end");
    assert_eq!(kind(&transport, &error.expect_err("no chunk")), TimedOut);
    assert!(begin.elapsed() >= PATIENCE / 2);
    assert!(begin.elapsed() < PATIENCE * 30);
    assert!(body.next().await.is_none(), "nothing follows an error");
    assert_eq!(server.received().len(), 1, "one copy arrives");
}

/// A stream whose head never comes.
pub async fn a_stream_without_a_head_times_out<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    const PATIENCE: Duration = Duration::from_millis(400);
    let server = Server::start(wire, |_| Reply::Hang).await;
    let transport = make(&trusting());
    let begin = Instant::now();
    let outcome = transport
        .open(post(&server.url(SECRET_PATH)), PATIENCE)
        .await;
    assert_eq!(failure(&transport, outcome), TimedOut);
    assert!(begin.elapsed() >= PATIENCE);
    assert!(begin.elapsed() < PATIENCE * 50);
}

/// A stream never passes for whole when it is not.
pub async fn a_stream_that_breaks_is_an_error<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| {
        let steps = [Step::chunk("half"), Step::flush(), Step::Break];
        let answer = Reply::status(200).steps(steps);
        match received.uri.path() {
            "/measured" => answer.header("content-length", "1000").into(),
            _ => answer.into(),
        }
    })
    .await;
    let transport = make(&trusting());
    for path in ["/measured", SECRET_PATH] {
        let answer = transport.open(post(&server.url(path)), AMPLE).await;
        let mut body = answer.expect("a head comes back").into_body();
        assert_eq!(body.next().await.expect("a chunk").expect("whole"), "half");
        let outcome = body.next().await.expect("an end that is no end");
        assert_eq!(failure(&transport, outcome), CutShort);
        assert!(body.next().await.is_none(), "nothing follows an error");
    }
}

/// However an answer announces its end, there is no place to cut it at which it would pass for a whole one; and what was
/// cut behind its head is not asked for again.
pub async fn a_stream_cut_anywhere_is_an_error<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    for body in [Body::Measured, Body::Chunked] {
        let whole = RawServer::start(wire, &[Act::Send(body, usize::MAX)]).await;
        let transport = make(&trusting());
        let answer = download(&transport, &whole.url(""), SECRET_PATH, once()).await;
        let answer = answer.expect("a head comes back");
        assert_eq!(
            read(&transport, answer).await,
            (Body::SIZE, None),
            "{body:?}"
        );

        let (head, all) = body.on(wire);
        for place in 0..all {
            let server = RawServer::start(wire, &[Act::Send(body, place)]).await;
            let policy = once().with_max_attempts(3).with_base(Duration::ZERO);
            let transport = make(&trusting());
            match download(&transport, &server.url(""), SECRET_PATH, policy).await {
                Ok(answer) => {
                    assert!(place >= head, "{body:?} cut at {place}");
                    let (size, failed) = read(&transport, answer).await;
                    assert!(size <= Body::SIZE);
                    assert_eq!(failed, Some(CutShort), "{body:?} cut at {place}");
                    assert_eq!(
                        server.requests(),
                        1,
                        "nothing is sent again behind the head"
                    );
                }
                Err(error) => {
                    // The head itself was cut, which may be tried again.
                    assert!(place <= head, "{body:?} cut at {place}");
                    let error = Error::from(error);
                    assert!(matches!(kind(&transport, &error), Lost | CutShort));
                    assert_eq!(server.requests(), 3);
                }
            }
        }
    }
}

/// Whoever has read enough drops the stream. That ends the exchange, and harms no other.
pub async fn a_dropped_stream_ends_its_exchange<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let (tell, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(wire, move |received| match received.uri.path() {
        "/endless" => {
            let body = [
                Step::endless(Bytes::from_static(&[b'x'; 1024]), u64::MAX, Arc::default()),
                Step::Watch(tell.clone()),
            ];
            Reply::status(200).steps(body).into()
        }
        _ => Reply::ok("{}"),
    })
    .await;
    let transport = make(&trusting());
    for _ in 0..3 {
        let answer = download(&transport, &server.url(""), "/endless", once()).await;
        let mut body = answer.expect("a head comes back");
        for _ in 0..3 {
            let chunk = body.next().await.expect("it is endless");
            assert!(!chunk.expect("nothing breaks").is_empty());
        }
        drop(body);
        ended.recv().await.expect("the server notices");
        send(&transport, get(&server.url("/"))).await;
    }
    assert_eq!(server.received().len(), 6, "one copy of each arrives");
}

/// A body is fetched as fast as it is read, so that its size costs no memory.
pub async fn a_huge_stream_keeps_little_in_memory<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    // With debugging on, TLS takes most of the time that this case takes.
    let size: u64 = match wire {
        Wire::Http1 => 1024 * MIB,
        Wire::Http1Tls | Wire::Http2Tls => 128 * MIB,
    };
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let server = Server::start(wire, move |_| {
        let piece = Bytes::from_static(&[b'x'; 64 * 1024]);
        let body = [Step::endless(piece, size, Arc::clone(&count))];
        Reply::status(200)
            .header("content-length", size.to_string())
            .steps(body)
            .into()
    })
    .await;
    // What is held in memory as a whole is smaller than this body.
    let transport = make(&trusting());
    let answer = download(&transport, &server.url(""), "/", once()).await;
    let mut body = answer.expect("a head comes back");
    assert_eq!(body.length(), Some(size));
    let (mut received, mut most) = (0, 0);
    while let Some(chunk) = body.next().await {
        received += chunk.expect("nothing breaks").len() as u64;
        // What is on its way: in this process's buffers, and in the system's.
        most = most.max(made.load(Ordering::SeqCst) - received);
    }
    assert_eq!(received, size);
    let (held, system) = (4 * MIB, system_buffers());
    assert!(held + system < size / 2, "a body held whole would pass");
    assert!(
        most <= held + system,
        "{most} bytes were on their way, and the system holds {system} at most"
    );
}

const MIB: u64 = 1024 * 1024;

/// What the system may hold of one connection, in bytes: a reader that was kept waiting for a while finds so much.
///
/// Linux lets the buffers of a busy connection grow to its `tcp_wmem` and `tcp_rmem`.
fn system_buffers() -> u64 {
    let most = |setting: &str| {
        let sizes = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{setting}")).ok()?;
        sizes.split_whitespace().last()?.parse::<u64>().ok()
    };
    ["tcp_wmem", "tcp_rmem"]
        .into_iter()
        .map(|setting| most(setting).unwrap_or(16 * MIB))
        .sum()
}

/// No request asks for a coding, so one is an error that names it, and never bytes that nobody can read.
pub async fn a_compressed_stream_is_refused<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let server = Server::start(wire, |received| {
        assert!(!received.headers.contains_key("accept-encoding"));
        Reply::status(200)
            .header("content-encoding", "gzip")
            .bytes(&b"\x1f\x8b\x08 canary"[..])
            .into()
    })
    .await;
    let transport = make(&trusting());
    let outcome = download(&transport, &server.url(""), SECRET_PATH, once()).await;
    let error = Error::from(outcome.expect_err("nobody can read it"));
    free_of_secrets(&transport, &error);
    assert!(error.to_string().contains("gzip"), "{error}");
    assert!(error.source().is_none());
    assert_eq!(server.received().len(), 1);
}

/// An error in the place of a stream is judged as ever, however large it is; and once a head was taken, nothing is sent
/// again.
pub async fn an_error_in_place_of_a_stream_is_judged<T: Subject>(
    make: impl Fn(&TransportSettings) -> T,
    wire: Wire,
) {
    let answers = Mutex::new(0);
    let server = Server::start(wire, move |_| {
        let mut answered = answers.lock().expect("no holder panics");
        *answered += 1;
        let busy = Reply::status(503).header("retry-after", "0");
        match *answered {
            1 => busy.bytes("<html>canary").into(),
            // More than is read of an error, and no end.
            2 => {
                let body = [Step::chunk(vec![b'x'; 300_000]), Step::Hang];
                busy.steps(body).into()
            }
            _ => {
                let steps = [Step::chunk("half"), Step::flush(), Step::Break];
                Reply::status(200).steps(steps).into()
            }
        }
    })
    .await;
    let transport = make(&trusting());
    let policy = once().with_max_attempts(9).with_base(Duration::ZERO);
    let answer = download(&transport, &server.url(""), SECRET_PATH, policy).await;
    let outcome = read(&transport, answer.expect("a head comes back")).await;
    assert_eq!(outcome, (4, Some(CutShort)));
    assert_eq!(server.received().len(), 3);
}
