//! The token broker, in virtual time: herds, outages, refusals, cancelled callers and shared stores.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, wherever it stands"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::future::join_all;
use humanapi_client::core::broker::{Acquired, BrokerPolicy, Commit, KeptToken, Lease, Row};
use humanapi_client::core::{
    ApiErrorKind, Body, ClientId, ClientUserId, Credentials, Expiry, FlowError, Generation,
    KnownStatus, Now, Provisioning, RefreshToken, Rejected, Request, Response, RetryPolicy,
    SendFailure, SendFailureKind, TokenKey, TokenKind, UserStatus,
};
use humanapi_client::{
    BrokerEvent, Client, ClientBuilder, ErrorKind, Spawn, StoreError, StoreErrorKind, Task, Timer,
    TokenBroker, TokenBrokerBuilder, TokenSource, TokenStore, TokioRuntime, Transport,
};
use tokio::time::{Instant, sleep};

const DAY: u64 = 86_400;

/// A token service that answers as it is told, after a while, and counts.
#[derive(Clone, Default)]
struct Service(Arc<ServiceState>);

#[derive(Default)]
struct ServiceState {
    requests: AtomicU64,
    /// Who asked, and when.
    asked: Mutex<Vec<(String, Instant)>>,
    plan: Mutex<Plan>,
}

#[derive(Clone, Copy, Default)]
struct Plan {
    delay: Duration,
    mode: Mode,
    lifetime: Option<u64>,
}

#[derive(Clone, Copy, Default)]
enum Mode {
    #[default]
    Issue,
    Down,
    Refuse,
    Throttle(u64),
    Panic,
    /// Refuses sessions, as to a returning user.
    Returning,
}

impl Service {
    fn set(&self, mode: Mode, delay: Duration) {
        let mut plan = self.0.plan.lock().unwrap();
        plan.mode = mode;
        plan.delay = delay;
    }

    fn set_lifetime(&self, seconds: u64) {
        self.0.plan.lock().unwrap().lifetime = Some(seconds);
    }

    fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }
}

fn answer(status: u16, retry_after: Option<u64>, body: String) -> Response {
    let mut builder = http::Response::builder().status(status);
    if let Some(seconds) = retry_after {
        builder = builder.header("retry-after", seconds);
    }
    builder.body(Body::from(body.into_bytes())).unwrap()
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendFailure> {
        let number = self.0.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let plan = *self.0.plan.lock().unwrap();
        let sent: serde_json::Value = serde_json::from_slice(request.body().as_bytes()).unwrap();
        let user = sent["client_user_id"].as_str().unwrap_or_default();
        let asked = (user.to_owned(), Instant::now());
        self.0.asked.lock().unwrap().push(asked);
        sleep(plan.delay).await;
        let asked = |kind: &str| {
            let kind = format!(r#""type":"{kind}""#);
            String::from_utf8_lossy(request.body().as_bytes()).contains(&kind)
        };
        let lifetime = plan.lifetime.unwrap_or(DAY);
        let kind = ["session", "id", "access", "client"]
            .into_iter()
            .find(|kind| asked(kind))
            .unwrap();
        match plan.mode {
            Mode::Down => Err(SendFailure::new(SendFailureKind::NotSent)),
            Mode::Refuse => Ok(answer(
                403,
                None,
                r#"{"errorCode":"ACCESS_TOKEN_GENERATION_NOT_ALLOWED"}"#.to_owned(),
            )),
            Mode::Throttle(seconds) => Ok(answer(
                429,
                Some(seconds),
                r#"{"errorCode":"OVERLOADED"}"#.to_owned(),
            )),
            Mode::Panic => panic!("the transport broke"),
            Mode::Returning if kind == "session" => Ok(answer(
                403,
                None,
                r#"{"errorCode":"OF_NO_MEANING"}"#.to_owned(),
            )),
            Mode::Issue | Mode::Returning => {
                let member = match kind {
                    "session" => "session_token",
                    "id" => "id_token",
                    _ => "access_token",
                };
                let body = format!(
                    r#"{{"{member}":"{kind}-{number}","client_token":"{kind}-{number}","expires_in":{lifetime},
                        "refresh_token":"refresh-{number}","id_refresh_token":"id-refresh-{number}"}}"#
                );
                Ok(answer(200, None, body))
            }
        }
    }
}

fn credentials() -> Credentials {
    Credentials::new("app-1", "hush").unwrap()
}

fn user(id: &str) -> ClientUserId {
    ClientUserId::new(id).unwrap()
}

fn key(id: &str) -> TokenKey {
    TokenKey::access(ClientId::new("app-1").unwrap(), user(id))
}

fn builder(service: &Service) -> TokenBrokerBuilder {
    TokenBroker::builder(credentials(), Provisioning::Connect, service.clone())
}

/// The wall clock, which goes with tokio's: a test that moves time moves both.
fn wall() -> SystemTime {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let now = Instant::now().into_std();
    let origin = *ORIGIN.get_or_init(|| now);
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    began + now.saturating_duration_since(origin) - origin.saturating_duration_since(now)
}

/// Time that the test moves; tasks by tokio, as long as there are any.
#[derive(Clone)]
struct Clock {
    origin: Instant,
    tasks: Arc<AtomicBool>,
    /// By how many seconds this machine's wall clock is ahead of everybody else's.
    ahead: Arc<AtomicI64>,
    /// What is drawn next, where there is randomness.
    random: Option<Arc<AtomicU64>>,
}

impl Clock {
    fn new(tasks: bool) -> Self {
        Self {
            origin: Instant::now(),
            tasks: Arc::new(AtomicBool::new(tasks)),
            ahead: Arc::default(),
            random: None,
        }
    }

