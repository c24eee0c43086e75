//! Where requests go: five hosts, each of which can be another one.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use crate::base_url::BaseUrl;
use crate::error::HostError;

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

    /// Checks the address of a whole request, as [`BaseUrl::check_target`] does. What begins with the address of one
    /// of these hosts need not be read once more.
    pub(crate) fn check_target(&self, uri: &Uri) -> Result<(), HostError> {
        let inner = &*self.inner;
        if !inner.bases.iter().any(|base| base.begins(uri)) {
            return BaseUrl::check_target(uri);
        }
        // Nor need a path that was joined and read when these hosts were made.
        let is_own = |own: &Uri| own.path_and_query() == uri.path_and_query();
        if is_own(&inner.connect_token) || is_own(&inner.admin_token) {
            return Ok(());
        }
        BaseUrl::check_path(uri)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_base_stays_in_front() {
        let hosts = Hosts::single("https://example.test/gateway").unwrap();
        assert_eq!(
            hosts.connect_token(),
            "https://example.test/gateway/v1/connect/token"
        );
        assert_eq!(
            hosts.admin_token(),
            "https://example.test/gateway/v1/admin/token"
        );
    }

    #[test]
    fn a_target_that_begins_with_a_host_gets_the_verdict_of_any_other() {
        let hosts = Hosts::single("https://example.test:8443/gateway")
            .and_then(|hosts| hosts.with(Host::Data, "http://127.0.0.1:8080"))
            .unwrap();
        let mut refused = 0;
        for origin in [
            "https://example.test:8443",
            "https://EXAMPLE.test:8443",
            "https://example.test:08443",
            "http://example.test:8443",
            "https://other.example.test",
            "http://127.0.0.1:8080",
            "https://127.0.0.1:8080",
            "http://127.1:8080",
        ] {
            for path in [
                "/gateway/v1/connect/token",
                "/gateway/v1/admin/token",
                "/gateway/v1/connect/token?a=b",
                "/gateway/v1/connect/token?a='b'",
                "/gateway/../v1",
                "/v1/%2e%2E",
                "/v1/a%2Fb",
                "",
            ] {
                let uri: Uri = format!("{origin}{path}").parse().unwrap();
                let verdict = hosts.check_target(&uri);
                assert_eq!(verdict, BaseUrl::check_target(&uri), "{uri}");
                refused += u32::from(verdict.is_err());
            }
        }
        assert_eq!(refused, 3 * 8 + 5 * 3);
    }
}
