//! Coming back from hosted Connect.

use crate::support::World;

const BACK: &str = "/connect/callback?status=SUCCESS&sessionResults=%7B%22connectedSources%22%3A%5B%7B%22name%22%3A%22Strider%22%7D%5D%7D";

#[tokio::test]
async fn whoever_went_out_comes_back_once() {
    let world = World::with(|connect| connect.return_to("/me")).await;
    let ann = world.browser("ann");
    let token = ann.token().await;
    let link = token["hostedLink"].as_str().unwrap();
    assert!(
        link.starts_with(&format!("{}/connect?clientId=", world.sandbox.url())),
        "{link}"
    );
    world.connect_source("ann");
    let before = world.exchanges();
    let carried = ann.cookies.lock().unwrap().clone();

    let answer = ann.visit(BACK).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/me"));
    assert_eq!(world.exchanges() - before, 1);
    assert_eq!(world.status("ann").await, "connected");
    assert_eq!(
        *ann.cookies.lock().unwrap(),
        None,
        "the cookie is taken away"
    );

    // The same cookie again.
    world.advance(11);
    ann.cookies.lock().unwrap().clone_from(&carried);
    assert!(ann.visit(BACK).await.is_neutral());
    assert_eq!(world.exchanges() - before, 1, "nobody was asked");
}

#[tokio::test]
async fn whoever_did_not_go_out_changes_nothing() {
    let world = World::new().await;
    let (ann, ben, nobody) = (
        world.browser("ann"),
        world.browser("ben"),
        world.browser(""),
    );
    ann.token().await;
    world.connect_source("ann");
    world.known("ben").await;
    world.connect_source("ben");
    let before = world.exchanges();
    let anns = ann.cookies.lock().unwrap().clone();

    assert!(ben.visit(BACK).await.is_neutral(), "without a cookie");
    ben.cookies.lock().unwrap().clone_from(&anns);
    assert!(ben.visit(BACK).await.is_neutral(), "with another user's");
    nobody.cookies.lock().unwrap().clone_from(&anns);
    assert!(nobody.visit(BACK).await.is_neutral(), "without a session");
    for made_up in [
        "humanapi-launch=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "humanapi-launch=",
        "humanapi-launch=...........",
        "humanapi-launch=\u{1f600}",
        "__Host-humanapi-launch=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        *ben.cookies.lock().unwrap() = Some(made_up.to_owned());
        assert!(ben.visit(BACK).await.is_neutral(), "{made_up}");
    }
    assert_eq!(world.exchanges(), before);
    assert_eq!(world.status("ann").await, "started");
    assert_eq!(world.status("ben").await, "unknown");

    // None of this has used up what ann carries.
    ann.visit(BACK).await;
    assert_eq!(world.status("ann").await, "connected");
}

#[tokio::test]
async fn an_image_a_frame_or_a_browser_that_looks_ahead_does_not_come_back() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    world.connect_source("ann");
    let before = world.exchanges();
    for headers in [
        [("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")],
        [("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")],
        [("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
        [
            ("sec-fetch-dest", "document"),
            ("sec-purpose", "prefetch;prerender"),
        ],
    ] {
        let answer = ann.send(reqwest::Method::GET, BACK, &headers, "").await;
        assert!(answer.is_neutral(), "{headers:?}");
    }
    let head = ann.send(reqwest::Method::HEAD, BACK, &[], "").await;
    assert_eq!(head.status, 405);
    assert_eq!(world.exchanges(), before);
    ann.visit(BACK).await;
    assert_eq!(world.status("ann").await, "connected");
}

#[tokio::test]
async fn a_launch_ends_with_its_token() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    world.connect_source("ann");
    world.advance(3601);
    let before = world.exchanges();
    assert!(ann.visit(BACK).await.is_neutral());
    assert_eq!(world.exchanges(), before);
}

#[tokio::test]
async fn each_of_two_tabs_comes_back() {
    let world = World::with(|connect| connect.return_to("/me")).await;
    let ann = world.browser("ann");
    ann.token().await;
    ann.token().await;
    world.connect_source("ann");
    assert_eq!(ann.visit(BACK).await.status, 303);
    assert_eq!(ann.visit(BACK).await.status, 303);
    assert!(ann.visit(BACK).await.is_neutral());
}

#[tokio::test]
async fn a_lie_in_the_address_changes_nothing_and_is_not_repeated() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    let lie = format!(
        "{BACK}&x=%3Cscript%3Ealert(1)%3C%2Fscript%3E&next=https://evil.example&return_to=//evil.example"
    );
    let answer = ann.visit(&lie).await;
    assert!(answer.is_neutral());
    assert!(
        !answer.text.contains("script")
            && !answer.text.contains("evil")
            && !answer.text.contains("Strider")
    );
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(world.status("ann").await, "started");
}

#[tokio::test]
async fn an_unreadable_return_is_worth_a_question() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    world.connect_source("ann");
    ann.visit("/connect/callback?%FF=%").await;
    assert_eq!(world.status("ann").await, "connected");
}

#[tokio::test]
async fn over_https_the_cookie_is_this_hosts_alone() {
    let world = World::at(Some("https://app.example.test"), |connect| connect).await;
    let ann = world.browser("ann");
    let headers = [
        ("origin", "https://app.example.test"),
        ("content-type", "application/json"),
    ];
    let answer = ann
        .send(reqwest::Method::POST, "/connect/token", &headers, "{}")
        .await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-humanapi-launch="), "{cookie}");
    for attribute in ["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    world.connect_source("ann");
    ann.visit(BACK).await;
    assert_eq!(world.status("ann").await, "connected");
}
