//! Where the tokens that authorize calls come from.

use std::sync::Arc;

use async_trait::async_trait;
use humanapi_core::{Bearer, BuildError, FlowError, Generation, TokenKey};

/// Answers a flow's need for a token. A [`TokenBroker`](crate::TokenBroker) does; so may a source of your
/// own.
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

/// For flows that need no token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoTokens;

#[async_trait]
impl TokenSource for NoTokens {
    async fn token(&self, _: &TokenKey, _: Option<Generation>) -> Result<Bearer, Arc<FlowError>> {
        Err(Arc::new(BuildError::NoTokenSource.into()))
    }
}
