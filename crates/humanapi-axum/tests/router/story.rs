//! What users do, from the first token on.

use std::sync::{Arc, Mutex};

use humanapi_axum::{MemoryDirectory, Problem};
use humanapi_client::User;
use humanapi_client::core::{ClientUserId, HumanId, UserStatus};
use humanapi_sandbox::{Fault, IntermediaryBody};
use serde_json::json;

use crate::support::{World, client, closed, connected, logged, plain_http, serve};

#[tokio::test]
async fn from_the_first_visit_to_the_next() {
    let world = World::new().await;
    let ann = world.browser("ann");

    let first = ann.token().await;
    assert_eq!(first["kind"], "session");
    assert_eq!(first["options"]["token"], first["token"]);
    assert_eq!(first["options"]["baseURL"], world.sandbox.url());
    let life = first["expiresIn"].as_u64().unwrap();
    assert!((3500..=3600).contains(&life), "{life}");
    assert!(first["expiresAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(world.status("ann").await, "started");

    let message = ann.connect_with(first["token"].as_str().unwrap()).await;
    let answer = ann.outcome(message).await;
    assert_eq!(
        answer,
        json!({ "connected": true, "confirmed": true, "status": "connected", "next": "read-data", "humanIdChanged": false })
    );
    assert_eq!(world.status("ann").await, "connected");

    let user = world
        .connect
        .user(&ClientUserId::new("ann").unwrap())
        .await
        .unwrap();
    let activities = user.data().activities().await.unwrap();
    assert!(!activities.items.is_empty());

    let next = ann.token().await;
    assert_eq!(next["kind"], "id");
    assert_ne!(next["token"], first["token"]);
    // The page of a returning user asks once, and not for a session.
    assert_eq!(world.sandbox.control().exchanges().refused, 0);
}

#[tokio::test]
async fn an_email_goes_to_the_service_and_nowhere_else() {
    let world = World::new().await;
    world.browser("ann").token().await;
    let known = world
        .sandbox
        .control()
        .find_user(&world.app.client_id, "ann")
        .unwrap();
    assert_eq!(known.unwrap().email.as_deref(), Some("p@example.test"));
    assert!(!world.answered.lock().unwrap().contains("p@example.test"));
}

#[tokio::test]
async fn a_user_whom_the_directory_forgot_gets_an_id_token_all_the_same() {
    let world = World::new().await;
    world.known("ann").await;
    world.connect_source("ann");
    let token = world.browser("ann").token().await;
    assert_eq!(token["kind"], "id");
    assert_eq!(world.status("ann").await, "connected");
}

#[tokio::test]
async fn a_user_who_was_deleted_starts_over_under_another_id_and_the_app_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let world = World::with(|connect| {
        connect.on_change(move |user, change| {
            if change.human_id_changed() {
                listener
                    .lock()
                    .unwrap()
                    .push((user.clone(), change.clone()));
            }
        })
    })
    .await;
    let ann = world.browser("ann");
    ann.token().await;
    let control = world.sandbox.control();
    let before = control
        .find_user(&world.app.client_id, "ann")
        .unwrap()
        .unwrap()
        .human_id;
    world.connect_source("ann");
    assert_eq!(ann.outcome(connected()).await["connected"], true);
    control.delete_user(&world.app.client_id, "ann").unwrap();
    world.advance(11);

    let answer = ann.outcome(connected()).await;
    assert_eq!(
        (&answer["connected"], &answer["next"]),
        (&json!(false), &json!("check-again"))
    );
    assert_eq!(world.status("ann").await, "unknown");

    let token = ann.token().await;
    assert_eq!(token["kind"], "session");
    assert_eq!(token["humanIdChanged"], true);
    let record = world
        .connect
        .record(&ClientUserId::new("ann").unwrap())
        .await
        .unwrap();
    assert_eq!(record.status, UserStatus::Started);
    assert_eq!(record.former_human_id, Some(HumanId::new(before)));
    assert_eq!(told.lock().unwrap().len(), 1);
    assert_eq!(ann.token().await["humanIdChanged"], false);
}

#[tokio::test]
async fn data_that_was_refused_a_moment_ago_is_read_after_the_confirmation() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    let read = || world.connect.client().user("ann").data().activities();
    assert!(
        read().await.is_err(),
        "nothing is connected, and the client keeps that in mind"
    );
    world.connect_source("ann");
    assert!(read().await.is_err());
    assert_eq!(ann.outcome(connected()).await["connected"], true);
    let before = world.exchanges();
    assert!(!read().await.unwrap().items.is_empty());
    assert_eq!(
        world.exchanges(),
        before,
        "the proof is the token that reads"
    );
}

