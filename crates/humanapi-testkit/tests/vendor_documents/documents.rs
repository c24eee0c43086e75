//! The documents, as they are read from beside the checkout.

use std::collections::BTreeMap;

use humanapi_testkit::vendor;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::contradictions::CORRECTIONS;

/// One operation, with the document that it stands in.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) server: String,
    operation: Value,
    document: Value,
}

/// A parameter of a path or a query.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) is_required: bool,
    pub(crate) schema: Value,
}

/// An example of an answer or of a request.
pub(crate) struct Example {
    /// Where it stands.
    pub(crate) at: String,
    /// The status of the answer; nothing for a request.
    pub(crate) status: Option<u16>,
    pub(crate) schema: Value,
    pub(crate) value: Value,
}

/// All operations, from a document for each; nothing where the documents are missing, which is told.
pub(crate) fn operations(test: &str) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    for file in vendor::files(test, "per-operation")? {
        let text = std::fs::read_to_string(file).unwrap();
        collect(&serde_json::from_str(&text).unwrap(), &mut operations);
    }
    Some(counted(operations))
}

/// The same from the two documents that have all of them, one for each host.
pub(crate) fn combined(test: &str) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    for file in vendor::files(test, "combined")? {
        let text = std::fs::read_to_string(file).unwrap();
        collect(&serde_saphyr::from_str(&text).unwrap(), &mut operations);
    }
    Some(counted(operations))
}

fn collect(document: &Value, operations: &mut Vec<Operation>) {
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap_or(path).to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                server: document["servers"][0]["url"].as_str().unwrap().to_owned(),
                operation: operation.clone(),
                document: document.clone(),
            });
        }
    }
}

fn counted(mut operations: Vec<Operation>) -> Vec<Operation> {
    let all = operations.len();
    assert_eq!(all, 15, "13 of the Admin API and two of tokens");
    operations.sort_by(|one, other| one.id.cmp(&other.id));
    operations
}

