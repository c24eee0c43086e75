//! The client: one application's calls over one transport.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::broker::BrokerPolicy;
use humanapi_core::data::{ListActivities, ReadHealthSummary, ReadProfile};
use humanapi_core::flow::{Authorized, Call, ConnectGrant, ConnectTokenFlow};
use humanapi_core::{
    AccessToken, BuildError, ClientId, ClientUserId, ConnectToken, Credentials, EmptyUserId,
    Endpoint, Flow, FlowError, Hosts, Issued, KnownStatus, Leeway, Now, Page, Provisioning,
    RetryPolicy, TokenKey, TokenKind,
};
use tracing::Instrument as _;

use crate::broker::{TokenBroker, TokenBrokerBuilder};
use crate::drive::drive;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::store::TokenStore;
use crate::tokens::{NoTokens, TokenSource};
use crate::transport::Transport;

/// One application's calls over one transport. Cheap to clone; share it.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    policy: RetryPolicy,
    transport: Arc<dyn Transport>,
    runtime: Arc<dyn Runtime>,
    tokens: Arc<dyn TokenSource>,
    /// The same as `tokens`, where it is a broker.
    broker: Option<TokenBroker>,
    /// Why no call may be made.
    setup: Result<(), BuildError>,
    calls: AtomicU64,
}

