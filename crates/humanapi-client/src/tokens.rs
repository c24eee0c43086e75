//! Where the tokens that authorize calls come from.

use std::sync::Arc;

use async_trait::async_trait;
use humanapi_core::{Bearer, BuildError, FlowError, Rejected, TokenKey};

/// Answers a flow's need for a token. A [`TokenBroker`](crate::TokenBroker) does; so may a source of your
/// own.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// The token of `key`, newer than `rejected` where that is given: a call with that one was answered by
    /// 401. Unless it is [certain](Rejected::is_certain) that the service did so, keep that one until a newer
    /// one is there; and where none can be had, an error or the same token are answers.
    ///
    /// # Errors
    ///
    /// When none can be had. The error is shared by all who waited for the same exchange.
    async fn token(
        &self,
        key: &TokenKey,
        rejected: Option<Rejected>,
    ) -> Result<Bearer, Arc<FlowError>>; // An `impl` needs `#[async_trait]` above it, too.
}

/// What points to a source of tokens is one.
macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[async_trait]
        impl<S: TokenSource + ?Sized> TokenSource for $pointer {
            async fn token(
                &self,
                key: &TokenKey,
                rejected: Option<Rejected>,
            ) -> Result<Bearer, Arc<FlowError>> {
                (**self).token(key, rejected).await
            }
        }
    )+};
}

pointers!(&S, Box<S>, Arc<S>);

/// For flows that need no token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoTokens;

#[async_trait]
impl TokenSource for NoTokens {
    async fn token(&self, _: &TokenKey, _: Option<Rejected>) -> Result<Bearer, Arc<FlowError>> {
        Err(Arc::new(BuildError::NoTokenSource.into()))
    }
}
