//! The Connect page and the hosted link: who is let in, what is remembered, what is told.

use std::time::Duration;

use http::Method;
use humanapi_sandbox::{Assumption, DemoApp, Sandbox};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::support::*;

const CALLBACK: &str = "https://app.example.test/connected";

fn page(s: &Offline, path: &str) -> (u16, String) {
    let response = s.get(path, &[]);
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    (response.status().as_u16(), text)
}

fn act(s: &Offline, token: &str, source: &str, action: &str) -> Value {
    let wish = json!({"token": token, "action": action});
    body(&s.post_json(&format!("/connect/sources/{source}"), &wish))
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

#[test]
fn both_forms_of_the_address_open_connect() {
    let s = Offline::new();
    let token = s.session("u");
    for path in [
        format!("/?token={token}&mode=auth"),
        format!("/?token={token}"),
        format!("/?token={token}&pisId=x&mode=select&clientId=undefined&preseededSources=W10="),
        format!("/?mode=auth&token={token}&segment=a%20b"),
    ] {
        let (status, text) = page(&s, &path);
        assert_eq!(status, 200, "{path}");
        assert!(text.contains("Strider") && text.contains("Done"));
    }
    let (status, text) = page(&s, "/?mode=select");
    assert!(status == 200 && text.contains("Strider") && !text.contains("data-source="));
    assert!(page(&s, "/").1.contains("Latest requests"));
    assert_eq!(
        page(&s, "/images/data-source-type-icons/launch-connect-text.svg").0,
        200
    );
}

#[test]
fn a_token_that_does_not_open_connect_has_its_status() {
    let s = Offline::new();
    let session = s.session("u");
    let access = s.access("v", &["strider"]);
    let check = |path: &str, status: &str| {
        let (code, text) = page(&s, path);
        assert_eq!(code, 401, "{path}");
        assert!(text.contains(status), "{path}");
    };
    check("/?mode=auth", "MISSING_SESSION_TOKEN");
    check("/?token=", "MISSING_SESSION_TOKEN");
    check("/?pisId=x", "MISSING_SESSION_TOKEN");
    check("/?mode=select&preseed=true", "MISSING_SESSION_TOKEN");
    check("/?token=garbage", "SESSION_TOKEN_INVALID");
    check("/?token=%ff", "SESSION_TOKEN_INVALID");
    check(&format!("/?token={access}"), "SESSION_TOKEN_INVALID");
    let done = |token: &str| body(&s.post_json("/connect/done", &json!({"token": token})));
    assert_eq!(done("garbage")["status"], "SESSION_TOKEN_INVALID");
    s.sandbox
        .control()
        .advance_clock(Duration::from_secs(3600))
        .unwrap();
    check(&format!("/?token={session}"), "SESSION_TOKEN_EXPIRED");
    assert_eq!(
        done(&session),
        json!({
            "type": "hapi-connect-close",
            "status": "SESSION_TOKEN_EXPIRED",
            "sessionResults": {"connectedSources": [], "disconnectedSources": [], "requestedSources": []},
            "currentConnections": [],
            "requestedProviders": [],
        })
    );
}

#[test]
fn a_sitting_tells_and_remembers_what_was_done() {
    let s = Offline::new();
    let token = s.session("u");
    let connected = act(&s, &token, "strider", "connect");
    assert_eq!(connected["type"], "hapi-connect-connect-source");
    assert_eq!(connected["status"], "CONNECTED_SOURCE");
    act(&s, &token, "65a0f3c2d4b1e09876540001", "connect");
    let disconnected = act(&s, &token, "strider", "disconnect");
    assert_eq!(disconnected["type"], "hapi-connect-disconnect-source");
    assert_eq!(disconnected["status"], "DISCONNECTED_SOURCE");
    let wish =
        json!({"token": token, "physician": "Dr. Test", "website": "https://d.example.test"});
    s.post_json("/connect/requests", &wish);
    let close = body(&s.post_json("/connect/done", &json!({"token": token})));
    assert_eq!(
        (&close["type"], &close["status"]),
        (&json!("hapi-connect-close"), &json!("SUCCESS"))
    );
    let results = &close["sessionResults"];
    assert_eq!(names(&results["connectedSources"]), ["Sandbox Clinic"]);
    assert_eq!(names(&results["disconnectedSources"]), ["Strider"]);
    assert_eq!(results["requestedSources"][0]["physician"], "Dr. Test");
    assert_eq!(results["requestedSources"][0]["healthSystem"], "N/A");
    assert_eq!(close["requestedProviders"], results["requestedSources"]);
    assert_eq!(names(&close["currentConnections"]), ["Sandbox Clinic"]);
    let id = close["currentConnections"][0]["id"].as_str().unwrap();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));

    // A later sitting has its own results, and the connections of all.
    let token = s.granted(CONNECT, "id", "u", "id_token");
    act(&s, &token, "pulseband", "connect");
    let close = body(&s.post_json("/connect/done", &json!({"token": token})));
    assert_eq!(
        names(&close["sessionResults"]["connectedSources"]),
        ["Pulseband"]
    );
    assert_eq!(
        names(&close["currentConnections"]),
        ["Sandbox Clinic", "Pulseband"]
    );
    assert!(
        page(&s, &format!("/?token={token}"))
            .1
            .contains("2 sources connected")
    );
}

