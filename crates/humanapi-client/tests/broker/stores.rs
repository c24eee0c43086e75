//! Processes that share a store, and clocks that are set or stood still.

use super::*;

#[tokio::test(start_paused = true)]
async fn processes_that_share_a_store_make_one_exchange() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    service.set(Mode::Issue, Duration::from_millis(50));
    let brokers: Vec<_> = (0..8).map(|_| sharing(&service, &shelf)).collect();
    let key = key("u");
    let tokens = join_all(brokers.iter().map(|broker| broker.token(&key))).await;
    assert!(
        tokens
            .iter()
            .all(|token| token.as_ref().unwrap().expose_secret() == "access-1")
    );
    assert_eq!(service.requests(), 1);
    let asked = shelf.asked.load(Ordering::SeqCst);
    for broker in &brokers {
        broker.token(&key).await.unwrap();
    }
    assert_eq!(
        shelf.asked.load(Ordering::SeqCst),
        asked,
        "a hit asks no store"
    );
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_renewed_once_for_all_processes() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let brokers: Vec<_> = (0..8).map(|_| sharing(&service, &shelf)).collect();
    let key = key("u");
    let mut generation = None;
    for broker in &brokers {
        let bearer = TokenSource::token(broker, &key, None).await.unwrap();
        assert!(generation.is_none_or(|first| first == bearer.generation()));
        generation = Some(bearer.generation());
    }
    let renewed =
        join_all(brokers.iter().map(|broker| {
            TokenSource::token(broker, &key, generation.map(Rejected::by_the_service))
        }))
        .await;
    let newer = renewed[0].as_ref().unwrap().generation();
    assert!(Some(newer) > generation);
    assert!(
        renewed
            .iter()
            .all(|bearer| bearer.as_ref().unwrap().generation() == newer)
    );
    assert_eq!(service.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_costs_nobody_a_token() {
    for state in [DOWN, HANGS] {
        let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
        let failures = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&failures);
        let broker = builder(&service)
            .store(shelf.clone())
            .on_event(move |_, event| {
                if let BrokerEvent::StoreFailed(_) = event {
                    heard.fetch_add(1, Ordering::SeqCst);
                }
            })
            .build_on(Clock::new(true));
        broker.token(&key("before")).await.unwrap();
        shelf.set(state);
        assert!(broker.try_token(&key("before")).is_some());
        let begun = Instant::now();
        broker.token(&key("after")).await.unwrap();
        assert!(
            begun.elapsed() <= Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(failures.load(Ordering::SeqCst), 1);
        assert!(broker.try_token(&key("after")).is_some());
    }
}

/// Each new token revokes the older, and processes cannot tell each other of theirs.
#[tokio::test(start_paused = true)]
async fn with_the_store_down_revoking_tokens_settle_into_pauses() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    shelf.set(DOWN);
    let brokers: Vec<_> = (0..8).map(|_| sharing(&service, &shelf)).collect();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        for broker in &brokers {
            let bearer = TokenSource::token(broker, &key("u"), None).await.unwrap();
            let newest = format!("Bearer access-{}", service.requests());
            if bearer.authorization() != newest.as_str() {
                // The service answers 401 to all but the newest.
                let rejected = Some(Rejected::by_the_service(bearer.generation()));
                let _either = TokenSource::token(broker, &key("u"), rejected).await;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    // 1 + 2 + 4 + … up to a minute: some 8 renewals a process, where every call could make one.
    let requests = service.requests();
    assert!((16..=8 * 9).contains(&requests), "{requests}");
}

#[tokio::test(start_paused = true)]
async fn a_million_keys_are_a_bound() {
    let service = Service::default();
    let evicted = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&evicted);
    let broker = builder(&service)
        .capacity(100)
        .on_event(move |_, event| {
            if let BrokerEvent::Evicted(count) = event {
                heard.fetch_add(count, Ordering::SeqCst);
            }
        })
        .build_on(Clock::new(true));
    for user in 0..300 {
        broker.token(&key(&format!("u{user}"))).await.unwrap();
    }
    assert_eq!(broker.len(), 100);
    assert_eq!(evicted.load(Ordering::SeqCst), 200);
}

#[tokio::test(start_paused = true)]
async fn events_tell_the_story_without_secrets() {
    let service = Service::default();
    let story = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&story);
    let broker = builder(&service)
        .policy(BrokerPolicy::default().with_refusal_life(Duration::from_secs(1)))
        .on_event(move |key, event| {
            let line = format!("{} {key:?} {event:?}", event.name());
            assert!(
                !line.contains("access-") && !line.contains("canary-user"),
                "{line}"
            );
            heard.lock().unwrap().push(event.name());
        })
        .build_on(Clock::new(true));
    let key = key("canary-user");
    broker.token(&key).await.unwrap();
    broker.token(&key).await.unwrap();
    broker.forget_here(user("canary-user"));
    service.set(Mode::Refuse, Duration::ZERO);
    broker.token(&key).await.unwrap_err();
    broker.token(&key).await.unwrap_err();
    assert_eq!(
        *story.lock().unwrap(),
        [
            "exchange",
            "wait",
            "issued",
            "hit",
            "exchange",
            "wait",
            "failed",
            "failure_stands"
        ]
    );
    assert!(!format!("{broker:?}").contains("access-"));
}

