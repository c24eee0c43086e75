//! Settings of a broker.

use std::fmt;
use std::sync::Arc;

use humanapi_core::broker::BrokerPolicy;
use humanapi_core::{Credentials, Hosts, Provisioning, RetryPolicy};

use super::cache::Cache;
use super::event::{BrokerEvent, BrokerListener, EventKey};
use super::exchange::Exchanger;
use super::token_broker::TokenBroker;
use crate::runtime::Runtime;
use crate::store::TokenStore;
use crate::transport::Transport;

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
    pub fn store(mut self, store: impl TokenStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
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
        let exchanger = Exchanger {
            credentials: self.credentials,
            provisioning: self.provisioning,
            hosts: self.hosts,
            retry,
            policy,
            transport: self.transport,
            runtime,
            store: self.store,
            listener: self.listener,
        };
        TokenBroker::of(Cache::new(exchanger, self.capacity))
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