impl Client {
    /// A client on tokio, for the production hosts, with the default retry policy.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new(
        credentials: Credentials,
        provisioning: Provisioning,
        transport: impl Transport + 'static,
    ) -> Self {
        Self::builder(credentials, provisioning, transport)
            .build_on(crate::runtime::TokioRuntime::new())
    }

    /// A client with other settings.
    pub fn builder(
        credentials: Credentials,
        provisioning: Provisioning,
        transport: impl Transport + 'static,
    ) -> ClientBuilder {
        ClientBuilder {
            credentials,
            provisioning,
            hosts: Hosts::production(),
            policy: RetryPolicy::default(),
            transport: Arc::new(transport),
            tokens: None,
            store: None,
        }
    }

    /// The application's view of one user.
    ///
    /// An empty id is reported by the first call.
    #[must_use]
    pub fn user(&self, id: impl Into<Arc<str>>) -> User {
        User {
            client: self.clone(),
            id: ClientUserId::new(id),
            status: KnownStatus::default(),
        }
    }

    /// Asks for a client token, which administers an application on the Health Intelligence Platform.
    pub fn client_token(&self) -> PlainCall<IssueClientToken> {
        self.plain(Ok(IssueClientToken::new(self.inner.credentials.clone())))
    }

    /// A call that is authorized by the application's client token.
    pub fn administer<E: Endpoint>(&self, endpoint: E) -> AuthorizedCall<E> {
        AuthorizedCall {
            client: self.clone(),
            endpoint,
            key: Ok(TokenKey::client(self.inner.credentials.client_id().clone())),
            status: KnownStatus::default(),
        }
    }

    /// Keeps this application's tokens; nothing if tokens come from a source of your own.
    #[must_use]
    pub fn broker(&self) -> Option<&TokenBroker> {
        self.inner.broker.as_ref()
    }

    /// Where requests go.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.inner.hosts
    }

    pub(crate) fn client_id(&self) -> &ClientId {
        self.inner.credentials.client_id()
    }

    /// Both clocks, as the runtime reads them.
    #[must_use]
    pub fn now(&self) -> Now {
        self.inner.runtime.now()
    }

    fn plain<E: Endpoint>(&self, endpoint: Result<E, EmptyUserId>) -> PlainCall<E> {
        PlainCall {
            client: self.clone(),
            endpoint,
            shows_connected: None,
        }
    }

    /// The policy of one call: with a seed of its own, so that calls that fail together do not come
    /// back together.
    fn policy(&self) -> RetryPolicy {
        let call = self.inner.calls.fetch_add(1, Ordering::Relaxed);
        let policy = &self.inner.policy;
        policy.clone().with_seed(policy.seed().wrapping_add(call))
    }

    /// When a call that begins now has taken long enough, by the monotonic clock.
    fn deadline(&self) -> Duration {
        let now = self.now().monotonic();
        now.saturating_add(self.inner.policy.overall_deadline())
    }

    fn left(&self, deadline: Duration) -> Duration {
        deadline.saturating_sub(self.now().monotonic())
    }

    async fn run<F, T>(&self, flow: &mut F, tokens: &dyn TokenSource) -> Result<T, Error>
    where
        F: Flow<Outcome = Result<T, FlowError>>,
    {
        let inner = &*self.inner;
        if let Err(error) = &inner.setup {
            return Err(FlowError::from(error.clone()).into());
        }
        let outcome = drive(flow, &*inner.transport, tokens, &*inner.runtime).await;
        outcome.map_err(|error| {
            tracing::debug!(error = %error, "failed");
            Error::from(error)
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("credentials", &self.inner.credentials)
            .field("provisioning", &self.inner.provisioning)
            .field("hosts", &self.inner.hosts)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
#[must_use]
pub struct ClientBuilder {
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    policy: RetryPolicy,
    transport: Arc<dyn Transport>,
    tokens: Option<Tokens>,
    store: Option<Arc<dyn TokenStore>>,
}

/// Where tokens come from, if not from a broker that the client makes for itself.
enum Tokens {
    Broker(TokenBroker),
    Source(Arc<dyn TokenSource>),
}

impl ClientBuilder {
    /// Sets where requests go.
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets how often and how long calls are tried. Each call gets a seed of its own from the policy's, to
    /// which a runtime with randomness adds; on one that has none, give each process another.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets where tokens that authorize calls come from, instead of a [`TokenBroker`] that keeps them.
    /// Tokens that open Connect are then asked for afresh each time.
    pub fn tokens(mut self, tokens: Arc<dyn TokenSource>) -> Self {
        self.tokens = Some(Tokens::Source(tokens));
        self
    }

    /// Sets the broker that keeps tokens, for instance to share one between clients. It exchanges tokens
    /// by settings of its own.
    pub fn broker(mut self, broker: TokenBroker) -> Self {
        self.tokens = Some(Tokens::Broker(broker));
        self
    }

    /// Shares tokens with other processes, through the client's own broker.
    ///
    /// Together with [`broker`](Self::broker) or [`tokens`](Self::tokens) there is no broker of its own that would use it:
    /// give it to [`TokenBrokerBuilder::store`](crate::TokenBrokerBuilder::store) instead. Every call of a client that was
    /// built with both fails and says so.
    pub fn store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Builds the client on tokio.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn build(self) -> Client {
        self.build_on(crate::runtime::TokioRuntime::new())
    }

    /// Builds the client on a runtime of your choice.
    #[must_use]
    pub fn build_on(self, runtime: impl Runtime + 'static) -> Client {
        let runtime: Arc<dyn Runtime> = Arc::new(runtime);
        let own = || {
            let mut broker = TokenBrokerBuilder::shared(
                self.credentials.clone(),
                self.provisioning,
                Arc::clone(&self.transport),
            )
            .hosts(self.hosts.clone())
            .retry(self.policy.clone())
            .policy(BrokerPolicy::default().with_seed(self.policy.seed()));
            if let Some(store) = &self.store {
                broker = broker.store(Arc::clone(store));
            }
            broker.build_shared(Arc::clone(&runtime))
        };
        let setup = match (&self.tokens, &self.store) {
            (Some(_), Some(_)) => Err(BuildError::StoreBesideBroker),
            _ => Ok(()),
        };
        let (tokens, broker): (Arc<dyn TokenSource>, _) = match self.tokens {
            // Not even the broker is handed out: tokens that nobody else sees are what the store was to prevent.
            Some(_) if setup.is_err() => (Arc::new(NoTokens), None),
            Some(Tokens::Source(source)) => (source, None),
            Some(Tokens::Broker(broker)) => (Arc::new(broker.clone()), Some(broker)),
            None => {
                let broker = own();
                (Arc::new(broker.clone()), Some(broker))
            }
        };
        let seed = self.policy.seed() ^ runtime.random().unwrap_or_default();
        Client {
            inner: Arc::new(Inner {
                credentials: self.credentials,
                provisioning: self.provisioning,
                hosts: self.hosts,
                policy: self.policy.with_seed(seed),
                transport: self.transport,
                runtime,
                tokens,
                broker,
                setup,
                calls: AtomicU64::new(0),
            }),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("provisioning", &self.provisioning)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// One user, seen by the application.
#[derive(Clone, Debug)]
pub struct User {
    client: Client,
    id: Result<ClientUserId, EmptyUserId>,
    status: KnownStatus,
}

impl User {
    /// Says what is known of the user. An asserted status may refuse a call without asking the
    /// service; a remembered one merely chooses the first request.
    #[must_use]
    pub const fn with_status(mut self, known: KnownStatus) -> Self {
        self.status = known;
        self
    }

    /// Gets the token that opens Connect: a session or an id token, whichever is right. One that the
    /// client keeps is handed out again if it is right for the user and has enough life left.
    pub fn connect_token(&self) -> ConnectTokenCall {
        ConnectTokenCall {
            user: self.clone(),
            email: None,
            reusable: None,
        }
    }

    /// Asks for a session token and for nothing else if that is refused.
    pub fn session_token(&self) -> PlainCall<IssueSessionToken> {
        self.plain(IssueSessionToken::new)
    }

    /// Asks for an id token and for nothing else if that is refused.
    pub fn id_token(&self) -> PlainCall<IssueIdToken> {
        self.plain(IssueIdToken::new).showing_connected(&self.id)
    }

    /// Asks for an access token. To read data none has to be asked for: see [`data`](Self::data).
    pub fn access_token(&self) -> PlainCall<IssueAccessToken> {
        let provisioning = self.client.inner.provisioning;
        self.plain(|credentials, user| IssueAccessToken::new(credentials, provisioning, user))
            .showing_connected(&self.id)
    }

    /// The user's health data.
    #[must_use]
    pub fn data(&self) -> UserData {
        UserData { user: self.clone() }
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.client.deadline()
    }

    /// Has the broker take note of what the service said past it: the token that it issued, or that
    /// there is none. The call that asked ends at `deadline`.
    pub(crate) async fn told(&self, issued: Option<&Issued<AccessToken>>, deadline: Duration) {
        if let (Some(broker), Ok(user)) = (self.client.broker(), &self.id) {
            broker.told(user, issued, self.client.left(deadline)).await;
        }
    }

    fn plain<E: Endpoint>(
        &self,
        endpoint: impl FnOnce(Credentials, ClientUserId) -> E,
    ) -> PlainCall<E> {
        let credentials = self.client.inner.credentials.clone();
        self.client
            .plain(self.id.clone().map(|user| endpoint(credentials, user)))
    }
}

/// Gets the token that opens Connect.
#[must_use = "nothing is sent before `send`"]
pub struct ConnectTokenCall {
    user: User,
    email: Option<String>,
    reusable: Option<(ConnectToken, Leeway)>,
}

impl ConnectTokenCall {
    /// Adds the user's e-mail address, which goes out with a session.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Offers a token from earlier, which is handed out again if it fits the user's status and leaves
    /// more life than `leeway` asks for. It takes the place of one that the client keeps.
    pub fn reuse(mut self, token: ConnectToken, leeway: Leeway) -> Self {
        self.reusable = Some((token, leeway));
        self
    }

    /// Sends what is needed, at most two kinds of request.
    ///
    /// # Errors
    ///
    /// When the service refused both kinds, or one for a reason that the other would not mend.
    pub async fn send(self) -> Result<ConnectGrant, Error> {
        let span = tracing::debug_span!("humanapi", call = "connect_token");
        self.run().instrument(span).await
    }

    async fn run(self) -> Result<ConnectGrant, Error> {
        let User { client, id, status } = self.user;
        let id = id.map_err(|error| FlowError::from(BuildError::from(error)))?;
        if let (Some(broker), None) = (client.broker(), &self.reusable) {
            let grant = broker
                .connect_token(&id, status, self.email.as_deref())
                .await;
            return Ok(grant?);
        }
        let deadline = client.deadline();
        let (hosts, policy) = (client.inner.hosts.clone(), client.policy());
        let credentials = client.inner.credentials.clone();
        let mut flow =
            ConnectTokenFlow::new(credentials, id.clone(), hosts, policy).with_status(status);
        if let Some(email) = self.email {
            flow = flow.with_email(email);
        }
        if let Some((token, leeway)) = self.reusable {
            flow = flow.reusing(token, leeway);
        }
        let grant: ConnectGrant = client.run(&mut flow, &NoTokens).await?;
        if let Some(broker) = client.broker()
            && !grant.reused
            && grant.token.kind() == TokenKind::Id
        {
            broker.end_session(&id, client.left(deadline)).await;
        }
        Ok(grant)
    }
}

impl fmt::Debug for ConnectTokenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectTokenCall")
            .field("user", &self.user)
            .field("reusable", &self.reusable)
            .finish_non_exhaustive()
    }
}

/// One user's health data.
#[derive(Clone, Debug)]
pub struct UserData {
    user: User,
}

impl UserData {
    /// The latest value of everything.
    pub fn summary(&self) -> AuthorizedCall<ReadHealthSummary> {
        self.call(ReadHealthSummary::new())
    }

    /// Who the user is.
    pub fn profile(&self) -> AuthorizedCall<ReadProfile> {
        self.call(ReadProfile::new())
    }

    /// All activities, 50 on a page.
    pub fn activities(&self) -> AuthorizedCall<ListActivities> {
        self.call(ListActivities::new())
    }

    /// Any other call, or one of the above with parameters of your own.
    pub fn call<E: Endpoint>(&self, endpoint: E) -> AuthorizedCall<E> {
        let client_id = self.user.client.inner.credentials.client_id().clone();
        AuthorizedCall {
            client: self.user.client.clone(),
            endpoint,
            key: (self.user.id.clone()).map(|user| TokenKey::access(client_id, user)),
            status: self.user.status,
        }
    }
}

/// One call that needs no token.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct PlainCall<E> {
    client: Client,
    endpoint: Result<E, EmptyUserId>,
    /// Whom its success shows to have connected a source.
    shows_connected: Option<ClientUserId>,
}

impl<E: Endpoint> PlainCall<E> {
    fn showing_connected(mut self, user: &Result<ClientUserId, EmptyUserId>) -> Self {
        self.shows_connected = user.clone().ok();
        self
    }

    /// Sends it, as often as the retry policy allows.
    ///
    /// # Errors
    ///
    /// When the service refused or could not be asked.
    pub async fn send(self) -> Result<E::Output, Error> {
        let endpoint = self
            .endpoint
            .map_err(|error| FlowError::from(BuildError::from(error)))?;
        let span = tracing::debug_span!("humanapi", call = endpoint.name());
        let (hosts, policy) = (self.client.inner.hosts.clone(), self.client.policy());
        let deadline = self.client.deadline();
        let mut call = Call::new(endpoint, hosts, policy);
        let output = self
            .client
            .run(&mut call, &NoTokens)
            .instrument(span)
            .await?;
        if let (Some(broker), Some(user)) = (self.client.broker(), &self.shows_connected) {
            let at_most = self.client.left(deadline);
            broker.end_session(user, at_most).await;
        }
        Ok(output)
    }
}

impl PlainCall<IssueSessionToken> {
    /// Adds the user's e-mail address.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.endpoint = self.endpoint.map(|endpoint| endpoint.with_email(email));
        self
    }
}

/// One call that is authorized by a token.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct AuthorizedCall<E> {
    client: Client,
    endpoint: E,
    key: Result<TokenKey, EmptyUserId>,
    status: KnownStatus,
}

impl<E: Endpoint> AuthorizedCall<E> {
    /// Gets a token and sends the call, as often as the retry policy allows; renews the token once if
    /// the service refuses it.
    ///
    /// # Errors
    ///
    /// When no token could be had, or the service refused or could not be asked.
    pub async fn send(self) -> Result<E::Output, Error> {
        let key = self
            .key
            .map_err(|error| FlowError::from(BuildError::from(error)))?;
        let span = tracing::debug_span!("humanapi", call = self.endpoint.name());
        let inner = &*self.client.inner;
        let (hosts, policy) = (inner.hosts.clone(), self.client.policy());
        let mut flow = Authorized::new(self.endpoint, key, hosts, policy).with_status(self.status);
        self.client
            .run(&mut flow, &*inner.tokens)
            .instrument(span)
            .await
    }

    fn with_endpoint(&self, endpoint: E) -> Self {
        Self {
            client: self.client.clone(),
            endpoint,
            key: self.key.clone(),
            status: self.status,
        }
    }
}

impl<T, E> AuthorizedCall<E>
where
    E: Endpoint<Output = Page<T, E>>,
{
    /// All pages from this one on, one after another. Ends after the first error.
    ///
    /// What shows that the list changed meanwhile stands in each page's `drift`.
    pub fn pages(self) -> impl Stream<Item = Result<Page<T, E>, Error>>
    where
        E: Clone,
    {
        stream::try_unfold(Some(self), |call| async move {
            let Some(call) = call else {
                return Ok(None);
            };
            let page = call.clone().send().await?;
            let next = page.next.clone().map(|next| call.with_endpoint(next));
            Ok(Some((page, next)))
        })
    }

    /// All items from this page on, one after another. Ends after the first error.
    ///
    /// A list that changed while it was read, whose total disagrees with what came, or that holds
    /// something that is no record, ends with an error of the kind
    /// [`Drifted`](crate::ErrorKind::Drifted), after all of its items. [`pages`](Self::pages) gives what
    /// is no record with its bytes.
    pub fn items(self) -> impl Stream<Item = Result<T, Error>>
    where
        E: Clone,
    {
        use futures_util::StreamExt as _;

        let mut drift = None;
        let of_page = move |page: Result<Page<T, E>, Error>| {
            let (items, last) = match page {
                Ok(page) => {
                    drift = drift.or_else(|| page.drift.first().copied());
                    let drift = drift.filter(|_| page.next.is_none());
                    (page.items, drift.map(|drift| FlowError::from(drift).into()))
                }
                Err(error) => (Vec::new(), Some(error)),
            };
            stream::iter(items.into_iter().map(Ok).chain(last.map(Err)))
        };
        self.pages().map(of_page).flatten()
    }
}
