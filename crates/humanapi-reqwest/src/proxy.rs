//! Which https requests go through a proxy.

use std::sync::Arc;

use http::Uri;
use humanapi_client::adapter::{ProxySettings, UnreadableProxy};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The proxy for https, and the hosts that are reached without it.
#[derive(Clone)]
pub(crate) struct Rules {
    settings: Arc<ProxySettings>,
    // reqwest is made of this matcher, but shows it to nobody. With one of our own it is known beforehand which
    // requests a proxy is meant for.
    matcher: Arc<Matcher>,
    proxy: Option<Url>,
    /// A proxy was asked for in words that mean nothing.
    unreadable: bool,
}

impl Rules {
    pub(crate) fn new(settings: &ProxySettings) -> Self {
        let is_readable = settings.is_readable();
        let url = settings
            .address()
            .map(|address| is_readable.then(|| readable(address)).flatten());
        let meant = match &url {
            None => "",
            Some(Some(url)) => url.as_str(),
            Some(None) => "http://proxy.invalid",
        };
        let matcher = Matcher::builder().https(meant);
        Self {
            settings: Arc::new(settings.clone()),
            matcher: Arc::new(matcher.build()),
            unreadable: url == Some(None),
            proxy: url.flatten(),
        }
    }

    /// The proxy on the way to this target.
    pub(crate) fn proxy_for(&self, target: &Uri) -> Result<Option<Url>, UnreadableProxy> {
        let goes_past = target
            .host()
            .is_some_and(|host| self.settings.goes_past(host));
        if goes_past || self.matcher.intercept(target).is_none() {
            return Ok(None);
        }
        self.proxy.clone().map(Some).ok_or(UnreadableProxy)
    }

    /// Fails where the target is meant for a proxy whose address means nothing.
    pub(crate) fn check(&self, target: &Uri) -> Result<(), UnreadableProxy> {
        if self.unreadable {
            self.proxy_for(target)?;
        }
        Ok(())
    }

    /// The same rules in reqwest's words.
    pub(crate) fn for_reqwest(&self) -> reqwest::Proxy {
        let rules = self.clone();
        reqwest::Proxy::custom(move |target| {
            let target = target.as_str().parse().ok()?;
            rules.proxy_for(&target).ok().flatten()
        })
    }
}

/// The address, if it is one of a proxy that tunnels.
fn readable(address: &str) -> Option<Url> {
    let url = if address.contains("://") {
        Url::parse(address)
    } else {
        Url::parse(&format!("http://{address}"))
    };
    url.ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
}
