//! Which of reqwest's clients sends a request.

#[cfg(feature = "rustls")]
use std::sync::Arc;

use http::Uri;
use humanapi_core::SendFailure;
use reqwest::Client;

#[cfg(feature = "rustls")]
use crate::lazy::Lazy;

/// The clients of a transport.
#[derive(Clone)]
pub(crate) enum Clients {
    /// The application's own client.
    Own(Client),
    /// Our own, made when they are needed.
    #[cfg(feature = "rustls")]
    Lazy(Arc<Lazy>),
}

impl Clients {
    #[cfg(feature = "rustls")]
    pub(crate) fn lazy(settings: humanapi_client::adapter::Settings) -> Self {
        Self::Lazy(Arc::new(Lazy::new(settings)))
    }

    /// The client for this target.
    #[cfg_attr(
        not(feature = "rustls"),
        expect(unused_variables, reason = "an own client is for every target")
    )]
    pub(crate) async fn get(&self, target: &Uri) -> Result<&Client, SendFailure> {
        match self {
            Self::Own(client) => Ok(client),
            #[cfg(feature = "rustls")]
            Self::Lazy(clients) => clients.get(target).await,
        }
    }
}
