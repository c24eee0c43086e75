//! Somebody who keeps the user's records.

use serde::Serialize;

use super::address::{self, Address};
use super::rules::{self, FieldError};
use crate::hidden::{Personal, hidden_debug};

/// Somebody who keeps the user's records: a physician, or a place where some work.
///
/// The service's schema wants a name and an address; where only the organization is known, let it be the name.
#[derive(Clone)]
pub struct Provider(pub(super) Wire);

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    name: Personal,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_provider_id: Option<Personal>,
    address: address::Wire,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fax: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mrn: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    npi: Option<Personal>,
}

impl Provider {
    /// Somebody of this name, at this address.
    ///
    /// # Errors
    ///
    /// When the name is empty.
    pub fn new(name: &str, address: Address) -> Result<Self, FieldError> {
        Ok(Self(Wire {
            name: rules::text("name", name)?,
            organization_name: None,
            client_provider_id: None,
            address: address.0,
            phone: None,
            fax: None,
            mrn: None,
            npi: None,
        }))
    }

    /// Adds the organization's name.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_organization(mut self, name: &str) -> Result<Self, FieldError> {
        self.0.organization_name = Some(rules::text("organizationName", name)?);
        Ok(self)
    }

    /// Adds the application's own id for the provider, which reports and notes then name.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_client_provider_id(mut self, id: &str) -> Result<Self, FieldError> {
        self.0.client_provider_id = Some(rules::text("clientProviderId", id)?);
        Ok(self)
    }

    /// Adds a telephone number.
    ///
    /// # Errors
    ///
    /// When it is not ten digits, as the service wants them.
    pub fn with_phone(mut self, phone: &str) -> Result<Self, FieldError> {
        self.0.phone = Some(rules::phone("phone", phone)?);
        Ok(self)
    }

    /// Adds a number for faxes.
    ///
    /// # Errors
    ///
    /// When it is not ten digits, as the service wants them.
    pub fn with_fax(mut self, fax: &str) -> Result<Self, FieldError> {
        self.0.fax = Some(rules::phone("fax", fax)?);
        Ok(self)
    }

    /// Adds the number by which the provider knows the user: a medical record number.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn with_mrn(mut self, mrn: &str) -> Result<Self, FieldError> {
        self.0.mrn = Some(rules::text("mrn", mrn)?);
        Ok(self)
    }

    /// Adds the provider's national identifier.
    ///
    /// # Errors
    ///
    /// When it is not ten digits.
    pub fn with_npi(mut self, npi: &str) -> Result<Self, FieldError> {
        self.0.npi = Some(rules::npi(npi)?);
        Ok(self)
    }
}

hidden_debug!(Provider);
