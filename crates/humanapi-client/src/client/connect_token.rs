//! The token that opens Connect, whichever of the two is right.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use humanapi_core::flow::{ConnectGrant, ConnectTokenFlow};
use humanapi_core::rules::Purpose;
use humanapi_core::{ConnectToken, FlowError, Leeway};
use tracing::Instrument as _;

use super::CallSettings;
use super::call::CallFuture;
use super::user::User;
use crate::drive::{Opened, in_time};
use crate::error::Error;
use crate::telemetry::{self, Begun, CALL};
use crate::tokens::NoTokens;

impl User {
    /// Gets the token that opens Connect: a session or an id token, whichever is right. One that the
    /// client keeps is handed out again if it is right for the user and has enough life left.
    pub fn connect_token(&self) -> ConnectTokenCall {
        ConnectTokenCall {
            user: self.clone(),
            email: None,
            reusable: None,
            settings: CallSettings::default(),
        }
    }
}

/// What it is called in logs and counters.
const CONNECT_TOKEN: &str = "connect_token";

/// Gets the token that opens Connect, by at most two kinds of request. Nothing is sent before it is awaited.
///
/// # Errors
///
/// When the service refused both kinds, or one for a reason that the other would not mend.
#[must_use = "nothing is sent before it is awaited"]
pub struct ConnectTokenCall {
    user: User,
    email: Option<String>,
    reusable: Option<(ConnectToken, Leeway)>,
    settings: CallSettings,
}

impl ConnectTokenCall {
    /// Adds the user's e-mail address, which goes out with a session.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Offers a token from earlier, which is handed out again if it fits the user's status and leaves
    /// more life than `leeway` asks for. It takes the place of one that the client keeps.
    pub fn reuse(mut self, token: ConnectToken, leeway: Leeway) -> Self {
        self.reusable = Some((token, leeway));
        self
    }

    /// Sets how long it may take in all.
    ///
    /// How often it is tried it does not set: all who wait for the same token share one exchange, which the
    /// [broker](crate::TokenBroker) makes by its own policy and for those who still wait.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    async fn run(self) -> Result<ConnectGrant, Error> {
        let timer = Arc::clone(self.user.client.timer());
        // An exchange of the broker's tells by itself how it ended.
        let is_shared = self.user.client.broker().is_some() && self.reusable.is_none();
        let begun = Begun::now(&*timer);
        let outcome = self.carry_out().await;
        let error = outcome.as_ref().err().map(Error::flow_error);
        if is_shared {
            telemetry::call_ended_by_token(CONNECT_TOKEN, &begun, &*timer, error);
        } else {
            telemetry::call_ended(CONNECT_TOKEN, &begun, &*timer, error);
        }
        outcome
    }

    async fn carry_out(self) -> Result<ConnectGrant, Error> {
        let User { client, subject } = self.user;
        let id = subject.id;
        if let (Some(broker), None) = (client.broker(), &self.reusable) {
            let grant = broker.connect_token(&id, subject.status, self.email.as_deref());
            let Some(timeout) = self.settings.timeout else {
                return Ok(grant.await?);
            };
            let grant = in_time(Box::pin(grant), &**client.timer(), timeout).await;
            let Some(grant) = grant else {
                telemetry::gave_up_waiting(Purpose::OpenConnect);
                let (attempts, last) = (0, None);
                return Err(FlowError::OutOfTime { attempts, last }.into());
            };
            return Ok(grant?);
        }
        let policy = client.policy(&self.settings);
        let deadline = client.deadline(&policy);
        let (credentials, hosts) = (client.credentials().clone(), client.hosts().clone());
        let mut flow = ConnectTokenFlow::new(credentials, id.clone(), hosts, policy)
            .with_status(subject.status);
        if let Some(email) = self.email {
            flow = flow.with_email(email);
        }
        if let Some((token, leeway)) = self.reusable {
            flow = flow.with_reusable(token, leeway);
        }
        let grant: ConnectGrant = client.run(&mut flow, &NoTokens, &mut Opened::Whole).await?;
        if let Some(broker) = client.broker()
            && !grant.reused
        {
            let (kind, left) = (grant.token.kind(), client.left(deadline));
            broker.issued_past(kind, Some(&id), left).await;
        }
        Ok(grant)
    }
}

impl IntoFuture for ConnectTokenCall {
    type Output = Result<ConnectGrant, Error>;
    type IntoFuture = CallFuture<ConnectGrant>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!(target: CALL, "humanapi.call", call = CONNECT_TOKEN);
        Box::pin(self.run().instrument(span))
    }
}

impl fmt::Debug for ConnectTokenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectTokenCall")
            .field("user", &self.user)
            .field("reusable", &self.reusable)
            .finish_non_exhaustive()
    }
}
