//! The verb `token`: asks the token service for one token and shows it masked.

use std::time::{Duration, SystemTime};

use comfy_table::Table;
use humanapi_core::broker::KeptToken;
use humanapi_core::{
    ConnectToken, Expiry, HumanId, KnownStatus, Provisioning, TokenKey, TokenKind, UserStatus,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{CommonArgs, TokenVerb};
use crate::exit::Failure;
use crate::output::{self, mask};
use crate::print::{is_json, print_as};
use crate::service::{Service, user_id};

pub(crate) async fn run(verb: TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::Session {
            user,
            email,
            common,
        } => {
            let service = Service::new(&common.service, Provisioning::Connect)?;
            let user = user_id(&user.user)?;
            let mut call = service.client.user(user.as_str()).session_token();
            if let Some(email) = email.email {
                call = call.email(email);
            }
            let token = ConnectToken::from(service.read(call.await)?);
            show(&common, &Shown::connect(&token, None))
        }
        TokenVerb::Id { user, common } => {
            let service = Service::new(&common.service, Provisioning::Connect)?;
            let user = user_id(&user.user)?;
            let issued = service.client.user(user.as_str()).id_token().await;
            let token = ConnectToken::from(service.read(issued)?);
            show(&common, &Shown::connect(&token, None))
        }
        TokenVerb::Access {
            user,
            setup,
            #[cfg(feature = "store")]
            store,
            common,
        } => {
            #[cfg(feature = "store")]
            let store = crate::store::shared(&store).await?;
            #[cfg(not(feature = "store"))]
            let store = None;
            let service = Service::of_setup(&common.service, &setup, store)?;
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
            let service = Service::sharing(&common.service, Provisioning::Hip, store)?;
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
            let service = Service::sharing(&common.service, Provisioning::Connect, store)?;
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
    print_as(is_json(common.json, common.table), &line, table)
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
