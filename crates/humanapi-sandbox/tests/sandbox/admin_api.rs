//! The Admin API as an application sees it: orders and how they go on, reports, subscriptions, and every refusal.

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

#[test]
fn an_order_is_taken_told_and_billed_once() {
    let api = AdminApi::new();
    let made = api.order("policy-1");
    assert_eq!(made.status(), 201);
    let users = body(&made);
    let user = &users[0];
    assert_eq!(user["clientUserId"], "policy-1");
    assert_eq!(user["dateOfBirth"], "1980-04-09T00:00:00.000Z");
    assert_eq!(user["createdAt"], "2026-01-15T09:00:00.000Z");
    assert_eq!(user["status"], "Invited");
    assert_eq!(user["suggestedSources"], json!(["Sample Valley Clinic"]));
    assert!(user["inviteLink"].as_str().unwrap().contains("/?pisId="));
    assert_eq!(user["consumerLink"], Value::Null, "nothing lacks");
    let ledger = api.s.sandbox.control().ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(
        (
            ledger[0].client_user_id.as_str(),
            ledger[0].order_type.as_str()
        ),
        ("policy-1", "full")
    );
    assert_eq!(user["humanId"], ledger[0].human_id.as_str());
    assert_eq!(
        header(&made, "x-humanapi-request-id"),
        Some(ledger[0].request_id.as_str())
    );
    assert_eq!(body(&api.s.get("/sandbox/ledger", &[])), json!(ledger));

    let again = api.order("policy-1");
    assert_eq!(
        (again.status().as_u16(), api.billed()),
        (202, 1),
        "it is under way"
    );
    api.assume(Assumption::SecondOrder, "always");
    assert_eq!(
        (api.order("policy-1").status().as_u16(), api.billed()),
        (202, 2)
    );
    api.assume(Assumption::SecondOrder, "once-over");
    assert_eq!(
        api.post(
            ACTIONS,
            &json!({"clientUserId": "policy-1", "action": "abort"})
        )
        .status(),
        202
    );
    api.order("policy-1");
    assert_eq!(api.billed(), 3, "the others are over");
    api.assume(Assumption::SecondOrder, "never");
    api.order("policy-1");
    assert_eq!(api.billed(), 3);

    let mut other = whole("policy-1");
    other["clientUserEmail"] = json!("other@example.test");
    let conflict =
        "Unable to match the login of the new user to an existing user found for that user";
    told(&api.post(USERS, &other), 409, conflict);
    let mut same_mail = whole("policy-2");
    same_mail["clientUserEmail"] = json!("Policy-1@example.test");
    told(&api.post(USERS, &same_mail), 409, conflict);
    assert_eq!(api.billed(), 3);
    api.assume(Assumption::KnownEmail, "ignored");
    assert_eq!(api.post(USERS, &same_mail).status(), 201);
}

