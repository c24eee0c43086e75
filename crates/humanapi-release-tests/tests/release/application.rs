//! An application that has the SDK from a registry: this file is its only test.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use futures_util::TryStreamExt as _;
use humanapi_axum::{AppUser, Connect, SignedIn};
use humanapi_hyper::HyperTransport;
use humanapi_hyper::client::{Client, Transport};
use humanapi_hyper::core::{ClientUserId, Credentials, Hosts, Provisioning};
use humanapi_reqwest::ReqwestTransport;
use humanapi_sandbox::{DemoApp, Sandbox};
use humanapi_store::{MemoryStore, SealingKeys};

const USER: &str = "patient-17";

struct Nobody;

impl SignedIn for Nobody {
    async fn user(&self, _: &mut Parts) -> Result<AppUser, Response> {
        Err(StatusCode::UNAUTHORIZED.into_response())
    }
}

fn client(
    sandbox: &Sandbox,
    transport: impl Transport + 'static,
    store: &Arc<MemoryStore>,
) -> Client {
    let app = sandbox.app(DemoApp::Connect);
    let credentials = Credentials::new(app.client_id.as_str(), app.client_secret.as_str()).unwrap();
    Client::builder(credentials, Provisioning::Connect, transport)
        .hosts(Hosts::single(sandbox.url()).unwrap())
        .store(store.clone())
        .build()
}

#[tokio::test]
async fn a_new_user_connects_and_both_adapters_read() {
    let sandbox = Sandbox::start().unwrap();
    let store = Arc::new(MemoryStore::in_memory(
        SealingKeys::generate("first").unwrap(),
    ));
    let hyper = client(&sandbox, HyperTransport::new(), &store);
    let reqwest = client(&sandbox, ReqwestTransport::new(), &store);

    let grant = hyper
        .user(USER)
        .connect_token()
        .email("p17@example.test")
        .await
        .unwrap();
    assert!(!grant.token.expose_secret().is_empty());
    let app = sandbox.app(DemoApp::Connect);
    sandbox
        .control()
        .connect_source(&app.client_id, USER, "strider")
        .unwrap();

    let one: Vec<_> = hyper
        .user(USER)
        .data()
        .activities()
        .items()
        .try_collect()
        .await
        .unwrap();
    let other: Vec<_> = reqwest
        .user(USER)
        .data()
        .activities()
        .items()
        .try_collect()
        .await
        .unwrap();
    assert!(!one.is_empty());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));

    // The store has let the second use the first one's token: session and access, no more.
    let tokens = sandbox.control().requests();
    let asked = tokens
        .iter()
        .filter(|request| request.path.ends_with("/token"))
        .count();
    assert_eq!(asked, 2, "{tokens:?}");

    let connect = Connect::builder(hyper, Nobody, "https://app.example.test")
        .build()
        .unwrap();
    let user = connect
        .user(&ClientUserId::new(USER).unwrap())
        .await
        .unwrap();
    assert!(
        !user
            .data()
            .activities()
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[test]
fn what_is_added_by_name_is_there() {
    assert!(humanapi::Client::new("my-app", "hush").is_ok());
    assert_eq!(humanapi_export::Format::Csv.name(), "csv");
}
