//! Keeping tokens for all callers of a process, and sharing them with others.

mod bucket;
mod event;
mod exchange;
mod flight;
mod sync;
mod table;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::join_all;
use humanapi_core::broker::{
    Answer, BrokerPolicy, Fitness, Keeper, KeptToken, Question, SharedExchange,
};
use humanapi_core::flow::ConnectGrant;
use humanapi_core::rules::Purpose;
use humanapi_core::{
    AccessToken, Bearer, BuildError, ClientId, ClientUserId, Credentials, FlowError, Generation,
    Hosts, Issued, KnownStatus, Now, Provisioning, Rejected, RetryPolicy, SendFailure,
    SendFailureKind, TokenKey, TokenKind, UserEvent, UserStatus,
};

pub use self::event::{BrokerEvent, BrokerListener, EventKey};
pub use self::table::TokenRef;

use self::exchange::{Brought, ConnectWish, Means, Order, Session, connect_key};
use self::flight::{Broken, Flight};
use self::sync::{AtomicUsize, Mutex, Ordering, lock};
use self::table::Table;
use crate::drive::in_time;
use crate::runtime::Runtime;
use crate::store::{StoreError, TokenStore};
use crate::tokens::TokenSource;
use crate::transport::Transport;

/// Keeps the tokens of one application for all callers of a process, and shares them with other
/// processes through a [`TokenStore`] where one is given.
///
/// * **One exchange for each key**, however many callers ask at once. It belongs to none of them: one
///   who stops waiting stops nobody else.
/// * **Nobody waits while a token is good for anything.** It is renewed behind the callers' backs from
///   10 % of its life before its end, at most 300 s, and a little earlier so that tokens issued
///   together are not renewed together.
/// * **A failure is shared** and stands until its pause ends; pauses double. A refusal that is a rule
///   (no connected source, a wrong secret) stands for 10 s at most, or until [`forget`](Self::forget).
/// * **Nobody waits for longer than the retry policy's overall deadline**, whatever it is that hangs.
/// * **After a 401 the token is renewed once**, however many calls report it, and a late report of an
///   older token renews nothing. If something in between may have sent the 401, the token is kept until
///   there is a newer one.
/// * **A store that is down costs nobody a token**: what is in memory is served, and what is not is
///   exchanged for this process alone.
///
/// A [`Client`](crate::Client) makes one by itself. Make your own to share it between clients, to add a
/// store, or to hear of [events](TokenBrokerBuilder::on_event). Cheap to clone; share it.
///
/// ```
/// use humanapi_client::testing::{Answer, ScriptedTransport, VirtualRuntime};
/// use humanapi_client::{TokenBroker, core::{ClientUserId, Credentials, Provisioning, TokenKey}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transport = ScriptedTransport::new([
///     Answer::json(200, r#"{"access_token":"at-1","expires_in":86400}"#),
/// ]);
/// let credentials = Credentials::new("my-app", "hush")?;
/// let app = credentials.client_id().clone();
/// let broker = TokenBroker::builder(credentials, Provisioning::Connect, transport)
///     .build_on(VirtualRuntime::new());
///
/// let key = TokenKey::access(app, ClientUserId::new("patient-17")?);
/// assert!(broker.try_token(&key).is_none(), "nothing is kept yet");
/// let token = broker.token(&key).await?;
/// assert_eq!(token.expose_secret(), "at-1");
/// assert_eq!(broker.try_token(&key).unwrap().expose_secret(), "at-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TokenBroker {
    inner: Arc<Inner>,
}

struct Inner {
    means: Arc<Means>,
    table: Table,
    /// Keys that something is going on with: an exchange, a failure that stands, a pause.
    busy: Box<[Mutex<HashMap<TokenKey, Busy>>]>,
    /// How many exchanges began: each gets a seed of its own.
    exchanges: AtomicUsize,
    /// A shard that holds so many keys notes no further session that stays.
    most_noted: usize,
}