#[test]
fn the_form_and_status_of_an_answer_can_be_others() {
    let api = AdminApi::new();
    api.assume(Assumption::CreateForm, "object");
    api.assume(Assumption::CreateStatus, "202");
    let made = api.order("u");
    assert_eq!(
        (made.status().as_u16(), &body(&made)["clientUserId"]),
        (202, &json!("u"))
    );
    api.assume(Assumption::CreateStatus, "201");
    assert_eq!(api.order("u").status(), 201);
    api.assume(Assumption::UserExtras, "none");
    api.assume(Assumption::InviteLink, "absent");
    let told = body(&api.order("u"));
    assert_eq!(
        (&told["clientUserId"], &told["inviteLink"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn an_order_is_judged_field_by_field() {
    let api = AdminApi::new();
    type Change = fn(&mut Value);
    let cases: [(&[&str], Change); 31] = [
        (&["clientUserId"], |o| o["clientUserId"] = json!("")),
        (&["clientUserId"], |o| {
            drop(o.as_object_mut().unwrap().remove("clientUserId"))
        }),
        (&["clientUserId"], |o| o["clientUserId"] = json!(7)),
        (&["clientUserEmail"], |o| {
            o["clientUserEmail"] = json!("nobody")
        }),
        (&["gender"], |o| o["gender"] = json!("Female")),
        (&["dateOfBirth"], |o| o["dateOfBirth"] = json!("April 9")),
        (&["ssn"], |o| o["ssn"] = json!("123-456789")),
        (&["ssn"], |o| o["ssn"] = json!("000-12-3456")),
        (&["phone"], |o| o["phone"] = json!("+1 555 010 0199")),
        (&["autoInvite"], |o| o["autoInvite"] = json!("yes")),
        (&["orderType"], |o| o["orderType"] = json!("none-such")),
        (&["clientData.inner"], |o| {
            o["clientData"] = json!({"inner": {}})
        }),
        (&["clientData.none"], |o| {
            o["clientData"] = json!({"none": null})
        }),
        (&["clientData"], |o| {
            o["clientData"] = json!({"long": "x".repeat(2048)})
        }),
        (&["clientData"], |o| o["clientData"] = json!([1])),
        (&["suggestedSources.1"], |o| {
            o["suggestedSources"] = json!(["a", 1])
        }),
        (&["conditions"], |o| o["conditions"] = json!("asthma")),
        (&["address"], |o| o["address"] = json!("1 Fixture Way")),
        (&["address.zip"], |o| o["address"]["zip"] = json!(1.5)),
        (&["address.zip"], |o| {
            drop(o["address"].as_object_mut().unwrap().remove("zip"))
        }),
        (&["address.street1"], |o| {
            drop(o["address"].as_object_mut().unwrap().remove("street1"))
        }),
        (&["address.country"], |o| {
            o["address"]["country"] = json!("US")
        }),
        (&["providers.0"], |o| o["providers"] = json!(["x"])),
        (&["providers.0.name"], |o| {
            o["providers"] = json!([{"mrn": "1"}])
        }),
        (&["providers.0.fax"], |o| {
            o["providers"][0]["fax"] = json!("1")
        }),
        (&["providers.0.npi"], |o| {
            o["providers"][0]["npi"] = json!(true)
        }),
        (&["attachments.0.encoding"], |o| {
            drop(
                o["attachments"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("encoding"),
            )
        }),
        (&["attachments.0.content"], |o| {
            o["attachments"][0]["content"] = json!("no base64!")
        }),
        (&["attachments"], |o| o["attachments"] = json!({})),
        (&["nickname"], |o| o["nickname"] = json!("T")),
        (&["ssn", "nickname"], |o| {
            o["ssn"] = json!("12");
            o["nickname"] = json!("T");
        }),
    ];
    for (keys, change) in cases {
        assert_eq!(api.judge(change), (400, json!(keys)));
    }
    assert_eq!(api.billed(), 0);
    let fine: [Change; 10] = [
        |o| o["attachments"][0]["content"] = json!(""),
        |o| *o = json!({"clientUserId": "judged"}),
        |o| o["gender"] = json!("other"),
        |o| o["dateOfBirth"] = json!("4/9/80"),
        |o| o["dateOfBirth"] = json!("1980-04-09T08:30:05.000Z"),
        |o| o["address"]["zip"] = json!(97000),
        |o| o["providers"][0]["npi"] = json!(1_000_000_000),
        |o| o["providers"] = json!([{"organizationName": "Clinics", "address": {"state": "OR"}}]),
        |o| o["clientData"] = json!({"long": "x".repeat(2037)}),
        |o| o["ssn"] = json!("900123456"),
    ];
    for change in fine {
        let (status, keys) = api.judge(change);
        assert!([201, 202].contains(&status), "{status} {keys}");
    }
    for text in ["{", "[]", ""] {
        let refused = body(&api.ask(Method::POST, USERS, text));
        assert_eq!(
            refused["validation"],
            json!({"source": "payload", "keys": []})
        );
    }
    let headers = [("authorization", &*format!("Bearer {}", api.token))];
    let answer = api.s.send(request(Method::POST, USERS, &headers, "{}"));
    told(&answer, 415, "Unsupported Media Type");
}

#[test]
fn a_refused_order_names_its_fields_and_repeats_a_value_only_where_that_is_asked_for() {
    let api = AdminApi::new();
    let mut wish = whole("u");
    wish["ssn"] = json!("000-00-0000");
    let answer = api.post(USERS, &wish);
    let told = body(&answer);
    let fields: Vec<_> = told.as_object().unwrap().keys().collect();
    let expected = [
        "error",
        "message",
        "statusCode",
        "validation",
        "x-humanapi-request-id",
    ];
    assert_eq!(fields, expected);
    assert_eq!(told["statusCode"], 400);
    assert_eq!(
        told["message"],
        "\"ssn\" fails to match the required pattern"
    );
    assert_eq!(
        told["validation"],
        json!({"source": "payload", "keys": ["ssn"]})
    );
    api.assume(Assumption::ValidationMessage, "echoes-value");
    let told = body(&api.post(USERS, &wish));
    assert_eq!(
        told["message"],
        "\"ssn\" with value \"000-00-0000\" fails to match the required pattern"
    );
    let log = serde_json::to_string(&api.s.sandbox.control().requests()).unwrap();
    assert!(!log.contains("000-00-0000"));
}

#[test]
fn what_the_documents_disagree_on_can_be_either() {
    let api = AdminApi::new();
    let refused = |change: fn(&mut Value)| api.judge(change).1;
    api.assume(Assumption::OrderEmail, "required");
    let no_mail = |o: &mut Value| drop(o.as_object_mut().unwrap().remove("clientUserEmail"));
    assert_eq!(refused(no_mail), json!(["clientUserEmail"]));
    api.assume(Assumption::Genders, "two");
    assert_eq!(refused(|o| o["gender"] = json!("other")), json!(["gender"]));
    api.assume(Assumption::ZipType, "integer");
    assert_eq!(
        refused(|_| {}),
        json!(["address.zip"]),
        "that of the provider is a number"
    );
    api.assume(Assumption::ZipType, "string");
    assert_eq!(refused(|_| {}), json!(["providers.0.address.zip"]));
    api.assume(Assumption::ZipType, "any");
    api.assume(Assumption::ProviderFields, "as-schema");
    let bare = |o: &mut Value| o["providers"] = json!([{"organizationName": "Clinics"}]);
    assert_eq!(
        refused(bare),
        json!(["providers.0.name", "providers.0.address"])
    );
    api.assume(Assumption::UnknownOrderType, "404");
    assert_eq!(api.judge(|o| o["orderType"] = json!("none-such")).0, 404);
    assert_eq!(api.billed(), 0);

    let neither = json!({"action": "abort"});
    let keys = |answer: Response<Bytes>| body(&answer)["validation"]["keys"].clone();
    assert_eq!(keys(api.post(ACTIONS, &neither)), Value::Null);
    api.assume(Assumption::ValidationEnvelope, "all");
    assert_eq!(keys(api.post(ACTIONS, &neither)), json!(["humanId"]));
    for (value, code, status_code) in [
        ("both", json!(401), json!(401)),
        ("code", json!(401), Value::Null),
        ("status-code", Value::Null, json!(401)),
    ] {
        api.assume(Assumption::AdminErrorNumber, value);
        let told = body(&api.s.get(USERS, &[]));
        assert_eq!(
            (&told["code"], &told["statusCode"]),
            (&code, &status_code),
            "{value}"
        );
    }
}

#[test]
fn users_are_listed_in_pages_until_one_is_empty() {
    let api = AdminApi::new();
    for number in 0..120 {
        api.order(&format!("u{number}"));
        api.advance(1);
    }
    let page = |query: &str| -> Vec<String> {
        let users = body(&api.get(&format!("{USERS}{query}")));
        let ids = users.as_array().unwrap().iter();
        ids.map(|user| user["clientUserId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(page("").len(), 50);
    assert_eq!(
        page("?offset=100").first().map(String::as_str),
        Some("u100")
    );
    assert_eq!(
        (page("?offset=100").len(), page("?offset=120").len()),
        (20, 0)
    );
    assert_eq!(page("?clientUserId=u7"), ["u7"]);
    assert_eq!(page(&format!("?humanId={}", api.human_id("u7"))), ["u7"]);
    assert_eq!(page("?clientUserId=u7&offset=1").len(), 0);
    assert_eq!(
        page(&format!("?clientUserId=u8&humanId={}", api.human_id("u7"))).len(),
        0
    );
    assert_eq!(page("?clientUserId=nobody").len(), 0);
    told(&api.get(&format!("{USERS}?offset=-1")), 400, "Bad Request");
    told(&api.get(&format!("{USERS}?offset=x")), 400, "Bad Request");
    api.assume(Assumption::NoSuchUsers, "404");
    told(
        &api.get(&format!("{USERS}?clientUserId=nobody")),
        404,
        "Not Found",
    );
    api.assume(Assumption::UsersPage, "20");
    assert_eq!(page("").len(), 20);
    api.assume(Assumption::UsersOrder, "newest-first");
    assert_eq!(page("").first().map(String::as_str), Some("u119"));
    // Others of the same sandbox are no application's but their own.
    api.s.session("started");
    assert_eq!(page("?offset=100").len(), 20);
}

#[test]
fn what_was_made_can_be_read_only_after_a_while_if_so_assumed() {
    let api = AdminApi::new();
    api.assume(Assumption::ReadAfterWrite, "30-seconds");
    let made = body(&api.order("u"));
    let details = format!("{USERS}/{}", made[0]["humanId"].as_str().unwrap());
    for path in [
        &*details,
        "/api/v1/users/providers?clientUserId=u",
        "/api/v1/user/reports?clientUserId=u",
    ] {
        assert_eq!(api.get(path).status(), 404, "{path}");
    }
    assert_eq!(body(&api.get(USERS)), json!([]));
    assert_eq!(api.order("u").status(), 202, "what writes knows it");
    api.advance(30);
    assert_eq!(body(&api.get(USERS))[0]["clientUserId"], "u");
    assert_eq!(api.get(&details).status(), 200);
}

#[test]
fn an_order_goes_on_by_the_clock_and_its_data_can_be_read() {
    let api = AdminApi::new();
    api.order("u");
    let access = || api.s.token(ADMIN, "access", "u").status().as_u16();
    assert_eq!((api.status("u"), access()), (json!("Created"), 403));
    api.advance(120);
    assert_eq!(api.status("u"), "In Progress");
    api.advance(3600);
    assert_eq!((api.status("u"), access()), (json!("Completed"), 200));
    let user = body(&api.get(&format!("{USERS}/{}", api.human_id("u"))));
    assert_eq!(user["orders"][0]["reportsAvailable"], true);
    assert_eq!(user["orders"][0]["dataAvailable"], true);
    assert_eq!(user["updatedAt"], "2026-01-15T10:02:00.000Z");
    assert_eq!(user["status"], Value::Null);
    assert_eq!(body(&api.get(USERS))[0]["status"], "Connected");
    let token = api.s.granted(ADMIN, "access", "u", "access_token");
    let sources = body(&api.s.read("/v1/human/sources", &token));
    assert_eq!(
        sources[0]["sourceName"], "Sample Valley Clinic",
        "{sources}"
    );
    let providers = body(&api.get("/api/v1/users/providers?clientUserId=u"));
    assert_eq!(providers[0]["name"], "Clinic Zero");
    assert_eq!(providers[1]["name"], "Sample Valley Clinic");
    for value in ["lower", "underscores"] {
        api.assume(Assumption::OrderStateCase, value);
        assert_eq!(api.status("u"), "completed");
    }
    api.assume(Assumption::UserDetails, "status");
    let user = body(&api.get(&format!("{USERS}/{}", api.human_id("u"))));
    assert_eq!(
        (&user["status"], &user["orders"]),
        (&json!("Connected"), &Value::Null)
    );
    api.assume(Assumption::OrderedUserStatus, "always-invited");
    assert_eq!(body(&api.get(USERS))[0]["status"], "Invited");
}

#[test]
fn an_order_waits_for_what_it_lacks() {
    let api = AdminApi::new();
    let control = api.s.sandbox.control();
    let least = json!({"clientUserId": "least", "orderType": "aps-only"});
    let made = body(&api.post(USERS, &least));
    assert!(
        made[0]["consumerLink"]
            .as_str()
            .unwrap()
            .contains("/tasks?clientId=")
    );
    let order = control.order("least").wait_for(OrderState::Pended).unwrap();
    let open: Vec<_> = order.tasks.iter().map(|task| task.kind).collect();
    assert_eq!(
        open,
        [
            TaskKind::Particulars,
            TaskKind::Authorization,
            TaskKind::Provider
        ]
    );
    assert_eq!(api.status("least"), "Pended");
    assert!(
        control
            .order("least")
            .wait_for(OrderState::Completed)
            .is_err()
    );
    assert_eq!(
        control.order("least").do_tasks().unwrap().state,
        OrderState::InProgress
    );
    control
        .order("least")
        .open_task(TaskKind::Question)
        .unwrap();
    assert_eq!(api.status("least"), "Pended");
    control.order("least").do_tasks().unwrap();
    control
        .order("least")
        .wait_for(OrderState::Completed)
        .unwrap();
    assert_eq!(api.status("least"), "Completed");

    let api = AdminApi::new();
    api.post(USERS, &json!({"clientUserId": "late"}));
    api.advance(31 * 86_400);
    let order = api.s.sandbox.control().order("late").snapshots().remove(0);
    assert_eq!(order.state, OrderState::Completed, "its time is over");
    let api = AdminApi {
        token: AdminApi::token(&api.s),
        s: api.s,
    };
    assert_eq!(
        body(&api.get("/api/v1/user/reports?clientUserId=late")),
        json!([])
    );
    assert_eq!(
        api.s.token(ADMIN, "access", "late").status(),
        403,
        "no record came"
    );
}

#[test]
fn an_order_that_was_made_to_wait_early_is_asked_for_what_it_lacks_all_the_same() {
    let api = AdminApi::new();
    api.post(USERS, &json!({"clientUserId": "u"}));
    let order = api.s.sandbox.control().order("u");
    order.wait_for(OrderState::InProgress).unwrap();
    order.open_task(TaskKind::Question).unwrap();
    order.open_task(TaskKind::Authorization).unwrap();
    assert_eq!(order.do_tasks().unwrap().state, OrderState::InProgress);
    let pended = order.wait_for(OrderState::Pended).unwrap();
    let open = pended.tasks.iter().filter(|task| task.is_open);
    let open: Vec<_> = open.map(|task| task.kind).collect();
    assert_eq!(open, [TaskKind::Particulars], "nothing is asked for twice");
    order.do_tasks().unwrap();
    let completed = order.wait_for(OrderState::Completed).unwrap();
    assert_eq!(completed.tasks.len(), 3);
}

#[test]
fn an_order_placed_in_a_state_is_in_it_whatever_is_known_of_the_user() {
    use OrderState::{Cancelled, Completed, Created, InProgress, Pended};
    let api = AdminApi::new();
    api.completed("u");
    api.assume(Assumption::SecondOrder, "always");
    api.order("u");
    let order = api.s.sandbox.control().order("u");
    for state in [Pended, Cancelled, InProgress, Created, Completed, Pended] {
        let placed = order.placed(state).unwrap();
        assert_eq!(placed.state, state);
        let open = placed.tasks.iter().map(|task| task.kind);
        let waits = (state == Pended).then_some(TaskKind::Authorization);
        assert_eq!(open.collect::<Vec<_>>(), Vec::from_iter(waits));
    }
    let all = order.snapshots();
    let states: Vec<_> = all.iter().map(|order| order.state).collect();
    let placed = [Pended, Cancelled, InProgress, Created, Completed, Pended];
    assert_eq!(states[..2], [Completed, Created], "others stay as they are");
    assert_eq!(states[2..], placed);
    order.do_tasks().unwrap();
    order.wait_for(Completed).unwrap();
}

#[test]
fn users_are_listed_by_when_they_were_made_and_not_by_when_they_came() {
    let api = AdminApi::new();
    api.order("a");
    let order = api.s.sandbox.control().order("b");
    order.placed(OrderState::Completed).unwrap();
    let listed = || {
        let users = body(&api.get(USERS));
        let users = users.as_array().unwrap().iter();
        users
            .map(|user| user["clientUserId"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(), ["b", "a"]);
    api.assume(Assumption::ReadAfterWrite, "30-seconds");
    assert_eq!(listed(), ["b"]);
}

#[test]
fn an_order_can_bring_papers_along() {
    let api = AdminApi::new();
    let mut wish = whole("u");
    wish["attachments"][0]["content"] = json!("JVBERi0x".repeat(2 * 1024 * 1024 / 8));
    assert_eq!(api.post(USERS, &wish).status(), 201);
    // What is long by anything else takes many times the room of its text.
    wish["attachments"] = json!(vec![0; 1024 * 1024]);
    let answer = api.post(USERS, &wish);
    told(&answer, 413, "the body has more than a million parts");
    let longest = 32 * 1024 * 1024;
    let post = |path, length| api.ask(Method::POST, path, vec![b' '; length]).status();
    assert_eq!(post(USERS, longest), 400);
    assert_eq!(post(USERS, longest + 1), 413);
    assert_eq!(post(LINK, 1024 * 1024), 400);
    assert_eq!(post(LINK, 1024 * 1024 + 1), 413);
}

#[test]
fn orders_go_on_in_seconds_if_so_assumed() {
    let api = AdminApi::new();
    api.assume(Assumption::OrderPace, "seconds");
    api.order("u");
    api.advance(7);
    assert_eq!(api.status("u"), "Completed");
}

#[test]
fn an_order_is_aborted_once() {
    let api = AdminApi::new();
    let over = "The order is in a state where it can\u{2019}t be aborted";
    api.order("u");
    let subscription =
        json!({"clientUserId": "u", "subscriberEmail": "p@example.test", "role": "producer"});
    api.post(SUBSCRIPTIONS, &subscription);
    let both = json!({"clientUserId": "u", "humanId": api.human_id("u"), "action": "abort"});
    told(&api.post(ACTIONS, &both), 400, "Bad Request");
    told(
        &api.post(ACTIONS, &json!({"action": "abort"})),
        400,
        "Bad Request",
    );
    told(
        &api.post(ACTIONS, &json!({"clientUserId": "u", "action": "stop"})),
        400,
        "Bad Request",
    );
    told(
        &api.post(ACTIONS, &json!({"clientUserId": "x", "action": "abort"})),
        404,
        "Not Found",
    );
    let abort = json!({"humanId": api.human_id("u"), "action": "abort"});
    let answer = api.post(ACTIONS, &abort);
    assert_eq!((answer.status().as_u16(), answer.body().len()), (202, 0));
    assert_eq!(api.status("u"), "Cancelled");
    let list =
        format!("{SUBSCRIPTIONS}?clientUserId=u&subscriberEmail=p@example.test&role=producer");
    assert_eq!(body(&api.get(&list)), json!([]), "nobody is told any more");
    told(&api.post(ACTIONS, &abort), 409, over);
    api.advance(86_000);
    assert_eq!(api.status("u"), "Cancelled");
    api.s.sandbox.control().clear_faults();
    let limited = Fault::status(429).retry_after("2").on_path(ACTIONS);
    api.s.sandbox.control().plan_fault(limited).unwrap();
    let answer = api.post(ACTIONS, &abort);
    told(&answer, 429, "a planned fault");
    assert_eq!(header(&answer, "retry-after"), Some("2"));
}

#[test]
fn an_action_may_not_be_enabled_and_a_resync_may_show() {
    let api = AdminApi::new();
    api.completed("u");
    let resync = json!({"clientUserId": "u", "action": "resync"});
    assert_eq!(api.post(ACTIONS, &resync).status(), 202);
    assert_eq!(api.status("u"), "Completed");
    api.assume(Assumption::Resync, "retrieves-again");
    assert_eq!(api.post(ACTIONS, &resync).status(), 202);
    assert_eq!((api.status("u"), api.billed()), (json!("In Progress"), 1));
    api.assume(Assumption::ActionsEnabled, "abort");
    told(&api.post(ACTIONS, &resync), 404, "Not Found");
    api.assume(Assumption::ActionsEnabled, "none");
    told(
        &api.post(ACTIONS, &json!({"clientUserId": "u", "action": "abort"})),
        404,
        "Not Found",
    );
}

#[test]
fn a_subscription_is_made_found_and_ended() {
    let api = AdminApi::new();
    let wish = json!({
        "clientUserId": "u", "subscriberEmail": "p@example.test", "role": "producer",
        "subscriberFirstName": "Proda", "subscriberLastName": "Fixture", "subscriberOffice": "office-7",
    });
    told(&api.post(SUBSCRIPTIONS, &wish), 404, "Not Found");
    api.order("u");
    let made = api.post(SUBSCRIPTIONS, &wish);
    assert_eq!(made.status(), 201);
    let one = body(&made)[0].clone();
    assert_eq!(one["subscriberOffice"], "office-7");
    assert_eq!(one["createdAt"], "2026-01-15T09:00:00.000Z");
    assert_eq!(api.post(SUBSCRIPTIONS, &wish).status(), 409);
    let mut wrong = wish.clone();
    wrong["role"] = json!("friend");
    told(&api.post(SUBSCRIPTIONS, &wrong), 400, "Bad Request");
    let list =
        format!("{SUBSCRIPTIONS}?clientUserId=u&subscriberEmail=p%40example.test&role=producer");
    assert_eq!(
        body(&api.get(&format!("{list}&query=x&sort=y"))),
        json!([one])
    );
    assert_eq!(body(&api.get(&format!("{list}&offset=1"))), json!([]));
    assert_eq!(body(&api.get(&list.replace("=u&", "=nobody&"))), json!([]));
    told(
        &api.get(&format!("{SUBSCRIPTIONS}?clientUserId=u&role=producer")),
        400,
        "Bad Request",
    );
    api.assume(Assumption::SubscriptionQuery, "refused");
    told(&api.get(&format!("{list}&sort=y")), 400, "Bad Request");
    let path = format!("{SUBSCRIPTIONS}/{}", one["id"].as_str().unwrap());
    assert_eq!(body(&api.get(&path)), one);
    let gone = api.ask(Method::DELETE, &path, "");
    assert_eq!((gone.status().as_u16(), gone.body().len()), (200, 0));
    told(&api.get(&path), 404, "Not Found");
    told(&api.ask(Method::DELETE, &path, ""), 404, "Not Found");
    let log = serde_json::to_string(&api.s.sandbox.control().requests()).unwrap();
    assert!(!log.contains("example.test"), "no address is kept");
}

#[test]
fn reports_come_in_groups_and_each_as_what_it_says() {
    let api = AdminApi::new();
    api.completed("u");
    told(&api.get("/api/v1/user/reports"), 400, "Bad Request");
    told(
        &api.get("/api/v1/user/reports?createdByOrderId=x"),
        400,
        "Bad Request",
    );
    told(
        &api.get("/api/v1/user/reports?clientUserId=nobody"),
        404,
        "Not Found",
    );
    let groups = body(&api.get("/api/v1/user/reports?clientUserId=u"));
    let names: Vec<_> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["name"])
        .collect();
    assert_eq!(names, ["highlights", "ccdraw", "apidata", "combined"]);
    let order_id = api.s.sandbox.control().ledger()[0].order_id.clone();
    for group in groups.as_array().unwrap() {
        for report in group["reports"].as_array().unwrap() {
            let uri = report["uri"].as_str().unwrap();
            let path = uri.strip_prefix("http://127.0.0.1").unwrap();
            let answer = api.get(path);
            assert_eq!(answer.status(), 200);
            let content = answer.body();
            let declared = header(&answer, "content-type").unwrap();
            match report["fileExtension"].as_str().unwrap() {
                "pdf" => {
                    assert_eq!(declared, "application/pdf");
                    assert!(content.starts_with(b"%PDF-1.4") && content.ends_with(b"%%EOF\n"));
                }
                "html" => {
                    assert!(declared.starts_with("text/html"));
                    let text = std::str::from_utf8(content).unwrap();
                    assert!(text.contains("Testina Sandboxer") && text.contains("<table>"));
                }
                _ => {
                    assert!(declared.starts_with("application/json"));
                    assert_eq!(body(&answer)["demographics"]["name"], "Testina Sandboxer");
                }
            }
            if group["name"] == "combined" {
                assert_eq!(group["baseReportNames"], json!(["highlights", "ccdraw"]));
                assert_eq!(
                    (&report["createdByOrderId"], &report["groupBy"]),
                    (&Value::Null, &json!("user_id"))
                );
            } else {
                assert_eq!(report["createdByOrderId"], order_id);
                assert_eq!(report["clientProviderIds"], json!(["prov-1"]));
            }
        }
    }
    let of_order = body(&api.get(&format!(
        "/api/v1/user/reports?clientUserId=u&createdByOrderId={order_id}"
    )));
    assert_eq!(
        of_order.as_array().unwrap().len(),
        3,
        "a combined one is of no order"
    );
    assert_eq!(
        body(&api.get("/api/v1/user/reports?clientUserId=u&createdByOrderId=x")),
        json!([])
    );
    told(&api.get("/api/v1/user/reports/rep-1"), 404, "Not Found");
    api.assume(Assumption::ReportsOfNobody, "empty-list");
    assert_eq!(body(&api.get("/api/v1/user/reports")), json!([]));
    let id = groups[0]["reports"][0]["id"].as_str().unwrap();
    api.assume(Assumption::ReportExpiry, "1-day");
    assert_eq!(api.get(&format!("/api/v1/user/reports/{id}")).status(), 200);
    api.advance(86_400);
    let api = AdminApi {
        token: AdminApi::token(&api.s),
        s: api.s,
    };
    told(
        &api.get(&format!("/api/v1/user/reports/{id}")),
        404,
        "Not Found",
    );
    assert_eq!(
        body(&api.get("/api/v1/user/reports?clientUserId=u")),
        json!([])
    );
}

#[test]
fn a_consumer_link_is_for_one_user_by_either_id() {
    let api = AdminApi::new();
    api.order("u");
    for wish in [
        json!({"clientUserId": "u"}),
        json!({"humanId": api.human_id("u")}),
    ] {
        let made = body(&api.post(LINK, &wish));
        assert_eq!(made["clientId"], api.s.app.client_id.as_str());
        let link = made["consumerLink"].as_str().unwrap();
        let start = format!(
            "http://127.0.0.1/tasks?clientId={}&rq=sbx-rq-",
            api.s.app.client_id
        );
        assert!(link.starts_with(&start), "{link}");
    }
    told(&api.post(LINK, &json!({})), 400, "Bad Request");
    api.order("v");
    let both = |id: &str| json!({"clientUserId": id, "humanId": api.human_id("u")});
    assert_eq!(api.post(LINK, &both("u")).status(), 200);
    told(&api.post(LINK, &both("v")), 404, "Not Found");
    told(
        &api.post(LINK, &json!({"clientUserId": "x"})),
        404,
        "Not Found",
    );
}

#[test]
fn paths_of_their_own_are_no_ids_of_users() {
    let api = AdminApi::new();
    told(&api.get("/api/v1/users/providers"), 400, "Bad Request");
    told(&api.get("/api/v1/users/nobody"), 404, "Not Found");
    told(&api.get("/api/v1/users/a%2Fb"), 404, "Not Found");
    assert_eq!(api.get(ACTIONS).status(), 405);
    assert_eq!(header(&api.get(ACTIONS), "allow"), Some("POST"));
    assert_eq!(api.get("/api/v1/nothing").status(), 404);
    api.order("a/b ü");
    let users = body(&api.get("/api/v1/users?clientUserId=a%2Fb%20%C3%BC"));
    assert_eq!(users[0]["clientUserId"], "a/b ü");
}

#[test]
fn each_fault_strikes_an_order_before_its_effect_after_it_or_in_the_answer() {
    let api = AdminApi::new();
    let fault = |fault: Fault| fault.on_method(Method::POST).on_path(USERS);
    let html = IntermediaryBody::Html;
    let faults = [
        (Fault::status(500), 0),
        (Fault::status(500).after_effect(), 1),
        (Fault::intermediary(502, html), 0),
        (Fault::intermediary(504, html).after_effect(), 1),
        (Fault::drop_before(), 0),
        (Fault::drop_after(), 1),
        (Fault::truncated_body(), 1),
        (Fault::garbage_body(), 1),
        (Fault::delay(Duration::from_secs(60)), 1),
    ];
    let bearer = format!("Bearer {}", api.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    for (number, (planned, effect)) in faults.into_iter().enumerate() {
        let before = api.billed();
        let name = format!("{planned:?}");
        api.s.sandbox.control().plan_fault(fault(planned)).unwrap();
        let wish = whole(&format!("u{number}")).to_string();
        let answer = api.s.try_send(request(Method::POST, USERS, &headers, wish));
        assert_eq!(api.billed() - before, effect, "{name}");
        let whole = answer.ok().filter(|answer| answer.status().is_success());
        let is_read =
            whole.is_some_and(|answer| serde_json::from_slice::<Value>(answer.body()).is_ok());
        assert_eq!(is_read, name.contains("Delay"), "{name}");
    }
}

#[test]
fn a_deleted_user_is_forgotten_but_by_the_ledger() {
    let api = AdminApi::new();
    api.completed("u");
    let groups = body(&api.get("/api/v1/user/reports?clientUserId=u"));
    let report = groups[0]["reports"][0]["id"].as_str().unwrap().to_owned();
    let control = api.s.sandbox.control();
    control.delete_user(&api.s.app.client_id, "u").unwrap();
    assert_eq!(body(&api.get(USERS)), json!([]));
    told(
        &api.get(&format!("/api/v1/user/reports/{report}")),
        404,
        "Not Found",
    );
    assert!(control.orders(&api.s.app.client_id).unwrap().is_empty());
    assert_eq!(api.billed(), 1);
    let dashboard =
        |api: &AdminApi| String::from_utf8(api.s.get("/", &[]).body().to_vec()).unwrap();
    assert!(dashboard(&api).contains("Would have been billed: <strong>1</strong>"));
    assert_eq!(api.order("u").status(), 201, "the address is free again");
    // Whoever comes with the same id is somebody else.
    told(
        &api.get(&format!("/api/v1/user/reports/{report}")),
        404,
        "Not Found",
    );
    let orders = control.orders(&api.s.app.client_id).unwrap();
    let states: Vec<_> = orders.iter().map(|order| order.state).collect();
    assert_eq!(states, [OrderState::Created]);
    control.reset();
    assert!(!dashboard(&api).contains("Would have been billed"));
    assert_eq!(api.billed(), 0);
}

#[test]
fn orders_are_controlled_over_http_as_in_process() {
    let api = AdminApi::new();
    api.post(USERS, &json!({"clientUserId": "u"}));
    let id = &api.s.app.client_id;
    let post = |path: &str, more: Value| {
        let mut wish = json!({"client_id": id, "client_user_id": "u"});
        wish.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        api.s.post_json(path, &wish)
    };
    let pended = post("/sandbox/orders/await", json!({"state": "pended"}));
    assert_eq!(body(&pended)["state"], "pended");
    let stuck = post("/sandbox/orders/await", json!({"state": "completed"}));
    assert_eq!(
        (stuck.status().as_u16(), &body(&stuck)["error"]),
        (409, &json!("order-not-there"))
    );
    assert_eq!(
        body(&post("/sandbox/orders/tasks", json!({})))["state"],
        "in-progress"
    );
    let open = post("/sandbox/orders/tasks", json!({"open": "question"}));
    assert_eq!(
        body(&open)["tasks"][2],
        json!({"kind": "question", "is_open": true})
    );
    let listed = body(&api.s.get("/sandbox/orders", &[]));
    assert_eq!(listed, json!(api.s.sandbox.control().orders(id).unwrap()));
    let nobody = json!({"client_id": id, "client_user_id": "x", "state": "pended"});
    let nobody = api.s.post_json("/sandbox/orders/await", &nobody);
    assert_eq!(
        (nobody.status().as_u16(), &body(&nobody)["error"]),
        (404, &json!("nothing-ordered"))
    );
}

#[test]
fn a_story_can_begin_with_orders() {
    let story = br#"{"orders": [
        {"client_user_id": "a", "state": "pended", "order_type": "aps-only", "lacks": ["provider", "authorization"]},
        {"client_user_id": "b", "state": "completed", "first_name": "Ada", "birth_date": "2/7/1971", "email": "b@example.test"},
        {"client_user_id": "c", "state": "cancelled"},
        {"client_user_id": "d", "state": "in-progress", "lacks": ["particulars"]},
        {"client_user_id": "e"}
    ]}"#;
    let sandbox = Sandbox::builder()
        .scenario(Scenario::from_json(story).unwrap())
        .build_offline();
    let app = sandbox.app(DemoApp::Hip);
    let s = Offline { sandbox, app };
    let api = AdminApi {
        token: AdminApi::token(&s),
        s,
    };
    for _ in 0..2 {
        let control = api.s.sandbox.control();
        let orders = control.orders(&api.s.app.client_id).unwrap();
        let states: Vec<_> = orders.iter().map(|order| order.state).collect();
        use OrderState::{Cancelled, Completed, Created, InProgress, Pended};
        assert_eq!(states, [Pended, Completed, Cancelled, InProgress, Created]);
        let open: Vec<_> = orders[0].tasks.iter().map(|task| task.kind).collect();
        assert_eq!(open, [TaskKind::Authorization, TaskKind::Provider]);
        assert_eq!(api.billed(), 5);
        let told = control.order("d").wait_for(Pended).unwrap();
        assert_eq!(told.tasks[0].kind, TaskKind::Particulars);
        control.reset();
    }
    let api = AdminApi {
        token: AdminApi::token(&api.s),
        s: api.s,
    };
    let user = &body(&api.get(&format!("{USERS}?clientUserId=b")))[0];
    assert_eq!(
        (&user["firstName"], &user["lastName"]),
        (&json!("Ada"), &json!("Sandboxer"))
    );
    assert_eq!(user["dateOfBirth"], "1971-02-07T00:00:00.000Z");
    let reports = body(&api.get("/api/v1/user/reports?clientUserId=b"));
    assert_eq!(reports.as_array().unwrap().len(), 4);
    for (order, place) in [
        (r#"{"client_user_id": ""}"#, "orders[0].client_user_id"),
        (r#"{"client_user_id": "a", "app": "web"}"#, "orders[0].app"),
        (
            r#"{"client_user_id": "a", "state": "canary"}"#,
            "orders[0].state",
        ),
        (
            r#"{"client_user_id": "a", "order_type": "canary"}"#,
            "orders[0].order_type",
        ),
        (
            r#"{"client_user_id": "a", "lacks": ["question"]}"#,
            "orders[0].lacks[0]",
        ),
        (
            r#"{"client_user_id": "a", "lacks": ["provider"]}"#,
            "orders[0].lacks",
        ),
        (
            r#"{"client_user_id": "a", "state": "pended", "lacks": []}"#,
            "orders[0].lacks",
        ),
        (
            r#"{"client_user_id": "a", "state": "completed", "lacks": ["particulars"]}"#,
            "orders[0].lacks",
        ),
        (
            r#"{"client_user_id": "a", "birth_date": "canary"}"#,
            "orders[0].birth_date",
        ),
    ] {
        let story = format!(r#"{{"orders": [{order}]}}"#);
        let refused = Scenario::from_json(story.as_bytes()).unwrap_err();
        assert_eq!(refused.place, place);
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
}

#[test]
fn orders_are_held_until_there_is_no_room_and_deletion_makes_some() {
    let api = AdminApi::new();
    let control = api.s.sandbox.control();
    let order = |number: u32| {
        let wish = json!({"clientUserId": format!("u{number}"), "firstName": "x".repeat(900_000)});
        api.post(USERS, &wish).status().as_u16()
    };
    let taken = (0..100).take_while(|number| order(*number) == 201).count();
    assert!((60..75).contains(&taken), "{taken}");
    assert_eq!(order(100), 507);
    control.delete_user(&api.s.app.client_id, "u0").unwrap();
    assert_eq!(order(100), 201);
}

#[test]
fn an_abort_makes_room_as_it_ends_the_subscriptions() {
    let api = AdminApi::new();
    api.order("u");
    let subscribe = |number: u32| {
        let wish = json!({
            "clientUserId": "u", "subscriberEmail": format!("p{number}@example.test"),
            "role": "producer", "subscriberOffice": "x".repeat(900_000),
        });
        api.post(SUBSCRIPTIONS, &wish).status().as_u16()
    };
    let taken = (0..100)
        .take_while(|number| subscribe(*number) == 201)
        .count();
    assert!((60..75).contains(&taken), "{taken}");
    let abort = json!({"clientUserId": "u", "action": "abort"});
    assert_eq!(api.post(ACTIONS, &abort).status(), 202);
    assert_eq!(subscribe(100), 201);
}

#[test]
fn nothing_of_a_person_is_in_the_log_on_the_dashboard_or_in_what_is_told_of_orders() {
    let api = AdminApi::new();
    let mut wish = whole("u");
    for (field, canary) in [
        ("firstName", "canary-first"),
        ("lastName", "canary-last"),
        ("clientUserEmail", "canary@example.test"),
        ("ssn", "987-65-4321"),
        ("phone", "5550107777"),
        ("dateOfBirth", "1971-02-07"),
    ] {
        wish[field] = json!(canary);
    }
    wish["address"]["street1"] = json!("canary street");
    wish["attachments"][0]["content"] = json!("Y2FuYXJ5LXBhcGVy");
    assert_eq!(api.post(USERS, &wish).status(), 201);
    let control = api.s.sandbox.control();
    control.order("u").wait_for(OrderState::Completed).unwrap();
    let told = [
        serde_json::to_string(&control.requests()).unwrap(),
        serde_json::to_string(&control.ledger()).unwrap(),
        format!(
            "{:?} {:?}",
            control.order("u").snapshots(),
            control.order("u")
        ),
        format!("{:?}", api.s.sandbox),
        String::from_utf8(api.s.get("/", &[]).body().to_vec()).unwrap(),
        String::from_utf8(api.s.get("/sandbox/orders", &[]).body().to_vec()).unwrap(),
    ];
    for text in told {
        for canary in [
            "canary",
            "987-65",
            "-4321",
            "5550107777",
            "1971-02",
            "Y2FuYXJ5",
        ] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
}
