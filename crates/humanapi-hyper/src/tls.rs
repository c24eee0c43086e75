//! TLS settings, made when the first https request needs them.

use std::sync::Arc;

use humanapi_client::adapter::tls::{self, TlsError};
use humanapi_client::adapter::{ExtraRoots, Settings};
use rustls::ClientConfig;
use tokio::sync::OnceCell;

/// TLS settings that do not exist before they are asked for.
pub(crate) struct LazyTls {
    settings: Arc<Settings>,
    made: OnceCell<Tls>,
}

/// TLS settings for both ends of a connection.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) to_service: Arc<ClientConfig>,
    pub(crate) to_proxy: Arc<ClientConfig>,
}

impl LazyTls {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            made: OnceCell::new(),
        }
    }

    /// The settings. Whoever comes first makes them, off the runtime's threads because certificates are read from
    /// files; a failure is not kept.
    pub(crate) async fn get(&self) -> Result<Tls, TlsError> {
        let make = || async {
            let settings = Arc::clone(&self.settings);
            tokio::task::spawn_blocking(move || make(&settings.extra_roots)).await?
        };
        self.made.get_or_try_init(make).await.cloned()
    }
}

fn make(roots: &ExtraRoots) -> Result<Tls, TlsError> {
    let to_proxy = tls::trusting_platform(roots)?;
    Ok(Tls {
        to_service: Arc::new(tls::offering_http(to_proxy.clone())),
        to_proxy: Arc::new(to_proxy),
    })
}
