//! Settings of a transport that makes its own connections.

use std::fmt;
use std::time::Duration;

use crate::clients::Clients;
use crate::proxy::Rules;
use crate::tls::ExtraRoots;
use crate::transport::{MAX_BODY, ReqwestTransport};

/// Settings of a [`ReqwestTransport`] that makes its own connections.
///
/// ```
/// use humanapi_reqwest::ReqwestTransport;
///
/// let transport = ReqwestTransport::builder()
///     .max_body(4 * 1024 * 1024)
///     .no_proxy()
///     .build();
/// ```
#[must_use]
#[derive(Clone)]
pub struct Builder {
    pub(crate) roots: ExtraRoots,
    max_body: usize,
    proxy: Proxy,
    connect_timeout: Duration,
    pool_idle_timeout: Duration,
    pool_max_idle_per_host: usize,
}

#[derive(Clone)]
enum Proxy {
    Environment,
    None,
    Through { address: String, direct: String },
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            roots: ExtraRoots::default(),
            max_body: MAX_BODY,
            proxy: Proxy::Environment,
            connect_timeout: CONNECT_TIMEOUT,
            pool_idle_timeout: POOL_IDLE_TIMEOUT,
            pool_max_idle_per_host: POOL_MAX_IDLE_PER_HOST,
        }
    }

    /// Trusts one more root certificate, in DER, besides the platform's.
    ///
    /// It is read with the first https request; one that cannot be read makes every https request fail as not sent.
    pub fn extra_root_der(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.roots.der.push(certificate.into());
        self
    }

    /// Trusts the root certificates of a PEM text, such as a company's own, besides the platform's.
    ///
    /// It is read with the first https request; one that cannot be read makes every https request fail as not sent.
    pub fn extra_roots_pem(mut self, certificates: impl Into<Vec<u8>>) -> Self {
        self.roots.pem.push(certificates.into());
        self
    }

    /// Sets the largest body that `send` accepts, in bytes. It is 16 MiB otherwise.
    ///
    /// A streamed body has no limit: its reader decides.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sends https requests through this proxy, whatever the environment says.
    ///
    /// `address` is what `HTTPS_PROXY` would hold; user and password in it go to the proxy alone. `direct` lists
    /// hosts to reach without it, as `NO_PROXY` would. Loopback is always reached without it, and plain http too.
    /// An address that cannot be read makes the requests that it is meant for fail as not sent.
    pub fn proxy(mut self, address: impl Into<String>, direct: impl Into<String>) -> Self {
        self.proxy = Proxy::Through {
            address: address.into(),
            direct: direct.into(),
        };
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxy::None;
        self
    }

    /// Sets how long a connection may take to open: name, TCP, proxy and TLS. It is 10 s otherwise.
    ///
    /// A request that fails for it never left. Where the request's own timeout is shorter, that one counts.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an unused connection is kept. It is 20 s otherwise.
    ///
    /// Keep it below what the service allows: a request that meets a connection which is just being closed is lost.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// Sets how many unused connections are kept for each host. It is 64 otherwise.
    pub fn pool_max_idle_per_host(mut self, connections: usize) -> Self {
        self.pool_max_idle_per_host = connections;
        self
    }

    /// Makes the transport. The environment is read here, certificates are not.
    #[must_use]
    pub fn build(self) -> ReqwestTransport {
        let proxies = match &self.proxy {
            Proxy::Environment => Rules::from_environment(|name| std::env::var_os(name)),
            Proxy::None => Rules::none(),
            Proxy::Through { address, direct } => Rules::new(address, direct),
        };
        let max_body = self.max_body;
        ReqwestTransport::over(Clients::lazy(self, proxies)).with_max_body(max_body)
    }

    /// What both clients have in common.
    pub(crate) fn client(&self, tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(self.pool_idle_timeout)
            .pool_max_idle_per_host(self.pool_max_idle_per_host)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            // Another crate of the application may turn these features of reqwest on; they change what is sent.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .no_hickory_dns()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The proxy's address may hold a password.
        f.debug_struct("Builder")
            .field("max_body", &self.max_body)
            .field("connect_timeout", &self.connect_timeout)
            .field("pool_idle_timeout", &self.pool_idle_timeout)
            .field("pool_max_idle_per_host", &self.pool_max_idle_per_host)
            .finish_non_exhaustive()
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const POOL_MAX_IDLE_PER_HOST: usize = 64;

// Requests share one HTTP/2 connection. Without pings, one that died in silence would fail every request until TCP
// gives up, many minutes later.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
