//! The one loop that carries a flow to its end, async and blocking.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use humanapi_core::{
    Body, BuildError, Flow, FlowError, Input, Now, Request, Response, SecretBuffer, SendFailure,
    SendFailureKind, Step, Streamed,
};

use crate::download::Download;
use crate::runtime::Timer;
use crate::telemetry::{Attempts, TOKEN};
use crate::tokens::TokenSource;
use crate::transport::{BodyStream, Transport};

/// Carries a flow to its end.
///
/// Each request races the timer, so a transport that hangs is dropped when its time is over and
/// reported as [timed out](SendFailureKind::TimedOut). One that
/// [keeps time by itself](Transport::keeps_time) is trusted to end and is not raced. A source of tokens races
/// the flow's deadline likewise.
///
/// Dropping the future leaves the flow as it is: another `drive` with the same timer goes on, and takes
/// a request that was out as timed out once its time is over.
///
/// An answer that could be handed over as it arrives is read whole: for one that is too large for that there is
/// [`drive_open`].
pub async fn drive<F, T, S, R>(flow: &mut F, transport: &T, tokens: &S, timer: &R) -> F::Outcome
where
    F: Flow + ?Sized,
    T: Transport + ?Sized,
    S: TokenSource + ?Sized,
    R: Timer + ?Sized,
{
    run(flow, transport, tokens, timer, &mut Opened::Whole).await
}

/// Carries a flow to the head of the answer that it asks for, whose body then arrives through the [`Download`].
///
/// Up to there it does what [`drive`] does: retry, renewal and the overall deadline hold. What follows is never asked
/// for again, and is bounded in time by the timer each time that more of it is waited for.
///
/// # Errors
///
/// As the flow ends.
pub async fn drive_open<F, T, S>(
    flow: &mut F,
    transport: &T,
    tokens: &S,
    timer: Arc<dyn Timer>,
) -> Result<Download, FlowError>
where
    F: Flow<Outcome = Result<Streamed, FlowError>> + ?Sized,
    T: Transport + ?Sized,
    S: TokenSource + ?Sized,
{
    let mut opened = Opened::Nothing;
    let answer = run(flow, transport, tokens, &*timer, &mut opened).await?;
    Ok(opened.into_download(answer, timer))
}

/// What becomes of an answer that may be handed over as it arrives.
pub(crate) enum Opened {
    /// It is read whole.
    Whole,
    /// It is kept open, and there is none yet.
    Nothing,
    /// It is kept open.
    Body {
        /// Nothing, once it was read to its end.
        body: Option<BodyStream>,
        chunk_timeout: Duration,
    },
}

impl Opened {
    /// What the flow ended with, and the rest of its body.
    pub(crate) fn into_download(self, answer: Streamed, timer: Arc<dyn Timer>) -> Download {
        let (body, chunk_timeout) = match self {
            Self::Body {
                body,
                chunk_timeout,
            } => (body, chunk_timeout),
            // A flow that sent its request for a whole answer.
            Self::Whole | Self::Nothing => (None, Duration::ZERO),
        };
        Download::new(answer, body, chunk_timeout, timer)
    }

    /// Gives up what was opened before: the flow has left it.
    fn close(&mut self) {
        if matches!(self, Self::Body { .. }) {
            *self = Self::Nothing;
        }
    }

    /// The beginning of the body, or all of it, unless it falls silent or its time is over.
    async fn read<R>(
        &mut self,
        at_least: usize,
        timer: &R,
        timeout: Duration,
    ) -> Result<Body, SendFailure>
    where
        R: Timer + ?Sized,
    {
        let Self::Body {
            body: open,
            chunk_timeout,
        } = self
        else {
            // Another loop had it.
            return Err(SendFailure::new(SendFailureKind::CutShort));
        };
        let until = timer.now().monotonic().saturating_add(timeout);
        let mut read = SecretBuffer::new();
        loop {
            let left = until.saturating_sub(timer.now().monotonic());
            let next = match open {
                // A body that is never waited for arms no alarm: one that blocks, or always has more at hand.
                Some(_) if left.is_zero() => return timed_out(),
                Some(body) => in_time(body.next(), timer, left.min(*chunk_timeout))
                    .await
                    .map_or_else(timed_out, Option::transpose)?,
                None => None,
            };
            let Some(piece) = next else {
                *open = None;
                return Ok(read.into());
            };
            if read.is_empty() && piece.len() >= at_least {
                return Ok(piece.into());
            }
            read.push(&piece);
            if read.len() >= at_least {
                return Ok(read.into());
            }
        }
    }
}

