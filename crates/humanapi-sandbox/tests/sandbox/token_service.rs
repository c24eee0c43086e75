//! Both token endpoints: what they grant, what they refuse, and every switch of an assumption.
//!
//! One piece: both endpoints are held to the same grants, refusals and switches.

use http::Method;
use humanapi_sandbox::{Assumption, DemoApp, TokenKind, UserStatus};
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn a_session_makes_a_user_and_another_one_finds_the_same() {
    let s = Offline::new();
    let first = body(&s.token(CONNECT, "session", "patient-17"));
    assert_eq!(first["expires_in"], 3600);
    assert_eq!(first.as_object().unwrap().len(), 3);
    let human_id = first["human_id"].as_str().unwrap();
    assert!(human_id.len() == 32 && human_id.bytes().all(|b| b.is_ascii_hexdigit()));
    let second = body(&s.token(CONNECT, "session", "patient-17"));
    assert_eq!(second["human_id"], first["human_id"]);
    assert_ne!(second["session_token"], first["session_token"]);
}

#[test]
fn each_type_is_had_in_its_state_only() {
    let s = Offline::new();
    refused(&s.token(CONNECT, "id", "u"), 404, "UNKNOWN_CLIENT_USER_ID");
    refused(
        &s.token(CONNECT, "access", "u"),
        404,
        "UNKNOWN_CLIENT_USER_ID",
    );
    s.session("u");
    refused(&s.token(CONNECT, "id", "u"), 404, "UNKNOWN_CLIENT_USER_ID");
    refused(
        &s.token(CONNECT, "access", "u"),
        403,
        "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
    );
    s.connect("u", "Strider");
    refused(
        &s.token(CONNECT, "session", "u"),
        403,
        "SESSION_TOKEN_GENERATION_NOT_ALLOWED",
    );
    let id = body(&s.token(CONNECT, "id", "u"));
    assert_eq!(
        (&id["id_token_expires_in"], &id["expires_in"]),
        (&json!(86400), &json!(86400))
    );
    assert!(id["id_token"].is_string() && id["id_refresh_token"].is_string());
    let access = body(&s.token(CONNECT, "access", "u"));
    assert_eq!(
        (&access["expires_in"], &access["token_type"]),
        (&json!(86400), &json!("Bearer"))
    );
    let refresh = access["refresh_token"].as_str().unwrap();
    assert!(
        refresh.starts_with("atrt-") && refresh.len() == 48,
        "{refresh}"
    );
    let control = s.sandbox.control();
    control
        .disconnect_source(&s.app.client_id, "u", "strider")
        .unwrap();
    assert_eq!(
        s.token(CONNECT, "access", "u").status(),
        200,
        "still has connected once"
    );
    control.delete_user(&s.app.client_id, "u").unwrap();
    refused(&s.token(CONNECT, "id", "u"), 404, "UNKNOWN_CLIENT_USER_ID");
    refused(
        &s.token(CONNECT, "access", "u"),
        403,
        "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
    );
    s.session("u");
    refused(
        &s.token(CONNECT, "access", "u"),
        403,
        "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
    );
}

#[test]
fn credentials_and_types_are_checked() {
    let s = Offline::new();
    let with = |name: &str, value: Value| {
        let mut wish = s.wish("session", "u");
        wish[name] = value;
        s.post_json(CONNECT, &wish)
    };
    refused(
        &with("client_id", json!("0".repeat(40))),
        401,
        "INVALID_CLIENT_ID",
    );
    refused(
        &with("client_secret", json!("wrong")),
        401,
        "INVALID_CLIENT_ID_OR_SECRET",
    );
    for kind in ["foo", "client", "Session", "ID"] {
        refused(&with("type", json!(kind)), 400, "INVALID_TOKEN_TYPE");
    }
    s.session("u");
    s.connect("u", "strider");
    assert_eq!(with("type", json!("id_token")).status(), 200);
    let secret_less = |kind: &str| {
        let mut wish = s.wish(kind, "u");
        wish.as_object_mut().unwrap().remove("client_secret");
        s.post_json(CONNECT, &wish)
    };
    assert_eq!(secret_less("id").status(), 200);
    refused(&secret_less("access"), 401, "INVALID_CLIENT_ID_OR_SECRET");
    s.sandbox
        .control()
        .set_assumption(Assumption::ClientSecret, "required")
        .unwrap();
    refused(&secret_less("id"), 401, "INVALID_CLIENT_ID_OR_SECRET");
}

