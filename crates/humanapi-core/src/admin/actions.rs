//! Aborting an order, and having it retrieved again.

use std::fmt;

use serde::Serialize;

use crate::admin::user_ref::{OfUser, UserRef};
use crate::admin::wire;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// What is done to a user's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserAction {
    /// Ends the order: notifications stop, and nobody is told of it any more.
    Abort,
    /// Has records retrieved again. What it does exactly is not documented.
    Resync,
}

/// Does something to a user's order.
///
/// An abort is repeated after an attempt whose outcome is unknown: a second one changes nothing and is refused with a
/// [conflict](crate::ApiErrorKind::Conflict), as the abort of an order is that was completed. So a conflict says that the
/// order is over, and not how. A resync is repeated only if it provably never left.
#[derive(Clone, PartialEq, Eq)]
pub struct ActOnUser {
    user: UserRef,
    action: UserAction,
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(flatten)]
    user: OfUser<'a>,
    action: &'static str,
}

impl ActOnUser {
    /// This action for this user.
    #[must_use]
    pub fn new(user: impl Into<UserRef>, action: UserAction) -> Self {
        let user = user.into();
        Self { user, action }
    }

    /// Ends the user's order.
    #[must_use]
    pub fn abort(user: impl Into<UserRef>) -> Self {
        Self::new(user, UserAction::Abort)
    }

    /// Has the user's records retrieved again.
    #[must_use]
    pub fn resync(user: impl Into<UserRef>) -> Self {
        Self::new(user, UserAction::Resync)
    }
}

impl Endpoint for ActOnUser {
    type Output = ();

    fn name(&self) -> &'static str {
        match self.action {
            UserAction::Abort => "admin.abort",
            UserAction::Resync => "admin.resync",
        }
    }

    fn replay(&self) -> Replay {
        match self.action {
            UserAction::Abort => Replay::Safe,
            UserAction::Resync => Replay::OnlyIfNotSent,
        }
    }

    fn authorization(&self) -> Authorization {
        Authorization::ClientToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let action = match self.action {
            UserAction::Abort => "abort",
            UserAction::Resync => "resync",
        };
        self.user.checked()?;
        let user = OfUser(&self.user);
        wire::post(hosts, "/api/v1/users/actions", &Wire { user, action })
    }

    fn parse(&self, response: Response, _: Now) -> Result<(), ResponseError> {
        wire::accepted(&response)
    }
}

impl fmt::Debug for ActOnUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActOnUser")
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}
