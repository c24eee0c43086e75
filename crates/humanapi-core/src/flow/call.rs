//! One operation with retry.

use std::fmt;
use std::time::Duration;

use http::header::AUTHORIZATION;

use crate::answer;
use crate::bearer::Bearer;
use crate::body::Body;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, FlowError, SendFailure, SendFailureKind};
use crate::flow::{Flow, Input, RequestId, Step};
use crate::hosts::Hosts;
use crate::message::{Head, Request, Response};
use crate::now::Now;
use crate::retry::{Backoff, Replay, RetryPolicy};
use crate::rules::Purpose;

/// One operation, repeated as its policy and its [`Replay`] allow.
///
/// * A request that never left is repeated whatever the operation does.
/// * An attempt whose outcome is unknown, a throttled one, one on which the service failed and one that
///   [something in between](crate::IntermediaryError) answered are repeated only where the operation is
///   [safe](Replay::Safe) to repeat.
/// * Any other answer is final.
///
/// All of it holds up to the head of an answer that is [handed over as it arrives](Endpoint::streams). What follows a
/// success's head is never asked for again.
pub struct Call<E: Endpoint> {
    endpoint: E,
    hosts: Hosts,
    policy: RetryPolicy,
    backoff: Backoff,
    authorization: Option<Bearer>,
    /// The request of the first attempt, where it was built before a token was asked for.
    // Boxed, so that calls without a token are no larger for it.
    built: Option<Box<Request>>,
    /// When it was first polled: the overall deadline counts from here.
    started: Option<Now>,
    attempts: u32,
    /// How many another call of the same flow made before.
    attempts_before: u32,
    /// How the last attempt ended, while another is to follow.
    last: Option<FlowError>,
    next_id: RequestId,
    state: State<E::Output>,
}

enum State<T> {
    /// An attempt may be made from this moment on.
    Ready { not_before: Duration },
    /// A request is out.
    InFlight {
        id: RequestId,
        sent_at: Now,
        until: Duration,
    },
    /// The head of an answer is here, and its body has to be looked at.
    Judging {
        id: RequestId,
        sent_at: Now,
        until: Duration,
        // Boxed, so that calls whose answers come whole are no larger for it.
        head: Box<Head>,
        /// How many bytes of the body are needed, until the driver was told.
        at_least: Option<usize>,
    },
    /// It is over, and the outcome waits to be taken.
    Over(Option<Result<T, FlowError>>),
}

impl<E: Endpoint> Call<E> {
    /// An operation whose request carries its own credentials. Any other ends at once, with
    /// [`BuildError::WrongAuthorization`]: it is one for [`Authorized`](super::Authorized).
    #[must_use]
    pub fn new(endpoint: E, hosts: Hosts, policy: RetryPolicy) -> Self {
        Self::with_token_for(None, endpoint, hosts, policy)
    }

    /// An operation that is sent with a token for this purpose, or with none. It ends at once if that is not what
    /// authorizes it, and an operation with a token also if its request cannot be built: no token is asked for in vain.
    pub(super) fn with_token_for(
        purpose: Option<Purpose>,
        endpoint: E,
        hosts: Hosts,
        policy: RetryPolicy,
    ) -> Self {
        let built = if endpoint.authorization().purpose() != purpose {
            Err(wrong_authorization(&endpoint, purpose))
        } else if purpose.is_some() {
            build(&endpoint, &hosts).map(|request| Some(Box::new(request)))
        } else {
            Ok(None)
        };
        let (built, state) = match built {
            Ok(built) => {
                let not_before = Duration::ZERO;
                (built, State::Ready { not_before })
            }
            Err(error) => (None, State::Over(Some(Err(error.into())))),
        };
        Self {
            endpoint,
            hosts,
            backoff: Backoff::new(&policy),
            policy,
            authorization: None,
            built,
            started: None,
            attempts: 0,
            attempts_before: 0,
            last: None,
            next_id: RequestId::FIRST,
            state,
        }
    }

