//! The types of order that an application may place.

use std::fmt;

use serde_json::{Map, Value};

use crate::admin::fields::{Fields, Model, deserialized};
use crate::admin::wire::{self, operation};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;

/// One type of order, as it is set up for the application in the vendor's portal.
#[derive(Clone)]
#[non_exhaustive]
pub struct OrderType {
    /// Its code, as [`NewOrder::with_order_type`](crate::admin::NewOrder::with_order_type) takes it: `orderType` on the wire.
    pub code: Option<String>,
    /// Its name.
    pub alias: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What else came, or was of another form than documented.
    pub other: Map<String, Value>,
}

/// Shows what the vendor set up, and nothing of what else came, which may be anything.
impl fmt::Debug for OrderType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderType")
            .field("code", &self.code)
            .field("alias", &self.alias)
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}

impl Model for OrderType {
    fn read(mut fields: Fields) -> Result<Self, &'static str> {
        Ok(Self {
            code: fields.id("orderType"),
            alias: fields.text("orderTypeAlias"),
            description: fields.text("orderTypeDescription"),
            other: fields.rest(),
        })
    }
}

deserialized!(OrderType);

/// Reads the types of order that the application may place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOrderTypes;

impl ListOrderTypes {
    /// All of them.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Endpoint for ListOrderTypes {
    type Output = Vec<OrderType>;

    operation!("admin.order_types", Safe);

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        wire::get(hosts, "/api/v1/order-types")
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        wire::all_found(&response)
    }
}
