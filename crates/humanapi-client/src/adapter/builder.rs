//! Settings of a transport that makes its own connections.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::{MAX_BODY, ProxySettings};

/// A transport that [`Builder`] can make.
pub trait FromSettings {
    /// Makes the transport. Connects to nothing and reads no certificate: both wait for the first request that needs
    /// them.
    fn from_settings(settings: Settings) -> Self;
}

/// Collects the settings of a transport that makes its own connections.
#[must_use]
pub struct Builder<T> {
    settings: Settings,
    /// The environment says, where this does not.
    proxy: Option<ProxySettings>,
    transport: PhantomData<fn() -> T>,
}

impl<T> Builder<T> {
    /// Trusts one more root certificate, in DER, besides the platform's.
    ///
    /// It is read with the first https request; one that cannot be read makes every https request fail as not sent.
    pub fn extra_root_der(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.settings.extra_roots.der.push(certificate.into());
        self
    }

    /// Trusts the root certificates of a PEM text, such as a company's own, besides the platform's.
    ///
    /// It is read with the first https request; one that cannot be read makes every https request fail as not sent.
    pub fn extra_roots_pem(mut self, certificates: impl Into<Vec<u8>>) -> Self {
        self.settings.extra_roots.pem.push(certificates.into());
        self
    }

    /// Sets the largest body that `send` accepts, in bytes. It is 16 MiB otherwise.
    ///
    /// A streamed body has no limit: its reader decides.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// Sends https requests through this proxy, whatever the environment says.
    ///
    /// `address` is what `HTTPS_PROXY` would hold; user and password in it go to the proxy alone. `direct` lists
    /// hosts to reach without it, as `NO_PROXY` would. Loopback is always reached without it, and plain http too.
    /// An address that cannot be read makes the requests that it is meant for fail as not sent.
    pub fn proxy(mut self, address: impl Into<String>, direct: impl Into<String>) -> Self {
        self.proxy = Some(ProxySettings::new(&address.into(), &direct.into()));
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Some(ProxySettings::none());
        self
    }

    /// Sets how long a connection may take to open: name, TCP, proxy and TLS. It is 10 s otherwise.
    ///
    /// A request that fails for it never left. Where the request's own timeout is shorter, that one counts.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Sets how long an unused connection is kept. It is 20 s otherwise.
    ///
    /// Keep it below what the service allows: a request that meets a connection which is just being closed is lost.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.pool_idle_timeout = timeout;
        self
    }

    /// Sets how many unused connections are kept for each host. It is 64 otherwise.
    pub fn pool_max_idle_per_host(mut self, connections: usize) -> Self {
        self.settings.pool_max_idle_per_host = connections;
        self
    }
}

impl<T: FromSettings> Builder<T> {
    /// Makes the transport. The environment is read here, certificates are not.
    #[must_use]
    pub fn build(mut self) -> T {
        let proxy = self.proxy.unwrap_or_else(ProxySettings::from_environment);
        self.settings.proxy = proxy;
        T::from_settings(self.settings)
    }
}

impl<T> Default for Builder<T> {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            proxy: None,
            transport: PhantomData,
        }
    }
}

impl<T> Clone for Builder<T> {
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            proxy: self.proxy.clone(),
            transport: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What a [`Builder`] was told, for the transport that is made of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Whom to trust besides the platform's roots.
    pub extra_roots: ExtraRoots,
    /// The largest body that `send` accepts, in bytes.
    pub max_body: usize,
    /// The way to https hosts.
    pub proxy: ProxySettings,
    /// How long a connection may take to open: name, TCP, proxy and TLS.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub pool_idle_timeout: Duration,
    /// How many unused connections are kept for each host.
    pub pool_max_idle_per_host: usize,
    /// How often an HTTP/2 connection is pinged. Requests share one: without pings, one that died in silence would fail
    /// every request until TCP gives up, many minutes later.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered.
    pub ping_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            extra_roots: ExtraRoots::default(),
            max_body: MAX_BODY,
            proxy: ProxySettings::none(),
            connect_timeout: Duration::from_secs(10),
            pool_idle_timeout: Duration::from_secs(20),
            pool_max_idle_per_host: 64,
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(10),
        }
    }
}

/// Certificates to trust besides the platform's, not read yet.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ExtraRoots {
    /// One certificate each, in DER.
    pub der: Vec<Vec<u8>>,
    /// PEM texts with one certificate or more. A text with none has to fail.
    pub pem: Vec<Vec<u8>>,
}

impl fmt::Debug for ExtraRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtraRoots")
            .field("der", &self.der.len())
            .field("pem", &self.pem.len())
            .finish()
    }
}
