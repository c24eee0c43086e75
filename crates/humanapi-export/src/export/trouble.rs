//! Why something could not be read, and what is not asked for any more because of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use humanapi_client::{Error, ErrorKind};
use humanapi_core::data::{Operation, Route};
use humanapi_core::{ApiErrorKind, ClientUserId, FlowError};

/// Why something could not be read.
#[derive(Clone)]
pub(super) struct Trouble {
    pub(super) error: Arc<Error>,
    pub(super) scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// It may be had another time.
    Passing,
    /// The service refuses this.
    Refused,
    /// The service refuses this user.
    User,
    /// The service refuses the application.
    Application,
}

impl Trouble {
    pub(super) fn of(error: Error) -> Self {
        let is_of_token = of_token(error.flow_error());
        let scope = match error.kind() {
            ErrorKind::Api(
                ApiErrorKind::InvalidClientId
                | ApiErrorKind::InvalidCredentials
                | ApiErrorKind::InvalidTokenType
                | ApiErrorKind::AdminApiDisabled,
            ) => Scope::Application,
            // What an application of the other provisioning is told, for each of its users.
            ErrorKind::Api(ApiErrorKind::NotAuthorized) if is_of_token => Scope::Passing,
            ErrorKind::Refused(_)
            | ErrorKind::Api(ApiErrorKind::UnknownUser | ApiErrorKind::NothingConnected) => {
                Scope::User
            }
            ErrorKind::InvalidInput if is_of_token => Scope::User,
            ErrorKind::Api(_) | ErrorKind::InvalidInput if !error.is_transient() => Scope::Refused,
            _ => Scope::Passing,
        };
        let error = Arc::new(error);
        Self { error, scope }
    }

    /// Whether another reading may well be whole.
    pub(super) fn is_spoilt(&self, route: &Route) -> bool {
        self.scope == Scope::Passing
            && match self.error.kind() {
                ErrorKind::Unreadable | ErrorKind::Intermediary => true,
                _ if of_token(self.error.flow_error()) => true,
                // Pages were asked for again already.
                _ => route.operation == Operation::Single && self.error.is_transient(),
            }
    }

    /// The word for it.
    pub(super) fn reason(&self) -> &'static str {
        match self.error.kind() {
            ErrorKind::Refused(_) => "nothing_connected",
            kind => kind.name(),
        }
    }
}

/// Whether it failed for want of a token.
pub(super) fn of_token(error: &FlowError) -> bool {
    match error {
        FlowError::Token(_) | FlowError::Refused(_) => true,
        FlowError::Exhausted { last, .. }
        | FlowError::OutOfTime {
            last: Some(last), ..
        } => of_token(last),
        _ => false,
    }
}

/// What is not asked for any more in a bucket.
#[derive(Default)]
pub(super) struct NotAsked {
    /// Users for whom no token can be had.
    users: Mutex<BTreeMap<ClientUserId, Trouble>>,
    /// Kinds that are broken.
    kinds: Mutex<BTreeMap<&'static str, Trouble>>,
}

impl NotAsked {
    /// Why a list is not asked for.
    pub(super) fn find(&self, user: &ClientUserId, route: &Route) -> Option<Trouble> {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(user).or_else(|| kinds.get(route.name)).cloned()
    }

    /// Notes what came of a list, which may be so for all of the user's.
    pub(super) fn note_user(&self, user: &ClientUserId, trouble: &Trouble) {
        if trouble.scope == Scope::User {
            let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
            users.insert(user.clone(), trouble.clone());
        }
    }

    pub(super) fn note_kind(&self, route: &Route, trouble: &Trouble) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(route.name, trouble.clone());
    }
}
