//! Which https requests go through a proxy.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The proxy for https, and the hosts that are reached without it.
#[derive(Clone)]
pub(crate) struct Rules {
    // reqwest is made of this matcher, but shows it to nobody. With one of our own it is known beforehand which
    // requests a proxy is meant for.
    matcher: Arc<Matcher>,
    proxy: Option<Url>,
    /// A proxy was asked for in words that mean nothing. Going around it in silence would be worse than not going.
    unreadable: bool,
}

impl Rules {
    /// No proxy for anything.
    pub(crate) fn none() -> Self {
        Self::new("", "")
    }

    /// What `HTTPS_PROXY` and `NO_PROXY` say, or their lower-case spellings where those are unset or empty.
    pub(crate) fn from_environment(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let read = |names: [&str; 2]| {
            names
                .into_iter()
                .filter_map(&lookup)
                .find(|value| !value.is_empty())
                .unwrap_or_default()
        };
        let (proxy, direct) = (
            read(["HTTPS_PROXY", "https_proxy"]),
            read(["NO_PROXY", "no_proxy"]),
        );
        Self::new(&proxy.to_string_lossy(), &direct.to_string_lossy())
    }

    /// This proxy, except for the hosts of a list as `NO_PROXY` holds it. An empty address is no proxy.
    pub(crate) fn new(proxy: &str, direct: &str) -> Self {
        let proxy = match proxy.trim() {
            "" => String::new(),
            proxy if proxy.contains("://") => proxy.to_owned(),
            proxy => format!("http://{proxy}"),
        };
        let url = Url::parse(&proxy)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
        let meant = match &url {
            Some(url) => url.as_str(),
            None if proxy.is_empty() => "",
            None => "http://proxy.invalid",
        };
        let matcher = Matcher::builder()
            .https(meant)
            .no(format!("{direct},{LOOPBACK}"))
            .build();
        Self {
            unreadable: url.is_none() && !proxy.is_empty(),
            matcher: Arc::new(matcher),
            proxy: url,
        }
    }

    /// The proxy on the way to this target.
    pub(crate) fn proxy_for(&self, target: &Uri) -> Result<Option<Url>, UnreadableProxy> {
        if self.matcher.intercept(target).is_none() {
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

/// Never proxied, whatever the settings say.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The proxy that was asked for is not an `http` or `https` address.
#[derive(Debug)]
pub(crate) struct UnreadableProxy;

impl fmt::Display for UnreadableProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy setting is not an http or https address")
    }
}

impl Error for UnreadableProxy {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rules of an environment say of a target: `-` is direct, `!` is unreadable.
    #[track_caller]
    fn check(environment: &[(&str, &str)], target: &'static str, expected: &str) {
        let rules = Rules::from_environment(|name| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        });
        let answer = match rules.proxy_for(&Uri::from_static(target)) {
            Ok(Some(proxy)) => proxy.to_string(),
            Ok(None) => "-".to_owned(),
            Err(UnreadableProxy) => "!".to_owned(),
        };
        assert_eq!(answer, expected);
    }

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy.test:3128");
    const API: &str = "https://api.example.test/v1";

    #[test]
    fn either_spelling_names_the_proxy() {
        check(&[], API, "-");
        check(&[PROXY], API, "http://proxy.test:3128/");
        check(
            &[("https_proxy", "proxy.test:3128")],
            API,
            "http://proxy.test:3128/",
        );
        check(
            &[PROXY, ("https_proxy", "http://other.test")],
            API,
            "http://proxy.test:3128/",
        );
        check(
            &[("HTTPS_PROXY", ""), ("https_proxy", "http://other.test")],
            API,
            "http://other.test/",
        );
        check(&[("HTTPS_PROXY", " ")], API, "-");
    }

    #[test]
    fn only_https_is_proxied() {
        check(&[PROXY], "http://api.example.test/", "-");
        check(
            &[("HTTP_PROXY", "http://proxy.test")],
            "http://api.example.test/",
            "-",
        );
        check(&[("HTTP_PROXY", "http://proxy.test")], API, "-");
        check(&[("ALL_PROXY", "http://proxy.test")], API, "-");
    }

    #[test]
    fn loopback_is_never_proxied() {
        for target in [
            "https://localhost/",
            "https://LOCALHOST:8443/",
            "https://127.0.0.1/",
            "https://127.255.255.254:8443/",
            "https://[::1]:8443/",
        ] {
            check(&[PROXY], target, "-");
            check(&[PROXY, ("NO_PROXY", "")], target, "-");
        }
        check(&[PROXY], "https://128.0.0.1/", "http://proxy.test:3128/");
        check(&[PROXY], "https://notlocalhost/", "http://proxy.test:3128/");
    }

    #[test]
    fn listed_hosts_are_reached_directly() {
        check(&[PROXY, ("NO_PROXY", "example.test")], API, "-");
        check(
            &[PROXY, ("no_proxy", "other.test, .example.test")],
            API,
            "-",
        );
        check(&[PROXY, ("NO_PROXY", "*")], API, "-");
        check(
            &[PROXY, ("NO_PROXY", "ample.test")],
            API,
            "http://proxy.test:3128/",
        );
        check(
            &[PROXY, ("NO_PROXY", "10.0.0.0/8")],
            "https://10.1.2.3/",
            "-",
        );
    }

    #[test]
    fn an_unreadable_proxy_is_not_gone_around() {
        for proxy in ["socks5://proxy.test", "ftp://proxy.test", "http://", "::"] {
            check(&[("HTTPS_PROXY", proxy)], API, "!");
            check(&[("HTTPS_PROXY", proxy)], "https://localhost/", "-");
            check(
                &[("HTTPS_PROXY", proxy), ("NO_PROXY", "example.test")],
                API,
                "-",
            );
        }
    }
}
