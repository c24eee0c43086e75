//! What a record holds besides what all records have.

use serde_json::Value;

use crate::records::Fields;

/// What a record holds besides what all records have.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) fields: Fields,
    pub(super) series: Option<Value>,
}

impl From<Fields> for Written {
    fn from(fields: Fields) -> Self {
        Self {
            fields,
            series: None,
        }
    }
}
