//! What a server answers, step by step.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// What a server does with a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Answers.
    Response(ScriptedResponse),
    /// Never answers.
    Hang,
    /// Breaks the connection, or the stream of HTTP/2, without an answer.
    Break,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct ScriptedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Script,
}

/// The steps of a body.
#[derive(Debug)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    /// Whether the length is told beforehand, where it is known.
    measured: bool,
}

/// One step of a body.
#[derive(Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Chunk(Bytes),
    /// Lets what was sent so far reach the network: waits for this many turns of the runtime.
    Flush(u32),
    /// Waits until the test lets it pass.
    Gate(oneshot::Receiver<()>),
    /// Makes so many bytes of copies of a piece, and counts those that were asked for.
    Endless {
        piece: Bytes,
        left: u64,
        made: Arc<AtomicU64>,
    },
    /// Tells when the answer is given up, and is none to get past.
    Watch(UnboundedSender<()>),
    /// Sends nothing more, and does not end.
    Hang,
    /// Breaks the connection, or the stream of HTTP/2.
    Break,
}

impl Step {
    pub(crate) fn chunk(bytes: impl Into<Bytes>) -> Self {
        Self::Chunk(bytes.into())
    }

    pub(crate) fn flush() -> Self {
        Self::Flush(64)
    }

    pub(crate) const fn endless(piece: Bytes, left: u64, made: Arc<AtomicU64>) -> Self {
        Self::Endless { piece, left, made }
    }

    /// A gate, and what opens it.
    pub(crate) fn gate() -> (Self, oneshot::Sender<()>) {
        let (open, gate) = oneshot::channel();
        (Self::Gate(gate), open)
    }
}

impl Reply {
    pub(crate) fn status(status: u16) -> ScriptedResponse {
        ScriptedResponse {
            status: StatusCode::from_u16(status).expect("tests use valid statuses"),
            headers: HeaderMap::new(),
            body: Script {
                steps: VecDeque::new(),
                measured: true,
            },
        }
    }

    /// 200 with these bytes.
    pub(crate) fn ok(bytes: impl Into<Bytes>) -> Self {
        Self::status(200).bytes(bytes).into()
    }
}

impl ScriptedResponse {
    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("tests use valid values");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// A body whose length is told.
    pub(crate) fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body.steps.push_back(Step::chunk(bytes));
        self
    }

    /// A body whose length is not told.
    pub(crate) fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.body.steps.extend(steps);
        self.body.measured = false;
        self
    }
}

impl From<ScriptedResponse> for Reply {
    fn from(answer: ScriptedResponse) -> Self {
        Self::Response(answer)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        for step in &self.steps {
            if let Step::Watch(tell) = step {
                // A test that is over listens no more.
                let _ = tell.send(());
            }
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            match self.steps.front_mut() {
                None => return Poll::Ready(None),
                Some(Step::Chunk(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.steps.pop_front();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Flush(0)) => {}
                Some(Step::Flush(turns)) => {
                    *turns -= 1;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Gate(gate)) => {
                    // A test that is over opens its gates.
                    let _ = ready!(Pin::new(gate).poll(cx));
                }
                Some(Step::Endless { left: 0, .. }) => {}
                Some(Step::Endless { piece, left, made }) => {
                    let length = left.saturating_sub(piece.len() as u64);
                    let now = piece.slice(..(*left - length) as usize);
                    *left = length;
                    made.fetch_add(now.len() as u64, Ordering::SeqCst);
                    return Poll::Ready(Some(Ok(Frame::data(now))));
                }
                Some(Step::Hang | Step::Watch(_)) => return Poll::Pending,
                Some(Step::Break) => return Poll::Ready(Some(Err(Broken))),
            }
            self.steps.pop_front();
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.measured {
            return SizeHint::default();
        }
        let length = |step: &Step| match step {
            Step::Chunk(bytes) => bytes.len() as u64,
            _ => 0,
        };
        SizeHint::with_exact(self.steps.iter().map(length).sum())
    }
}

/// The server breaks off.
#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken on purpose")
    }
}

impl std::error::Error for Broken {}
