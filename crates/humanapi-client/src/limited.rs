//! A transport that lets as many requests out at once as the service bears.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::StatusCode;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use humanapi_core::limiter::{Admission, Limiter, LimiterPolicy, Permit, Ticket, Verdict};
use humanapi_core::{Request, Response, RetryAfter, SendFailure, SendFailureKind};

use crate::drive::in_time;
use crate::runtime::Timer;
use crate::transport::{BodyStream, StreamedResponse, Transport};

/// A transport that lets as many requests out at once as each host bears.
///
/// For reading many users at once: begin as many calls as you like to keep going, and this spreads them
/// over what the service takes. It begins with few, sends more while all goes well, halves the number
/// when the service says that it is too much (429, 503) or times out, and holds back everybody for the
/// time of a `Retry-After`; see [`Limiter`]. Users take turns, so that one with thousands of pages does
/// not keep the others waiting. Share one between all clients of a process.
///
/// A call waits for its turn within its own time: its attempt's timeout counts from when it was handed to the
/// transport, and a request whose turn never came is reported as never sent. So begin about as many calls
/// as may be out at once, and not all of a million. A request that is out stays so until its answer is taken: one that
/// is read ahead, and a download that nobody reads, keep others waiting. A loop over a stream that makes calls of its own
/// for each item does best with `read_ahead(0)`.
///
/// ```no_run
/// use humanapi_client::{Limited, TokioRuntime};
/// use humanapi_client::core::limiter::LimiterPolicy;
/// # fn limited<T: humanapi_client::Transport>(transport: T) {
///
/// let policy = LimiterPolicy::default().with_most(32);
/// let transport = Limited::new(transport, TokioRuntime::new(), policy);
/// # }
/// ```
#[derive(Clone)]
pub struct Limited<T> {
    transport: T,
    timer: Arc<dyn Timer>,
    policy: LimiterPolicy,
    hosts: Arc<Mutex<BTreeMap<Box<str>, Arc<Host>>>>,
}

impl<T> Limited<T> {
    /// Limits a transport, each host by itself.
    #[must_use]
    pub fn new(transport: T, timer: impl Timer + 'static, policy: LimiterPolicy) -> Self {
        Self {
            transport,
            timer: Arc::new(timer),
            policy,
            hosts: Arc::default(),
        }
    }

    /// How many requests may be out to a host at once now, such as `api.humanapi.co`; nothing if none was sent
    /// there yet.
    #[must_use]
    pub fn limit(&self, host: &str) -> Option<u32> {
        let hosts = lock(&self.hosts);
        hosts
            .get(host)
            .map(|host| lock(&host.state).limiter.limit())
    }

    fn host(&self, request: &Request) -> Arc<Host> {
        let name = request.uri().authority().map_or("", |name| name.as_str());
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        let host = Arc::new(Host {
            timer: Arc::clone(&self.timer),
            state: Mutex::new(State {
                limiter: Limiter::new(self.policy.clone()),
                waiting: BTreeMap::new(),
            }),
        });
        hosts.insert(name.into(), Arc::clone(&host));
        host
    }

    /// Waits for the request's turn. What is left of its time comes with it.
    async fn turn(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<(Out, Duration), SendFailure> {
        let began = self.timer.now().monotonic();
        let turn = Waiting::new(self.host(request), key(request));
        let out = in_time(turn, &*self.timer, timeout).await;
        let out = out.ok_or_else(|| {
            let why = "too many requests are out to this host, and its turn did not come in time";
            SendFailure::new(SendFailureKind::NotSent).caused_by(why)
        })?;
        let waited = self.timer.now().monotonic().saturating_sub(began);
        Ok((out, timeout.saturating_sub(waited)))
    }

    /// The answer to a request that is out, in time.
    async fn answer<A>(
        &self,
        answer: impl Future<Output = Result<http::Response<A>, SendFailure>> + Unpin,
        out: &mut Out,
        left: Duration,
        timeout: Duration,
    ) -> Result<http::Response<A>, SendFailure>
    where
        T: Transport,
    {
        let has_time = left >= timeout / 2;
        let answer = if self.transport.keeps_time() {
            answer.await
        } else {
            let answer = in_time(answer, &*self.timer, left).await;
            answer.unwrap_or_else(|| Err(SendFailure::new(SendFailureKind::TimedOut)))
        };
        out.verdict = match &answer {
            Ok(answer) => self.verdict(answer),
            // One that waited for its turn so long that hardly any time was left says nothing of the service.
            Err(failure) if failure.kind() == SendFailureKind::TimedOut && has_time => {
                Verdict::Overloaded { retry_after: None }
            }
            Err(_) => Verdict::Unknown,
        };
        answer
    }

    fn verdict<A>(&self, answer: &http::Response<A>) -> Verdict {
        match answer.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let retry_after = answer.headers().get(RETRY_AFTER);
                let retry_after = retry_after
                    .and_then(|after| after.to_str().ok())
                    .and_then(RetryAfter::parse);
                Verdict::Overloaded {
                    retry_after: retry_after.map(|after| after.wait(self.timer.now())),
                }
            }
            _ => Verdict::Borne,
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Limited<T> {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let (mut out, left) = self.turn(&request, timeout).await?;
        let answer = self.transport.send(request, left);
        self.answer(answer, &mut out, left, timeout).await
    }

    fn keeps_time(&self) -> bool {
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let (mut out, left) = self.turn(&request, timeout).await?;
        let answer = self.transport.open(request, left);
        let answer = self.answer(answer, &mut out, left, timeout).await?;
        // It is out until its last byte came.
        Ok(answer.map(|body| {
            BodyStream::new(Streaming {
                body,
                out: Some(out),
            })
        }))
    }
}

impl<T> fmt::Debug for Limited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Who a request is for: those who bear the same token wait under one key.
fn key(request: &Request) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.headers().get(AUTHORIZATION).hash(&mut hasher);
    hasher.finish()
}

