//! What may be posted, by whom, how often, and what a lie brings about.

use humanapi_axum::Problem;
use humanapi_client::User;
use humanapi_sandbox::Fault;
use reqwest::Method;
use serde_json::json;

use crate::support::{World, closed, connected};

const ROUTES: [&str; 2] = ["/connect/token", "/connect/outcome"];
const JSON: (&str, &str) = ("content-type", "application/json");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn no_other_site_posts() {
    let world = World::new().await;
    let ann = world.browser("ann");
    for route in ROUTES {
        let ours = ("origin", &*world.base);
        let theirs = ("origin", "https://evil.example");
        let attempts: [&[(&str, &str)]; 12] = [
            // Whoever says it twice is refused, whatever else is right.
            &[JSON, OURS, ("sec-fetch-site", "cross-site")],
            &[JSON, ("sec-fetch-site", "cross-site"), OURS],
            &[JSON, OURS, ours, theirs],
            &[JSON, OURS, theirs, ours],
            &[JSON],
            &[JSON, ("sec-fetch-site", "cross-site")],
            &[JSON, ("sec-fetch-site", "same-site")],
            &[JSON, ("sec-fetch-site", "none")],
            &[JSON, ("origin", "https://evil.example")],
            &[JSON, ("origin", "null"), ("sec-fetch-site", "cross-site")],
            // A form can send neither JSON nor this; a link sends nothing at all.
            &[
                ("content-type", "text/plain"),
                ("origin", "https://evil.example"),
            ],
            &[],
        ];
        for headers in attempts {
            let answer = ann
                .send(Method::POST, route, headers, "{\"event\":\"close\"}")
                .await;
            assert_eq!(answer.status, 403, "{headers:?}");
            assert_eq!(answer.code(), "cross-site");
            assert!(answer.headers.get("set-cookie").is_none());
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
    }
    assert_eq!(world.exchanges(), 0);
    assert_eq!(world.status("ann").await, "unknown");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::new().await;
    let ann = world.browser("ann");
    for route in ROUTES {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            let headers = [OURS, ("content-type", kind)];
            let answer = ann.send(Method::POST, route, &headers, "{}").await;
            assert_eq!((answer.status, &*answer.code()), (415, "not-json"));
        }
        let answer = ann.send(Method::POST, route, &[OURS], "").await;
        assert_eq!((answer.status, &*answer.code()), (415, "not-json"));
    }
    assert_eq!(world.exchanges(), 0);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let world = World::new().await;
    let ann = world.browser("ann");
    for route in ROUTES {
        for method in [
            Method::GET,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
        ] {
            let answer = ann.send(method, route, &[OURS, JSON], "{}").await;
            assert_eq!((answer.status, &*answer.code()), (405, "wrong-method"));
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    for route in ["/connect/callback", "/connect.js", "/connect/page.js"] {
        let answer = ann.send(Method::POST, route, &[OURS, JSON], "{}").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET"));
    }
    assert_eq!(world.exchanges(), 0);
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let fits = format!(
        "{{\"event\":\"close\",\"x\":\"{}\"}}",
        "x".repeat(65_536 - 24)
    );
    assert_eq!(fits.len(), 65_536);
    let larger = format!("{fits} ");
    for route in ROUTES {
        let answer = ann
            .send(Method::POST, route, &[OURS, JSON], larger.clone())
            .await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (413, "too-large"),
            "{route}"
        );
        let answer = ann
            .send(Method::POST, route, &[OURS, JSON], fits.clone())
            .await;
        assert_eq!(answer.status, 200, "{route}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_report_is_refused() {
    let world = World::new().await;
    let ann = world.browser("ann");
    for body in [
        "",
        "[]",
        "{",
        "null",
        "\u{0}",
        "\"nonsense\"",
        "event=close",
    ] {
        let answer = ann
            .send(Method::POST, "/connect/outcome", &[OURS, JSON], body)
            .await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "unreadable-report"),
            "{body}"
        );
    }
    assert_eq!(world.exchanges(), 0);
}

#[tokio::test]
async fn whoever_is_not_signed_in_gets_the_applications_answer() {
    let world = World::new().await;
    let nobody = world.browser("");
    for route in ROUTES {
        let answer = nobody.post(route, connected()).await;
        assert_eq!((answer.status, &*answer.text), (401, "sign in first"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(world.exchanges(), 0);
}

#[tokio::test]
async fn nobody_becomes_somebody_else_by_a_body_or_a_query() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let lie = json!({
        "type": "hapi-connect-connect-source", "user": "ben", "userId": "ben", "clientUserId": "ben",
        "client_user_id": "ben", "email": "ben@example.test",
    });
    for route in ROUTES {
        let path = format!("{route}?user=ben&client_user_id=ben&email=ben@example.test");
        assert_eq!(ann.post(&path, lie.clone()).await.status, 200);
    }
    let users = world.sandbox.control().users(&world.app.client_id).unwrap();
    let ids: Vec<_> = users
        .iter()
        .map(|user| user.client_user_id.as_str())
        .collect();
    assert_eq!(ids, ["ann"]);
    assert_eq!(users[0].email.as_deref(), Some("p@example.test"));
    assert_eq!(world.status("ben").await, "unknown");
}

#[tokio::test]
async fn a_lie_changes_nothing() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    let answer = ann.outcome(connected()).await;
    assert_eq!(answer["connected"], false);
    assert_eq!(answer["next"], "check-again");
    assert_eq!(answer["recheckIn"], 10);
    assert_eq!(world.status("ann").await, "started");
    for lie in [
        json!({ "message": { "type": "hapi-connect-close", "status": "SUCCESS", "sessionResults": { "connectedSources": [{ "name": "X", "id": "1" }] } }, "dismissed": false }),
        json!({ "message": { "type": "hapi-connect-disconnect-source", "sessionResults": { "disconnectedSources": [{ "name": "X", "id": "1" }] } }, "dismissed": true }),
        json!({ "type": "hapi-connect-close", "sessionResults": { "connectedSources": [{ "name": "<script>alert(1)</script>" }] } }),
    ] {
        let answer = ann.outcome(lie).await;
        assert_eq!(
            (&answer["connected"], &answer["status"]),
            (&json!(false), &json!("started"))
        );
    }
    assert_eq!(ann.token().await["kind"], "session");
    assert!(!world.answered.lock().unwrap().contains("<script>"));
    // And the other way round: nobody is disconnected by a report.
    world.connect_source("ann");
    world.advance(11);
    assert_eq!(ann.outcome(connected()).await["connected"], true);
    let message = json!({ "type": "hapi-connect-disconnect-source", "currentConnections": [],
        "sessionResults": { "disconnectedSources": [{ "name": "Strider" }] } });
    let gone = json!({ "message": message, "dismissed": false });
    assert_eq!(ann.outcome(gone).await["status"], "connected");
}

#[tokio::test]
async fn an_answer_stands_for_ten_seconds() {
    let world = World::new().await;
    let ann = world.browser("ann");
    ann.token().await;
    let begin = world.exchanges();
    let asked = || world.exchanges() - begin;
    ann.outcome(connected()).await;
    world.connect_source("ann");
    world.advance(9);
    let answer = ann.outcome(connected()).await;
    assert_eq!(
        (&answer["connected"], &answer["recheckIn"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(asked(), 1);
    world.advance(1);
    assert_eq!(ann.outcome(connected()).await["connected"], true);
    assert_eq!(asked(), 2);
    for _ in 0..20 {
        assert_eq!(ann.outcome(connected()).await["connected"], true);
    }
    assert_eq!(asked(), 2);
    // Another user's answer is another one.
    assert_eq!(
        world.browser("ben").outcome(connected()).await["connected"],
        false
    );
}

#[tokio::test]
async fn a_report_of_no_change_asks_nothing() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let answer = ann.outcome(closed("SUCCESS")).await;
    assert_eq!(
        (&answer["next"], &answer["confirmed"]),
        (&json!("nothing"), &json!(false))
    );
    assert_eq!(
        ann.outcome(closed("MISSING_SESSION_TOKEN")).await["next"],
        "pass-token"
    );
    assert_eq!(
        ann.outcome(json!({ "type": "hapi-connect-open-url" }))
            .await["next"],
        "keep-listening"
    );
    assert_eq!(world.exchanges(), 0);
}

#[tokio::test]
async fn the_service_is_asked_six_times_a_minute_at_most() {
    let world = World::new().await;
    let (ann, ben) = (world.browser("ann"), world.browser("ben"));
    let control = world.sandbox.control();
    control.plan_fault(Fault::status(503).times(100)).unwrap();
    for _ in 0..6 {
        let answer = ann.post("/connect/outcome", connected()).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (503, "service-unavailable")
        );
    }
    control.clear_faults();
    let answer = ann.post("/connect/outcome", connected()).await;
    assert_eq!((answer.status, &*answer.code()), (429, "too-often"));
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(answer.json()["error"]["retryIn"], 60);
    assert_eq!(ben.post("/connect/outcome", connected()).await.status, 200);
    world.advance(60);
    assert_eq!(ann.post("/connect/outcome", connected()).await.status, 200);
}

#[tokio::test]
async fn reports_of_spent_tokens_are_counted_too() {
    let world = World::new().await;
    let ann = world.browser("ann");
    for _ in 0..6 {
        ann.outcome(closed("SESSION_TOKEN_INVALID")).await;
    }
    let answer = ann
        .post("/connect/outcome", closed("SESSION_TOKEN_INVALID"))
        .await;
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn a_page_of_a_named_origin_may_post() {
    let world = World::with(|connect| connect.also_from("https://www.example.test")).await;
    let ann = world.browser("ann");
    let site = ("sec-fetch-site", "cross-site");
    for (origin, status) in [
        ("https://www.example.test", 200),
        ("https://www.example.test.evil.example", 403),
    ] {
        let headers = [JSON, site, ("origin", origin)];
        let answer = ann
            .send(Method::POST, "/connect/token", &headers, "{}")
            .await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn nobody_is_told_to_have_connected_nothing_out_of_what_was_said_long_ago() {
    let world = World::new().await;
    let ann = world.browser("ann");
    let read = async || {
        let read = async |user: User| Ok(user.data().activities().await?.items.len());
        world.connect.read("ann", read).await
    };
    ann.token().await;
    assert_eq!(read().await, Ok(None));
    world.connect_source("ann");
    world.advance(3600);
    // Each counts as a question, and none of them asks the service.
    for _ in 0..6 {
        ann.outcome(closed("SESSION_TOKEN_INVALID")).await;
    }
    let told = read().await;
    assert!(matches!(told, Err(Problem::TooOften { .. })), "{told:?}");
    world.advance(60);
    let told = read().await;
    assert!(matches!(told, Ok(Some(1..))), "{told:?}");
}
