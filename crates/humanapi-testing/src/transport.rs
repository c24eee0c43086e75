//! The sandbox in a transport's place.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use humanapi_client::core::{Body, Request, Response, SendFailure, SendFailureKind};
use humanapi_client::{BodyStream, StreamedResponse, Timer as _, Transport};
use humanapi_sandbox::{Delayed, Dropped, OfflineSandbox};

use crate::clock::SandboxClock;

/// A transport whose requests a sandbox answers, in this very thread: there is no socket and nothing to wait for.
///
/// Whatever host a request is for, the sandbox gets it, so a client needs no other [`Hosts`](humanapi_client::core::Hosts)
/// than those it has anyway, and nothing leaves the machine.
///
/// Planned faults look as over an HTTP stack. A delay passes on the sandbox's clock, and is a time-out where the client
/// would not have waited so long.
#[derive(Clone, Debug)]
pub struct SandboxTransport {
    sandbox: OfflineSandbox,
    clock: SandboxClock,
}

impl SandboxTransport {
    pub(crate) fn new(sandbox: OfflineSandbox) -> Self {
        let clock = SandboxClock::new(sandbox.control().clone());
        Self { sandbox, clock }
    }

    /// The answer, and whether its body breaks off before its end.
    fn answer(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<(http::Response<Bytes>, bool), SendFailure> {
        let begun = self.clock.now().monotonic();
        let (mut head, body) = request.into_parts();
        // Without a host it is the sandbox's own.
        let target = head.uri.into_parts().path_and_query;
        head.uri = target.map_or_else(http::Uri::default, http::Uri::from);
        head.headers.remove(http::header::HOST);
        let request = http::Request::from_parts(head, body.into_bytes());
        let answer = self.sandbox.answer(request).map_err(|dropped: Dropped| {
            SendFailure::new(SendFailureKind::Lost).with_source(dropped)
        })?;
        if let Some(delayed) = answer.extensions().get::<Delayed>() {
            let waited = delayed.0.min(timeout);
            self.clock.pass_until(begun.saturating_add(waited));
            if delayed.0 > timeout {
                return Err(SendFailure::new(SendFailureKind::TimedOut));
            }
        }
        let announced = answer.headers().get(http::header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let is_cut = announced.is_some_and(|length: usize| length > answer.body().len());
        Ok((answer, is_cut))
    }
}

#[async_trait]
impl Transport for SandboxTransport {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let is_head = request.method() == http::Method::HEAD;
        match self.answer(request, timeout)? {
            (_, true) if !is_head => Err(cut_short()),
            (answer, _) => Ok(answer.map(Body::from)),
        }
    }

    fn keeps_time(&self) -> bool {
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let is_head = request.method() == http::Method::HEAD;
        let (answer, is_cut) = self.answer(request, timeout)?;
        Ok(answer.map(|body| {
            if is_cut && !is_head {
                BodyStream::new(futures_util::stream::iter([Ok(body), Err(cut_short())]))
            } else {
                BodyStream::once(body)
            }
        }))
    }
}

fn cut_short() -> SendFailure {
    SendFailure::new(SendFailureKind::CutShort)
}
