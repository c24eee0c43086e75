//! A firewall that answers in the service's place for ten minutes, while a hundred connected users go on.

use std::collections::BTreeMap;

use humanapi_axum::{MemoryDirectory, Problem, UserDirectory, UserRecord};
use humanapi_client::User;
use humanapi_client::core::ClientUserId;
use humanapi_sandbox::{Fault, IntermediaryBody};
use serde_json::json;

use crate::support::*;

const USERS: usize = 100;

#[tokio::test]
async fn with_the_directory_in_memory_every_user_is_as_before() {
    every_user_is_as_before(MemoryDirectory::new()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn with_the_directory_in_sqlite_every_user_is_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let directory = humanapi_axum::SqliteDirectory::open(folder.path().join("users.db"));
    every_user_is_as_before(directory.await.unwrap()).await;
}

async fn every_user_is_as_before(directory: impl UserDirectory + 'static) {
    let world = World::with(|builder| builder.directory(directory)).await;
    let names: Vec<&'static str> = (0..USERS)
        .map(|number| &*Box::leak(format!("patient-{number}").into_boxed_str()))
        .collect();
    for name in &names {
        let browser = world.browser(name);
        browser.token().await;
        world.connect_source(name);
        assert_eq!(browser.outcome(connected()).await["connected"], true);
        // Opening Connect again brings an id token, and says Human API's id for the user.
        assert_eq!(browser.token().await["kind"], "id");
    }
    let before = records(&world, &names).await;
    assert!(before.values().all(|record| record.human_id.is_some()));

    let control = world.sandbox.control();
    let firewall = Fault::intermediary(403, IntermediaryBody::Html).times(u32::MAX);
    control.plan_fault(firewall).unwrap();
    for minute in 0..10 {
        world.advance(60);
        // Everybody reads, and a part of them does each of the rest.
        for (index, name) in names.iter().enumerate() {
            let browser = world.browser(name);
            let id = ClientUserId::new(*name).unwrap();
            let read = world.connect.read(&id, count).await;
            assert_eq!(read, Err(Problem::ServiceUnavailable), "{name}");
            if index % 5 == minute % 5 {
                let answer = browser.post("/connect/outcome", connected()).await;
                assert_eq!(
                    (answer.status, &*answer.code()),
                    (503, "service-unavailable")
                );
                let answer = browser.post("/connect/outcome", closed("x")).await;
                assert_eq!(
                    (answer.status, &*answer.code()),
                    (503, "service-unavailable")
                );
                let answer = browser.post("/connect/token", json!({})).await;
                assert!(
                    answer.status == 503 || answer.json()["kind"] == "id",
                    "{answer:?}"
                );
                let said = world.connect.confirm(&id).await;
                assert_eq!(said.unwrap_err(), Problem::ServiceUnavailable);
            }
        }
    }
    assert_eq!(records(&world, &names).await, before);

    control.clear_faults();
    world.advance(60);
    assert_eq!(records(&world, &names).await, before);
    let exchanges = control.exchanges().session;
    for name in &names {
        let id = ClientUserId::new(*name).unwrap();
        let read = world.connect.read(&id, count).await.unwrap();
        assert!(read.is_some_and(|count| count > 0), "{name}");
        assert_eq!(world.browser(name).token().await["kind"], "id");
        let said = world.browser(name).outcome(closed("x")).await;
        assert_eq!(said["connected"], true);
    }
    assert_eq!(records(&world, &names).await, before);
    assert_eq!(control.exchanges().session, exchanges, "no new session");
}

/// A user who has connected while nobody knew, behind a firewall: however often it is asked, nothing was said.
#[tokio::test]
async fn nobody_is_told_to_have_connected_nothing_out_of_an_outage() {
    let world = World::new().await;
    let id = ClientUserId::new("ann").unwrap();
    world.browser("ann").token().await;
    assert_eq!(world.connect.read(&id, count).await, Ok(None));
    world.connect_source("ann");
    world.advance(61);

    let control = world.sandbox.control();
    let firewall = Fault::intermediary(403, IntermediaryBody::Html).times(u32::MAX);
    control.plan_fault(firewall).unwrap();
    for _ in 0..6 {
        let read = world.connect.read(&id, count).await;
        assert_eq!(read, Err(Problem::ServiceUnavailable));
        world.advance(1);
    }
    let read = world.connect.read(&id, count).await;
    assert!(matches!(read, Err(Problem::TooOften { .. })), "{read:?}");

    control.clear_faults();
    world.advance(61);
    let read = world.connect.read(&id, count).await.unwrap();
    assert!(read.is_some_and(|count| count > 0));
}

async fn count(user: User) -> Result<usize, humanapi_client::Error> {
    Ok(user.data().activities().await?.items.len())
}

async fn records(world: &World, names: &[&'static str]) -> BTreeMap<&'static str, UserRecord> {
    let mut records = BTreeMap::new();
    for name in names {
        let id = ClientUserId::new(*name).unwrap();
        records.insert(*name, world.connect.record(&id).await.unwrap());
    }
    records
}
