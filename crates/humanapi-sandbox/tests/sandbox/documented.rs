//! The requests that the vendor's documents show, and those of the collections for Postman that were made of them: a
//! sandbox takes each, and answers in the form that is shown. And it refuses with the words that they show.
//!
//! Requests are filled in with values that there are. Of two ids of one user, each is sent alone.

use std::collections::BTreeMap;

use http::Method;
use humanapi_sandbox::{Assumption, DemoApp, Fault, OrderState};
use humanapi_testkit::vendor::{self, Collected};
use serde_json::{Map, Value, json};

use crate::support::*;

const IDS: [&str; 2] = ["humanId", "clientUserId"];

/// A sandbox with somebody new for each request.
struct AdminApi {
    s: Offline,
    token: String,
    people: u32,
}

/// What stands in the place of what a request leaves open, by its name.
type Values = Map<String, Value>;

impl AdminApi {
    fn new() -> Self {
        let s = Offline::of(DemoApp::Hip);
        let token = s.granted(ADMIN, "client", "", "client_token");
        Self {
            s,
            token,
            people: 0,
        }
    }

    fn post(&self, path: &str, wish: &Value) -> Value {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = self
            .s
            .send(request(Method::POST, path, &headers, wish.to_string()));
        assert!(answer.status().is_success(), "{:?}", answer.body());
        body(&answer)
    }

    /// Values for one request: somebody with an order that is under way, unless the request itself is one.
    fn values(&mut self, is_order: bool, token: Option<&str>) -> Values {
        self.people += 1;
        let user = format!("documented-{}", self.people);
        let mut values = json!({
            "clientUserId": user,
            "clientUserEmail": format!("{user}@example.test"),
            "client_id": self.s.app.client_id,
            "client_secret": self.s.app.client_secret,
            "client_user_id": user,
            "client_user_email": format!("{user}@example.test"),
            "subscriberEmail": "producer-9@example.test",
            "role": "producer",
            "offset": 0,
            "limit": 50,
            "query": "a",
            "sort": "a",
            // Each application has types of its own.
            "orderType": "full",
        });
        if !is_order {
            let control = self.s.sandbox.control();
            let done = control.order(format!("{user}-done"));
            done.placed(OrderState::Completed).unwrap();
            let order = control
                .order(&*user)
                .placed(OrderState::InProgress)
                .unwrap();
            values["humanId"] = json!(order.human_id);
            values["createdByOrderId"] = json!(order.order_id);
            let subscription = json!({
                "clientUserId": user,
                "subscriberEmail": "producer-8@example.test",
                "role": "producer",
            });
            let subscription = self.post("/api/v1/subscriptions", &subscription);
            values["subscriptionId"] = subscription[0]["id"].clone();
            let reports = format!("/api/v1/user/reports?clientUserId={user}-done");
            let reports = body(&self.s.read(&reports, &self.token));
            values["reportId"] = reports[0]["reports"][0]["id"].clone();
        }
        if let Some(kind) = token {
            values["type"] = json!(kind);
        }
        let Value::Object(values) = values else {
            panic!("it was made as one");
        };
        values
    }

    /// Sends a request that is filled in, and returns the status and, of what is JSON, the form of the answer.
    fn send(&self, asked: &Asked<'_>, values: &Values, left_out: Option<&str>) -> (u16, Form) {
        let Asked {
            method,
            path,
            query,
            headers,
            is_authorized,
            body: wish,
        } = asked;
        let is_sent = |name: &str| Some(name) != left_out;
        let told = |name: &str| match &values[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut address: String = (path.split('/').skip(1))
            .map(|step| match step.strip_prefix('{') {
                Some(name) => format!("/{}", told(name.trim_end_matches('}'))),
                None => format!("/{step}"),
            })
            .collect();
        for (at, name) in query.iter().filter(|name| is_sent(name)).enumerate() {
            let separator = if at == 0 { '?' } else { '&' };
            address.push_str(&format!(
                "{separator}{name}={}",
                told(name).replace('@', "%40")
            ));
        }
        let bearer = format!("Bearer {}", self.token);
        let mut all: Vec<(&str, &str)> = (headers.iter())
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if *is_authorized {
            all.push(("authorization", &bearer));
        }
        let text = wish.map(|wish| {
            let mut filled = filled("", wish, values);
            if let (Some(name), Some(fields)) = (left_out, filled.as_object_mut()) {
                fields.remove(name);
            }
            filled.to_string()
        });
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = self
            .s
            .send(request(method, &address, &all, text.unwrap_or_default()));
        (answer.status().as_u16(), Form::of(answer.body()))
    }

    /// Sends it as often as it has ids to leave out, and returns what it was answered with.
    fn ask(&mut self, asked: &Asked<'_>) -> Vec<(u16, Form)> {
        let is_order = (asked.method, asked.path) == ("POST", "/api/v1/users");
        let token = match asked.path {
            ADMIN => Some("client"),
            CONNECT => Some("session"),
            _ => None,
        };
        let has = |name: &str| {
            asked.query.iter().any(|own| own == name)
                || asked.body.is_some_and(|body| !body[name].is_null())
        };
        let left_out: Vec<_> = match IDS.iter().all(|id| has(id)) {
            true => IDS.iter().copied().map(Some).collect(),
            false => vec![None],
        };
        (left_out.into_iter())
            .map(|id| {
                let values = self.values(is_order, token);
                self.send(asked, &values, id)
            })
            .collect()
    }
}

struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a [String],
    headers: &'a [(String, String)],
    is_authorized: bool,
    body: Option<&'a Value>,
}

