//! Who is signed in, as the application says.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::request::Parts;
use humanapi_core::{ClientUserId, EmptyUserId};

/// Tells who is signed in. The application implements it over its own sessions.
///
/// It is written with `async fn`, and without the macro `async_trait`.
/// What awaits nothing need not be a type of its own: see [`signed_in_by`].
/// It is the only source of a user's id and e-mail address: nothing in a body, a query or a header is
/// taken for one unless this implementation takes it.
///
/// ```
/// use axum::http::{StatusCode, request::Parts};
/// use axum::response::{IntoResponse as _, Response};
/// use humanapi_axum::{AppUser, SignedIn};
///
/// struct Sessions;
///
/// impl SignedIn for Sessions {
///     async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
///         // Whoever put this there has checked the session's cookie.
///         let user = parts.extensions.get::<AppUser>().cloned();
///         user.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
///     }
/// }
/// ```
pub trait SignedIn: Send + Sync {
    /// The user who sent this request.
    ///
    /// # Errors
    ///
    /// With the response for somebody who is not signed in. It goes out as it is, except to those who
    /// come back from hosted Connect: they see a neutral page.
    fn user(&self, parts: &mut Parts) -> impl Future<Output = Result<AppUser, Response>> + Send;
}

/// Who is signed in by a function that awaits nothing, such as one that reads what a layer before it left in the request.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::IntoResponse as _;
/// use humanapi_axum::{AppUser, signed_in_by};
///
/// let sessions = signed_in_by(|parts| {
///     let user = parts.extensions.get::<AppUser>().cloned();
///     user.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
/// });
/// # let _: &dyn Send = &sessions;
/// ```
pub const fn signed_in_by<F>(tell: F) -> SignedInBy<F>
where
    F: Fn(&mut Parts) -> Result<AppUser, Response> + Send + Sync,
{
    SignedInBy { tell }
}

/// What [`signed_in_by`] gives.
#[derive(Clone)]
pub struct SignedInBy<F> {
    tell: F,
}

impl<F> SignedIn for SignedInBy<F>
where
    F: Fn(&mut Parts) -> Result<AppUser, Response> + Send + Sync,
{
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
        (self.tell)(parts)
    }
}

impl<F> fmt::Debug for SignedInBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedInBy").finish_non_exhaustive()
    }
}

/// The same behind a pointer, so that the router has no type parameter and an application needs no macro.
#[async_trait]
pub(crate) trait AnySignedIn: Send + Sync {
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response>;
}

/// What points to one is one.
macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        impl<S: SignedIn> SignedIn for $pointer {
            async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
                (**self).user(parts).await
            }
        }
    )+};
}

pointers!(&S, Box<S>, Arc<S>);

#[async_trait]
impl<S: SignedIn> AnySignedIn for S {
    async fn user(&self, parts: &mut Parts) -> Result<AppUser, Response> {
        SignedIn::user(self, parts).await
    }
}

/// A user of the application. `Debug` hides the e-mail address.
#[derive(Clone, PartialEq, Eq)]
pub struct AppUser {
    id: ClientUserId,
    email: Option<Box<str>>,
}

impl AppUser {
    /// A user by the id that the application knows and that never changes.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn new(id: impl Into<ClientUserId>) -> Result<Self, EmptyUserId> {
        Ok(Self {
            id: ClientUserId::new(id)?,
            email: None,
        })
    }

    /// Adds the e-mail address, which goes to Human API with a session.
    #[must_use]
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into().into());
        self
    }

    /// The application's id for the user.
    #[must_use]
    pub const fn id(&self) -> &ClientUserId {
        &self.id
    }

    /// The e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
}

/// By whatever names a user. An empty id is refused by the calls for that user; [`new`](AppUser::new) refuses it at once.
impl<Id: Into<ClientUserId>> From<Id> for AppUser {
    fn from(id: Id) -> Self {
        Self {
            id: id.into(),
            email: None,
        }
    }
}

impl fmt::Debug for AppUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppUser")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