struct Busy {
    keeper: Keeper,
    flight: Option<Arc<Flight<Outcome>>>,
    failure: Option<Arc<FlowError>>,
    /// The user was deleted, and the store may not know it: what it has from before will not do.
    anew: bool,
    /// The user has connected, and the store may still have a session, which will not do.
    session_stays: bool,
    /// The exchange that is under way, or whose failure stands, began for a user who was deleted.
    begun_anew: bool,
}

type Outcome = Result<Arc<Brought>, Arc<FlowError>>;

/// What becomes of a caller.
enum Turn {
    Served(Served),
    Waits(Arc<Flight<Outcome>>),
    Fails(Arc<FlowError>),
}

enum Served {
    AtHand(TokenRef),
    Brought(Arc<Brought>),
}

/// How many keys share one lock, the other way round: how many locks there are.
const SHARDS: usize = 64;
/// A shard looks for keys that nothing is going on with any more once it holds so many.
const TIDY_FROM: usize = 256;

impl TokenBroker {
    /// A broker on tokio, for the production hosts, in memory.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new(
        credentials: Credentials,
        provisioning: Provisioning,
        transport: impl Transport + 'static,
    ) -> Self {
        Self::builder(credentials, provisioning, transport).build()
    }

    /// A broker with other settings.
    pub fn builder(
        credentials: Credentials,
        provisioning: Provisioning,
        transport: impl Transport + 'static,
    ) -> TokenBrokerBuilder {
        TokenBrokerBuilder::shared(credentials, provisioning, Arc::new(transport))
    }

    /// The token of `key` if one is at hand, without waiting. Renews it in the background when it is
    /// due; called from outside the runtime, where no task can begin, it leaves that to the next caller.
    ///
    /// A session is never at hand here: it is reused only for a user of whom it is known that nothing is
    /// connected, by [`connect_token`](Self::connect_token).
    ///
    /// Takes no lock, allocates nothing and counts no reference that threads share.
    #[must_use]
    pub fn try_token(&self, key: &TokenKey) -> Option<TokenRef> {
        let means = &self.inner.means;
        if !self.inner.is_mine(key) {
            return None;
        }
        let token = self.inner.table.find(key)?;
        if !ConnectWish::default().may_reuse(key, token.kind()) {
            return None;
        }
        let now = means.runtime.now();
        match token.life().fitness(Duration::ZERO, &means.policy, now) {
            Fitness::Fresh => {}
            Fitness::Due => {
                let order = Wanted::default();
                drop(self.inner.decide(key, &order));
            }
            Fitness::Spent => return None,
        }
        token.touch(now);
        if means.listener.is_some() {
            means.tell(key, BrokerEvent::Hit);
        }
        Some(token)
    }

    /// The token of `key`: at hand, or exchanged, or the one that others wait for.
    ///
    /// # Errors
    ///
    /// When none can be had, or not within the retry policy's overall deadline. Any other error is shared by
    /// all who waited for the same exchange, and by those who ask before the pause after it ends.
    pub async fn token(&self, key: &TokenKey) -> Result<KeptToken, Arc<FlowError>> {
        if let Some(token) = self.try_token(key) {
            return Ok(token.to_kept());
        }
        let served = self
            .inner
            .serve(key, &Wanted::default(), self.inner.deadline())
            .await?;
        Ok(served.to_kept())
    }

    /// The token of `key` with more than so much life left, unless the service issues none that lives
    /// as long.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    pub async fn token_with_at_least(
        &self,
        key: &TokenKey,
        life: Duration,
    ) -> Result<KeptToken, Arc<FlowError>> {
        let wanted = Wanted {
            question: Question::default().at_least(life),
            ..Wanted::default()
        };
        let deadline = self.inner.deadline();
        Ok(self.inner.serve(key, &wanted, deadline).await?.to_kept())
    }

    /// The token that opens Connect for a user, with more life left than the policy's connect life.
    ///
    /// A kept session is handed out again to a user who has started and connected nothing, a kept id token to
    /// one who has connected, or of whom nothing is known. Where the user was deleted, all that this process
    /// and the store keep is [forgotten](Self::forget) first.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    pub async fn connect_token(
        &self,
        user: &ClientUserId,
        known: KnownStatus,
        email: Option<&str>,
    ) -> Result<ConnectGrant, Arc<FlowError>> {
        let deadline = self.inner.deadline();
        let keys = self.keys_of(user);
        let key = keys[1].clone();
        let at_least = self.inner.means.policy.connect_life();
        let wanted = Wanted {
            question: Question::default().at_least(at_least),
            wish: ConnectWish {
                status: known,
                email: email.map(str::to_owned),
            },
        };
        if wanted.is_anew(&key) && !self.inner.is_begun_anew(&key) {
            // The exchange needs time too, of the store as well as of the service.
            let at_most = self.inner.left(deadline) / 3;
            if let Err(error) = self.inner.forget_everywhere(&keys, at_most).await {
                // What the store has is passed over until it could be told.
                self.inner
                    .means
                    .tell(&key, BrokerEvent::StoreFailed(&error));
            }
        }
        let served = self.inner.serve(&key, &wanted, deadline).await?;
        let reused = served.is_from_earlier();
        let token = served.to_kept();
        let status = match known.status() {
            status if reused && status != UserStatus::Unknown => status,
            status => status.after(UserEvent::TokenIssued(token.kind())),
        };
        let refresh = token.refresh_token().cloned();
        let token = token
            .connect_token()
            .ok_or_else(|| Arc::new(BuildError::NotABearer(token.kind()).into()))?;
        Ok(ConnectGrant::new(token, status, reused).with_id_refresh_token(refresh))
    }

    /// The application whose tokens it keeps.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        self.inner.means.credentials.client_id()
    }

    /// When the token at hand ends, by the wall clock.
    #[must_use]
    pub fn expires_at(&self, key: &TokenKey) -> Option<SystemTime> {
        Some(self.inner.table.find(key)?.expiry().wall())
    }

    /// How many tokens are kept in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.table.len()
    }

    /// Whether no token is kept in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all that is kept of a user, failures that stand too: for a user who was deleted. The next
    /// caller begins anew.
    ///
    /// The store drops what it keeps, and no exchange that another process has under way brings it back.
    ///
    /// # Errors
    ///
    /// When the store could not be told. Memory has forgotten even so, and this process takes nothing from the
    /// store that was there before.
    pub async fn forget(&self, user: &ClientUserId) -> Result<(), StoreError> {
        let keys = self.keys_of(user);
        self.inner.forget_everywhere(&keys, Duration::MAX).await
    }

    /// Forgets what this process keeps of a user, failures that stand too: for one who has just connected
    /// a first source, whose access token was refused a moment ago.
    pub fn forget_here(&self, user: &ClientUserId) {
        for key in self.keys_of(user) {
            self.inner.forget(&key, false);
        }
    }

    /// Takes note of what the service said when it was asked for a user's access token past the broker:
    /// the token that it issued, or that there is none. Takes no longer than this.
    pub(crate) async fn told(
        &self,
        user: &ClientUserId,
        issued: Option<&Issued<AccessToken>>,
        at_most: Duration,
    ) {
        let [access, _] = self.keys_of(user);
        if let Some(issued) = issued {
            self.inner.forget(&access, false);
            self.inner.adopt(&access, issued.clone());
            return;
        }
        let forgotten = self
            .inner
            .forget_everywhere(std::slice::from_ref(&access), at_most)
            .await;
        if let Err(error) = forgotten {
            (self.inner.means).tell(&access, BrokerEvent::StoreFailed(&error));
        }
    }

    /// An access or id token was issued past the broker, so the user has connected a source: a session opens
    /// Connect no more. Takes no longer than this.
    pub(crate) async fn end_session(&self, user: &ClientUserId, at_most: Duration) {
        let [access, _] = self.keys_of(user);
        self.inner.drop_session(&access);
        let session = self.inner.means.end_session(&access, at_most).await;
        self.inner.note_session(&access, session);
    }

    fn keys_of(&self, user: &ClientUserId) -> [TokenKey; 2] {
        let client_id = self.inner.means.credentials.client_id();
        [
            TokenKey::access(client_id.clone(), user.clone()),
            TokenKey::connect(client_id.clone(), user.clone()),
        ]
    }
}

