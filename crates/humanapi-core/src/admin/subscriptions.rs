//! Who is told by e-mail how a user's order goes on.

use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::admin::fields::{Fields, Model, deserialized};
use crate::admin::listing::{AdminList, AdminPage, Place, number};
use crate::admin::new_order::{self, FieldError};
use crate::admin::wire::{self, operation};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hidden::{Personal, hidden_debug};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::url_path::UrlPath;
use crate::user_id::ClientUserId;

const PATH: &str = "/api/v1/subscriptions";

/// The only role that is documented.
const ROLE: &str = "producer";

/// One person who is told by e-mail how a user's order goes on.
#[derive(Clone)]
#[non_exhaustive]
pub struct Subscription {
    /// Its id, by which it is read and deleted.
    pub id: Option<String>,
    /// The user whose order is followed.
    pub client_user_id: Option<ClientUserId>,
    /// Where mails go.
    pub subscriber_email: Option<String>,
    /// `producer`, in practice.
    pub role: Option<String>,
    /// The subscriber's first name.
    pub subscriber_first_name: Option<String>,
    /// The subscriber's last name.
    pub subscriber_last_name: Option<String>,
    /// The subscriber's office.
    pub subscriber_office: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

impl Model for Subscription {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        Ok(Self {
            id: fields.id("id"),
            client_user_id: (fields.id("clientUserId")).and_then(|id| ClientUserId::new(id).ok()),
            subscriber_email: fields.text("subscriberEmail"),
            role: fields.text("role"),
            subscriber_first_name: fields.text("subscriberFirstName"),
            subscriber_last_name: fields.text("subscriberLastName"),
            subscriber_office: fields.text("subscriberOffice"),
            created_at: fields.moment("createdAt"),
            other: fields.rest(),
        })
    }
}

deserialized!(Subscription);

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    client_user_id: ClientUserId,
    subscriber_email: Personal,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber_first_name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber_last_name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber_office: Option<Personal>,
}

/// Whom to tell of a user's order: an insurance producer.
///
/// ```
/// use humanapi_core::admin::NewSubscription;
///
/// let user = "policy-000417";
/// let subscription = NewSubscription::new(user, "producer-9@example.test")?
///     .with_name("Proda", "Fixture")?
///     .with_office("office-7")?;
/// let refused = NewSubscription::new(user, "nobody").unwrap_err();
/// assert_eq!(refused.field(), "subscriberEmail");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct NewSubscription(Wire);

impl NewSubscription {
    /// Tells this address of this user's order.
    ///
    /// # Errors
    ///
    /// When it is no e-mail address.
    pub fn new(user: impl Into<ClientUserId>, email: &str) -> Result<Self, FieldError> {
        Ok(Self(Wire {
            client_user_id: user.into(),
            subscriber_email: new_order::email("subscriberEmail", email)?,
            role: ROLE,
            subscriber_first_name: None,
            subscriber_last_name: None,
            subscriber_office: None,
        }))
    }

    /// Adds the subscriber's name.
    ///
    /// # Errors
    ///
    /// When either is empty.
    pub fn with_name(mut self, first: &str, last: &str) -> Result<Self, FieldError> {
        self.0.subscriber_first_name = Some(new_order::text("subscriberFirstName", first)?);
        self.0.subscriber_last_name = Some(new_order::text("subscriberLastName", last)?);
        Ok(self)
    }

    /// Adds the subscriber's office.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_office(mut self, office: &str) -> Result<Self, FieldError> {
        self.0.subscriber_office = Some(new_order::text("subscriberOffice", office)?);
        Ok(self)
    }
}

/// Subscribes somebody to a user's order.
///
/// One that is there already is refused with a [conflict](crate::ApiErrorKind::Conflict).
#[derive(Clone)]
pub struct CreateSubscription {
    subscription: NewSubscription,
}

impl CreateSubscription {
    /// This one.
    #[must_use]
    pub const fn new(subscription: NewSubscription) -> Self {
        Self { subscription }
    }
}

impl Endpoint for CreateSubscription {
    type Output = Subscription;

    operation!("admin.create_subscription", OnlyIfNotSent);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.subscription.0.client_user_id.checked()?;
        wire::post(hosts, PATH, &self.subscription.0)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        wire::one(&response)
    }
}

