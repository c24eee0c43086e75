//! Control over a sandbox: be the user, move the clock, plan faults, read the log.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::app::AppCredentials;
use crate::assumption::{Assumption, AssumptionSetting};
use crate::clock;
use crate::exchanges::ExchangeCounts;
use crate::fault::{Fault, InvalidFault};
use crate::orders::OrderState;
use crate::persona::Persona;
use crate::record_change::{InvalidRecordChange, RecordChange};
use crate::request_log::LoggedRequest;
use crate::source::Source;
use crate::state::{Full, State};
use crate::token::TokenKind;
use crate::user::UserSnapshot;
use crate::world::World;

/// Why a control operation was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No application has this client id.
    #[error("no application has the client id {client_id:?}")]
    UnknownApp {
        /// The id asked for.
        client_id: String,
    },
    /// The application has no such user: no session was ever started, or the user was deleted.
    #[error("the application has no user {client_user_id:?}; start a session first")]
    UnknownUser {
        /// The id asked for.
        client_user_id: String,
    },
    /// The directory has no such source.
    #[error("no source is called {source_id:?}")]
    UnknownSource {
        /// The id, word or name asked for.
        source_id: String,
    },
    /// This sandbox has not issued the token.
    #[error("this sandbox has not issued that token")]
    UnknownToken,
    /// The assumption has no such value.
    #[error("{assumption} cannot be {value:?}; its values are {}", .assumption.values().join(", "))]
    UnknownValue {
        /// The assumption.
        assumption: Assumption,
        /// The value asked for.
        value: String,
    },
    /// No persona has this name.
    #[error("no persona is named {name:?}; there are athlete, chronic, child, empty and odd")]
    UnknownPersona {
        /// The name asked for.
        name: String,
    },
    /// The change of records makes no sense.
    #[error(transparent)]
    InvalidRecordChange(#[from] InvalidRecordChange),
    /// There were too many changes of records.
    #[error("the sandbox keeps as many changes of records as it may; reset it to make room")]
    TooManyRecordChanges,
    /// The fault makes no sense.
    #[error("the fault makes no sense")]
    InvalidFault(#[from] InvalidFault),
    /// A user cannot be called that.
    #[error("a user's id must not be empty")]
    EmptyUserId,
    /// Nothing was ordered for this user.
    #[error("nothing was ordered for the user {client_user_id:?}")]
    NothingOrdered {
        /// The id asked for.
        client_user_id: String,
    },
    /// The user's latest order is not in the state that this needs, or does not get there by itself.
    #[error("the order is {stands}, and time alone does not bring it to {state}")]
    OrderNotThere {
        /// The state that is needed.
        state: OrderState,
        /// Where the order stands.
        stands: OrderState,
    },
    /// There were too many users.
    #[error("the sandbox keeps as many users as it may; reset it to make room")]
    TooManyUsers,
    /// The clock cannot move so far.
    #[error("the clock cannot pass the end of the year 9999")]
    ClockRange,
}

/// Control over a sandbox, in process.
///
/// Cheap to clone; all clones control the same sandbox.
/// The control API under `/sandbox/` offers the same operations over HTTP.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) world: Arc<World>,
}

impl Control {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    /// The demo applications with their credentials.
    #[must_use]
    pub fn apps(&self) -> Vec<AppCredentials> {
        self.world.apps.clone()
    }

    /// Connects a source as the user would on the Connect page, and returns the user as they are then.
    ///
    /// The source may be given by its id, its word or its name. Connecting twice changes nothing.
    ///
    /// # Errors
    ///
    /// If the application, the user or the source is unknown.
    pub fn connect_source(
        &self,
        client_id: &str,
        client_user_id: &str,
        source_id: &str,
    ) -> Result<UserSnapshot, ControlError> {
        self.change_source(client_id, client_user_id, source_id, true)
    }

    /// Disconnects a source, and returns the user as they are then.
    ///
    /// Disconnecting what is not connected changes nothing.
    ///
    /// # Errors
    ///
    /// If the application, the user or the source is unknown.
    pub fn disconnect_source(
        &self,
        client_id: &str,
        client_user_id: &str,
        source_id: &str,
    ) -> Result<UserSnapshot, ControlError> {
        self.change_source(client_id, client_user_id, source_id, false)
    }