/// What a caller wants.
#[derive(Default)]
struct Wanted {
    question: Question,
    wish: ConnectWish,
}

impl Wanted {
    /// Whether nothing from earlier will do, nor what is under way: the user was deleted.
    fn is_anew(&self, key: &TokenKey) -> bool {
        key.purpose() == Purpose::OpenConnect && self.wish.status.status() == UserStatus::Deleted
    }
}

impl Served {
    fn to_kept(&self) -> KeptToken {
        match self {
            Self::AtHand(token) => token.to_kept(),
            Self::Brought(brought) => brought.token.clone(),
        }
    }

    fn is_from_earlier(&self) -> bool {
        match self {
            Self::AtHand(_) => true,
            Self::Brought(brought) => !brought.issued,
        }
    }

    fn bearer(&self) -> Result<Bearer, BuildError> {
        match self {
            Self::AtHand(token) => token.bearer(),
            Self::Brought(brought) => brought.token.bearer(),
        }
    }

    fn generation(&self) -> Generation {
        match self {
            Self::AtHand(token) => token.generation(),
            Self::Brought(brought) => brought.token.generation(),
        }
    }
}

impl Busy {
    fn is_under_way(&self, flight: &Arc<Flight<Outcome>>) -> bool {
        (self.flight.as_ref()).is_some_and(|current| Arc::ptr_eq(current, flight))
    }

