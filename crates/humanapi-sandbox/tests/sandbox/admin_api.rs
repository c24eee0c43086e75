//! The Admin API as an application sees it: orders and how they go on, reports, subscriptions, and every refusal.

mod control;
mod placing;
mod progress;
mod results;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use humanapi_sandbox::{
    Assumption, DemoApp, Fault, IntermediaryBody, OrderState, Sandbox, Scenario, TaskKind,
};
use serde_json::{Value, json};

use crate::support::*;

const USERS: &str = "/api/v1/users";
const ACTIONS: &str = "/api/v1/users/actions";
const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";
const LINK: &str = "/api/v1/resources/consumer-link";

/// The Admin API, asked with a client token.
struct AdminApi {
    s: Offline,
    token: String,
}

impl AdminApi {
    fn new() -> Self {
        let s = Offline::of(DemoApp::Hip);
        let token = Self::token(&s);
        Self { s, token }
    }

    fn token(s: &Offline) -> String {
        let wish = json!({
            "client_id": s.app.client_id,
            "client_secret": s.app.client_secret,
            "type": "client",
        });
        let response = s.post_json(ADMIN, &wish);
        body(&response)["client_token"].as_str().unwrap().to_owned()
    }

    fn ask(&self, method: Method, path: &str, text: impl Into<Bytes>) -> Response<Bytes> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.s.send(request(method, path, &headers, text))
    }

    fn get(&self, path: &str) -> Response<Bytes> {
        self.ask(Method::GET, path, "")
    }

    fn post(&self, path: &str, wish: &Value) -> Response<Bytes> {
        self.ask(Method::POST, path, wish.to_string())
    }

    fn assume(&self, assumption: Assumption, value: &str) {
        self.s.assume(assumption, value);
    }

    fn advance(&self, seconds: u64) {
        let control = self.s.sandbox.control();
        control.advance_clock(Duration::from_secs(seconds)).unwrap();
    }

    /// How many orders would have been billed.
    fn billed(&self) -> usize {
        self.s.sandbox.control().ledger().len()
    }

    fn order(&self, id: &str) -> Response<Bytes> {
        let answer = self.post(USERS, &whole(id));
        assert!(answer.status().is_success(), "{:?}", answer.body());
        answer
    }

    fn human_id(&self, id: &str) -> String {
        let users = body(&self.get(&format!("{USERS}?clientUserId={id}")));
        users[0]["humanId"].as_str().unwrap().to_owned()
    }

    /// The user's latest order, as the service tells it.
    fn status(&self, id: &str) -> Value {
        let user = body(&self.get(&format!("{USERS}/{}", self.human_id(id))));
        let orders = user["orders"].as_array().unwrap();
        orders.last().unwrap()["orderStatus"].clone()
    }

    /// What is said of an order with this change, and which fields are wrong.
    fn judge(&self, change: impl FnOnce(&mut Value)) -> (u16, Value) {
        let mut wish = whole("judged");
        change(&mut wish);
        let answer = self.post(USERS, &wish);
        let told = body(&answer);
        (answer.status().as_u16(), told["validation"]["keys"].clone())
    }

    fn completed(&self, id: &str) {
        self.order(id);
        let control = self.s.sandbox.control();
        control.order(id).wait_for(OrderState::Completed).unwrap();
    }
}

/// An order that lacks nothing.
fn whole(id: &str) -> Value {
    json!({
        "clientUserId": id,
        "clientUserEmail": format!("{id}@example.test"),
        "firstName": "Testina",
        "middleName": "M.",
        "lastName": "Sandboxer",
        "gender": "female",
        "dateOfBirth": "1980-04-09",
        "ssn": "900-12-3456",
        "phone": "(555) 010-0199",
        "autoInvite": true,
        "orderType": "full",
        "clientData": {"caseNo": 417, "rush": true, "api": "north"},
        "suggestedSources": ["Sample Valley Clinic"],
        "conditions": ["asthma"],
        "address": {"street1": "1 Fixture Way", "city": "Testville", "state": "OR", "zip": "02134"},
        "providers": [{
            "name": "Clinic Zero",
            "organizationName": "Clinics",
            "clientProviderId": "prov-1",
            "address": {"street1": "2 Mock St", "city": "Testville", "state": "OR", "zip": 97000},
            "phone": "555.010.0142",
            "fax": "5550100143",
            "mrn": "m-1",
            "npi": "",
        }],
        "attachments": [{
            "type": "hipaaAuthorization",
            "contentType": "application/pdf",
            "encoding": "base64",
            "content": "JVBERi0xLjcK",
        }],
    })
}

