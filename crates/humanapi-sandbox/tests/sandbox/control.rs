//! The control API and its guards, without a socket.

use http::Method;
use humanapi_sandbox::{ControlError, DemoApp, Sandbox, Source, TokenKind};
use serde_json::{Value, json};

use crate::support::*;

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn every_call_does_what_its_twin_does() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let client_id = s.app.client_id.as_str();
    let session = s.session("Ünï ✓");
    let user = json!({"client_id": client_id, "client_user_id": "Ünï ✓"});
    let mut with_source = user.clone();
    with_source["source"] = json!("Strider");

    let connected = body(&s.post_json("/sandbox/sources/connect", &with_source));
    assert_eq!(
        (&connected["status"], &connected["sources"][0]["name"]),
        (&json!("connected"), &json!("Strider"))
    );
    let users = body(&s.get("/sandbox/users", &[]));
    assert_eq!(users, json!([connected]));
    assert_eq!(
        body(&s.get(&format!("/sandbox/users?client_id={client_id}"), &[])),
        users
    );
    let other = s.sandbox.app(DemoApp::Hip).client_id;
    assert_eq!(
        body(&s.get(&format!("/sandbox/users?client_id={other}"), &[])),
        json!([])
    );
    let disconnected = body(&s.post_json("/sandbox/sources/disconnect", &with_source));
    assert_eq!(disconnected["sources"], json!([]));
    assert_eq!(s.post_json("/sandbox/users/delete", &user).status(), 204);
    assert_eq!(s.post_json("/sandbox/users/delete", &user).status(), 404);

    assert_eq!(
        body(&s.get("/sandbox/clock", &[])),
        json!({"now": "2026-01-15T09:00:00.000Z", "frozen": true})
    );
    let moved = body(&s.post_json("/sandbox/clock/advance", &json!({"seconds": 90})));
    assert_eq!(moved["now"], "2026-01-15T09:01:30.000Z");
    assert_eq!(
        s.post_json("/sandbox/clock/advance", &json!({"seconds": -1}))
            .status(),
        400
    );
    assert_eq!(
        s.post_json("/sandbox/clock/advance", &json!({"seconds": u64::MAX}))
            .status(),
        400
    );

    let fault =
        json!({"kind": "status", "status": 503, "retry_after": 2, "path": "/v1", "times": 3});
    assert_eq!(s.post_json("/sandbox/faults", &fault).status(), 201);
    assert_eq!(body(&s.get("/sandbox/faults", &[]))[0]["retry_after"], "2");
    assert_eq!(
        s.send(request(Method::DELETE, "/sandbox/faults", &[JSON], ""))
            .status(),
        204
    );
    assert!(control.faults().is_empty());
    let nonsense = s.post_json("/sandbox/faults", &json!({"kind": "status", "status": 99}));
    assert_eq!(
        (nonsense.status().as_u16(), &body(&nonsense)["error"]),
        (400, &json!("invalid-fault"))
    );

    let requests = body(&s.get("/sandbox/requests", &[]));
    assert_eq!(requests[0]["client_user_id"], "Ünï ✓");
    assert_eq!(requests[0]["token_kind"], "session");
    assert_eq!(
        s.send(request(Method::DELETE, "/sandbox/requests", &[JSON], ""))
            .status(),
        204
    );
    assert!(control.requests().is_empty());

    let set = s.post_json(
        "/sandbox/assumptions",
        &json!({"name": "id-response", "value": "lean"}),
    );
    assert_eq!(body(&set)["value"], "lean");
    let bad = s.post_json(
        "/sandbox/assumptions",
        &json!({"name": "id-response", "value": "fat"}),
    );
    assert_eq!(bad.status(), 400);
    let all = body(&s.get("/sandbox/assumptions", &[]));
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == "id-response" && one["value"] == "lean")
    );

    let kind = body(&s.post_json("/sandbox/tokens/kind", &json!({"token": session})));
    assert_eq!(kind, json!({"kind": "session"}));
    assert_eq!(
        s.post_json("/sandbox/tokens/revoke", &json!({"token": session}))
            .status(),
        204
    );
    assert_eq!(
        s.post_json("/sandbox/tokens/revoke", &json!({"token": "foreign"}))
            .status(),
        404
    );
    assert_eq!(body(&s.get("/sandbox/exchanges", &[]))["session"], 1);
    assert_eq!(
        body(&s.get("/sandbox/apps", &[]))[0]["client_secret"],
        s.app.client_secret
    );
    assert_eq!(
        body(&s.get("/sandbox/sources", &[]))
            .as_array()
            .unwrap()
            .len(),
        Source::ALL.len()
    );

    assert_eq!(s.post_json("/sandbox/reset", &json!({})).status(), 204);
    assert_eq!(body(&s.get("/sandbox/users", &[])), json!([]));
    assert_eq!(body(&s.get("/sandbox/exchanges", &[]))["session"], 0);
    assert_eq!(
        body(&s.get("/sandbox/clock", &[]))["now"],
        "2026-01-15T09:00:00.000Z"
    );
}

