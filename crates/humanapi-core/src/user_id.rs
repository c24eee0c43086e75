//! The ids of a user: the application's own, and Human API's.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The application's own id for a user: any text that is not empty.
///
/// It is sent as it is, never trimmed, normalized or case-folded, so two Unicode forms of the same
/// letters are two users.
///
/// ```
/// use humanapi_core::ClientUserId;
///
/// let composed = ClientUserId::new("caf\u{e9}")?;
/// let decomposed = ClientUserId::new("cafe\u{301}")?;
/// assert_ne!(composed, decomposed);
/// assert!(ClientUserId::new("").is_err());
/// # Ok::<(), humanapi_core::EmptyUserId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientUserId(Arc<str>);

impl ClientUserId {
    /// Takes an id.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn new(id: impl Into<Arc<str>>) -> Result<Self, EmptyUserId> {
        let id = id.into();
        if id.is_empty() {
            return Err(EmptyUserId);
        }
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user id was empty.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the user id is empty: give the id by which your application knows the user")]
#[non_exhaustive]
pub struct EmptyUserId;

/// Human API's id for a user, in practice 32 lower-case hex digits. Treated as opaque text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanId(Box<str>);

impl HumanId {
    /// Takes an id that the service gave out.
    #[must_use]
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HumanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
