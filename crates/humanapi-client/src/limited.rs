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
use http::StatusCode;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use humanapi_core::limiter::{Admission, Limiter, LimiterPolicy, Permit, Ticket, Verdict};
use humanapi_core::{Now, Request, Response, RetryAfter, SendFailure, SendFailureKind};

use crate::drive::in_time;
use crate::driven::Driven;
use crate::runtime::{Runtime, Task};
use crate::transport::{StreamedResponse, Transport};

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
/// as may be out at once, and not all of a million.
///
/// A request is out until its answer is here, whoever takes it and when: it has a task of its own, so that a future that
/// waits while its caller is busy with another keeps nobody waiting. Of an answer that is
/// [handed over as it arrives](Transport::open) the head counts: its body may wait for its reader, so how many of those
/// are read at once is for their reader to bound. Dropping a call's future ends its request, and the place or the turn that
/// it had. On a runtime that runs no tasks, callers poll their requests by themselves, and one that does not is out
/// until it does.
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
pub struct Limited<T> {
    shared: Arc<Shared<T>>,
}

/// What the tasks of all requests share.
struct Shared<T> {
    transport: T,
    runtime: Arc<dyn Runtime>,
    policy: LimiterPolicy,
    hosts: Mutex<BTreeMap<Box<str>, Arc<Host>>>,
}

impl<T> Limited<T> {
    /// Limits a transport, each host by itself.
    #[must_use]
    pub fn new(transport: T, runtime: impl Runtime + 'static, policy: LimiterPolicy) -> Self {
        Self {
            shared: Arc::new(Shared {
                transport,
                runtime: Arc::new(runtime),
                policy,
                hosts: Mutex::default(),
            }),
        }
    }

    /// How many requests may be out to a host at once now, such as `api.humanapi.co`; nothing if none was sent
    /// there yet.
    #[must_use]
    pub fn limit(&self, host: &str) -> Option<u32> {
        let hosts = lock(&self.shared.hosts);
        hosts
            .get(host)
            .map(|host| lock(&host.state).limiter.limit())
    }
}

impl<T> Clone for Limited<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Shared<T> {
    /// Takes the request's place among those who wait.
    fn enter(&self, request: &Request, timeout: Duration) -> Entry {
        Entry {
            place: Waiting::new(self.host(request), key(request)),
            since: self.runtime.now(),
            timeout,
        }
    }

    fn host(&self, request: &Request) -> Arc<Host> {
        let name = request.uri().authority().map_or("", |name| name.as_str());
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        let host = Arc::new(Host {
            runtime: Arc::clone(&self.runtime),
            state: Mutex::new(State {
                limiter: Limiter::new(self.policy.clone()),
                waiting: BTreeMap::new(),
            }),
        });
        hosts.insert(name.into(), Arc::clone(&host));
        host
    }

    /// Waits for the request's turn.
    async fn admitted(&self, entry: Entry) -> Result<Admitted, SendFailure> {
        let Entry {
            place,
            since,
            timeout,
        } = entry;
        // A machine that was suspended meanwhile sends nothing late either: what must not be repeated may count as not there.
        let left = || timeout.saturating_sub(self.runtime.now().since(since));
        let out = in_time(place, &*self.runtime, left()).await;
        let left = left();
        let out = out.filter(|_| !left.is_zero()).ok_or_else(|| {
            let why = "too many requests are out to this host, and its turn did not come in time";
            SendFailure::new(SendFailureKind::NotSent).with_source(why)
        })?;
        Ok(Admitted {
            out,
            left,
            tells: left >= timeout / 2,
        })
    }

    /// The answer to a request that is out, in time.
    async fn answer<A>(
        &self,
        answer: impl Future<Output = Result<http::Response<A>, SendFailure>> + Unpin,
        mut admitted: Admitted,
    ) -> Result<http::Response<A>, SendFailure>
    where
        T: Transport,
    {
        let answer = if self.transport.keeps_time() {
            answer.await
        } else {
            let answer = in_time(answer, &*self.runtime, admitted.left).await;
            answer.unwrap_or_else(|| Err(SendFailure::new(SendFailureKind::TimedOut)))
        };
        admitted.out.verdict = match &answer {
            Ok(answer) => self.verdict(answer),
            Err(failure) if failure.kind() == SendFailureKind::TimedOut && admitted.tells => {
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
                    retry_after: retry_after.map(|after| after.wait(self.runtime.now())),
                }
            }
            _ => Verdict::Borne,
        }
    }
}

/// A request that waits for its turn since then, for so long at most.
struct Entry {
    place: Waiting,
    since: Now,
    timeout: Duration,
}

/// A request whose turn has come, and the time that it has left.
struct Admitted {
    out: Out,
    left: Duration,
    /// Whether a timeout tells of the service. One that waited for its turn so long that hardly any time was left says
    /// nothing.
    tells: bool,
}

#[async_trait]
impl<T: Transport + 'static> Transport for Limited<T> {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let shared = Arc::clone(&self.shared);
        let entry = shared.enter(&request, timeout);
        let exchange = async move {
            let admitted = shared.admitted(entry).await?;
            let answer = shared.transport.send(request, admitted.left);
            shared.answer(answer, admitted).await
        };
        Driven::new(exchange, &*self.shared.runtime).await?
    }

    fn keeps_time(&self) -> bool {
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let shared = Arc::clone(&self.shared);
        let entry = shared.enter(&request, timeout);
        let exchange = async move {
            let admitted = shared.admitted(entry).await?;
            let answer = shared.transport.open(request, admitted.left);
            shared.answer(answer, admitted).await
        };
        Driven::new(exchange, &*self.shared.runtime).await?
    }
}

impl<T> fmt::Debug for Limited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("policy", &self.shared.policy)
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
    runtime: Arc<dyn Runtime>,
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
            match state.limiter.next(self.runtime.now()) {
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
        state.limiter.end(permit, verdict, self.runtime.now());
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
    alarm: Option<Task<'static>>,
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
            let alarm = self.alarm.get_or_insert_with(|| {
                let now = host.runtime.now().monotonic();
                host.runtime.sleep(until.saturating_sub(now))
            });
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here is left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