    /// One of a process that draws numbers of its own.
    fn drawing(first: u64) -> Self {
        Self {
            random: Some(Arc::new(AtomicU64::new(first))),
            ..Self::new(true)
        }
    }
}

impl Timer for Clock {
    fn now(&self) -> Now {
        let ahead = self.ahead.load(Ordering::SeqCst);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let wall = if ahead < 0 { wall() - by } else { wall() + by };
        Now::new(self.origin.elapsed(), wall)
    }

    fn random(&self) -> Option<u64> {
        let random = self.random.as_ref()?;
        Some(random.fetch_add(1, Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) -> Task<'static> {
        Box::pin(sleep(duration))
    }
}

impl Spawn for Clock {
    fn spawn(&self, task: Task<'static>) -> Option<Task<'static>> {
        if !self.tasks.load(Ordering::SeqCst) {
            return Some(task);
        }
        // Detached: it runs to its end by itself.
        drop(tokio::spawn(task));
        None
    }
}

fn broker(service: &Service) -> TokenBroker {
    builder(service)
        .retry(RetryPolicy::none())
        .build_on(Clock::new(true))
}

fn on_no_tasks(service: &Service) -> TokenBroker {
    builder(service)
        .retry(RetryPolicy::none())
        .build_on(Clock::new(false))
}

const HERD: usize = 10_000;

async fn herd(broker: &TokenBroker) -> Vec<Result<KeptToken, Arc<FlowError>>> {
    let callers = (0..HERD).map(|_| {
        let broker = broker.clone();
        tokio::spawn(async move { broker.token(&key("u")).await })
    });
    let outcomes = join_all(callers).await;
    outcomes.into_iter().map(Result::unwrap).collect()
}

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

/// A store of this process, on its own clock, which can be switched off.
#[derive(Default)]
struct Shelf {
    rows: Mutex<BTreeMap<TokenKey, Row<KeptToken>>>,
    state: AtomicUsize,
    asked: AtomicUsize,
}

const UP: usize = 0;
const DOWN: usize = 1;
const HANGS: usize = 2;
/// It answers after 4 s.
const SLOW: usize = 3;

impl Shelf {
    fn set(&self, state: usize) {
        self.state.store(state, Ordering::SeqCst);
    }

    /// What is kept for a key, as its text.
    fn text(&self, key: &TokenKey) -> Option<String> {
        let rows = self.rows.lock().unwrap();
        let token = rows.get(key)?.load()?;
        Some(token.payload.expose_secret().to_owned())
    }

    async fn row<T>(
        &self,
        key: &TokenKey,
        change: impl FnOnce(&mut Row<KeptToken>, u64) -> T + Send,
    ) -> Result<T, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.state.load(Ordering::SeqCst) {
            UP => {}
            DOWN => return Err(StoreError::new(StoreErrorKind::Unavailable, "it is down")),
            SLOW => sleep(Duration::from_secs(4)).await,
            _ => std::future::pending().await,
        }
        let now = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let now = u64::try_from(now.as_millis()).unwrap();
        let mut rows = self.rows.lock().unwrap();
        Ok(change(rows.entry(key.clone()).or_default(), now))
    }
}

#[async_trait]
impl TokenStore for Shelf {
    async fn load(&self, key: &TokenKey) -> Result<Option<KeptToken>, StoreError> {
        let row = self.row(key, |row, _| row.load()).await?;
        Ok(row.map(|token| token.payload.with_generation(token.generation)))
    }

    async fn acquire(
        &self,
        key: &TokenKey,
        ttl: Duration,
        known: Option<Generation>,
    ) -> Result<Acquired<KeptToken>, StoreError> {
        let acquired = self
            .row(key, |row, now| row.acquire(now, ttl, known))
            .await?;
        Ok(match acquired {
            Acquired::Won(lease) => Acquired::Won(lease),
            Acquired::Held { remaining } => Acquired::Held { remaining },
            Acquired::Newer(token) => {
                Acquired::Newer(token.payload.with_generation(token.generation))
            }
        })
    }

    async fn commit(
        &self,
        key: &TokenKey,
        lease: Lease,
        token: &KeptToken,
    ) -> Result<Commit, StoreError> {
        let ends = token
            .expiry()
            .wall()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let ends = u64::try_from(ends.as_millis()).unwrap();
        // Of the end, a store keeps what the wall clock said.
        let expiry = Expiry::at(token.expiry().wall());
        let (kind, secret) = (token.kind(), token.expose_secret());
        let token = KeptToken::new(kind, secret, lease.generation(), expiry, token.life())
            .with_human_id(token.human_id().cloned())
            .with_refresh_token(token.refresh_token().cloned());
        self.row(key, move |row, now| row.commit(now, lease, ends, token))
            .await
    }

    async fn release(&self, key: &TokenKey, lease: Lease) -> Result<(), StoreError> {
        self.row(key, |row, _| row.release(lease)).await
    }

    async fn invalidate(&self, key: &TokenKey, generation: Generation) -> Result<(), StoreError> {
        self.row(key, |row, _| row.invalidate(generation)).await
    }

    async fn purge_expired(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn sharing(service: &Service, shelf: &Arc<Shelf>) -> TokenBroker {
    builder(service)
        .retry(RetryPolicy::none())
        .store(shelf.clone())
        .build_on(Clock::new(true))
}

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

fn connect_key(id: &str) -> TokenKey {
    TokenKey::connect(ClientId::new("app-1").unwrap(), user(id))
}

async fn connect(broker: &TokenBroker, status: UserStatus) -> (String, bool) {
    let known = KnownStatus::asserted(status);
    let grant = broker.connect_token(&user("u"), known, None).await.unwrap();
    (grant.token.expose_secret().to_owned(), grant.reused)
}

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