/// The one loop.
pub(crate) async fn run<F, T, S, R>(
    flow: &mut F,
    transport: &T,
    tokens: &S,
    timer: &R,
    opened: &mut Opened,
) -> F::Outcome
where
    F: Flow + ?Sized,
    T: Transport + ?Sized,
    S: TokenSource + ?Sized,
    R: Timer + ?Sized,
{
    let mut attempts = Attempts::default();
    // A reading serves the input that came and the poll that follows at once: reading clocks is a
    // good part of what a call costs here.
    let mut now = timer.now();
    loop {
        match flow.poll(now) {
            Step::Open {
                id,
                request,
                timeout,
                chunk_timeout,
            } if !matches!(opened, Opened::Whole) => {
                opened.close();
                let answer = transport.open(request, timeout);
                let outcome = sent(answer, transport, timer, timeout).await;
                attempts.ended(&outcome);
                now = timer.now();
                let input = match outcome {
                    Ok(answer) => {
                        let (head, body) = answer.into_parts();
                        *opened = Opened::Body {
                            body: Some(body),
                            chunk_timeout,
                        };
                        Input::Head { id, head }
                    }
                    Err(failure) => Input::SendFailed { id, failure },
                };
                flow.handle(input, now);
            }
            Step::Send {
                id,
                request,
                timeout,
            }
            | Step::Open {
                id,
                request,
                timeout,
                ..
            } => {
                let answer = transport.send(request, timeout);
                let outcome = sent(answer, transport, timer, timeout).await;
                attempts.ended(&outcome);
                now = timer.now();
                flow.handle(Input::sent(id, outcome), now);
            }
            Step::Read {
                id,
                at_least,
                timeout,
            } => {
                let read = opened.read(at_least, timer, timeout).await;
                now = timer.now();
                flow.handle(Input::read(id, read), now);
            }
            Step::NeedToken {
                key,
                rejected,
                timeout,
            } => {
                opened.close();
                let (purpose, renewal) = (key.purpose().name(), rejected.is_some());
                tracing::trace!(target: TOKEN, purpose, renewal, "wanted");
                let token = in_time(tokens.token(&key, rejected), timer, timeout).await;
                now = timer.now();
                // Without one the flow finds by itself that its time is over.
                if let Some(token) = token {
                    flow.handle(Input::Token(token), now);
                }
            }
            Step::WaitUntil(moment) => {
                opened.close();
                let wait = moment.saturating_sub(now.monotonic());
                attempts.wait(wait);
                timer.sleep(wait).await;
                now = timer.now();
            }
            Step::Done(outcome) => return outcome,
        }
    }
}

/// How sending a request ended, in time.
async fn sent<B, F, T, R>(
    answer: F,
    transport: &T,
    timer: &R,
    timeout: Duration,
) -> Result<http::Response<B>, SendFailure>
where
    F: Future<Output = Result<http::Response<B>, SendFailure>> + Unpin,
    T: Transport + ?Sized,
    R: Timer + ?Sized,
{
    // Two alarms for one call would be a good part of what it costs.
    if transport.keeps_time() {
        return answer.await;
    }
    let outcome = in_time(answer, timer, timeout).await;
    outcome.unwrap_or_else(timed_out)
}

fn timed_out<T>() -> Result<T, SendFailure> {
    Err(SendFailure::new(SendFailureKind::TimedOut))
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
        let alarm = alarm.get_or_insert_with(|| timer.alarm(timeout));
        alarm.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Carries a flow to its end on this thread, with a closure that sends one request and waits for its
/// answer, for at most the time it is given.
///
/// A flow that needs tokens is wrapped in [`SelfServed`](humanapi_core::flow::SelfServed) first. An answer that could be
/// handed over as it arrives is read whole: its [`Streamed`] then gives it as
/// [one body](Streamed::into_body).
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
    let mut attempts = Attempts::default();
    loop {
        let now = now();
        match flow.poll(now) {
            Step::Send {
                id,
                request,
                timeout,
            }
            | Step::Open {
                id,
                request,
                timeout,
                ..
            } => {
                let outcome = send(request, timeout);
                attempts.ended(&outcome);
                flow.handle(Input::sent(id, outcome), self::now());
            }
            Step::Read { id, .. } => {
                // Another loop had the body.
                let failure = SendFailure::new(SendFailureKind::CutShort);
                flow.handle(Input::SendFailed { id, failure }, now);
            }
            Step::NeedToken { .. } => {
                let error = Arc::new(FlowError::from(BuildError::NoTokenSource));
                flow.handle(Input::Token(Err(error)), now);
            }
            Step::WaitUntil(moment) => {
                let wait = moment.saturating_sub(now.monotonic());
                attempts.wait(wait);
                std::thread::sleep(wait);
            }
            Step::Done(outcome) => {
                attempts.over();
                return outcome;
            }
        }
    }
}

/// Both clocks, the monotonic one from the first use in this process.
fn now() -> Now {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = ORIGIN.get_or_init(Instant::now);
    Now::new(origin.elapsed(), SystemTime::now())
}
