//! One rate for all processes that share a store.

use std::fmt;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::{StoreError, StreamedResponse, Transport};
use humanapi_core::broker::Acquired;
use humanapi_core::{ClientId, Request, Response, SendFailure, SendFailureKind};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::backend::Backend;
use crate::rows::unreadable;
use crate::seal;
use crate::store::Store;

/// So much time is taken at once, however many wait; one request's time, where that is more.
const LONGEST: Duration = Duration::from_secs(1);
/// A store counts whole milliseconds, so that a lease may end by one sooner than it was asked for.
const ROUNDED: Duration = Duration::from_millis(1);
/// So long it is left alone at least after it had nothing to give.
const PAUSE: Duration = Duration::from_millis(5);
/// And so long after it failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);

/// Where processes that share a rate take their shares of it: every [`Store`].
///
/// A share is a slice of time. Whoever has it sends at the whole rate meanwhile, and nobody else sends, so that the sum is
/// never above the rate, however many there are.
#[async_trait]
pub trait RateShares: Send + Sync {
    /// Takes the time from now on for an application, for so long; or says how long another has it.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    async fn take(&self, application: &ClientId, length: Duration) -> Result<Share, StoreError>;
}

/// What came of asking for a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "who takes a third for one of these sends too much, or nothing"
)]
pub enum Share {
    /// It is ours, by the store's clock for as long as was asked.
    Taken,
    /// Another has it for so long yet.
    Held {
        /// For so long, at most.
        remaining: Duration,
    },
}

#[async_trait]
impl<B: Backend> RateShares for Store<B> {
    async fn take(&self, application: &ClientId, length: Duration) -> Result<Share, StoreError> {
        let name = seal::rate_name(&self.keys, application);
        // A lease like that of a token's row, on a row that never has a token. It ends by itself, whatever becomes of us.
        let acquired = self.on_rows(self.backend.acquire(&name, length, None));
        match acquired.await? {
            Acquired::Won(_) => Ok(Share::Taken),
            Acquired::Held { remaining } => Ok(Share::Held { remaining }),
            Acquired::Newer(_) => Err(unreadable()),
        }
    }
}

/// A transport that begins requests at a rate which it shares with all processes that use the same store, for the same
/// application.
///
/// All of them are to be given the same rate. Each takes as much time at once as those need who wait in it, at most a second
/// or the time of one request where that is longer, and twice what the store takes to answer: for so long a process that is
/// killed keeps the others waiting. While the store does not answer, nothing is sent.
///
/// A request waits for its turn within its own time, and one whose turn never came is reported as never sent. Put
/// [`Limited`](humanapi_client::Limited) around it, which lets no more requests wait here than the service bears.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use humanapi_store::core::ClientId;
/// use humanapi_store::client::Transport;
/// use humanapi_store::{Backend, SharedRate, Store};
///
/// # fn shared<T: Transport, B: Backend + 'static>(transport: T, store: Store<B>) -> Result<(), Box<dyn std::error::Error>> {
/// let transport = SharedRate::new(transport, Arc::new(store), ClientId::new("my-app")?, 50.0);
/// # Ok(())
/// # }
/// ```
pub struct SharedRate<T> {
    transport: T,
    shares: Arc<dyn RateShares>,
    application: ClientId,
    spacing: Duration,
    exchange: Duration,
    waiting: AtomicUsize,
    state: Mutex<State>,
}

/// What is left of our share. Who has the lock is whose turn is next.
#[derive(Default)]
struct State {
    /// No request begins before.
    next: Option<Instant>,
    /// Another's share may begin then.
    until: Option<Instant>,
    /// How long the store took to answer.
    answered_in: Duration,
}

