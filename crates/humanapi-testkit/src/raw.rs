//! Servers that speak by hand, for what no well-behaved server does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::authority::{self, Identity};
use crate::server::Wire;

/// Any stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A server that does with a whole request what a plan says, one step for each connection.
pub(crate) struct RawServer {
    wire: Wire,
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    closed: mpsc::UnboundedReceiver<()>,
    task: JoinHandle<()>,
}

/// What to do once a whole request is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Answers 200, and then closes the connection without having announced it.
    AnswerAndClose,
    /// Closes the connection.
    Close,
    /// Sends the beginning of an answer, so many bytes of it, and closes the connection, over TLS in good order.
    Send(Body, usize),
    /// HTTP/1.1: answers with a body that goes on until the connection ends, and ends it without the end of TLS.
    AnswerUntilClose,
    /// HTTP/2: says that it will not look at the request, and ends the connection in good order.
    TurnAway,
    /// HTTP/2: resets the stream as one that it did not look at.
    Refuse,
    /// HTTP/2: says that this request is the last, then answers it.
    LastAndAnswer,
    /// HTTP/2: says that this request is the last, and closes without an answer.
    LastAndClose,
}

/// A body of two pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// Its length is announced.
    Measured,
    /// It is not.
    Chunked,
}

impl Body {
    /// How many bytes it has.
    pub(crate) const SIZE: u64 = 12;

    /// How many bytes its head takes on a wire, and how many the whole answer.
    pub(crate) fn on(self, wire: Wire) -> (usize, usize) {
        let (head, body) = self.bytes(wire, 1);
        (head.len(), head.len() + body.len())
    }

    /// Its head and its body, as the wire has them.
    fn bytes(self, wire: Wire, stream: u32) -> (Vec<u8>, Vec<u8>) {
        if wire == Wire::Http2Tls {
            let mut head = vec![STATUS_200];
            if matches!(self, Self::Measured) {
                // A literal that is not indexed, named by entry 28 of the static table: `content-length`.
                head.extend_from_slice(b"\x0f\x0d\x0212");
            }
            let head = frame(HEADERS, END_HEADERS, stream, &head);
            let mut body = frame(DATA, 0, stream, b"half");
            body.extend(frame(DATA, END_STREAM, stream, b" of a CC"));
            return (head, body);
        }
        let (head, body) = match self {
            Self::Measured => ("content-length: 12\r\n", "half of a CC"),
            Self::Chunked => (
                "transfer-encoding: chunked\r\n",
                "4\r\nhalf\r\n8\r\n of a CC\r\n0\r\n\r\n",
            ),
        };
        let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        (head.into_bytes(), body.into())
    }

    /// The beginning of the answer.
    fn beginning(self, wire: Wire, stream: u32, length: usize) -> Vec<u8> {
        let (mut bytes, body) = self.bytes(wire, stream);
        bytes.extend(body);
        bytes.truncate(length);
        bytes
    }
}

impl RawServer {
    /// Each connection takes the next act of the plan; the last one is repeated.
    pub(crate) async fn start(wire: Wire, plan: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback is there");
        let address = listener.local_addr().expect("a listener has an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let (tell, closed) = mpsc::unbounded_channel();
        let tls = TlsAcceptor::from(authority::server(Identity::Right, wire.protocol()));
        let (plan, count) = (plan.to_vec(), Arc::clone(&requests));
        let accept = async move {
            let mut acts = plan.iter().copied();
            let mut act = Act::Close;
            while let Ok((stream, _)) = listener.accept().await {
                act = acts.next().unwrap_or(act);
                let (tls, count, tell) = (tls.clone(), Arc::clone(&count), tell.clone());
                tokio::spawn(async move {
                    match wire {
                        Wire::Http1 => http1(stream, act, &count).await,
                        Wire::Http1Tls => {
                            if let Ok(stream) = tls.accept(stream).await {
                                http1(stream, act, &count).await;
                            }
                        }
                        Wire::Http2Tls => {
                            if let Ok(stream) = tls.accept(stream).await {
                                http2(stream, act, &count).await;
                            }
                        }
                    }
                    let _ = tell.send(());
                });
            }
        };
        Self {
            wire,
            address,
            requests,
            closed,
            task: tokio::spawn(accept),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.wire.scheme(), self.address)
    }

    /// How many copies of requests arrived whole.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The number that [`requests`](Self::requests) reads.
    pub(crate) fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.requests)
    }

    /// Waits until one more connection was closed on this side.
    pub(crate) async fn closed(&mut self) {
        self.closed.recv().await.expect("the server runs");
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn http1(mut stream: impl Stream, act: Act, count: &AtomicUsize) {
    if read_request(&mut stream).await.is_none() {
        return;
    }
    count.fetch_add(1, Ordering::SeqCst);
    match act {
        Act::AnswerAndClose => {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            let _ = stream.write_all(answer).await;
            let _ = stream.flush().await;
            let _ = stream.shutdown().await;
        }
        Act::Send(body, length) => {
            let bytes = body.beginning(Wire::Http1, 1, length);
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            let _ = stream.shutdown().await;
        }
        Act::AnswerUntilClose => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of it").await;
            let _ = stream.flush().await;
        }
        _ => {}
    }
}

