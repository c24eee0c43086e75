//! One rate for all processes that share a store.

use std::fmt;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_client::{StoreError, StreamedResponse, Transport};
use humanapi_core::broker::Acquired;
use humanapi_core::http::header::AUTHORIZATION;
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
/// Who waits for no token asks later by two parts of a share as small as this: who does so for one goes first, in whichever
/// process. Whoever had a share lately asks later once more, so that all take turns.
const COURTESY: u32 = 128;
/// So long the store is left alone after it failed.
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
/// All of them are to be given the same rate. They take turns: each takes as much time at once as those need who wait in it,
/// at most a second or the time of one request where that is longer, and twice what the store takes to answer: for so long a
/// process that is killed keeps the others waiting. One that is further from the store than a share is long comes less often.
/// While the store does not answer, nothing is sent.
///
/// A request for a token, which is one without an `Authorization`, goes before all others: before those of its own process,
/// and its process before others that have none. So a lease on getting a token is held while few requests are sent, and not
/// while all go by that wait. That is so once it waits here: a [`Limited`](humanapi_client::Limited) around this lets it wait
/// among all others before, where tokens come from the same host as what is read.
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
    /// Those of them who wait for a token.
    for_tokens: AtomicUsize,
    /// The place before `state`, where all others wait one behind the other. So there is one of them at most between a token
    /// and its turn.
    others: Mutex<()>,
    state: Mutex<State>,
}

/// What is left of our share. Who has the lock is whose turn is next.
#[derive(Default)]
struct State {
    /// No request begins before.
    next: Option<Instant>,
    /// Another's share may begin then.
    until: Option<Instant>,
    /// How long our last share was.
    length: Duration,
    /// How often another had the time since.
    lost: u32,
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
            for_tokens: AtomicUsize::new(0),
            others: Mutex::default(),
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
    async fn turn(&self, request: &Request, timeout: Duration) -> Result<Duration, SendFailure> {
        let not_sent =
            |why: &str| SendFailure::new(SendFailureKind::NotSent).with_source(why.to_owned());
        let (begun, begun_at) = (Instant::now(), SystemTime::now());
        let for_a_token = is_for_a_token(request);
        let _waits = Waits::new(&self.waiting);
        let _waits_for_a_token = for_a_token.then(|| Waits::new(&self.for_tokens));
        let mut failure = None;
        let turn = async {
            if self.spacing == Duration::MAX {
                // Nor is time taken from others, for ever.
                future::pending::<()>().await;
            }
            let _before_all_others = match for_a_token {
                true => None,
                false => Some(self.others.lock().await),
            };
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

    /// Asks for a share as long as those need who wait, or those of them who wait for a token.
    async fn take(&self, state: &mut State) -> Result<(), StoreError> {
        let most = LONGEST.max(self.spacing);
        if let (Some(until), 0) = (state.until, state.lost) {
            self.until_free(until.checked_add(ROUNDED), state.length, 0)
                .await;
        }
        // One who waits for more than a token may be before those.
        let waiting = match self.for_tokens.load(Ordering::Relaxed) {
            0 => self.waiting.load(Ordering::Relaxed).max(1),
            tokens => tokens + 1,
        };
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let length = self.spacing.saturating_mul(waiting).min(most);
        // What the answer takes is lost, because the share begins while it is on its way.
        let length = length.saturating_add(2 * state.answered_in.min(LONGEST) + 2 * ROUNDED);
        let asked = Instant::now();
        let share = self.shares.take(&self.application, length).await?;
        state.answered_in = asked.elapsed();
        match share {
            Share::Taken => {
                state.next = Some(Instant::now());
                state.until = asked.checked_add(length - ROUNDED);
                state.length = length;
                state.lost = 0;
            }
            Share::Held { remaining } => {
                // Nobody takes more than we would: what a row says beyond that is no reason to wait.
                let remaining = remaining.min(most.saturating_mul(2));
                state.lost = state.lost.saturating_add(1);
                self.until_free(asked.checked_add(remaining), remaining, state.lost)
                    .await;
            }
        }
        Ok(())
    }

    /// Waits until a question sent now reaches the store after a share of so long has ended there, if one sent at `ends`
    /// reached it just then.
    ///
    /// So it does not matter how long its way is: all ask in the order of what they wait for, and of how often they lost,
    /// whether they had the share or were told how long another has it.
    async fn until_free(&self, ends: Option<Instant>, length: Duration, lost: u32) {
        let Some(free) = ends.and_then(|ends| ends.checked_add(ROUNDED)) else {
            return future::pending().await;
        };
        sleep_until(free).await;
        let part = length / COURTESY;
        // One who waits for a token may have come meanwhile.
        let (behind_tokens, in_turn) = match self.for_tokens.load(Ordering::Relaxed) {
            0 => (2 * part, 2 * part),
            _ => (Duration::ZERO, part),
        };
        // However short a share is: by so much that a store and timers which round still tell the first two halves apart.
        let in_turn = (in_turn + 4 * ROUNDED) / 1_u32.checked_shl(lost).unwrap_or(u32::MAX);
        if let Some(our_turn) = free.checked_add(behind_tokens + in_turn) {
            sleep_until(our_turn).await;
        }
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

/// Whether it asks for a token: it bears none, while whatever is asked for with one does.
fn is_for_a_token(request: &Request) -> bool {
    !request.headers().contains_key(AUTHORIZATION)
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
        let left = self.turn(&request, timeout).await?;
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
        let left = self.turn(&request, timeout).await?;
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
mod tests;
