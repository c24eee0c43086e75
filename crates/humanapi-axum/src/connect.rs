//! Connect for one application: settings, and what can be asked beside the routes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use humanapi_client::{Client, Error, User};
use humanapi_core::connect::{
    AllowedCallbacks, LAUNCH_MARGIN, Launch, LaunchForm, LaunchUrl, OpenOptions, PageFunctions,
};
use humanapi_core::flow::ConnectGrant;
use humanapi_core::{ClientUserId, UserEvent, UserStatus};
use tracing::Instrument as _;

use crate::LOG;
use crate::answer::Confirmed;
use crate::directory::{
    Change, DirectoryError, MemoryDirectory, Sighting, UserDirectory, UserRecord,
};
use crate::launch_cookie::LaunchCookie;
use crate::origin::Origin;
use crate::page::{ConnectPage, PageError};
use crate::problem::Problem;
use crate::setup_error::SetupError;
use crate::user::{AnySignedIn, AppUser, SignedIn};
use crate::visitors::{Visitors, WINDOW};

/// A confirmation is as good as new for so long.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(10);

/// Connect for one application: a [router](Self::router), a [page's parts](Self::page), and what is
/// known of its users. Cheap to clone.
///
/// ```
/// use axum::Router;
/// use humanapi_axum::Connect;
/// # use axum::{http::request::Parts, response::Response};
/// # use humanapi_client::testing::{ScriptedTransport, VirtualRuntime};
/// # use humanapi_client::{Client, core::{Credentials, Provisioning}};
/// # struct Sessions;
/// # impl humanapi_axum::SignedIn for Sessions {
/// #     async fn user(&self, _: &mut Parts) -> Result<humanapi_axum::AppUser, Response> {
/// #         Err(axum::response::IntoResponse::into_response(axum::http::StatusCode::UNAUTHORIZED))
/// #     }
/// # }
/// # let client = Client::builder(Credentials::new("my-app", "hush")?, Provisioning::Connect, ScriptedTransport::new([]))
/// #     .build_on(VirtualRuntime::new());
///
/// let connect = Connect::builder(client, Sessions, "https://app.example.test")
///     .callback("https://app.example.test/connect/callback")
///     .return_to("/me")
///     .build()?;
/// let app: Router = Router::new().merge(connect.router());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Connect {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) signed_in: Box<dyn AnySignedIn>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) cookie: LaunchCookie,
    pub(crate) return_to: Option<Box<str>>,
    pub(crate) visitors: Visitors,
    directory: Arc<dyn UserDirectory>,
    hosted: Option<(AllowedCallbacks, Box<str>)>,
    launch: Option<Box<LaunchSetting>>,
    on_change: Option<Box<ChangeListener>>,
}

type LaunchSetting = dyn for<'a> Fn(&AppUser, Launch<'a>) -> Launch<'a> + Send + Sync;
type ChangeListener = dyn Fn(&ClientUserId, &Change) + Send + Sync;

/// Settings of a [`Connect`].
#[must_use]
pub struct ConnectBuilder {
    client: Client,
    signed_in: Box<dyn AnySignedIn>,
    origin: String,
    more_origins: Vec<String>,
    directory: Option<Arc<dyn UserDirectory>>,
    callback: Option<String>,
    return_to: Option<String>,
    launch: Option<Box<LaunchSetting>>,
    on_change: Option<Box<ChangeListener>>,
}

impl Connect {
    /// Begins with what there must be: a client, who is signed in, and the application's own origin
    /// as browsers write it, such as `https://app.example.test`.
    pub fn builder(
        client: impl Into<Client>,
        signed_in: impl SignedIn + 'static,
        origin: impl Into<String>,
    ) -> ConnectBuilder {
        ConnectBuilder {
            client: client.into(),
            signed_in: Box::new(signed_in),
            origin: origin.into(),
            more_origins: Vec::new(),
            directory: None,
            callback: None,
            return_to: None,
            launch: None,
            on_change: None,
        }
    }

