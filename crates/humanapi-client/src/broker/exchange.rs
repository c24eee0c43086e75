//! Carrying out one exchange, with the store's part in it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use humanapi_core::broker::{
    Acquired, BrokerPolicy, Commit, Found, Got, KeptToken, SharedExchange, StoreInput, StoreStep,
};
use humanapi_core::flow::TokenExchange;
use humanapi_core::{
    Credentials, FlowError, Generation, Hosts, KnownStatus, Leeway, Provisioning, RetryPolicy,
    TokenKey, TokenKind,
};

use super::event::{BrokerEvent, BrokerListener, EventKey};
use crate::drive::drive;
use crate::runtime::Runtime;
use crate::store::{StoreError, StoreErrorKind, TokenStore};
use crate::tokens::NoTokens;
use crate::transport::Transport;

/// All that an exchange needs.
pub(super) struct Means {
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
pub(super) struct Order {
    pub(super) key: TokenKey,
    /// What the token must be newer than.
    pub(super) known: Option<Generation>,
    /// What the service refused.
    pub(super) rejected: Option<Generation>,
    /// How much life a token from the store must have left.
    pub(super) at_least: Duration,
    pub(super) wish: ConnectWish,
    /// The service failed lately: one attempt, and no more.
    pub(super) once: bool,
}

/// What matters to a token that opens Connect.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectWish {
    pub(super) status: KnownStatus,
    /// The kind that is right for the status, where only one is.
    pub(super) kind: Option<TokenKind>,
    pub(super) email: Option<String>,
}

/// A token that an exchange brought, and whether the token service issued it now.
pub(super) struct Brought {
    pub(super) token: KeptToken,
    pub(super) issued: bool,
}

impl Means {
    pub(super) fn tell(&self, key: &TokenKey, event: BrokerEvent<'_>) {
        tracing::trace!(
            event = event.name(),
            purpose = key.purpose().name(),
            "broker"
        );
        if let Some(listener) = &self.listener {
            listener(EventKey(key), event);
        }
    }

    /// Gets the token, through the store where there is one.
    pub(super) async fn get(&self, order: &Order) -> Result<Brought, FlowError> {
        let mut machine = match &self.store {
            Some(_) => SharedExchange::new(order.known, order.rejected),
            None => SharedExchange::alone(order.known),
        };
        let mut stored: Option<KeptToken> = None;
        let mut exchanged: Option<Result<KeptToken, FlowError>> = None;
        loop {
            let input = match machine.poll(self.runtime.now()) {
                StoreStep::Invalidate(generation) => self
                    .ask(order, |store| store.invalidate(&order.key, generation))
                    .await
                    .map(|()| StoreInput::Invalidated),
                StoreStep::Load => {
                    let loaded = self.ask(order, |store| store.load(&order.key)).await;
                    loaded.map(|token| {
                        let found = token.as_ref().map(|token| self.found(order, token));
                        stored = token;
                        StoreInput::Loaded(found)
                    })
                }
                StoreStep::Acquire { known } => {
                    let ttl = self.policy.lease();
                    let acquired = self
                        .ask(order, |store| store.acquire(&order.key, ttl, known))
                        .await;
                    acquired.map(|acquired| {
                        StoreInput::Acquired(match acquired {
                            Acquired::Won(lease) => Acquired::Won(lease),
                            Acquired::Held { remaining } => Acquired::Held { remaining },
                            Acquired::Newer(token) => {
                                let found = self.found(order, &token);
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
                    let outcome = self.exchange(order).await;
                    let ok = outcome.is_ok();
                    exchanged = Some(outcome.map(|token| token.with_generation(generation)));
                    Some(StoreInput::Exchanged(ok))
                }
                StoreStep::Commit(lease) => {
                    let Some(Ok(token)) = &exchanged else {
                        unreachable!("only what was exchanged is committed");
                    };
                    let done = self
                        .ask(order, |store| store.commit(&order.key, lease, token))
                        .await;
                    if done == Some(Commit::Fenced) {
                        self.tell(&order.key, BrokerEvent::Fenced);
                    }
                    done.map(StoreInput::Committed)
                }
                StoreStep::Release(lease) => self
                    .ask(order, |store| store.release(&order.key, lease))
                    .await
                    .map(|()| StoreInput::Released),
                StoreStep::Done(got) => {
                    let (token, issued) = match (got, stored, exchanged) {
                        (Got::Stored, Some(token), _) => (token, false),
                        (_, _, Some(outcome)) => (outcome?, true),
                        (_, _, None) => unreachable!("a token came from one of the two"),
                    };
                    return Ok(Brought { token, issued });
                }
            };
            let input = input.unwrap_or(StoreInput::StoreFailed);
            machine.handle(input, self.runtime.now());
        }
    }

    fn found(&self, order: &Order, token: &KeptToken) -> Found {
        let leeway = Leeway::at_least(order.at_least).with_skew(self.policy.skew());
        let kind_is_right = order.wish.kind.is_none_or(|kind| kind == token.kind());
        Found {
            generation: token.generation(),
            fit: kind_is_right && token.expiry().leaves(self.runtime.now(), leeway),
        }
    }

    async fn exchange(&self, order: &Order) -> Result<KeptToken, FlowError> {
        let retry = match order.once {
            true => self.retry.clone().with_max_attempts(1),
            false => self.retry.clone(),
        };
        let mut exchange = TokenExchange::new(
            &order.key,
            order.wish.status,
            order.wish.email.as_deref(),
            self.credentials.clone(),
            self.provisioning,
            self.hosts.clone(),
            retry,
        )?;
        drive(&mut exchange, &*self.transport, &NoTokens, &*self.runtime).await
    }

    /// Asks the store, for as long as is reasonable. A failure is told and costs nobody the token.
    async fn ask<'a, T, F>(
        &'a self,
        order: &Order,
        operation: impl FnOnce(&'a dyn TokenStore) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>> + Unpin,
    {
        let store = self.store.as_deref()?;
        let answer = select(
            operation(store),
            self.runtime.sleep(self.policy.store_patience()),
        )
        .await;
        let error = match answer {
            Either::Left((Ok(answer), _)) => return Some(answer),
            Either::Left((Err(error), _)) => error,
            Either::Right(_) => StoreError::new(
                StoreErrorKind::Unavailable,
                "the token store did not answer in time",
            ),
        };
        tracing::debug!(error = %error, "the token store failed");
        self.tell(&order.key, BrokerEvent::StoreFailed(&error));
        None
    }
}
