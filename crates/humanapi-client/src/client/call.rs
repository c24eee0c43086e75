//! One call of an application, for itself or for one of its users.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tokio")]
use humanapi_core::Replay;
use humanapi_core::auth::{IssueClientToken, IssueSessionToken};
use humanapi_core::flow::{Authorized, Call};
use humanapi_core::{
    Authorization, ClientUserId, Endpoint, FlowError, KnownStatus, RetryPolicy, Streamed, TokenKey,
    TokenKind,
};
use tracing::Instrument as _;

use super::{CallSettings, Client};
use crate::broker::TokenBroker;
use crate::download::Download;
use crate::drive::Opened;
use crate::error::Error;
#[cfg(any(feature = "data", feature = "tokio"))]
use crate::runtime::Runtime;
use crate::telemetry::{self, Begun, CALL};
use crate::tokens::NoTokens;

/// A call that is under way.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// One call. Nothing is sent before it is awaited.
///
/// What [authorizes](Endpoint::authorization) its endpoint decides what is sent with it: nothing beside the credentials
/// in its request, the access token of its user, or the application's client token. The token is fetched where none is at
/// hand, and renewed once if the service refuses it.
///
/// It is tried as often and for as long as the client's [retry policy](crate::ClientBuilder::retry) allows, or one of its
/// own.
///
#[cfg_attr(feature = "testing", doc = "```")]
#[cfg_attr(not(feature = "testing"), doc = "```text")]
/// use std::time::Duration;
///
/// use humanapi_client::testing::{Reply, ScriptedTransport, VirtualRuntime};
/// use humanapi_client::{Client, core::{Credentials, Provisioning, RetryPolicy}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transport = ScriptedTransport::new([
///     Reply::json(200, r#"{"access_token":"at-1","expires_in":86400}"#),
///     Reply::json(200, r#"{"humanId":"7a1d"}"#),
/// ]);
/// let credentials = Credentials::new("my-app", "hush")?;
/// let client = Client::builder(credentials, Provisioning::Connect, transport)
///     .build_on(VirtualRuntime::new());
/// let profile = client
///     .user("patient-17")
///     .data()
///     .profile()
///     .retry(RetryPolicy::none())
///     .timeout(Duration::from_secs(5))
///     .await?;
/// assert_eq!(profile.human_id().as_deref(), Some("7a1d"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When no token could be had, or the service refused or could not be asked.
/// A call that needs a user's access token and was made without a [user](Client::user) is refused before anything is sent.
#[derive(Clone)]
#[must_use = "nothing is sent before it is awaited"]
pub struct ApiCall<E> {
    client: Client,
    endpoint: E,
    subject: Option<Subject>,
    settings: CallSettings,
    /// The kind of token that it asks for by hand, past the broker.
    issues: Option<TokenKind>,
}

/// The user whom a call is about, as far as the application knows.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) id: ClientUserId,
    pub(crate) status: KnownStatus,
}

impl Client {
    /// A call of the application's own. One that needs a user's access token is made by
    /// [`client.user(id).call(..)`](crate::User::call).
    pub fn call<E: Endpoint>(&self, endpoint: E) -> ApiCall<E> {
        ApiCall::new(self, endpoint, None)
    }

    /// Asks for a client token, which administers an application on the Health Intelligence Platform.
    /// For a call none has to be asked for: see [`call`](Self::call).
    pub fn client_token(&self) -> ApiCall<IssueClientToken> {
        self.call(IssueClientToken::new(self.credentials().clone()))
            .issuing(TokenKind::Client)
    }
}

impl<E> ApiCall<E> {
    pub(super) fn new(client: &Client, endpoint: E, subject: Option<Subject>) -> Self {
        Self {
            client: client.clone(),
            endpoint,
            subject,
            settings: CallSettings::default(),
            issues: None,
        }
    }

    /// Says that it asks for a token of this kind.
    pub(super) fn issuing(mut self, kind: TokenKind) -> Self {
        self.issues = Some(kind);
        self
    }

    /// Sets how often it is tried, and how long, instead of the client's policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = Some(policy);
        self
    }

    /// Sets how long it may take in all, the time for a token and for waiting included, instead of the policy's
    /// [overall deadline](RetryPolicy::with_overall_deadline). Where pages of a list are read, each of them has so long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// What its client runs on.
    #[cfg(any(feature = "data", feature = "tokio"))]
    pub(super) fn runtime(&self) -> &dyn Runtime {
        &**self.client.timer()
    }

    /// The policy by which it is tried.
    #[cfg(feature = "tokio")]
    pub(super) fn policy(&self) -> RetryPolicy {
        self.client.policy(&self.settings)
    }

    /// Whether it may be sent again once it has arrived.
    #[cfg(feature = "tokio")]
    pub(super) fn may_repeat(&self) -> bool
    where
        E: Endpoint,
    {
        self.endpoint.replay() == Replay::Safe
    }

    /// When it is over if it begins now, by the monotonic clock.
    pub(crate) fn deadline(&self) -> Duration {
        self.client.deadline(&self.client.policy(&self.settings))
    }

    /// The same call of another endpoint.
    pub(super) fn map<O>(self, change: impl FnOnce(E) -> O) -> ApiCall<O> {
        ApiCall {
            endpoint: change(self.endpoint),
            client: self.client,
            subject: self.subject,
            settings: self.settings,
            issues: self.issues,
        }
    }
}

