//! What the caller means to order once, and for whom.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::admin::new_order::NewOrder;
use crate::hidden::hidden_debug;

/// The caller's own name for one order that is to be placed once: a case's number, or a file's name and line.
///
/// Two submissions under one key are one order, whoever makes them and whenever. So it must not be drawn anew for another
/// try, and must be another one for another order of the same user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentKey(Arc<str>);

/// Longer ones are none.
const MOST: usize = 255;

impl IntentKey {
    /// Takes a key.
    ///
    /// # Errors
    ///
    /// When it is empty, longer than 255 bytes, or has white space around it or a control character in it: it would
    /// easily be another one the next time.
    pub fn new(key: impl AsRef<str>) -> Result<Self, IntentKeyError> {
        let key = key.as_ref();
        let is_plain = !key.chars().any(char::is_control) && key.trim() == key;
        if key.is_empty() || key.len() > MOST || !is_plain {
            return Err(IntentKeyError);
        }
        Ok(Self(key.into()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no key of an intent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the intent's key is none: give 1 to 255 bytes without white space around and control characters within"
)]
#[non_exhaustive]
pub struct IntentKeyError;

/// Whom an order is for, and of which type it is: what tells whether a user that the service has is this order's.
/// `Debug` shows nothing of it. It is kept in journals, and not wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Subject(Arc<Fields>);

/// As rows keep it: a field that is not known here would be lost with the next operation.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    pub(super) client_user_id: String,
    pub(super) email: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) birth_date: Option<Date>,
    pub(super) order_type: Option<String>,
}

impl From<Fields> for Subject {
    fn from(fields: Fields) -> Self {
        Self(Arc::new(fields))
    }
}

impl From<Subject> for Fields {
    fn from(subject: Subject) -> Self {
        Arc::unwrap_or_clone(subject.0)
    }
}

impl Subject {
    /// That of this order.
    #[must_use]
    pub fn of(order: &NewOrder) -> Self {
        let name = order.name();
        Self::from(Fields {
            client_user_id: order.client_user_id().as_str().to_owned(),
            email: order.email().map(str::to_owned),
            first_name: name.map(|(first, _)| first.to_owned()),
            last_name: name.map(|(_, last)| last.to_owned()),
            birth_date: order.birth_date(),
            order_type: order.order_type().map(str::to_owned),
        })
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.0
    }

    /// The application's own id for the user.
    #[must_use]
    pub fn client_user_id(&self) -> &str {
        &self.0.client_user_id
    }

    /// The code of the order's type, if it is another than the application's default.
    #[must_use]
    pub fn order_type(&self) -> Option<&str> {
        self.0.order_type.as_deref()
    }
}

// A key can be a policy's number.
hidden_debug!(IntentKey, Subject);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_that_can_be_given_again() {
        assert!(IntentKey::new("orders-2026.csv:417").is_ok());
        assert!(IntentKey::new("k".repeat(255)).is_ok());
        for text in ["", " a", "a\n", "a\u{7}b", &"k".repeat(256)] {
            assert!(IntentKey::new(text).is_err(), "{text:?}");
        }
        let key = IntentKey::new("canary").unwrap();
        assert_eq!(format!("{key:?}"), "IntentKey(…)");
    }
}
