//! What people write first, before they have read anything: it compiles, and it does what it says.
//!
//! What cannot compile is in the client's `tests/ui`; what depends on an application's other crates, in `programs`.
#![cfg(all(feature = "data", feature = "hyper", feature = "testing"))]

use std::borrow::Cow;
use std::sync::Arc;

use humanapi::data::application::AppKey;
use humanapi::prelude::*;
use humanapi::secrecy::SecretString;
use humanapi::testing::{OfflineSandbox, Sandbox, client_of};
use humanapi::{AccessToken, ClientId, ClientUserId, Credentials, EnvironmentError, Hosts, User};

fn connected() -> (OfflineSandbox, Client) {
    let sandbox = Sandbox::builder().build_offline();
    sandbox
        .control()
        .user("patient-17")
        .connected_with("strider")
        .expect("the sandbox has this source");
    sandbox.control().clear_requests();
    let client = client_of(&sandbox);
    (sandbox, client)
}

#[tokio::test]
async fn a_call_takes_a_limit_whether_it_is_awaited_or_streamed() {
    let (sandbox, client) = connected();
    let user = client.user("patient-17");

    let page = user.data().activities().limit(3).await.unwrap();
    assert_eq!(page.items.len(), 3);
    let records: Vec<_> = (user.data().activities().limit(3).items())
        .take(5)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(records.len(), 5);
    let mut pages = user.data().activities().limit(3).pages();
    let page = pages.try_next().await.unwrap().unwrap();
    assert_eq!(page.items.len(), 3);

    let requests = sandbox.control().requests();
    let lists: Vec<_> = (requests.iter())
        .filter(|request| request.path.contains("/activities"))
        .collect();
    assert_eq!(lists.len(), 4);
    for list in lists {
        assert!(list.path.contains("limit=3"), "{}", list.path);
    }
}

#[tokio::test]
async fn a_user_is_named_by_whatever_an_application_has_at_hand() {
    let (sandbox, client) = connected();
    let owned = String::from("patient-17");
    let id = ClientUserId::from("patient-17");
    let borrowed: Cow<'_, str> = Cow::Borrowed("patient-17");
    let users: [User; 8] = [
        client.user("patient-17"),
        client.user(&owned),
        client.user(owned.as_str()),
        client.user(owned.clone()),
        client.user(Arc::<str>::from("patient-17")),
        client.user(borrowed),
        client.user(&id),
        client.user(id.clone()),
    ];
    for user in users {
        user.data().profile().await.unwrap();
    }
    // All of them are one user, whose token is asked for once.
    assert_eq!(sandbox.control().exchanges().total(), 1);
}

#[test]
fn a_text_is_taken_as_an_application_has_it_at_hand() {
    let (id, secret) = (String::from("my-app"), String::from("hush"));
    Client::new(&id, &secret).unwrap();
    Client::new(id.as_str(), SecretString::from("hush")).unwrap();
    Client::new(Arc::<str>::from("my-app"), secret.clone()).unwrap();
    Credentials::new(&id, &secret).unwrap();
    ClientId::new(&id).unwrap();
    AppKey::new(&secret).unwrap();
    assert_eq!(AccessToken::new(&secret).expose_secret(), "hush");
    #[cfg(feature = "blocking")]
    humanapi::blocking::Client::new(&id, &secret).unwrap();
    #[cfg(feature = "axum")]
    {
        let user = AppUser::from(&id).with_email(&secret);
        assert_eq!(AppUser::from("my-app").with_email("hush"), user);
    }
}

#[cfg(feature = "admin")]
#[tokio::test]
async fn an_order_is_asked_about_by_whatever_names_its_user() {
    let sandbox = Sandbox::builder().build_offline();
    let orders = client_of(&sandbox).orders();
    let id = String::from("patient-17");
    humanapi::admin::order::IntentKey::new(&id).unwrap();
    // A Connect application has no orders, and is told so by the service.
    assert!(orders.find("patient-17").await.is_err());
    assert!(orders.find(&id).await.is_err());
    assert!(orders.status(&id).await.is_err());
    assert!(orders.subscriptions(&id, "p17@example.test").await.is_err());
}

#[derive(Debug, thiserror::Error)]
#[error("the page cannot be shown")]
struct Page(#[source] std::fmt::Error);

#[test]
fn a_main_that_ends_with_an_error_says_what_to_do() {
    #[track_caller]
    fn check(error: impl Into<MainError>, told: &str) {
        assert_eq!(format!("{:?}", error.into()), told);
    }
    check(
        EnvironmentError::Missing("HUMANAPI_CLIENT_ID"),
        "the environment variable HUMANAPI_CLIENT_ID is not set\nhelp: set it to what the developer portal shows",
    );
    check(
        Credentials::new("", "hush").unwrap_err(),
        "the client id is empty\nhelp: copy it from the developer portal",
    );
    check(
        Hosts::single("https://canary@host.example.test").unwrap_err(),
        "the address has user information before the host\nhelp: remove everything up to the @",
    );
    #[cfg(feature = "axum")]
    check(
        humanapi::axum::SetupError::from(Hosts::single("canary").unwrap_err()),
        "the origin is no address\ncaused by: the address is not an absolute URL\nhelp: write it like https://host.example.test, or http://127.0.0.1:8080 for a sandbox",
    );
    #[cfg(feature = "export")]
    check(
        humanapi::export::ExportError::InUse,
        "another export is writing to this folder\nhelp: wait until that one has ended, or take another folder",
    );
    // Whatever else it is.
    let beneath = format!("the page cannot be shown\ncaused by: {}", std::fmt::Error);
    check(Page(std::fmt::Error), &beneath);
    let page = MainError::from(Page(std::fmt::Error));
    assert_eq!(page.to_string(), "the page cannot be shown");
}
