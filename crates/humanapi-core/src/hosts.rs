//! Where requests go: five hosts, each of which can be another one.

use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use thiserror::Error;

/// One of the service's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "each needs an address: a sixth must be given one"
)]
pub enum Host {
    /// The token service.
    Auth,
    /// The Admin API of the Health Intelligence Platform.
    Admin,
    /// The health-data API.
    Data,
    /// Connect, as an iframe or a web view opens it.
    Connect,
    /// The hosted Connect app for mobile, whose links are opened in a browser.
    HostedLink,
}

impl Host {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Auth,
        Self::Admin,
        Self::Data,
        Self::Connect,
        Self::HostedLink,
    ];

    const fn production(self) -> &'static str {
        match self {
            Self::Auth => "https://auth.humanapi.co",
            Self::Admin => "https://admin.humanapi.co",
            Self::Data => "https://api.humanapi.co",
            Self::Connect => "https://hapi-connect.humanapi.co",
            Self::HostedLink => "https://hapi-link.humanapi.co",
        }
    }
}

/// The addresses of the service's hosts. Cheap to clone.
///
/// Each can be replaced, because no regional or staging address is documented and a sandbox serves
/// all of them from one.
///
/// ```
/// use humanapi_core::{Host, Hosts};
///
/// let production = Hosts::production();
/// assert_eq!(production.base(Host::Auth).to_string(), "https://auth.humanapi.co");
///
/// let sandbox = Hosts::single("http://127.0.0.1:8080")?;
/// let mixed = production.with(Host::Data, "https://gateway.example.test/health")?;
/// assert!(Hosts::single("http://api.example.test").is_err(), "plain http only to loopback");
/// # Ok::<(), humanapi_core::HostError>(())
/// ```
#[derive(Clone)]
pub struct Hosts {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    bases: [BaseUrl; 5],
    /// The two addresses that every token call uses, made once.
    connect_token: Uri,
    admin_token: Uri,
}

impl Hosts {
    /// The documented production hosts.
    #[must_use]
    pub fn production() -> Self {
        Self::of(Host::ALL.map(|host| {
            BaseUrl::parse(host.production()).expect("the documented addresses are valid")
        }))
    }

    /// One address for all hosts, as a sandbox has.
    ///
    /// # Errors
    ///
    /// When the address is none that requests may go to.
    pub fn single(base: &str) -> Result<Self, HostError> {
        let base = BaseUrl::parse(base)?;
        Ok(Self::of(Host::ALL.map(|_| base.clone())))
    }

    /// The same with another address for one host.
    ///
    /// # Errors
    ///
    /// When the address is none that requests may go to.
    pub fn with(&self, host: Host, base: &str) -> Result<Self, HostError> {
        let mut bases = self.inner.bases.clone();
        bases[host as usize] = BaseUrl::parse(base)?;
        Ok(Self::of(bases))
    }

    fn of(bases: [BaseUrl; 5]) -> Self {
        let auth = &bases[Host::Auth as usize];
        let connect_token = auth.token_uri("/v1/connect/token");
        let admin_token = auth.token_uri("/v1/admin/token");
        Self {
            inner: Arc::new(Inner {
                connect_token,
                admin_token,
                bases,
            }),
        }
    }

    /// The address of one host.
    #[must_use]
    pub fn base(&self, host: Host) -> &BaseUrl {
        &self.inner.bases[host as usize]
    }

    /// `POST` here for session, id and (Connect) access tokens.
    pub(crate) fn connect_token(&self) -> Uri {
        self.inner.connect_token.clone()
    }

    /// `POST` here for client and (HIP) access tokens.
    pub(crate) fn admin_token(&self) -> Uri {
        self.inner.admin_token.clone()
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(Host::ALL.map(|host| (host, self.base(host).to_string())))
            .finish()
    }
}

/// An address that requests may go to: `https`, or plain `http` to this very machine, with an
/// optional path and nothing else.
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
    /// When it is not an absolute URL, has user information, a query or a fragment, or is plain http
    /// to a host that is not exactly `localhost`, `[::1]` or an address in 127.0.0.0/8.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.contains('#') {
            return Err(HostError::QueryOrFragment);
        }
        let parts = text
            .parse::<Uri>()
            .map_err(|_| HostError::NotAUrl)?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(HostError::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(HostError::UserInfo);
        }
        if authority.host().is_empty() || authority.as_str().ends_with(':') {
            return Err(HostError::NotAUrl);
        }
        let path = parts.path_and_query;
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(HostError::QueryOrFragment);
        }
        if scheme == Scheme::HTTP {
            if !is_loopback(authority.host()) {
                return Err(HostError::PlainHttp);
            }
        } else if scheme != Scheme::HTTPS {
            return Err(HostError::OtherScheme);
        }
        let prefix = path.as_ref().map_or("", |path| path.path());
        Ok(Self {
            scheme,
            authority,
            prefix: prefix.trim_end_matches('/').into(),
        })
    }

    /// This address with a path, which begins with `/`, and a query behind it.
    ///
    /// # Errors
    ///
    /// When the path holds what no path can hold unescaped.
    pub fn join(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let whole = if self.prefix.is_empty() {
            PathAndQuery::try_from(path_and_query)?
        } else {
            PathAndQuery::try_from(format!("{}{path_and_query}", self.prefix))?
        };
        Ok(self.uri(whole))
    }

    fn token_uri(&self, path: &'static str) -> Uri {
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

    /// Whether `uri` has the same scheme, host and port.
    #[must_use]
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return false;
        };
        *scheme == self.scheme
            && !authority.as_str().contains('@')
            && authority.host().eq_ignore_ascii_case(self.authority.host())
            && port(scheme, authority) == port(&self.scheme, &self.authority)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