/// What an answer is made of.
#[derive(Debug, PartialEq)]
enum Form {
    List,
    Object,
    Nothing,
    Other,
}

impl Form {
    fn of(body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(Value::Array(_)) => Self::List,
            Ok(Value::Object(_)) => Self::Object,
            _ if body.is_empty() => Self::Nothing,
            _ => Self::Other,
        }
    }
}

/// A body, with values for what it leaves open, and with those that there are in place of made-up ones.
fn filled(name: &str, shown: &Value, values: &Values) -> Value {
    if let Some(value) = values.get(name) {
        return value.clone();
    }
    let is_open = shown.as_str().is_some_and(|text| text.starts_with('<'));
    match shown {
        Value::Object(fields) => (fields.iter())
            .map(|(name, value)| (name.clone(), filled(name, value, values)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| filled("", item, values)).collect(),
        shown if !is_open => shown.clone(),
        _ => match name {
            "action" => json!("resync"),
            "autoInvite" => json!(false),
            "content" => json!("JVBERi0="),
            "contentType" => json!("application/pdf"),
            "dateOfBirth" => json!("1980-04-09"),
            "encoding" => json!("base64"),
            "gender" => json!("female"),
            "phone" | "fax" => json!("555-010-0199"),
            "ssn" => json!("900-12-3456"),
            "type" => json!("hipaaAuthorization"),
            // As it is shown: a number.
            "zip" => json!(54_886),
            _ => json!("Clinic Zero"),
        },
    }
}

#[test]
fn every_request_that_the_vendors_documents_show_is_taken() {
    let test = "documented::every_request_that_the_vendors_documents_show_is_taken";
    let Some(files) = vendor::files(test, "per-operation") else {
        return;
    };
    let mut api = AdminApi::new();
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let mut taken = 0;
    for file in files {
        let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let content = &methods["post"]["requestBody"]["content"]["application/json"];
            for (name, example) in content["examples"].as_object().into_iter().flatten() {
                let example = match example["$ref"].as_str() {
                    Some(place) => document.pointer(&place[1..]).unwrap(),
                    None => example,
                };
                let asked = Asked {
                    method: "POST",
                    path,
                    query: &[],
                    headers: &headers,
                    is_authorized: true,
                    body: Some(&example["value"]),
                };
                let documented = methods["post"]["responses"].as_object().unwrap();
                for (status, _) in api.ask(&asked) {
                    let is_good = status < 300 && documented.contains_key(&status.to_string());
                    assert!(is_good, "{path}, {name}: {status}");
                    taken += 1;
                }
            }
        }
    }
    assert_eq!(taken, 7, "as many as there are");
}

/// The refusals that the documents show: by the method and path, and the status.
fn refusals(test: &str) -> Option<BTreeMap<(String, u16), Value>> {
    let mut refusals = BTreeMap::new();
    for file in vendor::files(test, "per-operation")? {
        let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    let answer = match answer["$ref"].as_str() {
                        Some(place) => document.pointer(&place[1..]).unwrap(),
                        None => answer,
                    };
                    let status: u16 = status.parse().unwrap();
                    if status >= 400 {
                        let example = &answer["content"]["application/json"]["example"];
                        let of = format!("{} {path}", method.to_uppercase());
                        refusals.insert((of, status), example.clone());
                    }
                }
            }
        }
    }
    Some(refusals)
}

