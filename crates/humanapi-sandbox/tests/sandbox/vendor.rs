//! The vendor's own documents, by which schemathesis calls a sandbox and judges what it answers.
//!
//! The documents are not part of this repository. They lie beside it, in `../shared/openapi`, or where
//! `HUMANAPI_VENDOR_DOCUMENTS` says. What contradicts itself in them stands in `tests/vendor/contradictions.json`, and
//! nothing else is read otherwise than it is written.

use std::path::PathBuf;
use std::process::Command;

use humanapi_sandbox::{Assumption, DemoApp, OrderState, Sandbox};
use humanapi_testkit::{skip, vendor};
use serde_json::{Value, json};

/// Where `.ci/install` puts it.
fn python() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let folder = home.join(".cache/humanapi/schemathesis/bin");
    let is_there = folder.join("schemathesis").is_file();
    is_there.then(|| folder.join("python"))
}

fn post(url: &str, token: &str, wish: &Value) -> Value {
    let answer = ureq::post(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .send(wish.to_string());
    let text = answer.unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_vendors_documents_find_nothing_wrong_but_where_they_contradict_themselves() {
    let test =
        "vendor::the_vendors_documents_find_nothing_wrong_but_where_they_contradict_themselves";
    let Some(python) = python() else {
        return skip(test, "schemathesis");
    };
    let Some(documents) = vendor::files(test, "per-operation") else {
        return;
    };
    let documents = documents[0].parent().unwrap();
    let sandbox = Sandbox::builder()
        .assume(Assumption::ProviderFields, "as-schema")
        .unwrap()
        .start()
        .unwrap();
    let app = sandbox.app(DemoApp::Hip);
    let at = |path: &str| format!("{}{path}", sandbox.url());
    let wish = json!({
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "type": "client",
    });
    let token = post(&at("/v1/admin/token"), "", &wish)["client_token"].clone();
    let token = token.as_str().unwrap();
    let control = sandbox.control();
    let user = control
        .order("documented")
        .placed(OrderState::Completed)
        .unwrap();
    let under_way = control.order("under-way").placed(OrderState::Pended);
    let under_way = under_way.unwrap();
    let subscription = json!({
        "clientUserId": "documented",
        "subscriberEmail": "p-9@example.test",
        "role": "producer",
    });
    let subscription = post(&at("/api/v1/subscriptions"), token, &subscription);
    let groups = ureq::get(at("/api/v1/user/reports?clientUserId=documented"))
        .header("authorization", format!("Bearer {token}"))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let groups: Value = serde_json::from_str(&groups).unwrap();
    let values = json!({
        "humanId": user.human_id,
        "clientUserId": "documented",
        "subscriptionId": subscription[0]["id"],
        "subscriberEmail": "p-9@example.test",
        "reportId": groups[0]["reports"][0]["id"],
        "underWay": {"humanId": under_way.human_id, "clientUserId": "under-way"},
    });
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vendor/validate.py");
    let run = Command::new(python)
        .arg(script)
        .arg(documents)
        .arg(sandbox.url())
        .arg(values.to_string())
        .env("HUMANAPI_CLIENT_TOKEN", token)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    let problem = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}{problem}");
    // It looked, and not only at refusals.
    assert!(told.contains("13 selected / 13 total"), "{told}");
    let answers = control.requests();
    let taken = |method: &str, path: &str| {
        let is_it = |one: &&humanapi_sandbox::LoggedRequest| {
            one.method == method && one.path.starts_with(path)
        };
        let taken = answers.iter().filter(is_it);
        taken
            .filter(|one| one.status.is_some_and(|status| status < 300))
            .count()
    };
    for (method, path) in [
        ("GET", "/api/v1/order-types"),
        ("GET", "/api/v1/users?"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/providers?"),
        ("GET", &format!("/api/v1/users/{}", user.human_id)),
        ("POST", "/api/v1/users/actions"),
        ("POST", "/api/v1/subscriptions"),
        ("GET", "/api/v1/subscriptions?"),
        ("GET", "/api/v1/subscriptions/"),
        ("DELETE", "/api/v1/subscriptions/"),
        ("GET", "/api/v1/user/reports?"),
        ("GET", "/api/v1/user/reports/"),
        ("POST", "/api/v1/resources/consumer-link"),
    ] {
        assert!(taken(method, path) > 0, "{method} {path} was never taken");
    }
}