#[tokio::test]
async fn a_client_with_a_store_that_nobody_would_use_says_so_at_every_call() {
    let service = Service::default();
    let client = |set: fn(ClientBuilder, &Service) -> ClientBuilder| {
        let client = Client::builder(credentials(), Provisioning::Connect, service.clone());
        set(client, &service).build()
    };
    let both: [fn(ClientBuilder, &Service) -> ClientBuilder; 3] = [
        |client, service| {
            let broker = broker(service);
            client.store(Arc::new(Shelf::default())).broker(broker)
        },
        |client, service| {
            let client = client.broker(broker(service));
            client.store(Arc::new(Shelf::default()))
        },
        |client, service| {
            let source = Arc::new(broker(service));
            client.store(Arc::new(Shelf::default())).tokens(source)
        },
    ];
    for both in both {
        let client = client(both);
        let user = client.user("p-17");
        let errors = [
            user.data().profile().await.unwrap_err(),
            user.connect_token().await.unwrap_err(),
            user.access_token().await.unwrap_err(),
            client.client_token().await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(
                error.to_string().contains("give the store to the broker"),
                "{error}"
            );
        }
        assert!(client.broker().is_none());
    }
    let client = client(|client, service| client.broker(broker(service)));
    assert!(client.user("p-17").access_token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stored_token_ends_by_the_wall_clock_alone() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let brokers: Vec<_> = (0..2).map(|_| sharing(&service, &shelf)).collect();
    for broker in &brokers {
        let token = broker.token(&key("u")).await.unwrap();
        assert_eq!(token.expose_secret(), "access-1");
    }
    tokio::time::advance(Duration::from_millis((DAY - 5) * 1_000 - 50)).await;
    service.set(Mode::Down, Duration::ZERO);
    assert!(brokers[1].try_token(&key("u")).is_some());
    tokio::time::advance(Duration::from_millis(100)).await;
    assert!(brokers[1].try_token(&key("u")).is_none());
    // Nor does one who knows nothing take it from the store.
    sharing(&service, &shelf)
        .token(&key("u"))
        .await
        .unwrap_err();
    service.set(Mode::Issue, Duration::ZERO);
    let token = sharing(&service, &shelf).token(&key("u")).await.unwrap();
    assert!(token.expose_secret() != "access-1");
    let shared = sharing(&service, &shelf).token(&key("u")).await.unwrap();
    assert_eq!(shared.expose_secret(), token.expose_secret());
}

#[tokio::test(start_paused = true)]
async fn a_stored_token_has_one_end_whoever_takes_it_up_and_when() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    sharing(&service, &shelf).token(&key("u")).await.unwrap();
    // Each begins with a monotonic clock of its own, and none begins the token's life anew.
    for later in 1..=3_u32 {
        tokio::time::advance(Duration::from_secs(DAY / 4)).await;
        let late = sharing(&service, &shelf);
        let token = late.token(&key("u")).await.unwrap();
        assert_eq!(token.expose_secret(), "access-1");
        let left = token.expiry().wall().duration_since(wall()).unwrap();
        let expected = Duration::from_secs(DAY) - later * Duration::from_secs(DAY / 4);
        assert!(left.abs_diff(expected) < Duration::from_secs(1), "{left:?}");
    }
    let late = sharing(&service, &shelf);
    assert!(late.token(&key("u")).await.is_ok());
    assert_eq!(service.requests(), 1);
    service.set(Mode::Down, Duration::ZERO);
    tokio::time::advance(Duration::from_millis((DAY / 4 - 5) * 1_000 - 50)).await;
    assert!(late.try_token(&key("u")).is_some());
    tokio::time::advance(Duration::from_millis(100)).await;
    assert!(late.try_token(&key("u")).is_none());
    late.token(&key("u")).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_takes_a_token_for_ended_from_memory_and_store() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let clocks = [Clock::new(true), Clock::new(true)];
    let brokers = clocks.clone().map(|clock| {
        builder(&service)
            .retry(RetryPolicy::none())
            .store(shelf.clone())
            .build_on(clock)
    });
    // The first has it from the service, the second from the store.
    for broker in &brokers {
        let token = broker.token(&key("u")).await.unwrap();
        assert_eq!(token.expose_secret(), "access-1");
    }
    // While a machine sleeps, monotonic clocks stand still.
    for clock in &clocks {
        clock
            .ahead
            .store(i64::try_from(DAY).unwrap(), Ordering::SeqCst);
    }
    for (broker, issued) in brokers.iter().zip(["access-2", "access-2"]) {
        assert!(broker.try_token(&key("u")).is_none());
        let token = broker.token(&key("u")).await.unwrap();
        assert_eq!(token.expose_secret(), issued);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_lengthens_no_life() {
    let (service, shelf) = (Service::default(), Arc::new(Shelf::default()));
    let clock = Clock::new(true);
    let broker = builder(&service)
        .retry(RetryPolicy::none())
        .store(shelf.clone())
        .build_on(clock.clone());
    broker.token(&key("u")).await.unwrap();
    clock.ahead.store(-7_200, Ordering::SeqCst);
    service.set(Mode::Down, Duration::ZERO);
    tokio::time::advance(Duration::from_secs(DAY - 6)).await;
    assert!(broker.try_token(&key("u")).is_some());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(broker.try_token(&key("u")).is_none());
}
