//! By which of its two ids a user is meant.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::query_string::QueryString;
use crate::user_id::{ClientUserId, EmptyUserId, HumanId};

/// One user, by the one id or the other: the service takes exactly one of them.
///
/// ```
/// use humanapi_core::admin::{ActOnUser, UserRef};
/// use humanapi_core::{ClientUserId, HumanId};
///
/// let by_own_id = UserRef::from(ClientUserId::new("policy-000417")?);
/// assert_eq!(format!("{by_own_id:?}"), "UserRef(…)");
/// let abort = ActOnUser::abort(HumanId::new("7a1d0c55"));
/// # Ok::<(), humanapi_core::EmptyUserId>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a user has these two ids")]
pub enum UserRef {
    /// By Human API's id.
    HumanId(HumanId),
    /// By the application's own id.
    ClientUserId(ClientUserId),
}

impl UserRef {
    /// The name of the field or parameter.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::HumanId(_) => "humanId",
            Self::ClientUserId(_) => "clientUserId",
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::HumanId(id) => id.as_str(),
            Self::ClientUserId(id) => id.as_str(),
        }
    }

    /// # Errors
    ///
    /// When the id is empty.
    pub(super) fn checked(&self) -> Result<&str, EmptyUserId> {
        match self {
            Self::HumanId(id) => id.checked(),
            Self::ClientUserId(id) => id.checked(),
        }
    }

    pub(super) fn push_to(&self, query: &mut QueryString) -> Result<(), EmptyUserId> {
        query.push_text(self.name(), self.checked()?);
        Ok(())
    }
}

/// A body, or a part of one, that says who is meant: an object with the one field.
pub(super) struct OfUser<'a>(pub(super) &'a UserRef);

impl Serialize for OfUser<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0.name(), self.0.as_str())?;
        map.end()
    }
}

impl From<HumanId> for UserRef {
    fn from(id: HumanId) -> Self {
        Self::HumanId(id)
    }
}

impl From<ClientUserId> for UserRef {
    fn from(id: ClientUserId) -> Self {
        Self::ClientUserId(id)
    }
}

crate::hidden::hidden_debug!(UserRef);
