//! The route table as an OpenAPI document.

mod admin;
mod components;

use http::Method;
use serde_json::{Map, Value, json};

use self::components::{component, json_content};
use crate::area::Area;
use crate::resource::{Place, Resource, View};
use crate::routes::{Handler, Route, WIDGET};

/// What a reading view takes and gives.
struct Reading {
    parameters: Vec<&'static str>,
    /// The content of a 200, by media type.
    content: Value,
    pages: bool,
    /// Whether there may be nothing at a place that exists.
    may_lack: bool,
}

/// The document of a table.
pub(crate) fn document(table: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in table {
        // Connect at the root is the same request as the dashboard, told apart by the query alone.
        if route.pattern == WIDGET {
            continue;
        }
        let path = paths
            .entry(route.pattern.clone())
            .or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Human API sandbox",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the sandbox of the Human API SDK serves: made-up data, for development and tests.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": areas(table).into_iter().map(|area| {
            let (name, about) = tag(area);
            json!({"name": name, "description": about})
        }).collect::<Vec<_>>(),
        "paths": paths,
        "components": components::components(),
    })
}

/// The areas that have routes, in the order of the table.
fn areas(table: &[Route]) -> Vec<Area> {
    let mut areas = Vec::new();
    for area in table.iter().map(|route| route.handler.area()) {
        if !areas.contains(&area) {
            areas.push(area);
        }
    }
    areas
}

/// An area's tag, and what it is about.
fn tag(area: Area) -> (&'static str, &'static str) {
    match area {
        Area::Tokens => ("tokens", "Tokens for an application's credentials."),
        Area::Data => ("data", "Health data, for an access token."),
        Area::Apps => (
            "apps",
            "Users of an application and their data, for the application's key.",
        ),
        Area::Admin => (
            "admin",
            "Orders for records, for an application's client token.",
        ),
        Area::Connect => (
            "connect",
            "Connect's pages and the Task Manager's, and what their buttons do.",
        ),
        Area::Watch => ("watch", "What can be watched in a browser."),
        Area::Control => ("control", "Control over the sandbox."),
        Area::Nowhere => ("nowhere", "Where nothing is."),
    }
}

