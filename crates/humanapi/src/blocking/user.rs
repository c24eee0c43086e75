//! One user of the application, and the tokens that are asked for by hand.

use humanapi_core::auth::{IssueAccessToken, IssueIdToken, IssueSessionToken};
use humanapi_core::{Endpoint, KnownStatus};

use super::call::{ApiCall, ConfirmConnection, ConnectTokenCall};

/// One user, seen by the application.
#[derive(Clone, Debug)]
pub struct User {
    user: humanapi_client::User,
}

impl User {
    pub(super) const fn new(user: humanapi_client::User) -> Self {
        Self { user }
    }

    /// Says what is known of the user. An asserted status may refuse a call without asking the
    /// service; a remembered one merely chooses the first request.
    #[must_use]
    pub fn with_status(self, known: KnownStatus) -> Self {
        Self::new(self.user.with_status(known))
    }

    /// The user's health data.
    #[cfg(feature = "data")]
    #[must_use]
    pub fn data(&self) -> super::UserData {
        super::UserData::new(self.user.data())
    }

    /// Gets the token that opens Connect: a session or an id token, whichever is right.
    pub fn connect_token(&self) -> ConnectTokenCall {
        ConnectTokenCall::new(self.user.connect_token())
    }

    /// Asks the service whether the user is connected.
    pub fn confirm_connection(&self) -> ConfirmConnection {
        ConfirmConnection::new(self.user.confirm_connection())
    }

    /// Any call, made for this user: what authorizes its endpoint decides which token goes out with it.
    pub fn call<E: Endpoint>(&self, endpoint: E) -> ApiCall<E> {
        ApiCall::new(self.user.call(endpoint))
    }

    /// Asks for a session token and for nothing else if that is refused.
    pub fn session_token(&self) -> ApiCall<IssueSessionToken> {
        ApiCall::new(self.user.session_token())
    }

    /// Asks for an id token and for nothing else if that is refused.
    pub fn id_token(&self) -> ApiCall<IssueIdToken> {
        ApiCall::new(self.user.id_token())
    }

    /// Asks for an access token. To read data none has to be asked for.
    pub fn access_token(&self) -> ApiCall<IssueAccessToken> {
        ApiCall::new(self.user.access_token())
    }
}