    /// Deletes a user: every token ends, every source is gone, and a new session starts over.
    ///
    /// # Errors
    ///
    /// If the application or the user is unknown, or the user is deleted already.
    pub fn delete_user(&self, client_id: &str, client_user_id: &str) -> Result<(), ControlError> {
        let (app, _) = self.app(client_id)?;
        let mut state = self.world.state();
        let at = living_user(&state, app, client_user_id)?;
        self.world.delete_user(&mut state, at);
        drop(state);
        self.world.changes.tell();
        Ok(())
    }

    /// Says whose life a user's records tell, and returns the user as they are then.
    ///
    /// # Errors
    ///
    /// If the application or the user is unknown.
    pub fn set_persona(
        &self,
        client_id: &str,
        client_user_id: &str,
        persona: Persona,
    ) -> Result<UserSnapshot, ControlError> {
        let (app, _) = self.app(client_id)?;
        let unknown = || ControlError::UnknownUser {
            client_user_id: client_user_id.to_owned(),
        };
        let mut state = self.world.state();
        let at = living_user(&state, app, client_user_id)?;
        state.user_mut(at).ok_or_else(unknown)?.persona = Some(persona);
        let user = self.world.snapshot(&state, at).ok_or_else(unknown)?;
        drop(state);
        self.world.changes.tell();
        Ok(user)
    }

    /// Changes a user's records, at once or after pages that the user's list is read in.
    ///
    /// At once is by what the sandbox's clock shows then. A change of a record that there is not
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// If the application or the user is unknown, the change makes no sense, or there were 10,000.
    pub fn change_records(
        &self,
        client_id: &str,
        client_user_id: &str,
        change: RecordChange,
    ) -> Result<(), ControlError> {
        let (app, _) = self.app(client_id)?;
        let change = change.check()?;
        let state = self.world.state();
        let at = living_user(&state, app, client_user_id)?;
        if let Some(user) = state.user(at) {
            self.world
                .change_records(user, change)
                .map_err(|Full| ControlError::TooManyRecordChanges)?;
        }
        drop(state);
        self.world.changes.tell();
        Ok(())
    }

    /// The users of an application, in the order in which they first came.
    ///
    /// # Errors
    ///
    /// If the application is unknown.
    pub fn users(&self, client_id: &str) -> Result<Vec<UserSnapshot>, ControlError> {
        let (app, _) = self.app(client_id)?;
        let state = self.world.state();
        Ok(state
            .users()
            .iter()
            .zip(0..)
            .filter(|(user, _)| user.app == app)
            .filter_map(|(_, at)| self.world.snapshot(&state, at))
            .collect())
    }

    /// One user, or nothing when no session was ever started for that id.
    ///
    /// [`user`](Self::user) names one of a demo application, to change and to see.
    ///
    /// # Errors
    ///
    /// If the application is unknown.
    pub fn find_user(
        &self,
        client_id: &str,
        client_user_id: &str,
    ) -> Result<Option<UserSnapshot>, ControlError> {
        let (app, _) = self.app(client_id)?;
        let state = self.world.state();
        let at = state.find(app, client_user_id);
        Ok(at.and_then(|at| self.world.snapshot(&state, at)))
    }

    /// Moves the clock forward, and returns what it shows then.
    ///
    /// # Errors
    ///
    /// If that would pass the end of the year 9999.
    pub fn advance_clock(&self, by: Duration) -> Result<SystemTime, ControlError> {
        let now = self
            .world
            .clock
            .advance(by)
            .ok_or(ControlError::ClockRange)?;
        self.world.changes.tell();
        Ok(clock::to_system(now))
    }

