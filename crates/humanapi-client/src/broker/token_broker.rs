//! The broker that applications hold.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use humanapi_core::broker::{Fitness, KeptToken, Lookup};
use humanapi_core::flow::ConnectGrant;
use humanapi_core::{
    AccessToken, Bearer, BuildError, ClientId, ClientUserId, FlowError, Issued, KnownStatus,
    Rejected, TokenKey, TokenKind, UserEvent, UserStatus,
};

use super::cache::Cache;
use super::event::BrokerEvent;
use super::exchange::ConnectRequest;
use super::request::TokenRequest;
use super::table::TokenRef;
use crate::store::StoreError;
use crate::tokens::TokenSource;

/// Keeps the tokens of one application for all callers of a process, and shares them with other
/// processes through a [`TokenStore`](crate::TokenStore) where one is given.
///
/// * **One exchange for each key**, however many callers ask at once. It belongs to none of them: one
///   who stops waiting stops nobody else.
/// * **Nobody waits while a token is good for anything.** It is renewed behind the callers' backs from
///   10 % of its life before its end, at most 300 s, and a little earlier so that tokens issued
///   together are not renewed together.
/// * **A failure is shared** and stands until its pause ends; pauses double. A refusal that is a rule
///   (no connected source, a wrong secret) stands for 10 s at most, or until [`forget`](Self::forget). One that a token
///   shows to be out of date stands no longer: an access or id token of a user, or a client token.
/// * **Nobody waits for longer than the retry policy's overall deadline**, whatever it is that hangs.
/// * **After a 401 the token is renewed once**, however many calls report it, and a late report of an
///   older token renews nothing. If something in between may have sent the 401, the token is kept until
///   there is a newer one.
/// * **A store that is down costs nobody a token**: what is in memory is served, and what is not is
///   exchanged for this process alone.
///
/// A [`Client`](crate::Client) makes one by itself. Make your own to share it between clients, to add a
/// store, or to hear of [events](crate::TokenBrokerBuilder::on_event). Cheap to clone; share it.
///
/// ```
/// use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
/// use humanapi_client::{TokenBroker, core::{Credentials, Provisioning, TokenKey}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transport = ScriptedTransport::new([
///     Reply::json(200, r#"{"access_token":"at-1","expires_in":86400}"#),
/// ]);
/// let credentials = Credentials::new("my-app", "hush")?;
/// let app = credentials.client_id().clone();
/// let broker = TokenBroker::builder(credentials, Provisioning::Connect, transport)
///     .build_on(VirtualRuntime::new());
///
/// let key = TokenKey::access(app, "patient-17");
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
    cache: Arc<Cache>,
}