#[test]
fn unknown_things_have_typed_errors() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let id = s.app.client_id.as_str();
    assert!(matches!(
        control.users("none"),
        Err(ControlError::UnknownApp { .. })
    ));
    let unknown = control.connect_source(id, "nobody", "strider");
    assert!(matches!(unknown, Err(ControlError::UnknownUser { .. })));
    s.session("u");
    let unknown = control.connect_source(id, "u", "nowhere");
    assert!(matches!(unknown, Err(ControlError::UnknownSource { .. })));
    assert!(matches!(
        control.revoke_token("x"),
        Err(ControlError::UnknownToken)
    ));
    assert_eq!(control.issued_token_kind("demo"), None);
    let token = s.session("u");
    assert_eq!(control.issued_token_kind(&token), Some(TokenKind::Session));
    assert_eq!(control.find_user(id, "nobody").unwrap(), None);
}

#[test]
fn changes_from_other_sites_are_refused() {
    let s = Offline::new();
    let advance = |headers: &[(&str, &str)]| {
        let body = json!({"seconds": 1}).to_string();
        let response = s.send(request(
            Method::POST,
            "/sandbox/clock/advance",
            headers,
            body,
        ));
        response.status().as_u16()
    };
    let host = ("host", "127.0.0.1:8080");
    assert_eq!(advance(&[JSON]), 200);
    assert_eq!(
        advance(&[host, JSON, ("origin", "http://127.0.0.1:8080")]),
        200
    );
    assert_eq!(
        advance(&[host, JSON, ("sec-fetch-site", "same-origin")]),
        200
    );
    for headers in [
        &[host, JSON, ("origin", "https://evil.test")][..],
        &[host, JSON, ("origin", "null")],
        &[host, JSON, ("origin", "http://127.0.0.1:8081")],
        &[host, JSON, ("origin", "https://127.0.0.1:8080")],
        &[host, JSON, ("sec-fetch-site", "cross-site")],
        &[host, JSON, ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(advance(headers), 403, "{headers:?}");
    }
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
    ] {
        assert_eq!(advance(headers), 415, "{headers:?}");
    }
    assert_eq!(
        s.send(request(Method::DELETE, "/sandbox/requests", &[], ""))
            .status(),
        415
    );
    assert_eq!(
        body(&s.get("/sandbox/clock", &[]))["now"],
        "2026-01-15T09:00:03.000Z"
    );
}

#[test]
fn foreign_hosts_are_refused_everywhere() {
    let s = Offline::new();
    for path in ["/", "/v1/human", "/sandbox/apps", "/connect"] {
        let response = s.get(
            path,
            &[("host", "evil.test"), ("authorization", "Bearer demo")],
        );
        assert_eq!(response.status(), 421, "{path}");
        assert_eq!(body(&response)["error"], "unknown-host");
        let absolute = s.get(&format!("http://evil.test{path}"), &[("host", "127.0.0.1")]);
        assert_eq!(absolute.status(), 421, "{path}");
    }
    let two = s.get("/v1/human", &[("host", "127.0.0.1"), ("host", "evil.test")]);
    assert_eq!(two.status(), 421);
    let named = Sandbox::builder()
        .allow_host("sandbox.example.test")
        .build_offline();
    let get = request(Method::GET, "/", &[("host", "sandbox.example.test:80")], "");
    assert_eq!(named.answer(get).unwrap().status(), 200);
}

