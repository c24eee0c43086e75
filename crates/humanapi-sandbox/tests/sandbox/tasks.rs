//! The Task Manager: whom a link lets in, what its forms take, and what it tells where it leads back to.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use humanapi_sandbox::{DemoApp, OrderState, TaskKind};
use serde_json::{Value, json};

use crate::support::*;

const CALLBACK: &str = "https://app.example.test/connected";

struct Manager {
    s: Offline,
    rq: String,
}

impl Manager {
    /// For an order that lacks everything.
    fn new() -> Self {
        let this = Self::of(&json!({"clientUserId": "u", "orderType": "aps-only"}));
        let order = this.s.sandbox.control().order("u");
        order.wait_for(OrderState::Pended).unwrap();
        this
    }

    fn of(order: &Value) -> Self {
        let s = Offline::of(DemoApp::Hip);
        let mut wish = s.wish("client", "u");
        wish.as_object_mut().unwrap().remove("client_user_id");
        let token = body(&s.post_json(ADMIN, &wish))["client_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let headers = [
            ("authorization", &*format!("Bearer {token}")),
            ("content-type", "application/json"),
        ];
        let post = |path: &str, wish: &Value| {
            s.send(request(Method::POST, path, &headers, wish.to_string()))
        };
        assert_eq!(post("/api/v1/users", order).status(), 201);
        let link = json!({"clientUserId": order["clientUserId"]});
        let link = body(&post("/api/v1/resources/consumer-link", &link));
        let (_, rq) = link["consumerLink"]
            .as_str()
            .unwrap()
            .split_once("rq=")
            .unwrap();
        let rq = rq.to_owned();
        Self { s, rq }
    }

    fn fields(&self, more: &str) -> String {
        let client_id = &self.s.app.client_id;
        let callback = CALLBACK.replace(':', "%3A").replace('/', "%2F");
        format!(
            "clientId={client_id}&rq={}&callback={callback}&{more}",
            self.rq
        )
    }

    fn page(&self, more: &str) -> (u16, String) {
        let answer = self.s.get(&format!("/tasks?{}", self.fields(more)), &[]);
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status().as_u16(), text)
    }

    fn form(&self, task: &str, more: &str) -> Response<Bytes> {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let path = format!("/tasks/{task}");
        self.s
            .send(request(Method::POST, &path, &headers, self.fields(more)))
    }

    /// What a form that lacks something says, and what the page then is.
    fn refused(&self, task: &str, more: &str) -> String {
        let answer = self.form(task, more);
        assert_eq!(answer.status(), 422);
        String::from_utf8(answer.body().to_vec()).unwrap()
    }

    fn done(&self, task: &str, more: &str) {
        let answer = self.form(task, more);
        let text = String::from_utf8_lossy(answer.body());
        assert_eq!(answer.status(), 303, "{text}");
        let told = header(&answer, "location").unwrap();
        assert!(
            told.starts_with("/tasks?") && told.ends_with(&format!("told={task}")),
            "{told}"
        );
        assert_eq!(self.s.get(told, &[]).status(), 200);
    }

    /// What the callback is told.
    fn leave(&self) -> HashMap<String, String> {
        let answer = self.form("done", "");
        assert_eq!(answer.status(), 303);
        let back = header(&answer, "location").unwrap();
        let (start, query) = back.split_once('?').unwrap();
        assert_eq!(start, CALLBACK);
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            let value = percent_encoding_of(value);
            (name.to_owned(), value)
        };
        query.split('&').map(pair).collect()
    }
}

fn percent_encoding_of(text: &str) -> String {
    let uri: http::Uri = format!("/?{text}").parse().unwrap();
    let bytes = uri.query().unwrap().as_bytes();
    let mut plain = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = std::str::from_utf8(&bytes[at + 1..at + 3]).unwrap();
            plain.push(u8::from_str_radix(hex, 16).unwrap());
            at += 3;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(plain).unwrap()
}

const PERSON: &str = "firstName=Testina&lastName=Sandboxer&dateOfBirth=1980-04-09&gender=female\
    &street1=1+Fixture+Way&city=Testville&state=OR&zip=02134&ssn=900-12-3456";