impl TokenBroker {
    pub(super) fn of(cache: Cache) -> Self {
        Self {
            cache: Arc::new(cache),
        }
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
        let exchanger = &self.cache.exchanger;
        if !self.cache.is_mine(key) {
            return None;
        }
        let token = self.cache.table.find(key)?;
        if !ConnectRequest::default().may_reuse(key, token.kind()) {
            return None;
        }
        let now = exchanger.runtime.now();
        match token.life().fitness(Duration::ZERO, &exchanger.policy, now) {
            Fitness::Fresh => {}
            Fitness::Due => {
                let request = TokenRequest::default();
                drop(self.cache.decide(key, &request));
            }
            Fitness::Spent => return None,
        }
        token.touch(now);
        if cfg!(feature = "metrics") || exchanger.listener.is_some() {
            exchanger.tell(key, BrokerEvent::Hit);
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
            .cache
            .serve(key, &TokenRequest::default(), self.cache.deadline())
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
        let request = TokenRequest {
            lookup: Lookup::default().with_life(life),
            ..TokenRequest::default()
        };
        let deadline = self.cache.deadline();
        Ok(self.cache.serve(key, &request, deadline).await?.to_kept())
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
        user: impl Into<ClientUserId>,
        known: KnownStatus,
        email: Option<&str>,
    ) -> Result<ConnectGrant, Arc<FlowError>> {
        let deadline = self.cache.deadline();
        let keys = self.keys_of(&user.into());
        let key = keys[1].clone();
        let at_least = self.cache.exchanger.policy.connect_life();
        let request = TokenRequest {
            lookup: Lookup::default().with_life(at_least),
            connect: ConnectRequest {
                status: known,
                email: email.map(str::to_owned),
            },
        };
        if request.is_anew(&key) && !self.cache.is_begun_anew(&key) {
            // The exchange needs time too, of the store as well as of the service.
            let at_most = self.cache.left(deadline) / 3;
            if let Err(error) = self.cache.forget_everywhere(&keys, at_most).await {
                // What the store has is passed over until it could be told.
                self.cache
                    .exchanger
                    .tell(&key, BrokerEvent::StoreFailed(&error));
            }
        }
        let served = self.cache.serve(&key, &request, deadline).await?;
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
        self.cache.exchanger.credentials.client_id()
    }

    /// When the token at hand ends, by the wall clock.
    #[must_use]
    pub fn expires_at(&self, key: &TokenKey) -> Option<SystemTime> {
        Some(self.cache.table.find(key)?.expiry().wall())
    }

    /// How many tokens are kept in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.table.len()
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
    pub async fn forget(&self, user: impl Into<ClientUserId>) -> Result<(), StoreError> {
        let keys = self.keys_of(&user.into());
        self.cache.forget_everywhere(&keys, Duration::MAX).await
    }

    /// Forgets what this process keeps of a user, failures that stand too: for one who has just connected
    /// a first source, whose access token was refused a moment ago.
    pub fn forget_here(&self, user: impl Into<ClientUserId>) {
        for key in self.keys_of(&user.into()) {
            self.cache.forget(&key, false);
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
            self.cache.forget(&access, false);
            self.cache.adopt(&access, issued.clone());
            return;
        }
        let forgotten = self
            .cache
            .forget_everywhere(std::slice::from_ref(&access), at_most)
            .await;
        if let Err(error) = forgotten {
            (self.cache.exchanger).tell(&access, BrokerEvent::StoreFailed(&error));
        }
    }

    /// Whether it asks a store, which takes time.
    pub(crate) fn asks_a_store(&self) -> bool {
        self.cache.exchanger.store.is_some()
    }

    /// A token of this kind was issued past the broker: no refusal that it shows to be out of date stands.
    ///
    /// By an access or id token the user has connected a source, so a session opens Connect no more. Takes no longer than
    /// this.
    pub(crate) async fn issued_past(
        &self,
        kind: TokenKind,
        user: Option<&ClientUserId>,
        at_most: Duration,
    ) {
        let Some(user) = user else {
            return self
                .cache
                .pardon(&TokenKey::client(self.client_id().clone()));
        };
        let [access, connect] = self.keys_of(user);
        self.cache.pardon(&connect);
        if !matches!(kind, TokenKind::Access | TokenKind::Id) {
            return;
        }
        self.cache.pardon(&access);
        self.cache.drop_session(&access);
        let session = self.cache.exchanger.end_session(&access, at_most).await;
        self.cache.note_session(&access, session);
    }

    fn keys_of(&self, user: &ClientUserId) -> [TokenKey; 2] {
        let client_id = self.cache.exchanger.credentials.client_id();
        [
            TokenKey::access(client_id.clone(), user.clone()),
            TokenKey::connect(client_id.clone(), user.clone()),
        ]
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
            let deadline = self.cache.deadline();
            let served = (self.cache)
                .serve(key, &TokenRequest::default(), deadline)
                .await?;
            return served.bearer().map_err(build);
        };
        let refused = rejected.generation();
        let lookup = Lookup::default();
        let request = TokenRequest {
            lookup: if rejected.is_certain() {
                lookup.with_rejected(refused)
            } else {
                lookup.with_doubted(refused)
            },
            ..TokenRequest::default()
        };
        let deadline = self.cache.deadline();
        let mut served = self.cache.serve(key, &request, deadline).await?;
        if rejected.is_certain() && served.generation() <= refused {
            // It was under way when it was refused. What comes next is newer, or stands.
            served = self.cache.serve(key, &request, deadline).await?;
        }
        served.bearer().map_err(build)
    }
}

impl fmt::Debug for TokenBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBroker")
            .field("credentials", &self.cache.exchanger.credentials)
            .field("kept", &self.len())
            .finish_non_exhaustive()
    }
}