#[tokio::test]
async fn what_was_shared_is_read_until_the_user_is_gone() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let id = ClientUserId::new("ann").unwrap();
    let count = async |user: User| Ok(user.data().activities().await?.items.len());
    let read = || world.connect.read(&id, count);
    ann.token().await;
    let before = world.exchanges();
    for _ in 0..9 {
        assert_eq!(read().await, Ok(None));
    }
    assert_eq!(world.exchanges(), before + 1, "once in ten seconds");

    // Nobody tells the router, and it is found out all the same.
    world.connect_source("ann");
    world.advance(11);
    assert!(read().await.unwrap().is_some_and(|count| count > 0));
    assert_eq!(world.status("ann").await, "connected");

    // The service fails, and says nothing of the user: nothing more is asked, and nothing changes.
    let control = world.sandbox.control();
    for fault in [
        Fault::status(404),
        Fault::status(500),
        Fault::intermediary(403, IntermediaryBody::Html),
        Fault::drop_before(),
    ] {
        let before = world.exchanges();
        let fault = fault.on_path("/v1/human").times(9);
        control.plan_fault(fault).unwrap();
        world.advance(61);
        let problem = read().await.unwrap_err();
        assert!(
            matches!(
                problem,
                Problem::ServiceRefused | Problem::ServiceUnavailable
            ),
            "{problem:?}"
        );
        assert_eq!(world.exchanges(), before);
        assert_eq!(world.status("ann").await, "connected");
        control.clear_faults();
    }

    control.delete_user(&world.app.client_id, "ann").unwrap();
    world.advance(11);
    assert_eq!(read().await, Ok(None));
    assert_eq!(world.status("ann").await, "unknown");
}

#[tokio::test]
async fn after_a_restart_that_forgot_every_user_the_data_is_there_with_the_first_question() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let id = ClientUserId::new("ann").unwrap();
    ann.token().await;
    world.connect_source("ann");
    assert_eq!(ann.outcome(connected()).await["connected"], true);

    let restarted = world.restarted();
    assert_eq!(
        restarted.record(&id).await.unwrap().status,
        UserStatus::Unknown
    );
    let before = world.exchanges();
    let count = async |user: User| Ok(user.data().activities().await?.items.len());
    let read = restarted.read(&id, count).await.unwrap();
    assert!(read.is_some_and(|count| count > 0));
    assert_eq!(
        world.exchanges(),
        before + 1,
        "the proof is the token that reads"
    );
    assert_eq!(
        restarted.record(&id).await.unwrap().status,
        UserStatus::Connected
    );
}

#[tokio::test]
async fn what_is_logged_while_the_service_is_asked_belongs_to_the_request() {
    let world = World::new().await;
    let ann = ClientUserId::new("ann").unwrap();
    let control = world.sandbox.control();
    control.plan_fault(Fault::status(500).times(9)).unwrap();
    let asking = world.connect.confirm(&ann);
    let asked = tracing::Instrument::instrument(asking, tracing::info_span!("the_request"));
    assert_eq!(asked.await, Err(Problem::ServiceUnavailable));
    let log = logged();
    let mut lines = log.lines().filter(|line| line.contains("the_request"));
    assert!(lines.any(|line| line.contains("could not be asked")));
}