#[test]
fn every_refusal_that_the_vendors_documents_show_is_given_word_for_word() {
    let test = "documented::every_refusal_that_the_vendors_documents_show_is_given_word_for_word";
    let Some(refusals) = refusals(test) else {
        return;
    };
    let api = AdminApi::new();
    let control = api.s.sandbox.control();
    control
        .order("known")
        .placed(OrderState::Completed)
        .unwrap();
    let subscription = json!({
        "clientUserId": "known",
        "subscriberEmail": "producer-9@example.test",
        "role": "producer",
    });
    api.post("/api/v1/subscriptions", &subscription);
    let email = json!({"clientUserId": "mailed", "clientUserEmail": "a@example.test"});
    api.post("/api/v1/users", &email);
    let of_nobody = "clientUserId=nobody&subscriberEmail=a%40example.test&role=producer";
    let mut given = 0;
    for ((of, status), example) in &refusals {
        let (method, path) = of.split_once(' ').unwrap();
        let path = path.replace("{humanId}", "nobody");
        let path = path
            .replace("{subscriptionId}", "none")
            .replace("{reportId}", "none");
        let (path, body) = match (of.as_str(), status) {
            ("GET /api/v1/users" | "GET /api/v1/subscriptions", 404) => {
                // A list of nothing is an empty one.
                let found = api.s.read(&format!("{path}?{of_nobody}"), &api.token);
                assert_eq!(found.body(), "[]", "{of}");
                continue;
            }
            ("POST /api/v1/users", 400) => (path, json!({"clientUserId": "a", "dateOfBirth": "x"})),
            ("POST /api/v1/users", 404) => {
                api.s.assume(Assumption::UnknownOrderType, "404");
                (path, json!({"clientUserId": "a", "orderType": "none"}))
            }
            ("POST /api/v1/users", 409) => {
                let other = json!({"clientUserId": "mailed", "clientUserEmail": "b@example.test"});
                (path, other)
            }
            ("POST /api/v1/users/actions", 409) => {
                (path, json!({"clientUserId": "known", "action": "abort"}))
            }
            ("POST /api/v1/users/actions", 400) => (path, json!({"action": "abort"})),
            ("POST /api/v1/users/actions", _) => {
                (path, json!({"clientUserId": "nobody", "action": "abort"}))
            }
            ("POST /api/v1/subscriptions", 409) => (path, subscription.clone()),
            ("POST /api/v1/subscriptions", _) => {
                let mut of_nobody = subscription.clone();
                of_nobody["clientUserId"] = json!("nobody");
                (path, of_nobody)
            }
            ("POST /api/v1/resources/consumer-link", _) => {
                (path, json!({"clientUserId": "nobody"}))
            }
            ("GET /api/v1/order-types", 500) => {
                let broken = Fault::status(500).on_path("/api/v1/order-types");
                control.plan_fault(broken).unwrap();
                (path, Value::Null)
            }
            ("GET /api/v1/users/providers", 400) => (path, Value::Null),
            (_, 404) => (format!("{path}?clientUserId=nobody"), Value::Null),
            _ => (path, Value::Null),
        };
        let bearer = format!("Bearer {}", api.token);
        let mut headers = vec![("content-type", "application/json")];
        if *status != 401 {
            headers.push(("authorization", bearer.as_str()));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = api
            .s
            .send(request(method, &path, &headers, body.to_string()));
        assert_eq!(answer.status(), *status, "{of}: {:?}", answer.body());
        let mut answer = self::body(&answer);
        let (own, shown) = (
            &mut answer["x-humanapi-request-id"],
            &example["x-humanapi-request-id"],
        );
        assert!(own.is_string() && shown.is_string(), "{of}, {status}");
        *own = shown.clone();
        if *status == 500 {
            // Nothing goes wrong in a sandbox but what somebody planned, and it says so.
            assert_eq!(answer["message"], "a planned fault");
            answer["message"] = example["message"].clone();
        }
        assert_eq!(answer, *example, "{of}, {status}");
        given += 1;
    }
    assert_eq!((refusals.len(), given), (29, 27), "as many as there are");
}

#[test]
fn every_request_of_the_collections_is_taken_and_answered_in_the_form_that_they_show() {
    let test = "documented::every_request_of_the_collections_is_taken_and_answered_in_the_form_that_they_show";
    let mut all: Vec<Collected> = Vec::new();
    for folder in ["human-api", "humanapi"] {
        let Some(requests) = vendor::collected(test, folder) else {
            return;
        };
        all.extend(requests);
    }
    let mut api = AdminApi::new();
    let mut taken = 0;
    for request in &all {
        let mut bodies = vec![request.body.as_ref()];
        for shown in request.answers.iter().map(|shown| shown.asked.as_ref()) {
            if !bodies.contains(&shown) {
                bodies.push(shown);
            }
        }
        for body in bodies {
            let Collected {
                method,
                path,
                query,
                headers,
                ..
            } = request;
            let asked = Asked {
                method,
                path,
                query,
                headers,
                is_authorized: request.is_authorized,
                body,
            };
            for (status, form) in api.ask(&asked) {
                let at = format!("{method} {path} of {}", request.file);
                let mut shown = request.answers.iter();
                let shown = shown.find(|shown| shown.status == status && status < 300);
                let shown = shown.unwrap_or_else(|| panic!("{at}: {status}"));
                // What a report holds, and what a token comes in, is shown by none.
                if !path.ends_with("/token") && !path.ends_with("{reportId}") {
                    assert_eq!(form, Form::of(shown.body.as_bytes()), "{at}");
                }
                taken += 1;
            }
        }
    }
    assert_eq!(taken, 29, "as many as there are");
}
