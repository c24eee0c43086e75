//! Where somebody lives or works.

use serde::Serialize;

use super::rules::{self, FieldError};
use crate::hidden::{Personal, hidden_debug};

/// Where somebody lives or works, in the United States.
///
/// ```
/// use humanapi_core::admin::Address;
///
/// let address = Address::new("1 Fixture Way", "Testville", "MA", "02134")?;
/// let refused = Address::new("1 Fixture Way", "Testville", "MA", "2134").unwrap_err();
/// assert_eq!(refused.field(), "zip");
/// # Ok::<(), humanapi_core::admin::FieldError>(())
/// ```
#[derive(Clone)]
pub struct Address(pub(super) Wire);

#[derive(Clone, Serialize)]
pub(super) struct Wire {
    street1: Personal,
    #[serde(skip_serializing_if = "Option::is_none")]
    street2: Option<Personal>,
    city: Personal,
    state: Personal,
    /// Text, though the service's schema says a number: its examples are text, and a number has no leading zeros.
    zip: Personal,
}

impl Address {
    /// A street with its number, a city, a state, and a ZIP code.
    ///
    /// # Errors
    ///
    /// When one is empty, or the ZIP code is none.
    pub fn new(street: &str, city: &str, state: &str, zip: &str) -> Result<Self, FieldError> {
        Ok(Self(Wire {
            street1: rules::text("street1", street)?,
            street2: None,
            city: rules::text("city", city)?,
            state: rules::text("state", state)?,
            zip: rules::zip(zip)?,
        }))
    }

    /// Adds a second line.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_street2(mut self, street2: &str) -> Result<Self, FieldError> {
        self.0.street2 = Some(rules::text("street2", street2)?);
        Ok(self)
    }
}

hidden_debug!(Address);
