//! How records refer to others: to the organization that wrote them, and to each other by id.

use serde_json::{Value, json};

use crate::resource::Resource;
use crate::source::Source;

/// An organization as records refer to it.
pub(crate) fn organization(source: &Source) -> Value {
    json!({
        "id": source.id,
        "name": source.name,
        "href": format!("/medical/organizations/{}", source.id),
    })
}

/// Another record by its id.
pub(crate) fn record(resource: Resource, id: &str) -> Value {
    json!({"id": id, "href": format!("/{}/{id}", resource.path())})
}
