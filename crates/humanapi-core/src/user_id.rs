//! The ids of a user: the application's own, and Human API's.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// An id from every form that a text comes in, and the one check that an id goes through on its way out.
macro_rules! conversions {
    ($id:ident: $($text:ty),+) => {
        impl $id {
            /// The id as text that may go out.
            ///
            /// # Errors
            ///
            /// When it is empty.
            #[inline]
            pub fn checked(&self) -> Result<&str, EmptyUserId> {
                match self.as_str() {
                    "" => Err(EmptyUserId),
                    id => Ok(id),
                }
            }
        }

        $(
            impl From<$text> for $id {
                fn from(id: $text) -> Self {
                    Self(id.into())
                }
            }
        )+

        impl From<&String> for $id {
            fn from(id: &String) -> Self {
                Self::from(id.as_str())
            }
        }

        impl From<&Self> for $id {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }
    };
}

/// The application's own id for a user: any text that is not empty.
///
/// Whatever names a user takes `impl Into<ClientUserId>`, so a `&str`, a `String` or a reference to either will do.
/// An empty one is refused by the call that would send it, with [`EmptyUserId`]; [`new`](Self::new) refuses it at once.
///
/// It is sent as it is, never trimmed, normalized or case-folded, so two Unicode forms of the same
/// letters are two users.
///
/// ```
/// use humanapi_core::ClientUserId;
///
/// let composed = ClientUserId::from("caf\u{e9}");
/// let decomposed = ClientUserId::from("cafe\u{301}".to_owned());
/// assert_ne!(composed, decomposed);
/// assert!(ClientUserId::new("").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientUserId(Arc<str>);

impl ClientUserId {
    /// Takes an id where it comes in, such as from an argument or a form.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn new(id: impl Into<Self>) -> Result<Self, EmptyUserId> {
        let id = id.into();
        id.checked()?;
        Ok(id)
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

conversions!(ClientUserId: &str, String, Box<str>, Arc<str>, Cow<'_, str>);

/// A user id was empty.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the user id is empty: give the id by which your application knows the user")]
#[non_exhaustive]
pub struct EmptyUserId;

/// Human API's id for a user, in practice 32 lower-case hex digits. Treated as opaque text.
///
/// Whatever takes one takes `impl Into<HumanId>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanId(Box<str>);

impl HumanId {
    /// Takes an id that the service gave out.
    #[must_use]
    pub fn new(id: impl Into<Self>) -> Self {
        id.into()
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

conversions!(HumanId: &str, String, Box<str>, Cow<'_, str>);
