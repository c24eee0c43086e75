//! Asking the service whether a user is connected, because a browser's report proves nothing.

use std::future::IntoFuture;
use std::time::Duration;

use humanapi_core::auth::IssueAccessToken;
use humanapi_core::{
    AccessToken, ApiError, ApiErrorKind, ClientUserId, HumanId, Issued, RetryPolicy, TokenKind,
    TokenRefusal, UserEvent,
};

use crate::client::Client;
use crate::client::call::{ApiCall, CallFuture};
use crate::client::user::User;
use crate::error::{Error, ErrorKind};

impl Client {
    /// Asks the service whether this user has connected a source: see
    /// [`User::confirm_connection`].
    pub fn confirm_connection(&self, user: impl Into<ClientUserId>) -> ConfirmConnection {
        self.user(user).confirm_connection()
    }
}

impl User {
    /// Asks the service whether this user has connected a source.
    ///
    /// Whatever a browser reported is a hint. The service issues an access token only for a user who
    /// has connected a source and was not deleted, so the token itself is the proof. It is asked for
    /// afresh, whatever is cached and whatever [`with_status`](Self::with_status) said.
    ///
    #[cfg_attr(feature = "testing", doc = "```")]
    #[cfg_attr(not(feature = "testing"), doc = "```text")]
    /// use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
    /// use humanapi_client::{Client, core::{Credentials, Provisioning}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let transport = ScriptedTransport::new([
    ///     Reply::json(403, r#"{"errorCode":"ACCESS_TOKEN_GENERATION_NOT_ALLOWED"}"#),
    /// ]);
    /// let credentials = Credentials::new("my-app", "hush")?;
    /// let client = Client::builder(credentials, Provisioning::Connect, transport)
    ///     .build_on(VirtualRuntime::new());
    /// let confirmation = client.confirm_connection("patient-17").await?;
    /// assert!(!confirmation.is_connected());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn confirm_connection(&self) -> ConfirmConnection {
        ConfirmConnection {
            user: self.clone(),
            question: self.access_token(),
            known: None,
        }
    }
}

/// Asks the service whether a user is connected. Nothing is sent before it is awaited.
///
/// It is tried as often as the retry policy allows. The client's broker takes note: it serves the token that came, and no
/// refusal that stood before.
///
/// # Errors
///
/// When the service could not be asked, or refused for a reason that does not lie with the user.
/// *Not connected* is an answer and no error.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is awaited"]
pub struct ConfirmConnection {
    user: User,
    question: ApiCall<IssueAccessToken>,
    known: Option<HumanId>,
}

impl ConfirmConnection {
    /// Says by which id Human API has known the user so far. Another one means that the user was
    /// deleted and started over: what was stored under the old id belongs to nobody any more.
    pub fn human_id(mut self, known: impl Into<HumanId>) -> Self {
        self.known = Some(known.into());
        self
    }

    /// Sets how often it is tried, and how long, instead of the client's policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.question = self.question.retry(policy);
        self
    }

    /// Sets how long it may take in all, instead of the policy's overall deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.question = self.question.timeout(timeout);
        self
    }

    async fn run(self) -> Result<Confirmation, Error> {
        let user = self.user.clone();
        let deadline = self.question.deadline();
        let confirmation = self.ask().await?;
        user.told(confirmation.access_token.as_ref(), deadline)
            .await;
        Ok(confirmation)
    }

    async fn ask(self) -> Result<Confirmation, Error> {
        match self.question.await {
            Ok(issued) => Ok(Confirmation {
                connection: Connection::Connected,
                human_id_changed: issued
                    .human_id
                    .as_ref()
                    .zip(self.known.as_ref())
                    .map(|(told, known)| told != known),
                human_id: issued.human_id.clone(),
                access_token: Some(issued),
                refusal: None,
            }),
            Err(error) => {
                let refused = not_connected(&error)
                    .zip(error.api_error())
                    .map(|(because, refusal)| (because, refusal.clone()));
                match refused {
                    Some((because, refusal)) => Ok(Confirmation {
                        connection: Connection::NotConnected { because },
                        human_id: None,
                        human_id_changed: None,
                        access_token: None,
                        refusal: Some(refusal),
                    }),
                    None => Err(error),
                }
            }
        }
    }
}

impl IntoFuture for ConfirmConnection {
    type Output = Result<Confirmation, Error>;
    type IntoFuture = CallFuture<Confirmation>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Why the user is not connected, if that is what the error says.
fn not_connected(error: &Error) -> Option<TokenRefusal> {
    match error.kind() {
        ErrorKind::Api(ApiErrorKind::NothingConnected) => Some(TokenRefusal::NothingConnected),
        ErrorKind::Api(ApiErrorKind::UnknownUser) => Some(TokenRefusal::UnknownUser),
        _ => None,
    }
}

/// What the service says of a user's connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Confirmation {
    /// Whether the user is connected.
    pub connection: Connection,
    /// Human API's id for the user. `None` where the answer told none, as the documented answer to
    /// this request does: a session's answer tells it for certain.
    pub human_id: Option<HumanId>,
    /// Whether that is another id than [`human_id`](ConfirmConnection::human_id) said. `None` where
    /// either is missing, so that nothing could be compared.
    pub human_id_changed: Option<bool>,
    /// The token that is the proof, for a store or a first call. It stays on the server.
    pub access_token: Option<Issued<AccessToken>>,
    /// What the service answered to a user who is not connected: its status, code and request id.
    pub refusal: Option<ApiError>,
}

/// Whether a user is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a third answer would be one that no application has asked about"
)]
pub enum Connection {
    /// The user has connected a source at some time and was not deleted.
    Connected,
    /// The service issues no access token for the user.
    NotConnected {
        /// Nothing is connected, or the service does not know the user.
        because: TokenRefusal,
    },
}

impl Confirmation {
    /// Whether the user is connected.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.connection, Connection::Connected)
    }

    /// What it tells of the user's status: see [`UserStatus::after`](humanapi_core::UserStatus::after).
    #[must_use]
    pub const fn user_event(&self) -> UserEvent {
        match self.connection {
            Connection::Connected => UserEvent::TokenIssued(TokenKind::Access),
            Connection::NotConnected { because } => UserEvent::TokenRefused(because),
        }
    }
}