#[test]
fn a_session_outlives_connecting_unless_told_otherwise() {
    let s = Offline::new();
    let token = s.session("u");
    act(&s, &token, "strider", "connect");
    assert_eq!(page(&s, &format!("/?token={token}")).0, 200);
    let control = s.sandbox.control();
    control
        .set_assumption(Assumption::SessionAfterConnect, "ended")
        .unwrap();
    assert_eq!(page(&s, &format!("/?token={token}")).0, 401);
}

#[test]
fn actions_are_posts_on_known_sources() {
    let s = Offline::new();
    let token = s.session("u");
    let wish = json!({"token": token});
    assert_eq!(s.post_json("/connect/sources/nowhere", &wish).status(), 404);
    assert_eq!(s.post_json("/connect/nothing", &wish).status(), 404);
    assert_eq!(s.get("/connect/sources/strider", &[]).status(), 405);
    assert_eq!(s.post_json("/", &wish).status(), 405);
    let odd = json!({"token": token, "action": "explode"});
    assert_eq!(s.post_json("/connect/sources/strider", &odd).status(), 400);
    assert_eq!(
        s.post_json("/connect/sources/strider", &json!({})).status(),
        401
    );
    assert!(
        s.sandbox.control().users(&s.app.client_id).unwrap()[0]
            .sources
            .is_empty()
    );
}

#[test]
fn a_hosted_link_leads_back_to_listed_addresses_only() {
    let s = Offline::new();
    let token = s.session("u");
    let id = s.app.client_id.as_str();
    let open = |client_id: &str, callback: &str| {
        page(
            &s,
            &format!("/connect?clientId={client_id}&token={token}&callback={callback}"),
        )
        .0
    };
    assert_eq!(open(id, "https%3A%2F%2Fapp.example.test%2Fconnected"), 200);
    assert_eq!(open(id, CALLBACK), 200);
    assert_eq!(open(id, "exampleapp://connected"), 200);
    assert_eq!(open(id, "https://evil.test/connected"), 400);
    assert_eq!(open(id, "https://app.example.test/connected/../evil"), 400);
    assert_eq!(open(id, "javascript:alert(1)"), 400);
    assert_eq!(open(id, ""), 400);
    assert_eq!(open("none", CALLBACK), 400);
    assert_eq!(open(&s.sandbox.app(DemoApp::Hip).client_id, CALLBACK), 401);
    assert_eq!(
        page(&s, &format!("/connect?clientId={id}&callback={CALLBACK}")).0,
        401
    );
    assert_eq!(page(&s, "/connect").0, 400);
    let own = Sandbox::builder()
        .callback("http://127.0.0.1:3000/back")
        .build_offline();
    assert!(
        own.app(DemoApp::Connect)
            .callbacks
            .contains(&"http://127.0.0.1:3000/back".to_owned())
    );
}