impl<T> SharedRate<T> {
    /// Shares so many requests a second. It is told by the time between two of them, so a fraction is possible: a tenth is
    /// one in ten seconds. What is no number above zero holds everything back.
    #[must_use]
    pub fn new(
        transport: T,
        shares: Arc<dyn RateShares>,
        application: ClientId,
        requests_per_second: f64,
    ) -> Self {
        let spacing = Duration::try_from_secs_f64(requests_per_second.recip());
        Self {
            transport,
            shares,
            application,
            spacing: spacing.unwrap_or(Duration::MAX),
            exchange: Duration::MAX,
            waiting: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    /// Sets how long an exchange may take at most once its turn has come: the time of a call can then be as long as turns
    /// take to come.
    #[must_use]
    pub const fn with_exchange_timeout(mut self, timeout: Duration) -> Self {
        self.exchange = timeout;
        self
    }

    /// Waits for the turn of one request, and says how much time it has left.
    async fn turn(&self, timeout: Duration) -> Result<Duration, SendFailure> {
        let not_sent =
            |why: &str| SendFailure::new(SendFailureKind::NotSent).with_source(why.to_owned());
        let (begun, begun_at) = (Instant::now(), SystemTime::now());
        let _waits = Waits::new(&self.waiting);
        let mut failure = None;
        let turn = async {
            if self.spacing == Duration::MAX {
                // Nor is time taken from others, for ever.
                future::pending::<()>().await;
            }
            let mut state = self.state.lock().await;
            while !state.turn(self.spacing).await {
                if let Err(error) = self.take(&mut state).await {
                    failure = Some(error);
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        };
        let in_time = match begun.checked_add(timeout) {
            Some(until) => timeout_at(until, turn).await.is_ok(),
            None => {
                turn.await;
                true
            }
        };
        // A machine that was suspended meanwhile sends nothing late: the wall clock tells.
        let passed = begun.elapsed().max(begun_at.elapsed().unwrap_or_default());
        let left = timeout.saturating_sub(passed);
        match (in_time && !left.is_zero(), failure) {
            (true, _) => Ok(left.min(self.exchange)),
            (false, None) => Err(not_sent(
                "the turn in the rate that processes share did not come in time",
            )),
            (false, Some(error)) => Err(not_sent(
                "the store that the rate is shared through does not answer",
            )
            .with_source(error)),
        }
    }

    /// Asks for a share as long as those need who wait.
    async fn take(&self, state: &mut State) -> Result<(), StoreError> {
        let most = LONGEST.max(self.spacing);
        let waiting = u32::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let length = self.spacing.saturating_mul(waiting.max(1)).min(most);
        // What the answer takes is lost, because the share begins while it is on its way.
        let length = length.saturating_add(2 * state.answered_in.min(LONGEST) + 2 * ROUNDED);
        let asked = Instant::now();
        match self.shares.take(&self.application, length).await? {
            Share::Taken => {
                state.answered_in = asked.elapsed();
                state.next = Some(Instant::now());
                state.until = asked.checked_add(length - ROUNDED);
            }
            Share::Held { remaining } => {
                // Nobody takes more than we would: what a row says beyond that is no reason to wait.
                sleep(remaining.min(most.saturating_mul(2)).max(PAUSE)).await;
            }
        }
        Ok(())
    }
}

impl<T: Transport> SharedRate<T> {
    /// An exchange that ends in time, whether or not the transport sees to it.
    async fn in_time<A>(
        &self,
        exchange: impl Future<Output = Result<A, SendFailure>> + Send,
        left: Duration,
    ) -> Result<A, SendFailure> {
        if self.transport.keeps_time() {
            return exchange.await;
        }
        let ended = timeout(left, exchange).await;
        ended.unwrap_or_else(|_| Err(SendFailure::new(SendFailureKind::TimedOut)))
    }
}

impl State {
    /// Waits for the next turn in our share; tells whether there is one left.
    async fn turn(&mut self, spacing: Duration) -> bool {
        let (Some(next), Some(until)) = (self.next, self.until) else {
            return false;
        };
        // The last one leaves a whole spacing to whoever comes after us.
        let is_ours = |at: Instant| at.checked_add(spacing).is_some_and(|after| after <= until);
        if !is_ours(next) {
            return false;
        }
        sleep_until(next).await;
        let now = Instant::now();
        if !is_ours(now) {
            return false;
        }
        self.next = now.checked_add(spacing);
        true
    }
}

/// One who waits, as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl<T: Transport> Transport for SharedRate<T> {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let left = self.turn(timeout).await?;
        self.in_time(self.transport.send(request, left), left).await
    }

    fn keeps_time(&self) -> bool {
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let left = self.turn(timeout).await?;
        self.in_time(self.transport.open(request, left), left).await
    }
}

impl<T> fmt::Debug for SharedRate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRate")
            .field("spacing", &self.spacing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use humanapi_client::StoreErrorKind;

    use super::*;
    use crate::keys::SealingKeys;
    use crate::memory::Memory;

    /// A service that notes when requests come.
    #[derive(Clone, Default)]
    struct Service(Arc<StdMutex<Vec<Instant>>>);

    #[async_trait]
    impl Transport for Service {
        async fn send(&self, _: Request, timeout: Duration) -> Result<Response, SendFailure> {
            assert!(timeout <= Duration::from_secs(10), "{timeout:?}");
            self.0.lock().unwrap().push(Instant::now());
            Err(SendFailure::new(SendFailureKind::TimedOut))
        }
    }

    fn store() -> Arc<dyn RateShares> {
        let begun = Instant::now();
        let memory = Memory::with_clock(move || 1_000_000 + begun.elapsed().as_millis() as u64);
        Arc::new(Store::new(memory, SealingKeys::generate("first").unwrap()))
    }

    fn process(
        service: &Service,
        shares: &Arc<dyn RateShares>,
        rate: f64,
    ) -> Arc<SharedRate<Service>> {
        let application = ClientId::new("my-app").unwrap();
        let limited = SharedRate::new(service.clone(), Arc::clone(shares), application, rate);
        Arc::new(limited.with_exchange_timeout(Duration::from_secs(10)))
    }

    fn request() -> Request {
        humanapi_core::http::Request::get("http://localhost/")
            .body(humanapi_core::Body::default())
            .unwrap()
    }

    /// So many processes of so many requests each, at a rate: when each request came, since the first.
    async fn at(rate: f64, processes: usize, requests: usize) -> Vec<Duration> {
        let (service, store) = (Service::default(), store());
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..processes {
            let process = process(&service, &store, rate);
            for _ in 0..requests {
                let process = Arc::clone(&process);
                all.spawn(async move { process.send(request(), Duration::from_secs(3600)).await });
            }
        }
        all.join_all().await;
        let came = service.0.lock().unwrap();
        came.iter().map(|at| *at - came[0]).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_share_a_rate_no_two_requests_are_closer_than_it_says() {
        for (rate, processes, requests) in [
            (50.0, 1, 40),
            (50.0, 7, 20),
            (1_000.0, 3, 200),
            (0.5, 4, 2),
            (3.0, 9, 5),
        ] {
            let came = at(rate, processes, requests).await;
            assert_eq!(came.len(), processes * requests);
            let spacing = Duration::from_secs_f64(1.0 / rate);
            for pair in came.windows(2) {
                assert!(pair[1] - pair[0] >= spacing, "{rate}: {pair:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn little_of_the_rate_is_lost_between_those_who_share_it() {
        let came = at(50.0, 5, 40).await;
        let whole = Duration::from_secs_f64(came.len() as f64 / 50.0);
        assert!(came[came.len() - 1] < whole * 5 / 4, "{:?}", came.last());
    }

    #[tokio::test(start_paused = true)]
    async fn who_dies_with_a_share_keeps_the_others_waiting_until_it_ends_and_no_longer() {
        let (service, shares) = (Service::default(), store());
        let application = ClientId::new("my-app").unwrap();
        shares.take(&application, LONGEST).await.unwrap();
        let begun = Instant::now();
        let sent = process(&service, &shares, 50.0)
            .send(request(), Duration::from_secs(10))
            .await;
        assert_eq!(sent.unwrap_err().kind(), SendFailureKind::TimedOut);
        assert!((LONGEST..LONGEST * 2).contains(&begun.elapsed()));
        // Another application has a rate of its own.
        let other = shares
            .take(&ClientId::new("other").unwrap(), LONGEST)
            .await
            .unwrap();
        assert_eq!(other, Share::Taken);
    }

    /// A store that does not answer.
    struct Gone;

    #[async_trait]
    impl RateShares for Gone {
        async fn take(&self, _: &ClientId, _: Duration) -> Result<Share, StoreError> {
            Err(StoreError::new(StoreErrorKind::Unavailable, "it is gone"))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_its_store_nothing_is_sent_and_a_call_says_so_in_its_time() {
        let service = Service::default();
        let gone: Arc<dyn RateShares> = Arc::new(Gone);
        let sent = process(&service, &gone, 50.0)
            .send(request(), Duration::from_secs(5))
            .await;
        let failure = sent.unwrap_err();
        assert_eq!(failure.kind(), SendFailureKind::NotSent);
        assert!(service.0.lock().unwrap().is_empty());
        // No rate at all lets nothing out either.
        let none = process(&service, &store(), 0.0)
            .send(request(), Duration::from_secs(5))
            .await;
        assert_eq!(none.unwrap_err().kind(), SendFailureKind::NotSent);
    }
}