#[test]
fn what_an_order_lacks_is_asked_for_and_once_all_is_done_it_goes_on() {
    let m = Manager::new();
    let (status, text) = m.page("");
    assert_eq!(status, 200);
    for what in [
        "Your tasks",
        "Tell who you are",
        "Allow your records to be handed out",
        "Say where your records are",
    ] {
        assert!(text.contains(what), "{what}");
    }
    assert!(!text.contains("Answer a question") && !text.contains("<script"));
    m.done("authorization", "agrees=yes&signature=Testina+Sandboxer");
    m.done("particulars", PERSON);
    let told: Value = serde_json::from_str(&m.leave()["order"]).unwrap();
    assert_eq!(
        (&told["allTasksResolve"], &told["orderState"]),
        (&json!(false), &json!("Pended"))
    );
    m.done("provider", "name=Clinic+Zero&city=Testville&state=OR");
    assert!(m.page("").1.contains("All is done"));
    let told = m.leave();
    assert_eq!(told["status"], "success");
    let order: Value = serde_json::from_str(&told["order"]).unwrap();
    let known =
        m.s.sandbox
            .control()
            .order("u")
            .wait_for(OrderState::Completed)
            .unwrap();
    assert_eq!(order["orderId"], known.order_id.as_str());
    assert_eq!(order["externalId"], "u");
    assert_eq!(
        (&order["allTasksResolve"], &order["orderState"]),
        (&json!(true), &json!("In Progress"))
    );
    assert!(m.page("").1.contains("Nobody waits for anything any more."));
    // What is done is done: a second page of the same person says so.
    let late = m.form("authorization", "agrees=yes&signature=x");
    assert_eq!(late.status(), 303);
    assert!(!header(&late, "location").unwrap().contains("told"));
}

#[test]
fn a_form_that_lacks_something_says_what_and_keeps_the_rest_but_for_the_number() {
    let m = Manager::new();
    let text = m.refused("particulars", &PERSON.replace("900-12-3456", "000-12-3456"));
    assert!(text.contains("This is no Social Security number."));
    assert!(text.contains("value=\"Testina\"") && !text.contains("000-12-3456"));
    let wrong = PERSON
        .replace("1980-04-09", "2030-01-01")
        .replace("gender=female", "gender=x");
    let text = m.refused("particulars", &wrong.replace("city=Testville", "city=+"));
    for what in [
        "This is no day in the past.",
        "Choose one of the list.",
        "This is needed.",
    ] {
        assert!(text.contains(what), "{what}");
    }
    assert_eq!(text.matches("aria-invalid=\"true\">").count(), 3);
    assert_eq!(text.matches("autofocus").count(), 1);
    assert!(
        m.refused("authorization", "signature=T")
            .contains("Without this, nobody may")
    );
    let text = m.refused("provider", "name=%3Cb%3E&city=x&state=");
    assert!(text.contains("&lt;b&gt;") && !text.contains("<b>"));
    let order = m.s.sandbox.control().order("u").snapshots().remove(0);
    assert!(order.tasks.iter().all(|task| task.is_open));
    assert_eq!(
        m.form(
            "authorization",
            &format!("agrees=yes&signature={}", "x".repeat(201))
        )
        .status(),
        400
    );
    assert_eq!(m.form("nothing", "").status(), 404);
}

#[test]
fn only_what_is_missing_is_asked_for() {
    let m = Manager::of(&json!({"clientUserId": "u", "firstName": "Testina", "gender": "other"}));
    m.s.sandbox
        .control()
        .order("u")
        .wait_for(OrderState::Pended)
        .unwrap();
    let (_, text) = m.page("");
    assert!(!text.contains("First name") && !text.contains("Gender") && text.contains("Last name"));
    m.s.sandbox
        .control()
        .order("u")
        .open_task(TaskKind::Question)
        .unwrap();
    assert!(m.page("").1.contains("Answer a question"));
}

