//! Clients that are made when the first request needs them.

use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use humanapi_core::{SendFailure, SendFailureKind};
use reqwest::Client;
use tokio::sync::OnceCell;

use crate::builder::Builder;
use crate::proxy::Rules;
use crate::tls::{self, BoxError};

/// One client for plain http, which needs no certificate and no proxy, and one for https.
pub(crate) struct Lazy {
    settings: Arc<Builder>,
    proxies: Rules,
    http: OnceCell<Client>,
    https: OnceCell<Client>,
}

impl Lazy {
    pub(crate) fn new(settings: Builder, proxies: Rules) -> Self {
        Self {
            settings: Arc::new(settings),
            proxies,
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
        client.map_err(|error| SendFailure::new(SendFailureKind::NotSent).caused_by(error))
    }

    fn make_http(&self) -> Result<Client, BoxError> {
        let tls = tls::trusting_nobody()?;
        Ok(self
            .settings
            .client(tls)
            .build()
            .map_err(reqwest::Error::without_url)?)
    }

    /// Off the runtime's threads, because certificates are read from files. A failure is not kept.
    async fn make_https(&self) -> Result<Client, BoxError> {
        let (settings, proxy) = (Arc::clone(&self.settings), self.proxies.for_reqwest());
        let make = move || -> Result<Client, BoxError> {
            let tls = tls::trusting_platform(&settings.roots)?;
            let builder = settings.client(tls).proxy(proxy);
            Ok(builder.build().map_err(reqwest::Error::without_url)?)
        };
        tokio::task::spawn_blocking(make).await?
    }
}