    /// What a page that opens Connect needs: a nonce, headers, scripts. `nested_at` is the path at
    /// which the router was nested, or nothing.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn page(&self, nested_at: &str) -> Result<ConnectPage, PageError> {
        ConnectPage::new(self.client().hosts(), nested_at)
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// What is remembered of the user.
    ///
    /// # Errors
    ///
    /// When the directory fails.
    pub async fn record(
        &self,
        user: impl Into<ClientUserId>,
    ) -> Result<UserRecord, DirectoryError> {
        self.inner.directory.load(&user.into()).await
    }

    /// The user as the client sees them, with what is remembered.
    ///
    /// # Errors
    ///
    /// When the directory fails.
    pub async fn user(&self, user: impl Into<ClientUserId>) -> Result<User, DirectoryError> {
        let user = user.into();
        let record = self.record(&user).await?;
        Ok(self.seen_by_client(&user, &record))
    }

    fn seen_by_client(&self, user: &ClientUserId, record: &UserRecord) -> User {
        let known = record.known();
        self.client().user(user).with_status(known)
    }

    /// Reads what a user has shared: nothing of a user who has connected nothing.
    ///
    /// Unless the user is remembered as connected, the service is asked first, as by
    /// [`confirm`](Self::confirm); so whoever was connected before a restart is so after it. If reading
    /// fails by a refusal that tells of the user, who was deleted perhaps, the service is asked whether
    /// that is so. Any other failure tells nothing of the user, and is told as it is.
    ///
    /// ```
    /// # use humanapi_axum::client::{Error, User};
    /// # use humanapi_axum::{Connect, Problem};
    /// # async fn count(connect: &Connect, id: &str) -> Result<(), Problem> {
    /// let read = async |user: User| user.data().activities().await;
    /// match connect.read(id, read).await? {
    ///     Some(page) => println!("{} activities", page.items.len()),
    ///     None => println!("nothing is connected"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When it cannot be read though the user is connected, the service cannot be asked, or was asked too often and has not
    /// said that nothing is connected, or the directory fails.
    pub async fn read<T>(
        &self,
        user: impl Into<ClientUserId>,
        read: impl AsyncFnOnce(User) -> Result<T, Error>,
    ) -> Result<Option<T>, Problem> {
        let user = &user.into();
        let mut record = self.record(user).await?;
        if record.status != UserStatus::Connected {
            match self.confirm(user).await {
                Ok(said) if said.connected => record = said.record,
                Ok(_) => return Ok(None),
                // It said so within the minute, when it was asked last.
                Err(Problem::TooOften { .. }) if self.was_unconnected(user).await => {
                    return Ok(None);
                }
                Err(problem) => return Err(problem),
            }
        }
        match read(self.seen_by_client(user, &record)).await {
            Ok(read) => Ok(Some(read)),
            Err(error) if tells_of_the_user(&error) => match self.confirm(user).await {
                Ok(said) if !said.connected => Ok(None),
                // Where that cannot be told either, what was asked for first is what failed.
                _ => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the service whether the user is connected, at most once in 10 s and six times a minute,
    /// and keeps the answer. It goes on even if the caller does not wait for it.
    ///
    /// # Errors
    ///
    /// When the service or the directory fails, or was asked too often.
    pub async fn confirm(&self, user: impl Into<ClientUserId>) -> Result<Confirmed, Problem> {
        let (connect, user) = (self.clone(), user.into());
        let asking = async move { connect.confirm_here(&user).await };
        // What it logs belongs to the request that asked.
        let asking = tokio::spawn(asking.in_current_span());
        asking.await.unwrap_or(Err(Problem::Internal))
    }

    /// Whether the service said lately that the user has connected nothing, and has not been asked since. Reports are
    /// counted as questions too, so that it may be long ago though it is asked too often now.
    async fn was_unconnected(&self, user: &ClientUserId) -> bool {
        let cell = self.inner.visitors.confirmation(user);
        let kept = cell.lock().await;
        let now = self.inner.client.now().monotonic();
        (kept.as_ref()).is_some_and(|(at, said)| !said.connected && now < at.saturating_add(WINDOW))
    }

    async fn confirm_here(&self, user: &ClientUserId) -> Result<Confirmed, Problem> {
        let inner = &*self.inner;
        let cell = inner.visitors.confirmation(user);
        let mut kept = cell.lock().await;
        let now = inner.client.now().monotonic();
        if let Some((at, said)) = &*kept
            && now < at.saturating_add(KEPT_FOR)
        {
            let age = now.saturating_sub(*at);
            return Ok(Confirmed {
                age,
                ..said.clone()
            });
        }
        self.count_question(user)?;
        // Until the service has answered anew, what it said before is not its word any more.
        *kept = None;
        let known = inner.directory.load(user).await?;
        let mut question = inner.client.confirm_connection(user);
        if let Some(human_id) = known.human_id {
            question = question.human_id(human_id);
        }
        let confirmation = question.await?;
        let seen = Sighting {
            event: confirmation.user_event(),
            human_id: confirmation.human_id.clone(),
        };
        let change = inner.directory.record(user, &seen).await?;
        self.tell(user, &change);
        let said = Confirmed {
            connected: confirmation.is_connected(),
            human_id_changed: change.human_id_changed(),
            record: change.after,
            age: Duration::ZERO,
        };
        *kept = Some((inner.client.now().monotonic(), said.clone()));
        Ok(said)
    }

    pub(crate) fn count_question(&self, user: &ClientUserId) -> Result<(), Problem> {
        let now = self.inner.client.now().monotonic();
        let asked = self.inner.visitors.ask(user, now);
        asked.map_err(|retry_after| Problem::TooOften { retry_after })
    }

    /// Forgets the tokens that the client keeps of a user.
    pub(crate) async fn forget_tokens(&self, user: &ClientUserId) {
        if let Some(broker) = self.inner.client.broker()
            && let Err(error) = broker.forget(user).await
        {
            tracing::warn!(target: LOG, error = %error, "the token store did not forget a user");
        }
    }

    /// Gets a token and remembers what that shows of the user.
    pub(crate) async fn grant(&self, user: &AppUser) -> Result<(ConnectGrant, bool), Problem> {
        let inner = &*self.inner;
        let record = inner.directory.load(user.id()).await?;
        let mut call = self.seen_by_client(user.id(), &record).connect_token();
        if let Some(email) = user.email() {
            call = call.email(email);
        }
        let grant = call.await?;
        // A token from earlier shows what was so then.
        if grant.reused && record.status != UserStatus::Unknown {
            return Ok((grant, false));
        }
        let seen = Sighting {
            event: UserEvent::TokenIssued(grant.token.kind()),
            human_id: grant.token.human_id().cloned(),
        };
        let change = inner.directory.record(user.id(), &seen).await?;
        self.tell(user.id(), &change);
        if change.is_any() {
            inner.visitors.outdate(user.id());
        }
        Ok((grant, change.human_id_changed()))
    }

    /// How connect.js opens Connect with this token, and the link for phones where there is one.
    pub(crate) fn launch(
        &self,
        user: &AppUser,
        grant: &ConnectGrant,
    ) -> Result<(OpenOptions, Option<LaunchUrl>), Problem> {
        let inner = &*self.inner;
        let client = &inner.client;
        let mut launch = Launch::new(&grant.token);
        if let Some(setting) = &inner.launch {
            launch = setting(user, launch);
        }
        launch.check(LaunchForm::OpenCall, client.now(), LAUNCH_MARGIN)?;
        let link = inner.hosted.as_ref().and_then(|(allowed, callback)| {
            let launcher = client.launcher().with_callbacks(allowed.clone());
            let link = launcher.hosted_link(&launch, callback);
            link.inspect_err(|error| {
                tracing::warn!(target: LOG, error = %error, remedy = error.remedy(), "there is no hosted link");
            })
            .ok()
        });
        let options = launch.open_options(client.hosts(), &PageFunctions::default());
        Ok((options, link))
    }

    fn tell(&self, user: &ClientUserId, change: &Change) {
        if change.human_id_changed() {
            tracing::warn!(target: LOG, "a user has another human id");
        }
        if let Some(listener) = &self.inner.on_change
            && change.is_any()
        {
            listener(user, change);
        }
    }
}

/// Whether the service refused for a reason that lies with the user.
fn tells_of_the_user(error: &Error) -> bool {
    (error.api_error()).is_some_and(|refusal| refusal.token_refusal().is_some())
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("client", &self.inner.client)
            .field("origins", &self.inner.origins)
            .finish_non_exhaustive()
    }
}

impl ConnectBuilder {
    /// Keeps what is known of users there. Without it, in memory.
    pub fn directory(mut self, directory: impl UserDirectory + 'static) -> Self {
        self.directory = Some(Arc::new(directory));
        self
    }

    /// Takes posts from pages of this origin too. They also need CORS, which is the application's to
    /// allow.
    pub fn also_from(mut self, origin: impl Into<String>) -> Self {
        self.more_origins.push(origin.into());
        self
    }

    /// Offers hosted Connect, which comes back to this address: that of `…/connect/callback`, exactly as
    /// the vendor has it on the application's list.
    pub fn callback(mut self, url: impl Into<String>) -> Self {
        self.callback = Some(url.into());
        self
    }

    /// Sends users who come back from hosted Connect to this path. Without it, they see a plain page.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }

    /// Sets how Connect is opened for a user: a segment, pinned providers and so on.
    pub fn launch(
        mut self,
        setting: impl for<'a> Fn(&AppUser, Launch<'a>) -> Launch<'a> + Send + Sync + 'static,
    ) -> Self {
        self.launch = Some(Box::new(setting));
        self
    }

    /// Is called whenever the service showed something new of a user, such as another
    /// [human id](Change::human_id_changed). It must return at once.
    pub fn on_change(
        mut self,
        listener: impl Fn(&ClientUserId, &Change) + Send + Sync + 'static,
    ) -> Self {
        self.on_change = Some(Box::new(listener));
        self
    }

    /// Puts it together.
    ///
    /// # Errors
    ///
    /// When an origin, the callback or the path to return to is none.
    pub fn build(self) -> Result<Connect, SetupError> {
        let mut origins = vec![Origin::parse(&self.origin)?];
        for origin in &self.more_origins {
            origins.push(Origin::parse(origin)?);
        }
        let hosted = match self.callback {
            Some(callback) => Some((AllowedCallbacks::parse([&callback])?, callback.into())),
            None => None,
        };
        let return_to = self.return_to.map(String::into_boxed_str);
        // Two slashes, or one and a backslash, are another host.
        let leads_away = |path: &str| {
            !path.starts_with('/')
                || path[1..].starts_with(['/', '\\'])
                || !path.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if return_to.as_deref().is_some_and(leads_away) {
            return Err(SetupError::ReturnTo);
        }
        let cookie = LaunchCookie {
            secure: origins[0].is_https(),
        };
        Ok(Connect {
            inner: Arc::new(Inner {
                client: self.client,
                signed_in: self.signed_in,
                origins,
                cookie,
                return_to,
                visitors: Visitors::new(),
                directory: self
                    .directory
                    .unwrap_or_else(|| Arc::new(MemoryDirectory::new())),
                hosted,
                launch: self.launch,
                on_change: self.on_change,
            }),
        })
    }
}

impl fmt::Debug for ConnectBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectBuilder")
            .field("client", &self.client)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
