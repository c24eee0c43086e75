//! A running sandbox and how it is set up.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use tokio::sync::oneshot;

use crate::app::{AppCredentials, DemoApp};
use crate::assumption::{Assumption, Assumptions, spelling};
use crate::clock::{self, Clock};
use crate::control::{Control, ControlError};
use crate::guard::Guard;
use crate::offline::OfflineSandbox;
use crate::scenario::Scenario;
use crate::server;
use crate::service::Service;
use crate::world::{Beginning, World};

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The threads of the sandbox could not be started.
    #[error("cannot start the sandbox's threads")]
    Threads(#[source] io::Error),
}

/// A sandbox that serves HTTP until it is dropped.
///
/// It runs on threads of its own, so it works in any test, async or not.
/// Dropping it lets answers under way finish for half a second, and waits for its threads.
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    address: SocketAddr,
    service: Arc<Service>,
    control: Control,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on loopback, on a free port, with the default seed.
    ///
    /// # Errors
    ///
    /// If no port can be listened on or no thread started.
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// Sets up a sandbox.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::new()
    }

    /// Where it is reached, such as `http://127.0.0.1:49152`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The credentials of a demo application.
    #[must_use]
    pub fn app(&self, kind: DemoApp) -> AppCredentials {
        self.service.world.credentials(kind)
    }

    /// Control over this sandbox.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The same service without the way over the socket: what is done at one is seen at the other.
    ///
    /// It keeps the sandbox's clock, and answers on after the sandbox was dropped.
    #[must_use]
    pub fn offline(&self) -> OfflineSandbox {
        OfflineSandbox::new(Arc::clone(&self.service))
    }

    /// What calls of the control API must carry as `X-Sandbox-Token`; none on loopback.
    #[must_use]
    pub fn control_token(&self) -> Option<&str> {
        self.service.guard.control_token()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been reported over there.
            let _ = thread.join();
        }
    }
}

/// Settings of a sandbox; each has a default.
#[derive(Clone)]
#[must_use]
pub struct SandboxBuilder {
    seed: u64,
    address: IpAddr,
    port: u16,
    hosts: Vec<String>,
    callbacks: Vec<String>,
    frozen: Option<clock::Millis>,
    assumptions: Vec<(Assumption, &'static str)>,
    log_capacity: usize,
    workers: usize,
    scenario: Scenario,
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("seed", &self.seed)
            .field("address", &self.address)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Callbacks that every demo application has.
const CALLBACKS: [&str; 2] = [
    "https://app.example.test/connected",
    "exampleapp://connected",
];

impl SandboxBuilder {
    fn new() -> Self {
        Self {
            seed: 1,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            hosts: Vec::new(),
            callbacks: CALLBACKS.map(str::to_owned).to_vec(),
            frozen: None,
            assumptions: Vec::new(),
            log_capacity: 4096,
            workers: 2,
            scenario: Scenario::default(),
        }
    }

    /// The number from which all ids, secrets, tokens and health data follow; 1 by default.
    ///
    /// Whoever knows it can work out every token: it stands for repeatability, not for safety.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The port; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The address to listen on; 127.0.0.1 by default.
    ///
    /// Beyond loopback, every call of the control API needs the
    /// [control token](Sandbox::control_token).
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// A further host name that requests may be for, without a port.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// A further address that hosted Connect links may lead back to.
    ///
    /// `https://app.example.test/connected` and `exampleapp://connected` are allowed from the
    /// start. A callback may add a query and a fragment to an allowed address. An address that ends
    /// in `/*`, such as `http://127.0.0.1:3000/*`, allows every path below it.
    pub fn callback(mut self, url: impl Into<String>) -> Self {
        self.callbacks.push(url.into());
        self
    }

    /// Freezes the clock at an instant, from which only
    /// [`advance_clock`](Control::advance_clock) moves it.
    pub fn frozen_at(mut self, instant: SystemTime) -> Self {
        self.frozen = Some(clock::from_system(instant));
        self
    }

    /// Sets an assumption from the start; [`reset`](Control::reset) comes back to it.
    ///
    /// # Errors
    ///
    /// If the assumption has no such value.
    pub fn assume(mut self, assumption: Assumption, value: &str) -> Result<Self, ControlError> {
        let own = spelling(assumption, value).ok_or_else(|| ControlError::UnknownValue {
            assumption,
            value: value.to_owned(),
        })?;
        self.assumptions.push((assumption, own));
        Ok(self)
    }

    /// How the story begins; [`reset`](Control::reset) comes back to it.
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = scenario;
        self
    }

    /// How many requests the log keeps; 4096 by default.
    pub fn log_capacity(mut self, requests: usize) -> Self {
        self.log_capacity = requests;
        self
    }

    /// How many worker threads answer requests, at least one; 2 by default.
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = threads.max(1);
        self
    }

    /// Starts the sandbox; it answers from the moment that this returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on or no thread started.
    pub fn start(self) -> Result<Sandbox, StartError> {
        let address = SocketAddr::new(self.address, self.port);
        let bind = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.workers)
            .thread_name("humanapi-sandbox")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let service = Arc::new(self.service(None));
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&service);
        // The runtime moves to the new thread also because it must not be dropped on a thread
        // of the caller's own runtime.
        let thread = std::thread::Builder::new()
            .name("humanapi-sandbox".to_owned())
            .spawn(move || {
                server::run(runtime, async move {
                    // Fails only outside a runtime, and this is inside one.
                    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                        server::serve(serving, listener, stopped).await;
                    }
                });
            })
            .map_err(StartError::Threads)?;
        Ok(Sandbox {
            url: url_of(address),
            address,
            control: Control::new(Arc::clone(&service.world)),
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Makes the same service without a socket.
    ///
    /// Its clock is frozen at 2026-01-15T09:00:00Z, unless [`frozen_at`](Self::frozen_at) was
    /// called. Address, port and workers have no meaning for it.
    #[must_use]
    pub fn build_offline(mut self) -> OfflineSandbox {
        self.address = Ipv4Addr::LOCALHOST.into();
        OfflineSandbox::new(Arc::new(self.service(Some(clock::DEFAULT_START))))
    }

    fn service(mut self, frozen_by_default: Option<clock::Millis>) -> Service {
        let control_token = (!self.address.is_loopback())
            // The one secret that must not follow from the seed.
            .then(|| uuid::Uuid::new_v4().simple().to_string());
        if !self.address.is_unspecified() {
            self.hosts.push(self.address.to_string());
        }
        let clock = self
            .frozen
            .or(frozen_by_default)
            .map_or_else(Clock::wall, Clock::frozen);
        // What the builder was told counts more than what a scenario says.
        let assumptions = [self.scenario.assumptions.clone(), self.assumptions].concat();
        let world = World::new(Beginning {
            seed: self.seed,
            callbacks: self.callbacks,
            clock,
            assumptions: Assumptions::new(&assumptions),
            log_capacity: self.log_capacity,
            scenario: self.scenario,
        });
        Service::new(Arc::new(world), Guard::new(self.hosts, control_token))
    }
}

/// The URL of a listening address; for one that means all addresses, that of loopback.
fn url_of(address: SocketAddr) -> String {
    let reachable = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        ip if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(reachable, address.port()))
}
