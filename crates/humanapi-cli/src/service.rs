//! The service, as one command uses it: whose credentials, where, how patient, and with which store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[cfg(feature = "store")]
use humanapi_client::BrokerEvent;
#[cfg(feature = "orders")]
use humanapi_client::OrderJournal;
use humanapi_client::{Client, Error, TokenBroker, TokenBrokerBuilder, TokenStore, Transport};
#[cfg(feature = "orders")]
use humanapi_core::admin::order::OrderPolicy;
use humanapi_core::broker::KeptToken;
#[cfg(feature = "data")]
use humanapi_core::data::application::AppKey;
use humanapi_core::{
    ClientId, ClientUserId, Credentials, Host, Hosts, Provisioning, RetryPolicy, TokenKey,
};

use crate::args::{ServiceArgs, SetupArgs};
use crate::exit::{Code, Failure};
use crate::output::secrets::Secrets;
use crate::settings::Settings;
use crate::{credentials, output, verbose};

/// How patient the command is: somebody waits for it, so it tries twice.
fn policy(timeout: Duration) -> RetryPolicy {
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::from(since.subsec_nanos()));
    RetryPolicy::within(timeout)
        .with_max_attempts(2)
        .with_seed(seed)
}

pub(crate) fn user_id(text: &str) -> Result<ClientUserId, Failure> {
    ClientUserId::new(text).map_err(|_| {
        Failure::new(
            Code::Usage,
            "the user id is empty",
            "give the id by which your application knows the user",
        )
    })
}

/// What placing orders goes by.
#[cfg(feature = "orders")]
pub(crate) struct Placing {
    pub(crate) tokens: Arc<dyn TokenStore>,
    pub(crate) orders: Arc<dyn OrderJournal>,
    pub(crate) policy: OrderPolicy,
}

/// The token service, as one command uses it.
pub(crate) struct Service {
    pub(crate) client: Client,
    /// What is not shown where others repeat it.
    pub(crate) secrets: Secrets,
    provisioning: Provisioning,
    hosts: Hosts,
}

impl Service {
    /// The service, for a token that is had in one way alone.
    pub(crate) fn new(args: &ServiceArgs, provisioning: Provisioning) -> Result<Self, Failure> {
        Self::sharing(args, provisioning, None)
    }

    /// The same, with tokens taken from a store and kept there.
    pub(crate) fn sharing(
        args: &ServiceArgs,
        provisioning: Provisioning,
        store: Option<Arc<dyn TokenStore>>,
    ) -> Result<Self, Failure> {
        Self::by(&Settings::find(args, None)?, args, provisioning, store)
    }

    /// The same, for an application of whichever provisioning the settings tell.
    pub(crate) fn of_setup(
        args: &ServiceArgs,
        setup: &SetupArgs,
        store: Option<Arc<dyn TokenStore>>,
    ) -> Result<Self, Failure> {
        let settings = Settings::find(args, setup.provisioning)?;
        Self::by(&settings, args, settings.setup.value.into(), store)
    }

    /// The same, for many calls at once: over what becomes of its HTTP stack, and with what becomes of its policy.
    #[cfg(feature = "export")]
    pub(crate) fn for_many(
        args: &ServiceArgs,
        setup: &SetupArgs,
        store: Option<Arc<dyn TokenStore>>,
        stack: impl FnOnce(Box<dyn Transport>) -> Box<dyn Transport>,
        patient: impl FnOnce(RetryPolicy, Duration) -> RetryPolicy,
    ) -> Result<Self, Failure> {
        let settings = Settings::find(args, setup.provisioning)?;
        let provisioning = settings.setup.value.into();
        begin(args);
        let secret = credentials_of(&settings)?;
        Ok(Self::over(
            &settings,
            secret,
            provisioning,
            store,
            stack,
            patient,
        ))
    }

    /// The same, as settings have it that were found before.
    pub(crate) fn by(
        settings: &Settings,
        args: &ServiceArgs,
        provisioning: Provisioning,
        store: Option<Arc<dyn TokenStore>>,
    ) -> Result<Self, Failure> {
        begin(args);
        let (credentials, secrets) = credentials_of(settings)?;
        Ok(Self::of(
            settings,
            credentials,
            provisioning,
            store,
            secrets,
        ))
    }

    /// The service, for calls that bring what authorizes them: nobody is asked for credentials, and none go out.
    #[cfg(feature = "data")]
    pub(crate) fn without_credentials(
        settings: &Settings,
        args: &ServiceArgs,
    ) -> Result<Self, Failure> {
        begin(args);
        let none =
            Credentials::new("none", "none").map_err(|error| credentials::unusable(&error))?;
        let provisioning = settings.setup.value.into();
        Ok(Self::of(
            settings,
            none,
            provisioning,
            None,
            Secrets::default(),
        ))
    }