fn operation(route: &Route) -> Value {
    let area = route.handler.area();
    let reading = reading(route.handler);
    let mut parameters = path_parameters(&route.pattern);
    parameters.extend(admin::query(route));
    let mut responses = Map::new();
    match &reading {
        Some(reading) => {
            parameters.extend(
                reading
                    .parameters
                    .iter()
                    .map(|name| component("parameters", name)),
            );
            let mut good = json!({"description": "what was asked for", "content": reading.content});
            if reading.pages {
                good["headers"] = json!({
                    "X-Total-Count": component("headers", "TotalCount"),
                    "Link": component("headers", "Link"),
                });
            }
            responses.insert("200".to_owned(), good);
            responses.insert(
                "304".to_owned(),
                json!({"description": "the caller has it already"}),
            );
        }
        None => {
            let usual: &[&str] = match (route.method.clone(), area) {
                (Method::POST, Area::Apps) => &["201"],
                (Method::DELETE, _) => &["204"],
                _ => &["default"],
            };
            let good = admin::statuses(route).map_or(usual, |(good, _)| good);
            for status in good {
                responses.insert((*status).to_owned(), json!({"description": "done"}));
            }
        }
    }
    let mut refuse = |status: &str| {
        responses.insert(status.to_owned(), component("responses", "Problem"));
    };
    match area {
        Area::Data => {
            for status in ["400", "401", "405"] {
                refuse(status);
            }
            if reading.as_ref().is_some_and(|reading| reading.may_lack) {
                refuse("404");
            }
        }
        Area::Apps => {
            for status in ["401", "403", "404", "405"] {
                refuse(status);
            }
        }
        Area::Admin => {
            for status in admin::statuses(route).map_or(&[][..], |(_, refusals)| refusals) {
                refuse(status);
            }
        }
        Area::Tokens => {
            for status in ["400", "401", "403", "404"] {
                refuse(status);
            }
        }
        Area::Connect | Area::Watch | Area::Control | Area::Nowhere => {}
    }
    let mut operation = json!({
        "tags": [tag(area).0],
        "operationId": operation_id(route),
        "summary": route.about,
        "responses": responses,
        "security": security(area),
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if route.method == Method::POST {
        operation["requestBody"] = match area {
            Area::Admin => admin::body(route),
            _ => body(area),
        };
    }
    operation
}

/// `getHumanActivitiesById`.
fn operation_id(route: &Route) -> String {
    let path = route.pattern.replace('{', "by_");
    let words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && *word != "v1");
    words.fold(route.method.as_str().to_ascii_lowercase(), |id, word| {
        let (first, rest) = word.split_at(1);
        format!("{id}{}{rest}", first.to_ascii_uppercase())
    })
}

fn path_parameters(pattern: &str) -> Vec<Value> {
    pattern
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let schema = match name {
                "day" => json!({"type": "string", "format": "date"}),
                _ => json!({"type": "string"}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect()
}

fn security(area: Area) -> Value {
    match area {
        Area::Data => json!([{"accessToken": []}, {"accessTokenInQuery": []}]),
        Area::Apps => json!([{"appKey": []}]),
        Area::Admin => json!([{"clientToken": []}]),
        // Needed only beyond loopback.
        Area::Control => json!([{}, {"controlToken": []}]),
        Area::Tokens | Area::Connect | Area::Watch | Area::Nowhere => json!([]),
    }
}

fn body(area: Area) -> Value {
    let schema = match area {
        Area::Apps => json!({
            "type": "object",
            "required": ["externalId"],
            "properties": {"externalId": {"type": "string", "minLength": 1}},
        }),
        Area::Tokens => json!({
            "type": "object",
            "required": ["client_id", "type"],
            "properties": {
                "client_id": {"type": "string"},
                "client_secret": {"type": "string"},
                "client_user_id": {"type": "string"},
                "client_user_email": {"type": "string"},
                "type": {"type": "string"},
            },
        }),
        _ => json!({"type": "object"}),
    };
    let json = json!({"schema": schema});
    match area {
        Area::Control => json!({"required": true, "content": {"application/json": json}}),
        _ => json!({"required": true, "content": {
            "application/json": json.clone(),
            "application/x-www-form-urlencoded": json,
        }}),
    }
}

const PAGES: &[&str] = &["limit", "offset"];
const FILTERS: &[&str] = &[
    "source",
    "created_since",
    "created_before",
    "updated_since",
    "updated_before",
    "start_date",
    "end_date",
];

fn reading(handler: Handler) -> Option<Reading> {
    match handler {
        Handler::Data(_) => Some(Reading {
            parameters: Vec::new(),
            content: json_content(json!({"type": ["object", "array"]})),
            pages: false,
            may_lack: false,
        }),
        Handler::Records(resource, place) => Some(of_place(resource, place)),
        Handler::Batch(_) => Some(Reading {
            parameters: [PAGES, FILTERS].concat(),
            content: json_content(list()),
            pages: true,
            may_lack: false,
        }),
        _ => None,
    }
}

fn of_place(resource: Resource, place: &Place) -> Reading {
    let record = component("schemas", "Record");
    let (mut parameters, schema, pages) = match place.view {
        View::List | View::OfDay => ([PAGES, FILTERS].concat(), list(), true),
        View::OneOrOfDay => (
            [PAGES, FILTERS].concat(),
            json!({"oneOf": [record, list()]}),
            true,
        ),
        View::OneOrDay | View::Day => (FILTERS.to_vec(), json!({"oneOf": [record, list()]}), false),
        View::Latest => (FILTERS.to_vec(), record, false),
        View::AtLocations => (
            vec!["locations"],
            json!({"type": ["array", "object"]}),
            false,
        ),
        View::One | View::Single => (Vec::new(), record, false),
        View::Document | View::Report => (Vec::new(), json!({}), false),
    };
    if matches!(resource, Resource::Activities | Resource::Sleeps) {
        parameters.push("time_series");
    }
    let content = match place.view {
        View::Document => json!({"text/xml": {}}),
        View::Report => {
            parameters.push("format");
            json!({"application/json": {}, "text/html": {}, "application/pdf": {}})
        }
        _ => json_content(schema),
    };
    Reading {
        parameters,
        content,
        pages,
        may_lack: !matches!(place.view, View::List | View::AtLocations),
    }
}

fn list() -> Value {
    json!({"type": "array", "items": component("schemas", "Record")})
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::routes::table;

    /// Calls with every value of the document.
    fn walk(value: &Value, see: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                see(object);
                object.values().for_each(|inner| walk(inner, see));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, see)),
            _ => {}
        }
    }

    #[test]
    fn each_route_is_told_exactly_once() {
        let document = document(&table());
        let mut told = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                told.push(format!("{} {path}", method.to_ascii_uppercase()));
            }
        }
        told.sort();
        let mut expected: Vec<_> = table()
            .iter()
            .filter(|route| route.pattern != WIDGET)
            .map(|route| format!("{} {}", route.method, route.pattern))
            .collect();
        expected.sort();
        assert_eq!(told, expected);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_parameter_is_used() {
        let document = document(&table());
        let mut used = HashSet::new();
        walk(&document, &mut |object| {
            if let Some(Value::String(place)) = object.get("$ref") {
                let pointer = place.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{place}");
                used.insert(place.clone());
            }
        });
        for kind in ["parameters", "headers", "responses", "schemas"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                let place = format!("#/components/{kind}/{name}");
                assert!(used.contains(&place), "nobody uses {place}");
            }
        }
    }

    #[test]
    fn operations_have_names_of_their_own_and_all_parameters_of_their_paths() {
        let document = document(&table());
        let mut names = HashSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} stands twice");
                let told = operation["parameters"].as_array().map_or(0, |all| {
                    all.iter().filter(|one| one["in"] == "path").count()
                });
                assert_eq!(told, path.matches('{').count(), "{path}");
                assert!(!operation["responses"].as_object().unwrap().is_empty());
                for scheme in operation["security"].as_array().unwrap() {
                    for name in scheme.as_object().unwrap().keys() {
                        assert!(document["components"]["securitySchemes"][name].is_object());
                    }
                }
            }
        }
    }
}
