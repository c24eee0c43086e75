//! The client for programs without async: its calls are waited for where they are made.
//!
//! ```no_run
//! use humanapi::blocking::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::from_env()?;
//!     for activity in client.user("patient-17").data().activities().items() {
//!         let activity = activity?;
//!         println!("{:?} {:?}", activity.start_time(), activity.kind());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! It does what the other client does, by the same code: tokens are kept between pages and calls, renewed and shared by the
//! threads of a program, and calls are tried again by the same policy. Requests go out over ureq, on the thread that waits,
//! and those for tokens on a thread that ends with them; no async runtime is needed, and none is started. TLS is by rustls and trusts whom the platform trusts. https goes through
//! the proxy that `HTTPS_PROXY` names, except for the hosts in `NO_PROXY`.
//!
//! Do not call it in async code: there it would block all that its thread has to do.

mod call;
#[cfg(feature = "data")]
mod data;
mod download;
mod thread_runtime;
mod ureq_transport;
mod user;

use std::fmt;
use std::sync::Arc;

use humanapi_client::{Client as AnyClient, Runtime, TokenBroker, Transport};
use humanapi_core::auth::IssueClientToken;
use humanapi_core::{
    ClientUserId, Credentials, CredentialsError, Endpoint, Host, HostError, Hosts, IntoSecret,
    Provisioning, RetryPolicy,
};

pub use call::{ApiCall, ConfirmConnection, ConnectTokenCall};
#[cfg(feature = "data")]
pub use data::{ChangesPages, Each, Items, Pages, UserData};
pub use download::{Download, WriteError};
pub use user::User;

use crate::environment::{self, EnvironmentError};
use crate::settings::{Settings, settings};

/// One application's calls, each waited for by the thread that makes it. Cheap to clone; share it among threads.
///
/// What is not set is as in production: the service's own hosts, tokens of one process, the default
/// [`RetryPolicy`], and [`Provisioning::Connect`]. A setting makes another client, with tokens of its own, so set
/// before the first call.
#[derive(Clone)]
pub struct Client {
    client: AnyClient,
    settings: Arc<Settings>,
}

settings!(Client);

impl Client {
    fn made(settings: Settings) -> Self {
        let runtime = thread_runtime::ThreadRuntime::new();
        let stack = |settings: &Settings| -> Arc<dyn Transport> {
            let silence = settings.retry.chunk_timeout();
            Arc::new(ureq_transport::UreqTransport::new(silence))
        };
        Self {
            client: settings.client(runtime, stack),
            settings: Arc::new(settings),
        }
    }

    /// The application's view of one user.
    ///
    /// An empty id is refused by each call, before anything is sent.
    #[must_use]
    pub fn user(&self, id: impl Into<ClientUserId>) -> User {
        User::new(self.client.user(id))
    }

    /// A call of the application's own. One that needs a user's access token is made by
    /// [`client.user(id).call(..)`](User::call).
    pub fn call<E: Endpoint>(&self, endpoint: E) -> ApiCall<E> {
        ApiCall::new(self.client.call(endpoint))
    }

    /// Asks for a client token, which administers an application on the Health Intelligence Platform.
    pub fn client_token(&self) -> ApiCall<IssueClientToken> {
        ApiCall::new(self.client.client_token())
    }

    /// Where requests go.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        self.client.hosts()
    }

    /// Keeps this application's tokens.
    #[must_use]
    pub fn broker(&self) -> Option<&TokenBroker> {
        self.client.broker()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}