impl<E> ApiCall<E> {
    /// The endpoint apart, and a call of the same settings for others like it.
    #[cfg(any(feature = "data", feature = "admin"))]
    pub(super) fn split(self) -> (ApiCall<()>, E) {
        let call = ApiCall {
            client: self.client,
            endpoint: (),
            subject: self.subject,
            settings: self.settings,
            issues: self.issues,
        };
        (call, self.endpoint)
    }
}

#[cfg(any(feature = "data", feature = "admin"))]
impl ApiCall<()> {
    /// The same call of this endpoint.
    pub(super) fn with<E>(self, endpoint: E) -> ApiCall<E> {
        self.map(|()| endpoint)
    }
}

impl ApiCall<IssueSessionToken> {
    /// Adds the user's e-mail address.
    pub fn email(self, email: impl Into<String>) -> Self {
        self.map(|endpoint| endpoint.with_email(email))
    }
}

impl<E: Endpoint> ApiCall<E> {
    pub(super) async fn run(self) -> Result<E::Output, FlowError> {
        self.run_into(&mut Opened::Whole).await
    }

    /// The same, with what becomes of an answer that is handed over as it arrives.
    async fn run_into(self, opened: &mut Opened) -> Result<E::Output, FlowError> {
        let endpoint = self.endpoint;
        let client = &self.client;
        let call = endpoint.name();
        let begun = Begun::now(&**client.timer());
        let span = tracing::debug_span!(target: CALL, "humanapi.call", call);
        let id = self.subject.as_ref().map(|subject| subject.id.clone());
        let application = client.client_id().clone();
        let key = match endpoint.authorization() {
            Authorization::InRequest => None,
            Authorization::AccessToken => id.clone().map(|id| TokenKey::access(application, id)),
            Authorization::ClientToken => Some(TokenKey::client(application)),
        };
        let (hosts, policy) = (client.hosts().clone(), client.policy(&self.settings));
        // Where a store is told of what comes, it has what is left of the call's time; the clock is not read for others.
        let asks_a_store = client.broker().is_some_and(TokenBroker::asks_a_store);
        let deadline = asks_a_store.then(|| client.deadline(&policy));
        // The span is around what is small: a future within a future is copied into it.
        let outcome = if let Some(key) = key {
            let status = self.subject.map(|subject| subject.status);
            let mut flow = Authorized::new(endpoint, key, hosts, policy)
                .with_status(status.unwrap_or_default());
            let run = client.run(&mut flow, client.tokens(), opened);
            run.instrument(span.clone()).await
        } else {
            // Where a user's token is needed and there is no user, this refuses.
            let mut flow = Call::new(endpoint, hosts, policy);
            let run = client.run(&mut flow, &NoTokens, opened);
            let outcome = run.instrument(span.clone()).await;
            if let (Ok(_), Some(broker), Some(kind)) = (&outcome, client.broker(), self.issues) {
                let left = deadline.map_or(Duration::ZERO, |deadline| client.left(deadline));
                broker.issued_past(kind, id.as_ref(), left).await;
            }
            outcome
        };
        span.in_scope(|| {
            telemetry::call_ended(call, &begun, &**client.timer(), outcome.as_ref().err());
        });
        outcome
    }
}

impl<E: Endpoint<Output = Streamed>> ApiCall<E> {
    /// Sends it, and hands over the answer's body as it arrives. Awaited instead, the call reads the whole body into
    /// memory, if the transport takes one of its size.
    ///
    /// Time that is set [in all](Self::timeout) ends with the answer's head; from there on the policy's
    /// [`chunk_timeout`](RetryPolicy::with_chunk_timeout) holds.
    ///
    /// # Errors
    ///
    /// As any call fails, up to the answer's head.
    pub async fn open(self) -> Result<Download, Error> {
        let runtime = Arc::clone(self.client.timer());
        let mut opened = Opened::Nothing;
        let answer = self.run_into(&mut opened).await?;
        Ok(opened.into_download(answer, runtime))
    }
}

impl<E> IntoFuture for ApiCall<E>
where
    E: Endpoint + Send + 'static,
    E::Output: Send,
{
    type Output = Result<E::Output, Error>;
    type IntoFuture = CallFuture<E::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.run().await.map_err(Error::from) })
    }
}

impl<E: fmt::Debug> fmt::Debug for ApiCall<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCall")
            .field("endpoint", &self.endpoint)
            .field("subject", &self.subject)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