    /// What is under way finds that it is not the key's exchange any more, and settles nothing.
    fn begin_anew(&mut self) {
        self.keeper.forget();
        self.flight = None;
        self.failure = None;
        self.begun_anew = false;
    }

    /// Whether there is nothing to remember.
    fn is_calm(&self, policy: &BrokerPolicy, now: Now) -> bool {
        !self.anew && !self.session_stays && self.keeper.is_calm(policy, now)
    }
}

impl Inner {
    fn is_mine(&self, key: &TokenKey) -> bool {
        key.client_id() == self.means.credentials.client_id()
    }

    fn shard(&self, key: &TokenKey) -> &Mutex<HashMap<TokenKey, Busy>> {
        let seed = self.table.seed(key);
        &self.busy[(seed >> 16) as usize % SHARDS]
    }

    /// When a caller who begins now has waited long enough, by the monotonic clock.
    fn deadline(&self) -> Duration {
        let now = self.means.runtime.now().monotonic();
        now.saturating_add(self.means.retry.overall_deadline())
    }

    fn left(&self, deadline: Duration) -> Duration {
        deadline.saturating_sub(self.means.runtime.now().monotonic())
    }

    async fn serve(
        self: &Arc<Self>,
        key: &TokenKey,
        wanted: &Wanted,
        deadline: Duration,
    ) -> Result<Served, Arc<FlowError>> {
        if !self.is_mine(key) {
            let error = BuildError::OutOfRange {
                name: "the application of a token's key",
                rule: "the one whose tokens the broker keeps",
            };
            return Err(Arc::new(error.into()));
        }
        let mut panicked = false;
        loop {
            let flight = match self.decide(key, wanted) {
                Turn::Served(served) => {
                    self.means.tell(key, BrokerEvent::Hit);
                    return Ok(served);
                }
                Turn::Fails(error) => {
                    self.means.tell(key, BrokerEvent::FailureStands(&error));
                    return Err(error);
                }
                Turn::Waits(flight) => flight,
            };
            self.means.tell(key, BrokerEvent::Wait);
            let settle = {
                let (inner, key, flight) = (Arc::clone(self), key.clone(), Arc::clone(&flight));
                move |outcome: &Outcome| inner.settle(&key, &flight, outcome)
            };
            let waiting = Arc::clone(&flight).wait(settle);
            match in_time(waiting, &*self.means.runtime, self.left(deadline)).await {
                Some(Ok(outcome)) => return outcome.map(Served::Brought),
                None => {
                    let (attempts, last) = (0, None);
                    return Err(Arc::new(FlowError::OutOfTime { attempts, last }));
                }
                // A transport, store or listener panicked in it. Whoever comes next begins anew; but if that
                // happens again, it is a failure like others, or it would go on for ever.
                Some(Err(Broken)) if !panicked => {
                    panicked = true;
                    self.clear(key, &flight);
                }
                Some(Err(Broken)) => {
                    let error = FlowError::from(SendFailure::new(SendFailureKind::Lost));
                    let error = Arc::new(error);
                    self.settle(key, &flight, &Err(Arc::clone(&error)));
                    return Err(error);
                }
            }
        }
    }

