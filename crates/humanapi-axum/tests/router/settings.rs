//! Settings, scripts and pages.

use humanapi_axum::{Connect, SetupError};
use humanapi_client::connect::{CONNECT_JS, CONNECT_JS_INTEGRITY};
use humanapi_client::core::HostError;
use humanapi_client::core::connect::{CallbackError, Mode};
use reqwest::Method;

use crate::support::{HandClock, World, client, plain_http, serve};

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let world = World::new().await;
    let check = |origin: &str, callback: &str, return_to: &str, expected| {
        let client = client(&world.app, world.sandbox.url(), "hush", &HandClock::new());
        let built = Connect::builder(client, Nobody, origin)
            .callback(callback)
            .return_to(return_to)
            .build();
        assert_eq!(
            built.map(|_| ()),
            expected,
            "{origin} {callback} {return_to}"
        );
    };
    let (origin, callback) = ("https://a.test", "https://a.test/connect/callback");
    check(origin, callback, "/", Ok(()));
    check(origin, callback, "/me?x=1", Ok(()));
    check(
        "http://a.test",
        callback,
        "/",
        Err(SetupError::Address(HostError::PlainHttp)),
    );
    check("https://a.test/", callback, "/", Err(SetupError::Origin));
    check(
        origin,
        "/connect/callback",
        "/",
        Err(CallbackError::NoScheme.into()),
    );
    check(
        origin,
        "javascript:alert(1)",
        "/",
        Err(CallbackError::Dangerous.into()),
    );
    for away in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "me",
        "",
        "/\r\nx: y",
        "/\u{a0}",
    ] {
        check(origin, callback, away, Err(SetupError::ReturnTo));
    }
}

struct Nobody;

impl humanapi_axum::SignedIn for Nobody {
    async fn user(
        &self,
        _: &mut http::request::Parts,
    ) -> Result<humanapi_axum::AppUser, axum::response::Response> {
        Err(axum::response::IntoResponse::into_response(
            http::StatusCode::UNAUTHORIZED,
        ))
    }
}

#[tokio::test]
async fn scripts_are_served_as_they_are_and_asked_about_each_time() {
    let world = World::new().await;
    let anyone = world.browser("");
    let script = anyone.send(Method::GET, "/connect.js", &[], "").await;
    assert_eq!((script.status, &*script.text), (200, CONNECT_JS));
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        script.header("cache-control"),
        "public, no-cache, no-transform"
    );
    let tag = script.header("etag").to_owned();
    assert_eq!(tag, format!("\"{CONNECT_JS_INTEGRITY}\""));
    for known in [&*tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
        let again = anyone
            .send(Method::GET, "/connect.js", &[("if-none-match", known)], "")
            .await;
        assert_eq!((again.status, &*again.text), (304, ""), "{known}");
    }
    let other = anyone
        .send(
            Method::GET,
            "/connect.js",
            &[("if-none-match", "\"x\"")],
            "",
        )
        .await;
    assert_eq!(other.status, 200);
    let page = anyone.send(Method::GET, "/connect/page.js", &[], "").await;
    assert!(page.text.contains("from \"../connect.js\""));
    let head = anyone.send(Method::HEAD, "/connect.js", &[], "").await;
    assert_eq!((head.status, head.header("etag")), (200, &*tag));
}

#[tokio::test]
async fn a_page_has_a_new_nonce_and_a_strict_policy() {
    let world = World::new().await;
    let (one, other) = (
        world.connect.page("").unwrap(),
        world.connect.page("/h/").unwrap(),
    );
    assert_ne!(one.nonce, other.nonce);
    let policy = one.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'nonce-"),
        "{policy}"
    );
    assert!(policy.contains(one.nonce.as_str()));
    assert!(
        policy.contains(&format!("frame-src {};", world.sandbox.url())),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains('*'));
    assert_eq!(one.headers["cache-control"], "no-store");
    assert_eq!(one.headers["referrer-policy"], "no-referrer");
    assert!(
        one.scripts
            .contains("src=\"/connect.js\" integrity=\"sha256-")
    );
    assert!(other.scripts.contains("src=\"/h/connect.js\""));
    assert!(other.scripts.contains("src=\"/h/connect/page.js\""));
    let hostile = world.connect.page("/\"><script>").unwrap();
    let src = "src=\"/&quot;>&lt;script>/connect/page.js\"";
    assert!(hostile.scripts.contains(src), "{}", hostile.scripts);
    assert!(!hostile.scripts.contains("<script>"), "{}", hostile.scripts);
}

#[tokio::test]
async fn launches_are_opened_as_the_application_says() {
    let world = World::with(|connect| {
        connect.launch(|user, launch| launch.with_segment(format!("</script> {}", user.id())))
    })
    .await;
    let token = world.browser("ann").token().await;
    assert_eq!(token["options"]["segment"], "</script> ann");
    assert!(
        token["hostedLink"]
            .as_str()
            .unwrap()
            .contains("segment=%3C%2Fscript%3E%20ann")
    );

    // An option that a hosted link cannot say costs the link, and not the dialog.
    let world = World::with(|connect| {
        connect.launch(|_, launch| launch.with_mode(Mode::Auth).with_config("c"))
    })
    .await;
    let token = world.browser("ann").token().await;
    assert_eq!(token["options"]["config"], "c");
    assert!(token.get("hostedLink").is_none());
}

#[tokio::test]
async fn the_routes_work_where_they_are_nested() {
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app: axum::Router = axum::Router::new().nest("/h", world.connect.router());
    serve(listener, app);
    let http = plain_http();
    for (path, status) in [
        ("/h/connect.js", 200),
        ("/h/connect/page.js", 200),
        ("/h/connect/token", 405),
        ("/h/connect/nothing", 404),
        ("/connect.js", 404),
    ] {
        let answer = http.get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
}
