//! What a client is made of, whether its calls are awaited or waited for.

use std::sync::Arc;

#[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
use humanapi_client::OrderJournal;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
use humanapi_client::TokenStore;
use humanapi_client::{Client, Runtime, Transport};
#[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
use humanapi_core::admin::order::OrderPolicy;
use humanapi_core::{Credentials, Hosts, Provisioning, RetryPolicy};

/// What an application sets, and what it is where it does not.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) credentials: Credentials,
    pub(crate) provisioning: Provisioning,
    pub(crate) hosts: Hosts,
    pub(crate) retry: RetryPolicy,
    /// The stack that is chosen by features, where there is none.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    #[cfg(any(feature = "hyper", feature = "reqwest"))]
    pub(crate) store: Option<Arc<dyn TokenStore>>,
    /// What the client's own default is, where there is none.
    pub(crate) runtime: Option<Arc<dyn Runtime>>,
    #[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
    pub(crate) journal: Option<Arc<dyn OrderJournal>>,
    #[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
    pub(crate) orders: OrderPolicy,
}

impl Settings {
    pub(crate) fn new(credentials: Credentials, hosts: Hosts) -> Self {
        Self {
            credentials,
            provisioning: Provisioning::Connect,
            hosts,
            retry: RetryPolicy::default(),
            transport: None,
            #[cfg(any(feature = "hyper", feature = "reqwest"))]
            store: None,
            runtime: None,
            #[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
            journal: None,
            #[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
            orders: OrderPolicy::default(),
        }
    }

    /// The client, on this runtime, and over the transport of `stack` where none was set.
    pub(crate) fn client(
        &self,
        runtime: impl Runtime + 'static,
        stack: impl FnOnce(&Self) -> Arc<dyn Transport>,
    ) -> Client {
        let transport = match &self.transport {
            Some(transport) => Arc::clone(transport),
            None => stack(self),
        };
        let builder = Client::builder(self.credentials.clone(), self.provisioning, transport)
            .hosts(self.hosts.clone())
            .retry(self.retry.clone());
        #[cfg(any(feature = "hyper", feature = "reqwest"))]
        let builder = match &self.store {
            Some(store) => builder.store(Arc::clone(store)),
            None => builder,
        };
        #[cfg(all(feature = "admin", any(feature = "hyper", feature = "reqwest")))]
        let builder = {
            let builder = builder.order_policy(self.orders.clone());
            match &self.journal {
                Some(journal) => builder.order_journal(Arc::clone(journal)),
                None => builder,
            }
        };
        if let Some(own) = &self.runtime {
            return builder.build_on(Arc::clone(own));
        }
        builder.build_on(runtime)
    }
}

/// The methods by which an application makes a client and sets what it is made of: the same ones for both clients.
macro_rules! settings {
    ($Client:ident) => {
        impl $Client {
            fn with(self, set: impl FnOnce(&mut Settings)) -> Self {
                let mut settings = Arc::unwrap_or_clone(self.settings);
                set(&mut settings);
                Self::made(settings)
            }

            /// A client of the application with this id and secret, as the developer portal shows them.
            ///
            /// Nothing is connected and no certificate is read before the first call.
            ///
            /// # Errors
            ///
            /// When either is empty or has white space around it.
            pub fn new(
                id: impl AsRef<str>,
                secret: impl IntoSecret,
            ) -> Result<Self, CredentialsError> {
                let credentials = Credentials::new(id, secret)?;
                Ok(Self::made(Settings::new(credentials, Hosts::production())))
            }

            /// A client of the application that the environment names, by the variables that the `humanapi` command
            /// obeys:
            ///
            /// * `HUMANAPI_CLIENT_ID` and `HUMANAPI_CLIENT_SECRET`;
            /// * `HUMANAPI_BASE_URL`: another address than production, such as a sandbox's; and before that
            ///   `HUMANAPI_AUTH_URL`, `HUMANAPI_ADMIN_URL` and `HUMANAPI_DATA_URL`, each of one host;
            /// * `HUMANAPI_PROVISIONING`: `connect` or `hip`;
            /// * `HUMANAPI_TIMEOUT`: how long a call may take in all, such as `30s` or `2m`. It makes a policy, as by
            ///   [`RetryPolicy::within`], which [`retry`](Self::retry) replaces.
            ///
            /// A variable that is set to nothing counts as not set.
            ///
            /// # Errors
            ///
            /// When one of the first two is not set, or one of them all is set to what it cannot be. The error names the
            /// variable.
            pub fn from_env() -> Result<Self, EnvironmentError> {
                environment::settings(|name| std::env::var_os(name)).map(Self::made)
            }

            /// Sets how the vendor set the application up: it decides where access tokens come from.
            #[must_use]
            pub fn provisioning(self, provisioning: Provisioning) -> Self {
                self.with(|settings| settings.provisioning = provisioning)
            }

            /// Sets what sends requests, instead of the stack that this client comes with. It has to run where this client's
            /// calls do: what needs tokio, as `HyperTransport` and `ReqwestTransport` do, panics outside of it.
            #[must_use]
            pub fn transport(self, transport: impl Transport + 'static) -> Self {
                self.with(|settings| settings.transport = Some(Arc::new(transport)))
            }

            /// Sets one address for all that is asked for, such as a sandbox's.
            ///
            /// # Errors
            ///
            /// When it is none that requests may go to: it is `https`, or plain `http` to this machine.
            pub fn base_url(self, url: &str) -> Result<Self, HostError> {
                let hosts = Hosts::single(url)?;
                Ok(self.with(|settings| settings.hosts = hosts))
            }

            /// Sets the address of one host alone.
            ///
            /// # Errors
            ///
            /// As for [`base_url`](Self::base_url).
            pub fn host(self, host: Host, url: &str) -> Result<Self, HostError> {
                let hosts = self.settings.hosts.with(host, url)?;
                Ok(self.with(|settings| settings.hosts = hosts))
            }

            /// Sets how often and how long calls are tried.
            #[must_use]
            pub fn retry(self, policy: RetryPolicy) -> Self {
                self.with(|settings| settings.retry = policy)
            }

            /// Sets what keeps time and runs tasks, instead of what this client comes with: in a test, the sandbox's clock.
            #[must_use]
            pub fn runtime(self, runtime: impl Runtime + 'static) -> Self {
                self.with(|settings| settings.runtime = Some(Arc::new(runtime)))
            }
        }
    };
}

pub(crate) use settings;
