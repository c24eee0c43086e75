//! The verb `token`: asks the token service for one token and shows it masked.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use comfy_table::Table;
#[cfg(feature = "store")]
use humanapi_client::BrokerEvent;
use humanapi_client::{Client, Error, TokenBroker, TokenBrokerBuilder, TokenStore};
use humanapi_core::broker::KeptToken;
use humanapi_core::{
    ClientId, ClientUserId, ConnectToken, Expiry, Host, Hosts, HumanId, KnownStatus, Provisioning,
    RetryPolicy, TokenKey, TokenKind, UserStatus,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{CommonArgs, TokenVerb};
use crate::credentials;
use crate::exit::{Code, Failure};
use crate::output::{self, mask};

pub(crate) async fn run(verb: TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::Session {
            user,
            email,
            common,
        } => {
            let service = Service::new(&common, Provisioning::Connect)?;
            let user = user_id(&user.user)?;
            let mut call = service.client.user(user.as_str()).session_token();
            if let Some(email) = email.email {
                call = call.email(email);
            }
            let token = ConnectToken::from(service.read(call.await)?);
            show(&common, &Shown::connect(&token, None))
        }
        TokenVerb::Id { user, common } => {
            let service = Service::new(&common, Provisioning::Connect)?;
            let user = user_id(&user.user)?;
            let issued = service.client.user(user.as_str()).id_token().await;
            let token = ConnectToken::from(service.read(issued)?);
            show(&common, &Shown::connect(&token, None))
        }
        TokenVerb::Access {
            user,
            provisioning,
            #[cfg(feature = "store")]
            store,
            common,
        } => {
            #[cfg(feature = "store")]
            let store = crate::store::shared(&store).await?;
            #[cfg(not(feature = "store"))]
            let store = None;
            let service = Service::sharing(&common, provisioning.into(), store)?;
            let user = user_id(&user.user)?;
            let token = service.kept(|app| TokenKey::access(app, user)).await?;
            show(&common, &Shown::kept(&token))
        }
        TokenVerb::Client {
            #[cfg(feature = "store")]
            store,
            common,
        } => {
            #[cfg(feature = "store")]
            let store = crate::store::shared(&store).await?;
            #[cfg(not(feature = "store"))]
            let store = None;
            let service = Service::sharing(&common, Provisioning::Hip, store)?;
            let token = service.kept(TokenKey::client).await?;
            show(&common, &Shown::kept(&token))
        }
        TokenVerb::Connect {
            user,
            status,
            email,
            #[cfg(feature = "store")]
            store,
            common,
        } => {
            #[cfg(feature = "store")]
            let store = crate::store::shared(&store).await?;
            #[cfg(not(feature = "store"))]
            let store = None;
            let service = Service::sharing(&common, Provisioning::Connect, store)?;
            let user = user_id(&user.user)?;
            let mut call = service
                .client
                .user(user.as_str())
                .with_status(KnownStatus::asserted(status.into()))
                .connect_token();
            if let Some(email) = email.email {
                call = call.email(email);
            }
            let grant = service.read(call.await)?;
            show(&common, &Shown::connect(&grant.token, Some(grant.status)))
        }
    }
}

/// How patient the command is: somebody waits for it.
fn policy() -> RetryPolicy {
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::from(since.subsec_nanos()));
    RetryPolicy::default()
        .with_max_attempts(2)
        .with_attempt_timeout(Duration::from_secs(10))
        .with_overall_deadline(Duration::from_secs(20))
        .with_seed(seed)
}

fn user_id(text: &str) -> Result<ClientUserId, Failure> {
    ClientUserId::new(text).map_err(|_| {
        Failure::new(
            Code::Usage,
            "the user id is empty",
            "give the id by which your application knows the user",
        )
    })
}

/// The token service, as one command uses it.
struct Service {
    client: Client,
    provisioning: Provisioning,
    hosts: Hosts,
}

impl Service {
    fn new(common: &CommonArgs, provisioning: Provisioning) -> Result<Self, Failure> {
        Self::sharing(common, provisioning, None)
    }

