//! What becomes of whoever wants a token: a cached one, an exchange, a wait for one, or its failure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use humanapi_core::broker::{CacheDecision, CacheEntry, KeptToken, SharedExchange};
use humanapi_core::rules::Purpose;
use humanapi_core::{
    AccessToken, BuildError, ClientUserId, FlowError, Generation, Issued, SendFailure,
    SendFailureKind, TokenKey, TokenKind,
};

use super::busy::Busy;
use super::event::BrokerEvent;
use super::exchange::{ExchangeRequest, Exchanger, Session, connect_key};
use super::flight::{Broken, Flight};
use super::request::{LookupResult, Outcome, Served, TokenRequest};
use super::sync::{AtomicUsize, Mutex, Ordering, lock};
use super::table::Table;
use crate::drive::in_time;
use crate::store::StoreError;
use crate::telemetry::{self, TOKEN};

/// The tokens of one application, the exchanges that are under way, and who waits for them.
pub(super) struct Cache {
    pub(super) exchanger: Arc<Exchanger>,
    pub(super) table: Table,
    /// Keys that something is going on with: an exchange, a failure that stands, a pause.
    busy: Box<[Mutex<HashMap<TokenKey, Busy>>]>,
    /// How many exchanges began: each gets a seed of its own.
    exchanges: AtomicUsize,
    /// A shard that holds so many keys notes no further session that stays.
    most_noted: usize,
}

/// How many keys share one lock, the other way round: how many locks there are.
const SHARDS: usize = 64;
/// A shard looks for keys that nothing is going on with any more once it holds so many.
const TIDY_FROM: usize = 256;

impl Cache {
    /// An empty one of at most so many tokens.
    pub(super) fn new(exchanger: Exchanger, capacity: usize) -> Self {
        Self {
            exchanger: Arc::new(exchanger),
            table: Table::new(capacity),
            busy: std::iter::repeat_with(Mutex::default)
                .take(SHARDS)
                .collect(),
            exchanges: AtomicUsize::new(0),
            most_noted: (capacity / SHARDS).max(TIDY_FROM),
        }
    }

    pub(super) fn is_mine(&self, key: &TokenKey) -> bool {
        key.client_id() == self.exchanger.credentials.client_id()
    }

    fn shard(&self, key: &TokenKey) -> &Mutex<HashMap<TokenKey, Busy>> {
        let seed = self.table.seed(key);
        &self.busy[(seed >> 16) as usize % SHARDS]
    }

    /// When a caller who begins now has waited long enough, by the monotonic clock.
    pub(super) fn deadline(&self) -> Duration {
        let now = self.exchanger.runtime.now().monotonic();
        now.saturating_add(self.exchanger.retry.overall_deadline())
    }

    pub(super) fn left(&self, deadline: Duration) -> Duration {
        deadline.saturating_sub(self.exchanger.runtime.now().monotonic())
    }

