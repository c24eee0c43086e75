//! What failed together does not come back together.

use super::*;

/// How many of these moments lie in the fullest of so many equal parts of the time from first to last.
fn fullest(moments: &[Duration], parts: u32) -> usize {
    let (first, last) = (moments.iter().min().unwrap(), moments.iter().max().unwrap());
    let width = (*last - *first) / parts + Duration::from_nanos(1);
    let mut counts = BTreeMap::<u128, usize>::new();
    for moment in moments {
        *counts
            .entry((*moment - *first).as_nanos() / width.as_nanos())
            .or_default() += 1;
    }
    counts.into_values().max().unwrap()
}

/// 200 keys that fail at the same moment, each asked for all the time: when each is tried again.
async fn second_attempts(
    clock: Clock,
    mode: Mode,
    retry: RetryPolicy,
    wait: Duration,
) -> Vec<Duration> {
    let service = Service::default();
    service.set(mode, Duration::ZERO);
    let broker = builder(&service).retry(retry).build_on(clock);
    let begun = Instant::now();
    while begun.elapsed() < wait {
        let asked = (0..200).map(|user| {
            let broker = broker.clone();
            tokio::spawn(async move { broker.token(&key(&format!("u{user}"))).await.is_ok() })
        });
        drop(asked.collect::<Vec<_>>());
        sleep(Duration::from_millis(10)).await;
    }
    let asked = service.0.asked.lock().unwrap();
    (0..200)
        .map(|user| {
            let name = format!("u{user}");
            let mut of_user = asked.iter().filter(|(user, _)| *user == name);
            of_user.nth(1).unwrap().1.duration_since(begun)
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn keys_that_fail_together_do_not_come_back_together() {
    let seconds = Duration::from_secs;
    for (mode, retry, wait) in [
        // The retries of each exchange, and the pauses of each key after it.
        (
            Mode::Down,
            RetryPolicy::default().with_base(seconds(1)),
            seconds(2),
        ),
        (Mode::Down, RetryPolicy::none(), seconds(2)),
        // What the service asks of all of them, and what it says to all of them.
        (
            Mode::Throttle(3),
            RetryPolicy::default().with_base(seconds(1)),
            seconds(5),
        ),
        (Mode::Throttle(3), RetryPolicy::none(), seconds(5)),
        (Mode::Refuse, RetryPolicy::none(), seconds(11)),
    ] {
        let attempts = second_attempts(Clock::new(true), mode, retry, wait).await;
        spread(&attempts);
    }
}

/// When each of 200 is tried again, told apart enough: at most 45 in a tenth of the time, where 20 would be even.
#[track_caller]
fn spread(attempts: &[Duration]) {
    let (first, last) = (
        attempts.iter().min().unwrap(),
        attempts.iter().max().unwrap(),
    );
    assert!(
        *last - *first >= Duration::from_millis(400),
        "{first:?} to {last:?}"
    );
    let most = fullest(attempts, 10);
    assert!(
        most <= 45,
        "{most} of 200 in a tenth of {first:?} to {last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn processes_that_fail_together_do_not_come_back_together() {
    let seconds = Duration::from_secs;
    for retry in [
        RetryPolicy::default().with_base(seconds(1)),
        RetryPolicy::none(),
    ] {
        let mut processes = Vec::new();
        for first in [0, 1_000_000] {
            let clock = Clock::drawing(first);
            let moments = second_attempts(clock, Mode::Down, retry.clone(), seconds(2));
            processes.push(moments.await);
        }
        let met = met(&processes[0], &processes[1]);
        assert!(met < 30, "{met} of 200 come back with the other process");
    }
}

/// 200 calls of one client that fail at the same moment: when each is tried again.
async fn second_calls(clock: Clock) -> Vec<Duration> {
    let service = Service::default();
    service.set(Mode::Down, Duration::ZERO);
    let client = Client::builder(credentials(), Provisioning::Connect, service.clone())
        .retry(RetryPolicy::default().with_base(Duration::from_secs(1)))
        .build_on(clock);
    let begun = Instant::now();
    join_all((0..200).map(|user| {
        let user = client.user(format!("u{user}"));
        async move { user.session_token().await.unwrap_err() }
    }))
    .await;
    let asked = service.0.asked.lock().unwrap();
    let second = |user| {
        let name = format!("u{user}");
        let mut of_user = asked.iter().filter(|(user, _)| *user == name);
        of_user.nth(1).unwrap().1.duration_since(begun)
    };
    (0..200).map(second).collect()
}

/// How many of these moments are those of the others.
fn met(some: &[Duration], others: &[Duration]) -> usize {
    let pairs = some.iter().zip(others);
    let met = pairs.filter(|(one, other)| one.abs_diff(**other) < Duration::from_millis(20));
    met.count()
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_together_do_not_come_back_together() {
    let calls = second_calls(Clock::drawing(7)).await;
    spread(&calls);
    // What a process draws is all that tells its calls from those of another.
    assert_eq!(met(&calls, &second_calls(Clock::drawing(7)).await), 200);
    let other = second_calls(Clock::drawing(1 << 40)).await;
    let met = met(&calls, &other);
    assert!(met < 30, "{met} of 200 come back with the other process");
}

#[test]
fn tokio_runs_in_no_two_processes_draw_the_same() {
    let drawn: Vec<u64> = (0..200)
        .map(|_| TokioRuntime::new().random().unwrap())
        .collect();
    let mut parts = [0; 10];
    for number in &drawn {
        parts[usize::try_from(number % 10).unwrap()] += 1;
    }
    let different: std::collections::BTreeSet<_> = drawn.iter().collect();
    assert_eq!(different.len(), 200);
    // 20 would be even.
    assert!(parts.iter().all(|count| *count <= 45), "{parts:?}");
    // Another thread stands for another process: what a hash is begun with differs from thread to thread.
    let elsewhere = std::thread::spawn(|| TokioRuntime::new().random().unwrap());
    assert!(!drawn.contains(&elsewhere.join().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_always_panics_is_asked_once_a_pause() {
    let service = Service::default();
    service.set(Mode::Panic, Duration::from_millis(10));
    let broker = broker(&service);
    for _ in 0..100 {
        broker.token(&key("u")).await.unwrap_err();
    }
    assert_eq!(service.requests(), 2);
    service.set(Mode::Issue, Duration::ZERO);
    sleep(Duration::from_secs(2)).await;
    broker.token(&key("u")).await.unwrap();
}