#[tokio::test]
async fn what_a_token_shows_outdates_the_last_answer() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    world.connect_source("ann");
    assert_eq!(ann.outcome(connected()).await["connected"], true);
    let control = world.sandbox.control();
    control.delete_user(&world.app.client_id, "ann").unwrap();
    assert_eq!(ann.token().await["kind"], "session");
    assert_eq!(ann.outcome(connected()).await["connected"], false);
}

#[tokio::test]
async fn a_token_that_expired_in_the_middle_is_renewed() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let first = ann.token().await;
    world.advance(3601);
    let answer = ann.outcome(closed("SESSION_TOKEN_EXPIRED")).await;
    assert_eq!(
        (&answer["next"], &answer["confirmed"]),
        (&json!("renew-token"), &json!(false))
    );
    let second = ann.token().await;
    assert_ne!(second["token"], first["token"]);
}

#[tokio::test]
async fn a_token_that_the_service_took_back_is_not_handed_out_again() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let first = ann.token().await;
    assert_eq!(
        ann.token().await["token"],
        first["token"],
        "one that is good is kept"
    );
    let token = first["token"].as_str().unwrap();
    world.sandbox.control().revoke_token(token).unwrap();
    let answer = ann.outcome(closed("SESSION_TOKEN_INVALID")).await;
    assert_eq!(answer["next"], "renew-token");
    assert_ne!(ann.token().await["token"], first["token"]);
}

#[tokio::test]
async fn a_double_click_costs_one_exchange() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let (left, right) = tokio::join!(ann.token(), ann.token());
    assert_eq!(left["token"], right["token"]);
    assert_eq!(world.exchanges(), 1);
}

#[tokio::test]
async fn two_tabs_that_report_at_once_ask_once() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    world.connect_source("ann");
    let before = world.exchanges();
    let (left, right) = tokio::join!(ann.outcome(connected()), ann.outcome(connected()));
    assert_eq!(
        (&left["connected"], &right["connected"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(world.exchanges() - before, 1);
}

#[tokio::test]
async fn a_confirmation_goes_on_when_the_browser_leaves() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    world.connect_source("ann");
    let fault = Fault::delay(std::time::Duration::from_millis(200));
    world.sandbox.control().plan_fault(fault).unwrap();
    let impatient = std::time::Duration::from_millis(50);
    assert!(
        tokio::time::timeout(impatient, ann.outcome(connected()))
            .await
            .is_err()
    );
    for _ in 0..100 {
        if world.status("ann").await == "connected" {
            return;
        }
        tokio::time::sleep(impatient).await;
    }
    panic!("the answer was not kept");
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_for_the_log() {
    let world = World::new().await;
    let wrong = client(
        &world.app,
        world.sandbox.url(),
        "canary-wrong-secret",
        &world.clock,
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let connect = humanapi_axum::Connect::builder(wrong, OneUser, &*base)
        .directory(MemoryDirectory::new())
        .build()
        .unwrap();
    serve(listener, connect.router());
    let request = plain_http().post(format!("{base}/connect/token"));
    let request = request
        .header("origin", &base)
        .header("content-type", "application/json");
    let response = request.body("{}").send().await.unwrap();
    assert_eq!(response.status(), 502);
    let text = response.text().await.unwrap();
    assert!(text.contains("service-refused"), "{text}");
    assert!(
        !text.contains("canary") && !text.contains(world.app.client_id.as_str()),
        "{text}"
    );
}

struct OneUser;

impl humanapi_axum::SignedIn for OneUser {
    async fn user(
        &self,
        _: &mut http::request::Parts,
    ) -> Result<humanapi_axum::AppUser, axum::response::Response> {
        Ok(ClientUserId::new("ann").unwrap().into())
    }
}
