//! Submitting an order.

use http::StatusCode;

use crate::admin::new_order::NewOrder;
use crate::admin::users::OrderedUser;
use crate::admin::wire::{self, operation};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, DecodeError, ResponseError};
use crate::hidden::hidden_debug;
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;

/// Makes a user and with that submits a billable order for the user's records.
///
/// The service has no key by which it would know an order again, so this call is repeated only if it provably never left.
/// By itself it does not keep a second process, or this one after a crash, from ordering once more: for that there is
/// a journal, in [`order`](crate::admin::order).
#[derive(Clone)]
pub struct SubmitOrder {
    order: NewOrder,
}

/// What the service said of an order that it took.
#[derive(Clone)]
#[non_exhaustive]
pub struct Submitted {
    /// The user whom records were ordered for.
    pub user: OrderedUser,
    /// 201 or 202. What makes the difference is not documented.
    pub status: StatusCode,
}

impl SubmitOrder {
    /// Submits this order.
    #[must_use]
    pub const fn new(order: NewOrder) -> Self {
        Self { order }
    }
}

impl Endpoint for SubmitOrder {
    type Output = Submitted;

    operation!("admin.submit_order", OnlyIfNotSent);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.order.client_user_id().checked()?;
        wire::post(hosts, "/api/v1/users", self.order.wire())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Submitted, ResponseError> {
        let users: Vec<OrderedUser> = wire::all(&response)?;
        if users.is_empty() {
            return Err(wire::missing(".").into());
        }
        let own = self.order.client_user_id();
        let is_own = |user: &OrderedUser| user.client_user_id.as_ref().is_none_or(|id| id == own);
        let other = || DecodeError::new(".", "it tells of another user than was sent");
        Ok(Submitted {
            user: users.into_iter().find(is_own).ok_or_else(other)?,
            status: response.status(),
        })
    }
}

hidden_debug!(SubmitOrder, Submitted);
