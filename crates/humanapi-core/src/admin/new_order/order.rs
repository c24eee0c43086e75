//! An order in the making.

use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use super::address::{self, Address};
use super::attachment::{self, Attachment};
use super::birth_date::BirthDate;
use super::client_data::{ClientData, ClientDataValue};
use super::provider::{self, Provider};
use super::rules::{self, FieldError};
use crate::hidden::{Personal, hidden_debug};
use crate::user_id::ClientUserId;

/// An order for somebody's medical records.
///
/// Each setter refuses what the service's documents forbid, with the field's name, and there is no way to add a field that
/// they do not know. Cheap to clone; `Debug` shows nothing of it. What names or describes the
/// person is wiped when it is dropped; the application's own id for the user, the order's type and its client data are not.
///
/// The service orders with no more than [`clientUserId`](Self::new); its guidelines want an e-mail address too. What a
/// channel lacks beyond that makes a task that somebody has to do, and no error.
/// [Name](Self::with_name) and [date of birth](Self::with_birth_date) are also what tells, after an attempt whose outcome
/// is unknown, whether an order is there: without them nobody can say.
///
/// ```
/// use humanapi_core::ClientUserId;
/// use humanapi_core::admin::{Address, BirthDate, Gender, NewOrder};
///
/// let today = "2026-11-29".parse()?;
/// let order = NewOrder::new("policy-000417")
///     .with_email("applicant-417@example.test")?
///     .with_name("Testina", "Sandboxer")?
///     .with_gender(Gender::Female)
///     .with_birth_date(BirthDate::parse("4/9/1980", today)?)
///     .with_ssn("900-12-3456")?
///     .with_address(Address::new("1 Fixture Way", "Testville", "OR", "97000")?)
///     .with_client_data("caseNo", 417)?;
/// let refused = order.with_phone("+1 555 010 0199").unwrap_err();
/// assert_eq!(refused.field(), "phone");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct NewOrder(Arc<Wire>);

/// A person's gender, as orders tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gender {
    /// `male` on the wire.
    Male,
    /// `female` on the wire.
    Female,
    /// `other` on the wire.
    Other,
}

impl Gender {
    const fn name(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Other => "other",
        }
    }
}

/// How an order goes over the wire.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wire {
    client_user_id: ClientUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_user_email: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_of_birth: Option<BirthDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssn: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_invite: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_type: Option<String>,
    #[serde(skip_serializing_if = "ClientData::is_empty")]
    client_data: ClientData,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggested_sources: Vec<Personal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<address::Wire>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    providers: Vec<provider::Wire>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<attachment::Wire>,
}

impl NewOrder {
    /// An order for the user whom the application knows by this id, such as a policy's number.
    #[must_use]
    pub fn new(client_user_id: impl Into<ClientUserId>) -> Self {
        Self(Arc::new(Wire {
            client_user_id: client_user_id.into(),
            client_user_email: None,
            first_name: None,
            middle_name: None,
            last_name: None,
            gender: None,
            date_of_birth: None,
            ssn: None,
            phone: None,
            auto_invite: None,
            order_type: None,
            client_data: ClientData::default(),
            suggested_sources: Vec::new(),
            conditions: Vec::new(),
            address: None,
            providers: Vec::new(),
            attachments: Vec::new(),
        }))
    }

    fn set(mut self, change: impl FnOnce(&mut Wire)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Adds the user's e-mail address.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn with_email(self, email: &str) -> Result<Self, FieldError> {
        let email = rules::email("clientUserEmail", email)?;
        Ok(self.set(|wire| wire.client_user_email = Some(email)))
    }

    /// Adds the user's first and last name.
    ///
    /// # Errors
    ///
    /// When either is empty.
    pub fn with_name(self, first: &str, last: &str) -> Result<Self, FieldError> {
        let first = rules::text("firstName", first)?;
        let last = rules::text("lastName", last)?;
        Ok(self.set(|wire| {
            wire.first_name = Some(first);
            wire.last_name = Some(last);
        }))
    }

