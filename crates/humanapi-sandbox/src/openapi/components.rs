//! What operations of the document have in common.

use serde_json::{Map, Value, json};

/// Parameters, headers, answers, schemas and ways to prove oneself, by their names.
pub(super) fn components() -> Value {
    let mut parameters = Map::new();
    let whole = |least: u32| json!({"type": "integer", "minimum": least});
    let instant = || json!({"type": "string", "examples": ["20260115T090000Z"]});
    let date = || json!({"type": "string", "format": "date"});
    for (name, about, schema) in [
        (
            "limit",
            "how many records a page has, at most 500",
            whole(1),
        ),
        ("offset", "how many records stand before the page", whole(0)),
        (
            "source",
            "the name or id of a source",
            json!({"type": "string"}),
        ),
        ("created_since", "created after this instant", instant()),
        ("created_before", "created before this instant", instant()),
        ("updated_since", "changed after this instant", instant()),
        ("updated_before", "changed before this instant", instant()),
        ("start_date", "of this day or a later one", date()),
        ("end_date", "of this day or an earlier one", date()),
        (
            "time_series",
            "whether `timeSeries` is told",
            json!({"type": "boolean"}),
        ),
        (
            "locations",
            "places on the genome, with blanks between them",
            json!({"type": "string"}),
        ),
        (
            "format",
            "what the report is sent as",
            json!({"enum": ["json", "html", "pdf"]}),
        ),
    ] {
        let parameter = json!({
            "name": name,
            "in": "query",
            "description": about,
            "required": name == "locations",
            "schema": schema,
        });
        parameters.insert(name.to_owned(), parameter);
    }
    json!({
        "parameters": parameters,
        "headers": {
            "TotalCount": {
                "description": "how many records there are on all pages",
                "schema": {"type": "integer", "minimum": 0},
            },
            "Link": {
                "description": "other pages, by `next`, `prev`, `last` and `first`",
                "schema": {"type": "string"},
            },
        },
        "responses": {
            "Problem": {
                "description": "a refusal",
                "content": json_content(component("schemas", "Problem")),
            },
        },
        "schemas": {
            "Record": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "source": {"type": "string"},
                    "createdAt": {"type": "string"},
                    "updatedAt": {"type": "string"},
                },
            },
            "Problem": {
                "type": "object",
                "properties": {
                    "statusCode": {"type": "integer"},
                    "code": {"type": "integer"},
                    "error": {"type": "string"},
                    "message": {"type": "string"},
                    "x-humanapi-request-id": {"type": "string"},
                },
            },
        },
        "securitySchemes": {
            "accessToken": {"type": "http", "scheme": "bearer"},
            "accessTokenInQuery": {"type": "apiKey", "in": "query", "name": "access_token"},
            "clientToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "appKey": {
                "type": "http",
                "scheme": "basic",
                "description": "the application's key as the user name, and no password",
            },
            "controlToken": {"type": "apiKey", "in": "header", "name": "X-Sandbox-Token"},
        },
    })
}

pub(super) fn json_content(schema: Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

pub(super) fn component(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}
