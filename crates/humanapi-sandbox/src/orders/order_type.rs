//! The types of order that each application may place.

use serde::Serialize;

/// One type of order.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OrderType {
    #[serde(rename = "orderType")]
    pub(crate) code: &'static str,
    #[serde(rename = "orderTypeAlias")]
    pub(crate) alias: &'static str,
    #[serde(rename = "orderTypeDescription")]
    about: &'static str,
    /// Whether those who retrieve records have to be told where these are.
    #[serde(skip)]
    pub(crate) needs_provider: bool,
}

#[rustfmt::skip] // One row, one line.
static TYPES: [OrderType; 4] = [
    OrderType { code: "full", alias: "Full record", about: "Everything that portals, hospitals and offices have", needs_provider: false },
    OrderType { code: "no-contact", alias: "No contact", about: "Everything that can be had without asking the applicant", needs_provider: false },
    OrderType { code: "ehr-only", alias: "EHR only", about: "What hospitals and offices hold as data", needs_provider: false },
    OrderType { code: "aps-only", alias: "APS only", about: "What offices write down when asked", needs_provider: true },
];

impl OrderType {
    pub(crate) fn all() -> &'static [Self] {
        &TYPES
    }

    /// What is ordered where the order names no type.
    pub(crate) fn usual() -> &'static Self {
        &TYPES[0]
    }

    pub(crate) fn find(code: &str) -> Option<&'static Self> {
        TYPES.iter().find(|one| one.code == code)
    }
}
