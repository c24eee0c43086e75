//! Carrying out one exchange, with the store's part in it.

use std::sync::Arc;
use std::time::Duration;

use humanapi_core::broker::{
    Acquired, BrokerPolicy, Commit, Found, Got, KeptToken, SharedExchange, StoreInput, StoreStep,
};
use humanapi_core::flow::TokenExchange;
use humanapi_core::rules::Purpose;
use humanapi_core::{
    Credentials, FlowError, Generation, Hosts, KnownStatus, Leeway, Provisioning, RetryPolicy,
    TokenKey, TokenKind, UserStatus,
};

use super::event::{BrokerEvent, BrokerListener, EventKey};
use crate::drive::{drive, in_time};
use crate::runtime::Runtime;
use crate::store::{StoreError, StoreErrorKind, TokenStore};
use crate::telemetry::{self, Begun};
use crate::tokens::NoTokens;
use crate::transport::Transport;

/// Exchanges tokens: all that an exchange needs.
pub(super) struct Exchanger {
    pub(super) credentials: Credentials,
    pub(super) provisioning: Provisioning,
    pub(super) hosts: Hosts,
    pub(super) retry: RetryPolicy,
    pub(super) policy: BrokerPolicy,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) store: Option<Arc<dyn TokenStore>>,
    pub(super) listener: Option<Box<BrokerListener>>,
}

/// What one exchange is for.
pub(super) struct ExchangeRequest {
    pub(super) key: TokenKey,
    /// What the token must be newer than.
    pub(super) known: Option<Generation>,
    /// What the service refused.
    pub(super) rejected: Option<Generation>,
    /// How much life a token from the store must have left.
    pub(super) at_least: Duration,
    pub(super) connect: ConnectRequest,
    /// The service failed lately: one attempt, and no more.
    pub(super) once: bool,
    /// Nothing that the store has by now will do: the user was deleted.
    pub(super) anew: bool,
    /// Of this exchange's own waits.
    pub(super) seed: u64,
}

/// What matters to a token that opens Connect.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectRequest {
    pub(super) status: KnownStatus,
    pub(super) email: Option<String>,
}

impl ConnectRequest {
    /// Whether a token from earlier will do.
    pub(super) fn may_reuse(&self, key: &TokenKey, kind: TokenKind) -> bool {
        key.purpose() != Purpose::OpenConnect || self.reusable() == Some(kind)
    }

    /// A session is reused for a user who has started and connected nothing, and for nobody else: it is not
    /// known whether it opens Connect for one who has. An id token shows that the user has.
    const fn reusable(&self) -> Option<TokenKind> {
        match self.status.status() {
            UserStatus::Started => Some(TokenKind::Session),
            UserStatus::Connected | UserStatus::Unknown => Some(TokenKind::Id),
            UserStatus::New | UserStatus::Deleted => None,
        }
    }
}

/// A token that an exchange fetched, from the service or from the store.
pub(super) struct FetchedToken {
    pub(super) token: KeptToken,
    /// Whether the token service issued it now.
    pub(super) issued: bool,
    /// Whether the store took its part in it.
    pub(super) by_store: bool,
    /// What it shows of a session of the user in the store.
    pub(super) session: Session,
}

/// What is known of a user's session in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// Nothing: it may well open Connect.
    Unknown,
    /// The user has connected, and the store has none any more.
    Ended,
    /// The user has connected, and the store could not be told that it opens Connect no more.
    Stays,
}

impl Exchanger {
    pub(super) fn tell(&self, key: &TokenKey, event: BrokerEvent<'_>) {
        telemetry::broker_event(key.purpose(), &event);
        if let Some(listener) = &self.listener {
            listener(EventKey(key), event);
        }
    }

