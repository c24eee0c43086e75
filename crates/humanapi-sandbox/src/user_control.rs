//! One user, brought into a state in one call.

use crate::app::DemoApp;
use crate::control::{Control, ControlError};
use crate::persona::Persona;
use crate::record_change::RecordChange;
use crate::state::Full;
use crate::user::UserSnapshot;

/// One user of a demo application, to be brought into a state.
///
/// Unlike the operations of [`Control`] that take a `client_id`, these make a user who is not there, or who was deleted:
/// as after a session request, but without one in the log and without a token.
///
/// ```
/// use humanapi_sandbox::{Persona, Sandbox};
///
/// let sandbox = Sandbox::builder().build_offline();
/// let control = sandbox.control();
/// control.user("p17").connected_with("strider")?.living_as(Persona::Athlete)?;
/// assert_eq!(control.user("p17").snapshot().unwrap().sources[0].name, "Strider");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct UserControl {
    control: Control,
    app: DemoApp,
    client_user_id: String,
}

impl Control {
    /// One user of the [Connect application](DemoApp::Connect), or of another with [`app`](UserControl::app).
    #[must_use = "it does nothing until it is told what the user is to be"]
    pub fn user(&self, client_user_id: impl Into<String>) -> UserControl {
        UserControl {
            control: self.clone(),
            app: DemoApp::Connect,
            client_user_id: client_user_id.into(),
        }
    }

    /// Makes a user, as a session request does, where there is none or one who was deleted.
    pub(crate) fn start_user(
        &self,
        client_id: &str,
        client_user_id: &str,
    ) -> Result<(), ControlError> {
        if client_user_id.is_empty() {
            return Err(ControlError::EmptyUserId);
        }
        let (app, _) = self.app(client_id)?;
        let world = &self.world;
        world
            .begin_user(&mut world.state(), app, client_user_id)
            .map_err(|Full| ControlError::TooManyUsers)?;
        world.changes.tell();
        Ok(())
    }
}

impl UserControl {
    /// The user of this id of another application.
    #[must_use]
    pub fn app(mut self, app: DemoApp) -> Self {
        self.app = app;
        self
    }

    /// Has started a session, unless that was done before; nothing needs to be connected.
    ///
    /// # Errors
    ///
    /// If the id is empty, or there were too many users.
    pub fn started(self) -> Result<Self, ControlError> {
        self.control
            .start_user(&self.client_id(), &self.client_user_id)?;
        Ok(self)
    }

    /// Has connected this source, given by its id, its word or its name. Others stay connected.
    ///
    /// # Errors
    ///
    /// As [`started`](Self::started), and if the source is unknown: then nothing is changed.
    pub fn connected_with(self, source: &str) -> Result<Self, ControlError> {
        Control::source(source)?;
        let this = self.started()?;
        this.control
            .connect_source(&this.client_id(), &this.client_user_id, source)?;
        Ok(this)
    }

    /// Has disconnected this source.
    ///
    /// # Errors
    ///
    /// If there is no such user, or the source is unknown.
    pub fn disconnected_from(self, source: &str) -> Result<Self, ControlError> {
        self.control
            .disconnect_source(&self.client_id(), &self.client_user_id, source)?;
        Ok(self)
    }

    /// Was deleted: every token has ended, every source is gone.
    ///
    /// # Errors
    ///
    /// If there is no such user, or the user is deleted already.
    pub fn deleted(self) -> Result<Self, ControlError> {
        self.control
            .delete_user(&self.client_id(), &self.client_user_id)?;
        Ok(self)
    }

    /// Has records that tell this life.
    ///
    /// # Errors
    ///
    /// As [`started`](Self::started).
    pub fn living_as(self, persona: Persona) -> Result<Self, ControlError> {
        let this = self.started()?;
        this.control
            .set_persona(&this.client_id(), &this.client_user_id, persona)?;
        Ok(this)
    }

    /// Has records that change, as [`Control::change_records`] says.
    ///
    /// # Errors
    ///
    /// As [`started`](Self::started), and if the change makes no sense or there were too many.
    pub fn change(self, change: RecordChange) -> Result<Self, ControlError> {
        let this = self.started()?;
        this.control
            .change_records(&this.client_id(), &this.client_user_id, change)?;
        Ok(this)
    }

    /// The user as they are now, or nothing when no session was ever started.
    #[must_use]
    pub fn snapshot(&self) -> Option<UserSnapshot> {
        let found = self
            .control
            .find_user(&self.client_id(), &self.client_user_id);
        // The application is one of the sandbox's own.
        found.ok().flatten()
    }

    fn client_id(&self) -> String {
        self.control.world.credentials(self.app).client_id
    }
}