/// Reads one page of a user's subscriptions of one address.
#[derive(Clone, PartialEq, Eq)]
pub struct ListSubscriptions {
    place: Place,
    limit: Option<u32>,
    client_user_id: ClientUserId,
    subscriber_email: String,
    query: Option<String>,
    sort: Option<String>,
}

impl ListSubscriptions {
    /// The subscriptions of this address to this user's order: the service asks for both.
    #[must_use]
    pub fn new(user: impl Into<ClientUserId>, email: impl Into<String>) -> Self {
        Self {
            place: Place::default(),
            limit: None,
            client_user_id: user.into(),
            subscriber_email: email.into(),
            query: None,
            sort: None,
        }
    }

    /// Begins behind so many.
    #[must_use]
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.place = Place::at(offset);
        self
    }

    /// So many on a page, which is 50 for the service.
    #[must_use]
    pub const fn with_limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Narrows the list in a form that is not documented, sent as it is.
    #[must_use]
    pub fn with_query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// Orders the list in a form that is not documented, sent as it is.
    #[must_use]
    pub fn with_sort(mut self, sort: impl Into<String>) -> Self {
        self.sort = Some(sort.into());
        self
    }
}

impl AdminList for ListSubscriptions {
    type Item = Subscription;
}

impl Endpoint for ListSubscriptions {
    type Output = AdminPage<Subscription, Self>;

    operation!("admin.subscriptions", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        // Each would be refused, or taken for everybody's.
        if self.limit == Some(0) {
            let (name, rule) = ("limit", "at least 1");
            return Err(BuildError::OutOfRange { name, rule });
        }
        let texts = [
            ("subscriberEmail", Some(&self.subscriber_email)),
            ("query", self.query.as_ref()),
            ("sort", self.sort.as_ref()),
        ];
        let is_empty = |(_, text): &(_, Option<&String>)| text.is_some_and(String::is_empty);
        if let Some((name, _)) = texts.into_iter().find(is_empty) {
            let rule = "some text";
            return Err(BuildError::OutOfRange { name, rule });
        }
        let mut query = QueryString::after(PATH.to_owned());
        query.push_text("clientUserId", self.client_user_id.checked()?);
        query.push_text("subscriberEmail", &self.subscriber_email);
        query.push("role", ROLE);
        self.place.push_to(&mut query)?;
        let limit = self.limit.map(|limit| number("limit", limit.into()));
        query.push_some("limit", limit.transpose()?);
        query.push_some_text("query", self.query.as_deref());
        query.push_some_text("sort", self.sort.as_deref());
        wire::get(hosts, &query.into_inner())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let next = |place| Self {
            place,
            ..self.clone()
        };
        let subscriptions: Vec<Subscription> = self.place.items(&response)?;
        self.place
            .page(&response, subscriptions, |each| each.id.as_deref(), next)
    }
}

/// Reads one subscription; nothing where there is none of this id.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadSubscription {
    id: String,
}

impl ReadSubscription {
    /// The one of this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

impl Endpoint for ReadSubscription {
    type Output = Option<Subscription>;

    operation!("admin.subscription", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        wire::get(hosts, UrlPath::new(PATH).with_segment(&self.id)?.as_str())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        wire::one_found(&response)
    }
}

/// Ends one subscription.
///
/// It is repeated after an attempt whose outcome is unknown; then the service may say that there is none, which is an
/// error of the kind [`NotFound`](crate::ApiErrorKind::NotFound).
#[derive(Clone, PartialEq, Eq)]
pub struct DeleteSubscription {
    id: String,
}

impl DeleteSubscription {
    /// The one of this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

impl Endpoint for DeleteSubscription {
    type Output = ();

    operation!("admin.delete_subscription", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let path = UrlPath::new(PATH).with_segment(&self.id)?;
        wire::without_body(Method::DELETE, hosts, path.as_str())
    }

    fn parse(&self, response: Response, _: Now) -> Result<(), ResponseError> {
        wire::accepted(&response)
    }
}

hidden_debug!(
    Subscription,
    NewSubscription,
    CreateSubscription,
    ListSubscriptions,
    ReadSubscription,
    DeleteSubscription,
);