    pub(super) async fn serve(
        self: &Arc<Self>,
        key: &TokenKey,
        request: &TokenRequest,
        deadline: Duration,
    ) -> Result<Served, Arc<FlowError>> {
        if !self.is_mine(key) {
            let error = BuildError::OutOfRange {
                name: "the application of a token's key",
                rule: "the one whose tokens the broker keeps",
            };
            return Err(Arc::new(error.into()));
        }
        let id = key.user().map_or(Ok(""), ClientUserId::checked);
        id.map_err(|error| Arc::new(BuildError::from(error).into()))?;
        let mut panicked = false;
        let mut refused = false;
        loop {
            let flight = match self.decide(key, request) {
                LookupResult::Served(served) => {
                    self.exchanger.tell(key, BrokerEvent::Hit);
                    return Ok(served);
                }
                LookupResult::Fails(error) => {
                    self.exchanger.tell(key, BrokerEvent::FailureStands(&error));
                    return Err(error);
                }
                LookupResult::Waits(flight) => flight,
            };
            self.exchanger.tell(key, BrokerEvent::Wait);
            let settle = {
                let (cache, key, flight) = (Arc::clone(self), key.clone(), Arc::clone(&flight));
                move |outcome: &Outcome| cache.settle(&key, &flight, outcome)
            };
            let waiting = Arc::clone(&flight).wait(settle);
            match in_time(waiting, &*self.exchanger.runtime, self.left(deadline)).await {
                // It was asked for before something showed that the answer would be another.
                Some(Ok(Err(error))) if !refused && is_outdated(&flight, &error) => refused = true,
                Some(Ok(outcome)) => return outcome.map(Served::Fetched),
                None => {
                    telemetry::gave_up_waiting(key.purpose());
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
            entry: CacheEntry::new(self.table.seed(key)),
            flight: None,
            failure: None,
            anew: false,
            session_stays: false,
            begun_anew: false,
        }
    }

    /// What becomes of this caller, and the exchange that begins with it, if one does.
    pub(super) fn decide(self: &Arc<Self>, key: &TokenKey, request: &TokenRequest) -> LookupResult {
        let mut shard = lock(self.shard(key));
        // Under the lock, because whoever ends an exchange takes it first.
        let mut at_hand = self.table.find(key);
        let now = self.exchanger.runtime.now();
        if shard.len() >= TIDY_FROM && shard.len() == shard.capacity() {
            shard.retain(|_, busy| !busy.is_calm(&self.exchanger.policy, now));
        }
        let mut slot = match shard.entry(key.clone()) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(self.calm(key)),
        };
        let busy = slot.get_mut();
        let passed_over = at_hand.take_if(|token| !request.connect.may_reuse(key, token.kind()));
        let passed_over = passed_over.map(|token| token.generation());
        if passed_over.is_some() {
            self.table
                .drop_if(key, |life, _| Some(life.generation()) <= passed_over);
        }
        busy.entry
            .holds(at_hand.as_ref().map(|token| *token.life()));
        let policy = &self.exchanger.policy;
        let decision = busy.entry.decide(request.lookup, policy, now);
        let rejected = request.lookup.rejection();
        if let Some(rejected) = rejected
            && !matches!(
                decision,
                CacheDecision::Serve | CacheDecision::ServeAndRenew
            )
        {
            self.table
                .drop_if(key, |life, _| life.generation() <= rejected);
        }
        let begins = matches!(
            decision,
            CacheDecision::Exchange | CacheDecision::ServeAndRenew
        );
        if begins {
            let exchange = ExchangeRequest {
                key: key.clone(),
                known: busy.entry.known().max(passed_over),
                rejected,
                at_least: request.lookup.life(),
                connect: request.connect.clone(),
                once: busy.entry.failures() > 0 || decision == CacheDecision::ServeAndRenew,
                anew: busy.anew || busy.session_stays,
                seed: self.next_seed(key),
            };
            busy.begun_anew = request.is_anew(key);
            busy.flight = Some(self.begin(exchange));
        }
        let flight = busy.flight.clone();
        // Its last driver may have been no task but a caller who gave up, or one outside the runtime.
        let is_idle = begins || flight.as_deref().is_some_and(Flight::is_idle);
        let failure = busy.failure.clone();
        if busy.is_calm(policy, now) {
            slot.remove();
        }
        drop(shard);
        if begins {
            let ahead = decision == CacheDecision::ServeAndRenew;
            self.exchanger.tell(key, BrokerEvent::Began { ahead });
        }
        if let Some(flight) = &flight
            && is_idle
        {
            self.launch(key, flight);
        }
        match (decision, at_hand, flight, failure) {
            (CacheDecision::Serve | CacheDecision::ServeAndRenew, Some(token), _, _) => {
                token.touch(now);
                LookupResult::Served(Served::Cached(token))
            }
            (CacheDecision::Exchange | CacheDecision::Wait, _, Some(flight), _) => {
                LookupResult::Waits(flight)
            }
            (CacheDecision::Failed, _, _, Some(failure)) => LookupResult::Fails(failure),
            (decision, ..) => unreachable!("{decision:?} without what it needs"),
        }
    }

    fn begin(self: &Arc<Self>, request: ExchangeRequest) -> Arc<Flight<Outcome>> {
        // The work holds the exchanger alone: it lies in `busy`, and must not keep that alive.
        let exchanger = Arc::clone(&self.exchanger);
        let purpose = request.key.purpose().name();
        // Made here and not where it is carried out, so that it lies in the span of the call that asked first.
        let span = tracing::debug_span!(target: TOKEN, "humanapi.token", purpose);
        Flight::new(async move {
            let outcome = tracing::Instrument::instrument(exchanger.get(&request), span).await;
            match outcome {
                Ok(fetched) => {
                    let event = if fetched.issued {
                        BrokerEvent::Issued
                    } else {
                        BrokerEvent::Shared
                    };
                    exchanger.tell(&request.key, event);
                    Ok(Arc::new(fetched))
                }
                Err(error) => {
                    exchanger.tell(&request.key, BrokerEvent::Failed(&error));
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
    pub(super) fn is_begun_anew(&self, key: &TokenKey) -> bool {
        let shard = lock(self.shard(key));
        shard.get(key).is_some_and(|busy| busy.begun_anew)
    }

    /// Gives the exchange a task of its own, where the runtime can run one. Where it cannot, those who
    /// wait poll it, and whoever comes later and finds nobody at it tries again.
    fn launch(self: &Arc<Self>, key: &TokenKey, flight: &Arc<Flight<Outcome>>) {
        let settle = {
            let (cache, key, flight) = (Arc::clone(self), key.clone(), Arc::clone(flight));
            move |outcome: &Outcome| cache.settle(&key, &flight, outcome)
        };
        let driver = Arc::clone(flight).drive(settle);
        let task = async move {
            // Those who wait learn of it. The driver has no use for it.
            let _outcome = driver.await;
        };
        drop(self.exchanger.runtime.spawn(Box::pin(task)));
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
        let now = self.exchanger.runtime.now();
        let policy = &self.exchanger.policy;
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
                Ok(fetched) => {
                    let token = &fetched.token;
                    busy.failure = None;
                    busy.begun_anew = false;
                    busy.anew &= !fetched.by_store;
                    busy.session_stays &= !fetched.by_store;
                    busy.entry.issued(token, policy);
                    if busy.entry.known() == Some(token.generation()) {
                        evicted = self.table.keep(key, token, policy, now);
                    }
                }
                Err(error) => {
                    busy.entry.failed(error, policy, now);
                    if is_outdated(flight, error) {
                        busy.entry.pardon();
                    } else {
                        busy.failure = Some(Arc::clone(error));
                    }
                }
            }
            if busy.is_calm(policy, now) {
                shard.remove(key);
            }
        }
        if evicted > 0 {
            self.exchanger.tell(key, BrokerEvent::Evicted(evicted));
        }
        if let Ok(fetched) = outcome {
            self.pardon_by(key, fetched.token.kind());
            self.drop_session(key);
            self.note_session(key, fetched.session);
        }
    }

    /// A token of this kind came for a key: it shows which refusals of the user's other one are out of date.
    fn pardon_by(&self, key: &TokenKey, kind: TokenKind) {
        let app = key.client_id().clone();
        match (key.user(), kind) {
            (Some(user), TokenKind::Id) => self.pardon(&TokenKey::access(app, user)),
            (Some(user), TokenKind::Access) => self.pardon(&TokenKey::connect(app, user)),
            // A session is issued to users who have connected nothing, so nothing else is shown.
            _ => {}
        }
    }

    /// Lets a refusal of a key stand no longer, nor one that an exchange under way may still bring. Any other failure stands:
    /// a token for something else does not mend it.
    pub(super) fn pardon(&self, key: &TokenKey) {
        let mut shard = lock(self.shard(key));
        let Some(busy) = shard.get_mut(key) else {
            return;
        };
        if let Some(flight) = &busy.flight {
            flight.outdate();
        }
        if busy.failure.take_if(|failure| failure.is_rule()).is_some() {
            busy.entry.pardon();
            if busy.is_calm(&self.exchanger.policy, self.exchanger.runtime.now()) {
                shard.remove(key);
            }
        }
    }

    /// An access token shows that a source is connected: a session opens Connect no more.
    pub(super) fn drop_session(&self, key: &TokenKey) {
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
    pub(super) fn note_session(self: &Arc<Self>, key: &TokenKey, session: Session) {
        let Some(connect) = (self.exchanger.store.as_ref()).and_then(|_| connect_key(key)) else {
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
                        if busy.is_calm(&self.exchanger.policy, self.exchanger.runtime.now()) {
                            shard.remove(&connect);
                        }
                    }
                    return;
                }
            }
        }
        let (cache, key) = (Arc::clone(self), key.clone());
        let task = async move {
            let patience = cache.exchanger.policy.store_patience();
            cache.exchanger.runtime.sleep(patience).await;
            if cache.exchanger.end_session(&key, patience).await == Session::Ended {
                cache.note_session(&key, Session::Ended);
            }
        };
        // A runtime that cannot hands it back: the note is enough for this process.
        drop(self.exchanger.runtime.spawn(Box::pin(task)));
    }

    /// Keeps an access token that was issued past the broker, for this process alone.
    pub(super) fn adopt(&self, key: &TokenKey, issued: Issued<AccessToken>) {
        let now = self.exchanger.runtime.now();
        let shard = lock(self.shard(key));
        let known = shard.get(key).and_then(|busy| busy.entry.known());
        let generation = SharedExchange::own_generation(known, now);
        let token = KeptToken::access(issued, now).with_generation(generation);
        self.table.keep(key, &token, &self.exchanger.policy, now);
        drop(shard);
        self.drop_session(key);
    }

    /// `anew` says that what the store has of it will not do either.
    pub(super) fn forget(&self, key: &TokenKey, anew: bool) {
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
    pub(super) async fn forget_everywhere(
        &self,
        keys: &[TokenKey],
        at_most: Duration,
    ) -> Result<(), StoreError> {
        let Some(store) = &self.exchanger.store else {
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
            let dropped = self.exchanger.store_within(at_most, dropped).await;
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

/// Whether an exchange's failure is a refusal that something showed to be out of date while it was under way.
fn is_outdated(flight: &Flight<Outcome>, failure: &FlowError) -> bool {
    flight.is_outdated() && failure.is_rule()
}