    /// Gets the token, through the store where there is one.
    pub(super) async fn get(&self, request: &ExchangeRequest) -> Result<FetchedToken, FlowError> {
        let begun = self.runtime.now().monotonic();
        // Whoever waits for the lease of another needs time for an exchange of its own after it.
        let patience = (self.policy.lease()).min(self.retry.overall_deadline() / 2);
        let mut machine = match &self.store {
            Some(_) if request.anew => SharedExchange::anew(request.known),
            Some(_) => SharedExchange::new(request.known, request.rejected),
            None => SharedExchange::alone(request.known),
        }
        .with_patience(patience);
        let mut stored: Option<KeptToken> = None;
        let mut exchanged: Option<Result<KeptToken, FlowError>> = None;
        loop {
            let input = match machine.poll(self.runtime.now()) {
                StoreStep::Invalidate(generation) => self
                    .ask(&request.key, |store| {
                        store.invalidate(&request.key, generation)
                    })
                    .await
                    .map(|()| StoreInput::Invalidated),
                StoreStep::Load => {
                    let loaded = self
                        .ask(&request.key, |store| store.load(&request.key))
                        .await;
                    loaded.map(|token| {
                        let found = token.as_ref().map(|token| self.found(request, token));
                        stored = token;
                        StoreInput::Loaded(found)
                    })
                }
                StoreStep::Acquire { known } => {
                    let ttl = self.policy.lease();
                    let acquired = self
                        .ask(&request.key, |store| {
                            store.acquire(&request.key, ttl, known)
                        })
                        .await;
                    acquired.map(|acquired| {
                        StoreInput::Acquired(match acquired {
                            Acquired::Won(lease) => Acquired::Won(lease),
                            Acquired::Held { remaining } => Acquired::Held { remaining },
                            Acquired::Newer(token) => {
                                let found = self.found(request, &token);
                                stored = Some(token);
                                Acquired::Newer(found)
                            }
                        })
                    })
                }
                StoreStep::WaitUntil(moment) => {
                    let wait = moment.saturating_sub(self.runtime.now().monotonic());
                    self.runtime.sleep(wait).await;
                    continue;
                }
                StoreStep::Exchange { generation } => {
                    let outcome = self.exchange(request).await;
                    let ok = outcome.is_ok();
                    exchanged = Some(outcome.map(|token| token.with_generation(generation)));
                    Some(StoreInput::Exchanged(ok))
                }
                StoreStep::Commit(lease) => {
                    let Some(Ok(token)) = &exchanged else {
                        unreachable!("only what was exchanged is committed");
                    };
                    let done = self
                        .ask(&request.key, |store| {
                            store.commit(&request.key, lease, token)
                        })
                        .await;
                    if done == Some(Commit::Fenced) {
                        self.tell(&request.key, BrokerEvent::Fenced);
                    }
                    done.map(StoreInput::Committed)
                }
                StoreStep::Release(lease) => self
                    .ask(&request.key, |store| store.release(&request.key, lease))
                    .await
                    .map(|()| StoreInput::Released),
                StoreStep::Done(got) => {
                    let (token, issued) = match (got, stored, exchanged) {
                        (Got::Stored, Some(token), _) => (token, false),
                        (_, _, Some(outcome)) => (outcome?, true),
                        (_, _, None) => unreachable!("a token came from one of the two"),
                    };
                    let by_store = !machine.store_failed();
                    let session = match token.kind() {
                        _ if !issued => Session::Unknown,
                        TokenKind::Access if by_store => {
                            let spent = self.runtime.now().monotonic().saturating_sub(begun);
                            let left = self.retry.overall_deadline().saturating_sub(spent);
                            // Those who wait are to get the token within their time all the same.
                            self.end_session(&request.key, left / 2).await
                        }
                        // A store that has just failed is asked behind their backs.
                        TokenKind::Access | TokenKind::Id if !by_store => Session::Stays,
                        _ => Session::Unknown,
                    };
                    return Ok(FetchedToken {
                        token,
                        issued,
                        by_store,
                        session,
                    });
                }
            };
            let input = input.unwrap_or(StoreInput::StoreFailed);
            machine.handle(input, self.runtime.now());
        }
    }

    fn found(&self, request: &ExchangeRequest, token: &KeptToken) -> Found {
        let leeway = Leeway::at_least(request.at_least).with_skew(self.policy.skew());
        Found {
            generation: token.generation(),
            fit: request.connect.may_reuse(&request.key, token.kind())
                && token.expiry().leaves(self.runtime.now(), leeway),
        }
    }

    async fn exchange(&self, request: &ExchangeRequest) -> Result<KeptToken, FlowError> {
        let retry = match request.once {
            true => self.retry.clone().with_max_attempts(1),
            false => self.retry.clone(),
        };
        let retry = retry.with_seed(self.retry.seed().wrapping_add(request.seed));
        let mut exchange = TokenExchange::new(
            &request.key,
            request.connect.status,
            request.connect.email.as_deref(),
            self.credentials.clone(),
            self.provisioning,
            self.hosts.clone(),
            retry,
        )?;
        let begun = Begun::now(&*self.runtime);
        let outcome = drive(&mut exchange, &*self.transport, &NoTokens, &*self.runtime).await;
        telemetry::exchange_ended(
            request.key.purpose(),
            request.known.max(request.rejected).is_some(),
            &begun,
            &*self.runtime,
            outcome.as_ref().err(),
        );
        outcome
    }

    /// Has the store drop the session of a key's user, who has connected a source: it opens Connect no more.
    /// Takes no longer than this, nor than the store may take for one answer.
    pub(super) async fn end_session(&self, key: &TokenKey, at_most: Duration) -> Session {
        let (Some(store), Some(key)) = (self.store.as_deref(), connect_key(key)) else {
            return Session::Ended;
        };
        let operation = std::pin::pin!(async {
            let kept = store.load(&key).await?;
            match kept.filter(|token| token.kind() == TokenKind::Session) {
                Some(session) => store.invalidate(&key, session.generation()).await,
                None => Ok(()),
            }
        });
        match self.heard(&key, self.store_within(at_most, operation).await) {
            Some(()) => Session::Ended,
            None => Session::Stays,
        }
    }

    /// Asks the store, for as long as is reasonable.
    async fn ask<'a, T, F>(
        &'a self,
        key: &TokenKey,
        operation: impl FnOnce(&'a dyn TokenStore) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>> + Unpin,
    {
        let store = self.store.as_deref()?;
        let answer = self.store_within(Duration::MAX, operation(store)).await;
        self.heard(key, answer)
    }

    /// The store's answer. A failure is told, and costs nobody the token.
    fn heard<T>(&self, key: &TokenKey, answer: Result<T, StoreError>) -> Option<T> {
        let error = match answer {
            Ok(answer) => return Some(answer),
            Err(error) => error,
        };
        self.tell(key, BrokerEvent::StoreFailed(&error));
        None
    }

    /// What the store answers, or that it did not within this time and its patience.
    pub(super) async fn store_within<T>(
        &self,
        at_most: Duration,
        operation: impl Future<Output = Result<T, StoreError>> + Unpin,
    ) -> Result<T, StoreError> {
        let patience = self.policy.store_patience().min(at_most);
        let answer = in_time(operation, &*self.runtime, patience).await;
        answer.unwrap_or_else(|| {
            let message = "the token store did not answer in time";
            Err(StoreError::new(StoreErrorKind::Unavailable, message))
        })
    }
}

/// The key that the session of a key's user is kept under.
pub(super) fn connect_key(key: &TokenKey) -> Option<TokenKey> {
    let user = key.user()?.clone();
    Some(TokenKey::connect(key.client_id().clone(), user))
}