    /// How many attempts were made so far.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether it ended before anything was sent.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.state, State::Over(_)) && self.attempts == 0
    }

    /// The operation.
    #[must_use]
    pub const fn endpoint(&self) -> &E {
        &self.endpoint
    }

    /// Goes on with ids, time and count where another call of the same flow left off.
    pub(super) fn continuing<O: Endpoint>(mut self, other: &Call<O>) -> Self {
        self.next_id = other.next_id;
        self.started = other.started;
        self.attempts_before = other.attempts_before.saturating_add(other.attempts);
        self
    }

    /// Sets the token of all further attempts.
    pub(super) fn authorize(&mut self, bearer: Bearer) {
        self.authorization = Some(bearer);
    }

    /// The token of the attempts.
    pub(super) const fn authorization(&self) -> Option<&Bearer> {
        self.authorization.as_ref()
    }

    /// Makes ready for one more attempt after `answer`, which was final.
    pub(super) fn reopen(&mut self, answer: FlowError) {
        self.last = Some(answer);
        self.state = State::Ready {
            not_before: Duration::ZERO,
        };
    }

    /// When no further attempt may begin.
    pub(super) fn deadline(&mut self, now: Now) -> Duration {
        let started = self.started.get_or_insert(now);
        (started.monotonic()).saturating_add(self.policy.overall_deadline())
    }

    /// Whether what must not be repeated would leave when nobody reckons with it any more: the machine may have been
    /// suspended since the call began, which the monotonic clock need not show.
    fn is_late(&self, now: Now) -> bool {
        let passed = self.started.map(|started| now.since(started));
        self.endpoint.replay() == Replay::OnlyIfNotSent
            && passed.is_some_and(|passed| passed >= self.policy.overall_deadline())
    }

    /// Ends by the overall deadline.
    pub(super) fn out_of_time(&self, last: Option<FlowError>) -> FlowError {
        FlowError::OutOfTime {
            attempts: self.attempts_before.saturating_add(self.attempts),
            last: last.map(Box::new),
        }
    }

    fn send(&mut self, now: Now, deadline: Duration) -> Step<Result<E::Output, FlowError>> {
        let last = self.last.take();
        if now.monotonic() >= deadline || self.is_late(now) {
            let error = self.out_of_time(last);
            return self.end(Err(error));
        }
        let request = match self.built.take() {
            Some(built) => Ok(*built),
            None => build(&self.endpoint, &self.hosts),
        };
        let mut request = match request {
            Ok(request) => request,
            Err(error) => return self.end(Err(error.into())),
        };
        if let Some(bearer) = &self.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, bearer.authorization().clone());
        }
        let timeout = self
            .policy
            .attempt_timeout()
            .min(deadline.saturating_sub(now.monotonic()));
        let id = self.next_id;
        self.next_id = id.next();
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::InFlight {
            id,
            sent_at: now,
            until: now.monotonic().saturating_add(timeout),
        };
        if self.endpoint.streams() {
            return Step::Open {
                id,
                request,
                timeout,
                chunk_timeout: self.policy.chunk_timeout(),
            };
        }
        Step::Send {
            id,
            request,
            timeout,
        }
    }

    /// What to do while an answer is on its way.
    fn wait_or_read(&mut self, until: Duration, now: Now) -> Step<Result<E::Output, FlowError>> {
        match &mut self.state {
            State::Judging {
                id,
                at_least: at_least @ Some(_),
                ..
            } => Step::Read {
                id: *id,
                at_least: at_least.take().unwrap_or_default(),
                timeout: until.saturating_sub(now.monotonic()),
            },
            _ => Step::WaitUntil(until),
        }
    }

    /// Takes the head of an answer, and judges it at once if its body is not needed for that.
    fn begin(&mut self, id: RequestId, head: Head, now: Now) {
        let State::InFlight { sent_at, until, .. } = self.state else {
            return;
        };
        let (at_least, until) = if head.status.is_success() {
            // What was asked for is on its way, however slowly. The driver ends it where it falls silent.
            (self.endpoint.peek(&head), self.deadline(now))
        } else {
            (answer::REFUSAL_READ, until)
        };
        if at_least == 0 {
            self.judge(Response::from_parts(head, Body::empty()), sent_at, now);
            return;
        }
        self.state = State::Judging {
            id,
            sent_at,
            until,
            head: Box::new(head),
            at_least: Some(at_least),
        };
    }

    /// Takes what was asked for of the body.
    fn go_on(&mut self, body: Body, now: Now) {
        match std::mem::replace(&mut self.state, State::Over(None)) {
            State::Judging { sent_at, head, .. } => {
                self.judge(Response::from_parts(*head, body), sent_at, now);
            }
            other => self.state = other,
        }
    }

    fn judge(&mut self, response: Response, sent_at: Now, now: Now) {
        match self.endpoint.parse(response, sent_at) {
            Ok(output) => self.state = State::Over(Some(Ok(output))),
            Err(error) => self.settle(error.into(), now),
        }
    }

    fn end(&mut self, outcome: Result<E::Output, FlowError>) -> Step<Result<E::Output, FlowError>> {
        self.state = State::Over(None);
        Step::Done(outcome)
    }

    /// Decides what follows an attempt that brought no outcome.
    fn settle(&mut self, error: FlowError, now: Now) {
        let replay = self.endpoint.replay();
        let repeat = match &error {
            FlowError::Send(failure) => may_repeat(failure, replay),
            // A newer token may help against a 401, and the same one does not: whoever has tokens decides.
            FlowError::Response(error)
                if self.authorization.is_some() && error.is_unauthorized() =>
            {
                false
            }
            FlowError::Response(error) => error.is_transient() && replay == Replay::Safe,
            _ => false,
        };
        if !repeat {
            self.state = State::Over(Some(Err(error)));
            return;
        }
        if self.attempts >= self.policy.max_attempts() {
            self.state = State::Over(Some(Err(exhausted(error, self.attempts))));
            return;
        }
        let asked = match &error {
            FlowError::Response(error) => error.retry_after(),
            _ => None,
        };
        // On top of what the service asks for: it asks all whom it turns away for the same.
        let wait = self
            .backoff
            .wait(&self.policy, self.attempts)
            .saturating_add(asked.map_or(Duration::ZERO, |asked| asked.wait(now)));
        let not_before = now.monotonic().saturating_add(wait);
        self.state = if not_before >= self.deadline(now) {
            State::Over(Some(Err(self.out_of_time(Some(error)))))
        } else {
            self.last = Some(error);
            State::Ready { not_before }
        };
    }
}

