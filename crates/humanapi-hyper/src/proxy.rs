//! Which https requests go through a proxy.

use http::Uri;
use humanapi_client::adapter::{ProxySettings, UnreadableProxy};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxy for https, and the hosts that are reached without it.
pub(crate) struct Rules {
    settings: ProxySettings,
    matcher: Matcher,
    /// A proxy was asked for in words that mean nothing.
    unreadable: bool,
}

impl Rules {
    pub(crate) fn new(settings: &ProxySettings) -> Self {
        let matcher = |address| Matcher::builder().https(address).build();
        // The matcher passes over an address that it cannot read, so it is asked.
        let readable = settings.is_readable()
            && settings.address().is_none_or(|address| {
                matcher(address)
                    .intercept(&Uri::from_static("https://host.invalid/"))
                    .is_some_and(|proxy| matches!(proxy.uri().scheme_str(), Some("http" | "https")))
            });
        let address = match settings.address() {
            Some(_) if !readable => "http://proxy.invalid",
            address => address.unwrap_or_default(),
        };
        Self {
            matcher: matcher(address),
            settings: settings.clone(),
            unreadable: !readable,
        }
    }

    /// The proxy on the way to this target.
    pub(crate) fn proxy_for(&self, target: &Uri) -> Result<Option<Intercept>, UnreadableProxy> {
        if target
            .host()
            .is_some_and(|host| self.settings.goes_past(host))
        {
            return Ok(None);
        }
        match self.matcher.intercept(target) {
            Some(_) if self.unreadable => Err(UnreadableProxy),
            proxy => Ok(proxy),
        }
    }
}
