//! Calls that end at their deadline, whatever the store and the service do.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_came_along_with_a_token_survives_every_way_through() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    service.set(Mode::Returning, Duration::ZERO);
    let brokers = [sharing(&service, &shelf), sharing(&service, &shelf)];
    let connected = KnownStatus::asserted(UserStatus::Connected);
    // Issued, at hand, and from the store.
    for broker in [&brokers[0], &brokers[0], &brokers[1], &brokers[1]] {
        let token = broker.token(&key("u")).await.unwrap();
        let refresh = token.refresh_token().map(RefreshToken::expose_secret);
        assert_eq!(refresh, Some("refresh-1"));
        assert_eq!(token.life().as_secs(), DAY);
        let grant = broker
            .connect_token(&user("u"), connected, None)
            .await
            .unwrap();
        let refresh = grant
            .id_refresh_token
            .as_ref()
            .map(RefreshToken::expose_secret);
        assert_eq!(refresh, Some("id-refresh-2"));
        let kept = broker.token(&connect_key("u")).await.unwrap();
        assert_eq!(kept.life().as_secs(), DAY);
        assert!(
            !format!("{token:?} {grant:?} {kept:?}").contains("refresh-"),
            "{grant:?}"
        );
    }
    assert_eq!(service.requests(), 2);
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .broker(brokers[0].clone())
        .build_on(Clock::new(true));
    let call = client.user("u").with_status(connected).connect_token();
    assert!(call.await.unwrap().id_refresh_token.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_from_outside_the_runtime_stalls_no_renewal() {
    let service = Service::default();
    let clock = Clock::new(true);
    let broker = builder(&service)
        .retry(RetryPolicy::none())
        .build_on(clock.clone());
    broker.token(&key("u")).await.unwrap();
    tokio::time::advance(Duration::from_secs(DAY - 100)).await;
    // As from a thread without a runtime.
    clock.tasks.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(broker.try_token(&key("u")).is_some());
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(service.requests(), 1);
    clock.tasks.store(true, Ordering::SeqCst);
    assert_eq!(
        broker.token(&key("u")).await.unwrap().expose_secret(),
        "access-1"
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        broker.try_token(&key("u")).unwrap().expose_secret(),
        "access-2"
    );
    assert_eq!(service.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_dead_process_holds_ends_a_call_at_its_deadline() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    shelf
        .acquire(&key("u"), Duration::from_secs(45), None)
        .await
        .unwrap();
    let deadline = Duration::from_secs(10);
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .retry(RetryPolicy::default().with_overall_deadline(deadline))
        .broker(sharing(&service, &shelf))
        .build_on(Clock::new(true));
    let begun = Instant::now();
    let error = client.user("u").data().profile().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfTime);
    assert_eq!(begun.elapsed().as_millis() / 10, 1_000);
    // The same without a call around it, by the broker's own policy.
    let broker = builder(&service)
        .retry(RetryPolicy::default().with_overall_deadline(deadline))
        .policy(BrokerPolicy::default().with_store_patience(Duration::from_secs(60)))
        .store(shelf.clone())
        .build_on(Clock::new(true));
    shelf.set(HANGS);
    let begun = Instant::now();
    let error = broker.token(&key("u")).await.unwrap_err();
    assert!(matches!(*error, FlowError::OutOfTime { .. }), "{error:?}");
    assert_eq!(begun.elapsed().as_millis() / 10, 1_000);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_is_told_besides_keeps_nobody_beyond_the_deadline() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let deadline = Duration::from_secs(10);
    let retry = RetryPolicy::default().with_overall_deadline(deadline);
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .retry(retry.clone())
        .store(shelf.clone())
        .build_on(Clock::new(true));
    shelf.set(HANGS);

    // A user who was deleted is forgotten first, and gets a token all the same.
    let begun = Instant::now();
    let deleted = KnownStatus::asserted(UserStatus::Deleted);
    let user_there = client.user("u").with_status(deleted);
    user_there.connect_token().await.unwrap();
    assert!(begun.elapsed() < deadline, "{:?}", begun.elapsed());

    // With little time left after the answer, the store gets no more than that.
    let late = Duration::from_secs(8);
    for told in 0..3 {
        let mode = if told == 2 { Mode::Refuse } else { Mode::Issue };
        service.set(mode, late);
        let begun = Instant::now();
        match told {
            0 => drop(client.user("v").id_token().await.unwrap()),
            1 => drop(client.user("v").access_token().await.unwrap()),
            _ => drop(client.confirm_connection("v").await.unwrap()),
        }
        let took = begun.elapsed();
        assert!(took.as_millis() / 10 <= 1_000, "{told}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_exchanges_after_one_refusal_share_one_deadline() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let bearer = TokenSource::token(&sharing(&service, &shelf), &key("u"), None).await;
    let refused = Rejected::by_the_service(bearer.unwrap().generation());
    let broker = builder(&service)
        .retry(RetryPolicy::none().with_overall_deadline(Duration::from_secs(10)))
        .store(shelf.clone())
        .build_on(Clock::new(true));
    shelf.set(SLOW);
    let running = {
        let broker = broker.clone();
        tokio::spawn(async move { broker.token(&key("u")).await })
    };
    tokio::task::yield_now().await;
    // It is about the very token that the exchange under way brings.
    let begun = Instant::now();
    let renewed = TokenSource::token(&broker, &key("u"), Some(refused)).await;
    assert!(matches!(*renewed.unwrap_err(), FlowError::OutOfTime { .. }));
    assert_eq!(begun.elapsed().as_millis() / 10, 1_000);
    assert_eq!(running.await.unwrap().unwrap().expose_secret(), "access-1");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_though_the_store_failed_when_the_user_was_found_to_have_connected() {
    for exchanges in [false, true] {
        let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
        let (here, there) = (sharing(&service, &shelf), sharing(&service, &shelf));
        assert_eq!(connect(&there, UserStatus::New).await.0, "session-1");
        shelf.set(DOWN);
        here.token(&key("u")).await.unwrap();
        if exchanges {
            // Down for longer than the one try made behind the caller's back.
            sleep(Duration::from_secs(30)).await;
        }
        shelf.set(UP);
        assert_eq!(shelf.text(&connect_key("u")).as_deref(), Some("session-1"));
        if exchanges {
            let (token, reused) = connect(&here, UserStatus::Started).await;
            assert_eq!((token.as_str(), reused), ("session-3", false));
            assert_eq!(shelf.text(&connect_key("u")), Some(token));
        } else {
            sleep(Duration::from_secs(10)).await;
            assert_eq!(shelf.text(&connect_key("u")), None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_never_ends_in_the_store_costs_a_wait_and_no_token() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    shelf
        .acquire(&key("u"), Duration::from_secs(9_000_000_000), None)
        .await
        .unwrap();
    let lease = Duration::from_secs(7);
    let broker = builder(&service)
        .policy(BrokerPolicy::default().with_lease(lease))
        .store(shelf.clone())
        .build_on(Clock::new(true));
    let begun = Instant::now();
    broker.token(&key("u")).await.unwrap();
    assert_eq!(begun.elapsed().as_millis() / 10, 700);
    // Where there is less time than that, some of it is left for the exchange.
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .retry(RetryPolicy::default().with_overall_deadline(Duration::from_secs(20)))
        .store(shelf.clone())
        .build_on(Clock::new(true));
    let begun = Instant::now();
    client.broker().unwrap().token(&key("u")).await.unwrap();
    assert_eq!(begun.elapsed().as_millis() / 10, 1_000);
}
