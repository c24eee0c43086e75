//! Clocks that differ: the client's is hours behind, and those of the service's machines are minutes apart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use humanapi_testing::client::{Spawn, StreamedResponse, Task, Timer, Transport};
use humanapi_testing::core::{Now, Request, Response, SendFailure};
use humanapi_testing::{OfflineSandbox, SandboxClock};

use crate::sandbox::Troubled;

const HOUR: Duration = Duration::from_secs(3600);

/// A clock that is five hours behind.
#[derive(Clone)]
pub(crate) struct Skewed(SandboxClock);

impl Skewed {
    pub(crate) const fn new(clock: SandboxClock) -> Self {
        Self(clock)
    }
}

impl Timer for Skewed {
    fn now(&self) -> Now {
        let now = self.0.now();
        Now::new(now.monotonic(), now.wall() - 5 * HOUR)
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        self.0.sleep(duration)
    }

    fn alarm(&self, timeout: Duration) -> Task<'static> {
        self.0.alarm(timeout)
    }
}

impl Spawn for Skewed {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        self.0.spawn(task)
    }
}

/// A network whose answers bear the time of the machine that answered: up to eight minutes ahead.
pub(crate) struct Dated {
    inner: Troubled,
    sandbox: OfflineSandbox,
    ahead: Option<Duration>,
    answers: AtomicU64,
}

impl Dated {
    pub(crate) fn new(inner: Troubled, sandbox: &OfflineSandbox) -> Self {
        Self {
            inner,
            sandbox: sandbox.clone(),
            ahead: None,
            answers: AtomicU64::new(0),
        }
    }

    /// All machines are so far ahead.
    pub(crate) const fn ahead(mut self, by: Duration) -> Self {
        self.ahead = Some(by);
        self
    }
}

#[async_trait]
impl Transport for Dated {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let mut answer = self.inner.send(request, timeout).await?;
        let answers = self.answers.fetch_add(1, Ordering::Relaxed);
        let ahead = self
            .ahead
            .unwrap_or_else(|| Duration::from_secs(answers * 37 % 480));
        let date = httpdate::fmt_http_date(self.sandbox.control().now() + ahead);
        let date = HeaderValue::from_str(&date).expect("a date is a header's value");
        answer.headers_mut().insert(http::header::DATE, date);
        Ok(answer)
    }

    fn keeps_time(&self) -> bool {
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        self.inner.open(request, timeout).await
    }
}
