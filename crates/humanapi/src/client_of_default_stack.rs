//! The client as an application makes it: by an id and a secret, over the stack that its features chose.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use humanapi_client::{Client as AnyClient, TokenStore, Transport};
use humanapi_core::{Credentials, CredentialsError, HostError, Hosts, Provisioning, RetryPolicy};
use secrecy::SecretString;

use crate::environment::{Environment, EnvironmentError};

/// One application's calls. Cheap to clone; share it.
///
/// It is a [`client::Client`](humanapi_client::Client) that was made in few words, and does all that one does: begin with
/// [`user`](humanapi_client::Client::user). Make it inside a tokio runtime, or use it in one.
///
/// What is not set is as in production: the service's own hosts, tokens of one process, the default
/// [`RetryPolicy`], and [`Provisioning::Connect`]. A setting makes another client, with tokens of its own, so set
/// before the first call:
///
/// ```no_run
/// use humanapi::{Client, Provisioning};
///
/// let client = Client::from_env()?.provisioning(Provisioning::Hip);
/// # Ok::<(), humanapi::EnvironmentError>(())
/// ```
#[derive(Clone)]
pub struct Client {
    client: AnyClient,
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    credentials: Credentials,
    provisioning: Provisioning,
    hosts: Hosts,
    retry: RetryPolicy,
    transport: Arc<dyn Transport>,
    store: Option<Arc<dyn TokenStore>>,
}

impl Client {
    /// A client of the application with this id and secret, as the developer portal shows them.
    ///
    /// Nothing is connected and no certificate is read before the first call.
    ///
    /// ```
    /// let client = humanapi::Client::new("my-app", "hush")?;
    /// # Ok::<(), humanapi::CredentialsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When either is empty or has white space around it.
    pub fn new(
        id: impl Into<Arc<str>>,
        secret: impl Into<SecretString>,
    ) -> Result<Self, CredentialsError> {
        let credentials = Credentials::new(id, secret)?;
        Ok(Self::of(credentials, Hosts::production()))
    }

    /// A client of the application that the environment names: `HUMANAPI_CLIENT_ID`, `HUMANAPI_CLIENT_SECRET` and, for
    /// another address than production, such as a sandbox's, `HUMANAPI_BASE_URL`.
    ///
    /// A variable that is set to nothing counts as not set.
    ///
    /// # Errors
    ///
    /// When one of the first two is not set, or one of them is set to what it cannot be. The error names the variable.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        let Environment { credentials, hosts } = Environment::from(|name| std::env::var_os(name))?;
        Ok(Self::of(credentials, hosts))
    }

    fn of(credentials: Credentials, hosts: Hosts) -> Self {
        Self::made(Settings {
            credentials,
            provisioning: Provisioning::Connect,
            hosts,
            retry: RetryPolicy::default(),
            transport: default_transport(),
            store: None,
        })
    }

    fn made(settings: Settings) -> Self {
        let mut builder = AnyClient::builder(
            settings.credentials.clone(),
            settings.provisioning,
            Arc::clone(&settings.transport),
        )
        .hosts(settings.hosts.clone())
        .retry(settings.retry.clone());
        if let Some(store) = &settings.store {
            builder = builder.store(Arc::clone(store));
        }
        Self {
            client: builder.build(),
            settings: Arc::new(settings),
        }
    }

    fn with(self, set: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Arc::unwrap_or_clone(self.settings);
        set(&mut settings);
        Self::made(settings)
    }

    /// Sets how the vendor set the application up: it decides where access tokens come from.
    #[must_use]
    pub fn provisioning(self, provisioning: Provisioning) -> Self {
        self.with(|settings| settings.provisioning = provisioning)
    }

    /// Sets what sends requests, such as a `ReqwestTransport` over the application's
    /// own reqwest client.
    #[must_use]
    pub fn transport(self, transport: impl Transport + 'static) -> Self {
        self.with(|settings| settings.transport = Arc::new(transport))
    }

    /// Sets one address for all that is asked for, such as a sandbox's.
    ///
    /// # Errors
    ///
    /// When it is none that requests may go to: it is `https`, or plain `http` to this machine.
    pub fn base_url(self, url: &str) -> Result<Self, HostError> {
        Ok(self.hosts(Hosts::single(url)?))
    }

    /// Sets where requests go, host by host.
    #[must_use]
    pub fn hosts(self, hosts: Hosts) -> Self {
        self.with(|settings| settings.hosts = hosts)
    }

    /// Sets how often and how long calls are tried.
    #[must_use]
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.with(|settings| settings.retry = policy)
    }

    /// Shares tokens with other processes, through one of the stores in `humanapi::store`.
    #[must_use]
    pub fn store(self, store: Arc<dyn TokenStore>) -> Self {
        self.with(|settings| settings.store = Some(store))
    }
}

fn default_transport() -> Arc<dyn Transport> {
    #[cfg(feature = "hyper")]
    return Arc::new(humanapi_hyper::HyperTransport::new());
    #[cfg(not(feature = "hyper"))]
    return Arc::new(humanapi_reqwest::ReqwestTransport::new());
}

impl Deref for Client {
    type Target = AnyClient;

    fn deref(&self) -> &AnyClient {
        &self.client
    }
}

impl From<Client> for AnyClient {
    fn from(client: Client) -> Self {
        client.client
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}
