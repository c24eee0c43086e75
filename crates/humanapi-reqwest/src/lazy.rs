//! Clients that are made when the first request needs them.

use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use humanapi_client::adapter::Settings;
use humanapi_client::adapter::tls::{self, TlsError};
use humanapi_core::{SendFailure, SendFailureKind};
use reqwest::Client;
use tokio::sync::OnceCell;

use crate::proxy::Rules;

/// One client for plain http, which needs no certificate and no proxy, and one for https.
pub(crate) struct Lazy {
    settings: Arc<Settings>,
    proxies: Rules,
    http: OnceCell<Client>,
    https: OnceCell<Client>,
}

impl Lazy {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            proxies: Rules::new(&settings.proxy),
            settings: Arc::new(settings),
            http: OnceCell::new(),
            https: OnceCell::new(),
        }
    }

    pub(crate) async fn get(&self, target: &Uri) -> Result<&Client, SendFailure> {
        let client = if target.scheme() == Some(&Scheme::HTTPS) {
            match self.proxies.check(target) {
                Ok(()) => self.https.get_or_try_init(|| self.make_https()).await,
                Err(unreadable) => Err(unreadable.into()),
            }
        } else {
            self.http
                .get_or_try_init(|| async { self.make_http() })
                .await
        };
        client.map_err(|error| SendFailure::new(SendFailureKind::NotSent).with_source(error))
    }

    fn make_http(&self) -> Result<Client, TlsError> {
        let tls = tls::trusting_nobody()?;
        let builder = client(&self.settings, tls);
        Ok(builder.build().map_err(reqwest::Error::without_url)?)
    }

    /// Off the runtime's threads, because certificates are read from files. A failure is not kept.
    async fn make_https(&self) -> Result<Client, TlsError> {
        let (settings, proxy) = (Arc::clone(&self.settings), self.proxies.for_reqwest());
        let make = move || -> Result<Client, TlsError> {
            let tls = tls::offering_http(tls::trusting_platform(&settings.extra_roots)?);
            let builder = client(&settings, tls).proxy(proxy);
            Ok(builder.build().map_err(reqwest::Error::without_url)?)
        };
        tokio::task::spawn_blocking(make).await?
    }
}

/// What both clients have in common.
fn client(settings: &Settings, tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.pool_idle_timeout)
        .pool_max_idle_per_host(settings.pool_max_idle_per_host)
        .http2_keep_alive_interval(settings.ping_interval)
        .http2_keep_alive_timeout(settings.ping_timeout)
        // Another crate of the application may turn these features of reqwest on; they change what is sent.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .no_hickory_dns()
}
