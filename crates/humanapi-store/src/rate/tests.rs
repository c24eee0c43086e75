//! Processes that share a rate, in time that is moved by hand.

use std::sync::Mutex as StdMutex;

use humanapi_client::{BrokerEvent, StoreErrorKind, TokenBroker};
use humanapi_core::broker::BrokerPolicy;
use humanapi_core::{ClientUserId, Credentials, Provisioning, RetryPolicy, TokenKey};
use tokio::task::JoinSet;

use super::*;
use crate::keys::SealingKeys;
use crate::memory::Memory;

/// Nobody waits for so long here.
const HOUR: Duration = Duration::from_secs(3600);

/// A service that notes when requests come, and gives tokens.
#[derive(Clone, Default)]
struct Service {
    came: Arc<StdMutex<Vec<Instant>>>,
    tokens: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        assert!(timeout <= Duration::from_secs(10), "{timeout:?}");
        self.came.lock().unwrap().push(Instant::now());
        if !is_for_a_token(&request) {
            return Err(SendFailure::new(SendFailureKind::TimedOut));
        }
        self.tokens.fetch_add(1, Ordering::Relaxed);
        let token = r#"{"access_token":"canary-at","expires_in":86400}"#;
        Ok(Response::new(token.into()))
    }
}

fn shared() -> Arc<Store<Memory>> {
    let begun = Instant::now();
    let memory = Memory::with_clock(move || 1_000_000 + begun.elapsed().as_millis() as u64);
    Arc::new(Store::new(memory, SealingKeys::generate("first").unwrap()))
}

fn store() -> Arc<dyn RateShares> {
    shared()
}

/// A store that questions and answers take so long to and from.
struct Far {
    shares: Arc<dyn RateShares>,
    way: Duration,
    taken: AtomicUsize,
}