#[test]
fn a_link_lets_in_whom_it_is_for_and_only_for_eight_hours() {
    let m = Manager::new();
    let id = m.s.app.client_id.clone();
    let open = |query: &str| m.s.get(&format!("/tasks?{query}"), &[]).status().as_u16();
    assert_eq!(open(&format!("clientId={id}&rq={}", m.rq)), 200);
    assert_eq!(open(&format!("rq={}", m.rq)), 400);
    assert_eq!(open(&format!("clientId=x&rq={}", m.rq)), 400);
    assert_eq!(
        open(&format!(
            "clientId={id}&rq={}&callback=https%3A%2F%2Fevil.test%2F",
            m.rq
        )),
        400
    );
    assert_eq!(open(&format!("clientId={id}")), 401);
    let other = m.s.sandbox.app(DemoApp::NoAdmin).client_id;
    assert_eq!(open(&format!("clientId={other}&rq={}", m.rq)), 401);
    // A token of another kind is none.
    let session = m.s.session("u");
    assert_eq!(open(&format!("clientId={id}&rq={session}")), 401);
    assert_eq!(m.s.get(&format!("/?token={}", m.rq), &[]).status(), 401);
    let control = m.s.sandbox.control();
    control
        .advance_clock(Duration::from_secs(8 * 3600))
        .unwrap();
    let (status, text) = m.page("");
    assert!(status == 401 && text.contains("This link has ended") && text.contains("Forbidden"));
    let told = m.leave();
    assert_eq!((&*told["status"], &*told["error"]), ("error", "Forbidden"));
    assert_eq!(told["message"], "The token has expired");
    let log = serde_json::to_string(&control.requests()).unwrap();
    assert!(log.contains("rq=***") && !log.contains(&m.rq));
}

/// Whoever is led there by the answer to an order is there before anybody has looked at that.
#[test]
fn a_link_that_is_followed_at_once_says_that_something_is_missing_and_leads_there_later() {
    let m = Manager::of(&json!({"clientUserId": "u"}));
    let order = m.s.sandbox.control().order("u");
    for state in [OrderState::Created, OrderState::InProgress] {
        order.wait_for(state).unwrap();
        let (status, text) = m.page("");
        assert!(
            status == 200 && text.contains("Something is missing."),
            "{text}"
        );
        assert_eq!(m.leave()["error"], "No Tasks Available");
    }
    order.wait_for(OrderState::Pended).unwrap();
    assert!(m.page("").1.contains("Your tasks"));
    let m = Manager::of(&json!({"clientUserId": "u"}));
    let text = m.page("").1;
    let (_, again) = text.split_once("<p><a href=\"").unwrap();
    let (again, _) = again.split_once("\">Look again</a>").unwrap();
    let order = m.s.sandbox.control().order("u");
    order.wait_for(OrderState::Pended).unwrap();
    let answer = m.s.get(&again.replace("&amp;", "&"), &[]);
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(text.contains("Your tasks") && text.contains("name=\"callback\""));
}

#[test]
fn where_nothing_lacks_there_is_nothing_to_do() {
    let m = Manager::of(&json!({
        "clientUserId": "u", "firstName": "Testina", "lastName": "Sandboxer", "gender": "female",
        "dateOfBirth": "1980-04-09", "ssn": "900-12-3456",
        "address": {"street1": "1 Fixture Way", "city": "Testville", "state": "OR", "zip": "02134"},
        "attachments": [{
            "type": "hipaaAuthorization", "contentType": "application/pdf",
            "encoding": "base64", "content": "JVBERi0xLjcK",
        }],
    }));
    let (status, text) = m.page("");
    assert!(status == 200 && text.contains("There is nothing to do"));
    assert!(!text.contains("Look again"));
    assert_eq!(m.leave()["error"], "No Tasks Available");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let alone = format!("clientId={}&rq={}", m.s.app.client_id, m.rq);
    let left =
        m.s.send(request(Method::POST, "/tasks/done", &headers, alone));
    let text = String::from_utf8(left.body().to_vec()).unwrap();
    assert!(left.status() == 200 && text.contains("You are done here"));
}