#[test]
fn a_client_token_is_for_applications_with_the_admin_api() {
    let s = Offline::of(DemoApp::Hip);
    let wish = json!({
        "client_id": s.app.client_id, "client_secret": s.app.client_secret, "type": "client",
    });
    let granted = body(&s.post_json(ADMIN, &wish));
    assert_eq!(granted["expires_in"], 86400);
    let token = granted["client_token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(
        s.sandbox.control().issued_token_kind(token),
        Some(TokenKind::Client)
    );
    for app in [DemoApp::NoAdmin, DemoApp::Connect] {
        let s = Offline::of(app);
        refused(
            &s.token(ADMIN, "client", "u"),
            403,
            "CLIENT_TOKEN_GENERATION_NOT_ALLOWED",
        );
    }
    for kind in ["session", "id"] {
        refused(&s.token(ADMIN, kind, "u"), 400, "INVALID_TOKEN_TYPE");
    }
}

#[test]
fn a_hip_application_gets_access_from_the_admin_desk() {
    for app in [DemoApp::Hip, DemoApp::NoAdmin] {
        let s = Offline::of(app);
        refused(
            &s.token(ADMIN, "access", "u"),
            404,
            "UNKNOWN_CLIENT_USER_ID",
        );
        s.session("u");
        refused(
            &s.token(ADMIN, "access", "u"),
            403,
            "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
        );
        s.connect("u", "pulseband");
        refused(&s.token(CONNECT, "access", "u"), 403, "NOT_AUTHORIZED");
        let access = body(&s.token(ADMIN, "access", "u"));
        assert_eq!(access["token_type"], "Bearer");
        let refresh = access["refresh_token"].as_str().unwrap();
        assert!(refresh.len() == 43 && !refresh.starts_with("atrt-"));
        assert_eq!(
            s.read("/v1/human", access["access_token"].as_str().unwrap())
                .status(),
            200
        );
    }
    let s = Offline::new();
    refused(&s.token(ADMIN, "access", "u"), 403, "NOT_AUTHORIZED");
}

#[test]
fn missing_and_mistyped_fields_are_named() {
    let s = Offline::of(DemoApp::Hip);
    let check = |path: &str, body_text: &str, keys: &[&str]| {
        let headers = [("content-type", "application/json")];
        let response = s.send(request(Method::POST, path, &headers, body_text.to_owned()));
        refused(&response, 400, "");
        let body = body(&response);
        assert_eq!(
            body["validation"],
            json!({"source": "payload", "keys": keys}),
            "{body_text}"
        );
    };
    check(CONNECT, "{}", &["client_id", "type", "client_user_id"]);
    check(
        CONNECT,
        r#"{"client_id":1,"type":"id","client_user_id":"u"}"#,
        &["client_id"],
    );
    check(
        CONNECT,
        r#"{"client_id":"x","type":"id","client_user_id":null}"#,
        &["client_user_id"],
    );
    check(
        CONNECT,
        r#"{"client_id":"x","type":"id","client_user_id":""}"#,
        &["client_user_id"],
    );
    check(
        CONNECT,
        r#"{"client_id":"x","type":"id","client_user_id":"u","extra_scopes":"one"}"#,
        &["extra_scopes"],
    );
    check(
        CONNECT,
        r#"{"client_id":"x","type":"session","client_user_id":"u","client_user_email":"none"}"#,
        &["client_user_email"],
    );
    check(
        ADMIN,
        r#"{"client_id":"x","type":"client"}"#,
        &["client_secret"],
    );
    check(
        ADMIN,
        r#"{"client_id":"x","type":"access","client_secret":"s"}"#,
        &["client_user_id"],
    );
    for malformed in [
        "",
        "{",
        "[]",
        "\"text\"",
        "null",
        "{\"client_id\":}",
        "\u{feff}{}",
    ] {
        check(CONNECT, malformed, &[]);
    }
    check(CONNECT, &"[".repeat(5000), &[]);
}

#[test]
fn content_types_methods_and_lengths_are_checked() {
    let s = Offline::new();
    let text = s.wish("session", "u").to_string();
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/jsonx")],
    ] {
        let response = s.send(request(Method::POST, CONNECT, headers, text.clone()));
        refused(&response, 415, "");
    }
    let charset = [("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(
        s.send(request(Method::POST, CONNECT, &charset, text))
            .status(),
        200
    );
    let mut wish = s.wish("session", "u");
    wish["padding"] = json!("x".repeat(1024 * 1024));
    refused(&s.post_json(CONNECT, &wish), 413, "");
    let response = s.get(CONNECT, &[]);
    refused(&response, 405, "");
    assert_eq!(header(&response, "allow"), Some("POST"));
}

