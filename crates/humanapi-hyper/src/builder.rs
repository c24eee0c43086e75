//! Settings of a transport that makes its own connections.

use std::sync::Arc;

use humanapi_client::adapter::{self, FromSettings, Settings};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connect::Connector;
use crate::transport::HyperTransport;

/// Settings of a [`HyperTransport`] that makes its own connections.
///
/// ```
/// use humanapi_hyper::HyperTransport;
///
/// let transport = HyperTransport::builder()
///     .max_body(4 * 1024 * 1024)
///     .no_proxy()
///     .build();
/// ```
pub type Builder = adapter::Builder<HyperTransport>;

impl HyperTransport {
    /// Settings to change first.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl FromSettings for HyperTransport {
    fn from_settings(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.pool_idle_timeout)
            .pool_max_idle_per_host(settings.pool_max_idle_per_host)
            .http2_keep_alive_interval(settings.ping_interval)
            .http2_keep_alive_timeout(settings.ping_timeout)
            .build(Connector::new(Arc::clone(&settings)));
        Self::from_client(client).with_max_body(settings.max_body)
    }
}