    /// A key with which nothing is going on.
    fn calm(&self, key: &TokenKey) -> Busy {
        Busy {
            keeper: Keeper::new(self.table.seed(key)),
            flight: None,
            failure: None,
            anew: false,
            session_stays: false,
            begun_anew: false,
        }
    }

    /// What becomes of this caller, and the exchange that begins with it, if one does.
    fn decide(self: &Arc<Self>, key: &TokenKey, wanted: &Wanted) -> Turn {
        let mut shard = lock(self.shard(key));
        // Under the lock, because whoever ends an exchange takes it first.
        let mut at_hand = self.table.find(key);
        let now = self.means.runtime.now();
        if shard.len() >= TIDY_FROM && shard.len() == shard.capacity() {
            shard.retain(|_, busy| !busy.is_calm(&self.means.policy, now));
        }
        let mut entry = match shard.entry(key.clone()) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(self.calm(key)),
        };
        let busy = entry.get_mut();
        let passed_over = at_hand.take_if(|token| !wanted.wish.may_reuse(key, token.kind()));
        let passed_over = passed_over.map(|token| token.generation());
        if passed_over.is_some() {
            self.table
                .drop_if(key, |life, _| Some(life.generation()) <= passed_over);
        }
        busy.keeper
            .holds(at_hand.as_ref().map(|token| *token.life()));
        let policy = &self.means.policy;
        let answer = busy.keeper.ask(wanted.question, policy, now);
        let rejected = wanted.question.rejection();
        if let Some(rejected) = rejected
            && !matches!(answer, Answer::Serve | Answer::ServeAndRenew)
        {
            self.table
                .drop_if(key, |life, _| life.generation() <= rejected);
        }
        let begins = matches!(answer, Answer::Exchange | Answer::ServeAndRenew);
        if begins {
            let order = Order {
                key: key.clone(),
                known: busy.keeper.known().max(passed_over),
                rejected,
                at_least: wanted.question.life(),
                wish: wanted.wish.clone(),
                once: busy.keeper.failures() > 0 || answer == Answer::ServeAndRenew,
                anew: busy.anew || busy.session_stays,
                seed: self.next_seed(key),
            };
            busy.begun_anew = wanted.is_anew(key);
            busy.flight = Some(self.begin(order));
        }
        let flight = busy.flight.clone();
        // Its last driver may have been no task but a caller who gave up, or one outside the runtime.
        let is_idle = begins || flight.as_deref().is_some_and(Flight::is_idle);
        let failure = busy.failure.clone();
        if busy.is_calm(policy, now) {
            entry.remove();
        }
        drop(shard);
        if begins {
            let ahead = answer == Answer::ServeAndRenew;
            self.means.tell(key, BrokerEvent::Began { ahead });
        }
        if let Some(flight) = &flight
            && is_idle
        {
            self.launch(key, flight);
        }
        match (answer, at_hand, flight, failure) {
            (Answer::Serve | Answer::ServeAndRenew, Some(token), _, _) => {
                token.touch(now);
                Turn::Served(Served::AtHand(token))
            }
            (Answer::Exchange | Answer::Wait, _, Some(flight), _) => Turn::Waits(flight),
            (Answer::Failed, _, _, Some(failure)) => Turn::Fails(failure),
            (answer, ..) => unreachable!("{answer:?} without what it needs"),
        }
    }

    fn begin(self: &Arc<Self>, order: Order) -> Arc<Flight<Outcome>> {
        // The work holds the means alone: it lies in `busy`, and must not keep that alive.
        let means = Arc::clone(&self.means);
        Flight::new(async move {
            let span = tracing::debug_span!(
                "humanapi",
                call = "token",
                purpose = order.key.purpose().name()
            );
            let outcome = tracing::Instrument::instrument(means.get(&order), span).await;
            match outcome {
                Ok(brought) => {
                    let event = if brought.issued {
                        BrokerEvent::Issued
                    } else {
                        BrokerEvent::Shared
                    };
                    means.tell(&order.key, event);
                    Ok(Arc::new(brought))
                }
                Err(error) => {
                    means.tell(&order.key, BrokerEvent::Failed(&error));
                    Err(Arc::new(error))
                }
            }
        })
    }

    /// A seed that no other exchange of this process has.
    fn next_seed(&self, key: &TokenKey) -> u64 {
        let exchange = self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.table.seed(key).wrapping_add(exchange as u64)
    }

    /// Whether the last exchange of a key began for a user who was deleted, and is under way or has failed.
    fn is_begun_anew(&self, key: &TokenKey) -> bool {
        let shard = lock(self.shard(key));
        shard.get(key).is_some_and(|busy| busy.begun_anew)
    }

    /// Gives the exchange a task of its own, where the runtime can run one. Where it cannot, those who
    /// wait poll it, and whoever comes later and finds nobody at it tries again.
    fn launch(self: &Arc<Self>, key: &TokenKey, flight: &Arc<Flight<Outcome>>) {
        let settle = {
            let (inner, key, flight) = (Arc::clone(self), key.clone(), Arc::clone(flight));
            move |outcome: &Outcome| inner.settle(&key, &flight, outcome)
        };
        let driver = Arc::clone(flight).drive(settle);
        let task = async move {
            // Those who wait learn of it. The driver has no use for it.
            let _outcome = driver.await;
        };
        drop(self.means.runtime.spawn(Box::pin(task)));
    }

    /// An exchange will never end.
    fn clear(&self, key: &TokenKey, flight: &Arc<Flight<Outcome>>) {
        let mut shard = lock(self.shard(key));
        if let Some(busy) = shard.get_mut(key)
            && busy.is_under_way(flight)
        {
            busy.begin_anew();
        }
    }

    /// An exchange ended: keeps its token, or its failure.
    fn settle(self: &Arc<Self>, key: &TokenKey, flight: &Arc<Flight<Outcome>>, outcome: &Outcome) {
        let now = self.means.runtime.now();
        let policy = &self.means.policy;
        let mut evicted = 0;
        {
            let mut shard = lock(self.shard(key));
            let Some(busy) = shard.get_mut(key) else {
                return;
            };
            if !busy.is_under_way(flight) {
                // It was forgotten meanwhile.
                return;
            }
            busy.flight = None;
            match outcome {
                Ok(brought) => {
                    let token = &brought.token;
                    busy.failure = None;
                    busy.begun_anew = false;
                    busy.anew &= !brought.by_store;
                    busy.session_stays &= !brought.by_store;
                    busy.keeper.issued(token, policy);
                    if busy.keeper.known() == Some(token.generation()) {
                        evicted = self.table.keep(key, token, policy, now);
                    }
                }
                Err(error) => {
                    busy.keeper.failed(error, policy, now);
                    busy.failure = Some(Arc::clone(error));
                }
            }
            if busy.is_calm(policy, now) {
                shard.remove(key);
            }
        }
        if evicted > 0 {
            self.means.tell(key, BrokerEvent::Evicted(evicted));
        }
        if let Ok(brought) = outcome {
            self.drop_session(key);
            self.note_session(key, brought.session);
        }
    }

    /// An access token shows that a source is connected: a session opens Connect no more.
    fn drop_session(&self, key: &TokenKey) {
        if key.purpose() == Purpose::ReadData
            && let Some(connect) = connect_key(key)
        {
            self.table
                .drop_if(&connect, |_, kind| kind == TokenKind::Session);
        }
    }

    /// Remembers whether the store still has a session of a key's user, who has connected. One that
    /// stays is ended in a while, where the runtime can run a task, and else by the user's next exchange; until
    /// then this process does not take it.
    fn note_session(self: &Arc<Self>, key: &TokenKey, session: Session) {
        let Some(connect) = (self.means.store.as_ref()).and_then(|_| connect_key(key)) else {
            return;
        };
        {
            let mut shard = lock(self.shard(&connect));
            match session {
                Session::Unknown => return,
                Session::Stays => {
                    // An outage of the store is no reason to remember every user that there is.
                    if shard.len() < self.most_noted || shard.contains_key(&connect) {
                        let busy = shard.entry(connect.clone());
                        busy.or_insert_with(|| self.calm(&connect)).session_stays = true;
                    }
                }
                Session::Ended => {
                    if let Some(busy) = shard.get_mut(&connect) {
                        busy.session_stays = false;
                        if busy.is_calm(&self.means.policy, self.means.runtime.now()) {
                            shard.remove(&connect);
                        }
                    }
                    return;
                }
            }
        }
        let (inner, key) = (Arc::clone(self), key.clone());
        let task = async move {
            let patience = inner.means.policy.store_patience();
            inner.means.runtime.sleep(patience).await;
            if inner.means.end_session(&key, patience).await == Session::Ended {
                inner.note_session(&key, Session::Ended);
            }
        };
        // A runtime that cannot hands it back: the note is enough for this process.
        drop(self.means.runtime.spawn(Box::pin(task)));
    }

    /// Keeps an access token that was issued past the broker, for this process alone.
    fn adopt(&self, key: &TokenKey, issued: Issued<AccessToken>) {
        let now = self.means.runtime.now();
        let shard = lock(self.shard(key));
        let known = shard.get(key).and_then(|busy| busy.keeper.known());
        let generation = SharedExchange::own_generation(known, now);
        let token = KeptToken::access(issued, now).with_generation(generation);
        self.table.keep(key, &token, &self.means.policy, now);
        drop(shard);
        self.drop_session(key);
    }

    /// `anew` says that what the store has of it will not do either.
    fn forget(&self, key: &TokenKey, anew: bool) {
        let mut shard = lock(self.shard(key));
        if anew {
            shard
                .entry(key.clone())
                .or_insert_with(|| self.calm(key))
                .anew = true;
        }
        if let Some(busy) = shard.get_mut(key) {
            busy.begin_anew();
        }
        self.table.drop_if(key, |_, _| true);
    }

    /// Forgets keys here and in the store, all at once: it takes no longer than this, nor than the store may
    /// take for one answer.
    async fn forget_everywhere(
        &self,
        keys: &[TokenKey],
        at_most: Duration,
    ) -> Result<(), StoreError> {
        let Some(store) = &self.means.store else {
            for key in keys {
                self.forget(key, false);
            }
            return Ok(());
        };
        for key in keys {
            self.forget(key, true);
        }
        let all = Generation::new(u64::MAX);
        let drops = keys.iter().map(|key| async move {
            let dropped = store.invalidate(key, all);
            let dropped = self.means.store_within(at_most, dropped).await;
            if dropped.is_ok() {
                let mut shard = lock(self.shard(key));
                if let Some(busy) = shard.get_mut(key) {
                    busy.anew = false;
                    busy.session_stays = false;
                }
            }
            dropped
        });
        // All of them are tried, whatever becomes of the first.
        join_all(drops).await.into_iter().collect()
    }
}

