//! Callers for one token: herds, outages, refusals, and who gave up.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_herd_on_a_cold_key_makes_one_exchange() {
    for make in [broker, on_no_tasks] {
        let service = Service::default();
        service.set(Mode::Issue, Duration::from_millis(50));
        let outcomes = herd(&make(&service)).await;
        assert_eq!(outcomes.len(), HERD);
        assert!(
            outcomes
                .iter()
                .all(|token| token.as_ref().unwrap().expose_secret() == "access-1")
        );
        assert_eq!(service.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_herd_on_a_service_that_is_down_shares_one_failure_and_is_released_together() {
    for make in [broker, on_no_tasks] {
        let service = Service::default();
        service.set(Mode::Down, Duration::from_millis(50));
        let broker = make(&service);
        let begun = Instant::now();
        let outcomes = herd(&broker).await;
        assert_eq!(
            begun.elapsed().as_millis() / 10,
            5,
            "one try's time, for all"
        );
        let first = outcomes[0].as_ref().unwrap_err();
        assert!(
            outcomes
                .iter()
                .all(|outcome| Arc::ptr_eq(first, outcome.as_ref().unwrap_err()))
        );
        assert_eq!(service.requests(), 1);
        // Whoever comes within the pause gets the same at once.
        let begun = Instant::now();
        let next = broker.token(&key("u")).await.unwrap_err();
        assert!(Arc::ptr_eq(first, &next) && begun.elapsed().is_zero());
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_retried_by_its_one_exchange() {
    let service = Service::default();
    service.set(Mode::Down, Duration::from_millis(5));
    let broker = builder(&service).build_on(Clock::new(true));
    let outcomes = herd(&broker).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(
        service.requests(),
        4,
        "the policy's attempts, for all together"
    );
    sleep(Duration::from_secs(2)).await;
    broker.token(&key("u")).await.unwrap_err();
    assert_eq!(service.requests(), 5, "in trouble, one attempt a pause");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_while_a_token_is_valid() {
    for mode in [Mode::Issue, Mode::Down] {
        let service = Service::default();
        let broker = broker(&service);
        broker.token(&key("u")).await.unwrap();
        service.set(mode, Duration::from_secs(30));
        // Within the last 300 s of its life it is due.
        tokio::time::advance(Duration::from_secs(DAY - 250)).await;
        for _ in 0..100 {
            let begun = Instant::now();
            let tokens = join_all((0..100).map(|_| {
                let broker = broker.clone();
                async move {
                    broker
                        .token(&key("u"))
                        .await
                        .unwrap()
                        .expose_secret()
                        .to_owned()
                }
            }))
            .await;
            assert!(begun.elapsed().is_zero(), "{:?}", begun.elapsed());
            assert_eq!(tokens.len(), 100);
            sleep(Duration::from_secs(1)).await;
        }
        let kept = broker.try_token(&key("u")).unwrap();
        match mode {
            Mode::Issue => {
                assert_eq!(service.requests(), 2, "one renewal behind their backs");
                assert_eq!(kept.expose_secret(), "access-2");
            }
            _ => {
                assert!(
                    (3..=5).contains(&service.requests()),
                    "{}",
                    service.requests()
                );
                assert_eq!(kept.expose_secret(), "access-1");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_served_within_five_seconds_of_its_end() {
    let service = Service::default();
    let broker = broker(&service);
    broker.token(&key("u")).await.unwrap();
    service.set(Mode::Down, Duration::ZERO);
    tokio::time::advance(Duration::from_millis((DAY - 5) * 1_000 - 50)).await;
    assert!(broker.try_token(&key("u")).is_some());
    tokio::time::advance(Duration::from_millis(100)).await;
    assert!(broker.try_token(&key("u")).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_refusals_renews_once_and_a_late_one_not_at_all() {
    let service = Service::default();
    service.set(Mode::Issue, Duration::from_millis(20));
    let broker = broker(&service);
    let ask = |rejected| {
        let broker = broker.clone();
        async move {
            TokenSource::token(&broker, &key("u"), rejected)
                .await
                .unwrap()
        }
    };
    let first = ask(None).await.generation();
    let renewed = join_all((0..1_000).map(|_| ask(Some(Rejected::by_the_service(first))))).await;
    let second = renewed[0].generation();
    assert!(second > first);
    assert!(renewed.iter().all(|bearer| bearer.generation() == second));
    assert_eq!(service.requests(), 2);
    for late in [first, Generation::new(first.number() - 1)] {
        assert_eq!(
            ask(Some(Rejected::by_the_service(late))).await.generation(),
            second
        );
    }
    assert_eq!(service.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_in_doubt_is_kept_until_there_is_a_newer_one() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let broker = sharing(&service, &shelf);
    let first = TokenSource::token(&broker, &key("u"), None).await.unwrap();
    let (broker, key) = (&broker, &key("u"));
    let doubted = Some(Rejected::perhaps(first.generation()));
    let ask = || TokenSource::token(broker, key, doubted);
    service.set(Mode::Down, Duration::from_millis(20));
    // All who are in doubt wait for one exchange, and nobody else does.
    let doubting = join_all((0..100).map(|_| ask()));
    let meanwhile = async {
        sleep(Duration::from_millis(5)).await;
        assert!(broker.try_token(key).is_some());
    };
    let (doubting, ()) = tokio::join!(doubting, meanwhile);
    assert!(doubting.iter().all(Result::is_err));
    assert_eq!(service.requests(), 2);
    // It brought none, so those who ask within the pause get what there is, and know it by its number.
    assert_eq!(ask().await.unwrap().generation(), first.generation());
    assert_eq!(service.requests(), 2);
    let stored = shelf.load(key).await.unwrap().unwrap();
    assert_eq!(stored.generation(), first.generation());

    service.set(Mode::Issue, Duration::ZERO);
    sleep(Duration::from_secs(120)).await;
    let second = ask().await.unwrap().generation();
    assert!(second > first.generation());
    let stored = shelf.load(key).await.unwrap().unwrap();
    assert_eq!(stored.generation(), second);
    assert_eq!(ask().await.unwrap().generation(), second);
    assert_eq!(service.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_at_hand_any_more() {
    let service = Service::default();
    service.set(Mode::Issue, Duration::from_millis(20));
    let broker = broker(&service);
    let first = TokenSource::token(&broker, &key("u"), None).await.unwrap();
    let renewal = {
        let broker = broker.clone();
        let rejected = Some(Rejected::by_the_service(first.generation()));
        tokio::spawn(async move { TokenSource::token(&broker, &key("u"), rejected).await })
    };
    sleep(Duration::from_millis(5)).await;
    assert!(broker.try_token(&key("u")).is_none());
    renewal.await.unwrap().unwrap();
    assert!(broker.try_token(&key("u")).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_stops_nobody() {
    for make in [broker, on_no_tasks] {
        let service = Service::default();
        service.set(Mode::Issue, Duration::from_millis(100));
        let broker = make(&service);
        let leader = {
            let broker = broker.clone();
            tokio::spawn(async move { broker.token(&key("u")).await })
        };
        sleep(Duration::from_millis(10)).await;
        let second = {
            let broker = broker.clone();
            tokio::spawn(async move { broker.token(&key("u")).await })
        };
        sleep(Duration::from_millis(10)).await;
        leader.abort();
        second.await.unwrap().unwrap();
        assert_eq!(service.requests(), 1);

        // All give up, and the next goes on where they stopped.
        let lonely = {
            let broker = broker.clone();
            tokio::spawn(async move { broker.token(&key("v")).await })
        };
        sleep(Duration::from_millis(10)).await;
        lonely.abort();
        let _aborted = lonely.await;
        broker.token(&key("v")).await.unwrap();
        assert_eq!(service.requests(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_fails_whom_it_hits_and_locks_nothing() {
    let service = Service::default();
    service.set(Mode::Panic, Duration::from_millis(10));
    let broker = on_no_tasks(&service);
    let hit = {
        let broker = broker.clone();
        tokio::spawn(async move { broker.token(&key("u")).await })
    };
    assert!(hit.await.unwrap_err().is_panic());
    service.set(Mode::Issue, Duration::ZERO);
    broker.token(&key("u")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_each_key_makes_one_attempt_a_pause() {
    let service = Service::default();
    service.set(Mode::Down, Duration::from_millis(5));
    let broker = broker(&service);
    let users: Vec<String> = (0..20).map(|user| format!("u{user}")).collect();
    let mut asked = 0_u64;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(600) {
        for user in &users {
            broker.token(&key(user)).await.unwrap_err();
            asked += 1;
        }
        sleep(Duration::from_millis(250)).await;
    }
    let per_key = service.requests() / 20;
    assert!(
        (12..=25).contains(&per_key),
        "{per_key} attempts a key in 10 minutes"
    );
    assert!(
        service.requests() * 10 <= asked,
        "{} of {asked}",
        service.requests()
    );
    service.set(Mode::Issue, Duration::ZERO);
    sleep(Duration::from_secs(60)).await;
    for user in &users {
        broker.token(&key(user)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_says_how_long_to_leave_it_alone() {
    let service = Service::default();
    service.set(Mode::Throttle(30), Duration::ZERO);
    let broker = broker(&service);
    broker.token(&key("u")).await.unwrap_err();
    service.set(Mode::Issue, Duration::ZERO);
    sleep(Duration::from_secs(29)).await;
    let error = broker.token(&key("u")).await.unwrap_err();
    assert_eq!(error.api_error().unwrap().kind(), ApiErrorKind::Throttled);
    sleep(Duration::from_secs(2)).await;
    broker.token(&key("u")).await.unwrap();
    assert_eq!(service.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_answered_for_ten_seconds_or_until_it_is_forgotten() {
    let service = Service::default();
    service.set(Mode::Refuse, Duration::from_millis(5));
    let broker = broker(&service);
    for _ in 0..100 {
        broker.token(&key("u")).await.unwrap_err();
    }
    assert_eq!(service.requests(), 1);
    broker.forget_here(user("u"));
    broker.token(&key("u")).await.unwrap_err();
    assert_eq!(service.requests(), 2);
    sleep(Duration::from_millis(10_001)).await;
    service.set(Mode::Issue, Duration::ZERO);
    broker.token(&key("u")).await.unwrap();
    assert_eq!(service.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn forgetting_a_user_drops_what_is_under_way_too() {
    let service = Service::default();
    service.set(Mode::Issue, Duration::from_millis(50));
    let broker = broker(&service);
    let early = {
        let broker = broker.clone();
        tokio::spawn(async move { broker.token(&key("u")).await.unwrap() })
    };
    sleep(Duration::from_millis(10)).await;
    broker.forget(&user("u")).await.unwrap();
    let late = broker.token(&key("u")).await.unwrap();
    assert_eq!(late.expose_secret(), "access-2");
    assert_eq!(early.await.unwrap().expose_secret(), "access-1");
    assert_eq!(
        broker.try_token(&key("u")).unwrap().expose_secret(),
        "access-2"
    );
}

#[tokio::test(start_paused = true)]
async fn more_life_is_asked_for_once_and_taken_as_it_comes() {
    let service = Service::default();
    service.set_lifetime(1_000);
    let broker = broker(&service);
    broker.token(&key("u")).await.unwrap();
    tokio::time::advance(Duration::from_secs(500)).await;
    let life = Duration::from_secs(700);
    let token = broker.token_with_at_least(&key("u"), life).await.unwrap();
    assert_eq!(token.expose_secret(), "access-2");
    // A service whose tokens never live as long is not asked for ever.
    let life = Duration::from_secs(5_000);
    let token = broker.token_with_at_least(&key("u"), life).await.unwrap();
    assert_eq!(token.expose_secret(), "access-3");
    assert_eq!(service.requests(), 3);
    let ends = broker.expires_at(&key("u")).unwrap();
    let left = ends.duration_since(wall()).unwrap().as_secs();
    assert!((900..=1_000).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_connect_token_is_handed_out_again_while_ten_minutes_are_left() {
    let service = Service::default();
    service.set_lifetime(3_600);
    let broker = broker(&service);
    let ask = |status| {
        let broker = broker.clone();
        async move {
            let known = KnownStatus::remembered(status);
            let grant = broker.connect_token(&user("u"), known, None).await.unwrap();
            (
                grant.token.expose_secret().to_owned(),
                grant.reused,
                grant.status,
            )
        }
    };
    let session = |number: u64, reused| (format!("session-{number}"), reused, UserStatus::Started);
    assert_eq!(ask(UserStatus::New).await, session(1, false));
    assert_eq!(ask(UserStatus::Started).await, session(1, true));
    // Whoever is not known to have connected nothing may have: the session may open Connect no more.
    assert_eq!(ask(UserStatus::Unknown).await, session(2, false));
    assert_eq!(ask(UserStatus::Started).await, session(2, true));
    assert_eq!(ask(UserStatus::New).await, session(3, false));
    tokio::time::advance(Duration::from_secs(3_600 - 590)).await;
    assert_eq!(ask(UserStatus::Started).await, session(4, false));
    // The user was deleted: what was kept is of no use to the one who comes after.
    assert_eq!(ask(UserStatus::Deleted).await, session(5, false));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_not_handed_out_to_one_who_has_connected() {
    let service = Service::default();
    let broker = broker(&service);
    let unknown = KnownStatus::default();
    broker
        .connect_token(&user("u"), unknown, Some("u@example.test"))
        .await
        .unwrap();
    broker.token(&key("u")).await.unwrap();
    service.set(Mode::Returning, Duration::ZERO);
    let grant = broker
        .connect_token(&user("u"), unknown, None)
        .await
        .unwrap();
    assert_eq!(
        (grant.token.kind(), grant.status),
        (TokenKind::Id, UserStatus::Connected)
    );
    let connected = KnownStatus::asserted(UserStatus::Connected);
    let again = broker
        .connect_token(&user("u"), connected, None)
        .await
        .unwrap();
    assert!(again.reused && again.token.expose_secret() == grant.token.expose_secret());
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_connection_ends_a_refusal_and_brings_its_token() {
    let service = Service::default();
    service.set(Mode::Refuse, Duration::ZERO);
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .build_on(Clock::new(true));
    let broker = client.broker().unwrap();
    broker.token(&key("u")).await.unwrap_err();
    service.set(Mode::Issue, Duration::ZERO);
    broker.token(&key("u")).await.unwrap_err();
    let confirmation = client.confirm_connection("u").await.unwrap();
    assert!(confirmation.is_connected());
    assert_eq!(
        broker.token(&key("u")).await.unwrap().expose_secret(),
        "access-2"
    );
    assert_eq!(service.requests(), 2);
    service.set(Mode::Refuse, Duration::ZERO);
    let confirmation = client.confirm_connection("u").await.unwrap();
    assert!(!confirmation.is_connected());
    assert!(
        broker.try_token(&key("u")).is_none(),
        "the user is connected no more"
    );
}

#[tokio::test(start_paused = true)]
async fn many_who_open_connect_at_once_make_one_exchange() {
    let service = Service::default();
    service.set(Mode::Returning, Duration::from_millis(10));
    let broker = broker(&service);
    let grants = join_all((0..200).map(|_| {
        let broker = broker.clone();
        async move {
            broker
                .connect_token(&user("u"), KnownStatus::default(), None)
                .await
        }
    }))
    .await;
    assert!(
        grants
            .iter()
            .all(|grant| grant.as_ref().unwrap().token.kind() == TokenKind::Id)
    );
    assert_eq!(
        service.requests(),
        2,
        "a session that is refused, and an id token"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_application_is_refused() {
    let broker = broker(&Service::default());
    let other = TokenKey::access(ClientId::new("app-2").unwrap(), user("u"));
    assert!(broker.try_token(&other).is_none());
    let error = broker.token(&other).await.unwrap_err();
    assert!(error.to_string().contains("application"), "{error}");
}
