//! One call that is waited for.

use std::future::IntoFuture as _;
use std::time::Duration;

use humanapi_client::connect::{self, Confirmation};
use humanapi_client::{self as client, Error};
use humanapi_core::auth::IssueSessionToken;
use humanapi_core::flow::ConnectGrant;
use humanapi_core::{ConnectToken, Endpoint, HumanId, Leeway, RetryPolicy, Streamed};

use super::download::Download;

/// One call. Nothing is sent before [`send`](Self::send).
///
/// What authorizes its endpoint decides what is sent with it, as with [the other client's](client::ApiCall).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct ApiCall<E> {
    call: client::ApiCall<E>,
}

impl<E> ApiCall<E> {
    pub(super) const fn new(call: client::ApiCall<E>) -> Self {
        Self { call }
    }

    #[cfg(feature = "data")]
    pub(super) fn into_inner(self) -> client::ApiCall<E> {
        self.call
    }

    /// The same call with something set.
    pub(super) fn map(self, set: impl FnOnce(client::ApiCall<E>) -> client::ApiCall<E>) -> Self {
        Self::new(set(self.call))
    }

    /// Sets how often it is tried, and how long, instead of the client's policy.
    ///
    /// How long a body may be silent that is read while it arrives, the client's policy says all the same.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.map(|call| call.retry(policy))
    }

    /// Sets how long it may take in all, the time for a token and for waiting included, instead of the policy's
    /// [overall deadline](RetryPolicy::with_overall_deadline). Where pages of a list are read, each of them has so long.
    ///
    /// Of a call that is [opened](Self::open) it ends with the answer's head.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|call| call.timeout(timeout))
    }
}

impl<E> ApiCall<E>
where
    E: Endpoint + Send + 'static,
    E::Output: Send,
{
    /// Sends it, and waits for its answer.
    ///
    /// # Errors
    ///
    /// When no token could be had, or the service refused or could not be asked.
    pub fn send(self) -> Result<E::Output, Error> {
        pollster::block_on(self.call.into_future())
    }
}

impl ApiCall<IssueSessionToken> {
    /// Adds the user's e-mail address.
    pub fn email(self, email: impl Into<String>) -> Self {
        self.map(|call| call.email(email))
    }
}

impl<E: Endpoint<Output = Streamed>> ApiCall<E> {
    /// Sends it, and hands over the answer's body as it arrives. By [`send`](Self::send) the whole body is read into memory
    /// instead, if it is of at most 16 MiB.
    ///
    /// # Errors
    ///
    /// As any call fails, up to the answer's head.
    pub fn open(self) -> Result<Download, Error> {
        pollster::block_on(self.call.open()).map(Download::new)
    }
}

/// Gets the token that opens Connect, by at most two kinds of request. Nothing is sent before [`send`](Self::send).
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct ConnectTokenCall {
    call: client::ConnectTokenCall,
}

impl ConnectTokenCall {
    pub(super) const fn new(call: client::ConnectTokenCall) -> Self {
        Self { call }
    }

    /// Adds the user's e-mail address, which goes out with a session.
    pub fn email(self, email: impl Into<String>) -> Self {
        Self::new(self.call.email(email))
    }

    /// Offers a token from earlier, which is handed out again if it fits the user's status and leaves
    /// more life than `leeway` asks for. It takes the place of one that the client keeps.
    pub fn reuse(self, token: ConnectToken, leeway: Leeway) -> Self {
        Self::new(self.call.reuse(token, leeway))
    }

    /// Sets how long it may take in all.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self::new(self.call.timeout(timeout))
    }

    /// Sends it, and waits for the token.
    ///
    /// # Errors
    ///
    /// When the service refused both kinds, or one for a reason that the other would not mend.
    pub fn send(self) -> Result<ConnectGrant, Error> {
        pollster::block_on(self.call.into_future())
    }
}

/// Asks whether a user is connected, and whether Human API knows the user by the id that is expected. Nothing is sent before
/// [`send`](Self::send).
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct ConfirmConnection {
    call: connect::ConfirmConnection,
}

impl ConfirmConnection {
    pub(super) const fn new(call: connect::ConfirmConnection) -> Self {
        Self { call }
    }

    /// Says by which id Human API has known the user so far: see
    /// [the other client's](connect::ConfirmConnection::human_id).
    pub fn human_id(self, known: impl Into<HumanId>) -> Self {
        Self::new(self.call.human_id(known))
    }

    /// Sets how often it is tried, and how long, instead of the client's policy.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        Self::new(self.call.retry(policy))
    }

    /// Sets how long it may take in all.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self::new(self.call.timeout(timeout))
    }

    /// Sends it, and waits for the answer.
    ///
    /// # Errors
    ///
    /// When the service could not be asked, or refused for a reason that does not lie with the user.
    /// *Not connected* is an answer and no error.
    pub fn send(self) -> Result<Confirmation, Error> {
        pollster::block_on(self.call.into_future())
    }
}