#[async_trait]
impl TokenSource for TokenBroker {
    async fn token(
        &self,
        key: &TokenKey,
        rejected: Option<Rejected>,
    ) -> Result<Bearer, Arc<FlowError>> {
        let build = |error: BuildError| Arc::new(FlowError::from(error));
        let Some(rejected) = rejected else {
            if let Some(token) = self.try_token(key) {
                return token.bearer().map_err(build);
            }
            let deadline = self.inner.deadline();
            let served = (self.inner)
                .serve(key, &Wanted::default(), deadline)
                .await?;
            return served.bearer().map_err(build);
        };
        let refused = rejected.generation();
        let question = Question::default();
        let wanted = Wanted {
            question: if rejected.is_certain() {
                question.rejected(refused)
            } else {
                question.doubted(refused)
            },
            ..Wanted::default()
        };
        let deadline = self.inner.deadline();
        let mut served = self.inner.serve(key, &wanted, deadline).await?;
        if rejected.is_certain() && served.generation() <= refused {
            // It was under way when it was refused. What comes next is newer, or stands.
            served = self.inner.serve(key, &wanted, deadline).await?;
        }
        served.bearer().map_err(build)
    }
}

impl fmt::Debug for TokenBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBroker")
            .field("credentials", &self.inner.means.credentials)
            .field("kept", &self.len())
            .finish_non_exhaustive()
    }
}