    /// What the sandbox's clock shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        clock::to_system(self.world.clock.now())
    }

    /// Plans a fault. Faults hit in the order in which they were planned.
    ///
    /// # Errors
    ///
    /// If the fault makes no sense, such as a status of 99.
    pub fn plan_fault(&self, fault: Fault) -> Result<(), ControlError> {
        self.world.faults.plan(fault)?;
        self.world.changes.tell();
        Ok(())
    }

    /// The faults still to come.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.world.faults.planned()
    }

    /// Forgets all planned faults.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
        self.world.changes.tell();
    }

    /// The requests so far, oldest first, as far as the log reaches back.
    ///
    /// Calls of the control API are not logged.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.world.log.all()
    }

    /// The same, and how often the sandbox has started over.
    pub(crate) fn requests_with_epoch(&self) -> (u64, Vec<LoggedRequest>) {
        self.world.log.with_epoch()
    }

    /// Empties the log.
    pub fn clear_requests(&self) {
        self.world.log.clear();
        self.world.changes.tell();
    }

    /// How many token requests were handled.
    #[must_use]
    pub fn exchanges(&self) -> ExchangeCounts {
        self.world.exchanges.read()
    }

    /// Sets an assumption to one of its values.
    ///
    /// # Errors
    ///
    /// If it has no such value.
    pub fn set_assumption(&self, assumption: Assumption, value: &str) -> Result<(), ControlError> {
        if self.world.assumptions.set(assumption, value) {
            self.world.changes.tell();
            return Ok(());
        }
        Err(ControlError::UnknownValue {
            assumption,
            value: value.to_owned(),
        })
    }

    /// How every assumption stands.
    #[must_use]
    pub fn assumptions(&self) -> Vec<AssumptionSetting> {
        self.world.assumptions.settings()
    }

    /// Ends a token before its time.
    ///
    /// # Errors
    ///
    /// If this sandbox has not issued it.
    pub fn revoke_token(&self, token: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        let claim = state.mint.read(token).ok_or(ControlError::UnknownToken)?;
        state.mint.revoke(claim, self.world.clock.now());
        drop(state);
        self.world.changes.tell();
        Ok(())
    }

    /// The kind of a token that this sandbox has issued, valid or not.
    #[must_use]
    pub fn issued_token_kind(&self, token: &str) -> Option<TokenKind> {
        let state = self.world.state();
        state.mint.read(token).map(|claim| claim.kind)
    }

    /// Puts everything back to how it was at the start, clock and counters included.
    ///
    /// The same calls then give the same tokens again, so tokens from before must not be used.
    pub fn reset(&self) {
        self.world.reset();
        self.world.changes.tell();
    }

    fn change_source(
        &self,
        client_id: &str,
        client_user_id: &str,
        source_id: &str,
        connect: bool,
    ) -> Result<UserSnapshot, ControlError> {
        let (app, _) = self.app(client_id)?;
        let source = Self::source(source_id)?;
        let unknown = || ControlError::UnknownUser {
            client_user_id: client_user_id.to_owned(),
        };
        let mut state = self.world.state();
        let at = living_user(&state, app, client_user_id)?;
        let user = state.user_mut(at).ok_or_else(unknown)?;
        if connect {
            user.connect(source, self.world.clock.now());
        } else {
            user.disconnect(source);
        }
        let user = self.world.snapshot(&state, at).ok_or_else(unknown)?;
        drop(state);
        self.world.changes.tell();
        Ok(user)
    }

    /// A source by its id, its word or its name.
    pub(crate) fn source(source_id: &str) -> Result<&'static Source, ControlError> {
        Source::find(source_id).ok_or_else(|| ControlError::UnknownSource {
            source_id: source_id.to_owned(),
        })
    }

    pub(crate) fn app(&self, client_id: &str) -> Result<(usize, &AppCredentials), ControlError> {
        self.world
            .app(client_id)
            .ok_or_else(|| ControlError::UnknownApp {
                client_id: client_id.to_owned(),
            })
    }
}

fn living_user(state: &State, app: usize, client_user_id: &str) -> Result<u32, ControlError> {
    state
        .find(app, client_user_id)
        .filter(|at| state.user(*at).is_some_and(|user| !user.is_deleted()))
        .ok_or_else(|| ControlError::UnknownUser {
            client_user_id: client_user_id.to_owned(),
        })
}
