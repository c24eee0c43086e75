//! The client as an application makes it: by an id and a secret, over the stack that its features chose.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

#[cfg(feature = "admin")]
use humanapi_client::OrderJournal;
use humanapi_client::{Client as AnyClient, Runtime, TokenStore, TokioRuntime, Transport};
#[cfg(feature = "admin")]
use humanapi_core::admin::order::OrderPolicy;
use humanapi_core::{
    Credentials, CredentialsError, Host, HostError, Hosts, IntoSecret, Provisioning, RetryPolicy,
};

use crate::environment::{self, EnvironmentError};
use crate::settings::{Settings, settings};

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
/// let same = Client::new("my-app", "hush")?.provisioning(Provisioning::Hip);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What sends its requests is hyper where the feature `hyper` is on, and reqwest otherwise;
/// [`transport`](Self::transport) takes another one, such as a `ReqwestTransport` over the application's own client.
#[derive(Clone)]
pub struct Client {
    client: AnyClient,
    settings: Arc<Settings>,
}

settings!(Client);

impl Client {
    pub(crate) fn made(settings: Settings) -> Self {
        Self {
            client: settings.client(TokioRuntime::new(), |_| default_transport()),
            settings: Arc::new(settings),
        }
    }

    /// Shares tokens with other processes, through one of the stores in `humanapi::store`.
    #[must_use]
    pub fn store(self, store: Arc<dyn TokenStore>) -> Self {
        self.with(|settings| settings.store = Some(store))
    }

    /// Sets where it is written which orders were sent. Without one it is kept in this process's memory, and forgotten with
    /// it: see [`Orders`](crate::Orders) for what that means.
    #[cfg(feature = "admin")]
    #[must_use]
    pub fn order_journal(self, journal: Arc<dyn OrderJournal>) -> Self {
        self.with(|settings| settings.journal = Some(journal))
    }

    /// Sets how patient placing an order is with others and with the service.
    #[cfg(feature = "admin")]
    #[must_use]
    pub fn order_policy(self, policy: OrderPolicy) -> Self {
        self.with(|settings| settings.orders = policy)
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