/// Settings of a [`TokenBroker`].
#[must_use]
pub struct TokenBrokerBuilder {
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    retry: RetryPolicy,
    policy: BrokerPolicy,
    capacity: usize,
    transport: Arc<dyn Transport>,
    store: Option<Arc<dyn TokenStore>>,
    listener: Option<Box<BrokerListener>>,
}

impl TokenBrokerBuilder {
    pub(crate) fn shared(
        credentials: Credentials,
        provisioning: Provisioning,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self {
            credentials,
            provisioning,
            hosts: Hosts::production(),
            retry: RetryPolicy::default(),
            policy: BrokerPolicy::default(),
            capacity: 1_000_000,
            transport,
            store: None,
            listener: None,
        }
    }

    /// Sets where requests go.
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets how often and how long one exchange is tried. While the service fails, and for a renewal
    /// that nobody waits for, an exchange is a single attempt: the pauses between exchanges take the
    /// place of retries.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets margins and pauses. A runtime with randomness makes processes differ; on one that has none, give
    /// each another seed.
    pub fn policy(mut self, policy: BrokerPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how many tokens are kept in memory, 1,000,000 unless told otherwise. Beyond that, those that
    /// have ended go first, then the least recently used of a few.
    pub const fn capacity(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self
    }

    /// Shares tokens with other processes.
    pub fn store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Calls this on each event, on the thread where it happens: be quick, and call no broker.
    pub fn on_event(
        mut self,
        listener: impl Fn(EventKey<'_>, BrokerEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Builds the broker on tokio.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn build(self) -> TokenBroker {
        self.build_on(crate::runtime::TokioRuntime::new())
    }

    /// Builds the broker on a runtime of your choice. On one that runs no tasks, those who wait for an
    /// exchange poll it, and a renewal ahead goes on only once somebody has to wait for it.
    #[must_use]
    pub fn build_on(self, runtime: impl Runtime + 'static) -> TokenBroker {
        self.build_shared(Arc::new(runtime))
    }

    pub(crate) fn build_shared(self, runtime: Arc<dyn Runtime>) -> TokenBroker {
        let random = || runtime.random().unwrap_or_default();
        let (of_retries, of_pauses) = (random(), random());
        let (retry, policy) = (self.retry, self.policy);
        let seed = retry.seed() ^ of_retries;
        let retry = retry.with_seed(seed);
        let seed = policy.seed() ^ of_pauses;
        let policy = policy.with_seed(seed);
        TokenBroker {
            inner: Arc::new(Inner {
                means: Arc::new(Means {
                    credentials: self.credentials,
                    provisioning: self.provisioning,
                    hosts: self.hosts,
                    retry,
                    policy,
                    transport: self.transport,
                    runtime,
                    store: self.store,
                    listener: self.listener,
                }),
                table: Table::new(self.capacity),
                busy: std::iter::repeat_with(Mutex::default)
                    .take(SHARDS)
                    .collect(),
                exchanges: AtomicUsize::new(0),
                most_noted: (self.capacity / SHARDS).max(TIDY_FROM),
            }),
        }
    }
}

impl fmt::Debug for TokenBrokerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBrokerBuilder")
            .field("credentials", &self.credentials)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
