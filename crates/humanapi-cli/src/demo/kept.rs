//! The access token of the story, asked for once and kept on the server.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use humanapi_client::{FreshTokens, TokenSource};
use humanapi_core::{AccessToken, Bearer, BuildError, FlowError, Generation, TokenKey};

/// Hands out the token that it was given, and asks for another where there is none or it was refused.
pub(crate) struct KeptToken {
    bearer: Mutex<Option<Bearer>>,
    fresh: FreshTokens,
}

impl KeptToken {
    pub(crate) fn new(fresh: FreshTokens) -> Self {
        Self {
            bearer: Mutex::new(None),
            fresh,
        }
    }

    pub(crate) fn keep(&self, token: &AccessToken) -> Result<(), BuildError> {
        let bearer = Bearer::access(token, Generation::new(0))?;
        *self.bearer.lock().unwrap_or_else(PoisonError::into_inner) = Some(bearer);
        Ok(())
    }
}

#[async_trait]
impl TokenSource for KeptToken {
    async fn token(
        &self,
        key: &TokenKey,
        rejected: Option<Generation>,
    ) -> Result<Bearer, Arc<FlowError>> {
        let kept = self
            .bearer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match kept {
            Some(bearer) if rejected.is_none() => Ok(bearer),
            _ => self.fresh.token(key, rejected).await,
        }
    }
}