    /// One that takes tokens from a store and keeps them there.
    fn sharing(
        common: &CommonArgs,
        provisioning: Provisioning,
        store: Option<Arc<dyn TokenStore>>,
    ) -> Result<Self, Failure> {
        // Before the secret is asked for: nobody types one for a command that goes nowhere.
        let hosts = match &common.base_url {
            None => Hosts::production(),
            Some(url) => Hosts::single(url)
                .map_err(|error| Failure::new(Code::Usage, error.to_string(), error.remedy()))?,
        };
        let credentials =
            credentials::read(common.client_id.as_deref(), common.secret_file.as_deref())?;
        let mut client = Client::builder(credentials.clone(), provisioning, common.adapter.stack())
            .hosts(hosts.clone())
            .retry(policy());
        if let Some(store) = store {
            let broker = TokenBroker::builder(credentials, provisioning, common.adapter.stack())
                .hosts(hosts.clone())
                .retry(policy())
                .store(store);
            client = client.broker(telling(broker).build());
        }
        Ok(Self {
            client: client.build(),
            provisioning,
            hosts,
        })
    }

    /// The token of a key, through the client's broker.
    async fn kept(&self, key: impl FnOnce(ClientId) -> TokenKey) -> Result<KeptToken, Failure> {
        let broker = self
            .client
            .broker()
            .expect("the client made one for itself");
        let key = key(broker.client_id().clone());
        self.read(broker.token(&key).await.map_err(Error::from))
    }

    fn read<T>(&self, outcome: Result<T, Error>) -> Result<T, Failure> {
        outcome.map_err(|error| {
            let host = self.hosts.base(Host::Auth).to_string();
            Failure::call(&error, &host, self.provisioning)
        })
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

/// A token and what is told of it.
struct Shown<'a> {
    kind: TokenKind,
    token: &'a str,
    expiry: Expiry,
    human_id: Option<&'a HumanId>,
    status: Option<UserStatus>,
}

impl<'a> Shown<'a> {
    fn connect(token: &'a ConnectToken, status: Option<UserStatus>) -> Self {
        Self {
            kind: token.kind(),
            token: token.expose_secret(),
            expiry: token.expiry(),
            human_id: token.human_id(),
            status,
        }
    }

    fn kept(token: &'a KeptToken) -> Self {
        Self {
            kind: token.kind(),
            token: token.expose_secret(),
            expiry: token.expiry(),
            human_id: token.human_id(),
            status: None,
        }
    }
}

/// The answer as JSON. Its fields are a contract: new ones may come, these stay.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    token: &'a str,
    masked: bool,
    expires_in: u64,
    expires_at: String,
    browser: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    human_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

fn show(common: &CommonArgs, shown: &Shown<'_>) -> Result<(), Failure> {
    let left = shown
        .expiry
        .wall()
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    let ends = Timestamp::try_from(shown.expiry.wall()).unwrap_or(Timestamp::MAX);
    let line = Line {
        kind: shown.kind.name(),
        token: if common.reveal {
            shown.token
        } else {
            mask::token(shown.kind)
        },
        masked: !common.reveal,
        // Rounded: the way to the service and back took some of the first second.
        expires_in: left.saturating_add(Duration::from_millis(500)).as_secs(),
        expires_at: ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        browser: matches!(shown.kind, TokenKind::Session | TokenKind::Id),
        human_id: shown.human_id.map(HumanId::as_str),
        status: shown.status.map(UserStatus::name),
    };
    let mut out = anstream::stdout().lock();
    if common.json || !(common.table || io::stdout().is_terminal()) {
        serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", table(&line))?;
    }
    out.flush()?;
    Ok(())
}

fn table(line: &Line<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    let hint = if line.masked {
        ", shown by --reveal"
    } else {
        ""
    };
    table.add_row(["kind", line.kind]);
    table.add_row(["token", &format!("{}{hint}", output::plain(line.token))]);
    let life = output::span(line.expires_in);
    table.add_row(["lives", &format!("{life}, until {}", line.expires_at)]);
    let place = if line.browser {
        "it may go to the user's browser"
    } else {
        "it stays on the server"
    };
    table.add_row(["place", place]);
    if let Some(human_id) = line.human_id {
        table.add_row(["human id", &output::plain(human_id)]);
    }
    if let Some(status) = line.status {
        table.add_row(["user", &format!("{status}, as far as the answer tells")]);
    }
    table
}
