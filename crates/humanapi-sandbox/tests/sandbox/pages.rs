//! The Connect page and the hosted link: who is let in, what is remembered, what is told.
//!
//! One piece: each test walks through the same pages, by the few presses and readings above.

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
fn the_page_says_in_which_form_its_script_tells_what_happened() {
    let s = Offline::new();
    let token = s.session("u");
    for form in Assumption::ConnectMessage.values() {
        s.assume(Assumption::ConnectMessage, form);
        for path in [
            format!("/?token={token}"),
            "/?token=none".to_owned(),
            "/?mode=select".to_owned(),
            format!(
                "/connect?clientId={}&token={token}&callback={CALLBACK}",
                s.app.client_id
            ),
        ] {
            let (_, text) = page(&s, &path);
            assert_eq!(between(&text, "data-messages=\"", "\""), [*form], "{path}");
        }
    }
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

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn post_form(s: &Offline, path: &str, form: String) -> http::Response<bytes::Bytes> {
    s.send(request(Method::POST, path, &[FORM], form))
}

fn sign_in(s: &Offline, token: &str, source: &str) -> http::Response<bytes::Bytes> {
    let wish = json!({"token": token, "username": "demouser", "password": "password"});
    s.post_json(&format!("/connect/sources/{source}/sign-in"), &wish)
}

fn give_code(s: &Offline, token: &str, source: &str, code: &str) -> http::Response<bytes::Bytes> {
    let wish = json!({"token": token, "code": code});
    s.post_json(&format!("/connect/sources/{source}/code"), &wish)
}

fn done(s: &Offline, token: &str) -> Value {
    body(&s.post_json("/connect/done", &json!({"token": token})))
}

fn connected(s: &Offline, user: &str) -> usize {
    let user = s
        .sandbox
        .control()
        .find_user(&s.app.client_id, user)
        .unwrap();
    user.unwrap().sources.len()
}

#[track_caller]
fn mistaken(response: &http::Response<bytes::Bytes>, status: u16, error: &str) {
    assert_eq!(response.status(), status);
    let body = body(response);
    assert_eq!(body["error"], error);
    assert!(body["message"].as_str().unwrap().ends_with('.'));
}

#[test]
fn a_source_asks_for_its_username_and_password() {
    let s = Offline::new();
    let token = s.session("u");
    for (username, password) in [
        ("demouser", "wrong"),
        ("someone", "password"),
        ("demouser", ""),
        ("", "password"),
        ("demouser", "password "),
        ("DEMOUSER", "password"),
    ] {
        let wish = json!({"token": token, "username": username, "password": password});
        let response = s.post_json("/connect/sources/strider/sign-in", &wish);
        mistaken(&response, 422, "wrong-sign-in");
        assert_eq!(connected(&s, "u"), 0);
    }
    let response = sign_in(&s, &token, "strider");
    assert_eq!(response.status(), 200);
    assert_eq!(body(&response)["status"], "CONNECTED_SOURCE");
    assert_eq!(connected(&s, "u"), 1);
}

#[test]
fn a_wrong_password_is_told_without_a_script_too() {
    let s = Offline::new();
    let token = s.session("u");
    let path = "/connect/sources/strider/sign-in";
    let form = format!("token={token}&username=%22%3E%3Cb%3Eme&password=hunter2");
    let response = post_form(&s, path, form);
    assert_eq!(response.status(), 422);
    let text = std::str::from_utf8(response.body()).unwrap();
    assert!(text.contains("do not belong together"));
    assert!(text.contains("value=\"&quot;&gt;&lt;b&gt;me\""), "{text}");
    assert!(!text.contains("<b>me") && !text.contains("hunter2"));
    let form = format!("token={token}&username=demouser&password=password");
    let response = post_form(&s, path, form);
    assert_eq!(response.status(), 303);
    let (status, text) = page(&s, header(&response, "location").unwrap());
    assert!(status == 200 && text.contains("1 source connected"));
}

#[test]
fn some_sources_ask_for_a_one_time_code() {
    let s = Offline::new();
    let token = s.session("u");
    let source = "lakeside_family_practice";
    let address = format!("/?token={token}&show={source}");
    mistaken(
        &give_code(&s, &token, source, "123456"),
        409,
        "sign-in-again",
    );
    assert!(page(&s, &address).1.contains("name=\"password\""));

    let response = sign_in(&s, &token, source);
    assert_eq!(response.status(), 202);
    assert_eq!(body(&response), json!({"next": "one-time-code"}));
    assert_eq!(connected(&s, "u"), 0);
    assert!(page(&s, &address).1.contains("name=\"code\""), "it resumes");
    mistaken(
        &give_code(&s, &token, "corner_street_pharmacy", "123456"),
        409,
        "sign-in-again",
    );

    for _ in 0..4 {
        mistaken(&give_code(&s, &token, source, "654321"), 422, "wrong-code");
    }
    mistaken(&give_code(&s, &token, source, ""), 409, "sign-in-again");
    mistaken(
        &give_code(&s, &token, source, "123456"),
        409,
        "sign-in-again",
    );
    assert_eq!(connected(&s, "u"), 0);

    sign_in(&s, &token, source);
    let other = s.session("u");
    mistaken(
        &give_code(&s, &other, source, "123456"),
        409,
        "sign-in-again",
    );
    for _ in 0..2 {
        let response = give_code(&s, &token, source, " 123456 ");
        assert_eq!(response.status(), 200);
        assert_eq!(body(&response)["status"], "CONNECTED_SOURCE");
    }
    let close = done(&s, &token);
    assert_eq!(
        names(&close["sessionResults"]["connectedSources"]),
        ["Lakeside Family Practice"]
    );
}

#[test]
fn a_code_without_a_script_leads_on_and_back() {
    let s = Offline::new();
    let token = s.session("u");
    let path = "/connect/sources/corner_street_pharmacy";
    let form = format!("token={token}&username=demouser&password=password");
    let response = post_form(&s, &format!("{path}/sign-in"), form);
    assert_eq!(response.status(), 303);
    let asked = page(&s, header(&response, "location").unwrap()).1;
    assert!(asked.contains("Enter your code") && asked.contains("123456"));
    let response = post_form(&s, &format!("{path}/code"), format!("token={token}&code=1"));
    assert_eq!(response.status(), 422);
    assert!(String::from_utf8_lossy(response.body()).contains("That is not the code."));
    let response = post_form(
        &s,
        &format!("{path}/code"),
        format!("token={token}&code=123456"),
    );
    assert_eq!(response.status(), 303);
    let response = post_form(
        &s,
        &format!("{path}/code"),
        "token=garbage&code=1".to_owned(),
    );
    let (status, text) = page(&s, header(&response, "location").unwrap());
    assert!(status == 401 && text.contains("SESSION_TOKEN_INVALID"));
}

#[test]
fn pressing_twice_connects_once() {
    let s = Offline::new();
    let token = s.session("u");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(sign_in(&s, &token, "strider").status(), 200));
            scope.spawn(|| act(&s, &token, "strider", "connect"));
        }
    });
    let close = done(&s, &token);
    assert_eq!(
        names(&close["sessionResults"]["connectedSources"]),
        ["Strider"]
    );
    assert_eq!(names(&close["currentConnections"]), ["Strider"]);
    for _ in 0..2 {
        act(&s, &token, "strider", "disconnect");
    }
    let close = done(&s, &token);
    assert_eq!(
        names(&close["sessionResults"]["disconnectedSources"]),
        ["Strider"]
    );
    assert!(names(&close["currentConnections"]).is_empty());
}