#[test]
fn wrong_calls_and_bodies_are_answered() {
    let s = Offline::new();
    let response = s.get("/sandbox/reset", &[]);
    assert_eq!(
        (response.status().as_u16(), header(&response, "allow")),
        (405, Some("POST"))
    );
    for path in [
        "/sandbox",
        "/sandbox/",
        "/sandbox/none",
        "/sandbox/sandbox/apps",
    ] {
        assert_eq!(s.get(path, &[]).status(), 404, "{path}");
    }
    for text in [
        "",
        "{",
        "[]",
        "{\"token\":1}",
        "{\"token\":\"x\",\"more\":1}",
    ] {
        let response = s.send(request(
            Method::POST,
            "/sandbox/tokens/revoke",
            &[JSON],
            text.to_owned(),
        ));
        assert_eq!(response.status(), 400, "{text}");
    }
    let long = "x".repeat(1024 * 1024 + 1);
    assert_eq!(
        s.send(request(Method::POST, "/sandbox/reset", &[JSON], long))
            .status(),
        413
    );
}

#[test]
fn the_log_and_the_dashboard_hold_no_secret() {
    let s = Offline::new();
    let session = s.session("u");
    let access = s.access("v", &["strider"]);
    s.get(&format!("/?token={session}&mode=auth"), &[]);
    s.get(&format!("/v1/human?access_token={access}"), &[]);
    s.read("/v1/human", &access);
    s.post_json("/connect/done", &json!({"token": session}));
    let log = serde_json::to_string(&s.sandbox.control().requests()).unwrap();
    let dashboard = s.get("/", &[]);
    let dashboard = String::from_utf8(dashboard.body().to_vec()).unwrap();
    let debug = format!("{:?} {:?}", s.sandbox.control().requests(), s.app);
    for text in [&log, &dashboard, &debug] {
        for secret in [&session, &access, &s.app.client_secret] {
            assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
        }
    }
    assert!(log.contains("access_token=***"));
    assert!(dashboard.contains("connected"));
}

#[test]
fn every_answer_says_what_it_is() {
    let s = Offline::new();
    let server = concat!(
        "humanapi-sandbox/",
        env!("CARGO_PKG_VERSION"),
        " (for development and tests only)"
    );
    for path in [
        "/",
        "/?token=x",
        "/v1/human",
        "/sandbox/apps",
        "/sandbox/none",
        "/nothing",
        CONNECT,
    ] {
        assert_eq!(header(&s.get(path, &[]), "server"), Some(server), "{path}");
    }
    let foreign = s.get("/", &[("host", "evil.test")]);
    assert_eq!(header(&foreign, "server"), Some(server));
}

#[test]
fn the_log_tells_who_asked_for_what() {
    let s = Offline::new();
    let access = s.access("u", &["strider"]);
    s.sandbox.control().clear_requests();
    s.read("/v1/human?limit=1", &access);
    s.token(CONNECT, "id", "u");
    let log: Vec<Value> = s
        .sandbox
        .control()
        .requests()
        .iter()
        .map(|entry| {
            json!([
                entry.method,
                entry.path,
                entry.status,
                entry.token_kind,
                entry.client_user_id
            ])
        })
        .collect();
    assert_eq!(
        log,
        [
            json!(["GET", "/v1/human?limit=1", 200, "access", "u"]),
            json!(["POST", "/v1/connect/token", 200, "id", "u"]),
        ]
    );
}

