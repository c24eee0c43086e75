//! Settings of a transport that makes its own connections.

use humanapi_client::adapter::{self, FromSettings, Settings};

use crate::clients::Clients;
use crate::transport::ReqwestTransport;

/// Settings of a [`ReqwestTransport`] that makes its own connections.
///
/// ```
/// use humanapi_reqwest::ReqwestTransport;
///
/// let transport = ReqwestTransport::builder()
///     .max_body(4 * 1024 * 1024)
///     .no_proxy()
///     .build();
/// ```
pub type Builder = adapter::Builder<ReqwestTransport>;

impl ReqwestTransport {
    /// Settings to change first.
    #[cfg(feature = "rustls")]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl FromSettings for ReqwestTransport {
    fn from_settings(settings: Settings) -> Self {
        let max_body = settings.max_body;
        Self::over(Clients::lazy(settings)).with_max_body(max_body)
    }
}