impl Operation {
    /// What a `$ref` leads to, or what stands there itself.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.document.pointer(&place[1..]).unwrap(),
            None => value,
        }
    }

    /// All that the document says of it, with what stands elsewhere put in its place.
    pub(crate) fn whole(&self) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "server": self.server,
            "operation": self.inlined(&self.operation),
            "security": self.document["security"],
            "schemes": self.document["components"]["securitySchemes"],
        })
    }

    fn inlined(&self, value: &Value) -> Value {
        match self.resolved(value) {
            Value::Object(fields) => (fields.iter())
                .map(|(name, value)| (name.clone(), self.inlined(value)))
                .collect(),
            Value::Array(items) => items.iter().map(|item| self.inlined(item)).collect(),
            plain => plain.clone(),
        }
    }

    /// What the document says of a schema in words.
    pub(crate) fn description(&self, place: &str) -> &str {
        let schema = self.document["components"]["schemas"].pointer(place);
        schema.unwrap()["description"].as_str().unwrap()
    }

    /// Whether a token goes with it.
    pub(crate) fn is_authorized(&self) -> bool {
        !self.document["security"].is_null()
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let given = self.operation["parameters"].as_array();
        let given = given.into_iter().flatten();
        given
            .map(|given| {
                let given = self.resolved(given);
                Parameter {
                    name: given["name"].as_str().unwrap().to_owned(),
                    place: given["in"].as_str().unwrap().to_owned(),
                    is_required: given["required"] == true,
                    schema: given["schema"].clone(),
                }
            })
            .collect()
    }

    /// The schema of its body, where it has one.
    pub(crate) fn body(&self) -> Option<Value> {
        let body = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        (!body.is_null()).then(|| body.clone())
    }

    /// The names of the properties that a body may have, those of what lies in it behind a dot.
    pub(crate) fn body_properties(&self) -> Vec<String> {
        let mut names: Vec<String> = self.schemas().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The values of all that may hold one of a few words alone, by its name: of a body as of what else is said.
    pub(crate) fn words(&self) -> Vec<(String, String)> {
        let parameters = self.parameters().into_iter();
        let parameters = parameters.map(|one| (one.name, one.schema));
        let all = parameters.chain(self.schemas());
        all.flat_map(|(name, schema)| {
            let words = schema["enum"].as_array().into_iter().flatten();
            let words: Vec<_> = words
                .map(|word| (name.clone(), word.as_str().unwrap().to_owned()))
                .collect();
            words
        })
        .collect()
    }

    /// Each property that a body may have, with its schema.
    fn schemas(&self) -> Vec<(String, Value)> {
        let mut schemas = Vec::new();
        if let Some(body) = self.body() {
            self.collect("", &body, &mut schemas);
        }
        schemas
    }

    fn collect(&self, before: &str, schema: &Value, schemas: &mut Vec<(String, Value)>) {
        let schema = self.resolved(schema);
        for part in ["oneOf", "anyOf"] {
            for schema in schema[part].as_array().into_iter().flatten() {
                self.collect(before, schema, schemas);
            }
        }
        if !schema["items"].is_null() {
            self.collect(before, &schema["items"], schemas);
        }
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let name = format!("{before}{name}");
            self.collect(&format!("{name}."), schema, schemas);
            schemas.push((name, self.resolved(schema).clone()));
        }
    }

    /// What checks a value by a schema of this document, as it is written or with what is known to be wrong corrected.
    pub(crate) fn validator(&self, schema: &Value, is_corrected: bool) -> Validator {
        let mut schemas = self.document["components"]["schemas"].clone();
        if is_corrected {
            for correction in &CORRECTIONS {
                if let Some(place) = schemas.pointer_mut(correction.at) {
                    assert_eq!(*place, (correction.documented)(), "no longer wrong");
                    *place = (correction.taken)();
                }
            }
        }
        let mut whole = json!({
            "allOf": [schema],
            "components": { "schemas": schemas },
        });
        with_null(&mut whole);
        jsonschema::options()
            .with_draft(Draft::Draft7)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .build(&whole)
            .unwrap()
    }

    pub(crate) fn examples(&self) -> Vec<Example> {
        let mut examples = Vec::new();
        let body = &self.operation["requestBody"]["content"];
        self.examples_of(&format!("{}/request", self.id), None, body, &mut examples);
        for (status, answer) in self.operation["responses"].as_object().unwrap() {
            let at = match answer["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
                Some(name) => format!("*/responses/{name}"),
                None => format!("{}/{status}", self.id),
            };
            let content = &self.resolved(answer)["content"];
            let status = Some(status.parse().unwrap());
            self.examples_of(&at, status, content, &mut examples);
        }
        examples
    }

    fn examples_of(
        &self,
        at: &str,
        status: Option<u16>,
        content: &Value,
        examples: &mut Vec<Example>,
    ) {
        for media in content.as_object().into_iter().flat_map(Map::values) {
            let schema = &media["schema"];
            let mut push = |at: String, value: &Value| {
                examples.push(Example {
                    at,
                    status,
                    schema: schema.clone(),
                    value: value.clone(),
                });
            };
            if !media["example"].is_null() {
                push(at.to_owned(), &media["example"]);
            }
            for (name, example) in media["examples"].as_object().into_iter().flatten() {
                push(format!("{at}/{name}"), &self.resolved(example)["value"]);
            }
            // One of an item makes one of a list.
            let item = &schema["items"]["example"];
            if !item.is_null() {
                push(format!("{at}/item"), &json!([item]));
            }
        }
    }

    /// Whether a path is one of this operation's, with what stands in place of its parameters.
    pub(crate) fn path_values(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let (own, given) = (self.path.split('/'), path.split('/'));
        if own.clone().count() != given.clone().count() {
            return None;
        }
        let mut values = BTreeMap::new();
        for (own, given) in own.zip(given) {
            match own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) {
                Some(name) => drop(values.insert(name.to_owned(), given.to_owned())),
                None if own == given => {}
                None => return None,
            }
        }
        Some(values)
    }
}

/// `nullable` is OpenAPI's own: JSON Schema has a type for it.
fn with_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.remove("nullable") == Some(json!(true)) {
                let kind = fields["type"].clone();
                fields.insert("type".to_owned(), json!([kind, "null"]));
            }
            fields.values_mut().for_each(with_null);
        }
        Value::Array(items) => items.iter_mut().for_each(with_null),
        _ => {}
    }
}
