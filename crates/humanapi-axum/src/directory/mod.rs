//! What is known of users, and where it is kept.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use humanapi_core::{ClientUserId, HumanId, KnownStatus, UserEvent, UserStatus};
use thiserror::Error;

pub use self::memory::MemoryDirectory;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteDirectory;

/// Keeps what the service confirmed of each user.
///
/// What is kept is remembered and never asserted: it chooses the first request, not the answer.
/// Implement it over the table that holds the application's users, and let [`UserRecord::apply`] do
/// the thinking.
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// What is known of the user: [`UserRecord::default`] if nothing is.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    async fn load(&self, user: &ClientUserId) -> Result<UserRecord, DirectoryError>; // An `impl` needs `#[async_trait]` above it, too.

    /// [Applies](UserRecord::apply) what the service showed, and keeps the result. Reading and writing
    /// are one step: two that happen at once must both count.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written.
    async fn record(&self, user: &ClientUserId, seen: &Sighting) -> Result<Change, DirectoryError>;
}

/// What points to a directory is one.
macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[async_trait]
        impl<D: UserDirectory + ?Sized> UserDirectory for $pointer {
            async fn load(&self, user: &ClientUserId) -> Result<UserRecord, DirectoryError> {
                (**self).load(user).await
            }

            async fn record(
                &self,
                user: &ClientUserId,
                seen: &Sighting,
            ) -> Result<Change, DirectoryError> {
                (**self).record(user, seen).await
            }
        }
    )+};
}

pointers!(&D, Box<D>, Arc<D>);

/// What is known of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserRecord {
    /// The status, by all that the service showed so far.
    pub status: UserStatus,
    /// Human API's id for the user.
    pub human_id: Option<HumanId>,
    /// The id before that one, if it changed: the user was deleted and started over, and what was
    /// stored under this id belongs to nobody any more.
    pub former_human_id: Option<HumanId>,
}

impl UserRecord {
    /// A record from its fields, for a directory that keeps them in columns.
    #[must_use]
    pub const fn new(
        status: UserStatus,
        human_id: Option<HumanId>,
        former_human_id: Option<HumanId>,
    ) -> Self {
        Self {
            status,
            human_id,
            former_human_id,
        }
    }

    /// The status for a [`User`](humanapi_client::User) of the client: remembered, not asserted.
    #[must_use]
    pub const fn known(&self) -> KnownStatus {
        KnownStatus::remembered(self.status)
    }

    /// What is known after the service showed this.
    ///
    /// ```
    /// use humanapi_axum::{Sighting, UserRecord};
    /// use humanapi_core::{TokenKind, UserEvent, UserStatus};
    ///
    /// let seen = |id: &str| Sighting::new(UserEvent::TokenIssued(TokenKind::Session)).with_human_id(id);
    /// let first = UserRecord::default().apply(&seen("7a1d"));
    /// assert_eq!(first.after.status, UserStatus::Started);
    /// assert!(!first.human_id_changed());
    /// assert!(first.after.apply(&seen("0c42")).human_id_changed());
    /// ```
    #[must_use]
    pub fn apply(&self, seen: &Sighting) -> Change {
        let mut after = self.clone();
        after.status = after.status.after(seen.event);
        if let Some(told) = &seen.human_id
            && after.human_id.as_ref() != Some(told)
        {
            let former = after.human_id.replace(told.clone());
            after.former_human_id = former.or_else(|| after.former_human_id.take());
        }
        Change {
            before: self.clone(),
            after,
        }
    }
}

/// Something that the service showed of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sighting {
    /// What happened.
    pub event: UserEvent,
    /// Human API's id for the user, where it was told.
    pub human_id: Option<HumanId>,
}

impl Sighting {
    /// An event without an id.
    #[must_use]
    pub const fn new(event: UserEvent) -> Self {
        Self {
            event,
            human_id: None,
        }
    }

    /// Adds Human API's id for the user.
    #[must_use]
    pub fn with_human_id(mut self, id: impl Into<HumanId>) -> Self {
        self.human_id = Some(id.into());
        self
    }
}

/// What is known of a user before and after a [`Sighting`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Before.
    pub before: UserRecord,
    /// After.
    pub after: UserRecord,
}

impl Change {
    /// Whether anything is different now.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.before != self.after
    }

    /// Whether Human API's id for the user is another one now: what was stored under the old one
    /// belongs to nobody any more.
    #[must_use]
    pub fn human_id_changed(&self) -> bool {
        (self.before.human_id.as_ref()).is_some_and(|old| self.after.human_id.as_ref() != Some(old))
    }
}

/// What is known of a user could not be read or written.
///
/// The text goes to the log: keep ids and whatever else is personal out of it.
#[derive(Error)]
#[error("{message}")]
pub struct DirectoryError {
    message: Box<str>,
}

impl DirectoryError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into().into(),
        }
    }
}

impl fmt::Debug for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectoryError({:?})", self.message)
    }
}

#[cfg(test)]
mod tests {
    use humanapi_core::{TokenKind, TokenRefusal};

    use super::*;

    #[test]
    fn another_human_id_is_told_once_and_the_former_is_kept() {
        let seen = |id: &'static str| {
            Sighting::new(UserEvent::TokenIssued(TokenKind::Session))
                .with_human_id(HumanId::new(id))
        };
        let first = UserRecord::default().apply(&seen("a"));
        assert!(first.is_any() && !first.human_id_changed());
        let again = first.after.apply(&seen("a"));
        assert!(!again.is_any());
        let other = again.after.apply(&seen("b"));
        assert!(other.human_id_changed());
        assert_eq!(other.after.former_human_id, Some(HumanId::new("a")));
        let untold = Sighting::new(UserEvent::TokenRefused(TokenRefusal::NothingConnected));
        let later = other.after.apply(&untold);
        assert!(!later.human_id_changed());
        assert_eq!(later.after.former_human_id, Some(HumanId::new("a")));
    }

    #[test]
    fn what_is_known_is_never_asserted() {
        for status in UserStatus::ALL {
            let known = UserRecord::new(status, None, None).known();
            assert!(!known.is_certain());
            assert_eq!(known.status(), status);
        }
    }
}
