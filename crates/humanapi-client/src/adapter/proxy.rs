//! Which proxy is asked for, in the words of the environment.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;

use humanapi_core::BaseUrl;

/// The proxy for https and the hosts that are reached without it, as `HTTPS_PROXY` and `NO_PROXY` hold them.
///
/// Which hosts the list covers is for the stack to say. An address that [cannot be read](Self::is_readable) must fail the
/// requests that are meant for it: going around it in silence would be worse than not going.
#[derive(Clone)]
pub struct ProxySettings {
    address: Option<String>,
    direct: String,
}

impl ProxySettings {
    /// No proxy for anything.
    #[must_use]
    pub fn none() -> Self {
        Self::new("", "")
    }

    /// This proxy, except for the hosts of a list as `NO_PROXY` holds it. An empty address is no proxy.
    #[must_use]
    pub fn new(address: &str, direct: &str) -> Self {
        let address = address.trim();
        Self {
            address: (!address.is_empty()).then(|| address.to_owned()),
            direct: format!("{direct},{LOOPBACK}"),
        }
    }

    /// What `HTTPS_PROXY` and `NO_PROXY` say now, or their lower-case spellings where those are unset or empty.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let first = |names: [&str; 2]| {
            names
                .into_iter()
                .filter_map(&lookup)
                .find(|value| !value.is_empty())
                .unwrap_or_default()
        };
        let address = first(["HTTPS_PROXY", "https_proxy"]);
        let direct = first(["NO_PROXY", "no_proxy"]);
        Self::new(&address.to_string_lossy(), &direct.to_string_lossy())
    }

    /// The proxy's address, not looked into yet. It may hold a password.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Whether the address is one that every stack reads in the same way: `http` or `https` or neither, perhaps a user
    /// and a password, a host, a port that is one, and no path. True where there is none.
    ///
    /// Stacks take what is no port for the scheme's own, and the password would go there.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let Some(address) = &self.address else {
            return true;
        };
        let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        // Plain http is as good as https here: what goes through the tunnel is TLS in any case.
        let base = BaseUrl::parse(&format!("https://{host}"));
        (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
            && !rest.contains(['/', '\\', '?', '#'])
            && base.is_ok_and(|base| base.path().is_empty())
    }

    /// The hosts to reach without it, loopback among them.
    #[must_use]
    pub fn direct(&self) -> &str {
        &self.direct
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("ProxySettings").finish_non_exhaustive()
    }
}

/// Whether a stack's error says, anywhere behind it, that a proxy answered 407: it wants a user name and a password.
///
/// The stacks' own types for it cannot be named, so their words are what there is to go by. The transports'
/// conformance suite holds them to it.
#[must_use]
pub fn wants_proxy_login(error: &(dyn Error + 'static)) -> bool {
    let mut link = Some(error);
    while let Some(this) = link {
        if this.to_string().contains("proxy authorization required") {
            return true;
        }
        link = this.source();
    }
    false
}

/// The proxy that was asked for is not an `http` or `https` address.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the proxy setting is not an http or https address")]
#[expect(
    clippy::exhaustive_structs,
    reason = "transports make it, and its name says all"
)]
pub struct UnreadableProxy;

/// Never proxied, whatever the settings say.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], address: Option<&str>, direct: &str) {
        let settings = ProxySettings::read(|name| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        });
        assert_eq!(settings.address(), address);
        assert_eq!(settings.direct(), format!("{direct},{LOOPBACK}"));
    }

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy.test:3128");

    #[test]
    fn either_spelling_names_the_proxy() {
        let other = ("https_proxy", "other.test");
        check(&[PROXY], Some("http://proxy.test:3128"), "");
        check(&[other], Some("other.test"), "");
        check(&[PROXY, other], Some("http://proxy.test:3128"), "");
        check(&[("HTTPS_PROXY", ""), other], Some("other.test"), "");
    }

    #[test]
    fn either_spelling_lists_the_direct_hosts() {
        let (upper, lower) = (("NO_PROXY", "a.test, b.test"), ("no_proxy", "c.test"));
        check(&[upper], None, "a.test, b.test");
        check(&[lower], None, "c.test");
        check(&[upper, lower], None, "a.test, b.test");
        check(&[("NO_PROXY", ""), lower], None, "c.test");
    }

    #[test]
    fn an_empty_address_is_no_proxy() {
        check(&[], None, "");
        check(&[("HTTPS_PROXY", " ")], None, "");
        check(&[("HTTPS_PROXY", " proxy.test ")], Some("proxy.test"), "");
    }

    #[test]
    fn no_other_variable_names_a_proxy() {
        check(&[("HTTP_PROXY", "http://proxy.test")], None, "");
        check(&[("ALL_PROXY", "http://proxy.test")], None, "");
    }

    #[test]
    fn an_address_is_read_in_one_way_or_not_at_all() {
        for good in [
            "",
            "proxy.test",
            "proxy.test:3128",
            "HTTP://proxy.test:3128/",
            "https://user:pass%40word@proxy.test",
            "http://us@er:p@[2001:db8::1]:3128",
            "127.0.0.1:8080",
        ] {
            assert!(ProxySettings::new(good, "").is_readable(), "{good}");
        }
        for bad in [
            "::",
            "http://",
            "socks5://proxy.test",
            "proxy.test:65536",
            "http://user:pw@proxy.test:8o80",
            "http://proxy.test:-1",
            "http://proxy.test:",
            "http://127.1:3128",
            "http://user:pw@[::1]evil.example",
            "http://user:pw@proxy.test/path",
            "http://evil.example/@proxy.test",
            "http://evil.example\\@proxy.test",
            "http://evil.example#@proxy.test",
            "http://pro xy.test",
            "http://proxy.t\test",
        ] {
            assert!(!ProxySettings::new(bad, "").is_readable(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let settings = ProxySettings::new("http://user:canary@proxy.test", "");
        assert_eq!(format!("{settings:?}"), "ProxySettings { .. }");
    }
}