#[test]
fn leaving_a_hosted_link_carries_json_back() {
    let s = Offline::new();
    let token = s.session("u");
    act(&s, &token, "strider", "connect");
    let leave = |token: &str, callback: &str| {
        let form = format!(
            "token={token}&clientId={}&callback={callback}",
            s.app.client_id
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        s.send(request(Method::POST, "/connect/done", &headers, form))
    };
    let response = leave(&token, "exampleapp%3A%2F%2Fconnected%3Fstate%3D1");
    assert_eq!(response.status(), 303);
    let location = header(&response, "location").unwrap();
    let query = location
        .strip_prefix("exampleapp://connected?state=1&")
        .unwrap();
    let value = |name: &str| {
        let pair = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
            .unwrap();
        percent_encoding::percent_decode_str(pair)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    assert_eq!(value("status"), "SUCCESS");
    let results: Value = serde_json::from_str(&value("sessionResults")).unwrap();
    assert_eq!(names(&results["connectedSources"]), ["Strider"]);
    let current: Value = serde_json::from_str(&value("currentConnections")).unwrap();
    assert_eq!(names(&current), ["Strider"]);
    assert!(!location.contains(&token));

    let expired = leave("garbage", "exampleapp://connected");
    assert!(
        header(&expired, "location")
            .unwrap()
            .contains("status=SESSION_TOKEN_INVALID")
    );
    assert_eq!(leave(&token, "https://evil.test/").status(), 400);
}

#[test]
fn a_form_without_script_comes_back_to_its_page() {
    let s = Offline::new();
    let token = s.session("u");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("token={token}&action=connect");
    let response = s.send(request(
        Method::POST,
        "/connect/sources/strider",
        &headers,
        form,
    ));
    assert_eq!(response.status(), 303);
    let location = header(&response, "location").unwrap();
    let (status, text) = page(&s, location);
    assert!(status == 200 && text.contains("1 source connected"));
}

/// What lies between two marks, each time that they occur.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(start).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

fn source(text: &str) -> String {
    let hash = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        sha2::Sha256::digest(text),
    );
    format!("'sha256-{hash}'")
}

#[test]
fn pages_keep_tokens_and_scripts_to_themselves() {
    let s = Offline::new();
    let token = s.session("<script>alert(1)</script>");
    let id = s.app.client_id.as_str();
    for (path, framed) in [
        (format!("/?token={token}"), true),
        (format!("/?token={token}&show=strider"), true),
        (format!("/?token={token}&show=request"), true),
        ("/?token=%22%3E%3Cscript%3E".to_owned(), true),
        ("/?mode=select".to_owned(), true),
        (
            format!("/connect?clientId={id}&token={token}&callback={CALLBACK}"),
            true,
        ),
        ("/connect?clientId=%3Cscript%3E".to_owned(), true),
        ("/".to_owned(), false),
        ("/sandbox/dashboard".to_owned(), false),
    ] {
        let response = s.get(&path, &[]);
        assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        let frames = header(&response, "x-frame-options");
        assert_eq!(frames, (!framed).then_some("DENY"), "{path}");
        let policy = header(&response, "content-security-policy").unwrap();
        let rules: Vec<_> = policy.split("; ").collect();
        let text = std::str::from_utf8(response.body()).unwrap();
        let style = source(between(text, "<style>", "</style>")[0]);
        let script = between(text, "<script>", "</script>")
            .first()
            .map_or("'none'".to_owned(), |script| source(script));
        let forms = rules[4];
        let mut expected = vec![
            "default-src 'none'".to_owned(),
            format!("style-src {style}"),
            format!("script-src {script}"),
            "connect-src 'self'".to_owned(),
            forms.to_owned(),
            "base-uri 'none'".to_owned(),
        ];
        expected.extend((!framed).then(|| "frame-ancestors 'none'".to_owned()));
        assert_eq!(rules, expected, "{path}");
        let to_app = path.contains(CALLBACK);
        let allowed = if to_app {
            "form-action 'self' https://app.example.test"
        } else if framed && !text.contains("cannot be opened") {
            "form-action 'self'"
        } else {
            "form-action 'none'"
        };
        assert_eq!(forms, allowed, "{path}");
        assert!(text.matches("<script").count() <= 1 && !text.contains(" style=\""));
        for from_outside in ["src=\"", "<link", "@import", "url(", " onclick", " onload"] {
            assert!(!text.contains(from_outside), "{path} has {from_outside}");
        }
        assert!(text.contains("<html lang=\"en\">"));
    }
}