impl<E: Endpoint> fmt::Debug for Call<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("endpoint", &self.endpoint.name())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

fn build<E: Endpoint>(endpoint: &E, hosts: &Hosts) -> Result<Request, BuildError> {
    let request = endpoint.request(hosts)?;
    // An endpoint of anybody's making may have built it, and HTTP stacks differ about odd addresses.
    hosts.check_target(request.uri())?;
    Ok(request)
}

/// Says that the operation is not to be sent with a token for this purpose, or without one.
pub(super) fn wrong_authorization<E: Endpoint>(endpoint: &E, given: Option<Purpose>) -> BuildError {
    BuildError::WrongAuthorization {
        endpoint: endpoint.name(),
        wants: endpoint.authorization(),
        given,
    }
}

const fn may_repeat(failure: &SendFailure, replay: Replay) -> bool {
    match failure.kind() {
        SendFailureKind::NotSent => true,
        kind => kind.is_transient() && matches!(replay, Replay::Safe),
    }
}

/// One attempt that failed is told as it is; several say so.
fn exhausted(error: FlowError, attempts: u32) -> FlowError {
    if attempts <= 1 {
        return error;
    }
    FlowError::Exhausted {
        attempts,
        last: Box::new(error),
    }
}

impl<E: Endpoint> Flow for Call<E> {
    type Outcome = Result<E::Output, FlowError>;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        let deadline = self.deadline(now);
        if let State::InFlight { until, .. } | State::Judging { until, .. } = self.state {
            if now.monotonic() < until {
                return self.wait_or_read(until, now);
            }
            self.settle(SendFailure::new(SendFailureKind::TimedOut).into(), now);
        }
        match &mut self.state {
            State::Ready { not_before } if now.monotonic() < *not_before => {
                Step::WaitUntil(*not_before)
            }
            State::Ready { .. } => self.send(now, deadline),
            State::InFlight { until, .. } | State::Judging { until, .. } => Step::WaitUntil(*until),
            State::Over(outcome) => {
                Step::Done(outcome.take().expect("a flow is not polled after its end"))
            }
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        match (input, &self.state) {
            (
                Input::Response { id, response },
                State::InFlight {
                    id: out, sent_at, ..
                },
            ) if id == *out => {
                let sent_at = *sent_at;
                self.judge(response, sent_at, now);
            }
            (Input::Head { id, head }, State::InFlight { id: out, .. })
                if id == *out && self.endpoint.streams() =>
            {
                self.begin(id, head, now);
            }
            (
                Input::Body { id, body },
                State::Judging {
                    id: out,
                    at_least: None,
                    ..
                },
            ) if id == *out => {
                self.go_on(body, now);
            }
            (
                Input::SendFailed { id, failure },
                State::InFlight { id: out, .. } | State::Judging { id: out, .. },
            ) if id == *out => self.settle(failure.into(), now),
            _ => {}
        }
    }
}
