//! How many requests went out, and how many of them came to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::{StreamedResponse, Transport};
use humanapi_core::http::StatusCode;
use humanapi_core::{Request, Response, SendFailure};

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Tries {
    /// How many requests went out.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many of them got no answer, or one that asks to try again.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn count<A>(&self, outcome: &Result<humanapi_core::http::Response<A>, SendFailure>) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let failed = match outcome {
            Ok(answer) => {
                answer.status().is_server_error()
                    || answer.status() == StatusCode::TOO_MANY_REQUESTS
            }
            Err(_) => true,
        };
        self.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
    }
}

/// A transport that counts.
pub(crate) struct Counted {
    stack: Box<dyn Transport>,
    tries: Arc<Tries>,
}

impl Counted {
    pub(crate) fn new(stack: Box<dyn Transport>, tries: Arc<Tries>) -> Self {
        Self { stack, tries }
    }
}

#[async_trait]
impl Transport for Counted {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let outcome = self.stack.send(request, timeout).await;
        self.tries.count(&outcome);
        outcome
    }

    fn keeps_time(&self) -> bool {
        self.stack.keeps_time()
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let outcome = self.stack.open(request, timeout).await;
        self.tries.count(&outcome);
        outcome
    }
}
