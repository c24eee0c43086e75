//! Where requests go: five hosts, each of which can be another one.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use crate::base_url::{BaseUrl, HostError};

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
}
