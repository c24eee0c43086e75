//! The client: one application's calls over one transport, and what one user's calls hang on.

pub(crate) mod call;
pub(crate) mod connect_token;
#[cfg(feature = "data")]
pub(crate) mod data;
#[cfg(feature = "data")]
mod filters;
#[cfg(feature = "admin")]
pub(crate) mod orders;
#[cfg(feature = "data")]
pub(crate) mod pages;
#[cfg(feature = "tokio")]
pub(crate) mod saving;
#[cfg(feature = "data")]
pub(crate) mod sync;
pub(crate) mod user;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(feature = "admin")]
use humanapi_core::admin::order::OrderPolicy;
use humanapi_core::broker::BrokerPolicy;
use humanapi_core::{
    BuildError, ClientId, Credentials, Flow, FlowError, Hosts, Now, Provisioning, RetryPolicy,
};

use crate::broker::{TokenBroker, TokenBrokerBuilder};
use crate::drive::{Opened, run};
#[cfg(feature = "admin")]
use crate::journal::{MemoryOrderJournal, OrderJournal};
use crate::runtime::Runtime;
#[cfg(feature = "admin")]
use crate::runtime::Timer;
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
    #[cfg(feature = "admin")]
    journal: Arc<dyn OrderJournal>,
    #[cfg(feature = "admin")]
    orders: OrderPolicy,
    #[cfg(feature = "admin")]
    turns: orders::Turns,
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
            #[cfg(feature = "admin")]
            journal: None,
            #[cfg(feature = "admin")]
            orders: OrderPolicy::default(),
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

    /// Waits so long, by the clock that [`now`](Self::now) reads: at once in virtual time. For whoever tries again what
    /// [may pass](crate::Error::is_transient).
    pub async fn sleep(&self, duration: Duration) {
        self.timer().sleep(duration).await;
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.inner.credentials
    }

    pub(crate) fn provisioning(&self) -> Provisioning {
        self.inner.provisioning
    }

    /// The policy of one call: with a seed of its own, so that calls that fail together do not come
    /// back together.
    fn policy(&self, settings: &CallSettings) -> RetryPolicy {
        let call = self.inner.calls.fetch_add(1, Ordering::Relaxed);
        let of_client = &self.inner.policy;
        let seed = of_client.seed().wrapping_add(call);
        let policy = match &settings.retry {
            Some(own) => own.clone().with_seed(own.seed() ^ seed),
            None => of_client.clone().with_seed(seed),
        };
        match settings.timeout {
            Some(timeout) => policy.with_overall_deadline(timeout),
            None => policy,
        }
    }

    /// When this policy's time is over for what begins now, by the monotonic clock.
    pub(crate) fn deadline(&self, policy: &RetryPolicy) -> Duration {
        let now = self.now().monotonic();
        now.saturating_add(policy.overall_deadline())
    }

    /// The time that is left until then.
    pub(crate) fn left(&self, deadline: Duration) -> Duration {
        deadline.saturating_sub(self.now().monotonic())
    }

    /// Carries a flow to its end. One that needs tokens gets them from `tokens`; what it opens, `opened` takes.
    async fn run<F, T>(
        &self,
        flow: &mut F,
        tokens: &dyn TokenSource,
        opened: &mut Opened,
    ) -> Result<T, FlowError>
    where
        F: Flow<Outcome = Result<T, FlowError>>,
    {
        let inner = &*self.inner;
        inner.setup.clone()?;
        run(flow, &*inner.transport, tokens, &*inner.runtime, opened).await
    }

    /// Keeps time.
    fn timer(&self) -> &Arc<dyn Runtime> {
        &self.inner.runtime
    }

    /// Authorizes calls.
    fn tokens(&self) -> &dyn TokenSource {
        &*self.inner.tokens
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

/// What one call sets for itself, in place of the client's own settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallSettings {
    retry: Option<RetryPolicy>,
    timeout: Option<Duration>,
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
    #[cfg(feature = "admin")]
    journal: Option<Arc<dyn OrderJournal>>,
    #[cfg(feature = "admin")]
    orders: OrderPolicy,
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
    pub fn tokens(mut self, tokens: impl TokenSource + 'static) -> Self {
        self.tokens = Some(Tokens::Source(Arc::new(tokens)));
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
    pub fn store(mut self, store: impl TokenStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets where it is written which orders were sent. Without one it is kept in this process's memory, and forgotten with
    /// it: see [`Orders`](crate::Orders) for what that means.
    #[cfg(feature = "admin")]
    pub fn order_journal(mut self, journal: Arc<dyn OrderJournal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Sets how patient placing an order is with others and with the service.
    #[cfg(feature = "admin")]
    pub fn order_policy(mut self, policy: OrderPolicy) -> Self {
        self.orders = policy;
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
        #[cfg(feature = "admin")]
        let journal = self.journal.unwrap_or_else(|| {
            let timer: Arc<dyn Timer> = Arc::clone(&runtime) as Arc<dyn Timer>;
            Arc::new(MemoryOrderJournal::on(timer))
        });
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
                #[cfg(feature = "admin")]
                journal,
                #[cfg(feature = "admin")]
                orders: self.orders,
                #[cfg(feature = "admin")]
                turns: orders::Turns::default(),
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