/// Checks a refusal by the general envelope.
#[track_caller]
fn told(answer: &Response<Bytes>, status: u16, message: &str) {
    let told = body(answer);
    assert_eq!(answer.status(), status, "{told}");
    let fields: Vec<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["code", "error", "message", "x-humanapi-request-id"]
    );
    assert_eq!(
        (&told["code"], &told["message"]),
        (&json!(status), &json!(message))
    );
    let id = header(answer, "x-humanapi-request-id");
    assert_eq!(told["x-humanapi-request-id"].as_str(), id);
}

#[test]
fn each_operation_needs_a_client_token_that_holds() {
    let api = AdminApi::new();
    let access = api
        .s
        .granted(CONNECT, "session", "somebody", "session_token");
    let operations = [
        (Method::GET, "/api/v1/order-types"),
        (Method::GET, USERS),
        (Method::POST, USERS),
        (Method::POST, ACTIONS),
        (Method::GET, "/api/v1/users/providers?clientUserId=u"),
        (Method::GET, "/api/v1/users/u"),
        (Method::GET, SUBSCRIPTIONS),
        (Method::POST, SUBSCRIPTIONS),
        (Method::GET, "/api/v1/subscriptions/x"),
        (Method::DELETE, "/api/v1/subscriptions/x"),
        (Method::GET, "/api/v1/user/reports"),
        (Method::GET, "/api/v1/user/reports/x"),
        (Method::POST, LINK),
    ];
    let refused_all = || {
        for (method, path) in &operations {
            for token in [
                "",
                "Bearer x",
                &format!("Bearer {access}"),
                &format!("Bearer {}", api.token),
            ] {
                let headers = [("authorization", token)];
                let answer = api.s.send(request(method.clone(), path, &headers, ""));
                told(&answer, 401, "Cannot authenticate you with this token");
            }
        }
    };
    api.s.sandbox.control().revoke_token(&api.token).unwrap();
    refused_all();
    let api = AdminApi::new();
    api.advance(86_399);
    assert_eq!(api.get(USERS).status(), 200);
    api.advance(1);
    told(
        &api.get(USERS),
        401,
        "Cannot authenticate you with this token",
    );
    // By a switch, the one whose documents do not ask for a token.
    api.assume(Assumption::OrderTypesToken, "not-needed");
    assert_eq!(api.get("/api/v1/order-types").status(), 200);
}

#[test]
fn a_token_may_not_be_good_for_everything() {
    let api = AdminApi::new();
    api.assume(Assumption::AdminScope, "read");
    assert_eq!(api.get(USERS).status(), 200);
    told(&api.post(USERS, &whole("u")), 403, "Forbidden");
    api.assume(Assumption::AdminScope, "none");
    told(&api.get(USERS), 403, "Forbidden");
    assert_eq!(api.billed(), 0);
}

#[test]
fn types_of_order_have_codes_names_and_descriptions() {
    let api = AdminApi::new();
    let types = body(&api.get("/api/v1/order-types"));
    let codes: Vec<_> = types
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["orderType"])
        .collect();
    assert_eq!(codes, ["full", "no-contact", "ehr-only", "aps-only"]);
    for one in types.as_array().unwrap() {
        let fields: Vec<_> = one.as_object().unwrap().keys().collect();
        assert_eq!(
            fields,
            ["orderType", "orderTypeAlias", "orderTypeDescription"]
        );
    }
}
