//! The vendor's own documents, as they are read from beside the checkout. They are no part of it.

use std::path::PathBuf;

use serde_json::Value;

use crate::skip;

/// The files of one folder of the vendor's documents in the order of their names: `per-operation`, `combined`, or one
/// below `postman`.
///
/// None where the folder is missing, which is told for this test.
///
/// # Panics
///
/// When the folder is there and cannot be read, or has no files.
#[must_use]
pub fn files(test: &str, folder: &str) -> Option<Vec<PathBuf>> {
    let all = std::env::var_os("HUMANAPI_VENDOR_DOCUMENTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/openapi"),
        PathBuf::from,
    );
    let place = all.join(folder);
    if !place.is_dir() {
        skip(test, &format!("`{folder}` of the vendor's documents"));
        return None;
    }
    let entries = std::fs::read_dir(&place).expect("a folder that is there can be read");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("its files can be listed").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "`{folder}` is empty");
    Some(files)
}

/// One request of a collection for Postman, with the answers that it shows.
#[derive(Debug)]
#[non_exhaustive]
pub struct Collected {
    /// The file's name, with its folder.
    pub file: String,
    /// In capitals.
    pub method: String,
    /// The address that it goes to, without its path.
    pub server: String,
    /// Its path as OpenAPI writes one: `/api/v1/users/{humanId}`.
    pub path: String,
    /// The names of its query.
    pub query: Vec<String>,
    /// Its headers: the names in small letters, and the values.
    pub headers: Vec<(String, String)>,
    /// Whether a token goes with it.
    pub is_authorized: bool,
    /// Its body, with `<string>` and the like for values.
    pub body: Option<Value>,
    /// What it is answered with.
    pub answers: Vec<Shown>,
}

/// An answer that a collection shows.
#[derive(Debug)]
#[non_exhaustive]
pub struct Shown {
    /// Its status.
    pub status: u16,
    /// What its body is declared as.
    pub content_type: String,
    /// The body, as it is written.
    pub body: String,
    /// The body of the request that it answers.
    pub asked: Option<Value>,
}

/// All requests of the collections in one folder below `postman`.
///
/// None where the folder is missing, which is told for this test.
///
/// # Panics
///
/// When a collection is of another form.
#[must_use]
pub fn collected(test: &str, folder: &str) -> Option<Vec<Collected>> {
    let mut all = Vec::new();
    for file in files(test, &format!("postman/{folder}"))? {
        let name = file.file_name().expect("a file has a name");
        let name = format!("{folder}/{}", name.to_string_lossy());
        let text = std::fs::read(&file).expect("a file that is there can be read");
        let collection: Value = serde_json::from_slice(&text).expect("a collection is JSON");
        let before = all.len();
        collect(&name, &collection, &collection["item"], &mut all);
        assert!(all.len() > before, "{name} has no requests");
    }
    Some(all)
}

/// Requests lie in folders.
fn collect(file: &str, collection: &Value, items: &Value, all: &mut Vec<Collected>) {
    for item in list(items) {
        if item["item"].is_array() {
            collect(file, collection, &item["item"], all);
            continue;
        }
        let request = &item["request"];
        let url = &request["url"];
        let host = text(&list(&url["host"])[0]);
        let mut variables = list(&collection["variable"]).iter();
        let is_it = |one: &&Value| host == format!("{{{{{}}}}}", text(&one["key"]));
        let server = variables.find(is_it).expect("its host is a variable");
        let steps = list(&url["path"]).iter().map(|step| {
            let step = text(step);
            match step.strip_prefix(':') {
                Some(name) => format!("/{{{name}}}"),
                None => format!("/{step}"),
            }
        });
        all.push(Collected {
            file: file.to_owned(),
            method: text(&request["method"]),
            server: text(&server["value"]),
            path: steps.collect(),
            query: list(&url["query"])
                .iter()
                .map(|one| text(&one["key"]))
                .collect(),
            headers: list(&request["header"])
                .iter()
                .map(|one| (text(&one["key"]).to_lowercase(), text(&one["value"])))
                .collect(),
            // Without anything of its own, a request is authorized as its collection is.
            is_authorized: !collection["auth"].is_null() && request["auth"]["type"] != "noauth",
            body: body(request),
            answers: list(&item["response"])
                .iter()
                .map(|answer| Shown {
                    status: u16::try_from(answer["code"].as_u64().expect("an answer has a status"))
                        .expect("a status has three digits"),
                    content_type: text(&list(&answer["header"])[0]["value"]),
                    body: text(&answer["body"]),
                    asked: body(&answer["originalRequest"]),
                })
                .collect(),
        });
    }
}

fn body(request: &Value) -> Option<Value> {
    let raw = request["body"]["raw"].as_str()?;
    Some(serde_json::from_str(raw).expect("its body is JSON"))
}

/// What is not there is an empty list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}
