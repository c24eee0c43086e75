//! The users of an application, with their orders, and where their records come from.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::admin::fields::{Fields, Model, deserialized};
use crate::admin::listing::{AdminList, AdminPage, Place};
use crate::admin::personal_url::PersonalUrl;
use crate::admin::state::OrderState;
use crate::admin::user_ref::UserRef;
use crate::admin::wire::{self, operation};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hidden::hidden_debug;
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::url_path::UrlPath;
use crate::user_id::{ClientUserId, HumanId};

/// One user whom records were ordered for.
///
/// The service has two forms of it, with a [status](Self::status) or with [orders](Self::orders), so all but the id is
/// optional.
#[derive(Clone)]
#[non_exhaustive]
pub struct OrderedUser {
    /// Human API's id for the user.
    pub human_id: HumanId,
    /// The application's own id for the user.
    pub client_user_id: Option<ClientUserId>,
    /// The user's e-mail address.
    pub client_user_email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The date of birth. The service sends it as midnight in UTC of that day.
    pub birth_date: Option<Date>,
    /// When the user was made.
    pub created_at: Option<Timestamp>,
    /// When the user was last changed.
    pub updated_at: Option<Timestamp>,
    /// How far the user has come, such as `Invited`. Its values are not documented.
    pub status: Option<String>,
    /// Names of places whose records the application suggested.
    pub suggested_sources: Vec<String>,
    /// Where the user accepts an invitation.
    pub invite_link: Option<PersonalUrl>,
    /// Where the user does what an order lacks.
    pub consumer_link: Option<PersonalUrl>,
    /// The user's orders.
    pub orders: Vec<PlacedOrder>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

/// One order of a user.
#[derive(Clone)]
#[non_exhaustive]
pub struct PlacedOrder {
    /// The order's id.
    pub order_id: Option<String>,
    /// The code of its type.
    pub order_type: Option<String>,
    /// The name of its type.
    pub order_type_alias: Option<String>,
    /// Where it stands.
    pub state: Option<OrderState>,
    /// Whether there are reports.
    pub reports_available: Option<bool>,
    /// Whether there are health data.
    pub data_available: Option<bool>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

/// Somebody who keeps records of a user.
#[derive(Clone)]
#[non_exhaustive]
pub struct UserProvider {
    /// The provider's id, as reports name it.
    pub id: Option<String>,
    /// The provider's name.
    pub name: Option<String>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

impl Model for OrderedUser {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        let human_id = fields.id("humanId").ok_or("humanId")?;
        Ok(Self {
            human_id: HumanId::new(human_id),
            client_user_id: (fields.id("clientUserId")).and_then(|id| ClientUserId::new(id).ok()),
            client_user_email: fields.text("clientUserEmail"),
            first_name: fields.text("firstName"),
            last_name: fields.text("lastName"),
            birth_date: fields.day("dateOfBirth"),
            created_at: fields.moment("createdAt"),
            updated_at: fields.moment("updatedAt"),
            status: fields.text("status"),
            suggested_sources: fields.texts("suggestedSources"),
            invite_link: fields.take("inviteLink", link),
            consumer_link: fields.take("consumerLink", link),
            orders: fields.list("orders"),
            other: fields.rest(),
        })
    }
}

fn link(value: &Value) -> Option<PersonalUrl> {
    PersonalUrl::parse(value.as_str()?)
}

impl Model for PlacedOrder {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        Ok(Self {
            order_id: fields.id("orderId"),
            order_type: fields.text("orderType"),
            order_type_alias: fields.text("orderTypeAlias"),
            state: fields.take("orderStatus", |value| value.as_str().map(OrderState::parse)),
            reports_available: fields.flag("reportsAvailable"),
            data_available: fields.flag("dataAvailable"),
            other: fields.rest(),
        })
    }
}

impl Model for UserProvider {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        Ok(Self {
            id: fields.id("id"),
            name: fields.text("name"),
            other: fields.rest(),
        })
    }
}

deserialized!(OrderedUser, PlacedOrder, UserProvider);

/// Reads one page of the application's users.
///
/// ```
/// use humanapi_core::admin::ListUsers;
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let request = ListUsers::new().request(&Hosts::production())?;
/// assert_eq!(request.uri(), "https://admin.humanapi.co/api/v1/users?offset=0");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ListUsers {
    place: Place,
    human_id: Option<HumanId>,
    client_user_id: Option<ClientUserId>,
}

impl ListUsers {
    /// All users, from the first on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins behind so many users.
    #[must_use]
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.place = Place::at(offset);
        self
    }

    /// Only the user of this id of the service's.
    #[must_use]
    pub fn with_human_id(mut self, id: impl Into<HumanId>) -> Self {
        self.human_id = Some(id.into());
        self
    }

    /// Only the user of this id of the application's own.
    #[must_use]
    pub fn with_client_user_id(mut self, id: impl Into<ClientUserId>) -> Self {
        self.client_user_id = Some(id.into());
        self
    }
}

impl AdminList for ListUsers {
    type Item = OrderedUser;
}

impl Endpoint for ListUsers {
    type Output = AdminPage<OrderedUser, Self>;

    operation!("admin.users", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let mut query = QueryString::after("/api/v1/users".to_owned());
        self.place.push_to(&mut query)?;
        // An empty one would bring all users in place of one.
        let id = self.human_id.as_ref().map(HumanId::checked).transpose()?;
        query.push_some_text("humanId", id);
        let own = self.client_user_id.as_ref().map(ClientUserId::checked);
        query.push_some_text("clientUserId", own.transpose()?);
        wire::get(hosts, &query.into_inner())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let next = |place| Self {
            place,
            ..self.clone()
        };
        let users: Vec<OrderedUser> = self.place.items(&response)?;
        self.place
            .page(&response, users, |user| Some(user.human_id.as_str()), next)
    }
}

/// Reads one user, with the user's orders; nothing where there is none of this id.
///
/// ```
/// use humanapi_core::admin::ReadUser;
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let request = ReadUser::new("a/b").request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/api/v1/users/a%2Fb");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ReadUser {
    human_id: HumanId,
}

impl ReadUser {
    /// The user of this id.
    #[must_use]
    pub fn new(human_id: impl Into<HumanId>) -> Self {
        let human_id = human_id.into();
        Self { human_id }
    }
}

impl Endpoint for ReadUser {
    type Output = Option<OrderedUser>;

    operation!("admin.user", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let id = self.human_id.checked()?;
        // These have routes of their own, which answer something else.
        if matches!(id, "providers" | "actions") {
            let (name, rule) = ("humanId", "an id that the service gave out");
            return Err(BuildError::OutOfRange { name, rule });
        }
        let path = UrlPath::new("/api/v1/users").with_segment(id)?;
        wire::get(hosts, path.as_str())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        wire::one_found(&response)
    }
}

/// Reads who keeps records of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct ListUserProviders {
    user: UserRef,
}

impl ListUserProviders {
    /// Those of this user.
    #[must_use]
    pub fn new(user: impl Into<UserRef>) -> Self {
        Self { user: user.into() }
    }
}

impl Endpoint for ListUserProviders {
    type Output = Vec<UserProvider>;

    operation!("admin.providers", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let mut query = QueryString::after("/api/v1/users/providers".to_owned());
        self.user.push_to(&mut query)?;
        wire::get(hosts, &query.into_inner())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        wire::all_found(&response)
    }
}

hidden_debug!(
    OrderedUser,
    PlacedOrder,
    UserProvider,
    ListUsers,
    ReadUser,
    ListUserProviders,
);
