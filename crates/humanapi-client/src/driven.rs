//! Work that goes on by itself, whether or not somebody waits for it at the moment.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use humanapi_core::{SendFailure, SendFailureKind};
use tracing::Instrument as _;

use crate::runtime::{Spawn, Task};

/// Work in a task of its own, and its outcome.
///
/// What a future of the caller's would hold only for as long as it is polled, such as a request's time, runs out for the work
/// and not for its caller. Dropping this ends the work, once its runtime goes on.
///
/// A runtime without tasks hands the work back, and it goes on while it is waited for.
pub(crate) struct Driven<T> {
    outcome: oneshot::Receiver<Result<T, Panic>>,
    /// The work, where it was handed back.
    here: Option<Task<'static>>,
}

/// What a panic leaves.
type Panic = Box<dyn Any + Send>;

impl<T: Send + 'static> Driven<T> {
    pub(crate) fn new<R: Spawn + ?Sized>(
        work: impl Future<Output = T> + Send + 'static,
        runtime: &R,
    ) -> Self {
        let (mut tell, outcome) = oneshot::channel();
        let task = async move {
            // A panic is its caller's, as if it had polled the work itself.
            let work = pin!(AssertUnwindSafe(work).catch_unwind());
            let ended = match select(tell.cancellation(), work).await {
                Either::Left(_) => return,
                Either::Right((ended, _)) => ended,
            };
            // Whoever waited may have gone by now.
            drop(tell.send(ended));
        };
        let here = runtime.spawn(Box::pin(task.in_current_span()));
        Self { outcome, here }
    }

    /// Whether it goes on while nobody waits for it.
    #[cfg(feature = "data")]
    pub(crate) const fn goes_on(&self) -> bool {
        self.here.is_none()
    }
}

impl<T> Future for Driven<T> {
    /// A failure where the runtime ended before the work did.
    type Output = Result<T, SendFailure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(here) = &mut self.here
            && here.as_mut().poll(cx).is_ready()
        {
            self.here = None;
        }
        Poll::Ready(match ready!(self.outcome.poll_unpin(cx)) {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(oneshot::Canceled) => {
                let why = "the runtime ended the task that waited for the answer";
                Err(SendFailure::new(SendFailureKind::Lost).with_source(why))
            }
        })
    }
}
