//! A user who is brought into a state in one call.

use humanapi_sandbox::{ControlError, DemoApp, Persona, Sandbox, UserSnapshot, UserStatus};
use serde_json::json;

use crate::support::*;

fn sources(user: &UserSnapshot) -> Vec<&str> {
    user.sources.iter().map(|source| source.word).collect()
}

#[test]
fn one_call_makes_a_connected_user_whose_data_can_be_read() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let user = control.user("p17").connected_with("strider").unwrap();
    let seen = user.snapshot().unwrap();
    assert_eq!(
        (seen.status, sources(&seen), seen.client_id.as_str()),
        (
            UserStatus::Connected,
            vec!["strider"],
            s.app.client_id.as_str()
        )
    );
    // No request was made for it, and its token works as anybody's.
    assert!(control.requests().is_empty());
    let access = body(&s.token(CONNECT, "access", "p17"));
    let bearer = format!("Bearer {}", access["access_token"].as_str().unwrap());
    let activities = body(&s.get("/v1/human/activities", &[("authorization", &bearer)]));
    assert!(!activities.as_array().unwrap().is_empty());
}

#[test]
fn calls_add_up_and_each_says_what_is_so_afterwards() {
    let s = Offline::new();
    let control = s.sandbox.control();
    let user = control
        .user("p17")
        .started()
        .and_then(|user| user.connected_with("Strider"))
        .and_then(|user| user.connected_with("pulseband"))
        .and_then(|user| user.connected_with("pulseband"))
        .and_then(|user| user.living_as(Persona::Athlete))
        .and_then(|user| user.disconnected_from("strider"))
        .unwrap();
    let seen = user.snapshot().unwrap();
    assert_eq!(sources(&seen), ["pulseband"]);
    assert_eq!(seen.persona, Some(Persona::Athlete));
    let gone = user.deleted().unwrap();
    assert_eq!(gone.snapshot().unwrap().status, UserStatus::Deleted);
    // Whoever was deleted starts over, as somebody else.
    let back = gone.connected_with("strider").unwrap().snapshot().unwrap();
    assert_eq!(back.status, UserStatus::Connected);
    assert_ne!(back.human_id, seen.human_id);
}

#[test]
fn each_application_has_users_of_its_own() {
    let sandbox = Sandbox::builder().build_offline();
    let control = sandbox.control();
    control.user("p17").app(DemoApp::Hip).started().unwrap();
    assert_eq!(control.user("p17").snapshot(), None);
    let hip = control.user("p17").app(DemoApp::Hip).snapshot().unwrap();
    assert_eq!(hip.client_id, sandbox.app(DemoApp::Hip).client_id);
}

#[test]
fn what_cannot_be_changes_nothing() {
    let sandbox = Sandbox::builder().build_offline();
    let control = sandbox.control();
    let unknown = control.user("p17").connected_with("stridr").unwrap_err();
    assert!(matches!(unknown, ControlError::UnknownSource { .. }));
    assert_eq!(control.user("p17").snapshot(), None);
    assert_eq!(
        control.user("").started().unwrap_err(),
        ControlError::EmptyUserId
    );
    for nobody in [
        control.user("p17").disconnected_from("strider"),
        control.user("p17").deleted(),
    ] {
        assert!(matches!(nobody, Err(ControlError::UnknownUser { .. })));
    }
    let most = "x".repeat(70 * 1024 * 1024);
    let full = control.user(most).started().unwrap_err();
    assert_eq!(full, ControlError::TooManyUsers);
}

#[test]
fn a_sandbox_and_its_twin_without_a_socket_are_one() {
    let sandbox = Sandbox::start().unwrap();
    let twin = sandbox.offline();
    sandbox.control().user("p17").started().unwrap();
    assert!(twin.control().user("p17").snapshot().is_some());
    let app = sandbox.app(DemoApp::Connect);
    let wish = json!({"client_id": app.client_id, "client_user_id": "p18", "type": "session"});
    let headers = [("content-type", "application/json")];
    let request = request(http::Method::POST, CONNECT, &headers, wish.to_string());
    assert_eq!(twin.answer(request).unwrap().status(), 200);
    assert!(sandbox.control().user("p18").snapshot().is_some());
}
