//! Where the tokens that authorize calls come from.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use humanapi_core::flow::TokenExchange;
use humanapi_core::{
    Bearer, BuildError, Credentials, FlowError, Generation, Hosts, KnownStatus, Provisioning,
    RetryPolicy, TokenKey,
};

use crate::drive::drive;
use crate::runtime::Runtime;
use crate::transport::Transport;

/// Answers a flow's need for a token.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token of `key`, newer than `rejected` where that is given: the service refused that one.
    ///
    /// # Errors
    ///
    /// When none can be had. The error is shared by all who waited for the same exchange.
    async fn token(
        &self,
        key: &TokenKey,
        rejected: Option<Generation>,
    ) -> Result<Bearer, Arc<FlowError>>;
}

/// Asks the token service afresh for each call, and keeps nothing.
pub struct FreshTokens {
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    policy: RetryPolicy,
    transport: Arc<dyn Transport>,
    runtime: Arc<dyn Runtime>,
    issued: AtomicU64,
}

impl FreshTokens {
    /// Tokens of this application.
    #[must_use]
    pub fn new(
        credentials: Credentials,
        provisioning: Provisioning,
        hosts: Hosts,
        policy: RetryPolicy,
        transport: Arc<dyn Transport>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        Self {
            credentials,
            provisioning,
            hosts,
            policy,
            transport,
            runtime,
            issued: AtomicU64::new(0),
        }
    }

    async fn issue(&self, key: &TokenKey) -> Result<Bearer, FlowError> {
        // Counted before the exchange, so that a later exchange never has a lower generation.
        let generation = Generation::new(self.issued.fetch_add(1, Ordering::Relaxed) + 1);
        let mut exchange = TokenExchange::new(
            key,
            KnownStatus::default(),
            None,
            self.credentials.clone(),
            self.provisioning,
            self.hosts.clone(),
            self.policy.clone(),
        )?;
        let issued = drive(&mut exchange, &*self.transport, &NoTokens, &*self.runtime).await?;
        Ok(issued.with_generation(generation).bearer()?)
    }
}

#[async_trait]
impl TokenSource for FreshTokens {
    async fn token(&self, key: &TokenKey, _: Option<Generation>) -> Result<Bearer, Arc<FlowError>> {
        self.issue(key).await.map_err(Arc::new)
    }
}

impl fmt::Debug for FreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshTokens")
            .field("credentials", &self.credentials)
            .field("provisioning", &self.provisioning)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// For flows that need no token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoTokens;

#[async_trait]
impl TokenSource for NoTokens {
    async fn token(&self, _: &TokenKey, _: Option<Generation>) -> Result<Bearer, Arc<FlowError>> {
        Err(Arc::new(BuildError::NoTokenSource.into()))
    }
}
