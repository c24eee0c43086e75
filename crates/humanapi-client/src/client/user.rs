//! One user of the application, and the tokens that are asked for by hand.

use std::time::Duration;

use humanapi_core::auth::{IssueAccessToken, IssueIdToken, IssueSessionToken};
use humanapi_core::{
    AccessToken, ClientUserId, Credentials, Endpoint, Issued, KnownStatus, TokenKind,
};

use super::Client;
use super::call::{ApiCall, Subject};

/// One user, seen by the application.
#[derive(Clone, Debug)]
pub struct User {
    pub(super) client: Client,
    pub(super) subject: Subject,
}

impl Client {
    /// The application's view of one user.
    ///
    /// An empty id is refused by each call, before anything is sent.
    #[must_use]
    pub fn user(&self, id: impl Into<ClientUserId>) -> User {
        User {
            client: self.clone(),
            subject: Subject {
                id: id.into(),
                status: KnownStatus::default(),
            },
        }
    }
}

impl User {
    /// Says what is known of the user. An asserted status may refuse a call without asking the
    /// service; a remembered one merely chooses the first request.
    #[must_use]
    pub const fn with_status(mut self, known: KnownStatus) -> Self {
        self.subject.status = known;
        self
    }

    /// Any call, made for this user: what authorizes its endpoint decides which token goes out with it.
    pub fn call<E: Endpoint>(&self, endpoint: E) -> ApiCall<E> {
        ApiCall::new(&self.client, endpoint, Some(self.subject.clone()))
    }

    /// Asks for a session token and for nothing else if that is refused.
    pub fn session_token(&self) -> ApiCall<IssueSessionToken> {
        self.issue(IssueSessionToken::new)
            .issuing(TokenKind::Session)
    }

    /// Asks for an id token and for nothing else if that is refused.
    pub fn id_token(&self) -> ApiCall<IssueIdToken> {
        self.issue(IssueIdToken::new).issuing(TokenKind::Id)
    }

    /// Asks for an access token. To read data none has to be asked for: see [`data`](Self::data).
    pub fn access_token(&self) -> ApiCall<IssueAccessToken> {
        let provisioning = self.client.provisioning();
        self.issue(|credentials, user| IssueAccessToken::new(credentials, provisioning, user))
            .issuing(TokenKind::Access)
    }

    /// Has the broker take note of what the service said past it: the token that it issued, or that
    /// there is none. The call that asked ends at `deadline`.
    pub(crate) async fn told(&self, issued: Option<&Issued<AccessToken>>, deadline: Duration) {
        if let Some(broker) = self.client.broker() {
            let user = &self.subject.id;
            broker.told(user, issued, self.client.left(deadline)).await;
        }
    }

    fn issue<E: Endpoint>(
        &self,
        endpoint: impl FnOnce(Credentials, ClientUserId) -> E,
    ) -> ApiCall<E> {
        let credentials = self.client.credentials().clone();
        let endpoint = endpoint(credentials, self.subject.id.clone());
        ApiCall::new(&self.client, endpoint, Some(self.subject.clone()))
    }
}