#[test]
fn a_header_that_says_where_a_call_comes_from_is_given_once() {
    let s = Offline::new();
    let host = ("host", "127.0.0.1:8080");
    let own = ("origin", "http://127.0.0.1:8080");
    let evil = ("origin", "https://evil.test");
    let inside = ("sec-fetch-site", "same-origin");
    let outside = ("sec-fetch-site", "cross-site");
    for doubled in [
        [own, evil],
        [evil, own],
        [own, own],
        [inside, outside],
        [inside, inside],
    ] {
        let headers = [&[host, JSON][..], &doubled].concat();
        let post = request(Method::POST, "/sandbox/reset", &headers, "{}");
        assert_eq!(s.send(post).status(), 403, "{doubled:?}");
        let watch = request(Method::GET, "/sandbox/events", &headers, "");
        assert_eq!(s.send(watch).status(), 403, "{doubled:?}");
    }
    let twice = [JSON, ("content-type", "text/plain")];
    let post = request(Method::POST, "/sandbox/reset", &twice, "{}");
    assert_eq!(s.send(post).status(), 415);
    let post = request(
        Method::POST,
        CONNECT,
        &twice,
        s.wish("session", "u").to_string(),
    );
    assert_eq!(s.send(post).status(), 415);
    let twice = [
        ("authorization", "Bearer demo"),
        ("authorization", "Bearer x"),
    ];
    assert_eq!(s.get("/v1/human", &twice).status(), 401);
}

#[test]
fn a_wrong_method_is_told_the_right_ones_everywhere() {
    let s = Offline::new();
    for (path, allowed) in [
        (CONNECT, "POST"),
        (ADMIN, "POST"),
        ("/v1/human", "OPTIONS, GET, HEAD"),
        ("/v1/human/activities/x", "OPTIONS, GET, HEAD"),
        ("/v1/human/nothing", "OPTIONS, GET, HEAD"),
        ("/", "GET, HEAD"),
        ("/?token=x", "GET, HEAD"),
        ("/connect", "GET, HEAD"),
        ("/favicon.ico", "GET, HEAD"),
        ("/connect/done", "POST"),
        ("/connect/sources/strider", "POST"),
        ("/sandbox/faults", "GET, POST, DELETE"),
        ("/sandbox/reset", "POST"),
        ("/sandbox/events", "GET"),
    ] {
        let put = s.send(request(Method::PUT, path, &[JSON], "{}"));
        assert_eq!(put.status(), 405, "{path}");
        assert_eq!(header(&put, "allow"), Some(allowed), "{path}");
    }
}

#[test]
fn a_user_who_is_not_there_is_made_where_that_is_asked_for() {
    let s = Offline::new();
    let mut wish =
        json!({"client_id": s.app.client_id, "client_user_id": "p17", "source": "strider"});
    let refused = s.post_json("/sandbox/sources/connect", &wish);
    assert_eq!(refused.status(), 404);
    wish["start"] = json!(true);
    let connected = body(&s.post_json("/sandbox/sources/connect", &wish));
    assert_eq!(connected["status"], "connected");
    wish["client_user_id"] = json!("p18");
    wish["source"] = json!("stridr");
    assert_eq!(s.post_json("/sandbox/sources/connect", &wish).status(), 404);
    assert_eq!(s.sandbox.control().user("p18").snapshot(), None);
}

#[test]
fn each_reset_begins_another_log() {
    let s = Offline::of(DemoApp::Connect);
    let log = || {
        let response = s.get("/sandbox/requests", &[]);
        let epoch = response.headers()["x-sandbox-epoch"].clone();
        (epoch, body(&response).as_array().unwrap().len())
    };
    s.get("/v1/human", &[]);
    assert_eq!(log(), (0.into(), 1));
    for life in 1..3_u64 {
        s.sandbox.control().reset();
        assert_eq!(log(), (life.into(), 0));
        for _ in 0..3 {
            s.get("/v1/human", &[]);
        }
        assert_eq!(log(), (life.into(), 3));
    }
    assert_eq!(s.sandbox.control().requests()[0].sequence, 1);
    s.sandbox.control().clear_requests();
    assert_eq!(log(), (2.into(), 0));
}