#[test]
fn a_form_works_as_json_does_and_basic_credentials_are_ignored() {
    let s = Offline::new();
    let form = format!(
        "client_id={}&client_secret={}&client_user_id=%C3%9Cn%C3%AF-%E2%9C%93&type=session\
         &client_user_email=u%40example.test&extra_scopes=a",
        s.app.client_id, s.app.client_secret
    );
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("authorization", "Basic d3Jvbmc6d3Jvbmc="),
    ];
    let response = s.send(request(Method::POST, CONNECT, &headers, form));
    assert_eq!(response.status(), 200);
    let by_json = body(&s.token(CONNECT, "session", "Ünï-✓"));
    assert_eq!(body(&response)["human_id"], by_json["human_id"]);
    let users = s.sandbox.control().users(&s.app.client_id).unwrap();
    assert_eq!(users[0].client_user_id, "Ünï-✓");
    assert_eq!(users[0].email.as_deref(), Some("u@example.test"));
}

#[test]
fn users_differ_wherever_their_bytes_differ() {
    let s = Offline::new();
    let ids = [
        "e\u{301}",
        "é",
        "E\u{301}",
        "a",
        "A",
        " a",
        "a ",
        "a\t",
        "👩‍⚕️",
        "👩",
        "a\0",
        "𝕏",
    ];
    let mut seen = std::collections::BTreeSet::new();
    for id in ids {
        let granted = body(&s.token(CONNECT, "session", id));
        assert!(seen.insert(granted["human_id"].to_string()), "{id:?}");
    }
    let known: Vec<_> = s.sandbox.control().users(&s.app.client_id).unwrap();
    assert!(
        known
            .iter()
            .map(|user| user.client_user_id.as_str())
            .eq(ids)
    );
    assert_eq!(s.token(CONNECT, "session", &"é".repeat(512)).status(), 200);
    assert_eq!(s.token(CONNECT, "session", &"é".repeat(513)).status(), 400);
}

