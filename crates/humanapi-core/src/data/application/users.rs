//! The users of an application: all, a new one, one, and one less.

use http::Method;
use serde::Serialize;

use super::{AppKey, Application, Batch, BatchResource, accept};
use crate::answer::Expected;
use crate::body::Body;
use crate::credentials::ClientId;
use crate::data::record::records;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;
use crate::user_id::{ClientUserId, HumanId};

/// Reads the users of an application, which the service gives all at once.
pub type ListUsers = Batch<AppUser>;

/// Makes a user of an application, or reads the one who has this id already.
///
/// That a second call makes no second user was seen once and is not documented, so it is repeated only
/// if it provably never left.
///
/// ```
/// use humanapi_core::data::application::{AppKey, CreateUser};
/// use humanapi_core::{ClientId, Endpoint as _, Hosts};
///
/// let (app, key) = (ClientId::new("my-app")?, AppKey::new("hush")?);
/// let call = CreateUser::new(app, key, "patient-17");
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(request.method(), "POST");
/// assert_eq!(request.uri(), "https://api.humanapi.co/v1/apps/my-app/users");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CreateUser {
    application: Application,
    external_id: ClientUserId,
}

/// Reads one user of an application.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadUser {
    application: Application,
    human_id: HumanId,
}

/// Deletes one user of an application, with all that was recorded.
///
/// Deleting again changes nothing more, so it is repeated after an attempt whose outcome is unknown; then
/// the service may say that there is no such user, which is an error of the kind
/// [`NotFound`](crate::ApiErrorKind::NotFound).
#[derive(Clone, PartialEq, Eq)]
pub struct DeleteUser {
    application: Application,
    human_id: HumanId,
}

records! {
    /// One user of an application.
    pub struct AppUser {
        /// Human API's id for the user.
        human_id: Text = "humanId",
        /// The application's own id for the user.
        external_id: Text = "externalId",
        /// The application.
        app_id: Text = "appId",
        /// When the user was created.
        created_at: Timestamp = "createdAt",
        /// When the user was last changed.
        updated_at: Timestamp = "updatedAt",
    }
}

impl CreateUser {
    pub(in crate::data) const NAME: &'static str = "apps.create_user";

    /// A user whom the application knows by this id.
    #[must_use]
    pub fn new(client_id: ClientId, key: AppKey, external_id: impl Into<ClientUserId>) -> Self {
        let application = Application { client_id, key };
        Self {
            application,
            external_id: external_id.into(),
        }
    }
}

impl ReadUser {
    pub(in crate::data) const NAME: &'static str = "apps.user";

    /// The user of this id.
    #[must_use]
    pub fn new(client_id: ClientId, key: AppKey, human_id: impl Into<HumanId>) -> Self {
        let application = Application { client_id, key };
        Self {
            application,
            human_id: human_id.into(),
        }
    }
}

impl DeleteUser {
    pub(in crate::data) const NAME: &'static str = "apps.delete_user";

    /// The user of this id.
    #[must_use]
    pub fn new(client_id: ClientId, key: AppKey, human_id: impl Into<HumanId>) -> Self {
        let application = Application { client_id, key };
        Self {
            application,
            human_id: human_id.into(),
        }
    }
}

impl BatchResource for AppUser {
    const BATCH_NAME: &'static str = "apps.users";
    const BATCH_PATH: &'static str = "";
    const BATCH_ON_PAGES: bool = false;
    type Record = Self;
}

#[derive(Serialize)]
struct NewUser<'a> {
    #[serde(rename = "externalId")]
    external_id: &'a str,
}

impl Endpoint for CreateUser {
    type Output = AppUser;

    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn replay(&self) -> Replay {
        Replay::OnlyIfNotSent
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let external_id = self.external_id.checked()?;
        let body = serde_json::to_vec(&NewUser { external_id }).map_err(|_| BuildError::Body)?;
        let (path, body) = (self.application.users()?, Some(Body::from(body)));
        let application = &self.application;
        application.request(hosts, Method::POST, path.as_str(), body)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let response = accept(Expected::Object, response)?;
        Ok(AppUser::from_json(response.into_body())?)
    }
}

impl Endpoint for ReadUser {
    type Output = AppUser;

    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let users = self.application.users()?;
        let path = users.with_segment(self.human_id.as_str())?;
        let application = &self.application;
        application.request(hosts, Method::GET, path.as_str(), None)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let response = accept(Expected::Object, response)?;
        Ok(AppUser::from_json(response.into_body())?)
    }
}

impl Endpoint for DeleteUser {
    type Output = ();

    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let users = self.application.users()?;
        let path = users.with_segment(self.human_id.as_str())?;
        let application = &self.application;
        application.request(hosts, Method::DELETE, path.as_str(), None)
    }

    fn parse(&self, response: Response, _: Now) -> Result<(), ResponseError> {
        accept(Expected::Anything, response).map(|_| ())
    }
}

// An id can name a person.
crate::hidden::hidden_debug!(CreateUser, ReadUser, DeleteUser);
