//! What stands in the fields of a report: lists, sources, providers, a code.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{AuthCode, ConnectedSource, Location, ProviderRequest};

/// Takes the first of these lists that is there; items that are none of the kind stay behind.
pub(super) fn take<T>(
    fields: &mut Map<String, Value>,
    names: &[&str],
    read: fn(&Value) -> Option<T>,
) -> Vec<T> {
    let Some(name) = names
        .iter()
        .find(|name| fields.get(**name).is_some_and(Value::is_array))
    else {
        return Vec::new();
    };
    let Some(Value::Array(items)) = fields.remove(*name) else {
        return Vec::new();
    };
    let mut read_items = Vec::with_capacity(items.len());
    let mut left = Vec::new();
    for item in items {
        match read(&item) {
            Some(value) => read_items.push(value),
            None => left.push(item),
        }
    }
    if !left.is_empty() {
        fields.insert((*name).to_owned(), Value::Array(left));
    }
    read_items
}

pub(super) fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    if !fields.get(name)?.is_string() {
        return None;
    }
    match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn take_auth_code(fields: &mut Map<String, Value>) -> Option<AuthCode> {
    let code = fields.get("authCode")?.get("code")?.as_str()?;
    let auth_code = AuthCode {
        code: SecretString::from(code),
        expires_at_millis: fields["authCode"].get("expiresAt").and_then(Value::as_i64),
    };
    fields.remove("authCode");
    Some(auth_code)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

pub(super) fn source(value: &Value) -> Option<ConnectedSource> {
    let name = text(value, "name");
    let id = text(value, "id");
    if name.is_none() && id.is_none() {
        return None;
    }
    Some(ConnectedSource {
        name: name.unwrap_or_default(),
        id,
    })
}

pub(super) fn provider(value: &Value) -> Option<ProviderRequest> {
    value.as_object()?;
    let degrees = |name| value.get("location")?.get(name)?.as_f64();
    Some(ProviderRequest {
        address: text(value, "address"),
        health_system: text(value, "healthSystem"),
        location: degrees("latitude")
            .zip(degrees("longitude"))
            .map(|(latitude, longitude)| Location {
                latitude,
                longitude,
            }),
        physician: text(value, "physician"),
        website: text(value, "website"),
    })
}