#[test]
fn users_of_two_applications_are_apart() {
    let s = Offline::new();
    let mut wish = s.wish("session", "u");
    let one = body(&s.post_json(CONNECT, &wish));
    let other = s.sandbox.app(DemoApp::Hip);
    wish["client_id"] = json!(other.client_id);
    refused(
        &s.post_json(CONNECT, &wish),
        401,
        "INVALID_CLIENT_ID_OR_SECRET",
    );
    wish["client_secret"] = json!(other.client_secret);
    let two = body(&s.post_json(CONNECT, &wish));
    assert_ne!(one["human_id"], two["human_id"]);
    assert_eq!(
        s.sandbox.control().users(&other.client_id).unwrap().len(),
        1
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let story = |seed: u64| {
        let sandbox = humanapi_sandbox::Sandbox::builder()
            .seed(seed)
            .build_offline();
        let app = sandbox.app(DemoApp::Hip);
        let s = Offline { sandbox, app };
        let mut bytes = Vec::new();
        for (path, kind) in [(CONNECT, "session"), (ADMIN, "client"), (CONNECT, "access")] {
            bytes.push(format!("{:?}", s.token(path, kind, "u")));
        }
        s.connect("u", "strider");
        let access = s.granted(ADMIN, "access", "u", "access_token");
        for path in ["/v1/human", "/v1/human/activities", "/"] {
            bytes.push(format!("{:?}", s.read(path, &access)));
        }
        s.sandbox.control().reset();
        bytes.push(format!("{:?}", s.token(CONNECT, "session", "u")));
        bytes
    };
    let first = story(7);
    assert_eq!(first, story(7));
    assert_eq!(first.first(), first.last(), "a reset starts over");
    for (one, other) in first.iter().zip(story(8)) {
        assert_ne!(*one, other);
    }
}

#[test]
fn every_exchange_is_counted_by_its_type() {
    let s = Offline::new();
    s.session("u");
    s.token(CONNECT, "access", "u");
    s.token(CONNECT, "nonsense", "u");
    s.token(ADMIN, "client", "u");
    let counts = s.sandbox.control().exchanges();
    assert_eq!(
        (counts.session, counts.id, counts.access, counts.client),
        (1, 0, 1, 1)
    );
    assert_eq!((counts.other, counts.refused, counts.total()), (1, 3, 4));
}

#[test]
fn every_switch_changes_what_it_names() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let client_id = s.app.client_id.as_str();
    let set =
        |assumption: Assumption, value: &str| control.set_assumption(assumption, value).unwrap();
    s.session("c");
    s.connect("c", "strider");

    set(Assumption::SessionRefusalStatus, "409");
    refused(
        &s.token(CONNECT, "session", "c"),
        409,
        "SESSION_TOKEN_GENERATION_NOT_ALLOWED",
    );
    set(Assumption::SessionRefusalCode, "absent");
    refused(&s.token(CONNECT, "session", "c"), 409, "");
    set(Assumption::SessionRefusalCode, "NOT_AUTHORIZED");
    refused(&s.token(CONNECT, "session", "c"), 409, "NOT_AUTHORIZED");

    set(Assumption::IdResponse, "lean");
    let lean = body(&s.token(CONNECT, "id", "c"));
    let mut names: Vec<_> = lean.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["id_refresh_token", "id_token", "id_token_expires_in"]
    );

    set(Assumption::RefreshTokens, "absent");
    set(Assumption::Lifetimes, "absent");
    let bare = body(&s.token(CONNECT, "access", "c"));
    assert!(bare.get("refresh_token").is_none() && bare.get("expires_in").is_none());
    assert_eq!(
        body(&s.token(CONNECT, "id", "c"))
            .as_object()
            .unwrap()
            .len(),
        1
    );

    set(Assumption::IdRefusalStatus, "403");
    refused(
        &s.token(CONNECT, "id", "nobody"),
        403,
        "UNKNOWN_CLIENT_USER_ID",
    );
    set(Assumption::UnknownUserAccess, "not-allowed");
    refused(
        &s.token(CONNECT, "access", "nobody"),
        403,
        "ACCESS_TOKEN_GENERATION_NOT_ALLOWED",
    );
    set(Assumption::ConnectAccessAtAdmin, "allow");
    assert_eq!(s.token(ADMIN, "access", "c").status(), 200);
    for (value, status) in [("400", 400), ("403", 403)] {
        set(Assumption::BadCredentialsStatus, value);
        let mut wish = s.wish("session", "u");
        wish["client_id"] = json!("none");
        refused(&s.post_json(CONNECT, &wish), status, "INVALID_CLIENT_ID");
    }

    set(Assumption::EmailFormat, "any");
    let mut wish = s.wish("session", "mail");
    wish["client_user_email"] = json!("none");
    assert_eq!(s.post_json(CONNECT, &wish).status(), 200);
    for (value, length) in [("512", 513), ("255", 256)] {
        set(Assumption::UserIdLength, value);
        assert_eq!(
            s.token(CONNECT, "session", &"x".repeat(length)).status(),
            400
        );
        assert_eq!(
            s.token(CONNECT, "session", &"x".repeat(length - 1))
                .status(),
            200
        );
    }

    set(Assumption::LastSource, "back-to-started");
    let user = control
        .disconnect_source(client_id, "c", "strider")
        .unwrap();
    assert_eq!(user.status, UserStatus::Started);
    assert_eq!(s.token(CONNECT, "session", "c").status(), 200);

    let before = control.find_user(client_id, "c").unwrap().unwrap().human_id;
    control.delete_user(client_id, "c").unwrap();
    set(Assumption::HumanIdAfterDelete, "same");
    assert_eq!(
        body(&s.token(CONNECT, "session", "c"))["human_id"],
        json!(before)
    );
    control.delete_user(client_id, "c").unwrap();
    set(Assumption::HumanIdAfterDelete, "new");
    assert_ne!(
        body(&s.token(CONNECT, "session", "c"))["human_id"],
        json!(before)
    );

    let hip = Offline::of(DemoApp::Hip);
    hip.session("u");
    hip.connect("u", "strider");
    hip.sandbox
        .control()
        .set_assumption(Assumption::HipAccessAtConnect, "allow")
        .unwrap();
    assert_eq!(hip.token(CONNECT, "access", "u").status(), 200);
}

