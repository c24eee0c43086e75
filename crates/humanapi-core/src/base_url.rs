//! The one reader of addresses that requests, users and tokens are sent to.

mod address;

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use self::address::{Address, read_scheme};
use crate::error::{BuildError, HostError};
use crate::url_path::{is_path, is_path_and_query};

/// An address that requests may go to: `https`, or plain `http` to this very machine, with an
/// optional path and nothing else.
///
/// It is read strictly, because HTTP stacks differ in what they make of odd spellings: one takes a port that is none for
/// port 443, another resolves `127.1`, a third drops a backslash. What is read here every stack understands in the same
/// way; all else is refused. Letters of the host are made small and the scheme's own port is left out, so that equal
/// addresses are equal texts.
///
/// ```
/// use humanapi_core::{BaseUrl, HostError};
///
/// let base = BaseUrl::parse("https://Gateway.example.test:443/health/")?;
/// assert_eq!(base.to_string(), "https://gateway.example.test/health");
/// assert_eq!(base.origin(), "https://gateway.example.test");
/// assert_eq!(BaseUrl::parse("https://gateway.example.test:65536"), Err(HostError::Port));
/// assert_eq!(BaseUrl::parse("http://127.1:8080"), Err(HostError::IpAddress));
/// # Ok::<(), HostError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or a path without the slash at its end.
    prefix: Box<str>,
}

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// When it is not an absolute URL of a host and a path, when a part of it is written in a way that HTTP stacks
    /// differ about, or when it is plain http to a host that is not exactly `localhost`, `[::1]` or an address in
    /// 127.0.0.0/8.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
            return Err(HostError::Characters);
        }
        if text.contains(['?', '#']) {
            return Err(HostError::QueryOrFragment);
        }
        let (scheme, rest) = text.split_once("://").ok_or(HostError::NotAUrl)?;
        let scheme = read_scheme(scheme)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let address = Address::read(&scheme, authority)?;
        let prefix = path.strip_suffix('/').unwrap_or(path);
        if !prefix.is_empty() && (!is_path(prefix) || path.contains("//")) {
            return Err(HostError::Path);
        }
        let authority = Authority::try_from(address.to_string())
            .expect("what was read strictly is an authority");
        Ok(Self {
            scheme,
            authority,
            prefix: prefix.into(),
        })
    }

    /// Checks the address of a whole request by the same rules, so that a request of anybody's making goes where its
    /// address says or nowhere.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn check_target(uri: &Uri) -> Result<(), HostError> {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(HostError::NotAUrl);
        };
        Address::read(&read_scheme(scheme)?, authority.as_str())?;
        Self::check_path(uri)
    }

    pub(crate) fn check_path(uri: &Uri) -> Result<(), HostError> {
        match uri.path_and_query() {
            Some(path) if !is_path_and_query(path.as_str()) => Err(HostError::Path),
            _ => Ok(()),
        }
    }

    /// Whether `uri` begins with this scheme, host and port, letter by letter.
    pub(crate) fn begins(&self, uri: &Uri) -> bool {
        (uri.authority()).is_some_and(|authority| authority.as_str() == self.authority.as_str())
            && uri.scheme() == Some(&self.scheme)
    }

    /// This address with a path, which begins with `/`, and a query behind it.
    ///
    /// # Errors
    ///
    /// When the path or the query holds what has to be escaped, a segment of one or two dots, or a fragment.
    pub fn join(&self, path_and_query: &str) -> Result<Uri, BuildError> {
        if !is_path_and_query(path_and_query) {
            return Err(BuildError::Path);
        }
        let whole = if self.prefix.is_empty() {
            PathAndQuery::try_from(path_and_query)
        } else {
            PathAndQuery::try_from(format!("{}{path_and_query}", self.prefix))
        };
        Ok(self.uri(whole.map_err(|_| BuildError::Path)?))
    }

    pub(crate) fn token_uri(&self, path: &'static str) -> Uri {
        if self.prefix.is_empty() {
            self.uri(PathAndQuery::from_static(path))
        } else {
            self.join(path)
                .expect("a prefix that was a path stays one with a path behind it")
        }
    }

    fn uri(&self, path_and_query: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).expect("scheme, authority and path are all there")
    }

    /// Scheme, host and port, as browsers write an origin.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The path in front of every path, without a slash at its end; mostly empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.prefix
    }

    /// Whether `uri` has the same scheme, host and port.
    #[must_use]
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return false;
        };
        let Ok(scheme) = read_scheme(scheme) else {
            return false;
        };
        scheme == self.scheme
            && Address::read(&scheme, authority.as_str())
                .is_ok_and(|address| address.to_string() == self.authority.as_str())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, verdict: Result<&str, HostError>) {
        let read = BaseUrl::parse(base).map(|base| base.to_string());
        assert_eq!(read.as_deref().map_err(|error| *error), verdict, "{base}");
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone() {
        for loopback in [
            "http://127.0.0.1",
            "http://127.255.0.254:8080",
            "http://[::1]:8080",
            "http://localhost",
        ] {
            check(loopback, Ok(loopback));
        }
        check("HTTP://LOCALHOST:1/", Ok("http://localhost:1"));
        check("http://[0:0::1]:80", Ok("http://[::1]"));
        for elsewhere in [
            "http://localhost.example.test",
            "http://127.0.0.1.example.test",
            "http://128.0.0.1",
            "http://[::2]",
            "http://example.test",
        ] {
            check(elsewhere, Err(HostError::PlainHttp));
        }
    }

    #[test]
    fn an_ip_address_has_one_spelling() {
        check("https://192.0.2.1", Ok("https://192.0.2.1"));
        check("https://[2001:DB8::0:1]", Ok("https://[2001:db8::1]"));
        for odd in [
            "127.1",
            "127.0.0.01",
            "127.0.0.256",
            "127.0.0.0.1",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7f.1",
            "0X7F000001",
            "2130706433",
            "1.0x",
            "example.1",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[::1",
            "[::1]evil.example",
            "[::1]8080",
            "[]",
            "[127.0.0.1]",
            "[v1.a]",
            "[::1]]",
        ] {
            check(&format!("http://{odd}"), Err(HostError::IpAddress));
            check(&format!("https://{odd}/x"), Err(HostError::IpAddress));
        }
    }

    #[test]
    fn a_port_is_a_number_that_a_port_can_have() {
        check("https://a.test:443", Ok("https://a.test"));
        check("http://127.0.0.1:80/x", Ok("http://127.0.0.1/x"));
        check("https://a.test:80", Ok("https://a.test:80"));
        check("https://a.test:65535", Ok("https://a.test:65535"));
        for port in [
            "",
            "0",
            "00",
            "65536",
            "-1",
            "+1",
            "8o80",
            "99999999999",
            "0080",
            "0x50",
            "80:80",
            "http",
            "1.5",
            "8_0",
        ] {
            for host in ["127.0.0.1", "[::1]", "localhost"] {
                check(&format!("http://{host}:{port}"), Err(HostError::Port));
                check(&format!("https://{host}:{port}/x"), Err(HostError::Port));
            }
        }
    }

    #[test]
    fn a_host_is_a_plain_name() {
        check("https://API.Example.TEST", Ok("https://api.example.test"));
        check("https://my_service-1", Ok("https://my_service-1"));
        check(
            "https://xn--bcher-kva.test",
            Ok("https://xn--bcher-kva.test"),
        );
        for name in [
            "a.test.",
            ".a.test",
            "a..test",
            "-a.test",
            "a-.test",
            "a%2etest",
            "a*b.test",
            "a!b",
            "a,b",
            "a;b",
            "a&b",
            "(a)",
            "~a",
            "127.0.0.1.",
            "localhost.",
        ] {
            check(&format!("https://{name}"), Err(HostError::HostName));
        }
        check(
            &format!("https://{}.test", "a".repeat(64)),
            Err(HostError::HostName),
        );
        check(
            &format!("https://{}test", "abcdefg.".repeat(32)),
            Err(HostError::HostName),
        );
    }

    #[test]
    fn user_information_is_refused_whatever_it_looks_like() {
        for base in [
            "http://127.0.0.1@example.test",
            "https://user:pw@example.test",
            "http://localhost:80@example.test",
            "https://@example.test",
            "http://[::1]@example.test",
        ] {
            check(base, Err(HostError::UserInfo));
        }
    }

    #[test]
    fn a_path_is_one_and_stays_in_front() {
        check("https://a.test/", Ok("https://a.test"));
        check("https://a.test/b/c/", Ok("https://a.test/b/c"));
        check("https://a.test/b%20c/@x", Ok("https://a.test/b%20c/@x"));
        for path in [
            "//",
            "///",
            "//b",
            "/b//",
            "/b//c",
            "/..",
            "/../b",
            "/b/..",
            "/b/./c",
            "/%2e%2E/b",
            "/.%2e",
            "/%",
            "/%zz",
            "/\"",
            "/<b>",
            "/{b}",
            "/b|c",
            "/b^c",
            "/`",
        ] {
            check(&format!("https://a.test{path}"), Err(HostError::Path));
        }
        let base = BaseUrl::parse("https://example.test/gateway/").unwrap();
        assert_eq!(
            base.join("/v1/human?limit=2").unwrap(),
            "https://example.test/gateway/v1/human?limit=2"
        );
        for odd in ["", "v1", "/../admin", "/a#b", "/a b", "/a\\b"] {
            assert!(base.join(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_is_not_a_base_is_refused() {
        for (base, error) in [
            ("", HostError::NotAUrl),
            ("example.test", HostError::NotAUrl),
            ("/path", HostError::NotAUrl),
            ("//example.test", HostError::NotAUrl),
            ("https:example.test", HostError::NotAUrl),
            ("https:/example.test", HostError::NotAUrl),
            ("https://", HostError::NotAUrl),
            ("https:///path", HostError::NotAUrl),
            ("https://:443", HostError::NotAUrl),
            ("ftp://example.test", HostError::OtherScheme),
            ("://example.test", HostError::OtherScheme),
            ("https://example.test?a=b", HostError::QueryOrFragment),
            ("https://example.test/?", HostError::QueryOrFragment),
            ("https://example.test/#a", HostError::QueryOrFragment),
            ("https://exa mple.test", HostError::Characters),
            (" https://example.test", HostError::Characters),
            ("https://example.test\n", HostError::Characters),
            ("ht\ttps://example.test", HostError::Characters),
            ("https://exam\u{ad}ple.test", HostError::Characters),
            ("https://b\u{fc}cher.test", HostError::Characters),
            ("https://\u{ff11}27.0.0.1", HostError::Characters),
            ("https:\\\\example.test", HostError::Characters),
            ("https://example.test\\@evil.example", HostError::Characters),
        ] {
            check(base, Err(error));
            assert!(!error.remedy().is_empty());
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = BaseUrl::parse("https://api.example.test/gateway").unwrap();
        assert_eq!(base.origin(), "https://api.example.test");
        assert_eq!((base.path(), base.is_https()), ("/gateway", true));
        let same = |uri: &str| base.is_origin_of(&uri.parse().unwrap());
        assert!(same("https://API.example.test:443/v1"));
        assert!(!same("http://api.example.test/v1"));
        assert!(!same("https://api.example.test:444/v1"));
        assert!(!same("https://api.example.test:65979/v1"));
        assert!(!same("https://api.example.test.evil.example/v1"));
        assert!(!same("https://x@api.example.test/v1"));
        assert!(!same("/v1"));
    }

    #[test]
    fn a_request_of_anybodys_making_goes_where_it_says() {
        let target = |uri: &str| BaseUrl::check_target(&uri.parse().unwrap());
        assert_eq!(target("https://A.example.test:8443/v1?a=b"), Ok(()));
        assert_eq!(target("http://localhost"), Ok(()));
        assert_eq!(target("http://127.0.0.1:65536/v1"), Err(HostError::Port));
        assert_eq!(
            target("http://a.example.test/v1"),
            Err(HostError::PlainHttp)
        );
        assert_eq!(target("https://a.example.test/../v1"), Err(HostError::Path));
        assert_eq!(target("/v1"), Err(HostError::NotAUrl));
    }
}