/// Reads a head and the body that its `content-length` announces.
pub(crate) async fn read_request(stream: &mut impl Stream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a length is a number"));
        if body.len() >= length {
            return Some(bytes);
        }
    }
}

async fn http2(mut stream: impl Stream, act: Act, count: &AtomicUsize) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.ok()?;
    write(&mut stream, SETTINGS, 0, 0, &[]).await?;
    let id = loop {
        let frame = read(&mut stream).await?;
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => write(&mut stream, SETTINGS, ACK, 0, &[]).await?,
            HEADERS | DATA if frame.flags & END_STREAM != 0 => break frame.stream,
            _ => {}
        }
    };
    count.fetch_add(1, Ordering::SeqCst);
    match act {
        Act::AnswerAndClose => {
            answer(&mut stream, id).await?;
            go_away(&mut stream, id).await?;
            let _ = stream.shutdown().await;
            return Some(());
        }
        Act::Send(body, length) => {
            let bytes = body.beginning(Wire::Http2Tls, id, length);
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            let _ = stream.shutdown().await;
            return Some(());
        }
        Act::TurnAway => go_away(&mut stream, 0).await?,
        Act::Refuse => write(&mut stream, RST_STREAM, 0, id, &7_u32.to_be_bytes()).await?,
        Act::LastAndAnswer => {
            go_away(&mut stream, id).await?;
            answer(&mut stream, id).await?;
        }
        Act::LastAndClose => {
            go_away(&mut stream, id).await?;
            let _ = stream.shutdown().await;
            return Some(());
        }
        Act::Close | Act::AnswerUntilClose => return Some(()),
    }
    // The client closes when it is done; a refused stream leaves the connection to the next request.
    while let Some(frame) = read(&mut stream).await {
        if matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
            count.fetch_add(1, Ordering::SeqCst);
            answer(&mut stream, frame.stream).await?;
        }
    }
    Some(())
}

async fn answer(stream: &mut impl Stream, id: u32) -> Option<()> {
    write(stream, HEADERS, END_HEADERS, id, &[STATUS_200]).await?;
    write(stream, DATA, END_STREAM, id, b"ok").await
}

/// The end of a connection in good order. What it says besides is a canary that no error text may repeat.
async fn go_away(stream: &mut impl Stream, last: u32) -> Option<()> {
    let mut payload = last.to_be_bytes().to_vec();
    payload.extend_from_slice(&0_u32.to_be_bytes());
    payload.extend_from_slice(b"canary of the peer");
    write(stream, GOAWAY, 0, 0, &payload).await
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
}

async fn read(stream: &mut impl Stream) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let [a, b, c, kind, flags, id @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some(Frame {
        kind,
        flags,
        stream: u32::from_be_bytes(id),
    })
}

async fn write(
    stream: &mut impl Stream,
    kind: u8,
    flags: u8,
    id: u32,
    payload: &[u8],
) -> Option<()> {
    stream
        .write_all(&frame(kind, flags, id, payload))
        .await
        .ok()?;
    stream.flush().await.ok()
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a test's payload is short");
    let [_, a, b, c] = length.to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The status 200, by its place in the static table of HPACK.
const STATUS_200: u8 = 0x88;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
