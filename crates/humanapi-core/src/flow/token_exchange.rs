//! One token of a key, asked for at the token service.

use crate::auth::{IssueAccessToken, IssueClientToken};
use crate::broker::KeptToken;
use crate::credentials::Credentials;
use crate::error::{BuildError, FlowError};
use crate::flow::{Call, ConnectTokenFlow, Flow, Input, Step};
use crate::hosts::Hosts;
use crate::now::Now;
use crate::retry::RetryPolicy;
use crate::rules::{Provisioning, Purpose};
use crate::token::TokenKey;
use crate::user::KnownStatus;
use crate::user_id::EmptyUserId;

/// Asks the token service for the token of a key: the one exchange behind brokers, token sources and
/// [`SelfServed`](super::SelfServed).
///
/// Its token comes with generation 0; whoever keeps it numbers it.
#[derive(Debug)]
pub struct TokenExchange(Exchange);

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of these in an exchange, and boxing it would cost each an allocation"
)]
enum Exchange {
    Connect(ConnectTokenFlow),
    Access(Call<IssueAccessToken>),
    Client(Call<IssueClientToken>),
}

impl TokenExchange {
    /// Asks for the token of `key`.
    ///
    /// `status` and `email` matter to the token that opens Connect alone: the first chooses the first
    /// request, the second goes out with a session.
    ///
    /// # Errors
    ///
    /// When the key names no user and its token needs one.
    pub fn new(
        key: &TokenKey,
        status: KnownStatus,
        email: Option<&str>,
        credentials: Credentials,
        provisioning: Provisioning,
        hosts: Hosts,
        policy: RetryPolicy,
    ) -> Result<Self, BuildError> {
        let user = || key.user().cloned().ok_or(EmptyUserId);
        Ok(Self(match key.purpose() {
            Purpose::OpenConnect => {
                let mut flow =
                    ConnectTokenFlow::new(credentials, user()?, hosts, policy).with_status(status);
                if let Some(email) = email {
                    flow = flow.with_email(email);
                }
                Exchange::Connect(flow)
            }
            Purpose::ReadData => {
                let endpoint = IssueAccessToken::new(credentials, provisioning, user()?);
                Exchange::Access(Call::new(endpoint, hosts, policy))
            }
            Purpose::Administer => {
                let endpoint = IssueClientToken::new(credentials);
                Exchange::Client(Call::new(endpoint, hosts, policy))
            }
        }))
    }
}

impl Flow for TokenExchange {
    type Outcome = Result<KeptToken, FlowError>;

    fn poll(&mut self, now: Now) -> Step<Self::Outcome> {
        match &mut self.0 {
            Exchange::Connect(flow) => {
                flow.poll(now).map(|outcome| {
                    let grant = outcome?;
                    Ok(KeptToken::connect(&grant.token, now)
                        .with_refresh_token(grant.id_refresh_token))
                })
            }
            Exchange::Access(call) => call
                .poll(now)
                .map(|outcome| Ok(KeptToken::access(outcome?, now))),
            Exchange::Client(call) => call
                .poll(now)
                .map(|outcome| Ok(KeptToken::client(outcome?, now))),
        }
    }

    fn handle(&mut self, input: Input, now: Now) {
        match &mut self.0 {
            Exchange::Connect(flow) => flow.handle(input, now),
            Exchange::Access(call) => call.handle(input, now),
            Exchange::Client(call) => call.handle(input, now),
        }
    }
}
