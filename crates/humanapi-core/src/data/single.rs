//! The one endpoint of what a user has one of: the health summary, the profile, the medical profile.

use std::fmt;
use std::marker::PhantomData;

use crate::data::{Table, get, object};
use crate::endpoint::Endpoint;
use crate::error::{ApiErrorKind, BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A kind of record of which each user has one.
pub trait Singleton {
    /// A short name for logs, such as `data.profile`.
    const NAME: &'static str;
    /// Its path, such as `/v1/human/profile`.
    const PATH: &'static str;
    /// What reading it gives: the record, or an `Option` of it where some users have none.
    type Output;

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// When the service refused, or the answer is no such record.
    fn read(response: Response) -> Result<Self::Output, ResponseError>;
}

/// Reads what a user has one of.
///
/// ```
/// use humanapi_core::data::{HealthSummary, Single};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let request = Single::<HealthSummary>::new().request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
pub struct Single<R>(PhantomData<fn() -> R>);

impl<R: Singleton> Single<R> {
    /// The call.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: Singleton> Endpoint for Single<R> {
    type Output = R::Output;

    fn name(&self) -> &'static str {
        R::NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, R::PATH)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        R::read(response)
    }
}

/// The record that every user has.
pub(super) fn one<T: Table>(response: Response) -> Result<T, ResponseError> {
    Ok(T::from_json(object(response)?.into_body())?)
}

/// A record, or none, which the service says with an empty object or with the status 404.
pub(super) fn one_or_none<T: Table>(response: Response) -> Result<Option<T>, ResponseError> {
    match one::<T>(response) {
        Err(ResponseError::Api(error)) if error.kind() == ApiErrorKind::NotFound => Ok(None),
        record => {
            let record = record?;
            let is_empty = record.fields().is_empty();
            Ok((!is_empty).then_some(record))
        }
    }
}

impl<R: Singleton> Default for Single<R> {
    fn default() -> Self {
        Self::new()
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for Single<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Single<R> {}

impl<R: Singleton> fmt::Debug for Single<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Single").field(&R::NAME).finish()
    }
}
