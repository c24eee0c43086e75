//! The one loop that carries a flow to its end, async and blocking.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use humanapi_core::{
    BuildError, Flow, FlowError, Input, Now, Request, Response, SendFailure, SendFailureKind, Step,
};

use crate::runtime::Timer;
use crate::tokens::TokenSource;
use crate::transport::Transport;

/// Carries a flow to its end.
///
/// Each request races the timer, so a transport that hangs is dropped when its time is over and
/// reported as [timed out](SendFailureKind::TimedOut). One that
/// [keeps time by itself](Transport::keeps_time) is trusted to end and is not raced. A source of tokens races
/// the flow's deadline likewise.
///
/// Dropping the future leaves the flow as it is: another `drive` with the same timer goes on, and takes
/// a request that was out as timed out once its time is over.
pub async fn drive<F, T, S, R>(flow: &mut F, transport: &T, tokens: &S, timer: &R) -> F::Outcome
where
    F: Flow + ?Sized,
    T: Transport + ?Sized,
    S: TokenSource + ?Sized,
    R: Timer + ?Sized,
{
    // A reading serves the input that came and the poll that follows at once: reading clocks is a
    // good part of what a call costs here.
    let mut now = timer.now();
    loop {
        match flow.poll(now) {
            Step::Send {
                id,
                request,
                timeout,
            } => {
                let answer = transport.send(request, timeout);
                // Two alarms for one call would be a good part of what it costs.
                let outcome = if transport.keeps_time() {
                    answer.await
                } else {
                    let outcome = in_time(answer, timer, timeout).await;
                    outcome.unwrap_or_else(|| Err(SendFailure::new(SendFailureKind::TimedOut)))
                };
                match &outcome {
                    Ok(response) => {
                        tracing::debug!(status = response.status().as_u16(), "answered");
                    }
                    Err(failure) => tracing::debug!(failure = %failure, "not answered"),
                }
                now = timer.now();
                flow.handle(Input::sent(id, outcome), now);
            }
            Step::NeedToken {
                key,
                rejected,
                timeout,
            } => {
                tracing::trace!(
                    purpose = key.purpose().name(),
                    renewal = rejected.is_some(),
                    "token"
                );
                let token = in_time(tokens.token(&key, rejected), timer, timeout).await;
                now = timer.now();
                // Without one the flow finds by itself that its time is over.
                if let Some(token) = token {
                    flow.handle(Input::Token(token), now);
                }
            }
            Step::WaitUntil(moment) => {
                let wait = moment.saturating_sub(now.monotonic());
                tracing::debug!(millis = wait.as_millis(), "waiting");
                timer.sleep(wait).await;
                now = timer.now();
            }
            Step::Done(outcome) => return outcome,
        }
    }
}

/// The answer, unless time runs out. The timer is armed only when the answer is not there at once.
pub(crate) async fn in_time<F: Future + Unpin, R: Timer + ?Sized>(
    mut answer: F,
    timer: &R,
    timeout: Duration,
) -> Option<F::Output> {
    let mut alarm = None;
    poll_fn(|cx| {
        if let Poll::Ready(answer) = Pin::new(&mut answer).poll(cx) {
            return Poll::Ready(Some(answer));
        }
        let alarm = alarm.get_or_insert_with(|| timer.sleep(timeout));
        alarm.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Carries a flow to its end on this thread, with a closure that sends one request and waits for its
/// answer, for at most the time it is given.
///
/// A flow that needs tokens is wrapped in [`SelfServed`](humanapi_core::flow::SelfServed) first.
///
/// ```
/// use humanapi_client::drive_blocking;
/// use humanapi_core::auth::IssueSessionToken;
/// use humanapi_core::flow::Call;
/// use humanapi_core::http::Response;
/// use humanapi_core::{Body, ClientUserId, Credentials, Hosts, RetryPolicy};
///
/// let credentials = Credentials::new("my-app", "hush")?;
/// let endpoint = IssueSessionToken::new(credentials, ClientUserId::new("patient-17")?);
/// let mut call = Call::new(endpoint, Hosts::production(), RetryPolicy::default());
/// let issued = drive_blocking(&mut call, |request, timeout| {
///     // Any HTTP library, or none: here an answer from thin air.
///     assert!(request.uri().path().ends_with("/token") && !timeout.is_zero());
///     Ok(Response::new(Body::from(r#"{"session_token":"st-1","expires_in":3600}"#)))
/// })?;
/// assert_eq!(issued.token.expose_secret(), "st-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn drive_blocking<F: Flow + ?Sized>(
    flow: &mut F,
    mut send: impl FnMut(Request, Duration) -> Result<Response, SendFailure>,
) -> F::Outcome {
    loop {
        let now = now();
        match flow.poll(now) {
            Step::Send {
                id,
                request,
                timeout,
            } => {
                let outcome = send(request, timeout);
                flow.handle(Input::sent(id, outcome), self::now());
            }
            Step::NeedToken { .. } => {
                let error = Arc::new(FlowError::from(BuildError::NoTokenSource));
                flow.handle(Input::Token(Err(error)), now);
            }
            Step::WaitUntil(moment) => {
                std::thread::sleep(moment.saturating_sub(now.monotonic()));
            }
            Step::Done(outcome) => return outcome,
        }
    }
}

/// Both clocks, the monotonic one from the first use in this process.
fn now() -> Now {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = ORIGIN.get_or_init(Instant::now);
    Now::new(origin.elapsed(), SystemTime::now())
}
