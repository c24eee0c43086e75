//! What an application's test takes from a sandbox.

use humanapi_client::Client;
use humanapi_client::Transport;
use humanapi_client::core::{Credentials, HostError, Hosts, Provisioning};
use humanapi_sandbox::{AppCredentials, DemoApp, OfflineSandbox, Sandbox};

use crate::clock::SandboxClock;
use crate::transport::SandboxTransport;

/// What an application's test takes from a sandbox, be it one with a socket or without.
///
/// ```
/// use humanapi_testing::client::Client;
/// use humanapi_testing::core::Provisioning;
/// use humanapi_testing::{ForTests as _, Sandbox};
///
/// let sandbox = Sandbox::builder().build_offline();
/// // All at once, on the sandbox's clock,
/// let client = sandbox.client();
/// // or with settings of your own.
/// let client = Client::builder(sandbox.credentials(), Provisioning::Connect, sandbox.transport())
///     .build_on(sandbox.clock());
/// ```
pub trait ForTests {
    /// The service without a socket.
    fn service(&self) -> OfflineSandbox;

    /// The credentials of the [Connect application](DemoApp::Connect).
    #[must_use]
    fn credentials(&self) -> Credentials {
        credentials(&self.service().app(DemoApp::Connect))
    }

    /// The credentials of a demo application.
    #[must_use]
    fn credentials_of(&self, app: DemoApp) -> Credentials {
        credentials(&self.service().app(app))
    }

    /// A transport whose requests this sandbox answers, without a socket.
    #[must_use]
    fn transport(&self) -> SandboxTransport {
        SandboxTransport::new(self.service())
    }

    /// The sandbox's clock as the time of a client.
    #[must_use]
    fn clock(&self) -> SandboxClock {
        SandboxClock::new(self.service().control().clone())
    }

    /// A client of the [Connect application](DemoApp::Connect), on the sandbox's clock.
    #[must_use]
    fn client(&self) -> Client {
        self.client_of(DemoApp::Connect)
    }

    /// A client of a demo application, on the sandbox's clock.
    #[must_use]
    fn client_of(&self, app: DemoApp) -> Client {
        let app = self.service().app(app);
        Client::builder(credentials(&app), provisioning(&app), self.transport())
            .build_on(self.clock())
    }
}

impl ForTests for OfflineSandbox {
    fn service(&self) -> OfflineSandbox {
        self.clone()
    }
}

impl ForTests for Sandbox {
    fn service(&self) -> OfflineSandbox {
        self.offline()
    }
}

/// What an application's test takes from a running sandbox to reach it over real HTTP.
pub trait OverHttp: ForTests {
    /// Where it is reached. Connect's links lead there too.
    ///
    /// # Errors
    ///
    /// If the sandbox listens beyond this machine: a client sends nothing there in the clear.
    fn hosts(&self) -> Result<Hosts, HostError>;

    /// A client of the [Connect application](DemoApp::Connect) that reaches it over this HTTP stack, on the sandbox's clock.
    ///
    /// # Errors
    ///
    /// As [`hosts`](Self::hosts).
    fn client_over(&self, stack: impl Transport + 'static) -> Result<Client, HostError> {
        let app = self.service().app(DemoApp::Connect);
        let builder = Client::builder(credentials(&app), provisioning(&app), stack);
        Ok(builder.hosts(self.hosts()?).build_on(self.clock()))
    }
}

impl OverHttp for Sandbox {
    fn hosts(&self) -> Result<Hosts, HostError> {
        Hosts::single(self.url())
    }
}

fn credentials(app: &AppCredentials) -> Credentials {
    Credentials::new(app.client_id.as_str(), app.client_secret.as_str())
        .expect("a sandbox makes good credentials, and takes no others from a scenario")
}

const fn provisioning(app: &AppCredentials) -> Provisioning {
    if app.hip {
        Provisioning::Hip
    } else {
        Provisioning::Connect
    }
}