/// One host, and who waits for it.
struct Host {
    timer: Arc<dyn Timer>,
    state: Mutex<State>,
}

struct State {
    limiter: Limiter,
    waiting: BTreeMap<Ticket, Place>,
}

enum Place {
    Waits(Option<Waker>),
    /// Its turn has come.
    Called(Permit),
}

impl Host {
    /// Calls everybody whose turn it is, to be woken once the lock is given back. If more could be called after a pause,
    /// says when it ends.
    fn call(&self, state: &mut State, called: &mut Vec<Waker>) -> Option<Duration> {
        loop {
            match state.limiter.next(self.timer.now()) {
                Admission::Granted(ticket, permit) => {
                    if let Some(place) = state.waiting.get_mut(&ticket)
                        && let Place::Waits(Some(waker)) =
                            mem::replace(place, Place::Called(permit))
                    {
                        called.push(waker);
                    }
                }
                Admission::Later(until) => return Some(until),
                Admission::Nobody => return None,
            }
        }
    }

    fn end(&self, permit: Permit, verdict: Verdict) {
        let mut called = Vec::new();
        let mut state = lock(&self.state);
        state.limiter.end(permit, verdict, self.timer.now());
        if self.call(&mut state, &mut called).is_some() {
            // Everybody watches a pause: whoever did so alone could be dropped.
            for place in state.waiting.values_mut() {
                if let Place::Waits(waker) = place {
                    called.extend(waker.take());
                }
            }
        }
        drop(state);
        called.into_iter().for_each(Waker::wake);
    }
}

/// One who waits. Dropping it gives up the place.
struct Waiting {
    host: Arc<Host>,
    key: u64,
    ticket: Ticket,
    alarm: Option<crate::runtime::Task<'static>>,
}

impl Waiting {
    fn new(host: Arc<Host>, key: u64) -> Self {
        let mut state = lock(&host.state);
        let ticket = state.limiter.wait(key);
        state.waiting.insert(ticket, Place::Waits(None));
        drop(state);
        Self {
            host,
            key,
            ticket,
            alarm: None,
        }
    }
}

impl Future for Waiting {
    type Output = Out;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Out> {
        loop {
            let host = Arc::clone(&self.host);
            let mut state = lock(&host.state);
            let mut called = Vec::new();
            let pause = host.call(&mut state, &mut called);
            match state.waiting.remove(&self.ticket) {
                Some(Place::Called(permit)) => {
                    let verdict = Verdict::Unknown;
                    drop(state);
                    called.into_iter().for_each(Waker::wake);
                    return Poll::Ready(Out {
                        host,
                        permit: Some(permit),
                        verdict,
                    });
                }
                _ => {
                    let place = Place::Waits(Some(cx.waker().clone()));
                    state.waiting.insert(self.ticket, place);
                }
            }
            drop(state);
            called.into_iter().for_each(Waker::wake);
            let Some(until) = pause else {
                self.alarm = None;
                return Poll::Pending;
            };
            let timer = Arc::clone(&host.timer);
            let alarm = self
                .alarm
                .get_or_insert_with(|| timer.sleep(until.saturating_sub(timer.now().monotonic())));
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.alarm = None;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = lock(&self.host.state);
        match state.waiting.remove(&self.ticket) {
            Some(Place::Called(permit)) => {
                drop(state);
                self.host.end(permit, Verdict::Unknown);
            }
            Some(Place::Waits(_)) => state.limiter.leave(self.key, self.ticket),
            None => {}
        }
    }
}

/// A request that is out. Dropping it ends that.
struct Out {
    host: Arc<Host>,
    permit: Option<Permit>,
    verdict: Verdict,
}

impl Drop for Out {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.host.end(permit, self.verdict);
        }
    }
}

/// A body that is out until it ends.
struct Streaming {
    body: BodyStream,
    out: Option<Out>,
}

impl Stream for Streaming {
    type Item = Result<Bytes, SendFailure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        if let Poll::Ready(None | Some(Err(_))) = next {
            self.out = None;
        }
        next
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here is left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
