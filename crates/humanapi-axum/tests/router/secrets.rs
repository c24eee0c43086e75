//! Whatever happens, no answer and no line of the log holds what only the server may know.

use humanapi_sandbox::{Fault, TokenKind};

use crate::support::{World, closed, connected, logged};

#[tokio::test]
async fn nothing_of_the_servers_leaves_it() {
    let world = World::with(|connect| connect.return_to("/me")).await;
    let control = world.sandbox.control();
    let ann = world.browser("canary-user");
    for fault in [
        Fault::garbage_body(),
        Fault::status(500),
        Fault::truncated_body(),
        Fault::drop_after(),
    ] {
        control.plan_fault(fault).unwrap();
        ann.post("/connect/outcome", connected()).await;
        world.advance(11);
    }
    world.advance(60);
    let token = ann.token().await;
    ann.outcome(connected()).await;
    world.connect_source("canary-user");
    world.advance(11);
    ann.outcome(serde_json::json!({ "type": "hapi-connect-connect-source",
        "sessionResults": { "connectedSources": [{ "name": "canary-clinic" }] } }))
        .await;
    ann.token().await;
    ann.visit("/connect/callback?status=canary-status").await;
    ann.visit("/connect/callback?status=canary-status").await;
    ann.outcome(closed("SESSION_TOKEN_INVALID")).await;
    ann.outcome(closed("canary-status")).await;
    let returning = ann.token().await;
    assert_eq!(
        (&token["kind"], &returning["kind"]),
        (&"session".into(), &"id".into())
    );
    let id = humanapi_client::core::ClientUserId::new("canary-user").unwrap();
    world
        .connect
        .user(&id)
        .await
        .unwrap()
        .data()
        .activities()
        .await
        .unwrap();
    for (path, method) in [
        ("/connect.js", "GET"),
        ("/connect/page.js", "GET"),
        ("/connect/token", "PUT"),
    ] {
        ann.send(method.parse().unwrap(), path, &[], "").await;
    }

    let answered = world.answered.lock().unwrap().clone();
    // What all tests of this program logged so far.
    let logged = logged();
    assert!(
        logged.contains("Human API could not be asked"),
        "the log is the one that is searched"
    );
    for text in [&answered, &logged] {
        assert!(!text.contains(&world.app.client_secret));
    }
    for word in ["canary-clinic", "canary-status", "p@example.test"] {
        assert!(!logged.contains(word), "{word}");
    }
    // The paths that were asked for are in what is searched, so cut those off.
    let bodies = answered.replace("?status=canary-status", "");
    for word in [
        "canary-clinic",
        "canary-status",
        "canary-user",
        "p@example.test",
    ] {
        assert!(!bodies.contains(word), "{word}");
    }
    let mut kinds = std::collections::BTreeSet::new();
    for token in tokens(&answered) {
        let kind = control.issued_token_kind(token).expect("it was issued");
        assert!(
            matches!(kind, TokenKind::Session | TokenKind::Id),
            "{kind:?}"
        );
        kinds.insert(format!("{kind:?}"));
    }
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert_eq!(tokens(&logged).count(), 0, "{logged}");
}

/// Everything that looks like a token of the sandbox.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("sbx-").map(|(at, _)| {
        let rest = &text[at..];
        let end = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}
