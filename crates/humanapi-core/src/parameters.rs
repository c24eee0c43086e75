//! Reading what an address that the service leads back to tells in its parameters.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The parameters of a whole URL, or of its query or fragment alone.
///
/// How objects are written there is not documented, so JSON in one parameter, dotted names and bracketed names are all
/// read.
pub(crate) fn read(url_or_query: &str) -> Map<String, Value> {
    let (before, fragment) = url_or_query.split_once('#').unwrap_or((url_or_query, ""));
    let query = before.split_once('?').map_or_else(
        // Without a question mark it is a query already, or a URL that has none.
        || if before.contains("://") { "" } else { before },
        |(_, query)| query,
    );
    let mut fields = Map::new();
    for pair in query.split('&').chain(fragment.split('&')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !name.is_empty() {
            put(&mut fields, &decode(name), &decode(value));
        }
    }
    fields
}

/// Puts a parameter where its name points: `a`, `a.b` or `a[b]`.
fn put(fields: &mut Map<String, Value>, name: &str, value: &str) {
    let value = match serde_json::from_str(value) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => Value::String(value.to_owned()),
    };
    let nested = name
        .split_once('.')
        .or_else(|| name.strip_suffix(']')?.split_once('['));
    let Some((outer, inner)) = nested else {
        fields.insert(name.to_owned(), value);
        return;
    };
    let slot = fields
        .entry(outer)
        .or_insert_with(|| Value::Object(Map::new()));
    match slot {
        Value::Object(object) => {
            object.insert(inner.to_owned(), value);
        }
        _ => {
            fields.insert(name.to_owned(), value);
        }
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
