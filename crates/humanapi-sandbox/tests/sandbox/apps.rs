//! The application level: users by Basic authorization, and the records of all of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Response};
use humanapi_sandbox::{DemoApp, Persona};
use serde_json::{Value, json};

use crate::support::*;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Asks as the application does.
fn ask(s: &Offline, method: Method, path: &str, body: &str) -> Response<Bytes> {
    let key = basic(&s.app.app_key, "");
    let headers = [
        ("authorization", key.as_str()),
        ("content-type", "application/json"),
    ];
    let path = format!("/v1/apps/{}/users{path}", s.app.client_id);
    s.send(request(method, &path, &headers, body.to_owned()))
}

#[test]
fn users_are_made_listed_read_and_deleted() {
    let s = Offline::new();
    let made = ask(&s, Method::POST, "", r#"{"externalId":"robin-001"}"#);
    assert_eq!(made.status(), 201);
    let user = body(&made);
    assert_eq!(
        (&user["externalId"], &user["appId"]),
        (&json!("robin-001"), &json!(s.app.client_id))
    );
    let human_id = user["humanId"].as_str().unwrap();
    assert_eq!(human_id.len(), 32);
    let again = ask(&s, Method::POST, "", r#"{"externalId":"robin-001"}"#);
    assert_eq!(
        (again.status().as_u16(), body(&again)),
        (201, user.clone()),
        "the same user"
    );

    let key = basic(&s.app.app_key, "");
    let form = [
        ("authorization", key.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let path = format!("/v1/apps/{}/users", s.app.client_id);
    let formed = s.send(request(
        Method::POST,
        &path,
        &form,
        "externalId=robin+%C3%BC",
    ));
    assert_eq!(formed.status(), 201);
    let all = ask(&s, Method::GET, "", "");
    assert_eq!(body(&all), json!([user, body(&formed)]));
    for name in ["link", "x-total-count", "access-control-allow-origin"] {
        assert_eq!(header(&all, name), None, "{name}");
    }
    assert!(header(&all, "etag").is_some());

    for name in [human_id, "robin-001"] {
        assert_eq!(body(&ask(&s, Method::GET, &format!("/{name}"), "")), user);
    }
    let gone = ask(&s, Method::DELETE, &format!("/{human_id}"), "");
    assert_eq!((gone.status().as_u16(), gone.body().len()), (204, 0));
    assert_eq!(
        ask(&s, Method::DELETE, &format!("/{human_id}"), "").status(),
        404
    );
    assert_eq!(ask(&s, Method::GET, "/robin-001", "").status(), 404);
    let gone = ask(&s, Method::DELETE, "/robin%20%C3%BC", "");
    assert_eq!(gone.status(), 204, "by the application's own id");
    assert_eq!(body(&ask(&s, Method::GET, "", "")), json!([]));
}

#[test]
fn only_the_key_of_the_application_opens_it() {
    let s = Offline::new();
    let path = format!("/v1/apps/{}/users", s.app.client_id);
    let hip = s.sandbox.app(DemoApp::Hip);
    for wrong in [
        None,
        Some(basic("wrong", "")),
        Some(basic(&s.app.client_secret, "")),
        Some(basic(&s.app.app_key, "password")),
        Some(format!("Bearer {}", s.app.app_key)),
        Some("Basic !!!".to_owned()),
        Some("Bearer demo".to_owned()),
    ] {
        let headers: Vec<_> = wrong
            .iter()
            .map(|value| ("authorization", value.as_str()))
            .collect();
        let refused = s.get(&path, &headers);
        assert_eq!(refused.status(), 401, "{wrong:?}");
        assert_eq!(header(&refused, "www-authenticate"), Some("Basic"));
        assert_eq!(body(&refused)["code"], 401);
    }
    let other = basic(&hip.app_key, "");
    assert_eq!(s.get(&path, &[("authorization", &other)]).status(), 403);
    let own = basic(&s.app.app_key, "");
    let nobody = format!("/v1/apps/{}/users", "0".repeat(40));
    assert_eq!(s.get(&nobody, &[("authorization", &own)]).status(), 403);
}

#[test]
fn methods_and_bodies_of_the_application_level() {
    let s = Offline::new();
    for (method, path, allow) in [
        (Method::PUT, "", "GET, POST, HEAD"),
        (Method::OPTIONS, "", "GET, POST, HEAD"),
        (Method::POST, "/someone", "GET, DELETE, HEAD"),
        (Method::POST, "/activities", "GET, HEAD"),
    ] {
        let refused = ask(&s, method, path, "{}");
        assert_eq!(refused.status(), 405, "{path}");
        assert_eq!(header(&refused, "allow"), Some(allow), "{path}");
    }
    let head = ask(&s, Method::HEAD, "", "");
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
    for wrong in ["{}", r#"{"externalId":""}"#, r#"{"externalId":7}"#] {
        let refused = ask(&s, Method::POST, "", wrong);
        assert_eq!(refused.status(), 400, "{wrong}");
        assert_eq!(body(&refused)["validation"]["keys"], json!(["externalId"]));
    }
    let long = json!({"externalId": "x".repeat(1025)}).to_string();
    assert_eq!(ask(&s, Method::POST, "", &long).status(), 400);
}

#[test]
fn all_sixteen_lists_hold_the_records_of_all_users() {
    let s = Offline::new();
    let lists = [
        ("activities", "activities"),
        ("activities/summaries", "activities/summaries"),
        ("heart_rates", "heart_rate"),
        ("heart_rate/summaries", "heart_rate/summaries"),
        ("bmis", "bmi"),
        ("body_fats", "body_fat"),
        ("heights", "height"),
        ("weights", "weight"),
        ("blood_glucoses", "blood_glucose"),
        ("blood_oxygens", "blood_oxygen"),
        ("blood_pressures", "blood_pressure"),
        ("sleeps", "sleeps"),
        ("sleeps/summaries", "sleeps/summaries"),
        ("genetic_traits", ""),
        ("locations", "locations"),
        ("food/meals", "food/meals"),
    ];
    for user in ["u", "v"] {
        s.access(user, &["strider"]);
        s.persona(user, Persona::Empty);
        for (_, resource) in lists.iter().filter(|(_, resource)| !resource.is_empty()) {
            let fields = json!({"owner": user});
            s.change(
                user,
                json!({"change": "insert", "resource": resource, "fields": fields}),
            );
        }
    }
    // Somebody of another application.
    let hip = s.sandbox.app(DemoApp::Hip);
    let wish = json!({"client_id": hip.client_id, "client_user_id": "w", "type": "session"});
    s.post_json(CONNECT, &wish);
    let users = body(&ask(&s, Method::GET, "", ""));
    assert_eq!(users.as_array().unwrap().len(), 2, "{users}");
    for (path, resource) in lists {
        let read = ask(&s, Method::GET, &format!("/{path}"), "");
        assert_eq!(read.status(), 200, "{path}");
        let records = body(&read);
        if resource.is_empty() {
            assert_eq!(records, json!([]), "{path}");
            continue;
        }
        assert_eq!(header(&read, "x-total-count"), Some("2"), "{path}");
        for (at, record) in records.as_array().unwrap().iter().enumerate() {
            assert_eq!(record["humanId"], users[at]["humanId"], "{path}");
            assert_eq!(record["owner"], users[at]["externalId"], "{path}");
        }
        let none = ask(
            &s,
            Method::GET,
            &format!("/{path}?updated_since=20300101T000000Z"),
            "",
        );
        assert_eq!(body(&none), json!([]), "{path}");
        let one = ask(&s, Method::GET, &format!("/{path}?limit=1&offset=1"), "");
        assert_eq!(body(&one), json!([records[1]]), "{path}");
    }
    assert_eq!(
        ask(&s, Method::GET, "/weight", "").status(),
        404,
        "names are plural here"
    );
    assert_eq!(ask(&s, Method::GET, "/medical/vitals", "").status(), 404);
    let wrong = ask(&s, Method::GET, "/weights?limit=x", "");
    assert_eq!(wrong.status(), 400);
    let _: Value = body(&wrong);
}