#[async_trait]
impl RateShares for Far {
    async fn take(&self, application: &ClientId, length: Duration) -> Result<Share, StoreError> {
        sleep(self.way).await;
        let share = self.shares.take(application, length).await;
        if let Ok(Share::Taken) = share {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        sleep(self.way).await;
        share
    }
}

fn far(shares: &Arc<dyn RateShares>, way: u64) -> Arc<Far> {
    Arc::new(Far {
        shares: Arc::clone(shares),
        way: Duration::from_millis(way),
        taken: AtomicUsize::new(0),
    })
}

/// The ways to a store that is asked, in milliseconds.
const WAYS: [u64; 4] = [0, 1, 5, 20];

fn process(service: &Service, shares: &Arc<dyn RateShares>, rate: f64) -> Arc<SharedRate<Service>> {
    let application = ClientId::new("my-app").unwrap();
    let limited = SharedRate::new(service.clone(), Arc::clone(shares), application, rate);
    Arc::new(limited.with_exchange_timeout(Duration::from_secs(10)))
}

fn request() -> Request {
    humanapi_core::http::Request::get("http://localhost/")
        .header(AUTHORIZATION, "Bearer canary")
        .body(humanapi_core::Body::default())
        .unwrap()
}

/// So many processes of so many requests each, at a rate: when each request came, since the first.
async fn at(rate: f64, processes: usize, requests: usize) -> Vec<Duration> {
    let (service, store) = (Service::default(), store());
    let mut all = JoinSet::new();
    for _ in 0..processes {
        let process = process(&service, &store, rate);
        for _ in 0..requests {
            let process = Arc::clone(&process);
            all.spawn(async move { process.send(request(), HOUR).await });
        }
    }
    all.join_all().await;
    let came = service.came.lock().unwrap();
    came.iter().map(|at| *at - came[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn however_many_share_a_rate_no_two_requests_are_closer_than_it_says() {
    for (rate, processes, requests) in [
        (50.0, 1, 40),
        (50.0, 7, 20),
        (1_000.0, 3, 200),
        (0.5, 4, 2),
        (3.0, 9, 5),
    ] {
        let came = at(rate, processes, requests).await;
        assert_eq!(came.len(), processes * requests);
        let spacing = Duration::from_secs_f64(1.0 / rate);
        for pair in came.windows(2) {
            assert!(pair[1] - pair[0] >= spacing, "{rate}: {pair:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn little_of_the_rate_is_lost_between_those_who_share_it() {
    let came = at(50.0, 5, 40).await;
    let whole = Duration::from_secs_f64(came.len() as f64 / 50.0);
    assert!(came[came.len() - 1] < whole * 5 / 4, "{:?}", came.last());
}

/// Processes that share a rate, each with so many requests under way at any time and so long a way to the store: how many
/// shares each of them had after so long.
async fn turns(rate: f64, at_once: usize, ways: &[u64], during: Duration) -> Vec<usize> {
    let (service, shares) = (Service::default(), store());
    let mut all = JoinSet::new();
    let mut taken = Vec::new();
    for way in ways {
        let far = far(&shares, *way);
        taken.push(Arc::clone(&far));
        let rates: Arc<dyn RateShares> = far;
        let process = process(&service, &rates, rate);
        for _ in 0..at_once {
            let process = Arc::clone(&process);
            all.spawn(async move {
                loop {
                    let _ = process.send(request(), HOUR).await;
                }
            });
        }
    }
    sleep(during).await;
    let taken = taken.iter().map(|far| far.taken.load(Ordering::Relaxed));
    taken.collect()
}

#[tokio::test(start_paused = true)]
async fn those_who_share_a_rate_take_turns() {
    let near_and_far = [0, 1, 5, 20, 0, 1, 5, 20];
    for ways in WAYS.map(|way| [way; 8]).iter().chain([&near_and_far]) {
        // Four shares for each of them.
        let turns = turns(5.0, 64, ways, 8 * 4 * LONGEST).await;
        let fair = |count: &usize| (3..=5).contains(count);
        assert!(turns.iter().all(fair), "{ways:?}: {turns:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_keeps_a_rate_by_asking_first_however_short_its_shares_are() {
    for (rate, at_once) in [(100.0, 16), (50.0, 4), (50.0, 1), (1_000.0, 1)] {
        for ways in [
            [0, 0, 0],
            [1, 1, 1],
            [5, 5, 5],
            [20, 20, 20],
            [0, 5, 20],
            [20, 1, 0],
        ] {
            let turns = turns(rate, at_once, &ways, Duration::from_secs(10)).await;
            let (least, most) = (turns.iter().min().unwrap(), turns.iter().max().unwrap());
            // Who is further away than a share is long learns too late when it ends, and comes less often.
            let times = if at_once == 1 && ways[0] != ways[2] {
                12
            } else {
                2
            };
            assert!(
                least * times >= *most,
                "{rate}, {at_once}, {ways:?}: {turns:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_dies_with_a_share_keeps_the_others_waiting_until_it_ends_and_no_longer() {
    let (service, shares) = (Service::default(), store());
    let application = ClientId::new("my-app").unwrap();
    shares.take(&application, LONGEST).await.unwrap();
    let begun = Instant::now();
    let sent = process(&service, &shares, 50.0)
        .send(request(), Duration::from_secs(10))
        .await;
    assert_eq!(sent.unwrap_err().kind(), SendFailureKind::TimedOut);
    assert!((LONGEST..LONGEST * 2).contains(&begun.elapsed()));
    // Another application has a rate of its own.
    let other = shares
        .take(&ClientId::new("other").unwrap(), LONGEST)
        .await
        .unwrap();
    assert_eq!(other, Share::Taken);
}

/// So many processes of so many requests, which all wait, and then a token that each of them wants: after how long the
/// last one has it.
async fn tokens_behind(rate: f64, processes: usize, requests: usize, way: u64) -> Duration {
    let (service, shares) = (Service::default(), far(&store(), way));
    let shares: Arc<dyn RateShares> = shares;
    let processes: Vec<_> = (0..processes)
        .map(|_| process(&service, &shares, rate))
        .collect();
    let mut reading = JoinSet::new();
    for process in &processes {
        for _ in 0..requests {
            let process = Arc::clone(process);
            reading.spawn(async move { process.send(request(), HOUR).await });
        }
    }
    sleep(Duration::from_secs(5)).await;
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for process in &processes {
        let process = Arc::clone(process);
        asking.spawn(async move {
            let mut request = request();
            request.headers_mut().remove(AUTHORIZATION);
            process.send(request, HOUR).await.unwrap();
            begun.elapsed()
        });
    }
    let waited = asking.join_all().await;
    assert!(!reading.is_empty());
    waited.into_iter().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_waited_for_shorter_than_its_lease_lasts_however_many_read() {
    for (rate, processes, requests) in [(5.0, 8, 64), (5.0, 32, 64), (50.0, 64, 64), (0.5, 8, 20)] {
        for way in WAYS {
            let waited = tokens_behind(rate, processes, requests, way).await;
            let lease = BrokerPolicy::default().lease();
            assert!(waited < lease, "{rate}, {processes}, {way}: {waited:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_does_not_end_while_its_token_waits_behind_what_others_read() {
    for way in WAYS {
        assert_eq!(one_token_behind(way).await, (1, 0), "{way}");
    }
}

/// Processes that all want the token of one user while they read: how many were asked for, and how many leases ended.
async fn one_token_behind(way: u64) -> (usize, usize) {
    let (service, shares) = (Service::default(), shared());
    let id = ClientId::new("my-app").unwrap();
    let key = TokenKey::access(id, ClientUserId::new("patient-17").unwrap());
    let fenced = Arc::new(AtomicUsize::new(0));
    let (mut reading, mut asking) = (JoinSet::new(), JoinSet::new());
    for _ in 0..8 {
        let rates: Arc<dyn RateShares> = Arc::clone(&shares) as _;
        let rates: Arc<dyn RateShares> = far(&rates, way);
        let process = process(&service, &rates, 5.0);
        for _ in 0..64 {
            let process = Arc::clone(&process);
            reading.spawn(async move { process.send(request(), HOUR).await });
        }
        let fenced = Arc::clone(&fenced);
        let credentials = Credentials::new("my-app", "canary-secret").unwrap();
        let patient = RetryPolicy::default()
            .with_attempt_timeout(HOUR)
            .with_overall_deadline(6 * HOUR);
        let broker = TokenBroker::builder(credentials, Provisioning::Hip, process)
            .retry(patient)
            .store(Arc::clone(&shares))
            .on_event(move |_, event| {
                if let BrokerEvent::Fenced = event {
                    fenced.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        let key = key.clone();
        asking.spawn(async move {
            sleep(Duration::from_secs(5)).await;
            broker.token(&key).await.unwrap();
        });
    }
    asking.join_all().await;
    let tokens = service.tokens.load(Ordering::Relaxed);
    (tokens, fenced.load(Ordering::Relaxed))
}

/// A store that does not answer.
struct Gone;

#[async_trait]
impl RateShares for Gone {
    async fn take(&self, _: &ClientId, _: Duration) -> Result<Share, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "it is gone"))
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_nothing_is_sent_and_a_call_says_so_in_its_time() {
    let service = Service::default();
    let gone: Arc<dyn RateShares> = Arc::new(Gone);
    let sent = process(&service, &gone, 50.0)
        .send(request(), Duration::from_secs(5))
        .await;
    let failure = sent.unwrap_err();
    assert_eq!(failure.kind(), SendFailureKind::NotSent);
    assert!(service.came.lock().unwrap().is_empty());
    // No rate at all lets nothing out either.
    let none = process(&service, &store(), 0.0)
        .send(request(), Duration::from_secs(5))
        .await;
    assert_eq!(none.unwrap_err().kind(), SendFailureKind::NotSent);
}