    /// Adds the user's middle name.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_middle_name(self, name: &str) -> Result<Self, FieldError> {
        let name = rules::text("middleName", name)?;
        Ok(self.set(|wire| wire.middle_name = Some(name)))
    }

    /// Adds the user's gender.
    #[must_use]
    pub fn with_gender(self, gender: Gender) -> Self {
        self.set(|wire| wire.gender = Some(gender.name()))
    }

    /// Adds the day on which the user was born.
    #[must_use]
    pub fn with_birth_date(self, day: BirthDate) -> Self {
        self.set(|wire| wire.date_of_birth = Some(day))
    }

    /// Adds the user's social security number.
    ///
    /// # Errors
    ///
    /// When it is none that is given out, or not written as nine digits or as 3-2-4 with both hyphens.
    pub fn with_ssn(self, ssn: &str) -> Result<Self, FieldError> {
        let ssn = rules::ssn(ssn)?;
        Ok(self.set(|wire| wire.ssn = Some(ssn)))
    }

    /// Adds the user's telephone number.
    ///
    /// # Errors
    ///
    /// When it is not ten digits, as the service wants them.
    pub fn with_phone(self, phone: &str) -> Result<Self, FieldError> {
        let phone = rules::phone("phone", phone)?;
        Ok(self.set(|wire| wire.phone = Some(phone)))
    }

    /// Says whether the service sends the user an invitation by mail.
    #[must_use]
    pub fn with_auto_invite(self, auto_invite: bool) -> Self {
        self.set(|wire| wire.auto_invite = Some(auto_invite))
    }

    /// Adds the code of the order's type, as [`ListOrderTypes`](crate::admin::ListOrderTypes) tells them. Without one it is
    /// the application's default.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_order_type(self, code: &str) -> Result<Self, FieldError> {
        rules::text("orderType", code)?;
        Ok(self.set(|wire| wire.order_type = Some(code.to_owned())))
    }

    /// Adds a value that notifications of the order come back with, or takes it in the place of one of the same name.
    ///
    /// # Errors
    ///
    /// When all of them together, written as JSON, have more than 2,048 characters.
    pub fn with_client_data(
        mut self,
        name: &str,
        value: impl Into<ClientDataValue>,
    ) -> Result<Self, FieldError> {
        Arc::make_mut(&mut self.0)
            .client_data
            .set(name, value.into())?;
        Ok(self)
    }

    /// Adds the name of a place whose records are suggested to the user.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_suggested_source(self, name: &str) -> Result<Self, FieldError> {
        let name = rules::text("suggestedSources", name)?;
        Ok(self.set(|wire| wire.suggested_sources.push(name)))
    }

    /// Adds a condition of interest, or an instruction to those who retrieve records.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_condition(self, condition: &str) -> Result<Self, FieldError> {
        let condition = rules::text("conditions", condition)?;
        Ok(self.set(|wire| wire.conditions.push(condition)))
    }

    /// Adds where the user lives.
    #[must_use]
    pub fn with_address(self, address: Address) -> Self {
        self.set(|wire| wire.address = Some(address.0))
    }

    /// Adds somebody who keeps the user's records.
    #[must_use]
    pub fn with_provider(self, provider: Provider) -> Self {
        self.set(|wire| wire.providers.push(provider.0))
    }

    /// Adds a paper.
    #[must_use]
    pub fn with_attachment(self, attachment: Attachment) -> Self {
        self.set(|wire| wire.attachments.push(attachment::Wire(attachment)))
    }

    /// The application's own id for the user.
    #[must_use]
    pub fn client_user_id(&self) -> &ClientUserId {
        &self.0.client_user_id
    }

    /// The code of the order's type, if it is to be another than the application's default.
    #[must_use]
    pub fn order_type(&self) -> Option<&str> {
        self.0.order_type.as_deref()
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.0.client_user_email.as_ref().map(Personal::as_str)
    }

    pub(crate) fn name(&self) -> Option<(&str, &str)> {
        let first = self.0.first_name.as_ref()?.as_str();
        Some((first, self.0.last_name.as_ref()?.as_str()))
    }

    pub(crate) fn birth_date(&self) -> Option<Date> {
        self.0.date_of_birth.map(BirthDate::day)
    }

    /// What goes over the wire.
    pub(crate) fn wire(&self) -> &Wire {
        &self.0
    }
}

hidden_debug!(NewOrder);
