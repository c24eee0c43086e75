//! Which proxy is asked for, in the words of the environment.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use humanapi_core::BaseUrl;
use ipnet::IpNet;

/// The proxy for https and the hosts that are reached without it, as `HTTPS_PROXY` and `NO_PROXY` hold them.
///
/// Which hosts [go past it](Self::goes_past) is said here alone, so that all stacks do so alike. An address that [cannot be read](Self::is_readable) must fail the
/// requests that are meant for it: going around it in silence would be worse than not going.
#[derive(Clone)]
pub struct ProxySettings {
    address: Option<String>,
    direct: Vec<Direct>,
}

/// What one entry of the list covers.
#[derive(Clone)]
enum Direct {
    /// Everything.
    All,
    /// The addresses of a range, or one.
    Network(IpNet),
    /// A host of this name, and all below it.
    Name(String),
}

impl ProxySettings {
    /// No proxy for anything.
    #[must_use]
    pub fn none() -> Self {
        Self::new("", "")
    }

    /// This proxy, except for the hosts of a list as `NO_PROXY` holds it. An empty address is no proxy.
    ///
    /// The list is parted by commas. An entry is a name, with or without a dot before it, which covers all names below it too;
    /// an address; a range of addresses such as `10.0.0.0/8`; or `*` for all.
    #[must_use]
    pub fn new(address: &str, direct: &str) -> Self {
        let address = address.trim();
        let entries = direct.split(',').chain(LOOPBACK).map(str::trim);
        Self {
            address: (!address.is_empty()).then(|| address.to_owned()),
            direct: entries.filter_map(Direct::read).collect(),
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

    /// Whether a host is reached without it, as each one on this machine is. A host is what an address has between its
    /// scheme and its port: a name, or an IP address, whether or not in brackets.
    #[must_use]
    pub fn goes_past(&self, host: &str) -> bool {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let ip: Option<IpAddr> = bare.unwrap_or(host).parse().ok();
        self.direct.iter().any(|direct| direct.covers(host, ip))
    }
}

impl Direct {
    fn read(entry: &str) -> Option<Self> {
        let name = entry.trim_start_matches('.');
        if name.is_empty() {
            return None;
        }
        let bare = entry
            .strip_prefix('[')
            .and_then(|entry| entry.strip_suffix(']'));
        let address = bare.unwrap_or(entry);
        let network =
            (address.parse().ok()).or_else(|| Some(address.parse::<IpAddr>().ok()?.into()));
        Some(match network {
            Some(network) => Self::Network(network),
            None if entry == "*" => Self::All,
            None => Self::Name(name.to_ascii_lowercase()),
        })
    }

    fn covers(&self, host: &str, ip: Option<IpAddr>) -> bool {
        match (self, ip) {
            (Self::All, _) => true,
            (Self::Network(network), Some(ip)) => network.contains(&ip),
            (Self::Name(name), None) => {
                let host = host.to_ascii_lowercase();
                let before = host.strip_suffix(name.as_str());
                before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            (Self::Network(_), None) | (Self::Name(_), Some(_)) => false,
        }
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
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.0/8", "::1"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(environment: &[(&str, &str)], address: Option<&str>, direct: &[&str]) {
        let settings = ProxySettings::read(|name| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        });
        assert_eq!(settings.address(), address);
        for host in ["a.test", "b.test", "c.test"] {
            assert_eq!(settings.goes_past(host), direct.contains(&host), "{host}");
        }
        assert!(settings.goes_past("127.0.0.1"));
    }

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy.test:3128");

    #[test]
    fn either_spelling_names_the_proxy() {
        let other = ("https_proxy", "other.test");
        check(&[PROXY], Some("http://proxy.test:3128"), &[]);
        check(&[other], Some("other.test"), &[]);
        check(&[PROXY, other], Some("http://proxy.test:3128"), &[]);
        check(&[("HTTPS_PROXY", ""), other], Some("other.test"), &[]);
    }

    #[test]
    fn either_spelling_lists_the_direct_hosts() {
        let (upper, lower) = (("NO_PROXY", "a.test, b.test"), ("no_proxy", "c.test"));
        check(&[upper], None, &["a.test", "b.test"]);
        check(&[lower], None, &["c.test"]);
        check(&[upper, lower], None, &["a.test", "b.test"]);
        check(&[("NO_PROXY", ""), lower], None, &["c.test"]);
    }

    #[test]
    fn an_empty_address_is_no_proxy() {
        check(&[], None, &[]);
        check(&[("HTTPS_PROXY", " ")], None, &[]);
        check(&[("HTTPS_PROXY", " proxy.test ")], Some("proxy.test"), &[]);
    }

    #[test]
    fn no_other_variable_names_a_proxy() {
        check(&[("HTTP_PROXY", "http://proxy.test")], None, &[]);
        check(&[("ALL_PROXY", "http://proxy.test")], None, &[]);
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
    fn an_entry_covers_a_name_and_those_below_it_an_address_or_a_range() {
        #[track_caller]
        fn check(direct: &str, past: &[&str], through: &[&str]) {
            let settings = ProxySettings::new("http://proxy.test", direct);
            for host in past {
                assert!(settings.goes_past(host), "{direct}: {host}");
            }
            for host in through {
                assert!(!settings.goes_past(host), "{direct}: {host}");
            }
        }
        for direct in ["example.test", " .Example.test ,", "a.test,example.test"] {
            check(
                direct,
                &["example.test", "EXAMPLE.TEST", "deep.below.example.test"],
                &[
                    "notexample.test",
                    "example.test.evil.test",
                    "test",
                    "10.0.0.1",
                ],
            );
        }
        for direct in ["10.1.0.0/16, 2001:db8::/32", "10.1.0.0/16,[2001:db8::7]"] {
            check(
                direct,
                &["10.1.255.255", "[2001:db8::7]", "2001:db8::7"],
                &["10.2.0.0", "[2001:db9::]", "10.1.test"],
            );
        }
        check("192.0.2.7", &["192.0.2.7"], &["192.0.2.8", "7"]);
        // What is no range is a name that no host has.
        check("10.0.0.0/33,10.0.0.0/x", &[], &["10.0.0.0", "10.0.0.1"]);
        check("*", &["example.test", "192.0.2.7", "[2001:db8::7]"], &[]);
        // This machine, whatever the list says.
        check(
            "",
            &["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"],
            &["127.example.test", "128.0.0.1", "[::2]", ""],
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let settings = ProxySettings::new("http://user:canary@proxy.test", "");
        assert_eq!(format!("{settings:?}"), "ProxySettings { .. }");
    }
}
