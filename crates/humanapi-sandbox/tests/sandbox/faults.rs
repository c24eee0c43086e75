//! Every kind of planned fault, without a socket.

use std::time::Duration;

use http::Method;
use humanapi_sandbox::{Delayed, Dropped, Fault, IntermediaryBody};

use crate::support::*;

#[test]
fn a_planned_status_has_no_effect_and_passes() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let fault = Fault::status(429)
        .retry_after("1")
        .error_code("SLOW_DOWN")
        .on_path(CONNECT)
        .times(2);
    control.plan_fault(fault).unwrap();
    assert_eq!(
        s.read("/v1/human", "demo").status(),
        200,
        "another path is not hit"
    );
    for _ in 0..2 {
        let response = s.token(CONNECT, "session", "u");
        refused(&response, 429, "SLOW_DOWN");
        assert_eq!(header(&response, "retry-after"), Some("1"));
    }
    assert!(control.users(&s.app.client_id).unwrap().is_empty());
    assert_eq!(s.token(CONNECT, "session", "u").status(), 200);
    let faults: Vec<_> = control.requests().iter().map(|entry| entry.fault).collect();
    assert_eq!(faults, [None, Some("status"), Some("status"), None]);
}

#[test]
fn something_in_between_answers_any_route_with_any_status_and_nothing_of_the_services() {
    let s = Offline::new();
    let control = s.sandbox.control();
    for (body, declared) in [
        (IntermediaryBody::Html, Some("text/html; charset=utf-8")),
        (IntermediaryBody::Empty, None),
        (IntermediaryBody::Text, Some("text/plain; charset=utf-8")),
        (
            IntermediaryBody::Json,
            Some("application/json; charset=utf-8"),
        ),
    ] {
        for status in [200, 302, 401, 403, 404, 409, 503] {
            control
                .plan_fault(Fault::intermediary(status, body).times(u32::MAX))
                .unwrap();
            let answers = [
                s.token(CONNECT, "session", "u"),
                s.read("/v1/human", "demo"),
                s.read("/v1/human/activities", "demo"),
                s.get("/connect", &[]),
            ];
            for answer in answers {
                assert_eq!(answer.status(), status);
                assert_eq!(header(&answer, "content-type"), declared);
                assert_eq!(header(&answer, "x-humanapi-request-id"), None);
                assert_eq!(answer.body().is_empty(), declared.is_none());
                let text = String::from_utf8_lossy(answer.body());
                assert!(!text.contains("error"), "{text}");
            }
            control.clear_faults();
        }
    }
    assert!(control.users(&s.app.client_id).unwrap().is_empty());
    assert_eq!(s.token(CONNECT, "session", "u").status(), 200);
}

#[test]
fn a_drop_comes_before_or_after_the_effect() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let wish = || {
        let headers = [("content-type", "application/json")];
        request(
            Method::POST,
            CONNECT,
            &headers,
            s.wish("session", "u").to_string(),
        )
    };
    control.plan_fault(Fault::drop_before()).unwrap();
    assert!(matches!(s.try_send(wish()), Err(Dropped { .. })));
    assert!(control.users(&s.app.client_id).unwrap().is_empty());
    control.plan_fault(Fault::drop_after()).unwrap();
    assert!(matches!(s.try_send(wish()), Err(Dropped { .. })));
    assert_eq!(control.users(&s.app.client_id).unwrap().len(), 1);
    assert!(
        control
            .requests()
            .iter()
            .all(|entry| entry.status.is_none())
    );
    assert_eq!(control.exchanges().session, 1);
}

#[test]
fn bodies_are_cut_or_spoiled() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let whole = s.read("/v1/human", "demo");
    control.plan_fault(Fault::truncated_body()).unwrap();
    let cut = s.read("/v1/human", "demo");
    assert_eq!(cut.body().len(), whole.body().len() / 2);
    assert_eq!(
        header(&cut, "content-length"),
        header(&whole, "content-length")
    );
    control.plan_fault(Fault::garbage_body()).unwrap();
    let garbage = s.read("/v1/human", "demo");
    assert_eq!(garbage.status(), 200);
    assert_eq!(
        header(&garbage, "content-type"),
        header(&whole, "content-type")
    );
    assert!(serde_json::from_slice::<serde_json::Value>(garbage.body()).is_err());
}