fn port(scheme: &Scheme, authority: &Authority) -> u16 {
    let usual = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    authority.port_u16().unwrap_or(usual)
}

/// Exactly `localhost`, `[::1]`, or four decimal numbers of which the first is 127. Shorter and
/// other spellings of the same addresses are left to nobody's interpretation and refused.
fn is_loopback(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") || host == "[::1]" {
        return true;
    }
    let mut numbers = host.split('.');
    let is_octet = |text: &str| {
        !text.is_empty()
            && text.len() <= 3
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
            && text.parse::<u8>().is_ok()
    };
    numbers.next() == Some("127")
        && numbers
            .by_ref()
            .take(3)
            .filter(|text| is_octet(text))
            .count()
            == 3
        && numbers.next().is_none()
}

/// An address that requests may not go to.
///
/// The address itself is not repeated, because it may hold a password.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostError {
    /// It is not an absolute URL.
    #[error("the base URL is not an absolute URL")]
    NotAUrl,
    /// It has a name or password before the host.
    #[error("the base URL has user information before the host")]
    UserInfo,
    /// It has a query or a fragment.
    #[error("the base URL has a query or a fragment")]
    QueryOrFragment,
    /// Plain http to another machine.
    #[error("plain http is accepted for this machine alone (127.0.0.0/8, [::1], localhost)")]
    PlainHttp,
    /// Neither http nor https.
    #[error("the base URL is neither http nor https")]
    OtherScheme,
}

impl HostError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotAUrl | Self::OtherScheme => {
                "write it like https://host.example.test, or http://127.0.0.1:8080 for a sandbox"
            }
            Self::UserInfo => "remove everything up to the @",
            Self::QueryOrFragment => "end it after the path",
            Self::PlainHttp => "use https",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, verdict: Result<(), HostError>) {
        assert_eq!(BaseUrl::parse(base).map(|_| ()), verdict, "{base}");
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone() {
        for loopback in [
            "http://127.0.0.1",
            "http://127.255.0.254:8080/",
            "http://[::1]:8080",
            "http://localhost",
            "http://LOCALHOST:1",
        ] {
            check(loopback, Ok(()));
        }
        for elsewhere in [
            "http://localhost.example.test",
            "http://localhost.",
            "http://127.0.0.1.example.test",
            "http://127.1",
            "http://127.0.0.01",
            "http://127.0.0.256",
            "http://127.0.0.0.1",
            "http://0177.0.0.1",
            "http://2130706433",
            "http://128.0.0.1",
            "http://[::ffff:127.0.0.1]",
            "http://[::2]",
            "http://example.test",
        ] {
            check(elsewhere, Err(HostError::PlainHttp));
        }
    }

    #[test]
    fn user_information_is_refused_whatever_it_looks_like() {
        check("http://127.0.0.1@example.test", Err(HostError::UserInfo));
        check("https://user:pw@example.test", Err(HostError::UserInfo));
        check("http://localhost:80@example.test", Err(HostError::UserInfo));
    }

    #[test]
    fn what_is_not_a_base_is_refused() {
        check("", Err(HostError::NotAUrl));
        check("example.test", Err(HostError::NotAUrl));
        check("/path", Err(HostError::NotAUrl));
        check("https://", Err(HostError::NotAUrl));
        check("https://exa mple.test", Err(HostError::NotAUrl));
        check("https://example.test:", Err(HostError::NotAUrl));
        check("ftp://example.test", Err(HostError::OtherScheme));
        check("https://example.test/?a=b", Err(HostError::QueryOrFragment));
        check("https://example.test/#a", Err(HostError::QueryOrFragment));
    }

    #[test]
    fn a_path_in_the_base_stays_in_front() {
        let base = BaseUrl::parse("https://example.test/gateway/").unwrap();
        assert_eq!(
            base.join("/v1/human?limit=2").unwrap(),
            "https://example.test/gateway/v1/human?limit=2"
        );
        let hosts = Hosts::single("https://example.test/gateway").unwrap();
        assert_eq!(
            hosts.connect_token(),
            "https://example.test/gateway/v1/connect/token"
        );
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = BaseUrl::parse("https://api.example.test").unwrap();
        let same = |uri: &str| base.is_origin_of(&uri.parse().unwrap());
        assert!(same("https://API.example.test:443/v1"));
        assert!(!same("http://api.example.test/v1"));
        assert!(!same("https://api.example.test:444/v1"));
        assert!(!same("https://api.example.test.evil.example/v1"));
        assert!(!same("https://x@api.example.test/v1"));
        assert!(!same("/v1"));
    }
}
