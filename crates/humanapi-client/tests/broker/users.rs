//! Users who are forgotten, deleted, or found to have connected.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_forgotten_user_gets_nothing_from_before_not_even_what_was_under_way_elsewhere() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let (here, there) = (sharing(&service, &shelf), sharing(&service, &shelf));
    service.set(Mode::Issue, Duration::from_millis(50));
    let running = {
        let there = there.clone();
        tokio::spawn(async move { there.token(&key("u")).await.unwrap() })
    };
    sleep(Duration::from_millis(10)).await;
    here.forget(&user("u")).await.unwrap();
    assert_eq!(running.await.unwrap().expose_secret(), "access-1");
    assert_eq!(shelf.text(&key("u")), None, "its commit came too late");
    let token = here.token(&key("u")).await.unwrap();
    assert_eq!(token.expose_secret(), "access-2");

    // What is kept goes, for both purposes.
    assert_eq!(
        connect(&here, UserStatus::New).await,
        ("session-3".to_owned(), false)
    );
    here.forget(&user("u")).await.unwrap();
    assert_eq!(shelf.text(&key("u")), None);
    assert_eq!(shelf.text(&connect_key("u")), None);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_could_not_be_told_brings_nothing_back() {
    for state in [DOWN, HANGS] {
        let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
        let broker = sharing(&service, &shelf);
        broker.token(&key("u")).await.unwrap();
        shelf.set(state);
        let error = broker.forget(&user("u")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        // Without the store, the exchange is this process's own.
        let token = broker.token(&key("u")).await.unwrap();
        assert_eq!(token.expose_secret(), "access-2");
        shelf.set(UP);
        assert_eq!(shelf.text(&key("u")).as_deref(), Some("access-1"));
        broker.forget_here(user("u"));
        let token = broker.token(&key("u")).await.unwrap();
        assert_eq!(token.expose_secret(), "access-3");
        assert_eq!(shelf.text(&key("u")).as_deref(), Some("access-3"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_asserted_as_deleted_begins_anew() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let (here, there) = (sharing(&service, &shelf), sharing(&service, &shelf));
    there.token(&key("u")).await.unwrap();
    here.token(&key("u")).await.unwrap();
    assert_eq!(connect(&there, UserStatus::New).await.0, "session-2");
    service.set(Mode::Issue, Duration::from_millis(50));
    // Under way here and there.
    let running: Vec<_> = [&here, &there]
        .into_iter()
        .map(|broker| {
            let broker = broker.clone();
            tokio::spawn(async move { connect(&broker, UserStatus::New).await.0 })
        })
        .collect();
    sleep(Duration::from_millis(10)).await;
    let before = service.requests();
    let began_anew = join_all((0..20).map(|_| connect(&here, UserStatus::Deleted))).await;
    let anew = format!("session-{}", before + 1);
    assert!(
        began_anew
            .iter()
            .all(|(token, reused)| *token == anew && !reused),
        "{began_anew:?}"
    );
    for running in running {
        assert!(running.await.unwrap() != anew);
    }
    // The other process may have got one of its own by now, as it knows of no deletion.
    let kept = shelf.text(&connect_key("u")).unwrap();
    let number: u64 = kept.strip_prefix("session-").unwrap().parse().unwrap();
    assert!(number > before, "{kept}");
    assert_eq!(
        shelf.text(&key("u")),
        None,
        "nor is the data of one who was deleted at hand"
    );
    assert!(here.try_token(&key("u")).is_none());
    assert_eq!(connect(&here, UserStatus::Started).await, (anew, true));
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_a_deleted_user_stands_as_any_other() {
    let service = Service::default();
    let broker = broker(&service);
    service.set(Mode::Down, Duration::from_millis(5));
    let known = KnownStatus::asserted(UserStatus::Deleted);
    for _ in 0..100 {
        broker
            .connect_token(&user("u"), known, None)
            .await
            .unwrap_err();
    }
    assert_eq!(service.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_in_the_store_is_gone_once_the_user_is_known_to_have_connected() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .store(shelf.clone())
        .build_on(Clock::new(true));
    let other = sharing(&service, &shelf);
    for shows in 0..5 {
        let (token, _) = connect(&other, UserStatus::New).await;
        assert_eq!(shelf.text(&connect_key("u")), Some(token));
        match shows {
            0 => drop(client.broker().unwrap().token(&key("u")).await.unwrap()),
            1 => drop(client.user("u").id_token().await.unwrap()),
            2 => drop(client.user("u").access_token().await.unwrap()),
            3 => drop(client.confirm_connection("u").await.unwrap()),
            _ => {
                let connected = KnownStatus::asserted(UserStatus::Connected);
                let call = client.user("u").with_status(connected).connect_token();
                let grant = call.await.unwrap();
                assert_eq!(grant.token.kind(), TokenKind::Id);
            }
        }
        let kept = shelf.text(&connect_key("u"));
        assert!(
            kept.as_deref().is_none_or(|kept| kept.starts_with("id-")),
            "{shows}: {kept:?}"
        );
        // An id token stays, and one who is connected gets it again.
        client.broker().unwrap().token(&key("u")).await.unwrap();
        assert_eq!(shelf.text(&connect_key("u")), kept);
        client.broker().unwrap().forget(&user("u")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_at_hand_for_nobody_of_whom_nothing_is_known() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let broker = sharing(&service, &shelf);
    assert_eq!(connect(&broker, UserStatus::New).await.0, "session-1");
    assert!(broker.try_token(&connect_key("u")).is_none());
    let other = sharing(&service, &shelf);
    assert_eq!(
        connect(&other, UserStatus::Unknown).await,
        ("session-2".to_owned(), false)
    );
    assert_eq!(
        connect(&sharing(&service, &shelf), UserStatus::Started).await,
        ("session-2".to_owned(), true)
    );
    assert_eq!(
        broker
            .token(&connect_key("u"))
            .await
            .unwrap()
            .expose_secret(),
        "session-3"
    );
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_no_reaches_the_store() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .store(shelf.clone())
        .build_on(Clock::new(true));
    let broker = client.broker().unwrap();
    broker.token(&key("u")).await.unwrap();
    service.set(Mode::Refuse, Duration::ZERO);
    client.confirm_connection("u").await.unwrap();
    assert_eq!(shelf.text(&key("u")), None);
    broker.token(&key("u")).await.unwrap_err();
}

/// It was asked for before the user had connected, and comes after an id token has shown that they have.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_after_the_proof_that_it_is_out_of_date_does_not_stand() {
    let service = Service::default();
    service.set(Mode::Refuse, Duration::from_secs(1));
    let broker = broker(&service);
    let early = tokio::spawn({
        let broker = broker.clone();
        async move { broker.token(&key("u")).await }
    });
    sleep(Duration::from_millis(100)).await;
    service.set(Mode::Returning, Duration::ZERO);
    let id = user("u");
    let grant = broker.connect_token(&id, KnownStatus::default(), None);
    assert_eq!(grant.await.unwrap().token.kind(), TokenKind::Id);
    let late = broker.token(&key("u")).await.unwrap();
    let early = early.await.unwrap().unwrap();
    assert_eq!(early.expose_secret(), late.expose_secret());
    assert_eq!(
        service.requests(),
        4,
        "refused, a session and an id token, and once more"
    );
}