#[test]
fn a_delay_is_told() {
    let s = Offline::new();
    let by = Duration::from_secs(90);
    s.sandbox.control().plan_fault(Fault::delay(by)).unwrap();
    let response = s.read("/v1/human", "demo");
    assert_eq!(response.status(), 200);
    let delayed = response.extensions().get::<Delayed>().unwrap();
    assert_eq!(delayed.0, by);
}

#[test]
fn faults_are_listed_and_cleared_and_control_is_never_hit() {
    let s = Offline::new();
    let control = s.sandbox.control();
    control
        .plan_fault(Fault::status(500).on_method(Method::GET).times(9))
        .unwrap();
    assert_eq!(s.get("/sandbox/faults", &[]).status(), 200);
    assert_eq!(control.faults()[0].times_left(), 9);
    control.clear_faults();
    assert_eq!(s.read("/v1/human", "demo").status(), 200);
    assert!(control.plan_fault(Fault::status(99)).is_err());
}

#[test]
fn a_planned_status_looks_like_a_real_answer_of_its_route() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let plan = |status| control.plan_fault(Fault::status(status)).unwrap();
    let session = s.session("u");

    // Health data, whether there is something at the path or not.
    for path in ["/v1/human", "/v1/human/activities", "/v1/human/nothing"] {
        plan(401);
        let real = s.get(path, &[]);
        let planned = s.get(path, &[]);
        let names = |response: &http::Response<bytes::Bytes>| {
            let mut names: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&planned), names(&real), "{path}");
        assert_eq!(body(&planned)["code"], 401, "{path}");
        assert_eq!(header(&planned, "www-authenticate"), Some("Bearer"));
        assert_eq!(header(&planned, "access-control-allow-origin"), Some("*"));
        plan(405);
        let planned = s.read(path, "demo");
        assert_eq!(
            header(&planned, "allow"),
            Some("OPTIONS, GET, HEAD"),
            "{path}"
        );
    }

    // Tokens: no number in `code`, nothing of CORS.
    plan(500);
    let planned = s.token(CONNECT, "session", "u");
    assert_eq!(body(&planned).get("code"), None);
    assert_eq!(header(&planned, "access-control-allow-origin"), None);
    plan(405);
    assert_eq!(
        header(&s.token(CONNECT, "session", "u"), "allow"),
        Some("POST")
    );

    // Connect: a page to who looks, JSON to its script.
    plan(503);
    let planned = s.get(&format!("/?token={session}"), &[]);
    assert_eq!(planned.status(), 503);
    assert_eq!(
        header(&planned, "content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(header(&planned, "referrer-policy"), Some("no-referrer"));
    assert!(String::from_utf8_lossy(planned.body()).contains("Service Unavailable"));
    plan(503);
    let planned = s.post_json("/connect/done", &serde_json::json!({"token": session}));
    assert_eq!(body(&planned)["statusCode"], 503);
    assert_eq!(header(&planned, "cache-control"), Some("no-store"));
}

#[test]
fn an_answer_whose_status_has_no_body_has_none() {
    let s = Offline::new();
    let control = s.sandbox.control();
    for status in [204, 205, 304] {
        control.plan_fault(Fault::status(status)).unwrap();
        let response = s.read("/v1/human", "demo");
        assert_eq!(response.status(), status);
        assert!(response.body().is_empty());
        for name in ["content-type", "content-length"] {
            assert_eq!(header(&response, name), None, "{status}");
        }
    }
    control.plan_fault(Fault::garbage_body()).unwrap();
    let options = s.send(request(Method::OPTIONS, "/v1/human", &[], ""));
    assert!(options.status() == 204 && options.body().is_empty());
}