#[test]
fn a_requested_provider_is_reported_once_and_shown() {
    let s = Offline::new();
    let token = s.session("u");
    let wish = json!({
        "token": token,
        "physician": "Dr. <script>\"'&",
        "healthSystem": "Test Health",
        "address": "1 Test Street",
        "website": "https://d.example.test",
    });
    for _ in 0..2 {
        assert_eq!(s.post_json("/connect/requests", &wish).status(), 200);
    }
    let record = json!({
        "address": "1 Test Street",
        "healthSystem": "Test Health",
        "location": {"latitude": 0.0, "longitude": 0.0},
        "physician": "Dr. <script>\"'&",
        "website": "https://d.example.test",
    });
    let close = done(&s, &token);
    assert_eq!(close["sessionResults"]["requestedSources"], json!([record]));
    assert_eq!(close["requestedProviders"], json!([record]));
    let text = page(&s, &format!("/?token={token}")).1;
    assert!(
        text.contains("<bdi>Dr. &lt;script&gt;&quot;'&amp;</bdi>"),
        "{text}"
    );

    let blank = json!({"token": token, "physician": " ", "website": "https://d.example.test"});
    mistaken(
        &s.post_json("/connect/requests", &blank),
        422,
        "nothing-requested",
    );
    let response = post_form(&s, "/connect/requests", format!("token={token}&physician="));
    assert_eq!(response.status(), 422);
    assert!(String::from_utf8_lossy(response.body()).contains("Name a doctor"));

    // A later sitting knows of it, but has not asked for anything itself.
    let close = done(&s, &s.session("u"));
    assert_eq!(close["sessionResults"]["requestedSources"], json!([]));
    assert_eq!(close["requestedProviders"], json!([record]));

    for number in 0..200 {
        let wish = json!({"token": token, "physician": format!("Dr. {number}")});
        s.post_json("/connect/requests", &wish);
    }
    let kept = done(&s, &token)["requestedProviders"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(kept, 100);
}

#[test]
fn new_and_returning_users_are_greeted_as_such_and_go_on_where_they_stopped() {
    let s = Offline::new();
    let token = s.session("u");
    let text = page(&s, &format!("/?token={token}")).1;
    assert!(text.contains(">Connect your health data</h1>") && text.contains("a new user"));
    assert!(text.contains("Nothing connected yet") && !text.contains("Disconnect<"));

    act(&s, &token, "strider", "connect");
    let text = page(&s, &format!("/?token={token}")).1;
    assert!(text.contains("Go on where you stopped") && text.contains("1 source connected"));
    assert!(text.contains("Disconnect<span class=\"unseen\"> Strider</span>"));
    // An address from before, in another tab, shows what is true now.
    let old = page(&s, &format!("/?token={token}&show=strider")).1;
    assert!(old.contains("1 source connected") && !old.contains("name=\"password\""));

    let token = s.granted(CONNECT, "id", "u", "id_token");
    let text = page(&s, &format!("/?token={token}")).1;
    assert!(text.contains(">Welcome back</h1>") && text.contains("a returning user"));
    assert!(text.contains("Disconnect<span class=\"unseen\"> Strider</span>"));
}

#[test]
fn a_session_that_expires_in_the_middle_ends_the_next_action() {
    let s = Offline::new();
    let token = s.session("u");
    assert_eq!(
        sign_in(&s, &token, "lakeside_family_practice").status(),
        202
    );
    act(&s, &token, "strider", "connect");
    s.sandbox
        .control()
        .advance_clock(Duration::from_secs(3600))
        .unwrap();
    let ended = json!({
        "type": "hapi-connect-close",
        "status": "SESSION_TOKEN_EXPIRED",
        "sessionResults": {"connectedSources": [], "disconnectedSources": [], "requestedSources": []},
        "currentConnections": [],
        "requestedProviders": [],
    });
    let request_wish = json!({"token": token, "physician": "Dr. Test"});
    for response in [
        sign_in(&s, &token, "pulseband"),
        give_code(&s, &token, "lakeside_family_practice", "123456"),
        s.post_json("/connect/requests", &request_wish),
        s.post_json("/connect/done", &json!({"token": token})),
    ] {
        assert_eq!(response.status(), 401);
        assert_eq!(body(&response), ended);
    }
    assert_eq!(connected(&s, "u"), 1);
    let (status, text) = page(&s, &format!("/?token={token}&show=pulseband"));
    assert!(status == 401 && text.contains("Your session has ended"));
    assert!(text.contains("data-ending=\"{&quot;type&quot;:&quot;hapi-connect-close&quot;"));
    let form = format!(
        "token={token}&clientId={}&callback=exampleapp%3A%2F%2Fconnected",
        s.app.client_id
    );
    let response = post_form(&s, "/connect/done", form);
    let back = header(&response, "location").unwrap();
    assert!(back.starts_with("exampleapp://connected?status=SESSION_TOKEN_EXPIRED&"));
}

#[test]
fn every_category_has_its_tab_and_every_source_its_category() {
    let s = Offline::new();
    let text = page(&s, &format!("/?token={}", s.session("u"))).1;
    for category in ["all", "Medical", "Pharmacy", "Wellness"] {
        assert!(
            text.contains(&format!("id=\"tab-{category}\"")),
            "{category}"
        );
    }
    for source in humanapi_sandbox::Source::ALL {
        let item = between(&text, &format!("data-name=\"{}\"", source.name), "</li>");
        assert_eq!(item.len(), 1, "{}", source.name);
        assert!(item[0].contains(&format!("name=\"show\" value=\"{}\"", source.id)));
    }
}

#[test]
fn what_is_typed_into_a_page_is_kept_out_of_the_log() {
    let s = Offline::new();
    let token = s.session("u");
    sign_in(&s, &token, "strider");
    post_form(
        &s,
        "/connect/sources/pulseband/sign-in",
        format!("token={token}&username=someone&password=hunter2"),
    );
    s.get("/?mode=auth&password=hunter2", &[]);
    let log = serde_json::to_string(&s.sandbox.control().requests()).unwrap();
    for secret in [token.as_str(), "hunter2", "someone", "demouser"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[test]
fn the_dashboard_shows_the_state_and_escapes_what_others_chose() {
    let s = Offline::new();
    let session = s.session("<script>alert(1)</script>\"'");
    let access = s.access("Ünï ✓", &["strider"]);
    s.get("/connect?clientId=%3Cscript%3E", &[]);
    let control = s.sandbox.control();
    let fault = humanapi_sandbox::Fault::status(429)
        .retry_after("2")
        .on_path("/<b>")
        .times(3);
    control.plan_fault(fault).unwrap();
    control
        .set_assumption(Assumption::IdResponse, "lean")
        .unwrap();
    for path in ["/", "/?utm_source=x", "/sandbox/dashboard"] {
        let (status, text) = page(&s, path);
        assert_eq!(status, 200);
        for shown in [
            "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&quot;'</bdi>",
            "<bdi>Ünï ✓</bdi>",
            "status 429, Retry-After 2 · any method · /&lt;b&gt; · 3 times",
            "id-response is lean",
            "1 h 0 min",
            "24 h 0 min",
            "2026-01-15T09:00:00.000Z",
            "(frozen)",
            "Corner Street Pharmacy",
        ] {
            assert!(text.contains(shown), "{path} lacks {shown}");
        }
        for secret in [&session, &access, &s.app.client_secret] {
            assert!(!text.contains(secret.as_str()), "{secret} is in {path}");
        }
        assert!(!text.contains("<b>") && text.matches("<script").count() == 1);
    }
}

#[test]
fn the_dashboard_tells_what_records_a_user_has() {
    let s = Offline::new();
    let (_, text) = page(&s, "/");
    assert!(text.contains("Records come with a connected source."));
    s.access("u", &["strider"]);
    s.persona("u", humanapi_sandbox::Persona::Empty);
    let cell = |text: &str| between(text, "id=\"live-records\"", "</div>")[0].to_owned();
    assert!(cell(&page(&s, "/").1).contains(">none<"));
    s.change(
        "u",
        json!({"change": "insert", "resource": "medical/vitals"}),
    );
    s.change(
        "u",
        json!({"change": "fill", "resource": "weight", "count": 1_000_000}),
    );
    s.change("u", json!({"change": "insert", "resource": "sleeps"}));
    let told = cell(&page(&s, "/").1);
    assert!(told.contains(">weight 1000000, sleeps 1<"), "{told}");
    assert!(told.contains(">empty<"), "{told}");
}

#[test]
fn watching_leaves_no_trace() {
    let watched = Offline::new();
    let plain = Offline::new();
    let fault = || humanapi_sandbox::Fault::status(503);
    watched.sandbox.control().plan_fault(fault()).unwrap();
    for path in ["/", "/favicon.ico", "/sandbox/dashboard", "/sandbox/events"] {
        let status = watched.get(path, &[]).status().as_u16();
        assert!(status == 200 || status == 204, "{path}: {status}");
    }
    assert_eq!(watched.sandbox.control().faults().len(), 1);
    watched.sandbox.control().clear_faults();
    assert!(watched.sandbox.control().requests().is_empty());
    let ask = |s: &Offline| format!("{:?}", s.token(CONNECT, "session", "u"));
    assert_eq!(ask(&watched), ask(&plain));
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
            .map_or_else(|| "'none'".to_owned(), |script| source(script));
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

#[test]
fn leaving_without_a_script_ends_on_a_page_that_says_so() {
    let s = Offline::new();
    let token = s.session("u");
    let response = post_form(&s, "/connect/done", format!("token={token}"));
    assert_eq!(response.status(), 200);
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(text.contains(">You are done here</h1>") && text.contains("data-screen=\"ended\""));
    assert!(!text.contains("<code>"), "{text}");
    let response = post_form(&s, "/connect/done", "token=garbage".to_owned());
    assert_eq!(response.status(), 401);
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(text.contains(">You are done here</h1>") && text.contains("SESSION_TOKEN_INVALID"));
    // Who only looked at the directory has missed no session.
    let (_, looking) = page(&s, "/?mode=select");
    assert!(looking.contains("name=\"mode\" value=\"select\""));
    let response = post_form(&s, "/connect/done", "token=&mode=select".to_owned());
    assert_eq!(response.status(), 200);
    let told = body(&s.post_json("/connect/done", &json!({"token": "", "mode": "select"})));
    assert_eq!(told["status"], "SUCCESS");
}

#[test]
fn what_a_form_has_brought_about_is_told_without_a_script_too() {
    let s = Offline::new();
    let token = s.session("u");
    let follow = |path: &str, form: String| {
        let response = post_form(&s, path, form);
        let location = header(&response, "location").unwrap().to_owned();
        let (_, text) = page(&s, &location);
        let news = between(&text, "<p id=\"news\" role=\"status\">", "</p>");
        (location, news[0].to_owned())
    };
    let sign_in = format!("token={token}&username=demouser&password=password");
    let (connected, news) = follow("/connect/sources/strider/sign-in", sign_in);
    assert_eq!(news, "Strider is connected.");
    let wish = format!("token={token}&physician=Dr.+Test");
    let (_, news) = follow("/connect/requests", wish);
    assert_eq!(news, "Your request was noted.");
    let disconnect = format!("token={token}&action=disconnect");
    let (_, news) = follow("/connect/sources/strider", disconnect);
    assert_eq!(news, "Strider is disconnected.");
    // An address from before says nothing that has become untrue, nor anything of its own.
    for path in [
        connected,
        format!("/?token={token}&told=connected-nowhere"),
        format!("/?token={token}&told=%3Cb%3E"),
    ] {
        let (_, text) = page(&s, &path);
        assert!(
            text.contains("<p id=\"news\" role=\"status\"></p>"),
            "{path}"
        );
    }
}

#[test]
fn without_a_script_the_dashboard_shows_values_and_no_controls() {
    let s = Offline::new();
    let (_, text) = page(&s, "/");
    for form in between(&text, "<form", ">") {
        let hidden = form.contains("data-needs-script hidden") || form.contains("/sandbox/reset");
        assert!(hidden, "{form}");
    }
    let section = between(&text, "aria-labelledby=\"start-over\"", ">");
    assert!(
        section[0].contains("data-needs-script hidden"),
        "{section:?}"
    );
    let selects = between(&text, "data-assumption=", ">");
    assert_eq!(selects.len(), Assumption::ALL.len());
    assert!(
        selects
            .iter()
            .all(|select| select.contains("data-needs-script hidden"))
    );
    let values = text.matches("<noscript><p><code>").count();
    assert_eq!(values, Assumption::ALL.len());
}

#[test]
fn what_is_absurdly_long_is_refused_and_never_repeated() {
    let s = Offline::new();
    let token = s.session("u");
    let long = "x".repeat(900_000);
    for _ in 0..60 {
        for field in ["physician", "healthSystem", "address", "website"] {
            let mut wish = json!({"token": token, "physician": "Dr. Test"});
            wish[field] = json!(long);
            let response = s.post_json("/connect/requests", &wish);
            assert_eq!(response.status(), 400);
            assert_eq!(body(&response)["validation"]["keys"], json!([field]));
            assert!(response.body().len() < 1000);
        }
    }
    for (path, form) in [
        (
            "/connect/sources/strider/sign-in",
            format!("token={token}&username={long}"),
        ),
        ("/connect/done", format!("token={long}")),
        (
            "/connect/done",
            format!(
                "token={token}&clientId={}&callback={CALLBACK}?{long}",
                s.app.client_id
            ),
        ),
    ] {
        let response = post_form(&s, path, form);
        assert_eq!(response.status(), 400, "{path}");
        assert!(response.body().len() < 20_000, "{path}");
    }
    let callback = format!("{CALLBACK}?{}", "x".repeat(3000));
    let path = format!(
        "/connect?clientId={}&token={token}&callback={callback}",
        s.app.client_id
    );
    assert_eq!(page(&s, &path).0, 400);
    let close = s.post_json("/connect/done", &json!({"token": token}));
    assert!(close.body().len() < 1000);
}

#[test]
fn the_report_on_a_callback_fits_an_address_line() {
    let s = Offline::new();
    let token = s.session("u");
    act(&s, &token, "strider", "connect");
    for number in 0..50 {
        let wish = json!({
            "token": token,
            "physician": format!("Dr. {number} {}", "é".repeat(190)),
            "healthSystem": "✓".repeat(200),
            "address": "ü".repeat(300),
            "website": "w".repeat(300),
        });
        assert_eq!(s.post_json("/connect/requests", &wish).status(), 200);
    }
    let form = format!(
        "token={token}&clientId={}&callback={CALLBACK}",
        s.app.client_id
    );
    let response = post_form(&s, "/connect/done", form);
    let location = header(&response, "location").unwrap();
    assert!(location.len() < 8000, "{}", location.len());
    assert!(location.ends_with("&shortened=true"), "{location}");
    assert!(location.contains("currentConnections=%5B%7B%22name%22%3A%22Strider%22"));
}