#[test]
fn a_new_token_revokes_the_older_only_when_told_to() {
    let s = Offline::new();
    let first = s.access("u", &["strider"]);
    let second = s.granted(CONNECT, "access", "u", "access_token");
    assert_eq!(s.read("/v1/human", &first).status(), 200);
    s.sandbox
        .control()
        .set_assumption(Assumption::Reissue, "revoke-older")
        .unwrap();
    assert_eq!(
        s.read("/v1/human", &second).status(),
        200,
        "nothing was issued since"
    );
    let third = s.granted(CONNECT, "access", "u", "access_token");
    s.granted(CONNECT, "id", "u", "id_token");
    for (token, status) in [(&first, 401), (&second, 401), (&third, 200)] {
        assert_eq!(s.read("/v1/human", token).status(), status);
    }
}

#[test]
fn refusals_take_every_form() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let refusal = || s.token(CONNECT, "access", "nobody");
    let set =
        |assumption: Assumption, value: &str| control.set_assumption(assumption, value).unwrap();
    set(Assumption::ErrorBody, "bare-error");
    assert_eq!(body(&refusal())["error"], "UNKNOWN_CLIENT_USER_ID");
    set(Assumption::ErrorBody, "nested-code");
    assert_eq!(body(&refusal())["error"]["code"], "UNKNOWN_CLIENT_USER_ID");
    set(Assumption::ErrorBody, "empty");
    assert!(refusal().body().is_empty());
    set(Assumption::ErrorBody, "html");
    assert!(refusal().body().starts_with(b"<!DOCTYPE html>"));
    set(Assumption::ErrorBody, "boom");
    set(Assumption::RefusalStatusLine, "200");
    let hidden = refusal();
    assert_eq!(
        (hidden.status().as_u16(), &body(&hidden)["statusCode"]),
        (200, &json!(404))
    );
    set(Assumption::RefusalStatusLine, "status");
    for (value, in_header, in_body) in [
        ("header", true, false),
        ("body", false, true),
        ("neither", false, false),
        ("both", true, true),
    ] {
        set(Assumption::RequestId, value);
        let response = refusal();
        assert_eq!(
            header(&response, "x-humanapi-request-id").is_some(),
            in_header
        );
        assert_eq!(
            body(&response).get("x-humanapi-request-id").is_some(),
            in_body
        );
    }
}

#[test]
fn an_empty_type_is_a_type_that_there_is_not() {
    for (path, app) in [(CONNECT, DemoApp::Connect), (ADMIN, DemoApp::Hip)] {
        let s = Offline::of(app);
        refused(&s.token(path, "", "u"), 400, "INVALID_TOKEN_TYPE");
        let form = format!(
            "client_id={}&client_secret={}&client_user_id=u&type=",
            s.app.client_id, s.app.client_secret
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let response = s.send(request(Method::POST, path, &headers, form));
        refused(&response, 400, "INVALID_TOKEN_TYPE");
        let mut missing = s.wish("", "u");
        missing.as_object_mut().unwrap().remove("type");
        let response = s.post_json(path, &missing);
        assert_eq!(body(&response)["validation"]["keys"], json!(["type"]));
    }
}

#[test]
fn a_user_id_may_be_of_any_length_if_so_assumed() {
    let s = Offline::new();
    let long = "ü".repeat(200_000);
    assert_eq!(s.token(CONNECT, "session", &long).status(), 400);
    s.sandbox
        .control()
        .set_assumption(Assumption::UserIdLength, "none")
        .unwrap();
    assert_eq!(s.token(CONNECT, "session", &long).status(), 200);
    let users = s.sandbox.control().users(&s.app.client_id).unwrap();
    assert_eq!(users[0].client_user_id, long);
    // Neither the log nor the dashboard repeats all of it.
    assert!(s.get("/sandbox/requests", &[]).body().len() < 3000);
    assert!(s.get("/", &[]).body().len() < 100_000);
}

#[test]
fn users_without_end_fill_no_memory_without_end() {
    let s = Offline::new();
    let control = s.sandbox.control();
    control
        .set_assumption(Assumption::UserIdLength, "none")
        .unwrap();
    let long = "x".repeat(1_000_000);
    let statuses: Vec<_> = (0..40)
        .map(|number| {
            s.token(CONNECT, "session", &format!("{number}{long}"))
                .status()
                .as_u16()
        })
        .collect();
    assert_eq!((statuses[0], statuses[39]), (200, 507), "{statuses:?}");
    // Who is there already is served, and a reset makes room.
    assert_eq!(
        s.token(CONNECT, "session", &format!("0{long}")).status(),
        200
    );
    control.reset();
    assert_eq!(s.token(CONNECT, "session", "new").status(), 200);
}
