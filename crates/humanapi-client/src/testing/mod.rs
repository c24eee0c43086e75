//! A scripted transport, a clock that waits in no time, and records of fields, for tests of code that uses this crate.
//!
//! A whole service to test against, with users and their records, is the crate `humanapi-testing`, which has these too.
//!
//! ```
//! use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
//! use humanapi_client::{Client, core::{Credentials, Provisioning}};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let transport = ScriptedTransport::new([
//!     Reply::json(503, "{}"),
//!     Reply::json(200, r#"{"session_token":"st-1"}"#),
//! ]);
//! let credentials = Credentials::new("my-app", "hush")?;
//! let client = Client::builder(credentials, Provisioning::Connect, transport.clone())
//!     .build_on(VirtualRuntime::new());
//! let issued = client.user("patient-17").session_token().await?;
//! assert_eq!(issued.token.expose_secret(), "st-1");
//! assert_eq!(transport.requests().len(), 2, "the first attempt was repeated");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "data")]
mod record;

use std::collections::VecDeque;
use std::fmt;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use humanapi_core::{Body, Now, Request, Response, SendFailure, SendFailureKind};

use crate::runtime::{Spawn, Task, Timer};
use crate::transport::{BodyStream, StreamedResponse, Transport};

#[cfg(feature = "data")]
pub use record::{RecordBuilder, RecordError, record};

/// What a scripted transport does with one request.
pub struct Reply(Script);

enum Script {
    Respond(Response),
    Stream(StreamedResponse),
    Fail(SendFailureKind),
    Hang,
}

impl Reply {
    /// Answers with this response.
    #[must_use]
    pub const fn response(response: Response) -> Self {
        Self(Script::Respond(response))
    }

    /// Answers with this status and JSON.
    ///
    /// # Panics
    ///
    /// When the status is none.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        let response = http::Response::builder()
            .status(status)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.as_bytes().to_vec()))
            .expect("a test's status is one");
        Self::response(response)
    }

    /// Answers with this head, and then with what the stream brings.
    #[must_use]
    pub const fn streamed(response: StreamedResponse) -> Self {
        Self(Script::Stream(response))
    }

    /// Fails without an answer.
    #[must_use]
    pub const fn failure(kind: SendFailureKind) -> Self {
        Self(Script::Fail(kind))
    }

    /// Never answers, so the attempt times out.
    #[must_use]
    pub const fn hang() -> Self {
        Self(Script::Hang)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Script::Respond(response) => write!(f, "Reply({})", response.status()),
            Script::Stream(response) => write!(f, "Reply({}, streamed)", response.status()),
            Script::Fail(kind) => write!(f, "Reply({kind:?})"),
            Script::Hang => f.write_str("Reply(hang)"),
        }
    }
}

/// A transport that answers by a script and keeps what it was asked to send.
///
/// Requests beyond the script fail as never sent.
#[derive(Clone, Debug)]
pub struct ScriptedTransport {
    inner: Arc<Mutex<Scripted>>,
}

#[derive(Debug)]
struct Scripted {
    answers: VecDeque<Reply>,
    requests: Vec<Request>,
}

impl ScriptedTransport {
    /// Answers in this order.
    #[must_use]
    pub fn new(answers: impl IntoIterator<Item = Reply>) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Scripted {
                answers: answers.into_iter().collect(),
                requests: Vec::new(),
            })),
        }
    }

    /// Takes the requests that were sent since it was last asked, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.lock().requests)
    }

    /// Adds to the script's end.
    pub fn then(&self, answer: Reply) {
        self.lock().answers.push_back(answer);
    }

    fn lock(&self) -> MutexGuard<'_, Scripted> {
        // A script that another thread broke off in the middle of is still a list.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: Request) -> Script {
        let mut scripted = self.lock();
        scripted.requests.push(request);
        let answer = scripted.answers.pop_front();
        answer.map_or(Script::Fail(SendFailureKind::NotSent), |answer| answer.0)
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendFailure> {
        match self.next(request) {
            Script::Respond(response) => Ok(response),
            Script::Stream(response) => {
                let (head, mut chunks) = response.into_parts();
                let mut body = Vec::new();
                while let Some(chunk) = chunks.next().await {
                    body.extend_from_slice(&chunk?);
                }
                Ok(Response::from_parts(head, body.into()))
            }
            Script::Fail(kind) => Err(SendFailure::new(kind)),
            Script::Hang => pending().await,
        }
    }

    async fn open(&self, request: Request, _: Duration) -> Result<StreamedResponse, SendFailure> {
        match self.next(request) {
            Script::Respond(response) => {
                Ok(response.map(|body| BodyStream::once(body.into_bytes())))
            }
            Script::Stream(response) => Ok(response),
            Script::Fail(kind) => Err(SendFailure::new(kind)),
            Script::Hang => pending().await,
        }
    }
}

/// Time that passes only by waiting: each wait moves both clocks forward and is over at once.
///
/// Runs no tasks; callers poll them by themselves.
#[derive(Clone, Debug)]
pub struct VirtualRuntime {
    now: Arc<Mutex<Now>>,
}

impl VirtualRuntime {
    /// Begins on 2026-01-15 at 09:00 UTC.
    #[must_use]
    pub fn new() -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_467_600);
        Self {
            now: Arc::new(Mutex::new(Now::new(Duration::ZERO, wall))),
        }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        *now = now.after(by);
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for VirtualRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for VirtualRuntime {
    fn now(&self) -> Now {
        *self.lock()
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        self.advance(duration);
        Box::pin(ready(()))
    }
}

impl Spawn for VirtualRuntime {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        Some(task)
    }
}