    /// An application's key, which is not shown from now on.
    #[cfg(feature = "data")]
    pub(crate) fn key(&self, key: &str) -> Result<AppKey, Failure> {
        self.secrets.add(key);
        AppKey::new(key.to_owned()).map_err(|error| credentials::unusable(&error))
    }

    fn of(
        settings: &Settings,
        credentials: Credentials,
        provisioning: Provisioning,
        store: Option<Arc<dyn TokenStore>>,
        secrets: Secrets,
    ) -> Self {
        let secret = (credentials, secrets);
        let as_it_is = |stack| stack;
        Self::over(
            settings,
            secret,
            provisioning,
            store,
            as_it_is,
            |policy, _| policy,
        )
    }

    fn over(
        settings: &Settings,
        (credentials, secrets): (Credentials, Secrets),
        provisioning: Provisioning,
        store: Option<Arc<dyn TokenStore>>,
        stack: impl FnOnce(Box<dyn Transport>) -> Box<dyn Transport>,
        patient: impl FnOnce(RetryPolicy, Duration) -> RetryPolicy,
    ) -> Self {
        let hosts = settings.hosts.clone();
        let timeout = settings.timeout.value;
        let policy = patient(policy(timeout), timeout);
        let told = verbose::Told::new(settings.adapter.value.stack(), &secrets);
        // One for both, so that a limit counts tokens too.
        let stack: Arc<dyn Transport> = stack(Box::new(told)).into();
        let stack = || Arc::clone(&stack);
        let mut client = Client::builder(credentials.clone(), provisioning, stack())
            .hosts(hosts.clone())
            .retry(policy.clone());
        if let Some(store) = store {
            let broker = TokenBroker::builder(credentials, provisioning, stack())
                .hosts(hosts.clone())
                .retry(policy)
                .store(store);
            client = client.broker(telling(broker).build());
        }
        let client = client.build();
        Self {
            client,
            secrets,
            provisioning,
            hosts,
        }
    }

    /// The same, for an application that places orders, each once: over what `stack` makes of the HTTP stack.
    #[cfg(feature = "orders")]
    pub(crate) fn placing<T: Transport + 'static>(
        settings: &Settings,
        args: &ServiceArgs,
        placing: Placing,
        stack: impl FnOnce(verbose::Told) -> T,
    ) -> Result<Self, Failure> {
        let provisioning = Provisioning::Hip;
        begin(args);
        let (credentials, secrets) = credentials_of(settings)?;
        let hosts = settings.hosts.clone();
        let policy = policy(settings.timeout.value);
        let told = || verbose::Told::new(settings.adapter.value.stack(), &secrets);
        let broker = TokenBroker::builder(credentials.clone(), provisioning, told())
            .hosts(hosts.clone())
            .retry(policy.clone())
            .store(placing.tokens);
        let client = Client::builder(credentials, provisioning, stack(told()))
            .hosts(hosts.clone())
            .retry(policy)
            .broker(telling(broker).build())
            .order_journal(placing.orders)
            .order_policy(placing.policy)
            .build();
        Ok(Self {
            client,
            secrets,
            provisioning,
            hosts,
        })
    }

    /// The token of a key, through the client's broker.
    pub(crate) async fn kept(
        &self,
        key: impl FnOnce(ClientId) -> TokenKey,
    ) -> Result<KeptToken, Failure> {
        let broker = self
            .client
            .broker()
            .expect("the client made one for itself");
        let key = key(broker.client_id().clone());
        self.read(broker.token(&key).await.map_err(Error::from))
    }

    /// What the token service told.
    pub(crate) fn read<T>(&self, outcome: Result<T, Error>) -> Result<T, Failure> {
        outcome.map_err(|error| self.failure(&error, Host::Auth))
    }

    /// What a failed call of this host means for the command.
    pub(crate) fn failure(&self, error: &Error, host: Host) -> Failure {
        let host = self.hosts.base(host).to_string();
        Failure::call(error, &host, self.provisioning)
    }
}

/// The application's credentials, and their secret as one that is not shown. They are read after the settings: nobody types
/// a secret for a command that goes nowhere.
fn credentials_of(settings: &Settings) -> Result<(Credentials, Secrets), Failure> {
    let credentials = credentials::read(settings)?;
    let secrets = Secrets::default();
    secrets.add(credentials.expose_client_secret());
    Ok((credentials, secrets))
}

/// Says what is told beside the output.
fn begin(args: &ServiceArgs) {
    verbose::begin(args.verbose);
    if args.quiet {
        output::be_quiet();
    }
}

/// A broker that tells the first failure of its store, in one line.
fn telling(broker: TokenBrokerBuilder) -> TokenBrokerBuilder {
    #[cfg(feature = "store")]
    {
        let told = std::sync::Once::new();
        broker.on_event(move |_, event| {
            if let BrokerEvent::StoreFailed(error) = event {
                told.call_once(|| crate::store::without(error));
            }
        })
    }
    #[cfg(not(feature = "store"))]
    broker
}
